package swiftbackendtest

import (
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend"
)

// Target is a server under test.
type Target struct {
	// Dial connects as the owner of an account. The test's end closes the
	// client.
	Dial func(*testing.T) *swiftbackend.Client
	// DialReader connects as a user who may read the named container and do no
	// more; nil where there is no such user. What the container needs for it is
	// done by ReaderACL.
	DialReader func(*testing.T) *swiftbackend.Client
	// ReaderACL is the X-Container-Read of a container that the reader reads.
	ReaderACL string
	// Expire returns when no token that was given out before is accepted.
	Expire func(*testing.T)

	Capabilities Capabilities
}

// Capabilities are what servers differ in.
type Capabilities struct {
	Server     string // how Info.Server begins
	SLO        bool   // static large objects
	BulkDelete bool
	Symlinks   bool // X-Symlink-Target; else it is ignored

	Containers ContainerCapabilities
	Objects    ObjectCapabilities
	Large      LargeCapabilities
}

// ContainerCapabilities are the differences in containers and listings.
type ContainerCapabilities struct {
	AnyName       bool // also "a", ".x", "-x" and ".."; else names have 3 bytes and begin with a letter or digit
	MaxName       int  // bytes
	Dates         bool // the account's listing has them
	ShowsQuota    bool // HEAD has the quota that was set
	RepeatsSubdir bool // a subdir row comes again after a marker within it
	// DatePrecision is that of Modified in listings.
	DatePrecision time.Duration
}

// ObjectCapabilities are the differences in plain objects.
type ObjectCapabilities struct {
	IfNoneMatch bool // PUT with If-None-Match: * is refused for what exists; else it overwrites
	// PostDropsHeaders: a POST drops Content-Encoding and X-Delete-At, and the
	// manifest of a DLO, when they are not given again; else they stay.
	PostDropsHeaders   bool
	TrimsTypes         bool   // a listed content type has no blanks after ";"
	DefaultType        string // of an object put without one
	DefaultListedType  string // the same in a listing
	CutsTypesAtCommas  bool   // a listed content type begins after its last comma
	FreshCopyKeepsType bool   // else the type becomes DefaultType
}

// LargeCapabilities are the differences in large objects.
type LargeCapabilities struct {
	ManifestReadable   bool // ?multipart-manifest=get gives it; else segments are found by name
	ListedSize         bool // a listing has an SLO's size and slo_etag; else the manifest's size and no slo_etag
	ChecksSegmentETags bool // a manifest with a wrong ETag is refused; else it is stored
	Ranges             bool // a manifest can name a range of a segment; else it is ignored
	CopyJoins          bool // COPY makes one plain object of an SLO; else an SLO again
}

// test is one test of the contract.
type test struct {
	name string
	run  func(*fixture)
}

// Run runs the contract against target.
func Run(t *testing.T, target Target) {
	t.Helper()
	c := target.Dial(t)
	t.Run("what the client found out is what is declared", func(t *testing.T) { infoIsAsDeclared(t, c.Info(), target.Capabilities) })
	t.Run("side by side", func(t *testing.T) {
		for _, tests := range [][]test{containerTests, accountTests, objectTests, metadataTests, copyTests, moveTests, sharingTests, listingTests, nameTests, largeTests, dynamicTests, layoutTests, revisionTests, duplicateTests, bulkTests} {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.run(newFixture(t, target, c))
				})
			}
		}
	})
	t.Run("alone in the account", func(t *testing.T) {
		for _, tt := range orphanTests {
			t.Run(tt.name, func(t *testing.T) { tt.run(newFixture(t, target, c)) })
		}
	})
	// Alone: what it does is felt by every client of the server.
	t.Run("tokens that expire are renewed in the middle of the work", func(t *testing.T) { expiredTokensAreRenewed(newFixture(t, target, c)) })
}

func infoIsAsDeclared(t *testing.T, info swiftbackend.Info, can Capabilities) {
	if !info.Known {
		t.Error("/info was not found")
	}
	if !strings.HasPrefix(info.Server, can.Server) {
		t.Errorf("server: got %q, want one that begins with %q", info.Server, can.Server)
	}
	for _, f := range []struct {
		what      string
		got, want bool
	}{
		{"static large objects", info.SLO, can.SLO},
		{"dynamic large objects", info.DLO, true},
		{"bulk delete", info.BulkDelete, can.BulkDelete},
		{"symlinks", info.Symlink, can.Symlinks},
	} {
		if f.got != f.want {
			t.Errorf("%s: got %v, want %v", f.what, f.got, f.want)
		}
	}
	if info.MaxContainerName != can.Containers.MaxName {
		t.Errorf("longest container name: got %d, want %d", info.MaxContainerName, can.Containers.MaxName)
	}
	if info.ListingLimit != 10000 || info.MaxObjectName != 1024 {
		t.Errorf("listing limit %d, object name limit %d, want 10000 and 1024", info.ListingLimit, info.MaxObjectName)
	}
}
