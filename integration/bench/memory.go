package bench

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"swiftfs/integration/bench/memory"
)

// MemoryCommand is the first argument of a program that is to run ServeMemory.
const MemoryCommand = "serve-memory"

// memoryName is the candidate that needs no server.
const memoryName = "memory"

// What it can have from the start, as flag.
const (
	memoryBig  = "big"
	memoryTree = "tree"
)

// MemoryMount returns the candidate that mounts what it has in memory. It is no peer, but
// what every mount costs. The program at path runs ServeMemory.
func MemoryMount(path string) Candidate {
	return Candidate{Name: memoryName, Serverless: true, command: func(m mountSpec) ([]string, []string) {
		return append(append([]string{path, MemoryCommand}, m.flags...), m.dir), nil
	}}
}

// memoryFlags are those with which it has the data of a row.
func (d *Data) memoryFlags(l *Local) ([]string, error) {
	var flags []string
	if d.Big {
		path, err := l.BigFile()
		if err != nil {
			return nil, err
		}
		flags = append(flags, "-big", path)
	}
	if d.InMemory != "" {
		flags = append(flags, "-has", d.InMemory)
	}
	return flags, nil
}

// ServeMemory is the process of the candidate: it mounts as the arguments say that
// follow MemoryCommand, and returns when somebody has unmounted it.
func ServeMemory(args []string, complaints io.Writer) error {
	flags := flag.NewFlagSet(MemoryCommand, flag.ContinueOnError)
	flags.SetOutput(complaints)
	big := flags.String("big", "", "`path` of the large file, which programs read or write")
	has := flags.String("has", "", "what is there from the start: big, tree")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%s: %d mount points, want one", MemoryCommand, flags.NArg())
	}
	content := memory.Content{Files: map[string][]byte{}, Awaited: map[string][]byte{}}
	if *big != "" {
		data, err := mapped(*big)
		if err != nil {
			return fmt.Errorf("%s: %w", MemoryCommand, err)
		}
		content.Awaited["big"] = data
	}
	switch *has {
	case memoryBig:
		content.Files["big"] = content.Awaited["big"]
	case memoryTree:
		for _, f := range smallTree() {
			content.Files[f.name] = f.data
		}
	case "":
	default:
		return fmt.Errorf("%s: it cannot have %q", MemoryCommand, *has)
	}
	return memory.Serve(flags.Arg(0), content, complaints)
}

// mapped returns the bytes of a file as the page cache has them, so that this process
// takes no memory of its own for them: another GiB of it would be fresh from
// the machine's host, and slow. They stay mapped.
func mapped(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err = unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: path, Err: err}
	}
	// Whoever measures is not to wait for page tables: all of it is looked at once.
	_ = crc32.ChecksumIEEE(data)
	return data, nil
}
