package fs

import "sync/atomic"

// plusCredit decides whether directories are listed with the attributes of the
// files in them. With attributes, the kernel gets an inode for each file, and
// keeps it long: `ls -l` and du need them and save a lookup each, but find would
// fill memory with what it never looks at. The kernel does not tell what it
// uses. So attributes are given on credit: when it is used up, files are
// listed without, until one that was is looked up.
type plusCredit struct {
	left atomic.Int64
	// asked says that the last to find out was a lookup.
	asked atomic.Bool
}

const (
	firstPlusCredit = 1024
	morePlusCredit  = 4096
)

func (p *plusCredit) start() { p.left.Store(firstPlusCredit) }

// give reports whether a file is to be listed with its attributes.
func (p *plusCredit) give() bool {
	if p.left.Load() <= 0 {
		p.asked.Store(false)
		return false
	}
	p.left.Add(-1)
	return true
}

// lookedUp notes that the attributes of a file that was listed without are asked
// for.
func (p *plusCredit) lookedUp() {
	p.asked.Store(true)
	p.left.Store(morePlusCredit)
}

// wanted reports whether attributes were asked for when they were last left out.
func (p *plusCredit) wanted() bool { return p.asked.Load() }
