package main

import (
	"encoding/json"
	"math"
	"time"

	"awase/aggregator"
)

// A figure is a constant of the plan, and how it was measured: the command prints it
// again. What a plan says beyond these sizes is their product.
type figure struct {
	value float64
	what  string
	by    string
}

const (
	byEngine    = "make plan-figures FIGURES=10,3"
	byEngineOne = "make plan-figures FIGURES=10,1"
	byBench     = "make bench-clickhouse"
	byOurs      = "docs/performance.md, the matcher"
)

// planFigures are the constants of a plan.
type planFigures struct {
	baseTokenDisk, personDisk, eligibleDisk, eligibleTokenDisk, listTokenDisk, eventDisk, baseLoadRate, listLoadRate, eventLoadRate, eligibleRate, eligibleRateOne, matchFixed, matchBaseToken, matchListRow, matchBaseTokenOne, matchListRowOne, serverMemory, matchMemory, matchMemoryRow, matchMemoryOne, eligibleMemory, eligibleMemoryOne, baseBuildToken, listBuildToken, standingUser figure
}

// measured were taken on two cores (docs/scale.md holds them against 50 M users).
func measured() *planFigures {
	return &planFigures{
		baseTokenDisk:     figure{16.01, "bytes on disk of a token of the base and its cluster", byEngine},
		personDisk:        figure{6.53, "bytes on disk of a cluster and its codes: three columns", byEngine},
		eligibleDisk:      figure{6.53, "bytes on disk of a cluster that may be counted, and its codes", byEngine},
		eligibleTokenDisk: figure{19.0, "bytes on disk of a token of one that may be counted, its cluster and its codes: of a kind of which nobody has two, where lists have no other", "make plan-figures FIGURES=50,1"},
		listTokenDisk:     figure{16.01, "bytes on disk of a token of a list", byEngine},
		eventDisk:         figure{7.2, "bytes on disk of an event", "make plan-figures FIGURES=50,1"},
		baseLoadRate:      figure{6.2e6, "tokens of a base loaded a second, the users' own too", byEngine},
		listLoadRate:      figure{4.0e6, "tokens of a list loaded a second, to each shard", byBench},
		eventLoadRate:     figure{5.6e5, "events loaded a second", "make plan-figures FIGURES=50,1"},
		eligibleRate:      figure{2.8e6, "clusters of those who may be counted that are put together a second, once for a base and each flow and purpose", byEngine},
		eligibleRateOne:   figure{1.5e6, "the same where there is one kind: with its tokens", byEngineOne},
		matchFixed:        figure{0.013, "seconds that a match takes in any case", byEngine},
		matchBaseToken:    figure{11.7e-9, "seconds of two cores a token of the base, in a match", byEngine},
		matchListRow:      figure{117e-9, "seconds of two cores a row of the list, in a match: half of them are found", byEngine},
		matchBaseTokenOne: figure{7.2e-9, "seconds of two cores a token of the base, in a match of one kind", byEngineOne},
		matchListRowOne:   figure{17.8e-9, "seconds of two cores a row of the list, in a match of one kind: half of them are found", byEngineOne},
		serverMemory:      figure{0.216e9, "bytes that an idle server holds", byEngine},
		matchMemory:       figure{0.095e9, "bytes that a match allocates on a shard in any case", byEngine},
		matchMemoryRow:    figure{39, "bytes that a match allocates a row of the list", byEngine},
		matchMemoryOne:    figure{0.4e9, "bytes that a match of one kind allocates on a shard", byEngineOne},
		eligibleMemory:    figure{60, "bytes that a server allocates a cluster of the shard, while who may be counted is put together", byEngine},
		eligibleMemoryOne: figure{91, "the same where there is one kind", byEngineOne},
		baseBuildToken:    figure{43.75, "bytes of the enclave a token, the users' own too, while the next base is built beside the one that is read", byOurs},
		listBuildToken:    figure{46, "bytes of the enclave a token of a list while it is built", byOurs},
		standingUser:      figure{2.125, "bytes of the enclave a user and base that is held: who is eligible", "matcher.Standings: a bit and two bytes"},
	}
}

