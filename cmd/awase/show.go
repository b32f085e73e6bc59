package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"awase/entrustment"
	"awase/intake"
	"awase/render"
)

// showReport writes a validation report: counts and the first places, never a
// value.
func showReport(w io.Writer, r *intake.Report, problems string) {
	fmt.Fprintf(w, "%s: %s", r.File, r.Format)
	if r.Encoding != "" {
		fmt.Fprintf(w, ", %s", r.Encoding)
	}
	if r.Delimiter != "" {
		fmt.Fprintf(w, ", %s-separated", r.Delimiter)
	}
	if r.Packing != "" {
		fmt.Fprintf(w, ", in %s", r.Packing)
	}
	fmt.Fprintln(w)
	for _, n := range r.Notices {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
	fmt.Fprintf(w, "  rows %s · accepted %s · repaired %s · rejected %s", thousands(r.Rows), thousands(r.Accepted), thousands(r.Repaired), thousands(r.Rejected))
	if r.Duplicates > 0 {
		fmt.Fprintf(w, " · duplicate %s", thousands(r.Duplicates))
	}
	if r.NoConsent > 0 {
		fmt.Fprintf(w, " · no consent %s", thousands(r.NoConsent))
	}
	fmt.Fprintln(w)
	for _, c := range r.Columns {
		fmt.Fprintf(w, "  column %s: %s, %s filled", c.Column, c.Use, thousands(c.Filled))
		if c.Hashed > 0 {
			fmt.Fprintf(w, ", %s came hashed", thousands(c.Hashed))
		}
		if c.Unreadable > 0 {
			fmt.Fprintf(w, ", %s unreadable (unknown)", thousands(c.Unreadable))
			if 10*c.Unreadable > c.Filled {
				fmt.Fprint(w, " — MANY: does the schema list the values as the file writes them?")
			}
		}
		fmt.Fprintln(w)
	}
	if len(r.Dropped) > 0 {
		fmt.Fprintf(w, "  not read: %s\n", strings.Join(r.Dropped, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Repairs)) {
		fmt.Fprintf(w, "  repaired %s: %s\n", thousands(r.Repairs[name]), name)
	}
	for _, f := range r.FaultList() {
		kind := f.Kind
		if kind == "" {
			kind = "row"
		}
		fmt.Fprintf(w, "  %s %s: %s, first at %s\n", kind, f.Reason, thousands(r.Faults[f]), firstPlaces(r, f.Reason))
	}
	if r.Problems > 0 && problems == "" {
		fmt.Fprintln(w, "  --problems FILE writes each of these with its row and mend")
	}
}

// firstPlaces names the first rows with a fault, and its mend.
func firstPlaces(r *intake.Report, reason string) string {
	var rows []string
	mend := ""
	for _, p := range r.ProblemList() {
		if p.Reason != reason {
			continue
		}
		mend = p.Mend
		if rows = append(rows, strconv.FormatInt(p.Row, 10)); len(rows) == 3 {
			break
		}
	}
	if len(rows) == 0 {
		return "a row past the listed ones"
	}
	return "row " + strings.Join(rows, ", ") + ": " + mend
}

// japan writes a time of the enclave as people in Japan read it. What is no time
// is shown as it is.
func japan(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return rfc3339
	}
	return entrustment.Moment(t)
}

func thousands(n int64) string { return entrustment.Thousands(n) }

// progress shows what takes over a second, on a terminal.
type progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	make  func() *progressbar.ProgressBar
	since time.Time
}

// newProgress counts up to total: bytes of a file, or rows.
func newProgress(w io.Writer, what string, total int64, off bool) *progress {
	p := &progress{since: time.Now()}
	if f, ok := fileOf(w); !off && ok && term.IsTerminal(int(f.Fd())) {
		p.make = func() *progressbar.ProgressBar {
			return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(w),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
		}
	}
	return p
}

// rows is told rows and bytes read so far.
func (p *progress) rows(rows, bytes int64) {
	p.to(bytes, entrustment.Count(rows, "row", "rows"))
}

func (p *progress) to(n int64, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.make == nil || time.Since(p.since) < time.Second {
		return
	}
	if p.bar == nil {
		p.bar = p.make()
	}
	p.bar.Describe(detail)
	// A bar that can't be drawn is no reason to fail.
	_ = p.bar.Set64(n)
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish() // as in to
		p.bar = nil
	}
	p.make = nil
}

// terminalOptions fits what is shown to where it is shown.
func terminalOptions(w io.Writer) render.TerminalOptions {
	o := render.TerminalOptions{Width: 100}
	if f, ok := fileOf(w); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			o.Width = width
		}
		o.Color = os.Getenv("NO_COLOR") == ""
	}
	return o
}
