package block

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
)

func TestWhatWasReadIsNotFetchedAgain(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(5*mib+123, 1)
	d.read(o, "a", 0, len(o.content))
	o.wantAsked(t, span{0, 5*mib + 123})
	d.read(o, "a", 0, len(o.content))
	d.read(o, "a", 3*mib-7, 2*mib)
	o.wantAsked(t)
	d.restart()
	d.read(o, "a", 0, len(o.content))
	o.wantAsked(t)
	if d.log.Len() != 0 {
		t.Errorf("logged: %s", &d.log)
	}
}

func TestOfAPartlyPresentVersionOnlyWhatIsMissingIsFetched(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(4*mib, 1)
	d.read(o, "a", 1000, 5000)
	d.read(o, "a", 2*mib-1, mib+2)
	o.wantAsked(t, span{1000, 6000}, span{2*mib - 1, 3*mib + 1})
	d.restart()
	d.read(o, "a", 500, 4*mib-1000)
	o.wantAsked(t, span{500, 1000}, span{6000, 2*mib - 1}, span{3*mib + 1, 4*mib - 500})
	d.read(o, "a", 0, 4*mib)
	o.wantAsked(t, span{0, 500}, span{4*mib - 500, 4 * mib})
	d.read(o, "a", 0, 4*mib)
	o.wantAsked(t)
}

func TestAnotherVersionIsAnotherEntry(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(10000, 1)
	d.read(o, "a", 0, 10000)
	d.read(o, "b", 0, 10000)
	o.wantAsked(t, span{0, 10000}, span{0, 10000})
	changed := newObject(10000, 2)
	k := o.key("a")
	k.ETag = "another"
	v := d.store.Open(k, changed)
	defer v.Close()
	readRange(t, v, changed, 0, 10000)
	changed.wantAsked(t, span{0, 10000})
}

func TestDirectReadsComeFromTheDiskOrNotAtAll(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	p := make([]byte, 4096)
	if v.ReadAt(p, 0) {
		t.Error("a read succeeds of what is not there")
	}
	readRange(t, v, o, 0, 2*mib)
	if !v.ReadAt(p, mib-100) || !bytes.Equal(p, o.content[mib-100:][:4096]) {
		t.Error("a read over the border of two extents fails, or gives other bytes")
	}
	if v.ReadAt(p, 2*mib-100) || v.ReadAt(p, 3*mib-100) || v.ReadAt(p, -1) {
		t.Error("a read succeeds of what is not there as a whole")
	}
	o.wantAsked(t, span{0, 2 * mib})
}

func TestDamageOnDiskIsFetchedAgainAndLogged(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	d.read(o, "a", 0, 3*mib)
	o.asked()
	data, _ := d.files(o, "a")
	d.change(data, mib+500, []byte("damage"))
	d.restart()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{mib, 2 * mib})
	if n := strings.Count(d.log.String(), "damaged data"); n != 1 {
		t.Errorf("damage was logged %d times, want once:\n%s", n, &d.log)
	}
	d.restart()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t)
}

func TestDataThatWasLostBehindItsRecordIsFetchedAgain(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(2*mib, 1)
	d.read(o, "a", 0, 2*mib)
	o.asked()
	data, _ := d.files(o, "a")
	// As after a power failure: the file has its size, and zeros.
	if err := errors.Join(os.Truncate(data, mib/2), os.Truncate(data, 2*mib)); err != nil {
		t.Fatal(err)
	}
	d.change(data, 2*mib-1, []byte{0})
	d.restart()
	d.read(o, "a", 0, 2*mib)
	o.wantAsked(t, span{0, mib}, span{mib, 2 * mib})
}

