package swiftbackend

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestInfoIsAskedWhereServersHaveIt(t *testing.T) {
	for storage, want := range map[string]string{
		"https://host/v1/AUTH_test":             "https://host/info",
		"https://host:8080/swift/v1":            "https://host:8080/swift/info",
		"https://host/swift/v1/AUTH_test":       "https://host/swift/info",
		"https://host/some/where/v1/AUTH_a%2Fb": "https://host/some/where/info",
		"https://host/store/account":            "https://host/info",
	} {
		u, err := url.Parse(storage)
		if err != nil {
			t.Fatal(err)
		}
		if got := infoURLs(u); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %v, want %s", storage, got, want)
		}
	}
}

func TestTimestampsKeepTheirFraction(t *testing.T) {
	for s, want := range map[string]time.Time{
		"1795402699":               time.Unix(1795402699, 0),
		"1795402699.59547":         time.Unix(1795402699, 595470000),
		"0000001795.000000001":     time.Unix(1795, 1),
		"1795402699.5954712345678": time.Unix(1795402699, 595471234),
	} {
		if got, ok := parseTimestamp(s); !ok || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "x", "1.x", ".5", "1.-5"} {
		if got, ok := parseTimestamp(s); ok {
			t.Errorf("%q: got %v", s, got)
		}
	}
	for s, want := range map[string]time.Time{
		"":                           {},
		"2026-11-23T02:20:53.924350": time.Date(2026, 11, 23, 2, 20, 53, 924350000, time.UTC),
		"2026-11-23T02:20:53.942Z":   time.Date(2026, 11, 23, 2, 20, 53, 942000000, time.UTC),
		"2026-11-23T02:20:53":        time.Date(2026, 11, 23, 2, 20, 53, 0, time.UTC),
	} {
		if got, err := listingTime(s); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", s, got, err, want)
		}
	}
	if _, err := listingTime("yesterday"); err == nil {
		t.Error("yesterday is a time")
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	// A clock that stands still.
	synctest.Test(t, func(t *testing.T) {
		for v, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "0": 0, "-3": 0, "soon": 0,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  time.Minute,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
		} {
			resp := &http.Response{Header: http.Header{"Retry-After": {v}}}
			if got := retryAfter(resp); got != want {
				t.Errorf("%q: got %v, want %v", v, got, want)
			}
		}
		if got := retryAfter(nil); got != 0 {
			t.Errorf("no answer: got %v", got)
		}
	})
}

