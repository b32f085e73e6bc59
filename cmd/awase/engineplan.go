package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func enginePlanCommand() *cobra.Command {
	users, lists, rows, events := size(0), size(10), size(0), size(0)
	in := planInput{Kinds: 3, Retention: 90, Populations: 2, Groups: 1, MachineMemory: 64e9, Cores: 16, MatchWithin: 10}
	cmd := &cobra.Command{
		Use:   "plan --users 100M [--lists N] [--list-rows N] [--events-per-day N] [--kinds 3] [--machine-memory 64G] [--cores 16]",
		Short: "What a room of a given size takes: shards, memory, disk, seconds",
		Long: "Says how many ClickHouse shards a room takes, what lies on each, what the enclave needs while it builds a base, how long loading and a match last, and whether " +
			"the hardware or the privacy budget ends what can be asked in a day. It is arithmetic with constants that were measured on two cores, at 10 M users, and held against 50 M; " +
			"what is beyond that is extrapolated (docs/scale.md). It reads nothing and asks nobody. Sizes may end in k, M, G or T: a billion is 1G.",
		Args: exactArgs(),
	}
	fl := cmd.Flags()
	fl.Var(&users, "users", "users of the base")
	fl.Var(&lists, "lists", "lists held at the same time")
	fl.Var(&rows, "list-rows", "rows of each; 0: a tenth of the users")
	fl.Var(&events, "events-per-day", "events of a day")
	fl.Int64Var(&in.Kinds, "kinds", in.Kinds, "identifiers of a user and of a row")
	fl.Int64Var(&in.Retention, "retention", in.Retention, "`days` that events are kept")
	fl.Int64Var(&in.Populations, "populations", in.Populations, "flows and purposes whose eligible users differ")
	fl.Int64Var(&in.Groups, "groups", in.Groups, "groups of parties that ask: each has a budget of its own")
	fl.Var((*amount)(&in.MachineMemory), "machine-memory", "memory of a shard's machine")
	fl.Int64Var(&in.Cores, "cores", in.Cores, "cores of a shard's machine")
	fl.Float64Var(&in.MatchWithin, "match-within", in.MatchWithin, "`seconds` that a match may take")
	fl.Float64Var(&in.Price, "price-per-shard-month", 0, "what a shard's machine costs, in any currency")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		in.Users, in.Lists, in.ListRows, in.EventsPerDay = int64(users), int64(lists), int64(rows), int64(events)
		if in.ListRows == 0 {
			in.ListRows = in.Users / 10
		}
		if err := in.check(); err != nil {
			return usageError{err}
		}
		p := planEngine(in, measured())
		return answer(cmd, struct {
			Input   planInput  `json:"input"`
			Plan    enginePlan `json:"plan"`
			Figures []figure   `json:"figures"`
		}{in, p, measured().all()}, func(w io.Writer) error { return printPlan(w, &in, &p) })
	}
	return jsonFlag(cmd)
}

// The most that a plan is made for: products of what is below stay far from where
// an int64 ends.
const planMost = 1_000_000_000_000

func (in *planInput) check() error {
	for _, c := range []struct {
		flag          string
		n, least, top int64
	}{
		{"users", in.Users, 1, planMost}, {"kinds", in.Kinds, 1, 16}, {"lists", in.Lists, 0, 1_000_000}, {"list-rows", in.ListRows, 0, planMost},
		{"events-per-day", in.EventsPerDay, 0, planMost}, {"retention", in.Retention, 1, 3650}, {"populations", in.Populations, 1, 1000},
		{"groups", in.Groups, 1, 1_000_000}, {"machine-memory", in.MachineMemory, 1_000_000_000, 1_000 * planMost}, {"cores", in.Cores, 1, 4096},
	} {
		if c.n < c.least || c.n > c.top {
			return fmt.Errorf("--%s takes a number from %s to %s", c.flag, thousands(c.least), thousands(c.top))
		}
	}
	if !(in.MatchWithin > 0) || !(in.Price >= 0) {
		return fmt.Errorf("--match-within takes seconds above 0, --price-per-shard-month a price")
	}
	return nil
}

// amount is a flag of bytes that may end in M, G or T, of a thousand each.
type amount int64

