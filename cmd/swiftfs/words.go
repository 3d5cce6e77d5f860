package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/pflag"
)

// foreignWords belong to mount(8), systemd and other FUSE file systems. They
// are done with by the time swiftfs sees them, or have no meaning for it, and
// are accepted in silence.
var foreignWords = []string{
	"defaults", "auto", "noauto", "user", "nouser", "users", "nousers", "owner", "noowner", "group", "nogroup", "_netdev", "nofail",
	"exec", "noexec", "suid", "nosuid", "dev", "nodev", "sync", "async", "dirsync", "atime", "noatime", "diratime", "nodiratime",
	"relatime", "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime", "iversion", "noiversion", "mand", "nomand",
	"silent", "loud", "symfollow", "nosymfollow", "nonempty",
	"comment", "fsname", "subtype", "uhelper", "helper",
}

// laterOptions are options of the design that this version does not have.
var laterOptions = []string{"write-back"}

// isForeign reports whether the word name, as written, is not swiftfs's to
// understand.
func isForeign(name string) bool {
	return slices.Contains(foreignWords, name) || strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-")
}

// canonical is the name of an option as the table has it: words are often
// written with underscores.
func canonical(name string) string { return strings.ReplaceAll(name, "_", "-") }

// splitWords splits the argument of -o at its commas. A comma that belongs to a
// value is written \, and a backslash before it \\.
func splitWords(s string) []string {
	var words []string
	var w strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == ',' || s[i+1] == '\\'):
			i++
			w.WriteByte(s[i])
		case s[i] == ',':
			words = append(words, w.String())
			w.Reset()
		default:
			w.WriteByte(s[i])
		}
	}
	words = append(words, w.String())
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// words sets options from -o arguments. It implements pflag.Value, so that
// flags and words take effect in the order of the command line.
type words struct {
	rows []option
	// tolerant skips words nobody knows: the -s of mount(8).
	tolerant bool
}

// String implements pflag.Value.
func (*words) String() string { return "" }

// Type implements pflag.Value.
func (*words) Type() string { return "WORD[=VALUE],..." }

// Set implements pflag.Value.
func (w *words) Set(arg string) error {
	for _, word := range splitWords(arg) {
		if err := w.apply(word); err != nil {
			return err
		}
	}
	return nil
}

func (w *words) apply(word string) error {
	name, val, hasValue := strings.Cut(word, "=")
	switch {
	case name == "ro" || name == "rw":
		name, val, hasValue = "read-only", fmt.Sprint(name == "ro"), true
	case name == "remount":
		return errors.New("a mounted swiftfs cannot be remounted with other options; unmount it and mount it again")
	case isForeign(name):
		return nil
	}
	i := slices.IndexFunc(w.rows, func(o option) bool { return o.name == canonical(name) })
	if i < 0 {
		err := unknownOption(name, w.rows)
		if w.tolerant && !errors.As(err, new(*laterError)) {
			return nil
		}
		return err
	}
	o := w.rows[i]
	if !hasValue {
		if !o.isSwitch() {
			return needsValue(o.name, o.value.Type())
		}
		val = "true"
	}
	return badValue(o.name, o.value.Set(val))
}

// laterError is the complaint about an option of a later version.
type laterError struct{ name string }

func (e *laterError) Error() string {
	return fmt.Sprintf("option %s is not available in this version", e.name)
}

func unknownOption(name string, rows []option) error {
	c := canonical(name)
	if slices.Contains(laterOptions, c) {
		return &laterError{c}
	}
	known := []string{"ro", "rw"}
	for _, o := range rows {
		known = append(known, o.name)
	}
	for _, n := range foreignWords {
		if c != n {
			known = append(known, n)
		}
	}
	if near := nearest(c, known); near != "" {
		return fmt.Errorf("unknown option %q; did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown option %q; `swiftfs mount --help` lists the options", name)
}

// nearest returns the candidate that name is most likely a misspelling of, or
// "" when it resembles none: more than a third of it would have to change.
func nearest(name string, candidates []string) string {
	best, distance := "", max(1, (len(name)+1)/3)+1
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(name, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

func needsValue(name, kind string) error {
	return fmt.Errorf("option %s needs a value: %s=%s", name, name, kind)
}

// badValue makes a sentence of what a value said about a string, if anything.
func badValue(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("option %s: %w", name, err)
}

// flagError makes of pflag's complaints the sentences that words get.
func flagError(rows []option, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		err = unknownOption(unknown.GetSpecifiedName(), rows)
	case errors.As(err, &missing):
		err = needsValue(missing.GetSpecifiedName(), missing.GetFlag().Value.Type())
	case errors.As(err, &invalid):
		if _, isWords := invalid.GetFlag().Value.(*words); isWords {
			err = invalid.Unwrap()
		} else {
			err = badValue(invalid.GetFlag().Name, invalid.Unwrap())
		}
	}
	return usageError(err)
}