func TestExplanationsBecomeOneShortLine(t *testing.T) {
	for s, want := range map[string]string{
		"":          "",
		"Not Found": "Not Found",
		"<html><h1>Not Found</h1><p>The resource could not be found.</p></html>": "Not Found The resource could not be found.",
		"two\r\nlines\tand a tab": "two lines and a tab",
		"a > b":                   "a > b",
		"<unclosed":               "",
	} {
		if got := firstLine(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	if got := firstLine(strings.Repeat("ü", 1000)); len(got) > 210 || !strings.HasSuffix(got, "ü…") {
		t.Errorf("got %q", got)
	}
}

func TestContentRangesAreRead(t *testing.T) {
	if first, total, err := parseContentRange("bytes 1-3/10"); err != nil || first != 1 || total != 10 {
		t.Errorf("got %d, %d, %v", first, total, err)
	}
	for _, s := range []string{
		"", "bytes 1-3/*", "bytes */10", "lines 1-3/10",
		"bytes 100-109/50", "bytes 1-3/3", "bytes 3-1/10", "bytes -3-1/10", "bytes 1-3/-10",
	} {
		if _, _, err := parseContentRange(s); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}

func TestSegmentPrefixesAreUniqueAndKnownAgain(t *testing.T) {
	now := time.Unix(1700000000, 123456789)
	a, b := SegmentPrefix("dir/name", now, 1<<30), SegmentPrefix("dir/name", now, 1<<30)
	if a == b {
		t.Errorf("twice %q", a)
	}
	if !strings.HasPrefix(a, "dir/name/slo/1700000000.123456/") || !strings.HasSuffix(a, "/"+strconv.Itoa(1<<30)+"/") {
		t.Errorf("got %q", a)
	}
}

func TestPathsAreQuotedForHeadersAndBodies(t *testing.T) {
	for s, want := range map[string]string{
		"c/plain": "c/plain", "c/a b": "c/a%20b", "c/ü": "c/%C3%BC", "c/a\nb": "c/a%0Ab", "c/%41": "c/%2541", "c/x//y/": "c/x//y/", "c/a?b#c": "c/a%3Fb%23c",
	} {
		got := quote(s)
		back, err := url.PathUnescape(got)
		if got != want || err != nil || back != s {
			t.Errorf("%q: got %q, which is %q again, %v; want %q", s, got, back, err, want)
		}
	}
}

func TestTheProtocolIsFoundInTheURLOrTheFields(t *testing.T) {
	for _, tt := range []struct {
		auth Auth
		want int
	}{
		{Auth{URL: "https://host/auth"}, 1},
		{Auth{URL: "https://host/auth/v1.0", Project: "p"}, 1},
		{Auth{URL: "https://host/auth/1.0"}, 1},
		{Auth{URL: "https://host/identity/v3"}, 3},
		{Auth{URL: "https://host:5000/v2.0/"}, 2},
		{Auth{URL: "https://host:5000", Project: "p"}, 3},
		{Auth{URL: "https://host:5000", AppCredentialID: "i"}, 3},
		{Auth{URL: "https://host:5000", Token: "t"}, 3},
		{Auth{URL: "https://host/v3", Version: 2}, 2},
	} {
		if got := tt.auth.version(); got != tt.want {
			t.Errorf("%+v: got %d, want %d", tt.auth, got, tt.want)
		}
	}
}

func TestABulkAnswerNamesWhatFailed(t *testing.T) {
	for _, tt := range []struct {
		names  int
		answer bulkAnswer
		want   string
	}{
		{3, bulkAnswer{Status: "200 OK", Deleted: 3}, ""},
		{3, bulkAnswer{Status: "200 OK", Deleted: 2, Missing: 1}, ""},
		{0, bulkAnswer{Status: "200 OK", Deleted: 3}, ""},
		{2, bulkAnswer{Status: "400 Bad Request", Missing: 2}, ""},
		{2, bulkAnswer{Status: "400 Bad Request", Errors: [][]string{{"/c/a%20b", "404 Not Found"}}, Missing: 1}, ""},
		{1, bulkAnswer{Status: "400 Bad Request", Errors: [][]string{{"/c/a%20b", "403 Forbidden"}}}, `DELETE "c/a b": permission denied (status 403)`},
		{1, bulkAnswer{Status: "400 Bad Request", Errors: [][]string{{"c/", "409 Conflict"}}}, `DELETE "c": not empty (status 409)`},
		{2, bulkAnswer{Status: "413 Request Entity Too Large", Body: "Maximum Bulk Deletes: 1"}, `DELETE "all": quota exceeded (status 413): Maximum Bulk Deletes: 1`},
		{1, bulkAnswer{Status: "502 Bad Gateway", Errors: [][]string{{"odd"}}}, `DELETE "all": server unavailable (status 502)`},
		// One name was missing, and then all went wrong.
		{2, bulkAnswer{Status: "500 Internal Error", Missing: 1}, `DELETE "all": server unavailable (status 500)`},
		{1, bulkAnswer{Status: "503 Service Unavailable", Missing: 1}, `DELETE "all": server unavailable (status 503)`},
		{2, bulkAnswer{Status: "401 Unauthorized", Missing: 2}, `DELETE "all": not authorized (status 401)`},
		{2, bulkAnswer{Status: "403 Forbidden", Missing: 2}, `DELETE "all": permission denied (status 403)`},
		{2, bulkAnswer{Status: "413 Request Entity Too Large", Missing: 2}, `DELETE "all": quota exceeded (status 413)`},
		{0, bulkAnswer{Status: "500 Internal Error", Missing: 1}, `DELETE "all": server unavailable (status 500)`},
		// Not all names are accounted for.
		{3, bulkAnswer{Status: "200 OK", Deleted: 2}, `DELETE "all": server unavailable: the server tells what became of 2 names, and was asked to delete 3`},
		{2, bulkAnswer{Status: "200 OK", Deleted: 1, Errors: [][]string{{"odd"}}}, `DELETE "all": server unavailable: the server tells what became of 1 names, and was asked to delete 2`},
		{
			3, bulkAnswer{Status: "400 Bad Request", Deleted: 1, Errors: [][]string{{"/c/a", "403 Forbidden"}}},
			`DELETE "c/a": permission denied (status 403)` + "\n" + `DELETE "all": server unavailable: the server tells what became of 2 names, and was asked to delete 3`,
		},
	} {
		got := ""
		if err := tt.answer.errors("DELETE", "all", tt.names); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.answer, got, tt.want)
		}
	}
}

func TestAnAnswerWithoutAnEndIsNotReadToIt(t *testing.T) {
	blanks := func(n int64) io.Reader { return io.LimitReader(blankReader{}, n) }
	const answer = `{"Response Status": "200 OK"}`
	r := &request{method: http.MethodPost, what: "bulk delete"}
	if _, err := readBulkAnswer(r, io.MultiReader(blanks(1<<20), strings.NewReader(answer))); err != nil {
		t.Errorf("behind blanks: %v", err)
	}
	if _, err := readBulkAnswer(r, io.MultiReader(blanks(mostBulkAnswer), strings.NewReader(answer))); !errors.Is(err, errTooLong) {
		t.Errorf("behind more blanks than it may have: %v", err)
	}
	if _, err := readBulkAnswer(r, strings.NewReader(answer[:10])); err == nil || errors.Is(err, errTooLong) {
		t.Errorf("cut off: %v", err)
	}
}

// blankReader is blanks without an end.
type blankReader struct{}

func (blankReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestOldServersDoNotTellManifestsInListings(t *testing.T) {
	for _, c := range []struct {
		info Info
		want bool
	}{
		{Info{SLO: true, Version: "2.30.1"}, true},
		{Info{SLO: true, Version: "2.19.0"}, true},
		{Info{SLO: true, Version: "3.0"}, true},
		{Info{SLO: true, Version: "2.18.0"}, false},
		{Info{SLO: true, Version: "1.99"}, false},
		{Info{SLO: true, Version: ""}, false},
		{Info{Version: "2.2.0"}, true}, // it has dynamic manifests only
		{Info{SLO: true, RGW: true, Version: "16.2.15"}, true},
	} {
		if got := (&Client{info: c.info}).listsManifests(); got != c.want {
			t.Errorf("%+v: %v", c.info, got)
		}
	}
}