func (a *amount) String() string { return strconv.FormatInt(int64(*a), 10) }

func (a *amount) Type() string { return "BYTES" }

func (a *amount) Set(text string) error {
	n, err := scaled(text, 1e15)
	if err != nil {
		return fmt.Errorf("not an amount such as 64G; %s", letters)
	}
	*a = amount(n)
	return nil
}

func printPlan(w io.Writer, in *planInput, p *enginePlan) error {
	var b strings.Builder
	line := func(what, value, note string) {
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("%-30s %14s   %s", what, value, note), " "))
	}
	line("users", thousands(in.Users), fmt.Sprintf("%s tokens, and one of each user's key", thousands(in.Users*in.Kinds)))
	line("lists", thousands(in.Lists), fmt.Sprintf("of %s rows, %s tokens, whole on every shard", thousands(in.ListRows), thousands(in.ListRows*in.Kinds)))
	line("events held", thousands(in.EventsPerDay*in.Retention), fmt.Sprintf("%s a day for %d days", thousands(in.EventsPerDay), in.Retention))
	b.WriteString("\n")
	line("shards", thousands(p.Shards), map[string]string{"one": "one is enough", "memory": "so that what a match reads stays in memory",
		"time": fmt.Sprintf("so that a match takes %g s", in.MatchWithin)}[p.DecidedBy])
	line("disk of a shard", gigabytes(p.Disk), gigabytes(p.DiskNeeded)+" to have: the next base beside this one, and merges")
	line("memory of a shard", gigabytes(p.Memory), fmt.Sprintf("%s read by a match, %s allocated; the machine has %s", gigabytes(p.Hot), gigabytes(p.Allocated), gigabytes(in.MachineMemory)))
	line("memory of the enclave", gigabytes(p.Enclave), fmt.Sprintf("while it builds the next base or a list; %s held between", gigabytes(p.Held)))
	line("loading a base", duration(p.BaseLoad), "into all shards, by one enclave; building it comes before")
	line("loading a list", duration(p.ListLoad), "to every shard, whole")
	line("loading a day's events", duration(p.EventsLoad), "")
	line("who is eligible", duration(p.Eligible), "before the first question of a flow and purpose on a new base")
	line("a match", duration(p.Match), fmt.Sprintf("with %d cores a shard", in.Cores))
	b.WriteString("\n")
	line("matches a day, hardware", thousands(int64(p.HardwareDay)), "one after another")
	line("tables a day, budget", fmt.Sprintf("%.1f", p.BudgetDay), fmt.Sprintf("%d %s: %s in 30 days and %s in 365 each (ρ %g a table at sigma %d), %s in 30 days all together, of one owner's data",
		in.Groups, groupsWord(in.Groups), thousands(p.GroupMonth), thousands(p.GroupYear), p.TableRho, planSigma, thousands(p.AllMonth)))
	switch {
	case len(p.Short) > 0: // nothing is asked of what does not fit
		for i, s := range p.Short {
			line(map[bool]string{true: "what ends first"}[i == 0], "does not fit", s)
		}
	case p.BudgetDay < p.HardwareDay:
		line("what ends first", "the budget", fmt.Sprintf("the shards are busy %.2g %% of a day", 100*p.BudgetDay/p.HardwareDay))
	default:
		line("what ends first", "the hardware", "")
	}
	if in.Price > 0 {
		line("cost a month", strconv.FormatFloat(p.Cost, 'f', -1, 64), fmt.Sprintf("%d × %s", p.Shards, strconv.FormatFloat(in.Price, 'f', -1, 64)))
	}
	b.WriteString("\nMeasured at 10 M and 50 M users on two cores; the rest is extrapolated: docs/scale.md.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func groupsWord(n int64) string {
	if n == 1 {
		return "group"
	}
	return "groups"
}

func gigabytes(n int64) string {
	if n < 1e9 {
		return thousands(n/1e6) + " MB"
	}
	return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) + " GB"
}

// duration writes seconds as a person would.
func duration(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.2g s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 7200:
		return fmt.Sprintf("%.0f min", s/60)
	}
	return fmt.Sprintf("%.1f h", s/3600)
}
