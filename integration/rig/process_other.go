//go:build !linux

package rig

import (
	"context"
	"errors"
	"time"
)

// process stands for the server that cannot be started here.
type process struct {
	command command
	pid     int
	done    chan struct{}
	err     error
}

func start(context.Context, command) (*process, error) { return nil, errors.ErrUnsupported }

func (p *process) pause() error             { return errors.ErrUnsupported }
func (p *process) resume() error            { return errors.ErrUnsupported }
func (p *process) stop(time.Duration) error { return errors.ErrUnsupported }

func holdsAttributes(string) bool { return false }