func TestWhatTheDiskDoesNotGiveIsFetchedAgain(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, 3*mib)
	o.asked()
	data, _ := d.files(o, "a")
	if err := os.Truncate(data, mib+500); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1000)
	if v.ReadAt(p, 2*mib) {
		t.Error("a read succeeds beyond the end of the file")
	}
	if to, ok := v.entry.present(2 * mib); ok {
		t.Fatalf("what cannot be read counts as there, up to %d", to)
	}
	readRange(t, v, o, 2*mib, mib)
	o.wantAsked(t, span{2 * mib, 3 * mib})
	// The file has its size again, and zeros before what was just written.
	readRange(t, v, o, 0, 3*mib)
	o.wantAsked(t, span{mib, 2 * mib})
	if !v.ReadAt(p, mib+500) || !bytes.Equal(p, o.content[mib+500:][:1000]) {
		t.Error("it is not there when it was fetched again, or other bytes are")
	}
	if n := strings.Count(d.log.String(), "damaged data"); n != 2 {
		t.Errorf("damage was logged %d times, want twice:\n%s", n, &d.log)
	}
}

func TestABodyWhoseContextHasEndedAsksForNothing(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(2*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, mib)
	o.asked()
	ctx, cancel := context.WithCancel(t.Context())
	body, err := v.ReadRange(ctx, 0, 2*mib)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := io.Copy(io.Discard, body); n != mib || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d bytes and %v, want what is on disk and that the context was canceled", n, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	o.wantAsked(t)
}

func TestWhatIsOnDiskSinceItWasMissedIsNotFetched(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(2*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, 2*mib)
	o.asked()
	for _, at := range []int64{0, 1000, mib, 2 * mib} {
		b := &body{ctx: t.Context(), version: v, at: at, end: 2 * mib}
		if err := b.fetch(); err != nil || b.fetched != nil {
			t.Errorf("at %d a body is fetched, or %v", at, err)
		}
	}
	o.wantAsked(t)
}

func TestATornRecordIsARangeThatIsMissing(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	d.read(o, "a", 0, 3*mib)
	o.asked()
	_, index := d.files(o, "a")
	if err := os.Truncate(index, headerSize+2*recordSize+7); err != nil {
		t.Fatal(err)
	}
	d.restart()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{2 * mib, 3 * mib})
	d.restart()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t)
}

func TestAKillBetweenDataAndMapLosesThatRangeOnly(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	body, err := v.ReadRange(t.Context(), 0, 3*mib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(body, make([]byte, 2*mib+mib/2)); err != nil {
		t.Fatal(err)
	}
	// The files as they are at this moment are what a kill leaves.
	data, index := d.files(o, "a")
	var copies [2][]byte
	for i, path := range []string{data, index} {
		if copies[i], err = os.ReadFile(path); err != nil { //nolint:gosec // a path of the test
			t.Fatal(err)
		}
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	v.Close()
	d.close()
	for i, path := range []string{data, index} {
		if err := os.WriteFile(path, copies[i], 0o600); err != nil { //nolint:gosec // a path of the test
			t.Fatal(err)
		}
	}
	d.open()
	o.asked()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{2 * mib, 3 * mib})
}

func TestAMapOfSomethingElseIsNotBelieved(t *testing.T) {
	d := newDisk(t, 1<<30)
	a, b := newObject(mib, 1), newObject(mib, 2)
	d.read(a, "a", 0, mib)
	d.read(b, "b", 0, mib)
	a.asked()
	dataA, mapA := d.files(a, "a")
	dataB, mapB := d.files(b, "b")
	if err := errors.Join(os.Rename(dataB, dataA), os.Rename(mapB, mapA)); err != nil {
		t.Fatal(err)
	}
	d.restart()
	d.read(a, "a", 0, mib)
	a.wantAsked(t, span{0, mib})
	d.restart()
	d.read(a, "a", 0, mib)
	a.wantAsked(t)
}

func TestHalfAVersionAndForeignFilesAreLeftOut(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(mib, 1)
	for _, n := range []string{"a", "b"} {
		d.read(o, n, 0, mib)
	}
	o.asked()
	dataA, mapA := d.files(o, "a")
	dataB, mapB := d.files(o, "b")
	foreign := d.store.path + "/README"
	if err := errors.Join(os.Remove(mapA), os.Remove(dataB), os.WriteFile(foreign, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	d.restart()
	for _, path := range []string{dataA, mapB} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	d.read(o, "a", 0, mib)
	o.wantAsked(t, span{0, mib})
}

func TestWhatCameWithAFailedBodyIsNotTrusted(t *testing.T) {
	for name, spoil := range map[string]func(*object){
		"cut off":          func(o *object) { o.failAfter = 2 * mib },
		"wrong at the end": func(o *object) { o.lastWords = errAway },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, 1<<30)
			o := newObject(3*mib, 1)
			spoil(o)
			v := d.store.Open(o.key("a"), o)
			body, err := v.ReadRange(t.Context(), 0, 3*mib)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(body); !errors.Is(err, errAway) {
				t.Errorf("the end of the body is %v", err)
			}
			_ = body.Close()
			v.Close()
			o.failAfter, o.lastWords = -1, nil
			o.asked()
			d.restart()
			d.read(o, "a", 0, 3*mib)
			o.wantAsked(t, span{0, 3 * mib})
		})
	}
}

