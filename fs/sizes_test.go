package fs

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"swiftfs/cache/listing"
)

func TestASizeIsRememberedForItsVersionOnly(t *testing.T) {
	m := newSizeMemory()
	at := time.Unix(1_700_000_000, 0)
	listed := listing.Row{Name: "o", ETag: emptyMD5, Modified: at}
	m.put("c", &listed, listing.Row{Name: "o", Size: 5}, time.Time{})
	if got, ok := m.get("c", &listed); !ok || got.Size != 5 {
		t.Errorf("got %d, %v", got.Size, ok)
	}
	for what, other := range map[string]listing.Row{
		"another date": {Name: "o", ETag: emptyMD5, Modified: at.Add(time.Microsecond)},
		"another hash": {Name: "o", ETag: "x", Modified: at},
		"another name": {Name: "p", ETag: emptyMD5, Modified: at},
	} {
		if _, ok := m.get("c", &other); ok {
			t.Errorf("%s is taken for the same version", what)
		}
	}
	if _, ok := m.get("d", &listed); ok {
		t.Error("another container's object is taken for this one")
	}
}

func TestASizeThatMayChangeUnseenIsBelievedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSizeMemory()
		listed := listing.Row{Name: "o", ETag: emptyMD5}
		m.put("c", &listed, listing.Row{Size: 5}, time.Now().Add(time.Minute))
		<-time.After(59 * time.Second)
		if _, ok := m.get("c", &listed); !ok {
			t.Error("it is forgotten too early")
		}
		<-time.After(2 * time.Second)
		if _, ok := m.get("c", &listed); ok {
			t.Error("it is believed too long")
		}
	})
}

func TestSizesThatAreAskedForStayAndTheMemoryIsBounded(t *testing.T) {
	m := newSizeMemory()
	wanted := listing.Row{Name: "wanted"}
	m.put("c", &wanted, listing.Row{Size: 7}, time.Time{})
	for i := range 5 * sizeGeneration {
		m.put("c", &listing.Row{Name: strconv.Itoa(i)}, listing.Row{}, time.Time{})
		if i%1000 == 0 {
			if _, ok := m.get("c", &wanted); !ok {
				t.Fatalf("after %d others it is forgotten", i)
			}
		}
	}
	if n := len(m.rows.young) + len(m.rows.old); n > 2*sizeGeneration {
		t.Errorf("%d rows are remembered", n)
	}
	if _, ok := m.get("c", &listing.Row{Name: "0"}); ok {
		t.Error("what nobody asked for is still there")
	}
}