// all gives every one of them.
func (f *planFigures) all() []figure {
	return []figure{f.baseTokenDisk, f.personDisk, f.eligibleDisk, f.eligibleTokenDisk, f.listTokenDisk, f.eventDisk, f.baseLoadRate, f.listLoadRate, f.eventLoadRate, f.eligibleRate, f.eligibleRateOne, f.matchFixed, f.matchBaseToken, f.matchListRow, f.matchBaseTokenOne, f.matchListRowOne, f.serverMemory, f.matchMemory, f.matchMemoryRow, f.matchMemoryOne, f.eligibleMemory, f.eligibleMemoryOne, f.baseBuildToken, f.listBuildToken, f.standingUser}
}

// MarshalJSON writes a figure and where it is from.
func (f figure) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Value float64 `json:"value"`
		What  string  `json:"what"`
		By    string  `json:"by"`
	}{f.value, f.what, f.by})
}

// What no measurement of two cores says is assumed, and said to be.
const (
	measuredCores = 2
	moreCores     = 0.7 // what a further core is worth beside one of the first two
	usable        = 0.8 // of a machine's memory: the rest is the system's
	diskFree      = 1.5 // of what lies there: merges write a part anew before the old ones go
	maxClusters   = 1<<32 - 1
)

// planInput is what a room will have.
type planInput struct {
	Users         int64   `json:"users"`
	Kinds         int64   `json:"kinds"`
	Lists         int64   `json:"lists"` // held at the same time
	ListRows      int64   `json:"list_rows"`
	EventsPerDay  int64   `json:"events_per_day"`
	Retention     int64   `json:"retention_days"`
	Populations   int64   `json:"populations"`
	Groups        int64   `json:"groups"` // recipients
	MachineMemory int64   `json:"machine_memory_bytes"`
	Cores         int64   `json:"cores"`
	MatchWithin   float64 `json:"match_within_seconds"`
	Price         float64 `json:"price_per_shard_month,omitempty"`
}

// enginePlan is what that takes. Bytes are of 10^9 to a GB.
type enginePlan struct {
	Shards     int64  `json:"shards"`
	DecidedBy  string `json:"decided_by"` // memory, time or one
	Disk       int64  `json:"shard_disk_bytes"`
	DiskNeeded int64  `json:"shard_disk_needed_bytes"` // while the next base is loaded beside the one that is asked, and parts are merged
	Hot        int64  `json:"shard_hot_bytes"`         // what a match reads: it should stay in the page cache
	Allocated  int64  `json:"shard_allocated_bytes"`   // by the server, in a match or while who may be counted is put together
	Memory     int64  `json:"shard_memory_bytes"`      // both

	Enclave int64 `json:"enclave_bytes"` // most, while the next base or a list is built
	Held    int64 `json:"enclave_held_bytes"`

	BaseLoad   float64 `json:"base_load_seconds"` // all shards, by one enclave
	ListLoad   float64 `json:"list_load_seconds"` // one list
	EventsLoad float64 `json:"events_load_seconds"`
	Eligible   float64 `json:"eligible_seconds"` // before the first question of a flow and purpose on a new base
	Match      float64 `json:"match_seconds"`

	HardwareDay float64 `json:"matches_a_day_hardware"`
	TableRho    float64 `json:"table_rho"`
	GroupMonth  int64   `json:"tables_group_30d"` // of one owner's data
	GroupYear   int64   `json:"tables_group_365d"`
	AllMonth    int64   `json:"tables_all_30d"` // all recipients together, of one owner's data
	BudgetDay   float64 `json:"tables_a_day_budget"`

	Cost  float64  `json:"cost_a_month,omitempty"`
	Short []string `json:"short,omitempty"` // what does not fit, whatever the hardware
}

// Budgets of the default gate (docs/rules.md).
const (
	planSigma   = aggregator.DefaultSigma
	allRho30    = 8.0 // of one owner's data, over all recipients
	secondsADay = float64(24 * time.Hour / time.Second)
)

