package prefetch

import "time"

const (
	// fewRequests and manyRequests are how many requests share the memory of a
	// stream. Two fill a network whose connections are fast, and make the fewest
	// requests; ten do what two cannot where each connection is slow.
	fewRequests, manyRequests = 2, 10
	// slowConnection is the rate, in bytes a second, below which more connections are tried.
	slowConnection = 64 * mib
	// worthwhile is how much faster the same bytes must come to make more requests for
	// them: less, and it is the network that is slow, or the server, or this machine.
	worthwhile = 1.4
)

// pace decides how many requests a Reader keeps under way: few large ones at
// first, and many smaller ones if its connections are slow and that helps. It is
// plain state without locks.
type pace struct {
	many    bool
	settled bool    // what was tried counts for the life of the Reader
	before  float64 // the rate with few requests, while many are tried
	warm    bool    // the requests from before the trial have ended

	// The stretch that is being measured:
	since   time.Time
	bytes   int64
	longest time.Duration // of its requests, from the first byte to the last
	largest int64         // the bytes of that one
	waited  time.Duration // during which a read had to wait
}

// startPace returns the pace of a new Reader: what another one of the mount has
// found out lately counts for it too.
func startPace(b *Budget) pace {
	slow := b.connectionsSlow(time.Now())
	return pace{many: slow, settled: slow}
}

// requests is how many requests share the memory that is ahead.
func (p *pace) requests() int64 {
	if p.many {
		return manyRequests
	}
	return fewRequests
}

// wait notes that a read waited for its bytes.
func (p *pace) wait(d time.Duration) { p.waited += d }

// arrived notes that a request of n bytes has ended, took after its first byte;
// the stretch ends with it when it has at least stretch bytes. It reports whether many
// requests have turned out to be worthwhile.
func (p *pace) arrived(n int64, took time.Duration, now time.Time, stretch int64) bool {
	if p.settled {
		return false
	}
	if p.since.IsZero() {
		p.since = now
		return false
	}
	p.bytes += n
	if took > p.longest {
		p.longest, p.largest = took, n
	}
	if p.bytes < stretch {
		return false
	}
	p.judge(now)
	p.since, p.bytes, p.longest, p.largest, p.waited = now, 0, 0, 0, 0
	return p.settled && p.many
}

// judge draws the conclusion from a stretch.
func (p *pace) judge(now time.Time) {
	elapsed := now.Sub(p.since)
	rate := float64(p.bytes) / elapsed.Seconds()
	switch {
	case p.waited < elapsed/2: // the program is what is slow
		p.many, p.before, p.warm = false, 0, false
	case !p.many:
		if float64(p.largest)/p.longest.Seconds() < slowConnection {
			p.many, p.before = true, rate
		}
	case !p.warm:
		p.warm = true
	default:
		p.many, p.settled = rate >= worthwhile*p.before, true
	}
}
