package listing

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

var modelSeed = flag.Uint64("listing.seed", 0, "run the model test with this seed only, rather than with its own few")

// model is what a test knows of one name, for comparison.
type model struct {
	row    Row
	exists bool
	// foreign is when somebody else changed it last, if that was later than
	// our own last change; else zero.
	foreign time.Time
}

// world is a cache, its lagging server and what both should say.
type world struct {
	t     *testing.T
	s     *server
	c     *Cache
	rng   *rand.Rand
	lag   time.Duration
	names []string
	rows  map[string]*model
	seq   int
	log   []string
}

// TestRandomChangesByUsAndOthersAreSeenInTime compares scans and lookups with a
// plain map, under random changes, lag, page sizes, evictions and time.
// Promise 4: ours at once, those of others after the TTL and the listing's lag.
func TestRandomChangesByUsAndOthersAreSeenInTime(t *testing.T) {
	first, last := uint64(1), uint64(60)
	if *modelSeed != 0 {
		first, last = *modelSeed, *modelSeed
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := newServer(newClock(), 1+rng.IntN(8))
		w := &world{t: t, s: s, rng: rng, rows: map[string]*model{},
			lag: []time.Duration{0, 20 * time.Second, 50 * time.Second}[rng.IntN(3)]}
		s.setLag(w.lag)
		w.c = newCache(t, s, func(cfg *Config) {
			cfg.MaxOverlay = []int{6, 1000}[rng.IntN(2)]
			if cfg.MaxOverlay == 6 && w.lag > 0 {
				cfg.MaxOverlay = 1000 // a bound needs listings that do not lag
			}
			cfg.Bytes = []int64{1, 4000, 1 << 20}[rng.IntN(3)]
		})
		for base := range strings.FieldsSeq("a a- a-1 a. a0 b b.txt c") {
			w.names = append(w.names, "d/"+base, "d/"+base+"/")
		}
		for _, name := range w.names {
			w.rows[name] = &model{}
		}
		for range 400 {
			w.step()
			if t.Failed() {
				t.Fatalf("seed %d, lag %v, page %d; last steps:\n%s", seed, w.lag, s.page,
					strings.Join(w.log[max(0, len(w.log)-40):], "\n"))
			}
		}
	}
}

func (w *world) step() {
	w.s.clock.advance(time.Millisecond)
	name := w.names[w.rng.IntN(len(w.names))]
	m := w.rows[name]
	switch k := w.rng.IntN(20); {
	case k < 4:
		w.put(name, m, "own")
		w.c.Put(testDir, m.row)
	case k < 6:
		w.remove(name, m, "own")
		w.c.Remove(testDir, name)
	case k < 7:
		w.put(name, m, "foreign")
		m.foreign = w.s.clock.Now()
	case k < 8:
		w.remove(name, m, "foreign")
		m.foreign = w.s.clock.Now()
	case k < 11:
		d := time.Duration(w.rng.IntN(40)) * time.Second
		w.note("%v pass", d)
		w.s.clock.advance(d)
	case k < 12 && w.rng.IntN(4) == 0:
		w.note("invalidate")
		w.c.Invalidate(testDir)
	case k < 15:
		w.checkScan()
	default:
		w.checkLookup(strings.TrimSuffix(strings.TrimPrefix(name, "d/"), "/"))
	}
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, w.s.clock.Now().Format("04:05.000 ")+fmt.Sprintf(format, args...))
}

func (w *world) put(name string, m *model, who string) {
	w.seq++
	*m = model{row: w.s.put(name, fmt.Sprintf("%s%d", who, w.seq)), exists: true}
	w.note("%s put %s %s", who, name, m.row.ETag)
}

func (w *world) remove(name string, m *model, who string) {
	w.s.remove(name)
	*m = model{}
	w.note("%s remove %s", who, name)
}

// sure tells whether the cache must know about the row.
func (w *world) sure(m *model) bool {
	return m.foreign.IsZero() || w.s.clock.Now().Sub(m.foreign) >= testTTL+w.lag
}

func (w *world) checkScan() {
	w.t.Helper()
	w.note("scan")
	shown := map[string]Entry{}
	for _, e := range entries(w.t, w.c) {
		key := "d/" + e.Name
		if e.Kind == Directory {
			key += "/"
		}
		if _, twice := shown[key]; twice {
			w.t.Errorf("%s is shown twice", key)
		}
		shown[key] = e
	}
	for name, m := range w.rows {
		e, ok := shown[name]
		w.compare("scan", name, m, e, ok)
	}
	w.collisions(shown)
}

