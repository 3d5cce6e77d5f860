// Package rig starts the real servers that swiftfs is tested against, on this
// machine and for one test: OpenStack Swift, Ceph's RADOS Gateway, and a
// systemd that mounts what its units say.
//
// # What is promised
//
//   - A rig is its own: configuration, data, logs and ports belong to one
//     directory, so that rigs run side by side and beside a machine's own
//     servers. Nothing outside the directory is read or written (the systemd
//     box, which needs a cgroup, aside).
//   - Start returns when the server answers, or with the end of the log of the
//     one that did not.
//   - Stop ends exactly what Start began. Each server leads a process group, and
//     its process id stays reserved until the whole group was ended, so a signal
//     cannot reach a stranger that got the number later.
//   - A test that is killed takes its servers along: the kernel kills a server
//     when the thread that started it ends, and that thread does nothing but wait
//     for its server.
//   - Requests on the real server can be counted like those on the fake one:
//     see [Server.Mark].
//
// # Servers
//
// [StartSwift] runs memcached and Swift's proxy, account, container and object
// servers with one replica and TempAuth. [StartRGW] runs a monitor, one OSD and
// radosgw. Both know the same accounts:
//
//	test:tester     testing     owner of its account
//	test2:tester2   testing2    owner of another account
//	test:tester3    testing3    Swift only: no rights but those of ACLs
//	admin:admin     admin       Swift only: reseller admin
//
// [StartSystemd] boots the machine's systemd as process 1 of its own namespaces
// on a throw-away copy of the root directory.
//
// # Programs
//
// The servers come from Debian's packages (Debian 12: Swift 2.30, Ceph 16.2);
// [Install] installs what is missing. Everything here needs Linux; on other
// systems the functions compile and return [errors.ErrUnsupported].
//
// The program in cmd/rig starts a rig by hand, installs packages, and runs
// `go test` with a check that nothing stays behind.
package rig
