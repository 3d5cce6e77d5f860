// Package integration has the tests that mount for real: the system calls of
// real programs on one side, a Swift server on the other. Most run on
// fakeswift, whose requests they count and whose faults they choose; the job
// table and the request counts run on OpenStack Swift and Ceph RGW too.
//
// The mounts are in the test's own process where the race detector should see
// them, and in a process of their own where memory, signals, mount(8) or
// systemd are the subject. In the first case the test leaves the file system
// calls to other programs (ls, cp, cat), so that the runtime never has to
// answer a system call that waits for it. The model test makes its calls itself,
// in a way that the runtime knows about (model.Caller).
package integration
