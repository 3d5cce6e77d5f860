package main

import "errors"

// Exit statuses of swiftfs and its subcommands.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for could not be done; stderr has the sentence
	exitUsage  = 2 // the command line makes no sense
)

// Exit statuses of the mount helper, as mount(8) defines them. It defines 16
// too, for trouble with /etc/mtab, which swiftfs never writes.
const (
	helperUsage       = 1  // wrong words, or not permitted
	helperSystem      = 2  // no /dev/fuse, no fusermount3, no second process
	helperBug         = 4  // the second process ended without a verdict
	helperInterrupted = 8  // by the user
	helperFailed      = 32 // the mount failed
)

// class says what kind of trouble a failure is, apart from its sentence.
type class int

const (
	classFailed class = iota
	classUsage
	classSystem
	classBug
	classInterrupted
)

// failure is an error of a class other than classFailed.
type failure struct {
	class class
	err   error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usageError(err error) error  { return &failure{classUsage, err} }
func systemError(err error) error { return &failure{classSystem, err} }

func classOf(err error) class {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.class
	}
	return classFailed
}

// commandStatus is the exit status of a subcommand that ended with err.
func commandStatus(err error) int {
	switch {
	case err == nil:
		return exitOK
	case classOf(err) == classUsage:
		return exitUsage
	}
	return exitFailed
}

// helperStatus is the exit status of the mount helper that ended with err.
func helperStatus(err error) int {
	if err == nil {
		return exitOK
	}
	switch classOf(err) {
	case classUsage:
		return helperUsage
	case classSystem:
		return helperSystem
	case classBug:
		return helperBug
	case classInterrupted:
		return helperInterrupted
	default:
		return helperFailed
	}
}
