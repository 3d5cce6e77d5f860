package swiftbackend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// Uploads of segments begin many at once, and the first ones of a container may
// find that there is none for its segments yet. Until a request has shown that
// there is, one goes ahead and the others wait for what it finds.

// segmentContainers has the containers of segments that the client knows of.
type segmentContainers struct {
	mu    sync.Mutex // guards the following
	known map[string]*segmentContainer
}

// mostContainers is how many containers the client remembers something of; with
// more, all is forgotten.
const mostContainers = 1024

// segmentContainer is what is known of one container of segments.
type segmentContainer struct {
	// turn is held by the request that goes ahead, and by who makes the container.
	// It is a channel so that waiting for it can end.
	turn chan struct{}

	mu sync.Mutex // guards the following
	// found says that requests need not wait for another.
	found bool
	// made is how often the client made the container.
	made int
}

func (s *segmentContainers) of(name string) *segmentContainer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) > mostContainers {
		s.known = map[string]*segmentContainer{}
	}
	if s.known[name] == nil {
		s.known[name] = &segmentContainer{turn: make(chan struct{}, 1)}
	}
	return s.known[name]
}

func (s *segmentContainers) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, name)
}

// segmentVisit is one request for a container of segments.
type segmentVisit struct {
	to    *segmentContainer
	made  int  // to.made when the request began
	holds bool // whether it has the turn; to.mu guards it
}

// visit begins a request, as soon as it need not wait for another.
func (s *segmentContainer) visit(ctx context.Context) (*segmentVisit, error) {
	v := &segmentVisit{to: s}
	if !v.free() {
		if err := v.take(ctx); err != nil {
			return nil, err
		}
		if v.free() {
			v.leave(true)
		}
	}
	return v, nil
}

// free reports whether nobody need wait.
func (v *segmentVisit) free() bool {
	v.to.mu.Lock()
	defer v.to.mu.Unlock()
	v.made = v.to.made
	return v.to.found
}

// take waits for the turn, unless v has it.
func (v *segmentVisit) take(ctx context.Context) error {
	v.to.mu.Lock()
	holds := v.holds
	v.to.mu.Unlock()
	if holds {
		return nil
	}
	select {
	case v.to.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	v.to.mu.Lock()
	defer v.to.mu.Unlock()
	v.holds = true
	return nil
}

// leave gives the turn back, if v has it. found says that others need not wait.
func (v *segmentVisit) leave(found bool) {
	v.to.mu.Lock()
	defer v.to.mu.Unlock()
	v.to.found = v.to.found || found
	if v.holds {
		v.holds = false
		<-v.to.turn
	}
}

// create makes the container, unless that was done since the visit began.
func (v *segmentVisit) create(ctx context.Context, create func() error) error {
	if err := v.take(ctx); err != nil {
		return err
	}
	v.to.mu.Lock()
	missing := v.to.made == v.made
	if missing {
		v.to.found = false
	}
	v.to.mu.Unlock()
	if missing {
		if err := create(); err != nil {
			v.leave(false)
			return err
		}
		v.to.mu.Lock()
		v.to.made++
		v.to.mu.Unlock()
	}
	v.leave(true)
	return nil
}

// inSegmentContainer has store put something into the container of a container's
// segments, and creates that, of the same storage policy as the objects', when it
// is missing: store then runs a second time.
func (c *Client) inSegmentContainer(ctx context.Context, container string, store func(context.Context) error) error {
	segments := container + SegmentsSuffix
	v, err := c.segments.of(segments).visit(ctx)
	if err != nil {
		return (&request{method: http.MethodPut, what: "segment", container: segments}).wrap(err)
	}
	// A server that asks for the body has found the container. One that never asks is
	// not waited for.
	consented := time.AfterFunc(expectLimit, func() { v.leave(true) })
	err = store(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got100Continue: func() { v.leave(true) }}))
	consented.Stop()
	if KindOf(err) != KindNotExist {
		v.leave(err == nil)
		return err
	}
	if err := v.create(ctx, func() error { return c.createSegmentContainer(ctx, container, segments) }); err != nil {
		return err
	}
	return store(ctx)
}

func (c *Client) createSegmentContainer(ctx context.Context, container, segments string) error {
	policy, ok := c.policies.of(container)
	if !ok {
		base, err := c.Container(ctx, container)
		if err != nil {
			return err
		}
		policy = base.Policy
	}
	var header map[string]string
	if policy != "" {
		header = map[string]string{policyHeader: policy}
	}
	_, err := c.CreateContainer(ctx, segments, header)
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == KindDenied {
		e.Detail = "segments of large objects need this container; somebody who may has to create it"
	}
	return err
}

const policyHeader = "X-Storage-Policy"

// policies remembers the storage policies that answers about containers told,
// for a while: a container keeps its policy, but it may be deleted and made
// again.
type policies struct {
	mu    sync.Mutex // guards the following
	known map[string]knownPolicy
}

type knownPolicy struct {
	name  string
	until time.Time
}

const policyLife = time.Minute

func (p *policies) learn(container string, h http.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) > mostContainers {
		p.known = map[string]knownPolicy{}
	}
	p.known[container] = knownPolicy{h.Get(policyHeader), time.Now().Add(policyLife)}
}

func (p *policies) of(container string) (policy string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.known[container]
	return k.name, ok && time.Now().Before(k.until)
}

func (p *policies) forget(container string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, container)
}
