package listing

import "context"

// ScanKnown goes through what is in memory of dir after the row name, without a
// request: it ends where that ends. Own changes in doubt are shown as this
// mount made them.
func (c *Cache) ScanKnown(dir Dir, after string) *Scanner {
	return &Scanner{cache: c, dir: dir, merge: merger{dir: dir}, pos: after, known: true}
}

// take is what comes after pos.
func (s *Scanner) take(ctx context.Context) (view, error) {
	if !s.known {
		return s.cache.view(ctx, s.dir, s.pos, s.view.page)
	}
	v, ok := s.cache.cachedView(s.dir, s.pos)
	if !ok {
		s.cut = true
		return view{window: window{to: s.pos, end: true}}, nil
	}
	return v, nil
}

// Cut reports whether a scan of what is in memory has ended although the directory
// may go on.
func (s *Scanner) Cut() bool { return s.cut }
