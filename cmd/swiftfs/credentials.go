package main

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lookupFunc finds a variable of the environment, as os.LookupEnv does.
type lookupFunc func(name string) (value string, found bool)

// maxCredentials is far above any file of credentials; it keeps a mistaken
// name from filling the memory.
const maxCredentials = 1 << 20

// readCredentials returns a lookup in the variables of a file. The file stands
// in for the environment as a whole: variables of two accounts never mix.
func readCredentials(path string) (lookupFunc, error) {
	// A FIFO must not block the mount before it is seen to be one.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return nil, fmt.Errorf("credentials file %s does not exist", path)
	case errors.Is(err, iofs.ErrPermission):
		return nil, fmt.Errorf("credentials file %s is not readable for you", path)
	case err != nil:
		return nil, fmt.Errorf("credentials file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("credentials file: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("credentials file %s is a directory", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("credentials file %s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("credentials file %s is open to others (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
	case info.Size() > maxCredentials:
		return nil, fmt.Errorf("credentials file %s has %d bytes; that is no list of variables", path, info.Size())
	}
	content, err := io.ReadAll(io.LimitReader(f, maxCredentials))
	if err != nil {
		return nil, fmt.Errorf("credentials file %s: %w", path, err)
	}
	vars, err := parseCredentials(string(content))
	if err != nil {
		return nil, fmt.Errorf("credentials file %s: %w", path, err)
	}
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}, nil
}

// parseCredentials reads lines KEY=VALUE, with "export " before them or not.
// Quotes work as in the shell, but nothing is expanded: keys have dollar signs
// in them. No error repeats a value.
func parseCredentials(content string) (map[string]string, error) {
	vars := map[string]string{}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(content, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
			line = strings.TrimLeft(rest, " \t")
		}
		key, raw, ok := strings.Cut(line, "=")
		if !ok || !isVariable(key) {
			return nil, fmt.Errorf("line %d is not of the form KEY=VALUE", n)
		}
		value, err := unquote(raw)
		if err != nil {
			return nil, fmt.Errorf("line %d, %s: %w", n, key, err)
		}
		vars[key] = value
	}
	if len(vars) == 0 {
		return nil, errors.New("it sets no variable; write lines as ST_AUTH=https://host/auth")
	}
	return vars, nil
}

func isVariable(key string) bool {
	if key == "" {
		return false
	}
	for i, c := range []byte(key) {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// unquote returns the value that raw, the rest of a line, stands for.
func unquote(raw string) (string, error) {
	if trimmed := strings.TrimLeft(raw, " \t"); trimmed != raw {
		if raw = trimmed; raw != "" && raw[0] == '#' {
			return "", nil
		}
	}
	if raw == "" {
		return "", nil
	}
	switch raw[0] {
	case '\'':
		value, rest, closed := strings.Cut(raw[1:], "'")
		return value, afterQuote(rest, closed)
	case '"':
		value, rest, closed := cutDoubleQuoted(raw[1:])
		return value, afterQuote(rest, closed)
	case '#':
		return raw, nil // a key may begin with it; a comment has a blank before it
	}
	for i := 1; i < len(raw); i++ {
		if raw[i] == '#' && (raw[i-1] == ' ' || raw[i-1] == '\t') {
			raw = raw[:i]
			break
		}
	}
	return strings.TrimSpace(raw), nil
}

// cutDoubleQuoted reads up to the closing quote. A backslash takes the meaning
// from a quote, a backslash, a dollar sign and a backquote, and stays before
// anything else.
func cutDoubleQuoted(s string) (value, rest string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`", s[i+1]) >= 0:
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func afterQuote(rest string, closed bool) error {
	if !closed {
		return errors.New("the quote is not closed")
	}
	if rest = strings.TrimLeft(rest, " \t"); rest != "" && rest[0] != '#' {
		return errors.New("something follows the closing quote")
	}
	return nil
}
