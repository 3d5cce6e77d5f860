package rig

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Request is one request as the server's access log has it.
type Request struct {
	Method    string
	Path      string // escaped, with the query; Swift adds parameters to that of a listing
	Status    int
	UserAgent string
}

// accessLog reads the access log of a server.
type accessLog struct {
	path string
	// fence is the URL of a request that any server answers and logs; a query
	// is added to it.
	fence string
	// parse returns the request of a line, or false for any other line.
	parse func(line string) (Request, bool)
	// mark is the offset in the log, in bytes, from which requests count.
	mark int64
}

// Mark makes Requests and RequestCount count from now on.
func (s *Server) Mark(ctx context.Context) error {
	_, end, err := s.access.read(ctx)
	if err != nil {
		return err
	}
	s.access.mark = end
	return nil
}

// Requests returns the clients' requests since Mark (or the start) that were
// answered before this call, in the order of the log. What the server asks of
// itself, as the parts of a large object, is not among them, nor are the rig's
// own requests.
func (s *Server) Requests(ctx context.Context) ([]Request, error) {
	requests, _, err := s.access.read(ctx)
	return requests, err
}

// RequestCount returns the number of Requests.
func (s *Server) RequestCount(ctx context.Context) (int, error) {
	requests, err := s.Requests(ctx)
	return len(requests), err
}

const fenceQuery = "?swiftfs-rig-fence="

// read returns the requests from the mark on, and the offset of the log's end. A
// server writes the line of a request after it answered: so a request of our own
// is sent, and the log is complete up to it once its line is there.
func (a *accessLog) read(ctx context.Context) ([]Request, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	fence := a.fence + fenceQuery + rand.Text()
	if err := answers(fence, false)(ctx); err != nil {
		return nil, 0, fmt.Errorf("mark the access log: %w", err)
	}
	fence = fence[strings.Index(fence, fenceQuery):]
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		lines, err := readFrom(a.path, a.mark)
		if err != nil {
			return nil, 0, err
		}
		if requests, n := a.until(fence, lines); n >= 0 {
			return requests, a.mark + n, nil
		}
		select {
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("wait for the access log: %w; it ends:\n%s", ctx.Err(), tail(a.path))
		case <-ticker.C:
		}
	}
}

// until returns the requests before the fence's line, and the length of the log
// up to the end of that line; -1 if the line is not there yet.
func (a *accessLog) until(fence string, log []byte) ([]Request, int64) {
	var requests []Request
	n := int64(0)
	for line := range bytes.Lines(log) {
		n += int64(len(line))
		r, ok := a.parse(string(line))
		switch {
		case !ok:
		case strings.HasSuffix(r.Path, fence) && line[len(line)-1] == '\n':
			return requests, n
		case strings.Contains(r.Path, fenceQuery):
		default:
			requests = append(requests, r)
		}
	}
	return nil, -1
}

func readFrom(path string, offset int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}
