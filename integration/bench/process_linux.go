package bench

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runBound runs cmd, reports on started whether it was started, and returns its
// end. The process dies with this program: the kernel kills it when the thread
// that started it ends, which does nothing else.
func runBound(cmd *exec.Cmd, started chan<- error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// A group of its own: an interrupt at the terminal is for this program, which
	// then unmounts.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err := cmd.Start()
	started <- err
	if err != nil {
		return err
	}
	return cmd.Wait()
}
