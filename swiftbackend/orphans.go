package swiftbackend

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// OrphanOptions choose where orphans are looked for.
type OrphanOptions struct {
	// Container and Prefix choose the uploads: those of the objects of one
	// container, and of those whose names have a prefix. "" is all of them.
	Container string
	Prefix    string
	// OlderThan is the age of an upload's latest segment from which on it can
	// be an orphan. It must be more than any upload that is under way pauses
	// between two of its segments, or between the last one and its manifest.
	OlderThan time.Duration
}

// Orphans are the segments of one upload that no manifest names.
type Orphans struct {
	Object   Name      // what the upload was made for
	Latest   time.Time // when the upload's latest segment was stored
	Segments []Segment
}

// Bytes returns how much the segments amount to.
func (o *Orphans) Bytes() int64 {
	var n int64
	for _, s := range o.Segments {
		n += s.Size
	}
	return n
}

// Tally is a number of segments and what they amount to.
type Tally struct{ Segments, Bytes int64 }

func (t *Tally) add(bytes int64) {
	t.Segments++
	t.Bytes += bytes
}

// OrphanReport tells what a search left alone, and why.
type OrphanReport struct {
	Now time.Time // the server's clock, which ages are counted by

	Named   Tally // old enough, and named by a manifest
	Young   Tally // of uploads that may be under way
	Foreign Tally // whose names are not those that swiftfs makes
	// Doubtful segments are named by no manifest that can be read; but there
	// are the following, which may name them.
	Doubtful Tally
	// Unreadable are static manifests that the server does not give back and
	// whose checksum is that of no series of segments in the account, and objects
	// that are listed but cannot be found.
	Unreadable []Name
	// Versioned are containers whose old versions, manifests perhaps, the
	// server does not list.
	Versioned []string
}

// Orphans looks for segments that no manifest names: what uploads left behind
// that were cut off, and large objects that were replaced or deleted by a
// program that does not know of segments. It deletes nothing; DeleteSegments
// does. found is called for one upload after the other, as soon as it is known
// that no manifest names its segments.
//
// An object that SetAside has put among the segments and that was forgotten is
// an orphan too. If it is a manifest, its segments are orphans once it is deleted:
// the next search finds them. Until then it looks the same while its file is
// open, and the segments of a deleted file that is being edited do: such files
// lose their content if they are older than OlderThan.
//
// Only segments with names that SegmentPrefix makes are looked at. A manifest
// that names them may be in any container of the account, because a renamed
// object has its segments under its former name. So the segments are listed
// first, and then all containers, in which every manifest is read. That this is
// safe while others work rests on three things:
//
//   - Nobody but its own upload names a segment that no manifest names: a copy
//     or a rename takes the names from another manifest. So a segment that was
//     unnamed stays so unless its upload is under way, and then it is young.
//   - A manifest may be renamed while the containers are listed, from a place
//     that is not listed yet to one that was. Its date is then that of the
//     renaming: all containers are listed a second time, for manifests that are
//     younger than the search.
//   - What cannot be read is not taken for absent: any error ends the search,
//     and a manifest that the server does not give back (RGW) has its segments
//     found by their checksums, or puts all others in doubt.
//
// Two things are taken for granted: that listings are not behind by more than
// the time between the two looks, except for what is younger than OlderThan, and
// that a dynamic manifest has no bytes of its own.
//
// The memory that this takes is that of the names of segments in one container,
// or of about a million of several.
func (c *Client) Orphans(ctx context.Context, o OrphanOptions, found func(Orphans) error) (OrphanReport, error) {
	s := &orphanSearch{c: c, o: o, found: found}
	if !c.listsManifests() {
		return s.report, &Error{Op: "find orphans", Kind: KindUnsupported, Detail: "before version 2.19 OpenStack Swift does not tell in listings which objects are large"}
	}
	var err error
	if s.report.Now, err = c.now(ctx); err != nil {
		return s.report, err
	}
	containers, err := s.segmentContainers(ctx) // in order
	if err != nil {
		return s.report, err
	}
	for _, name := range containers {
		if err := s.gather(ctx, name); err != nil {
			return s.report, err
		}
		if s.old.count >= orphanBatch {
			if err := s.settle(ctx); err != nil {
				return s.report, err
			}
		}
	}
	return s.report, s.settle(ctx)
}

