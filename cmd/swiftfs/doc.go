// Swiftfs mounts an OpenStack Swift account as a directory tree.
//
// This package is the command line and nothing else: it turns flags, -o words,
// the environment and files of credentials into the Config structs of packages
// swiftfs/fs and swiftfs/swiftbackend, runs the mount as a process that behaves
// as mount(8), systemd and a shell expect, and turns errors into sentences.
//
// # One table of options
//
// options.go declares every option once: name, help, and a typed value that
// refuses what makes no sense. Flags and -o words are both made from that
// table, so that a flag --cache-ttl=5s and a word cache_ttl=5s are the same
// thing with the same complaint. Declaring is followed by validate (what one
// value alone cannot know) and rationalize (what follows from what was said).
// The words that belong to mount(8) and systemd are in words.go.
//
// # The life of a mount
//
// Without --foreground, the process that was called only starts a second one
// with the same arguments (daemon.go) and waits for its verdict on a pipe. All
// checks and all work are in that second process, so that the same code runs in
// both ways (serve.go), secrets never cross from one to the other, and the
// exit status is that of the mount. The second process stays in the process
// group of its caller until the mount works: systemd recognises by that group
// which process may walk over an automount point without setting it off, and a
// Ctrl-C ends both. Then it leaves the session, the working directory and the
// standard streams behind.
//
// A mount ends when anybody unmounts it; SIGINT and SIGTERM ask for that, and
// detach a busy mount from the tree. While it serves, the process listens on a
// socket in the abstract name space that tells `swiftfs umount` when it has
// ended (presence.go).
//
// # Talking to a mount
//
// The process that serves a mount listens on a second socket, for the commands
// status, flush and refresh (control.go): HTTP with JSON, in a directory that
// only the user of the mount can enter, $XDG_RUNTIME_DIR/swiftfs or /run/swiftfs.
// Its name is the mount's device number, which the table of mounts has, so that
// finding it touches nothing in the file system, which may hang (target.go). A
// process that was killed leaves its socket behind; the next mount of the user
// removes it.
//
// # Secrets
//
// They come from the environment, from clouds.yaml or from a file that only its
// owner can read, never from the command line. The serving process is marked
// as not dumpable: no core dump, and no debugger of the same user, can read
// keys and tokens out of it. What that breaks: gdb, strace and reading
// /proc/PID/environ of the mount need root.
//
// # Goroutines
//
// Each is waited for by the function that starts it; those that live as long
// as the mount (the two sockets and the server of metrics-address) are
// owned by the service value of serve.go.
package main
