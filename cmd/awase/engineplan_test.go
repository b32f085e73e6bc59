package main

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
)

// round are figures that are multiplied in the head.
func roundFigures() *planFigures {
	f := func(v float64) figure { return figure{value: v} }
	return &planFigures{baseTokenDisk: f(16), personDisk: f(8), eligibleDisk: f(8), eligibleTokenDisk: f(20), listTokenDisk: f(16), eventDisk: f(10), baseLoadRate: f(1e6), listLoadRate: f(2e6), eventLoadRate: f(1e6), eligibleRate: f(2e6), eligibleRateOne: f(1e6), matchBaseTokenOne: f(5e-9), matchListRowOne: f(1e-7), matchMemoryOne: f(2e9), eligibleMemoryOne: f(20),
		matchFixed: f(0.5), matchBaseToken: f(1e-8), matchListRow: f(3e-7), serverMemory: f(1e9), matchMemory: f(1e9), matchMemoryRow: f(200), eligibleMemory: f(10), baseBuildToken: f(50), listBuildToken: f(50), standingUser: f(2)}
}

// TestEnginePlan: the plan of a room is what a person works out by hand.
func TestEnginePlan(t *testing.T) {
	in := planInput{Users: 100e6, Kinds: 3, Lists: 10, ListRows: 10e6, EventsPerDay: 10e6, Retention: 100, Populations: 2, Groups: 2, MachineMemory: 100e9, Cores: 2, MatchWithin: 100, Price: 3}
	p := planEngine(in, roundFigures())
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	near("shards", float64(p.Shards), 1)
	// 300 M tokens and 100 M keys of 16 B, 100 M people of 8, twice 100 M of 8 that may
	// be counted; 1,000 M events of 10; ten lists of 30 M tokens of 16.
	near("disk", float64(p.Disk), 6.4e9+0.8e9+1.6e9+10e9+4.8e9)
	near("disk needed", float64(p.DiskNeeded), 1.5*(2*8.8e9+10e9+4.8e9))
	near("hot", float64(p.Hot), 4.8e9+0.8e9+0.48e9)
	near("allocated", float64(p.Allocated), 1e9+3e9+1e9)
	near("memory", float64(p.Memory), 11.08e9)
	near("enclave", float64(p.Enclave), 0.2e9+400e6*50)
	near("base load", p.BaseLoad, 400)
	near("list load", p.ListLoad, 15)
	near("events load", p.EventsLoad, 10)
	near("eligible", p.Eligible, 50)
	near("match", p.Match, 0.5+3+3)
	near("hardware", p.HardwareDay, 86400/6.5)
	near("group", float64(p.GroupMonth), 50)
	near("group, a year", float64(p.GroupYear), 400)
	near("all", float64(p.AllMonth), 1600)
	near("budget", p.BudgetDay, 100.0/30)
	near("cost", p.Cost, 3)

	// One kind: 100 M tokens and keys of 16, people of 8, twice 8 and 20 that may be
	// counted, of which a match reads the 20.
	one := in
	one.Kinds, one.EventsPerDay, one.Lists = 1, 0, 0
	q := planEngine(one, roundFigures())
	near("disk of one kind", float64(q.Disk), 3.2e9+0.8e9+1.6e9+4e9)
	near("hot of one kind", float64(q.Hot), 2e9+0.16e9)
	near("allocated of one kind", float64(q.Allocated), 1e9+2e9+2e9)
	near("eligible of one kind", q.Eligible, 100)
	near("match of one kind", q.Match, 0.5+0.5+1)

	// Time: 0.5 stay whatever the shards; 3 of the base and 3 of the list are shared.
	in.MatchWithin = 2.5
	if p = planEngine(in, roundFigures()); p.Shards != 3 || p.DecidedBy != "time" {
		t.Errorf("%d shards by %s", p.Shards, p.DecidedBy)
	}
	near("match of three", p.Match, 2.5)
	near("disk of three", float64(p.Disk), (8.8e9+10e9+4.8e9)/3+4.8e9) // and each its part of the lists
	near("list load of three", p.ListLoad, 45)
	near("cost of three", p.Cost, 9)
	in.MatchWithin = 0.4
	if p = planEngine(in, roundFigures()); len(p.Short) != 1 || !strings.Contains(p.Short[0], "any number of shards") {
		t.Errorf("%q", p.Short)
	}
	// Memory: of 8 GB 6.4 are usable, 4 allocated: 2.4 for 7.08, 0.48 of which are the list's.
	in.MatchWithin, in.MachineMemory = 100, 8e9
	if p = planEngine(in, roundFigures()); p.Shards != 3 || p.DecidedBy != "memory" {
		t.Errorf("%d shards by %s", p.Shards, p.DecidedBy)
	}
	in.MachineMemory = 5e9
	if p = planEngine(in, roundFigures()); len(p.Short) != 1 || !strings.Contains(p.Short[0], "memory of a machine") {
		t.Errorf("%q", p.Short)
	}
	// More groups than the owner's data bears all together; more users than ids.
	in.MachineMemory, in.Groups, in.Users = 1e12, 1000, 5e9
	if p = planEngine(in, roundFigures()); len(p.Short) != 1 || !strings.Contains(p.Short[0], "4,294,967,295") {
		t.Errorf("%q", p.Short)
	}
	near("budget of all", p.BudgetDay, 1600.0/30)
	if worth(2) != 2 || worth(1) != 1 || math.Abs(worth(12)-9) > 1e-9 {
		t.Error(worth(1), worth(2), worth(12))
	}
}

