//go:build !linux

package bench

import "errors"

// thisMachine needs Linux.
func thisMachine() (Machine, error) { return Machine{}, errors.ErrUnsupported }

// busySeconds is not known here.
func busySeconds() (float64, error) { return 0, nil }

// touchMemory leaves memory as it is.
func touchMemory(int) error { return nil }
