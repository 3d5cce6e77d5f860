package bench

import "context"

// Row is work on one set of data in one setting.
type Row struct {
	Setting Setting
	Data    Data
	Fresh   bool     // each run changes the data, and gets its own
	Large   bool     // data to delete after the run
	Rounds  int      // at most; 0: as many as asked for
	Alone   bool     // only swiftfs, without peers
	Flags   []string // of swiftfs, beside the defaults
	// Remount, if set, prepares with a mount of its own, whose cache directory the
	// measured one takes over.
	Remount func(ctx context.Context, r *Run) error
	Steps   []Step
}

// Step is a piece of work that is measured; those of one row follow each other in
// one mount.
type Step struct {
	Name string // with the setting's, the name of the result
	Work string // for people
	Raws []Raw
	// Before prepares within the mount, and is not measured.
	Before func(ctx context.Context, r *Run) error
	Do     func(ctx context.Context, r *Run) error
	// Stored returns nil when the server has what Do wrote.
	Stored func(ctx context.Context, r *Run) error
	// Verify checks the result of Do.
	Verify func(ctx context.Context, r *Run) error
	Limits []Limit
	// Floor lets memory do the step, as all steps of the row or none; or nil.
	Floor *Floor
}

// Raw is the same work by plain HTTP.
type Raw struct {
	Name  string
	Conns int
	Do    func(ctx context.Context, r *Run) error
	// Verify checks what is on the server, where Do does not compare.
	Verify func(ctx context.Context, r *Run) error
}

// Data is what the server has before a run.
type Data struct {
	Name string
	Big  bool // runs use the large file of Local
	// InMemory is what memory has of it: memoryBig, memoryTree or nothing.
	InMemory string
	Fill     func(ctx context.Context, s *server, container string) error // nil: an empty container
}

// Run is one run of a row by one candidate.
type Run struct {
	Dir       string // the mount point, "" for raw
	Scratch   string // a local directory of this run
	Container string
	Raw       *account // of the candidate raw, through its proxy
	Server    *server
	Local     *Local
	Out       string // what a program has printed
}

// Figure is what a limit is about.
type Figure string

// The figures that have limits.
const (
	Requests Figure = "requests"
	Down     Figure = "MiB down"
	Up       Figure = "MiB up"
	Seconds  Figure = "s"
	CPU      Figure = "CPU s"
	Memory   Figure = "MiB memory"
)

// Limit is a target: the most that a figure of swiftfs may be.
type Limit struct {
	Figure Figure
	Most   float64
	// Times, if set, makes Most a factor: of the least that these candidates have
	// in the same figure. A candidate with a "/" is one of another result,
	// "untar@0ms/swiftfs".
	Times []string
}

// memoryLimit holds for all rows: memory-limit and what a Go program needs beside.
var memoryLimit = Limit{Figure: Memory, Most: 150}

func requests(most float64) Limit { return Limit{Figure: Requests, Most: most} }
func down(most float64) Limit     { return Limit{Figure: Down, Most: most} }
func up(most float64) Limit       { return Limit{Figure: Up, Most: most} }
func cpu(most float64) Limit      { return Limit{Figure: CPU, Most: most} }
func seconds(most float64) Limit  { return Limit{Figure: Seconds, Most: most} }

// times bounds the time by a factor of the fastest of other candidates.
func times(factor float64, of ...string) Limit {
	return Limit{Figure: Seconds, Most: factor, Times: of}
}