// planEngine says what a room takes. It is sums and products of the figures.
func planEngine(in planInput, of *planFigures) enginePlan {
	var p enginePlan
	f := func(n int64) float64 { return float64(n) }
	tokens := f(in.Users * in.Kinds)
	listTokens := f(in.ListRows * in.Kinds)

	split := tokens*of.baseTokenDisk.value + f(in.Users)*(of.baseTokenDisk.value+of.personDisk.value) + f(in.Users*in.Populations)*of.eligibleDisk.value
	events := f(in.EventsPerDay*in.Retention) * of.eventDisk.value
	whole := f(in.Lists) * listTokens * of.listTokenDisk.value // on every shard
	hotSplit := tokens*of.baseTokenDisk.value + f(in.Users)*of.eligibleDisk.value
	allocated := of.matchMemory.value + f(in.ListRows)*of.matchMemoryRow.value
	aToken, aRow, aCluster, eligible := of.matchBaseToken.value, of.matchListRow.value, of.eligibleMemory.value, of.eligibleRate.value
	if in.Kinds == 1 { // lists are counted in one pass over tokens with their codes
		split += tokens * f(in.Populations) * of.eligibleTokenDisk.value
		hotSplit = tokens * of.eligibleTokenDisk.value
		allocated = of.matchMemoryOne.value
		aToken, aRow, aCluster, eligible = of.matchBaseTokenOne.value, of.matchListRowOne.value, of.eligibleMemoryOne.value, of.eligibleRateOne.value
	}
	cut := listTokens * of.listTokenDisk.value // of all shards, what their clusters hold of a list: at most all of it
	allocated += of.serverMemory.value
	bringing := f(in.Users) * aCluster
	room := usable * f(in.MachineMemory)
	match := func(shards float64) float64 {
		work := (tokens*aToken + f(in.ListRows)*aRow) / shards
		return of.matchFixed.value + work*measuredCores/worth(in.Cores)
	}

	p.Shards, p.DecidedBy = 1, "one"
	if left := room - allocated; left > 0 {
		if n := int64(math.Ceil((hotSplit + cut + bringing) / left)); n > p.Shards {
			p.Shards, p.DecidedBy = n, "memory"
		}
	} else {
		p.Short = append(p.Short, "what a match allocates for a list of this size does not fit in the memory of a machine")
	}
	if fastest := match(math.Inf(1)); fastest > in.MatchWithin {
		p.Short = append(p.Short, "a match takes longer than wanted with any number of shards: that much goes by whatever they read")
	} else if n := int64(math.Ceil((match(1) - fastest) / max(in.MatchWithin-fastest, 1e-9))); n > p.Shards {
		p.Shards, p.DecidedBy = n, "time"
	}
	if in.Users > maxClusters {
		p.Short = append(p.Short, "a base numbers at most 4,294,967,295 clusters")
	}
	n := f(p.Shards)
	if p.Shards > 1 { // each has its part beside the whole list
		split += f(in.Lists) * cut
	}
	p.Disk = int64((split+events)/n + whole)
	p.DiskNeeded = int64(diskFree * ((2*split+events)/n + whole))
	p.Hot, p.Allocated = int64((hotSplit+cut)/n), int64(allocated+bringing/n)
	p.Memory = p.Hot + p.Allocated

	p.Held = int64(f(in.Users) * of.standingUser.value)
	p.Enclave = p.Held + int64(max(f(in.Users*(in.Kinds+1))*of.baseBuildToken.value, listTokens*of.listBuildToken.value))
	p.BaseLoad = f(in.Users*(in.Kinds+1)) / of.baseLoadRate.value
	p.ListLoad = listTokens * n / of.listLoadRate.value
	p.EventsLoad = f(in.EventsPerDay) / of.eventLoadRate.value
	p.Eligible = f(in.Users) / eligible
	p.Match = match(n)

	policy := aggregator.DefaultPolicy()
	p.HardwareDay = secondsADay / p.Match
	p.TableRho = 1 / float64(2*planSigma*planSigma)
	p.GroupMonth = int64(float64(policy.Rho30Nano)/1e9/p.TableRho + 1e-6)
	p.GroupYear = int64(float64(policy.Rho365Nano)/1e9/p.TableRho + 1e-6)
	p.AllMonth = int64(allRho30/p.TableRho + 1e-6)
	p.BudgetDay = min(f(in.Groups*p.GroupMonth), f(p.AllMonth)) / 30
	p.Cost = n * in.Price
	return p
}

// worth is what so many cores do, in cores of those measured.
func worth(cores int64) float64 {
	return float64(min(cores, measuredCores)) + moreCores*float64(max(0, cores-measuredCores))
}