func TestACallerThatHadEnoughLeavesWhatItHasRead(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	ctx, cancel := context.WithCancel(t.Context())
	body, err := v.ReadRange(ctx, 0, 3*mib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(body, make([]byte, mib+1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = body.Close()
	o.asked()
	readRange(t, v, o, 0, 3*mib)
	o.wantAsked(t, span{mib + 1000, 3 * mib})
}

func TestAShortBodyIsAnErrorAndALongOneToo(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(mib, 1)
	for name, src := range map[string]Source{"short": shifted{o, -1}, "long": shifted{o, 1}} {
		v := d.store.Open(o.key(name), src)
		body, err := v.ReadRange(t.Context(), 0, mib/2)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, body); err == nil {
			t.Errorf("%s: %d bytes and no error", name, n)
		}
		_ = body.Close()
		v.Close()
	}
}

// shifted gives more bytes than it was asked for, or fewer.
type shifted struct {
	*object
	by int64
}

func (s shifted) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	return s.object.ReadRange(ctx, off, length+s.by)
}

func TestReadersOfOneVersionShareIt(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(8*mib, 1)
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			v := d.store.Open(o.key("a"), o)
			defer v.Close()
			r := rand.New(rand.NewPCG(i, 2)) //nolint:gosec // a test
			p := make([]byte, 300<<10)
			for range 60 {
				off := r.IntN(len(o.content))
				q := p[:min(len(p), len(o.content)-off)]
				if !v.ReadAt(q, int64(off)) {
					body, err := v.ReadRange(t.Context(), int64(off), int64(len(q)))
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := io.ReadFull(body, q); err != nil {
						t.Error(err)
					}
					_ = body.Close()
				}
				if !bytes.Equal(q, o.content[off:off+len(q)]) {
					t.Errorf("wrong bytes in %d at %d", len(q), off)
				}
			}
		})
	}
	wg.Wait()
	o.asked()
	d.read(o, "a", 0, len(o.content))
	o.asked()
	d.restart()
	d.read(o, "a", 0, len(o.content))
	o.wantAsked(t)
}

func TestWhatComesWithTheEndOfTheContextIsKeptUnlessItIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		end  error
		want []span // fetched again
	}{
		"canceled":      {fmt.Errorf("reading: %w", context.Canceled), nil},
		"for a cause":   {fmt.Errorf("reading: %w", os.ErrClosed), nil},
		"wrong by then": {errAway, []span{{0, 2 * mib}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, 1<<30)
			o := newObject(2*mib, 1)
			o.lastWords = c.end
			v := d.store.Open(o.key("a"), o)
			defer v.Close()
			ctx, cancel := context.WithCancelCause(t.Context())
			body, err := v.ReadRange(ctx, 0, 2*mib)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(body, make([]byte, 2*mib)); err != nil {
				t.Fatal(err)
			}
			cancel(os.ErrClosed)
			if _, err := body.Read(make([]byte, 1)); !errors.Is(err, c.end) {
				t.Errorf("the end of the body is %v, want %v", err, c.end)
			}
			_ = body.Close()
			o.lastWords = nil
			o.asked()
			readRange(t, v, o, 0, 2*mib)
			o.wantAsked(t, c.want...)
		})
	}
}

