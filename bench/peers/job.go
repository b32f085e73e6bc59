package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"awase/internal/rss"
	"awase/matcher/matchbench"
)

// job is what a child is to do: one peer on one data set.
type job struct {
	Peer   string          `json:"peer"`
	Data   matchbench.Data `json:"data"`
	Small  int             `json:"small"` // rows of a second, small list; 0: none
	Runs   int             `json:"runs"`
	Ingest int             `json:"ingest"` // how often the base is built; 0: once, and not told
	Dir    string          `json:"dir"`    // holds the made data, takes what the peer writes
	Lib    string          `json:"lib"`    // libchdb.so
	Listen string          `json:"listen"` // chlisten
}

// What a line measures.
const (
	figureMatch  = "match + count"
	figureLoad   = "list load + match + count"
	figureSmall  = "match + count, small list"
	figureIngest = "base ingest"
)

// line is one plan measured.
type line struct {
	Figure string          `json:"figure"`
	Plan   string          `json:"plan"`
	Times  []time.Duration `json:"times"`
	Peak   int64           `json:"peak"` // resident bytes, most in a run; 0: not known
	Cells  []int64         `json:"cells,omitempty"`
}

func (l *line) median() time.Duration {
	times := slices.Sorted(slices.Values(l.Times))
	return times[len(times)/2]
}

// outcome is what a child answers.
type outcome struct {
	Layout string `json:"layout"` // how the peer holds the data
	NotRun string `json:"not_run,omitempty"`
	Lines  []line `json:"lines"`
	// Others is how many cores worked for somebody else meanwhile.
	Others float64 `json:"-"`
}

// peers are what can be measured, in the order of the table: ours first, what
// the ratios are against.
var peers = []struct {
	name string
	run  func(context.Context, *job) (*outcome, error)
}{
	{"ours", runOurs},
	{"clickhouse", runClickHouse},
	{"duckdb", runDuckDB},
	{"map", runMap},
	{"stream", runStream},
}

// bench measures plans of one peer in one process.
type bench struct {
	runs int
	warm int64 // bytes of free memory to touch before each ingest
	pid  int   // whose memory counts
	out  outcome
}

// measure runs f once to warm up and then runs times. f gives its counts by
// cell, nil if it counts nothing; they have to be the same in every run.
func (b *bench) measure(figure, plan string, f func() ([]int64, error)) error {
	return b.repeat(figure, plan, 1, b.runs, f)
}

// repeat runs f warm times unmeasured, then runs times; an ingest each time after
// free memory was touched. The peak of memory is
// that of the first run, which begins with none of its own that is free; later
// ones find it warm.
func (b *bench) repeat(figure, plan string, warm, runs int, f func() ([]int64, error)) error {
	l := line{Figure: figure, Plan: plan}
	debug.FreeOSMemory()
	for i := range warm + runs {
		if figure == figureIngest {
			if err := touchFree(b.warm); err != nil {
				return fmt.Errorf("touching free memory: %w", err)
			}
		}
		if i == 0 {
			_ = rss.ResetPeak(b.pid) // else the peak is an upper bound
		}
		start := time.Now()
		cells, err := f()
		took := time.Since(start)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", figure, plan, err)
		}
		if i == 0 {
			l.Peak, l.Cells = rss.Peak(b.pid), cells
		} else if !slices.Equal(l.Cells, cells) {
			return fmt.Errorf("%s, %s: two runs differ", figure, plan)
		}
		if i >= warm {
			l.Times = append(l.Times, took)
		}
		runtime.GC() // not in the next one's time
	}
	b.out.Lines = append(b.out.Lines, l)
	return nil
}

// list is the data of a list beside its name in the files.
type list struct {
	name   string
	source *matchbench.Source
	figure string
}

// lists gives the lists of a job: the main one, and the small one if any.
func (j *job) lists() ([]list, error) {
	s, err := matchbench.New(j.Data)
	if err != nil {
		return nil, err
	}
	out := []list{{mainList, s, figureMatch}}
	if j.Small > 0 {
		d := j.Data
		d.List = j.Small
		small, err := matchbench.New(d)
		if err != nil {
			return nil, err
		}
		out = append(out, list{smallList, small, figureSmall})
	}
	return out, nil
}

var errCell = errors.New("a cell that is not one of the 1,692, or one twice")

// setCell puts a count where it belongs.
func setCell(cells []int64, cell, n int64) error {
	if cell < 0 || cell >= int64(len(cells)) || cells[cell] != 0 {
		return errCell
	}
	cells[cell] = n
	return nil
}

// plan is one way to ask a database: LIST stands for the list, a table or a
// function that reads its files.
type plan struct{ name, sql, settings string }

// on gives the query on a list.
func (p plan) on(list string) string {
	q := strings.ReplaceAll(p.sql, "LIST", list)
	if p.settings != "" {
		q += " SETTINGS " + p.settings
	}
	return q
}
