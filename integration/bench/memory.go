package bench

import (
	"context"
	"crypto/md5" //nolint:gosec // what Swift compares
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"swiftfs/integration/bench/memory"
)

// MemoryCommand is the first argument of a program that is to run ServeMemory.
const MemoryCommand = "serve-memory"

// The candidates that measure the machine.
const (
	memoryName = "memory" // needs no server
	relayName  = "relay"  // and has its bytes on one
)

// isGauge says that a candidate is no competitor.
func isGauge(name string) bool { return name == memoryName || name == relayName }

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

// RelayMount returns the candidate that is the same, and sends one plain request for
// each file that is closed or removed, and for each piece that is read.
func RelayMount(path string) Candidate {
	return Candidate{Name: relayName, command: func(m mountSpec) ([]string, []string) {
		args := append([]string{path, MemoryCommand, "-relay", m.root, "-container", m.container}, m.flags...)
		return append(args, m.dir), []string{"ST_USER=" + m.user, "ST_KEY=" + m.key}
	}}
}

// relay is the container that keeps the bytes of a mount.
type relay struct {
	account   *account
	container string
}

// relayConns is more than programs keep busy.
const relayConns = 32

// Send implements memory.Relay, and believes the server as little as a file system may
// whose close can be believed: it compares checksums.
func (r relay) Send(ctx context.Context, path string, size int64, body io.Reader) error {
	sum := md5.New() //nolint:gosec // what Swift compares
	etag, err := r.account.upload(ctx, r.container+"/"+path, size, io.TeeReader(body, sum))
	if want := hex.EncodeToString(sum.Sum(nil)); err == nil && etag != want {
		err = fmt.Errorf("%s: sent %s, the server has %s", path, want, etag)
	}
	return err
}

// Put implements memory.Relay.
func (r relay) Put(ctx context.Context, path string, data []byte) error {
	return r.account.do(ctx, http.MethodPut, r.container+"/"+path, "", data)
}

// Delete implements memory.Relay.
func (r relay) Delete(ctx context.Context, path string) error {
	return r.account.do(ctx, http.MethodDelete, r.container+"/"+path, "", nil)
}

// Get implements memory.Relay.
func (r relay) Get(ctx context.Context, path string, p []byte, offset int64) error {
	return r.account.read(ctx, r.container+"/"+path, p, offset)
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
// follow MemoryCommand, logs in within ctx where they ask for that, and returns when
// somebody has unmounted it.
func ServeMemory(ctx context.Context, args []string, complaints io.Writer) error {
	flags := flag.NewFlagSet(MemoryCommand, flag.ContinueOnError)
	flags.SetOutput(complaints)
	big := flags.String("big", "", "`path` of the large file, which programs read or write")
	has := flags.String("has", "", "what is there from the start: big, tree")
	root := flags.String("relay", "", "root `URL` of a server that has the bytes, of the user ST_USER with the key ST_KEY")
	container := flags.String("container", "", "where it has them")
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
	if *root != "" {
		a, err := logIn(ctx, *root, os.Getenv("ST_USER"), os.Getenv("ST_KEY"), relayConns)
		if err != nil {
			return fmt.Errorf("%s: %w", MemoryCommand, err)
		}
		defer a.close()
		content.Relay = relay{a, *container}
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
