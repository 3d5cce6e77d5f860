// Package writeback has the files that are being written: what programs changed
// and the server does not have yet.
package writeback