// orphanBatch is the number of segments from which on those of further
// containers wait for the next look at all manifests.
const orphanBatch = 1 << 20

// listsManifests reports whether a static large object can be told from a plain
// one by its row.
func (c *Client) listsManifests() bool {
	if c.info.RGW || !c.info.SLO {
		return true
	}
	major, minor, _ := strings.Cut(c.info.Version, ".")
	n, m := statusNumber(major), statusNumber(minor)
	return n > 2 || n == 2 && m >= 19
}

// now asks for the time by the server's clock.
func (c *Client) now(ctx context.Context) (time.Time, error) {
	a, err := c.Account(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if t, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		return t, nil
	}
	return time.Now(), nil
}

// orphanSearch is one call of Orphans.
type orphanSearch struct {
	c      *Client
	o      OrphanOptions
	found  func(Orphans) error
	report OrphanReport
	// old are the uploads that are old enough, and not settled yet.
	old uploadSet
}

// segmentContainers returns the containers to look for segments in.
func (s *orphanSearch) segmentContainers(ctx context.Context) (names []string, err error) {
	if s.o.Container != "" {
		return []string{s.o.Container + SegmentsSuffix}, nil
	}
	err = s.c.eachContainer(ctx, func(name string) error {
		if strings.HasSuffix(name, SegmentsSuffix) {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// ownSegment is the end of a segment's name as SegmentPrefix begins it. The
// swift CLI has the object's size in the place of the random part, which is
// never as long.
var ownSegment = regexp.MustCompile(`/slo/[0-9]+\.[0-9]{6}/[0-9a-f]{16}/[0-9]+/[0-9]{8}(-[0-9]+)?$`)

// gather takes in the uploads of one container. The name of one upload may begin
// with that of another, so that their segments alternate in the listing.
func (s *orphanSearch) gather(ctx context.Context, container string) error {
	uploads := map[string]*upload{}
	err := s.c.eachObject(ctx, container, s.o.Prefix, func(row *ObjectRow) error {
		if row.SymlinkPath != "" || !ownSegment.MatchString(row.Name) {
			s.report.Foreign.add(row.Bytes)
			return nil
		}
		if row.SLOETag != "" {
			row.Bytes = 0 // a manifest that was set aside; its segments count by themselves
		}
		dir, base := splitName(row.Name)
		up := uploads[dir]
		if up == nil {
			up = &upload{container: container, dir: dir}
			uploads[dir] = up
		}
		if row.Modified.After(up.latest) {
			up.latest = row.Modified
		}
		up.segments = append(up.segments, piece{base: base, size: row.Bytes, etag: row.Hash})
		return nil
	})
	if KindOf(err) == KindNotExist {
		return nil
	}
	for _, dir := range slices.Sorted(maps.Keys(uploads)) {
		s.take(uploads[dir])
	}
	return err
}

// take adds an upload to those that may be orphans, if it is old enough.
func (s *orphanSearch) take(up *upload) {
	if up.latest.Before(s.report.Now.Add(-s.o.OlderThan)) {
		s.old.add(up)
		return
	}
	for _, p := range up.segments {
		s.report.Young.add(p.size)
	}
}

// settle finds out which of the gathered segments have names in manifests, and
// hands on the others.
func (s *orphanSearch) settle(ctx context.Context) error {
	if s.old.count == 0 {
		return nil
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	certain := len(s.report.Unreadable) == 0 && len(s.report.Versioned) == 0
	for _, up := range s.old.all {
		rest := up.segments[:0]
		for _, p := range up.segments {
			switch {
			case p.named:
				s.report.Named.add(p.size)
			case !certain:
				s.report.Doubtful.add(p.size)
			default:
				rest = append(rest, p)
			}
		}
		if up.segments = rest; len(rest) == 0 {
			continue
		}
		if err := s.found(up.orphans()); err != nil {
			return err
		}
	}
	s.old = uploadSet{}
	return nil
}

// The listings of a search end with an empty page, whatever the server says of its
// pages' length: what is not seen is taken for unnamed, and deleted.

// eachContainer gives the names of all containers to yield.
func (c *Client) eachContainer(ctx context.Context, yield func(string) error) error {
	var o ListOptions
	for {
		var names []string
		_, err := c.ListContainers(ctx, o, func(row ContainerRow) error {
			names = append(names, row.Name)
			return nil
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := yield(name); err != nil {
				return err
			}
		}
		if len(names) == 0 {
			return nil
		}
		o.Marker = names[len(names)-1]
	}
}

// eachObject gives all rows of a container to yield, which must not wait: the
// server is sending.
func (c *Client) eachObject(ctx context.Context, container, prefix string, yield func(*ObjectRow) error) error {
	o := ListOptions{Prefix: prefix}
	for {
		rows := 0
		_, err := c.ListObjects(ctx, container, o, func(row ObjectRow) error {
			o.Marker = row.Name
			rows++
			return yield(&row)
		})
		if err != nil || rows == 0 {
			return err
		}
	}
}

// splitName cuts a name behind its last slash.
func splitName(name string) (dir, base string) {
	i := strings.LastIndexByte(name, '/') + 1
	return name[:i], name[i:]
}

// upload is a series of segments that one upload stored.
type upload struct {
	container string
	dir       string // what their names begin with, up to the last slash
	latest    time.Time
	segments  []piece // in the order of their names
}

// piece is a segment of an upload.
type piece struct {
	base  string // its name is upload.dir and this
	size  int64
	etag  string
	named bool // by a manifest
}

func (u *upload) orphans() Orphans {
	object := ownSegment.FindStringIndex(u.dir + u.segments[0].base)[0]
	o := Orphans{
		Object: Name{Container: strings.TrimSuffix(u.container, SegmentsSuffix), Object: u.dir[:object]},
		Latest: u.latest, Segments: make([]Segment, len(u.segments)),
	}
	for i, p := range u.segments {
		o.Segments[i] = Segment{Container: u.container, Name: u.dir + p.base, Size: p.size, ETag: p.etag}
	}
	return o
}

// uploadSet are uploads in the order of their containers and names.
type uploadSet struct {
	all   []*upload
	count int // segments
	// byETag finds segments by their content, once it was asked for.
	byETag map[string][]*piece
}

func (s *uploadSet) add(up *upload) {
	s.all = append(s.all, up)
	s.count += len(up.segments)
}

// compare orders an upload and a place.
func (u *upload) compare(n Name) int {
	if c := strings.Compare(u.container, n.Container); c != 0 {
		return c
	}
	return strings.Compare(u.dir, n.Object)
}

// name notes that a manifest names a segment.
func (s *uploadSet) name(n Name) {
	dir, base := splitName(n.Object)
	i, ok := slices.BinarySearchFunc(s.all, Name{n.Container, dir}, (*upload).compare)
	if !ok {
		return
	}
	segments := s.all[i].segments
	if j, ok := slices.BinarySearchFunc(segments, base, func(p piece, base string) int { return strings.Compare(p.base, base) }); ok {
		segments[j].named = true
	}
}

// namePrefix notes that a manifest names all segments whose names begin with
// n.Object.
func (s *uploadSet) namePrefix(n Name) {
	dir, base := splitName(n.Object)
	i, ok := slices.BinarySearchFunc(s.all, Name{n.Container, dir}, (*upload).compare)
	if ok {
		s.all[i].nameBases(base)
	}
	if base != "" {
		i, _ = slices.BinarySearchFunc(s.all, n, (*upload).compare)
	}
	for ; i < len(s.all) && s.all[i].container == n.Container && strings.HasPrefix(s.all[i].dir, n.Object); i++ {
		s.all[i].nameBases("")
	}
}

func (u *upload) nameBases(prefix string) {
	for i := range u.segments {
		if strings.HasPrefix(u.segments[i].base, prefix) {
			u.segments[i].named = true
		}
	}
}

// nameContent notes that some manifest may name any of the segments with one of
// these ETags.
func (s *uploadSet) nameContent(etags []string) {
	if s.byETag == nil {
		s.byETag = make(map[string][]*piece, s.count)
		for _, up := range s.all {
			for i := range up.segments {
				p := &up.segments[i]
				s.byETag[p.etag] = append(s.byETag[p.etag], p)
			}
		}
	}
	for _, etag := range etags {
		for _, p := range s.byETag[etag] {
			p.named = true
		}
	}
}
