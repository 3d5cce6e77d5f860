package prefetch

import (
	"errors"
	"fmt"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Config holds a Reader's tuning. All sizes are in bytes.
type Config struct {
	// BlockSize is the unit in which memory is released.
	BlockSize int64
	// SmallObject is the largest object that a read at offset 0 fetches whole.
	SmallObject int64
	// FirstRequest is what a read at offset 0 of a larger object fetches, and
	// the size from which sequential requests grow.
	FirstRequest int64
	// MaxRequest is the largest read-ahead request.
	MaxRequest int64
	// MaxParallel is the number of requests under way beyond which no
	// read-ahead starts. Reads that somebody waits for are not held back by it.
	MaxParallel int
	// MaxAhead is how far all streams of a Reader together may be ahead of
	// their reads. 0 turns read-ahead off.
	MaxAhead int64
	// KeepBehind is how much stays in memory behind a sequential stream.
	KeepBehind int64
	// ReorderSpan is how far behind a sequential stream bytes wait in memory for
	// a read that was overtaken by later ones.
	ReorderSpan int64
	// SkipSpan is the gap between two reads that a sequential stream bridges by
	// fetching the bytes between them.
	SkipSpan int64
}

// DefaultConfig returns the values used unless a user sets others.
func DefaultConfig() Config {
	return Config{
		BlockSize:    1 * mib,   // the kernel's largest request: most reads touch two blocks at most
		SmallObject:  1 * mib,   // transferring it costs less than a second round trip does (20 ms)
		FirstRequest: 128 * kib, // the kernel's own read-ahead; cheap when only a header is wanted
		MaxRequest:   24 * mib,  // 43 requests a GiB: the cost of a request is lost in its transfer
		MaxParallel:  12,        // as many as share the memory; half a dozen hide the latency of small ones
		MaxAhead:     64 * mib,  // 50 ms at 10 GbE
		KeepBehind:   1 * mib,   // programs that parse step back by a buffer, not more
		ReorderSpan:  8 * mib,   // 64 background requests of 128 KiB, or 8 of 1 MiB
		SkipSpan:     1 * mib,   // fetching 1 MiB too much takes less time than a new round trip
	}
}

// Validate reports every field that a Reader cannot work with.
func (c Config) Validate() error {
	var errs []error
	positive := func(name string, v int64) {
		if v <= 0 {
			errs = append(errs, fmt.Errorf("prefetch: %s must be positive, is %d", name, v))
		}
	}
	positive("block size", c.BlockSize)
	positive("first request", c.FirstRequest)
	positive("max request", c.MaxRequest)
	positive("max parallel", int64(c.MaxParallel))
	if c.MaxRequest < c.FirstRequest {
		errs = append(errs, fmt.Errorf("prefetch: max request %d is below first request %d", c.MaxRequest, c.FirstRequest))
	}
	for _, f := range []struct {
		name string
		v    int64
	}{
		{"small object", c.SmallObject}, {"max ahead", c.MaxAhead}, {"keep behind", c.KeepBehind},
		{"reorder span", c.ReorderSpan}, {"skip span", c.SkipSpan},
	} {
		if f.v < 0 {
			errs = append(errs, fmt.Errorf("prefetch: %s must not be negative, is %d", f.name, f.v))
		}
	}
	return errors.Join(errs...)
}
