// Package cache is what a mount keeps on this side of the network.
//
// Its parts share a rule: what the server can tell again may be dropped at any
// moment, and what only this mount knows (changes that listings do not show
// yet, data that is not uploaded yet) is held exactly until the server has it.
//
//   - cache/listing keeps directory listings and object metadata in memory,
//     overlaid with the mount's own recent changes.
//   - cache/block keeps object data on disk, by object version.
//   - cache/writeback keeps files that are being written, and what of them has
//     to survive a crash.
//
// This package itself owns the cache directory on disk. None of the packages
// below it knows FUSE or Swift: each declares the small interface that it
// needs of the layer above or below.
package cache
