package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"swiftfs/swiftbackend"
)

// value is a typed option value. It implements pflag.Value, for flags, and is
// set directly by -o words.
type value[T any] struct {
	p      *T
	parse  func(string) (T, error)
	format func(T) string
	kind   string // what stands for the value in help texts; "" for a switch
}

// Set implements pflag.Value. The error is the end of a sentence that begins
// with the option's name.
func (v *value[T]) Set(s string) error {
	x, err := v.parse(s)
	if err != nil {
		return err
	}
	*v.p = x
	return nil
}

// String implements pflag.Value.
func (v *value[T]) String() string {
	if v.p == nil {
		return ""
	}
	return v.format(*v.p)
}

// Type implements pflag.Value.
func (v *value[T]) Type() string { return v.kind }

// switchKind is the kind of values that need not be written out.
const switchKind = "bool"

func onOff(p *bool) *value[bool] {
	return &value[bool]{p, parseSwitch, strconv.FormatBool, switchKind}
}

// onOffUnsaid is a switch that remembers whether anybody touched it: *p stays
// nil until then.
func onOffUnsaid(p **bool) *value[*bool] {
	parse := func(s string) (*bool, error) {
		b, err := parseSwitch(s)
		return &b, err
	}
	format := func(b *bool) string { return strconv.FormatBool(b != nil && *b) }
	return &value[*bool]{p, parse, format, switchKind}
}

func parseSwitch(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

func text(p *string, kind string) *value[string] {
	parse := func(s string) (string, error) {
		if s == "" {
			return "", errors.New("the value is empty")
		}
		return s, nil
	}
	return &value[string]{p, parse, func(s string) string { return s }, kind}
}

func oneOf(p *string, words ...string) *value[string] {
	parse := func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
		}
		return s, nil
	}
	return &value[string]{p, parse, func(s string) string { return s }, strings.Join(words, "|")}
}

func count(p *int, least, most int) *value[int] {
	parse := func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, least, most)
		}
		return n, nil
	}
	return &value[int]{p, parse, strconv.Itoa, "N"}
}

// size takes bytes, with or without a unit: 1000, 64MiB, 1g. Units without an
// i are powers of 1000, as everywhere outside memory chips.
func size(p *int64) *value[int64] {
	parse := func(s string) (int64, error) {
		n, err := humanize.ParseBytes(s)
		if err != nil || n > math.MaxInt64 {
			return 0, fmt.Errorf("%q is not a size; write bytes or a number with a unit, as 64MiB", s)
		}
		return int64(n), nil
	}
	return &value[int64]{p, parse, formatSize, "SIZE"}
}

// formatSize writes n so that size reads the same number again.
func formatSize(n int64) string {
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// duration takes 90s, 5m, 1h30m, or a plain number of seconds, from least on.
func duration(p *time.Duration, least time.Duration) *value[time.Duration] {
	parse := func(s string) (time.Duration, error) {
		t := s
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			t = s + "s"
		}
		d, err := time.ParseDuration(t)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration; write 90s, 5m or a number of seconds", s)
		}
		if d < least {
			return 0, fmt.Errorf("%s is less than %s", s, least)
		}
		return d, nil
	}
	return &value[time.Duration]{p, parse, time.Duration.String, "DURATION"}
}

// octal takes permissions as chmod does. 0 is written as "", for "derived".
func octal(p *uint32) *value[uint32] {
	parse := func(s string) (uint32, error) {
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
		if err != nil || n > 0o7777 {
			return 0, fmt.Errorf("%q is not a mode; write it in octal, as 0755", s)
		}
		return uint32(n), nil
	}
	format := func(n uint32) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%#o", n)
	}
	return &value[uint32]{p, parse, format, "MODE"}
}

// owner takes a number or a name that resolve knows.
func owner(p *uint32, kind string, resolve func(string) (string, error)) *value[uint32] {
	parse := func(s string) (uint32, error) {
		id := s
		if _, err := strconv.Atoi(s); err != nil {
			if id, err = resolve(s); err != nil {
				return 0, fmt.Errorf("there is no %s %q on this machine", strings.ToLower(kind), s)
			}
		}
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil || n == math.MaxUint32 {
			return 0, fmt.Errorf("%q is not the number of a %s", s, strings.ToLower(kind))
		}
		return uint32(n), nil
	}
	return &value[uint32]{p, parse, func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }, kind}
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// authVersion takes what OpenStack's clients take; 0 is "by the URL".
func authVersion(p *int) *value[int] {
	format := func(n int) string {
		if n == 0 {
			return "auto"
		}
		return strconv.Itoa(n)
	}
	parse := func(s string) (int, error) {
		n, err := swiftbackend.ParseAuthVersion(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not one of 1, 2, 3, auto", s)
		}
		return n, nil
	}
	return &value[int]{p, parse, format, "VERSION"}
}

// address takes HOST:PORT; a port alone is one of this machine only.
func address(p *string) *value[string] {
	parse := func(s string) (string, error) {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			host, port = "", s
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("%q is not an address; write PORT or HOST:PORT", s)
		}
		if host == "" {
			host = "127.0.0.1"
		}
		return net.JoinHostPort(host, port), nil
	}
	return &value[string]{p, parse, func(s string) string { return s }, "[HOST:]PORT"}
}
