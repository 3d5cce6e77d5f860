//go:build linux

package model

// Shrink returns a short sequence that fails as well: it takes parts away for
// as long as fails says that the rest fails, and then makes numbers smaller.
func Shrink(ops Ops, fails func(Ops) bool) Ops {
	for chunk := len(ops) / 2; chunk > 0; {
		shorter, ok := withoutChunk(ops, chunk, fails)
		switch {
		case ok:
			ops = shorter
			chunk = min(chunk, len(ops)/2)
		case chunk == 1:
			return simplify(ops, fails)
		default:
			chunk /= 2
		}
		chunk = max(chunk, min(1, len(ops)-1))
	}
	return simplify(ops, fails)
}

// withoutChunk takes away as many parts of n operations as it can, the last
// ones first: what comes late depends on less.
func withoutChunk(ops Ops, n int, fails func(Ops) bool) (Ops, bool) {
	shorter := false
	for end := len(ops); end > 0; end -= n {
		start := max(0, end-n)
		rest := append(append(Ops{}, ops[:start]...), ops[end:]...)
		if len(rest) > 0 && fails(rest) {
			ops, shorter = rest, true
		}
	}
	return ops, shorter
}

// simplify tries smaller numbers in each operation.
func simplify(ops Ops, fails func(Ops) bool) Ops {
	ops = append(Ops{}, ops...)
	for i := range ops {
		for _, field := range []func(*Op) *int64{
			func(o *Op) *int64 { return &o.Len }, func(o *Op) *int64 { return &o.Off }, func(o *Op) *int64 { return &o.Off2 },
		} {
			was := *field(&ops[i])
			for _, smaller := range []int64{0, 1, 10, 1000, was / 2, was - 1} {
				if smaller < 0 || smaller >= was {
					continue
				}
				*field(&ops[i]) = smaller
				if fails(ops) {
					break
				}
				*field(&ops[i]) = was
			}
		}
	}
	return ops
}
