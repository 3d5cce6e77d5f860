package prefetch

// mostAheadFiles is how many files of a directory are ahead of their reader at
// most: as many requests are under way at once. Of one who has read longRun in a
// row, longAheadFiles are: he finds files that have arrived while those behind them
// are under way, and so many of those start at once when all have arrived at once.
const (
	mostAheadFiles = 16
	longAheadFiles = 32
	longRun        = 64
)

// mostRun bounds the evidence of an order for one who has passed a file over, so
// that a reader who leaves it is noticed within a few files.
const mostRun = 6

// Walk follows a reader through the files of one directory and tells which
// files come next. Programs go through a directory in one of a few orders: the
// caller gives those in question. A Walk is plain state without locks.
type Walk struct {
	orders []order
}

// order is one order of the files and how far the reader is in it.
type order struct {
	files []int32 // the file at each position
	at    []int32 // the position of each file

	last  int // position of the latest read; -1 before the first
	run   int // reads in a row that went forward, less the files passed over
	asked int // position up to which files were asked for
}

// Evidence is how well each order of a Walk has predicted the reader, for the
// Walk of the directory that the same reader comes to next.
type Evidence []int

// Any reports whether there is evidence of any order.
func (e Evidence) Any() bool {
	for _, run := range e {
		if run > 0 {
			return true
		}
	}
	return false
}

// NewWalk begins a Walk through the files that each of the orders has, as numbers
// from 0. Before holds what the Walk before this one told, or is nil.
func NewWalk(before Evidence, orders ...[]int32) *Walk {
	w := &Walk{orders: make([]order, len(orders))}
	for i, files := range orders {
		o := &w.orders[i]
		o.files, o.at, o.last = files, make([]int32, len(files)), -1
		for at, file := range files {
			o.at[file] = int32(at)
		}
		if i < len(before) {
			o.run = before[i]
		}
	}
	return w
}

// Evidence returns what the Walk tells of the reader when he comes to another
// directory: that counts for the orders in which this one has been read to its
// end, or in which he is (inside) while he turns to a directory below it.
func (w *Walk) Evidence(inside bool) Evidence {
	e := make(Evidence, len(w.orders))
	for i := range w.orders {
		if o := &w.orders[i]; inside || o.last == len(o.files)-1 {
			e[i] = o.run
		}
	}
	return e
}

// Ended reports whether the last file of an order was read, and those before it
// as the order has them.
func (w *Walk) Ended(order int) bool {
	o := &w.orders[order]
	return o.run > 0 && o.last == len(o.files)-1
}

// Read notes that a file is read and has start called for those to be fetched
// now, in the order of their reading. What start refuses it is asked again. Once
// all to the last have been asked for, over is how many files that come after
// those of the Walk are to be ahead, too, and order is the one that the reader
// follows.
//
// The number of files ahead doubles with each read that follows the one before,
// so that a reader who stops leaves at most about three times as many files
// unread as he has read, and at most half as many once that is many.
func (w *Walk) Read(file int, start func(file int) bool) (order, over int) {
	best := -1
	for i := range w.orders {
		o := &w.orders[i]
		o.note(int(o.at[file]))
		if best < 0 || o.run > w.orders[best].run {
			best = i
		}
	}
	if best < 0 || w.orders[best].run == 0 {
		return 0, 0
	}
	o := &w.orders[best]
	end := o.last + 1 + o.window()
	for at := max(o.last+1, o.asked); at < min(end, len(o.files)); at++ {
		if !start(int(o.files[at])) {
			return best, 0
		}
		o.asked = at + 1
	}
	return best, max(end-len(o.files), 0)
}

// window is how many files are to be ahead of the reader.
func (o *order) window() int {
	if o.run == longRun {
		return longAheadFiles
	}
	return min(1<<min(o.run, mostRun), mostAheadFiles)
}

// note moves the reader to a position.
func (o *order) note(at int) {
	step := at - o.last
	switch {
	case o.last < 0 && at > 0:
		o.run = 0
	case o.last < 0:
		if o.run > 0 {
			o.run++
		}
	case step <= 0 && o.run > 0 && -step < mostAheadFiles:
		return // overtaken by a later read, or the same again
	case step == 1:
		o.run++
	case step > 1 && o.run > 0:
		o.run = max(0, min(o.run, mostRun)+2-step)
	default:
		o.run = 0
	}
	o.run = min(o.run, longRun)
	if o.run == 0 {
		o.asked = 0
	}
	o.last = at
}
