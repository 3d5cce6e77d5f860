//go:build !linux

package writeback

import (
	"errors"
	"os"
)

// punch cannot give space back here; it goes with the file.
func punch(*os.File, Range) error { return errors.ErrUnsupported }

// allocate cannot take space in advance here.
func allocate(*os.File, Range) error { return nil }
