package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what a program says of how it was made.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of its source
	Modified bool   `json:"modified,omitempty"` // the source was changed since
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}

// String is the line that a person reads.
func (b build) String() string {
	line := "awase " + b.Version
	if b.Revision != "" {
		line += ", revision " + b.Revision
		if b.Modified {
			line += " with changes"
		}
	}
	return line + ", " + b.Go + " " + b.Platform
}

// devel is the version of a program of which Go knows none: neither a release's nor a
// revision of its source.
const devel = "(devel)"

// version is that of the program, as Go has it.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok {
		return versionOf(b)
	}
	return devel
}

// versionOf is the version of a build or, where it has none, the first twelve digits of
// its source's revision, with +dirty where that was changed.
func versionOf(b *debug.BuildInfo) string {
	if v := b.Main.Version; v != "" && v != devel {
		return v
	}
	revision, dirty := devel, ""
	for _, s := range b.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if revision == devel {
		return devel
	}
	return revision + dirty
}

func versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which build of awase this is",
		Long:  "Prints version, revision of the source, and what it was built with. awase --version is the same.",
		Args:  exactArgs(),
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b := thisBuild()
		return answer(cmd, b, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, b)
			return err
		})
	}
	return jsonFlag(cmd)
}
