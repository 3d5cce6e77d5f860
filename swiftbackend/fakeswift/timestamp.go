package fakeswift

import (
	"fmt"
	"net/http"
	"time"
)

// timestamp is a moment in units of 10 µs since 1970, the resolution of Swift's X-Timestamp.
type timestamp int64

const ticksPerSecond = 100_000

// tick returns the present moment, or one tick after the last one handed out: no two requests share a
// timestamp, so "started later" is always decided.
func (s *Server) tick() timestamp {
	now := s.opts.Now().UnixMicro() / 10
	for {
		last := s.clock.Load()
		next := max(now, last+1)
		if s.clock.CompareAndSwap(last, next) {
			return timestamp(next)
		}
	}
}

func (t timestamp) time() time.Time { return time.UnixMicro(int64(t) * 10).UTC() }

// header is the form of X-Timestamp.
func (t timestamp) header() string {
	return fmt.Sprintf("%d.%05d", t/ticksPerSecond, t%ticksPerSecond)
}

// listing is the form of last_modified: microseconds, no zone.
func (t timestamp) listing() string { return t.time().Format("2006-01-02T15:04:05.000000") }

// seconds is the moment rounded up, as the Last-Modified header shows it.
func (t timestamp) seconds() time.Time {
	return time.Unix((int64(t)+ticksPerSecond-1)/ticksPerSecond, 0).UTC()
}

func (t timestamp) lastModified() string { return t.seconds().Format(http.TimeFormat) }
