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
	var beside besideFlags
	cmd := &cobra.Command{
		Use:   "bench [--users 10M] [--list 1M] [--kinds 1|2|3] [--overlap 0.5] [--seed N] [--runs N] [--engine clickhouse --clickhouse HOST:PORT[,HOST:PORT…]]",
		Short: "Measure matching and counting on this machine, with made data",
		Long: "Makes users and a list with a known answer, builds and sorts both, matches and counts over 1,692 cells (age × gender × prefecture), holds the " +
			"counts against the answer, and prints what it took next to reading the bytes that it needs once, on all cores. No vault is needed and nobody is real. " +
			"Sizes may end in k, M or G (thousand, million, billion). Memory: about 35 bytes a user and 25 an identifier. Below some millions of users what a question costs in any case is most of it. " +
			"With --engine clickhouse the same data is loaded into ClickHouse, too, and matched by turns with ours: both engines in one run, their cells compared, and the tables dropped. " +
			"The database has to hold no room's tables.",
		Args: exactArgs(),
	}
	cmd.Flags().Var((*size)(&d.Users), "users", "users of the base")
	cmd.Flags().Var((*size)(&d.List), "list", "rows of the list; 0: a tenth of the users")
	cmd.Flags().IntVar(&d.Kinds, "kinds", d.Kinds, "identifiers of a user and of a row: email; and phone; and cookie")
	cmd.Flags().Float64Var(&d.Overlap, "overlap", d.Overlap, "the share of the rows that are users")
	cmd.Flags().Uint64Var(&d.Seed, "seed", d.Seed, "another seed makes other data")
	cmd.Flags().IntVar(&runs, "runs", 5, "how often to match and to read; the median is printed")
	beside.add(cmd.Flags())
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
		other, shards, err := beside.open(cmd.Context())
		if err != nil {
			return err
		}
		defer other.close()
		r, err := matchbench.Run(cmd.Context(), s, runs, other.engine)
		if err != nil {
			return fmt.Errorf("measuring: %w", err)
		}
		return answer(cmd, struct {
			Data   *matchbench.Data   `json:"data"`
			Report *matchbench.Report `json:"report"` // times in nanoseconds, memory in bytes
		}{&d, r}, func(w io.Writer) error { return printBench(w, &d, r, runs, shards) })
	}
	return jsonFlag(cmd)
}

// size is a flag: a number that scaled reads.
type size int

func (s *size) String() string { return strconv.Itoa(int(*s)) }

func (s *size) Type() string { return "N" }

func (s *size) Set(text string) error {
	n, err := scaled(text, math.MaxInt)
	if err != nil {
		return fmt.Errorf("not a number such as 500000, 500k or 10M; %s", letters)
	}
	*s = size(n)
	return nil
}

// letters are what scaled takes, as a person is told.
const letters = "the letters are k, M, G and T, each a thousand of the one before: a billion is 1G"

// scaled reads a number that may end in k, M, G or T: thousands of thousands.
func scaled(text string, most int64) (int64, error) {
	digits, unit := strings.ReplaceAll(text, ",", ""), int64(1)
	for i, suffix := range []string{"k", "M", "G", "T"} {
		if rest, ok := strings.CutSuffix(digits, suffix); ok {
			digits = rest
			for range i + 1 {
				unit *= 1000
			}
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > most/unit {
		return 0, fmt.Errorf("not a number: %w", strconv.ErrSyntax)
	}
	return n * unit, nil
}

func printBench(w io.Writer, d *matchbench.Data, r *matchbench.Report, runs, shards int) error {
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
	if o := r.Beside; o != nil {
		listTokens := int64(d.List) * int64(d.Kinds)
		line("clickhouse", plural(shards, "shard"), "the same data; cells as they must be and as ours, one by one")
		took("clickhouse: load base", o.BaseLoad, int64(d.Users)*int64(d.Kinds+1), "M identifiers/s, the users' own too")
		took("clickhouse: load list", o.ListLoad, listTokens, "M identifiers/s")
		line("clickhouse: first count", seconds(o.First), "it copies who is eligible, once for a population")
		took("clickhouse: match + count", o.Match, r.BaseTokens, fmt.Sprintf("M base tokens/s, median of %d", runs))
		line("ours beside it", seconds(o.Embedded), "by turns")
		line("ratio", fmt.Sprintf("%.1f", o.Ratio), "clickhouse ÷ ours, by turns")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func seconds(t time.Duration) string { return fmt.Sprintf("%.4f s", t.Seconds()) }

func rate(n int64, t time.Duration) string {
	return strconv.FormatFloat(float64(n)/1e6/max(t.Seconds(), 1e-9), 'f', 1, 64)
}

func megabytes(n int64) string { return thousands(n/1e6) + " MB" }
