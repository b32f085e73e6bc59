package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// result is what one peer gave.
type result struct {
	peer string
	*outcome
}

// printTable writes a data set's results in Markdown: for each figure every
// plan, the fastest of a peer in bold, with its time as a multiple of ours.
func printTable(w io.Writer, j *job, results []result) error {
	var b strings.Builder
	d := &j.Data
	fmt.Fprintf(&b, "\n### %s users, list of %s, %s, %d cores\n\n", short(d.Users), short(d.List), kinds(d.Kinds), runtime.NumCPU())
	fmt.Fprintf(&b, "| what | peer | plan | median of %d, s | least–most | peak MB | ÷ ours |\n|---|---|---|---:|---:|---:|---:|\n", j.Runs)
	for _, figure := range []string{figureMatch, figureLoad, figureSmall, figureIngest} {
		ours := fastest(results, "ours", figure)
		for _, r := range results {
			best := fastest(results, r.peer, figure)
			for i := range r.Lines {
				if l := &r.Lines[i]; l.Figure == figure {
					writeLine(&b, j, r.peer, l, ours, best)
				}
			}
		}
	}
	b.WriteString("\nLayouts:\n")
	for _, r := range results {
		if r.NotRun != "" {
			fmt.Fprintf(&b, "- %s: **not run**, %s\n", r.peer, r.NotRun)
			continue
		}
		fmt.Fprintf(&b, "- %s: %s. %s\n", r.peer, r.Layout, disturbed(r.Others))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeLine(b *strings.Builder, j *job, peer string, l *line, ours, best time.Duration) {
	what, mark := l.Figure, ""
	if l.Figure == figureSmall {
		what = "match + count, list of " + short(j.Small)
	}
	if len(l.Times) != j.Runs {
		what += ", once"
	}
	median := l.median()
	if median == best {
		mark = "**"
	}
	ratio, peak := "–", "–"
	if ours > 0 {
		ratio = fmt.Sprintf("%.2f", median.Seconds()/ours.Seconds())
	}
	if l.Peak > 0 {
		peak = fmt.Sprint(l.Peak / 1e6)
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s%.4f%s | %.4f–%.4f | %s | %s |\n", what, peer, l.Plan, mark, median.Seconds(), mark,
		slices.Min(l.Times).Seconds(), slices.Max(l.Times).Seconds(), peak, ratio)
}

// disturbed tells how quiet the machine was.
func disturbed(others float64) string {
	switch {
	case others < 0:
		return "How quiet the machine was is not known"
	case others < disturbing:
		return fmt.Sprintf("Others took %.2f cores meanwhile", others)
	}
	return fmt.Sprintf("**Disturbed**: others took %.2f cores meanwhile", others)
}

// fastest is the least median of a peer's plans for a figure; 0: none.
func fastest(results []result, peer, figure string) time.Duration {
	var best time.Duration
	for _, r := range results {
		for i := range r.Lines {
			if l := &r.Lines[i]; r.peer == peer && l.Figure == figure && (best == 0 || l.median() < best) {
				best = l.median()
			}
		}
	}
	return best
}

func kinds(n int) string {
	if n == 1 {
		return "one kind"
	}
	return fmt.Sprintf("%d kinds", n)
}

// short writes 10000000 as 10 M.
func short(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1_000 && n%100 == 0:
		return fmt.Sprintf("%g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
