package prefetch

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// inOrder returns the order 0, 1, … n-1, and another one.
func inOrder(n int) (listed, shuffled []int32) {
	for i := range n {
		listed = append(listed, int32(i))
		shuffled = append(shuffled, int32(i))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return listed, shuffled
}

// reader goes through a Walk and has all that is asked for fetched.
type reader struct {
	walk    *Walk
	fetched []int
}

func (r *reader) read(files ...int32) {
	for _, file := range files {
		r.walk.Read(int(file), func(file int) bool {
			r.fetched = append(r.fetched, file)
			return true
		})
	}
}

// unread returns how many files were fetched that were not read.
func (r *reader) unread(files []int32) int {
	n := 0
	for _, file := range r.fetched {
		if !slices.Contains(files, int32(file)) {
			n++
		}
	}
	return n
}

func TestAWalkInEitherOrderIsFollowedToItsEnd(t *testing.T) {
	listed, shuffled := inOrder(100)
	for _, order := range [][]int32{listed, shuffled} {
		r := reader{walk: NewWalk(nil, listed, shuffled)}
		r.read(order...)
		if got := r.unread(order[2:]); got != 0 || len(r.fetched) != 98 {
			t.Errorf("%d files were fetched, %d of them twice or for nobody; want the last 98", len(r.fetched), got)
		}
	}
}

func TestTheWindowOfAWalkDoubles(t *testing.T) {
	listed, _ := inOrder(100)
	r := reader{walk: NewWalk(nil, listed)}
	for i, want := range []int{0, 2, 4, 8, 16, 16, 16} {
		r.read(int32(i))
		ahead := 0
		for _, file := range r.fetched {
			if file > i {
				ahead++
			}
		}
		if ahead != want {
			t.Errorf("%d files are ahead after %d reads, want %d", ahead, i+1, want)
		}
	}
}

func TestTheWindowOfALongWalkIsWiderUntilAFileIsPassedOver(t *testing.T) {
	listed, _ := inOrder(200)
	r := reader{walk: NewWalk(nil, listed)}
	r.read(listed[:64]...)
	if got := len(r.fetched) - 62; got != 16 {
		t.Errorf("%d files are ahead after 64 reads, want 16", got)
	}
	r.read(64)
	if got := len(r.fetched) - 63; got != 32 {
		t.Errorf("%d files are ahead after 65 reads, want 32", got)
	}
	r.read(listed[66:90]...)
	if got := len(r.fetched) - 88; got != 16 {
		t.Errorf("%d files are ahead after one was passed over, want 16", got)
	}
}

func TestWhoReadsAtRandomGetsNextToNothingAhead(t *testing.T) {
	listed, shuffled := inOrder(1000)
	rng := rand.New(rand.NewPCG(3, 4))
	r := reader{walk: NewWalk(nil, listed, shuffled)}
	const reads = 2000
	for range reads {
		r.read(int32(rng.IntN(1000)))
	}
	if len(r.fetched) > reads/20 {
		t.Errorf("%d files were fetched ahead of %d reads at random", len(r.fetched), reads)
	}
}

func TestWhoStopsLeavesAtMostThreeTimesWhatHeRead(t *testing.T) {
	listed, _ := inOrder(100)
	for reads := 2; reads < 50; reads++ {
		r := reader{walk: NewWalk(nil, listed)}
		r.read(listed[:reads]...)
		if got := r.unread(listed[:reads]); got > min(mostAheadFiles, 3*reads+1) {
			t.Errorf("%d files are left after %d reads", got, reads)
		}
	}
}

func TestWhoReadsSomeOfTheFilesIsNotServedMany(t *testing.T) {
	listed, _ := inOrder(1000)
	for step := 2; step < 20; step++ {
		r := reader{walk: NewWalk(nil, listed)}
		r.read(listed[:10]...)
		var read []int32
		for i := 10; i < 1000; i += step {
			read = append(read, int32(i))
		}
		r.read(read...)
		if got, most := r.unread(append(read, listed[:10]...)), len(read)+mostAheadFiles; got > most {
			t.Errorf("each %dth: %d files fetched for nobody, want %d at most", step, got, most)
		}
	}
}

func TestOvertakenReadsDoNotEndAWalk(t *testing.T) {
	listed, _ := inOrder(200)
	for i := 8; i+1 < len(listed); i += 3 {
		listed[i], listed[i+1] = listed[i+1], listed[i]
	}
	order, _ := inOrder(200)
	r := reader{walk: NewWalk(nil, order)}
	r.read(listed...)
	if len(r.fetched) < 190 {
		t.Errorf("%d of 200 files were fetched ahead", len(r.fetched))
	}
}

func TestTheNextDirectoryStartsWithTheEvidenceOfTheOneBefore(t *testing.T) {
	listed, shuffled := inOrder(50)
	first := reader{walk: NewWalk(nil, listed, shuffled)}
	first.read(shuffled[:49]...)
	if first.walk.Evidence(false).Any() {
		t.Error("a directory that was not read to its end tells of the next one")
	}
	first.read(shuffled[49])
	second := reader{walk: NewWalk(first.walk.Evidence(false), listed, shuffled)}
	second.read(shuffled[0])
	if len(second.fetched) != mostAheadFiles || second.unread(shuffled[1:17]) != 0 {
		t.Errorf("after its first file the files %v are ahead, want %v", second.fetched, shuffled[1:17])
	}
	third := reader{walk: NewWalk(first.walk.Evidence(false), listed, shuffled)}
	third.read(shuffled[5])
	if len(third.fetched) != 0 {
		t.Errorf("after a file from the middle %v are ahead, want none", third.fetched)
	}
}

func TestWhatIsRefusedIsAskedForAgain(t *testing.T) {
	listed, _ := inOrder(50)
	w := NewWalk(nil, listed)
	var fetched []int
	for i := range listed {
		room := 3
		w.Read(i, func(file int) bool {
			if room == 0 {
				return false
			}
			room--
			fetched = append(fetched, file)
			return true
		})
	}
	if !slices.IsSorted(fetched) || len(slices.Compact(fetched)) != 48 {
		t.Errorf("fetched are %v, want 2 to 49", fetched)
	}
}

func TestTheWindowGoesOnBehindTheLastFile(t *testing.T) {
	listed, shuffled := inOrder(20)
	w := NewWalk(nil, listed, shuffled)
	for at, file := range shuffled {
		order, over := w.Read(int(file), func(int) bool { return true })
		if want := max(0, at+1+16-20); at > 3 && (over != want || order != 1) {
			t.Errorf("after %d files %d are to be ahead behind the last, by order %d; want %d, by order 1", at+1, over, order, want)
		}
		if w.Ended(0) || w.Ended(1) != (at == 19) {
			t.Errorf("after %d files the orders have ended: %v, %v", at+1, w.Ended(0), w.Ended(1))
		}
	}
}

func TestNothingBehindTheLastFileComesBeforeWhatWasRefused(t *testing.T) {
	listed, _ := inOrder(10)
	w := NewWalk(nil, listed)
	for _, file := range listed {
		if _, over := w.Read(int(file), func(int) bool { return false }); over != 0 && file < 9 {
			t.Errorf("after file %d, %d are to be ahead behind the last", file, over)
		}
	}
}
