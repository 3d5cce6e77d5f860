// Command bench compares swiftfs with plain HTTP and with other mounts; see
// package bench.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"swiftfs/integration/bench"
	"swiftfs/integration/rig"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == bench.MemoryCommand {
		if err := bench.ServeMemory(context.Background(), os.Args[2:], os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	rows := flag.String("rows", "", "run the rows with a result whose name matches this `pattern`")
	rounds := flag.Int("rounds", 3, "how often each candidate does each row")
	peers := flag.String("peers", "", "compare with these `mounts`, separated by commas (default: all), or none")
	size := flag.Int("size", 1<<30, "`bytes` of the large file")
	out := flag.String("out", "", "write RESULTS.md, results.json and chart.svg into this `directory`")
	metrics := flag.String("metrics", "", "`address` at which each swiftfs serves its profile")
	list := flag.Bool("list", false, "list the names of the results and end")
	flag.Parse()

	o := bench.Options{Rounds: *rounds, Size: *size, Progress: os.Stderr}
	if o.Rows, err = bench.ChooseRows(*rows); err != nil {
		return err
	}
	if *list {
		for _, r := range o.Rows {
			for _, name := range r.Names() {
				fmt.Println(name)
			}
		}
		return nil
	}
	if o.Peers, err = bench.ChoosePeers(*peers); err != nil {
		return err
	}
	if o.Scratch, err = os.MkdirTemp("", "swiftfs-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.Scratch)) }()
	program := filepath.Join(o.Scratch, "swiftfs")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "swiftfs/cmd/swiftfs")
	build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build swiftfs: %w", err)
	}
	o.Swiftfs = bench.Swiftfs(program, *metrics)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o.Memory, o.Relay = bench.MemoryMount(self), bench.RelayMount(self)

	mark := rand.Text()
	if err := os.Setenv(rig.RunVariable, mark); err != nil {
		return err
	}
	report, err := bench.Execute(ctx, o)
	if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	err = errors.Join(err, leftovers(mark, o.Scratch))
	if report != nil {
		err = errors.Join(err, report.WriteTable(os.Stdout))
	}
	if report == nil || ctx.Err() != nil {
		return err
	}
	if *out != "" {
		err = errors.Join(err, report.WriteFiles(*out))
	}
	return errors.Join(err, report.Err())
}

// leftovers returns an error that names what still runs or is mounted.
func leftovers(mark, dir string) error {
	processes, err := rig.Processes(mark)
	if err == nil && len(processes) > 0 {
		// What is ending gets a second.
		<-time.After(time.Second)
		processes, err = rig.Processes(mark)
	}
	if err == nil && len(processes) > 0 {
		err = fmt.Errorf("left behind: %q", processes)
	}
	mounts, mountsErr := bench.MountsBelow(dir)
	if len(mounts) > 0 {
		mountsErr = fmt.Errorf("still mounted: %q", mounts)
	}
	return errors.Join(err, mountsErr)
}