// collisions checks that a file is marked exactly if its directory is shown.
func (w *world) collisions(shown map[string]Entry) {
	w.t.Helper()
	for key, e := range shown {
		if _, beside := shown[key+"/"]; e.Kind == File && e.Collides != beside {
			w.t.Errorf("%s: collides is %v", key, e.Collides)
		}
	}
}

func (w *world) compare(what, name string, m *model, e Entry, ok bool) {
	w.t.Helper()
	if !w.sure(m) {
		return
	}
	if ok != m.exists || ok && e.Row.ETag != m.row.ETag {
		w.t.Errorf("%s shows %s: %v %q, want %v %q", what, name, ok, e.Row.ETag, m.exists, m.row.ETag)
	}
}

// checkLookup looks a name up the way a file system does.
func (w *world) checkLookup(name string) {
	w.t.Helper()
	e, a := w.c.Lookup(w.t.Context(), testDir, name)
	asked := "memory"
	if a.State == Unknown && w.c.Miss(w.t.Context(), testDir, name) {
		if _, err := w.c.Fill(w.t.Context(), testDir, name); err != nil {
			w.t.Error(err)
		}
		e, a = w.c.Lookup(w.t.Context(), testDir, name)
		asked = "fill"
	}
	if a.State == Unknown {
		at := w.c.Begin(testDir)
		var rows []Row
		for _, row := range []string{"d/" + name, "d/" + name + "/"} {
			if r, ok := w.s.exists(row); ok {
				rows = append(rows, r)
			}
		}
		w.c.Note(testDir, name, at, rows...)
		w.note("note %s: %d rows", name, len(rows))
		return
	}
	w.note("lookup %s (%s): %v %v", name, asked, a.State, word(e))
	file, dir := w.rows["d/"+name], w.rows["d/"+name+"/"]
	fileEntry, fileShown := e, a.State == Found && e.Kind == File
	if a.Collision != nil {
		fileEntry, fileShown = *a.Collision, true
	}
	isDir := a.State == Found && e.Kind == Directory
	// What we made is told even if nothing is known of its twin.
	if isDir || w.known(name) {
		w.compare("lookup", "d/"+name+"/", dir, e, isDir)
	}
	if fileShown || w.known(name) {
		w.compare("lookup", "d/"+name, file, fileEntry, fileShown)
	}
}

// known tells whether the cache knows both rows of the name.
func (w *world) known(name string) bool {
	object, below := w.c.facts(testDir, name)
	return object.known && below.known
}

// TestConcurrentUseIsSafe is for the race detector; it also checks that a name
// that is there throughout is shown exactly once by every scan.
func TestConcurrentUseIsSafe(t *testing.T) {
	s := newServer(newClock(), 7)
	for i := range 30 {
		s.put("d/"+padded(i), "first")
	}
	c := newCache(t, s, func(cfg *Config) {
		cfg.Bytes, cfg.MaxOverlay, cfg.MaxDirs = 8000, 20, 4
	})
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 3))
			for i := range 60 {
				name := fmt.Sprintf("%s-%d", padded(rng.IntN(30)), rng.IntN(3))
				switch rng.IntN(10) {
				case 0, 1:
					c.Put(testDir, s.put("d/"+name, fmt.Sprint(worker, i)))
				case 2:
					s.remove("d/" + name)
					c.Remove(testDir, "d/"+name)
				case 3:
					c.Note(testDir, name, c.Begin(testDir))
				case 4:
					c.Invalidate(testDir)
				case 5:
					c.Forget(testDir, "d/"+name)
				case 6:
					s.clock.advance(20 * time.Second)
				case 7:
					if _, err := c.Fill(t.Context(), testDir, name); err != nil {
						t.Error(err)
					}
				case 8:
					c.Lookup(t.Context(), testDir, name)
					c.Changes(testDir)
					c.Begin(Dir{Container: fmt.Sprint(i)})
				default:
					seen := map[string]int{}
					for _, e := range entries(t, c) {
						seen[e.Name]++
					}
					for i := range 30 {
						if n := seen[padded(i)]; n != 1 {
							t.Errorf("%s is shown %d times", padded(i), n)
						}
					}
				}
			}
		})
	}
	wg.Wait()
}
