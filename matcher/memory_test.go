package matcher_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"

	"awase/matcher"
)

// held is the memory that the process has from the system and has not given
// back, in bytes.
func held() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// TestMemoryGivenBack: after a build the process holds the base and little
// else, by what the runtime says: not the rows it was built of, which are as
// much again, nor what sorting took.
func TestMemoryGivenBack(t *testing.T) {
	debug.FreeOSMemory()
	before := held()
	w := world{2_000_000, 1, 1}
	base := w.base(t, nil)
	size := int64(0)
	for _, buf := range base.Columns() {
		size += int64(len(buf))
	}
	const slack = 48 << 20 // the directories, a spare chunk, what the runtime rounds up
	if got := held() - before; got > size+slack {
		t.Errorf("%d MiB held after building a base of %d MiB", got>>20, size>>20)
	}
	runtime.KeepAlive(base)
}

// TestWorlds compares with the overlap that the benchmarks know, at a size
// where there are several ranges of clusters, kinds and blocks of findings.
func TestWorlds(t *testing.T) {
	for _, w := range []world{{200_000, 20_000, 3}, {120_000, 1_000, 2}, {40_000, 40_000, 3}} {
		for _, workers := range []int{1, 3} {
			e := matcher.NewEmbedded(matcher.Workers(workers))
			e.PutBase(matcher.PopulationID{1}, w.base(t, nil))
			q := matcher.Query{Population: matcher.PopulationID{1}, List: e.PutList(w.list(t)), Dims: benchDims,
				Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}}}
			for range 2 { // the second in memory that the first used
				got, err := e.Cells(context.Background(), q)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Users, w.want()) {
					t.Errorf("%s, %d workers: the counts are not those of the known overlap", w, workers)
				}
			}
		}
	}
}

// TestSpareMemory: bitmaps and findings that a query leaves behind show in no
// later one, whatever the sizes and needs of both.
func TestSpareMemory(t *testing.T) {
	e := matcher.NewEmbedded(matcher.Workers(2))
	byKind := []matcher.Dim{{Source: matcher.MatchedBy, Size: int(matcher.Kinds)}}
	for i, w := range []world{{100_000, 50_000, 3}, {3_000, 300, 1}, {150_000, 100, 3}, {100_000, 50_000, 3}, {70, 7, 2}} {
		pop := matcher.PopulationID{byte(i + 1)}
		e.PutBase(pop, w.base(t, nil))
		list := e.PutList(w.list(t))
		users := int64(0)
		for _, n := range w.want() {
			users += n
		}
		for name, q := range map[string]matcher.Query{
			"cells": {Dims: benchDims[:1]}, "kinds": {Dims: byKind}, "condition": {Where: &matcher.Where{List: &list}},
			"complement": {Where: &matcher.Where{Not: &matcher.Where{List: &list}}},
		} {
			q.Population, q.Eligible = pop, matcher.Eligibility{ByPolicy: true, Versions: []string{"v1"}}
			want := users
			if name == "complement" {
				want = int64(w.users) - int64(w.users/10) - users
			} else if name != "condition" {
				q.List = list
			}
			got, err := e.Cells(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for _, n := range got.Users {
				sum += n
			}
			if sum != want {
				t.Errorf("%s, %s: %d users, want %d", w, name, sum, want)
			}
		}
	}
}
