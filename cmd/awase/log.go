package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// logFlags say how a process logs: one line an entry, of JSON or of text.
type logFlags struct{ level, format string }

func (l *logFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.level, "log-level", "info", "the least that is logged (debug, info, warn, error)")
	cmd.Flags().StringVar(&l.format, "log-format", "text", "how (json, text)")
}

func (l logFlags) args() []string {
	if l == (logFlags{}) {
		return nil
	}
	return []string{"--log-level", l.level, "--log-format", l.format}
}

// logger makes the logger of a process of the service. Entries say what was asked
// and how it ended, by ids; nothing of what was asked, and nobody's data.
func (l logFlags) logger(process string, w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	switch l.level {
	case "debug":
		level = slog.LevelDebug
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	}
	if l.format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})).With("process", process)
	}
	return slog.New(least{plainHandler{w}, level})
}

// least leaves out what is below a level.
type least struct {
	slog.Handler
	level slog.Level
}

// Enabled tells whether an entry is written.
func (l least) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }
