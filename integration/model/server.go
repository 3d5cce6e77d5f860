//go:build linux

package model

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"golang.org/x/sys/unix"

	"swiftfs/swiftbackend"
)

// server is what another client sees and does in the container that is mounted.
type server struct {
	ctx       context.Context //nolint:containedctx // that of the test, which owns the mount
	client    *swiftbackend.Client
	container string
	// left are segments that this client left behind when it replaced a large
	// object. The mount is not to blame for them.
	left map[string]bool
}

func (s *server) segments() string { return s.container + "_segments" }

// has compares everything in the container with the memory, and the segments
// with the manifests that name them; orphans says whether there may be others.
func (s *server) has(want *Memory, orphans bool) error {
	missing := maps.Collect(want.all)
	rows, err := s.list(s.container)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, row := range rows {
		// A directory has a marker under either name, or both.
		p := strings.TrimSuffix(row.Name, "/")
		e := want.at(p, false)
		if e == nil || isDirectory(row) != (e.kind == unix.S_IFDIR) {
			return fmt.Errorf("the server has an object %q, %d bytes of type %q, that stands for nothing", row.Name, row.Bytes, row.ContentType)
		}
		delete(missing, p)
		if err := s.check(row, e, named); err != nil {
			return err
		}
	}
	for name := range missing {
		return fmt.Errorf("the server has no object for %q", name)
	}
	if orphans {
		return nil
	}
	return s.noOrphans(named)
}

// isDirectory reports whether an object is the marker of a directory.
func isDirectory(row swiftbackend.ObjectRow) bool {
	kind, _, _ := strings.Cut(row.ContentType, ";")
	return row.Bytes == 0 && kind == "application/directory"
}

// check compares one object and notes the segments that it names. The listing's
// checksum is as good as the bytes; a large object has to be read.
func (s *server) check(row swiftbackend.ObjectRow, e *entry, named map[string]bool) error {
	if e.kind != unix.S_IFREG {
		return nil
	}
	sum := md5.Sum(e.data)
	if row.SLOETag == "" && row.Hash == hex.EncodeToString(sum[:]) && row.Bytes == int64(len(e.data)) {
		return nil
	}
	info, err := s.client.Head(s.ctx, s.container, row.Name)
	if err != nil {
		return err
	}
	if info.Large() {
		segments, err := s.client.Segments(s.ctx, s.container, row.Name, info)
		if err != nil {
			return err
		}
		for _, seg := range segments {
			named[seg.Name] = true
		}
	}
	return s.hasObject(row.Name, e.data)
}

// hasObject compares the bytes of one object.
func (s *server) hasObject(name string, want []byte) error {
	info, err := s.client.Head(s.ctx, s.container, name)
	if err != nil {
		return fmt.Errorf("the server should have %q: %w", name, err)
	}
	if sum := md5.Sum(want); !info.Large() && info.ETag == hex.EncodeToString(sum[:]) {
		return nil
	}
	body, _, err := s.client.Get(s.ctx, s.container, name, swiftbackend.GetOptions{Length: -1})
	if err != nil {
		return fmt.Errorf("the server should have %q: %w", name, err)
	}
	got, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("the server should have %q: %w", name, err)
	}
	if !bytes.Equal(want, got) {
		return fmt.Errorf("the server has in %q %s, want %s: %s", name, describe(got), describe(want), firstDifference(want, got))
	}
	return nil
}

// noOrphans returns an error if there is a segment that no manifest names.
func (s *server) noOrphans(named map[string]bool) error {
	rows, err := s.list(s.segments())
	if err != nil && swiftbackend.KindOf(err) != swiftbackend.KindNotExist {
		return err
	}
	for _, row := range rows {
		if !named[row.Name] && !s.left[row.Name] {
			return fmt.Errorf("the segment %q, %d bytes, is in no manifest", row.Name, row.Bytes)
		}
	}
	return nil
}

func (s *server) list(container string) ([]swiftbackend.ObjectRow, error) {
	var rows []swiftbackend.ObjectRow
	for o := (swiftbackend.ListOptions{}); ; {
		end, err := s.client.ListObjects(s.ctx, container, o, func(row swiftbackend.ObjectRow) error {
			rows = append(rows, row)
			o.Marker = row.Key()
			return nil
		})
		if err != nil || end {
			return rows, err
		}
	}
}

// change does a Foreign operation.
func (s *server) change(op Op) error {
	if op.Kind == ForeignPost {
		_, err := s.client.Update(s.ctx, s.container, op.Path, func(info swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
			return swiftbackend.Change{ContentType: info.ContentType, Meta: info.Meta}, nil
		})
		return err
	}
	if err := s.leave(op.Path); err != nil {
		return err
	}
	if op.Kind == ForeignDelete {
		return s.client.Delete(s.ctx, s.container, op.Path)
	}
	data := content(op.Fill, 0, op.Len)
	sum := md5.Sum(data)
	_, err := s.client.Put(s.ctx, s.container, op.Path, swiftbackend.Content{
		Size: op.Len, MD5: hex.EncodeToString(sum[:]), Open: func() io.Reader { return bytes.NewReader(data) },
	}, swiftbackend.PutOptions{})
	return err
}

// leave notes the segments of what is about to be replaced: a client that knows
// nothing of them leaves them.
func (s *server) leave(name string) error {
	info, err := s.client.Head(s.ctx, s.container, name)
	switch {
	case swiftbackend.KindOf(err) == swiftbackend.KindNotExist && err != nil:
		return nil
	case err != nil || !info.Large():
		return err
	}
	segments, err := s.client.Segments(s.ctx, s.container, name, info)
	for _, seg := range segments {
		s.left[seg.Name] = true
	}
	return err
}
