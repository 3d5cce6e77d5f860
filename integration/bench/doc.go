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
// counts as well. Logins and requests for /info do not.
//
// Time is until the work has returned, and, where that is later, until the
// server has the data; ratios are of the latter. CPU seconds are those of the
// process of the mount, memory is the most that it has had resident.
//
// What a candidate did is checked each time: bytes read are compared, what was
// written is read back from the server by plain HTTP, listings and dates are
// those that were put there. A candidate that fails the check or needs more than
// the time limit of the row has no figures in it, but a reason.
//
// # Targets
//
// Each row says what swiftfs has to reach. What it misses is marked in all
// reports. `make bench` writes RESULTS.md, results.json and chart.svg beside this
// file; a run that is narrowed (ROWS, PEERS) only prints.
//
//	make bench ROWS='^seq-' ROUNDS=5 PEERS=s3fs
//	make bench ROWS=untar PEERS=none
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