// TestEnginePlanCommand: what it prints, and that all of it is in its JSON.
func TestEnginePlanCommand(t *testing.T) {
	code, out, errOut := inProcess("engine", "plan", "--users", "1G", "--events-per-day", "1G", "--price-per-shard-month", "700")
	if code != 0 {
		t.Fatal(errOut)
	}
	for _, want := range []string{"shards", "disk of a shard", "memory of the enclave", "tables a day, budget", "what ends first", "the budget", "cost a month", "extrapolated"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	code, out, errOut = inProcess("engine", "plan", "--users", "10M", "--json")
	var v struct {
		Input   planInput
		Plan    enginePlan
		Figures []struct {
			Value    float64
			What, By string
		}
	}
	if err := json.Unmarshal([]byte(out), &v); code != 0 || err != nil {
		t.Fatal(err, errOut)
	}
	if v.Input.ListRows != 1_000_000 || v.Plan.Shards != 1 || v.Plan.Match <= 0 || len(v.Figures) != 25 {
		t.Errorf("%+v", v)
	}
	for _, f := range v.Figures {
		if f.Value <= 0 || f.What == "" || f.By == "" {
			t.Errorf("a figure without its origin: %+v", f)
		}
	}
	for args, says := range map[string]string{"--users 1B": "a billion is 1G", "--users 1G --machine-memory 64GB": "a billion is 1G"} {
		if code, _, errOut := inProcess(append([]string{"engine", "plan"}, strings.Fields(args)...)...); code != 2 || !strings.Contains(errOut, says) {
			t.Errorf("%q: exit status %d, %s", args, code, errOut)
		}
	}
	// Where it does not fit, neither budget nor hardware ends first.
	if _, out, _ := inProcess("engine", "plan", "--users", "5G", "--match-within", "0.01"); !regexp.MustCompile(`(?s)\nwhat ends first +does not fit .* does not fit +a base numbers at most`).MatchString(out) || strings.Contains(out, "the budget") {
		t.Error(out)
	}
	for _, args := range []string{"", "--users 0", "--users 10M --kinds 0", "--users 10M --machine-memory 1M", "--users 10M --match-within 0", "--users 9000T", "--users 10M --price-per-shard-month -1", "--users 10M --retention 0", "--users x"} {
		if code, _, _ := inProcess(append([]string{"engine", "plan"}, strings.Fields(args)...)...); code != 2 {
			t.Errorf("%q: exit status %d", args, code)
		}
	}
}
