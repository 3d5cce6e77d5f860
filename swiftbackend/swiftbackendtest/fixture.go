package swiftbackendtest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag
	"crypto/rand"
	"encoding/hex"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"swiftfs/swiftbackend"
)

// fixture is one test with its container.
type fixture struct {
	*testing.T
	c      *swiftbackend.Client
	target Target
	can    Capabilities
	box    string // the container; it exists
}

func newFixture(t *testing.T, target Target, c *swiftbackend.Client) *fixture {
	t.Helper()
	f := &fixture{T: t, c: c, target: target, can: target.Capabilities}
	f.box = f.newContainer()
	return f
}

// newContainer makes a container that the test's end removes with what is in it
// and in the container of its segments.
func (f *fixture) newContainer() string {
	f.Helper()
	name := "ct-" + strings.ToLower(rand.Text()[:16])
	created, err := f.c.CreateContainer(f.Context(), name, nil)
	if err != nil {
		f.Fatal(err)
	}
	if !created {
		f.Fatalf("container %q exists already", name)
	}
	f.Cleanup(func() {
		// The test's own context has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(f.Context()), time.Minute)
		defer cancel()
		for _, n := range []string{name, name + swiftbackend.SegmentsSuffix} {
			if err := removeContainer(ctx, f.c, n); err != nil && swiftbackend.KindOf(err) != swiftbackend.KindNotExist {
				f.Errorf("removing the test's container: %v", err)
			}
		}
	})
	return name
}

func removeContainer(ctx context.Context, c *swiftbackend.Client, name string) error {
	for end := false; !end; {
		var all []swiftbackend.Name
		var err error
		end, err = c.ListObjects(ctx, name, swiftbackend.ListOptions{}, func(r swiftbackend.ObjectRow) error {
			all = append(all, swiftbackend.Name{Container: name, Object: r.Name})
			return nil
		})
		if err != nil {
			return err
		}
		if err := c.DeleteAll(ctx, all); err != nil {
			return err
		}
	}
	return c.DeleteContainer(ctx, name)
}

// content returns data as what Put takes.
func content(data string) swiftbackend.Content {
	return swiftbackend.Content{Size: int64(len(data)), MD5: md5Of(data), Open: func() io.Reader { return strings.NewReader(data) }}
}

func md5Of(data string) string {
	sum := md5.Sum([]byte(data)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// put stores an object in the test's container.
func (f *fixture) put(name, data string, o swiftbackend.PutOptions) swiftbackend.ObjectInfo {
	f.Helper()
	return f.putIn(f.box, name, data, o)
}

func (f *fixture) putIn(box, name, data string, o swiftbackend.PutOptions) swiftbackend.ObjectInfo {
	f.Helper()
	info, err := f.c.Put(f.Context(), box, name, content(data), o)
	if err != nil {
		f.Fatal(err)
	}
	return info
}

// putAll stores empty objects, several at once.
func (f *fixture) putAll(names []string) {
	f.Helper()
	var wg sync.WaitGroup
	next := make(chan string)
	for range 16 {
		wg.Go(func() {
			for name := range next {
				if _, err := f.c.Put(f.Context(), f.box, name, content(""), swiftbackend.PutOptions{}); err != nil {
					f.Error(err)
				}
			}
		})
	}
	for _, n := range names {
		next <- n
	}
	close(next)
	wg.Wait()
	if f.Failed() {
		f.FailNow()
	}
}

// read reads an object, or what o chooses of it.
func (f *fixture) read(box, name string, o swiftbackend.GetOptions) (string, swiftbackend.ObjectInfo, error) {
	body, info, err := f.c.Get(f.Context(), box, name, o)
	if err != nil {
		return "", info, err
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, body)
	if cerr := body.Close(); err == nil {
		err = cerr
	}
	return b.String(), info, err
}

// whole chooses all of an object.
var whole = swiftbackend.GetOptions{Length: -1}

// wantContent checks the bytes of an object of the test's container.
func (f *fixture) wantContent(name, want string) swiftbackend.ObjectInfo {
	f.Helper()
	return f.wantContentIn(f.box, name, want)
}

func (f *fixture) wantContentIn(box, name, want string) swiftbackend.ObjectInfo {
	f.Helper()
	got, info, err := f.read(box, name, whole)
	if err != nil {
		f.Errorf("%s: %v", name, err)
	} else if got != want {
		f.Errorf("%s: got %s, want %s", name, short(got), short(want))
	}
	return info
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

func (f *fixture) head(name string) swiftbackend.ObjectInfo {
	f.Helper()
	info, err := f.c.Head(f.Context(), f.box, name)
	if err != nil {
		f.Fatal(err)
	}
	return info
}

// list returns one page of the test's container.
func (f *fixture) list(o swiftbackend.ListOptions) (rows []swiftbackend.ObjectRow, end bool) {
	f.Helper()
	return f.listIn(f.box, o)
}

func (f *fixture) listIn(box string, o swiftbackend.ListOptions) (rows []swiftbackend.ObjectRow, end bool) {
	f.Helper()
	end, err := f.c.ListObjects(f.Context(), box, o, func(r swiftbackend.ObjectRow) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	return rows, end
}

// keys returns what rows are sorted by.
func keys(rows []swiftbackend.ObjectRow) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.Key()
	}
	return all
}

// row returns an object's row in the listing.
func (f *fixture) row(name string) swiftbackend.ObjectRow {
	f.Helper()
	rows, _ := f.list(swiftbackend.ListOptions{Prefix: name})
	for _, r := range rows {
		if r.Name == name {
			return r
		}
	}
	f.Fatalf("%q is not listed", name)
	return swiftbackend.ObjectRow{}
}

func (f *fixture) wantKind(err error, want swiftbackend.Kind) {
	f.Helper()
	if err == nil {
		f.Errorf("no error, want %v", want)
	} else if got := swiftbackend.KindOf(err); got != want {
		f.Errorf("got %v: %v, want %v", got, err, want)
	}
}

// wantGone checks that there is no such object.
func (f *fixture) wantGone(box, name string) {
	f.Helper()
	_, err := f.c.Head(f.Context(), box, name)
	f.wantKind(err, swiftbackend.KindNotExist)
}
