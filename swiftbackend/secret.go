package swiftbackend

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password, key or token. Printed, logged or encoded in any way it
// is only a row of asterisks; Reveal gives the value itself.
type Secret string

const redacted = "********"

// Reveal returns the secret itself, for the request that needs it.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer without the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer without the value, for %#v.
func (s Secret) GoString() string { return `swiftbackend.Secret("` + s.String() + `")` }

// Format implements fmt.Formatter without the value, for the verbs that know
// neither of the above, as %x and %d.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text)
}

// LogValue implements slog.LogValuer without the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler without the value, for JSON
// and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
