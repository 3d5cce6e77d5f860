package swiftbackend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
)

// page10000 is a page of a listing as OpenStack Swift sends it.
func page10000() []byte {
	b := bytes.NewBufferString("[")
	for i := range 10000 {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, `{"bytes": %d, "hash": "d41d8cd98f00b204e9800998ecf8427e", "name": "directory-%04d/file-%05d.txt", "content_type": "text/plain", "last_modified": "2026-11-23T02:20:53.%06d"}`, i, i/20, i, i)
	}
	b.WriteByte(']')
	return b.Bytes()
}

func scanAll(text string) (rows []rowJSON, err error) {
	err = newRowScanner(strings.NewReader(text)).each(func(r *rowJSON) error {
		rows = append(rows, *r)
		return nil
	})
	return rows, err
}

func TestRowsAreReadAsEncodingJSONReadsThem(t *testing.T) {
	for _, text := range []string{
		"[]", " [ ] ", "[\n]",
		`[{}]`, `[{},{}]`,
		`[{"name": "a", "bytes": 1, "hash": "x", "content_type": "text/plain;a=\"b\"", "last_modified": "t"}]`,
		`[{"subdir": "a/"}, {"name":"\u00e4\ud83d\ude00\\\"\/\b\f\n\r\t", "bytes":9223372036854775807}]`,
		`[{"name": "ä\\", "count": -1, "slo_etag": "\"x\"", "symlink_path": "/v1/a/c/o"}]`,
		`[{"name": null, "bytes": null, "unknown": {"a": ["]}", 1.5e3, {"b": null}]}, "other": [[]], "yes": true, "n": -2.5E+7}]`,
		`[{"name": "` + strings.Repeat("long\\\\", 10000) + `"}]`,
		`[{"name": "` + strings.Repeat("a", maxText-1) + `"}, {"name": "` + strings.Repeat("b", maxText-1) + `"}]`,
		`[{"n": ` + strings.Repeat("1", maxWord) + `}]`,
		`[{"name": "\ud800"}, {"name": "` + "\xff" + `"}]`,
	} {
		var want []rowJSON
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(text, err)
		}
		got, err := scanAll(text)
		if fmt.Sprint(got) != fmt.Sprint(want) || err != nil {
			t.Errorf("%.200s: got %.200v, %v, want %.200v", text, got, err, want)
		}
	}
	rows, err := scanAll(string(page10000()))
	var want []rowJSON
	if jsonErr := json.Unmarshal(page10000(), &want); err != nil || jsonErr != nil || len(rows) != len(want) {
		t.Fatal(err, jsonErr, len(rows))
	}
	for i := range rows {
		if rows[i] != want[i] {
			t.Errorf("row %d is %+v, want %+v", i, rows[i], want[i])
		}
	}
}

func TestWhatIsNoListingIsAnError(t *testing.T) {
	for _, text := range []string{
		"", "[", "[{", `[{"name"`, `[{"name":`, `[{"name":"a`, `[{"name":"a"`, `[{"name":"a"}`, `[{"name":"a"},`,
		"{}", "null", "[1]", `[{"name" "a"}]`, `[{"name":"a" "b":1}]`, `[{} {}]`, `[,{}]`, `[{,}]`,
		`[{"name":1}]`, `[{"bytes":"1"}]`, `[{"bytes":1.5}]`, `[{"bytes":true}]`, `[{"name":[]}]`, `[{"x":nul}]`,
		`[{"name":"\x"}]`, "[{\"name\":\"a\nb\"}]", `[{"x":[`, `[{"bytes":1`,
	} {
		if rows, err := scanAll(text); err == nil {
			t.Errorf("%q gives %v", text, rows)
		}
	}
	for _, text := range []string{
		strings.Repeat("a", maxText+1), strings.Repeat(`\"`, maxText), strings.Repeat("ä", maxText),
	} {
		for _, form := range []string{`[{"name":"%s"}]`, `[{"%s":1}]`, `[{"x":["%s"]}]`} {
			if _, err := scanAll(fmt.Sprintf(form, text)); !errors.Is(err, errRow) {
				t.Errorf("%s with a string of %d bytes: %v", form, len(text), err)
			}
		}
	}
	if _, err := scanAll(`[{"x":` + strings.Repeat("1", maxWord+1) + `}]`); !errors.Is(err, errRow) {
		t.Errorf("a long number: %v", err)
	}
	down := errors.New("down")
	err := newRowScanner(iotest.ErrReader(down)).each(func(*rowJSON) error { return nil })
	if !errors.Is(err, down) {
		t.Errorf("error is %v", err)
	}
}

func FuzzRowScanner(f *testing.F) {
	f.Add(`[{"name": "a\u00e4", "bytes": 1, "x": [1, {"y": null}]}, {"subdir": "b/"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var want []rowJSON
		jsonErr := json.Unmarshal([]byte(text), &want)
		got, err := scanAll(text)
		// Of what is no listing it may take more, but never other rows.
		if jsonErr == nil && err == nil && !strings.ContainsFunc(text, unicode.IsUpper) && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func BenchmarkDecodeListing(b *testing.B) {
	page := page10000()
	b.Run("scanner", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			if err := newRowScanner(bytes.NewReader(page)).each(func(*rowJSON) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			dec := json.NewDecoder(bytes.NewReader(page))
			if _, err := dec.Token(); err != nil {
				b.Fatal(err)
			}
			for dec.More() {
				var row rowJSON
				if err := dec.Decode(&row); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
