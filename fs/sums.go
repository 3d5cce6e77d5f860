package fs

import (
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5; it finds damage, not malice
	"encoding/hex"
	"hash"
	"slices"
	"sync"

	"github.com/klauspost/cpuid/v2"
	md5simd "github.com/minio/md5-simd"
)

// sums computes the MD5s of the segments that are being uploaded. MD5 is most of
// what a byte written costs, and cannot be computed faster for one segment, but
// for several at once: a vector unit does the same steps on up to 16 of them in
// little more time than on one.
//
// A segment is hashed late: when all of it was sent and enough of the next ones is in
// memory to be hashed along with it, or when the server has answered. Uploads of one
// stream are at different places, so that each goes on beside the others until it is
// its turn. Whoever needs a sum does the work; there is no goroutine but that of
// md5-simd.
type sums struct {
	turn sync.Mutex // held while hashing; guards the following and the states of all sums
	// lanes are the hashers of server, which is nil before the first and where the
	// processor has no vectors for it. One that was given up would slow down all
	// others for ever, so they are used again.
	server md5simd.Server
	idle   []md5simd.Hasher
	lanes  int  // of server, idle or not
	closed bool // and so is the server

	mu sync.Mutex // guards the following; never held while hashing
	// open are the sums that somebody may still ask for.
	open []*sum
}

const (
	// mostLanes is how many segments md5-simd hashes at once.
	mostLanes = 16
	// leastLanes is from how many on it has vectors do it: fewer are slower in a lane
	// than in crypto/md5. goodLanes save so much that more are not waited for: the
	// memory for uploads has room for four segments.
	leastLanes = 3
	goodLanes  = 4
	// leastCompany is how much of a segment there must be for it to count: lanes that
	// are soon empty do not pay.
	leastCompany = 1 << 20
	// laneStep is how much goes to one lane before the next has its turn: as much as
	// md5-simd hashes of each at a time.
	laneStep = 32 << 10
)

// summed is what a sum is of. Its bytes must stay what they are until the sum is
// complete or dropped; more may come behind them.
type summed interface {
	// size is how much there is.
	size() int64
	// from returns the bytes at off, as far as they are in one piece.
	from(off int64) []byte
}

// sum is the MD5 of one segment. The turn of the sums guards it.
type sum struct {
	of   summed
	off  int64          // how much is hashed
	lane md5simd.Hasher // nil before the first byte; a sum that has begun in one ends in it
	hex  string         // the result, "" before the end
}

// vectors reports whether the processor has what md5-simd needs.
func vectors() bool { return cpuid.CPU.Supports(cpuid.AVX2) }

// add begins the sum of what is being written. It must be completed or dropped.
func (s *sums) add(of summed) *sum {
	n := &sum{of: of}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, n)
	return n
}

// advance hashes what has grown to its end, if there are others to hash with it;
// complete does it in any case.
func (s *sums) advance(n *sum) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if company := s.company(n); n.hex == "" && 1+len(company) >= goodLanes {
		s.hash(n, company)
	}
}

// complete returns the MD5 in hex of all there is, which has grown to its end. It
// may be asked again.
func (s *sums) complete(n *sum) string {
	s.turn.Lock()
	defer s.turn.Unlock()
	if n.hex == "" {
		s.hash(n, s.company(n))
	}
	return n.hex
}

// drop gives up a sum, whose bytes are not looked at any more.
func (s *sums) drop(n *sum) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.leave(n)
}

// close ends the goroutine of md5-simd. Sums that are asked for later are computed
// all the same.
func (s *sums) close() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.closed = true
	if s.server == nil {
		return
	}
	s.server.Close()
	s.idle = nil
	for _, n := range s.others(nil) {
		if n.lane != nil {
			n.lane, n.off = nil, 0
		}
	}
}

// company returns the sums that a good part of n can be computed together with.
func (s *sums) company(n *sum) []*sum {
	least := max(n.rest()/2, leastCompany)
	return slices.DeleteFunc(s.others(n), func(m *sum) bool { return m.rest() < least })
}

// hash hashes the rest of n, and as much of company if that pays, and ends n.
func (s *sums) hash(n *sum, company []*sum) {
	if n.lane == nil && n.rest() >= leastCompany && 1+len(company) >= leastLanes {
		n.lane = s.newLane()
	}
	var h hash.Hash = n.lane
	if n.lane == nil {
		h, company = md5.New(), nil //nolint:gosec // see the import
	}
	for n.feed(h) {
		company = slices.DeleteFunc(company, func(m *sum) bool { return m.rest() < laneStep })
		if 1+len(company) < leastLanes {
			continue
		}
		for _, m := range company {
			if m.lane == nil {
				m.lane = s.newLane()
			}
			if m.lane != nil {
				m.feed(m.lane)
			}
		}
	}
	n.hex = hex.EncodeToString(h.Sum(nil))
	s.leave(n)
}

// newLane returns a hasher that works together with others, or nil if there is none.
func (s *sums) newLane() md5simd.Hasher {
	if s.closed || !vectors() {
		return nil
	}
	if last := len(s.idle) - 1; last >= 0 {
		h := s.idle[last]
		s.idle = s.idle[:last]
		return h
	}
	if s.lanes == mostLanes {
		return nil
	}
	if s.server == nil {
		s.server = md5simd.NewServer()
	}
	s.lanes++
	return s.server.NewHash()
}

// leave ends n.
func (s *sums) leave(n *sum) {
	if n.lane != nil {
		n.lane.Reset()
		s.idle = append(s.idle, n.lane)
	}
	n.lane = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.open, n); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
}

// others returns the sums that are open, but n.
func (s *sums) others(n *sum) []*sum {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.open), func(m *sum) bool { return m == n })
}

// rest is how much there is that is not hashed.
func (n *sum) rest() int64 { return n.of.size() - n.off }

// feed has a step of the rest hashed. It reports whether there was any.
func (n *sum) feed(h hash.Hash) bool {
	if n.rest() == 0 {
		return false
	}
	data := n.of.from(n.off)
	data = data[:min(len(data), laneStep)]
	_, _ = h.Write(data)
	n.off += int64(len(data))
	return true
}
