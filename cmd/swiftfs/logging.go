package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"
)

// logs are the loggers of one mount.
type logs struct {
	fs      *slog.Logger
	backend *slog.Logger // at level debug with log-requests
}

// openLogs returns loggers to stderr when somebody sees it: in the foreground,
// or when it is the journal's. A process in the background logs to syslog,
// which is the journal's too where there is one; without either, its messages
// are lost.
func openLogs(p processOptions, stderr io.Writer) logs {
	toJournal, err := journal.StderrIsJournalStream()
	toJournal = toJournal && err == nil
	var handler func(slog.Level) slog.Handler
	switch {
	case toJournal && p.logFormat == "text":
		handler = func(l slog.Level) slog.Handler { return newLineHandler(l, journalLine(stderr)) }
	case toJournal, p.foreground:
		handler = func(l slog.Level) slog.Handler { return streamHandler(stderr, p.logFormat, l) }
	default:
		w, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "swiftfs")
		if err != nil {
			silent := slog.New(slog.DiscardHandler)
			return logs{silent, silent}
		}
		handler = func(l slog.Level) slog.Handler { return newLineHandler(l, syslogLine(w)) }
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(p.logLevel)) // the table lets only its words through
	backend := level
	if p.logRequests {
		backend = slog.LevelDebug
	}
	return logs{slog.New(handler(level)), slog.New(handler(backend))}
}

func streamHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// lineHandler formats records without time and level, which the receiver of
// the lines notes by itself.
type lineHandler struct {
	inner slog.Handler // formats into shared.buf
	*lineState
}

type lineState struct {
	emit func(slog.Level, string) error

	mu sync.Mutex // guards the following
	// buf has the line being formatted.
	buf bytes.Buffer
}

func newLineHandler(level slog.Level, emit func(slog.Level, string) error) slog.Handler {
	s := &lineState{emit: emit}
	return lineHandler{slog.NewTextHandler(&s.buf, &slog.HandlerOptions{Level: level, ReplaceAttr: dropTimeAndLevel}), s}
}

func dropTimeAndLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled implements slog.Handler.
func (h lineHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.inner.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (h lineHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return lineHandler{h.inner.WithAttrs(a), h.lineState}
}

// WithGroup implements slog.Handler.
func (h lineHandler) WithGroup(name string) slog.Handler {
	return lineHandler{h.inner.WithGroup(name), h.lineState}
}

// Handle implements slog.Handler.
func (h lineHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Reset()
	if err := h.inner.Handle(ctx, r); err != nil {
		return err
	}
	return h.emit(r.Level, h.buf.String())
}

// journalLine writes lines with the priority before them that the journal
// reads from streams.
func journalLine(w io.Writer) func(slog.Level, string) error {
	return func(l slog.Level, line string) error {
		priority := syslog.LOG_DEBUG
		switch {
		case l >= slog.LevelError:
			priority = syslog.LOG_ERR
		case l >= slog.LevelWarn:
			priority = syslog.LOG_WARNING
		case l >= slog.LevelInfo:
			priority = syslog.LOG_INFO
		}
		_, err := fmt.Fprintf(w, "<%d>%s", priority, line)
		return err
	}
}

func syslogLine(w *syslog.Writer) func(slog.Level, string) error {
	return func(l slog.Level, line string) error {
		switch {
		case l >= slog.LevelError:
			return w.Err(line)
		case l >= slog.LevelWarn:
			return w.Warning(line)
		case l >= slog.LevelInfo:
			return w.Info(line)
		}
		return w.Debug(line)
	}
}
