// Package bench does the same work through swiftfs, through the mounts that
// Debian packages, and by plain HTTP, and reports what each of them costs.
//
// # What is measured
//
// A row is one piece of work: a program, or the system calls that one would
// make. Its candidates are
//
//	raw, raw-8, raw-16   the same by plain HTTP over so many connections: the limit
//	swiftfs              the program as users run it, in the foreground
//	memory               a mount that has everything in memory, and no server
//	relay                the same with plain HTTP for the bytes, a request for each piece
//	rclone               rclone mount with its defaults
//	rclone-tuned         with its cache on disk and 16 uploads at once
//	s3fs                 s3fs with its defaults, by Swift's S3 API
//
// They take turns, round after round, so that whatever else the machine does
// meets all of them; a figure is the median of its rounds. Every mount is a cold
// one: a new process with empty caches, also in the kernel. Between each
// candidate and the server is a [Proxy] of its own, which counts requests and
// the bytes of bodies, and adds a delay to each request or limits the bandwidth
// of each connection where the row says so. What is counted begins when the
// mount works and ends when it is quiet again: what a mount reads ahead in vain
// counts as well. Logins and requests for /info do not. Before each run with the large
// file so much memory is touched that no host of a virtual machine has to be asked
// for it meanwhile.
//
// Time is until the work has returned, and, where that is later, until the
// server has the data; ratios are of the latter. CPU seconds are those of the
// process of the mount, memory is the most that it has had resident. Busy seconds are
// those of all processors in that time, whatever they did: server, proxy, mount,
// programs and kernel.
//
// What a candidate did is checked each time: bytes read are compared, what was
// written is read back from the server by plain HTTP, listings and dates are
// those that were put there. A candidate that fails the check has no figures in the
// row, but a reason, and so has a mount that needs more than four times what raw over
// one connection took in the same round, but at least 30 s.
//
// # What the machine allows
//
// Server, mount and programs share the processors, and plain HTTP alone keeps two of
// them busy for 60 (untar over one connection) to 86 % (over many) of its time.
// What kernel, go-fuse and program cost where the file system does nothing is shown by
// memory and relay, which are mounted as swiftfs is and take turns with it in nine rows;
// package memory says what they do. They are no peers: nothing is compared with them.
// They give floors, by one of three rules:
//
//   - One request each, where a program waits for each file or piece (untar, rm-rf,
//     rand-1m) or one request can carry the file while it is written (seq-write): the
//     time of relay, which sends nothing else. It compares the checksum of a file that
//     it sends while it is written, but neither keeps directories, dates or modes on the
//     server nor looks whether a directory is empty; what swiftfs needs for that, 4 % more
//     requests, would be added.
//   - By processors, where any part of the work can be done beside any other (seq-read,
//     cp-r-out): the time of the fastest raw, lengthened by the share that the busy
//     seconds of memory are of its own. Raw over 8 or 16 connections leaves the
//     processors idle for a seventh of the time, since each of the server's programs is
//     one process; who keeps them busier may be below this floor.
//   - Memory alone, where there is nothing, or next to nothing, to ask the server for
//     (seq-read-warm, seq-read-ttl).
//
// A mount that reaches its floor costs nothing of its own. What raw and the program both
// do is in one by processors twice: comparing 1 GiB takes a processor 0.1 s. Busy seconds
// are of the whole machine: on one that has other work, too, those floors are too high.
//
// # Targets
//
// Each row says what swiftfs has to reach. What it misses is marked in all
// reports, with the floor where that is above the target: a miss all the same, but one
// that the machine explains. `make bench` writes RESULTS.md, results.json and chart.svg
// beside this file; a run that is narrowed (ROWS, PEERS) only prints.
//
//	make bench ROWS='^seq-' ROUNDS=5 PEERS=s3fs
//	make bench ROWS=untar PEERS=none
//
// # What is missed, and why
//
// Requests. A mount that reads or writes 1 GiB in order over one connection needs a
// few of them: rclone's requests double up to 512 MiB, and its upload is one body. Two
// connections that a reader in order takes turns with need memory for what the
// second one brings early; with the 40 MiB that reading has, a request is some 20 MiB.
// The one connection of rclone takes 2.4 times as long (7 times over a narrow link).
// Several ranges in a request would make 4 requests of them on OpenStack Swift, and take
// 1.4 times as long, because its proxy takes apart what the object server answers.
// A segment is kept until the server has stored it, so that it can be sent
// again; that bounds its size to a quarter of the memory of writers.
//
// Time at 0 ms, of what waits for each file or piece. Relay, which does nothing but one
// plain request for each, is above the targets of untar-8 and rm -rf, and in some runs of
// untar and rand-1m, on a virtual machine of two processors: four times a file a sleeping thread is woken, and
// a server that has had to wait is slower, too (plain HTTP with pauses of 0.2 to
// 1 ms between requests: 5 to 10 %). Swiftfs is within 17 % of it. Beside a request for a
// file, a directory costs one for its marker and one for its attributes, or a listing
// before it is removed: 4 % of the requests of untar, 2 % of those of rm -rf. A fifth (cp)
// to nearly half (rm) of the CPU seconds of the mount are those of the Go runtime, which
// looks every 20 us after threads that wait in a read of /dev/fuse; waiting for it by
// epoll instead, tried with a changed library, saves them and no time.
//
// Writing 1 GiB. Plain HTTP computes no checksum. The object server of the rig is one
// process, which needs 3.3 s of a processor for 1 GiB; the rest of the work fills the
// other one. Relay, with one request and one checksum, takes 1.13 to 1.4 times as long as
// plain HTTP, and swiftfs 1.1 to 1.3 times as long as relay, with the same CPU seconds of
// the machine: 64 segments, each of which the server looks at when it gets the manifest
// (0.15 s), in place of one body. Plain HTTP needs 1.2 times as long for those over four
// connections (3.70 s for 3.09, four rounds), without any checksum: that is the target.
//
// Time at 0 ms, of what is done side by side. The reading of 1 GiB is as fast as its
// floor. cp -r takes a quarter longer than its own: one process of the server, the proxy,
// is what all requests wait for. Headers make no difference there (Range, If-Match: none
// in 4 rounds of 500 GETs). Three requests in flight for reading 1 GiB, or requests that
// begin before the last one has ended, take longer, not shorter. Renaming a directory
// is a COPY for each object, 16 at once, and a bulk deletion in two parts: as long as
// what plain HTTP takes over 16 connections, or up to 1.2 times.
//
// Rclone-tuned returns from close before anything is sent, and sends 16 at once then;
// that is write-back, which swiftfs has not.
//
// Random reads. After a few of them s3fs has fetched 1 GiB whole, and the rest are
// its disk's: 959 MiB for 0.8.
//
// The kernel gives up pages of files and lists of names when it wants to: on a machine
// that reclaims ahead of need (DAMON), the second find of 1,000,000 names in one directory
// has sent 78 requests in place of 0, and seq-read-ttl 75 in place of 1.
//
// # Where the time goes
//
// The processor's, of one benchmark:
//
//	go test -run '^$' -bench Sequential -cpuprofile cpu.out ./fs/prefetch
//	go tool pprof -top cpu.out
//
// Of a mount under a row: METRICS is an address at which each swiftfs of the run
// serves its profile. Take it while the row runs.
//
//	make bench ROWS='^seq-write@' PEERS=none ROUNDS=20 METRICS=localhost:6060
//	go tool pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=20'
//
// Whether a change made the benchmarks of single packages faster is what
// `make microbench` says, run before it and after.
package bench
