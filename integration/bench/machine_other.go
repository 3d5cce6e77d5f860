//go:build !linux

package bench

import "errors"

// thisMachine needs Linux.
func thisMachine() (Machine, error) { return Machine{}, errors.ErrUnsupported }
