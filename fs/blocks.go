package fs

import (
	"swiftfs/cache/block"
	"swiftfs/cache/listing"
)

// openBlocks makes the store of object data on disk, if the cache directory has a
// size for it.
func (f *FS) openBlocks() error {
	if f.cfg.Cache == nil || f.cfg.Cache.Limit() == 0 {
		return nil
	}
	var err error
	f.blocks, err = block.NewStore(f.cfg.Cache, f.log)
	return err
}

// onDisk returns the version of row, which src has, with the disk in front of it,
// for its owner to close; or nil: nothing is kept on disk, or not of this version.
func (n *fileNode) onDisk(row *listing.Row, src block.Source) *block.Version {
	if n.f.blocks == nil || row.Local || row.ETag == "" || row.Size == 0 {
		return nil
	}
	return n.f.blocks.Open(n.f.blockKey(n.where(), row.ETag, row.Size), src)
}

func (f *FS) blockKey(at place, etag string, size int64) block.Key {
	return block.Key{Account: f.home.url, Container: at.container, Object: at.object, ETag: etag, Size: size}
}
