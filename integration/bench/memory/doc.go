// Package memory is a file system whose work costs as little as it can: it has a
// tree in memory and needs no server. What a program takes in it is the price of
// the program itself, of the kernel and of go-fuse, which every file system pays that
// is mounted with the same library. So it is mounted as swiftfs is: with requests of
// 1 MiB, read-ahead of the same size, pages and attributes that the kernel keeps,
// and writes that come past the page cache.
//
// Of a file that is read, the kernel gets pieces as they are in memory, uncopied. One
// that is written is known beforehand, see [Content]: its bytes are compared as they
// come, and nothing is kept twice.
//
// With a [Relay] the bytes of files come from a server and go there: one plain request
// for each file that is closed or removed, and for each piece that the kernel asks
// for. That is the least that a file system can do whose data is on a server, if it
// does not foresee what programs will do.
package memory
