package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/matcher/matchbench"
)

func benchCommand() *cobra.Command {
	d := matchbench.Data{Users: 10_000_000, Kinds: 1, Overlap: 0.5, Seed: 1}
	var runs int
	cmd := &cobra.Command{
		Use:   "bench [--users 10M] [--list 1M] [--kinds 1|2|3] [--overlap 0.5] [--seed N] [--runs N]",
		Short: "Measure matching and counting on this machine, with made data",
		Long: "Makes users and a list with a known answer, builds and sorts both, matches and counts over 1,692 cells (age × gender × prefecture), holds the " +
			"counts against the answer, and prints what it took next to reading the bytes that it needs once, on all cores. No vault is needed and nobody is real. " +
			"Sizes may end in k or M. Memory: about 35 bytes a user and 25 an identifier. Below some millions of users what a question costs in any case is most of it.",
		Args: exactArgs(),
	}
	cmd.Flags().Var((*size)(&d.Users), "users", "users of the base")
	cmd.Flags().Var((*size)(&d.List), "list", "rows of the list; 0: a tenth of the users")
	cmd.Flags().IntVar(&d.Kinds, "kinds", d.Kinds, "identifiers of a user and of a row: email; and phone; and cookie")
	cmd.Flags().Float64Var(&d.Overlap, "overlap", d.Overlap, "the share of the rows that are users")
	cmd.Flags().Uint64Var(&d.Seed, "seed", d.Seed, "another seed makes other data")
	cmd.Flags().IntVar(&runs, "runs", 5, "how often to match and to read; the median is printed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if d.List == 0 {
			d.List = d.Users / 10
		}
		s, err := matchbench.New(d)
		if err != nil {
			return usageError{fmt.Errorf("--%w", err)}
		}
		if runs < 1 {
			return usageError{fmt.Errorf("--runs takes a number from 1")}
		}
		r, err := matchbench.Run(cmd.Context(), s, runs)
		if err != nil {
			return fmt.Errorf("measuring: %w", err)
		}
		return printBench(cmd.OutOrStdout(), &d, r, runs)
	}
	return cmd
}

// size is a flag: a number that may end in k or M.
type size int

func (s *size) String() string { return strconv.Itoa(int(*s)) }

func (s *size) Type() string { return "N" }

func (s *size) Set(text string) error {
	digits, unit := strings.ReplaceAll(text, ",", ""), 1
	switch {
	case strings.HasSuffix(digits, "k"):
		digits, unit = strings.TrimSuffix(digits, "k"), 1_000
	case strings.HasSuffix(digits, "M"):
		digits, unit = strings.TrimSuffix(digits, "M"), 1_000_000
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > math.MaxInt/unit {
		return fmt.Errorf("not a number such as 500000, 500k or 10M")
	}
	*s = size(n * unit)
	return nil
}

func printBench(w io.Writer, d *matchbench.Data, r *matchbench.Report, runs int) error {
	var b strings.Builder
	line := func(what, value, note string) {
		fmt.Fprintf(&b, "%-26s %12s   %s\n", what, value, note)
	}
	took := func(what string, t time.Duration, n int64, unit string) {
		line(what, seconds(t), rate(n, t)+" "+unit)
	}
	peak := func(what string, bytes, tokens int64, note string) {
		if bytes == 0 {
			line(what, "not known", "")
			return
		}
		line(what, megabytes(bytes), fmt.Sprintf("%.1f B %s", float64(bytes)/float64(max(tokens, 1)), note))
	}
	need := d.NeedBytes()
	line("users", thousands(int64(d.Users)), thousands(r.BaseTokens)+" tokens")
	line("list", thousands(int64(d.List)), thousands(r.ListTokens)+" tokens, overlap "+strconv.FormatFloat(d.Overlap, 'g', 4, 64))
	line("cells", thousands(matchbench.Cells), "")
	line("cores", strconv.Itoa(runtime.GOMAXPROCS(0)), "")
	took("base: make, take in", r.BaseAdd, r.BaseTokens, "M tokens/s")
	took("base: sort, index", r.BaseSort, r.BaseTokens, "M tokens/s")
	took("list: make, take in", r.ListAdd, r.ListTokens, "M tokens/s")
	took("list: sort, index", r.ListSort, r.ListTokens, "M tokens/s")
	took("match + count", r.Match, r.BaseTokens, fmt.Sprintf("M base tokens/s, median of %d, counts as they must be", runs))
	line("stream the bytes once", seconds(r.Stream), fmt.Sprintf("%s, %.1f GB/s", megabytes(need), float64(need)/1e9/r.Stream.Seconds()))
	line("ratio", fmt.Sprintf("%.2f", r.Ratio), "match + count ÷ stream, by turns")
	peak("memory: base build, peak", r.BasePeak, r.BaseTokens, "a token of the base")
	peak("memory: base held", r.BaseHeld, r.BaseTokens, "a token of the base")
	peak("memory: list build, more", r.ListPeak, r.ListTokens, "a token of the list")
	peak("memory: match, more", r.MatchPeak, r.ListTokens, "a token of the list")
	_, err := io.WriteString(w, b.String())
	return err
}

func seconds(t time.Duration) string { return fmt.Sprintf("%.4f s", t.Seconds()) }

func rate(n int64, t time.Duration) string {
	return strconv.FormatFloat(float64(n)/1e6/max(t.Seconds(), 1e-9), 'f', 1, 64)
}

func megabytes(n int64) string { return thousands(n/1e6) + " MB" }
