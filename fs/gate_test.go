package fs

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"swiftfs/cache/listing"
)

func at(object string) func() ([]place, error) {
	return func() ([]place, error) { return []place{{"c", object}}, nil }
}

func TestTheGateHoldsChangesBackFromATreeThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		open, err := g.close(t.Context(), listing.Dir{Container: "c", Prefix: "a/"}, listing.Dir{Container: "c", Prefix: "b/"})
		if err != nil {
			t.Fatal(err)
		}
		for _, free := range []string{"x", "ab", "a-1", "", "c/a/x"} {
			leave, err := g.enter(t.Context(), at(free))
			if err != nil {
				t.Fatal(err)
			}
			leave()
		}
		entered := map[string]bool{}
		done := make(chan string)
		kept := []string{"a", "a/", "a/x/y", "b", "b/z"}
		for _, name := range kept {
			go func() {
				leave, err := g.enter(t.Context(), at(name))
				if err != nil {
					t.Error(err)
				}
				done <- name
				leave()
			}()
		}
		synctest.Wait()
		select {
		case name := <-done:
			t.Errorf("a change of %q was let in", name)
		default:
		}
		open()
		for range kept {
			entered[<-done] = true
		}
		if len(entered) != len(kept) {
			t.Errorf("only %v were let in", entered)
		}
	})
}

func TestTheGateClosesWhenTheChangesInsideAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		leave, err := g.enter(t.Context(), at("a/x"))
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan func())
		go func() {
			open, err := g.close(t.Context(), listing.Dir{Container: "c", Prefix: "a/"})
			if err != nil {
				t.Error(err)
			}
			closed <- open
		}()
		synctest.Wait()
		// Who comes later does not keep the move waiting.
		ctx, cancel := context.WithCancel(t.Context())
		later := make(chan error)
		go func() {
			_, err := g.enter(ctx, at("a/y"))
			later <- err
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("the gate closed while a change was inside")
		case err := <-later:
			t.Fatal("a change was let in before the move that waits: ", err)
		default:
		}
		leave()
		open := <-closed
		cancel()
		if err := <-later; !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for the gate ended with %v", err)
		}
		open()
	})
}

func TestMovesOfTreesThatHaveToDoWithEachOtherWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		open, err := g.close(t.Context(), listing.Dir{Container: "c", Prefix: "a/b/"})
		if err != nil {
			t.Fatal(err)
		}
		free, err := g.close(t.Context(), listing.Dir{Container: "c", Prefix: "a/c/"}, listing.Dir{Container: "d"})
		if err != nil {
			t.Fatal(err)
		}
		free()
		for _, prefix := range []string{"", "a/", "a/b/", "a/b/c/"} {
			ctx, cancel := context.WithCancel(t.Context())
			waited := make(chan error)
			go func() {
				_, err := g.close(ctx, listing.Dir{Container: "c", Prefix: prefix})
				waited <- err
			}()
			synctest.Wait()
			cancel()
			if err := <-waited; !errors.Is(err, context.Canceled) {
				t.Errorf("%q moved in the middle of another move: %v", prefix, err)
			}
		}
		open()
		if len(g.closed)+len(g.inside) > 0 {
			t.Errorf("left behind: %v, %v", g.closed, g.inside)
		}
	})
}

// A change that waited is about the place where the tree is then.
func TestAChangeThatWaitedFollowsTheTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		open, err := g.close(t.Context(), listing.Dir{Container: "c", Prefix: "a/"}, listing.Dir{Container: "c", Prefix: "b/"})
		if err != nil {
			t.Fatal(err)
		}
		now := make(chan place, 1)
		now <- place{"c", "a/x"}
		where := func() ([]place, error) {
			p := <-now
			now <- p
			return []place{p}, nil
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			leave, err := g.enter(t.Context(), where)
			if err != nil {
				t.Error(err)
				return
			}
			for _, places := range g.inside {
				if places[0].object != "b/x" {
					t.Errorf("the change is at %v", places)
				}
			}
			leave()
		}()
		synctest.Wait()
		<-now
		now <- place{"c", "b/x"}
		open()
		<-done
	})
}
