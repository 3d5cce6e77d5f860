package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// source is what is mounted, as the first column of fstab has it:
// [CLOUD]:[CONTAINER[/PREFIX]].
type source struct {
	text      string // as given
	cloud     string // entry of clouds.yaml; "" is the environment or a file
	container string // "" is the account
	prefix    string // "" or ends in "/"
}

// parseSource reads s. A slash after the colon is allowed, as in the sources of
// NFS.
func parseSource(s string) (source, error) {
	cloud, place, ok := strings.Cut(s, ":")
	switch {
	case !ok:
		return source{}, fmt.Errorf("source %q has no colon; write \":\" for the account, \":%s\" for container %s of it, \"CLOUD:\" for a cloud of clouds.yaml", s, s, s)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return source{}, fmt.Errorf("source %q is not UTF-8 text, which names in Swift are", s)
	case strings.Contains(cloud, "/"):
		return source{}, fmt.Errorf("source %q looks like a URL or path; write [CLOUD]:[CONTAINER[/PREFIX]] and give the URL as ST_AUTH or OS_AUTH_URL", s)
	case strings.HasPrefix(place, "//"):
		return source{}, fmt.Errorf("source %q looks like a URL; write [CLOUD]:[CONTAINER[/PREFIX]] and give the URL as ST_AUTH or OS_AUTH_URL", s)
	}
	container, prefix, _ := strings.Cut(strings.TrimPrefix(place, "/"), "/")
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return source{text: s, cloud: cloud, container: container, prefix: prefix}, nil
}
