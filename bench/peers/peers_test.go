package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/matcher/matchbench"
)

// Where make test-peers puts what ClickHouse needs.
const (
	testLib    = "../../bin/peers/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
	testListen = "../../bin/peers/chlisten"
)

// TestMain lets the test's own binary be a child, as the program's is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childFlag {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestPeersAgree runs every peer, in children, on little data. A peer that
// can't run is a failure.
func TestPeersAgree(t *testing.T) {
	for _, path := range []string{testLib, testListen} {
		if _, err := os.Stat(path); err != nil {
			t.Fatal("ClickHouse's library is not there: run make test-peers")
		}
	}
	var out, errOut bytes.Buffer
	err := run(t.Context(), []string{"-sizes", "20k", "-small", "300", "-runs", "1", "-kinds", "1,2,3", "-dir", t.TempDir(),
		"-libchdb", testLib, "-chlisten", testListen}, nil, &out, &errOut)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut.String())
	}
	if strings.Contains(errOut.String(), "NOT RUN") {
		t.Error(errOut.String())
	}
	for _, p := range peers {
		for _, figure := range []string{figureMatch, figureLoad, "match + count, list of 300", figureIngest} {
			switch {
			case (p.name == "map" || p.name == "stream") && (figure == figureLoad || figure == figureIngest):
				continue
			}
			if n := strings.Count(out.String(), "| "+figure+" | "+p.name+" |"); n < 3 {
				t.Errorf("%s of %s is there %d times", figure, p.name, n)
			}
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// TestDifferenceFails: one wrong cell of one plan fails the run.
func TestDifferenceFails(t *testing.T) {
	answer := func(j *job, spoil func(cells []int64)) []int64 {
		s, err := matchbench.New(j.Data)
		if err != nil {
			t.Fatal(err)
		}
		cells := s.Answer()
		spoil(cells)
		return cells
	}
	for name, spoil := range map[string]func(cells []int64){
		"":                            func([]int64) {},
		"cell 7 is ":                  func(cells []int64) { cells[7]++ },
		"cell 1691 is -1 and must be": func(cells []int64) { cells[matchbench.Cells-1] = -1 },
	} {
		o, err := parse([]string{"-sizes", "5k", "-kinds", "1", "-dir", t.TempDir(), "-peers", "ours,map"}, os.Stderr)
		if err != nil {
			t.Fatal(err)
		}
		var out, errOut bytes.Buffer
		err = o.all(context.Background(), func(_ context.Context, j *job) (*outcome, error) {
			l := line{Figure: figureMatch, Plan: "none", Times: make([]time.Duration, 1), Cells: answer(j, func([]int64) {})}
			if j.Peer == "map" {
				l.Cells = answer(j, spoil)
			}
			return &outcome{Lines: []line{l}}, nil
		}, &out, &errOut)
		if name == "" && err != nil || name != "" && (err == nil || !strings.Contains(err.Error(), name)) {
			t.Errorf("%q: %v", name, err)
		}
		if files, err := os.ReadDir(o.dir); err != nil || len(files) > 0 {
			t.Errorf("%d files are left, %v", len(files), err)
		}
	}
}

// TestServerEnds: a stopped server does not answer.
func TestServerEnds(t *testing.T) {
	s, err := startClickHouse(t.Context(), testLib, testListen, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pid := s.pid()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); err == nil {
		t.Errorf("process %d is still there", pid)
	}
	if _, err := startClickHouse(t.Context(), "no-library", testListen, t.TempDir()); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a server without its library: %v", err)
	}
}

func TestOthers(t *testing.T) {
	busy, ok := parseBusy("cpu  100 20 3 4000 500 6 7 800 9 10\ncpu0 1 2 3\n")
	if want := (100 + 20 + 3 + 6 + 7 + 800) * 10 * time.Millisecond; !ok || busy != want {
		t.Errorf("busy for %v, want %v", busy, want)
	}
	for _, stat := range []string{"", "cpu 1 2 3", "cpu 1 2 3 4 x 6 7 8", "intr 1 2 3 4 5 6 7 8"} {
		if _, ok := parseBusy(stat); ok {
			t.Errorf("%q is known", stat)
		}
	}
	before, known := busyTime()
	if got := othersCores(before, known, time.Hour, time.Second); got != 0 {
		t.Errorf("a child that took more than there was leaves %g to others", got)
	}
	if !strings.Contains(disturbed(0.5), "**") || strings.Contains(disturbed(0.01), "**") || !strings.Contains(disturbed(-1), "not known") {
		t.Error("a disturbed run is not told from a quiet one")
	}
}

// TestTries: a disturbed peer is measured again, and the quietest counts.
func TestTries(t *testing.T) {
	for tries, want := range map[string]float64{"1": 0.9, "2": 0.5, "3": 0.5, "4": 0.01, "9": 0.01} {
		o, err := parse([]string{"-sizes", "5k", "-kinds", "1", "-dir", t.TempDir(), "-peers", "stream", "-tries", tries}, os.Stderr)
		if err != nil {
			t.Fatal(err)
		}
		others := []float64{0.9, 0.5, 0.7, 0.01, 0.02}
		var out bytes.Buffer
		err = o.all(t.Context(), func(context.Context, *job) (*outcome, error) {
			got := &outcome{Others: others[0]}
			others = others[1:]
			return got, nil
		}, &out, &bytes.Buffer{})
		if err != nil || !strings.Contains(out.String(), disturbed(want)) {
			t.Errorf("%s tries: %v\n%s", tries, err, out.String())
		}
	}
}

func TestCells(t *testing.T) {
	cells := make([]int64, 2)
	if err := setCell(cells, 1, 5); err != nil || !slices.Equal(cells, []int64{0, 5}) {
		t.Error(cells, err)
	}
	for _, cell := range []int64{-1, 1, 2} {
		if setCell(cells, cell, 1) == nil {
			t.Errorf("cell %d is taken", cell)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, args := range [][]string{{"-sizes", "ten"}, {"-sizes", ""}, {"-kinds", "x"}, {"-small", "1G"}, {"-peers", "ours,sqlite"}, {"-runs", "0"}, {"-tries", "0"}, {"more"}, {"-no"}} {
		if _, err := parse(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	if err := run(context.Background(), []string{childFlag}, strings.NewReader(`{"peer":"sqlite"}`), &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("a child of no peer runs")
	}
	if err := run(context.Background(), []string{"-sizes", "5", "-kinds", "4"}, nil, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
		t.Error("four kinds are made")
	}
}
