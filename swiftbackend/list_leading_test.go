package swiftbackend

import (
	"strings"
	"testing"
)

func TestTheLeadingRowIsPutBackInItsPlace(t *testing.T) {
	for _, c := range []struct{ listed, want string }{
		{"", "/"}, {"! !/", "! !/ /"}, {"! 0 f/", "! / 0 f/"}, {"0", "/ 0"}, {"! / 0", "! / 0"},
	} {
		var got []string
		l := &leading{due: true, yield: func(r ObjectRow) error { got = append(got, r.Key()); return nil }}
		for key := range strings.FieldsSeq(c.listed) {
			row := ObjectRow{Name: key}
			if strings.HasSuffix(key, "/") {
				row = ObjectRow{Subdir: key}
			}
			if err := l.give(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		if s := strings.Join(got, " "); s != c.want || l.rows != len(got) {
			t.Errorf("%q becomes %q with %d rows, want %q", c.listed, s, l.rows, c.want)
		}
	}
}
