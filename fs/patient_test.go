package fs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// signalled is the context of a caller as the library makes them: one that the
// context package knows nothing of.
type signalled struct {
	context.Context

	done chan struct{}
}

func (s *signalled) Done() <-chan struct{} { return s.done }

func (s *signalled) Err() error {
	select {
	case <-s.done:
		return context.Canceled
	default:
		return nil
	}
}

func TestAnOperationEndsSomeTimeAfterItsCallerGotASignal(t *testing.T) {
	for _, signal := range []time.Duration{0, quick / 2, quick, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := &FS{ctx: t.Context()}
			caller := &signalled{t.Context(), make(chan struct{})}
			ctx, cancel := f.patient(caller)
			defer cancel()
			<-time.After(signal)
			close(caller.done)
			sent := time.Now()
			<-ctx.Done()
			if took := time.Since(sent); took < grace || took > grace+quick {
				t.Errorf("after a signal at %v it ended within %v, want %v", signal, took, grace)
			}
		})
	}
}

func TestAnOperationThatIsOverWatchesNobody(t *testing.T) {
	for _, took := range []time.Duration{0, quick, time.Minute} {
		synctest.Test(t, func(t *testing.T) { // which fails if anything is left at the end
			f := &FS{ctx: t.Context()}
			ctx, cancel := f.patient(&signalled{t.Context(), make(chan struct{})})
			<-time.After(took)
			cancel()
			if ctx.Err() == nil {
				t.Error("its context goes on")
			}
		})
	}
}

func TestAnOperationEndsWithTheMount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		f := &FS{ctx: life}
		ctx, cancel := f.patient(t.Context())
		defer cancel()
		end()
		<-ctx.Done()
	})
}