func TestAVersionCanBePinnedWhenTheBodiesItCameInHaveEnded(t *testing.T) {
	for name, end := range map[string]error{"right": nil, "wrong": errAway} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, 1<<30)
			o := newObject(2*mib, 1)
			o.lastWords = end
			a, b := d.store.Open(o.key("a"), o), d.store.Open(o.key("a"), o)
			defer a.Close()
			defer b.Close()
			body, err := a.ReadRange(t.Context(), 0, 2*mib)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(body, make([]byte, 2*mib)); err != nil {
				t.Fatal(err)
			}
			if _, ok := b.Pin(t.Context()); ok {
				t.Error("it can be pinned before the end of the body that brought it")
				b.Unpin()
			}
			if _, err := io.Copy(io.Discard, body); !errors.Is(err, end) {
				t.Errorf("the end of the body is %v, want %v", err, end)
			}
			if err := body.Close(); err != nil {
				t.Error(err)
			}
			_, ok := b.Pin(t.Context())
			if want := end == nil; ok != want {
				t.Errorf("at the end of the body, pinned is %t, want %t", ok, want)
			}
			if ok {
				b.Unpin()
			}
		})
	}
}

func TestNobodyWritesToAPinnedFile(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(2*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, 2*mib)
	o.asked()
	if _, ok := v.Pin(t.Context()); !ok {
		t.Fatal("it cannot be pinned")
	}
	data, _ := d.files(o, "a")
	if err := os.Truncate(data, mib); err != nil {
		t.Fatal(err)
	}
	readRange(t, v, o, 0, 2*mib)
	o.wantAsked(t, span{mib, 2 * mib})
	if info, err := os.Stat(data); err != nil || info.Size() != mib {
		t.Errorf("the pinned file was written to: %v, %v", info, err)
	}
	v.Unpin()
	readRange(t, v, o, 0, 2*mib)
	o.wantAsked(t, span{mib, 2 * mib})
	if !v.ReadAt(make([]byte, 1000), mib) {
		t.Error("it is not kept when the file is not pinned")
	}
}

func TestAWholeVersionCanBePinned(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(2*mib+1, 1)
	v := d.store.Open(o.key("a"), o)
	if _, ok := v.Pin(t.Context()); ok {
		t.Error("nothing can be pinned")
	}
	readRange(t, v, o, 0, 2*mib)
	if _, ok := v.Pin(t.Context()); ok {
		t.Error("a part can be pinned")
	}
	readRange(t, v, o, 2*mib, 1)
	v.Close()
	d.restart()
	v = d.store.Open(o.key("a"), o)
	defer v.Close()
	f, ok := v.Pin(t.Context())
	if !ok {
		t.Fatal("the whole version cannot be pinned")
	}
	defer v.Unpin()
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil || !bytes.Equal(got, o.content) {
		t.Errorf("the file has %d bytes, %v; want the %d of the version", len(got), err, len(o.content))
	}
}

func TestADamagedVersionCannotBePinned(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(2*mib, 1)
	d.read(o, "a", 0, 2*mib)
	data, _ := d.files(o, "a")
	d.change(data, 2*mib-1, []byte{o.content[2*mib-1] ^ 1})
	d.restart()
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	if _, ok := v.Pin(t.Context()); ok {
		t.Fatal("a damaged version can be pinned")
	}
	readRange(t, v, o, 0, 2*mib)
	if _, ok := v.Pin(t.Context()); !ok {
		t.Error("it cannot be pinned when it is whole again")
	}
	v.Unpin()
}
