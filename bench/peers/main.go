// Command peers measures Awase's matcher next to ClickHouse, DuckDB, a Go map
// and plain streaming of the bytes, in one run and on the same made data.
//
// It is a module of its own, so that the peers' clients and C code stay out of
// the product. For each size the data is written to files once; then each peer
// runs in a child process of its own, one after another, so that no two hold
// memory at once. Every count is compared, cell by cell, with the answer known
// from making the data, ours as well: so all agree with ours, or the run fails.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"awase/matcher/matchbench"
)

// childFlag makes this program one peer: a job on standard input, an outcome on
// standard output.
const childFlag = "-child"

// manyTokens is from where on a base is ingested once alone: it takes minutes.
const manyTokens = 60_000_000

func main() {
	runtime.LockOSThread() // a server we start is to die with this thread, and no sooner
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// starter runs one peer: in a child, or in a test as it likes.
type starter func(context.Context, *job) (*outcome, error)

type options struct {
	sizes  []int
	kinds  []int
	peers  []string
	ratio  int // users a row of the list
	small  int
	runs   int
	tries  int
	ingest bool
	seed   uint64
	quiet  time.Duration
	dir    string
	lib    string
	listen string
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	if len(args) == 1 && args[0] == childFlag {
		return child(ctx, in, out)
	}
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	start := func(ctx context.Context, j *job) (*outcome, error) { return startChild(ctx, self, j, errOut) }
	return o.all(ctx, start, out, errOut)
}

func parse(args []string, errOut io.Writer) (*options, error) {
	o := &options{}
	var names []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(errOut)
	sizes := f.String("sizes", "10M", "users of the base, by commas: 10M,50M,100M")
	kinds := f.String("kinds", "1,3", "identifiers of a user, by commas: 1 to 3")
	chosen := f.String("peers", strings.Join(names, ","), "what to measure")
	small := f.String("small", "100k", "rows of the small list, on the largest size; 0: none")
	f.IntVar(&o.ratio, "ratio", 10, "users of the base for each row of the list")
	f.IntVar(&o.runs, "runs", 3, "measurements of each plan, after one to warm up; the median counts")
	f.BoolVar(&o.ingest, "ingest", true, "measure how the base is taken in; once only where there are many tokens")
	f.Uint64Var(&o.seed, "seed", 1, "another seed makes other data")
	f.IntVar(&o.tries, "tries", 1, "how often to measure a peer, at most, while others take a tenth of a core or more")
	f.DurationVar(&o.quiet, "quiet", 0, "how long to wait at most, before each peer, until nobody else works on this machine")
	f.StringVar(&o.dir, "dir", "", "the `directory` for made data, up to 10 GB for 100M and three kinds; a temporary one by default")
	f.StringVar(&o.lib, "libchdb", "", "ClickHouse's `library`")
	f.StringVar(&o.listen, "chlisten", "", "the `program` that makes it listen")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.sizes, err = numbers(*sizes); err != nil {
		return nil, fmt.Errorf("-sizes: %w", err)
	}
	if o.kinds, err = numbers(*kinds); err != nil {
		return nil, fmt.Errorf("-kinds: %w", err)
	}
	if o.small, err = number(*small); err != nil {
		return nil, fmt.Errorf("-small: %w", err)
	}
	o.peers = strings.Split(*chosen, ",")
	for _, p := range o.peers {
		if !slices.Contains(names, p) {
			return nil, fmt.Errorf("-peers: no peer %q; there are %s", p, strings.Join(names, ", "))
		}
	}
	if o.runs < 1 || o.tries < 1 || o.ratio < 1 || f.NArg() > 0 {
		return nil, errors.New("-runs, -tries and -ratio take numbers from 1, and nothing follows the flags")
	}
	return o, nil
}

func numbers(text string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := number(part)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return out, nil
}

// number reads 500, 100k or 10M.
func number(text string) (int, error) {
	digits, unit := text, 1
	switch {
	case strings.HasSuffix(text, "k"):
		digits, unit = strings.TrimSuffix(text, "k"), 1_000
	case strings.HasSuffix(text, "M"):
		digits, unit = strings.TrimSuffix(text, "M"), 1_000_000
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 1<<31/unit {
		return 0, fmt.Errorf("%q is not a number such as 500, 100k or 10M", text)
	}
	return n * unit, nil
}

// all measures every size with every number of kinds and prints a table of
// each as soon as it is known.
func (o *options) all(ctx context.Context, start starter, out, errOut io.Writer) error {
	for _, users := range o.sizes {
		for _, kinds := range o.kinds {
			j := job{
				Data: matchbench.Data{Users: users, List: max(users/o.ratio, 1), Kinds: kinds, Overlap: 0.5, Seed: o.seed},
				Runs: o.runs, Lib: o.lib, Listen: o.listen,
			}
			if users == o.sizes[len(o.sizes)-1] && o.small < users {
				j.Small = o.small
			}
			if o.ingest {
				if j.Ingest = o.runs; users*kinds > manyTokens {
					j.Ingest = 1
				}
			}
			if err := o.one(ctx, j, start, out, errOut); err != nil {
				return fmt.Errorf("%d users, %d kinds: %w", users, kinds, err)
			}
		}
	}
	return nil
}

// one measures all peers on one data set.
func (o *options) one(ctx context.Context, j job, start starter, out, errOut io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "awase-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	lists, err := j.lists()
	if err != nil {
		return err
	}
	fmt.Fprintf(errOut, "%d users, %d kinds: making the data\n", j.Data.Users, j.Data.Kinds)
	if err := writeBase(dir, lists[0].source); err != nil {
		return err
	}
	want := map[string][]int64{}
	for _, l := range lists {
		if err := writeList(dir, l.name, l.source); err != nil {
			return err
		}
		want[l.figure] = l.source.Answer()
	}
	want[figureLoad] = want[figureMatch]
	var results []result
	for _, p := range peers {
		if !slices.Contains(o.peers, p.name) {
			continue
		}
		j := j
		j.Peer, j.Dir = p.name, filepath.Join(dir, p.name)
		got, err := o.quietest(ctx, &j, start, want, errOut)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if got.NotRun != "" {
			fmt.Fprintf(errOut, "NOT RUN: %s: %s\n", p.name, got.NotRun)
		}
		results = append(results, result{p.name, got})
	}
	return printTable(out, &j, results)
}

// quietest measures a peer, again where others disturbed it, and gives the
// outcome that was disturbed least.
func (o *options) quietest(ctx context.Context, j *job, start starter, want map[string][]int64, errOut io.Writer) (*outcome, error) {
	var best *outcome
	for range o.tries {
		if err := waitQuiet(ctx, o.quiet); err != nil {
			return nil, err
		}
		fmt.Fprintf(errOut, "%d users, %d kinds: %s\n", j.Data.Users, j.Data.Kinds, j.Peer)
		if err := share(filepath.Dir(j.Dir), j.Dir); err != nil {
			return nil, err
		}
		got, err := start(ctx, j)
		if err = errors.Join(err, os.RemoveAll(j.Dir)); err != nil {
			return nil, err
		}
		if err := check(got, want); err != nil {
			return nil, err
		}
		if best == nil || got.Others < best.Others {
			best = got
		}
		if best.Others < disturbing {
			break
		}
	}
	return best, nil
}

// share gives a peer a directory of its own, with links to the made data.
func share(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	made, err := filepath.Glob(filepath.Join(from, "*.bin"))
	for _, path := range made {
		err = errors.Join(err, os.Link(path, filepath.Join(to, filepath.Base(path))))
	}
	return err
}

// check holds every count against the known answer, cell by cell.
func check(got *outcome, want map[string][]int64) error {
	for i := range got.Lines {
		l := &got.Lines[i]
		if l.Cells == nil {
			continue // nothing is counted
		}
		answer := want[l.Figure]
		if len(l.Cells) != len(answer) {
			return fmt.Errorf("%s, %s: %d cells instead of %d", l.Figure, l.Plan, len(l.Cells), len(answer))
		}
		for cell, n := range l.Cells {
			if n != answer[cell] {
				return fmt.Errorf("%s, %s: cell %d is %d and must be %d", l.Figure, l.Plan, cell, n, answer[cell])
			}
		}
	}
	return nil
}

// startChild runs one peer in a process of its own.
func startChild(ctx context.Context, self string, j *job, errOut io.Writer) (*outcome, error) {
	in, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, childFlag)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), errOut
	before, known := busyTime()
	begin := time.Now()
	answer, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the child: %w", err)
	}
	var out outcome
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("the child's answer: %w", err)
	}
	// Its time includes that of a server it started and ended.
	out.Others = othersCores(before, known, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), time.Since(begin))
	return &out, nil
}

func child(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	for _, p := range peers {
		if p.name == j.Peer {
			got, err := p.run(ctx, &j)
			if err != nil {
				return err
			}
			return json.NewEncoder(out).Encode(got)
		}
	}
	return fmt.Errorf("no peer %q", j.Peer)
}
