package matchbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"awase/crypto/token"
	"awase/matcher"
)

// Beside is an engine that keeps its data elsewhere, and is measured beside ours.
type Beside interface {
	matcher.Engine
	PutBase(ctx context.Context, build matcher.BuildID, columns []matcher.Column, open func() (*matcher.Base, error)) error
	PutPopulation(ctx context.Context, pop matcher.PopulationID, build matcher.BuildID, standings func() (*matcher.Standings, error), gone []token.Token) error
	PutList(ctx context.Context, id matcher.ListID, columns []matcher.Column, open func() (*matcher.List, error), until time.Time) error
	Keep(ctx context.Context, keep matcher.Holding) error
}

// BesideReport is what the other engine took.
type BesideReport struct {
	BaseLoad time.Duration // the tokens and people of the base, and the users' own tokens
	ListLoad time.Duration
	First    time.Duration // the first count: it also brings who is eligible
	Match    time.Duration // median of the runs
	Embedded time.Duration // ours, likewise, by turns with it
	Ratio    float64       // of the two, median of neighbours
}

// ErrUnlike says that two engines count differently.
var ErrUnlike = errors.New("the two engines do not give the same cells")

// beside loads base and list, counts by turns with ours, and drops what it put there.
// What the other holds is its own: it is opened for measurements alone.
func (s *Source) beside(ctx context.Context, r *Report, other Beside, base *matcher.Base, list *matcher.List, ours *matcher.Embedded, q matcher.Query, want []int64, runs int) (err error) {
	if err := other.Keep(ctx, matcher.Holding{}); err != nil { // what one that was killed left is of other data
		return fmt.Errorf("dropping what is there: %w", err)
	}
	defer func() {
		// What is dropped is told from what went wrong, and done in any case.
		away := context.WithoutCancel(ctx)
		err = errors.Join(err, other.Keep(away, matcher.Holding{}))
	}()
	out := &BesideReport{}
	build := matcher.BuildID{1}
	start := time.Now()
	if err := other.PutBase(ctx, build, Columns(), func() (*matcher.Base, error) { return base, nil }); err != nil {
		return fmt.Errorf("loading the base: %w", err)
	}
	out.BaseLoad = time.Since(start)
	if err := other.PutPopulation(ctx, q.Population, build, func() (*matcher.Standings, error) { return base.Standings(), nil }, nil); err != nil {
		return fmt.Errorf("loading the population: %w", err)
	}
	start = time.Now()
	if err := other.PutList(ctx, q.List, nil, func() (*matcher.List, error) { return list, nil }, time.Now().Add(24*time.Hour)); err != nil {
		return fmt.Errorf("loading the list: %w", err)
	}
	out.ListLoad = time.Since(start)
	if out.First, err = same(ctx, ours, other, q); err != nil {
		return err
	}
	out.Match, out.Embedded, out.Ratio, err = turns(runs, func() error { return ask(ctx, other, q, want) }, func() error { return ask(ctx, ours, q, want) })
	r.Beside = out
	return err
}

// same holds the whole of two engines' cells against each other. It gives how long
// the other took.
func same(ctx context.Context, ours, other matcher.Engine, q matcher.Query) (time.Duration, error) {
	want, err := ours.Cells(ctx, q)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	got, err := other.Cells(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("counting: %w", err)
	}
	took := time.Since(start)
	if !slices.Equal(got.Users, want.Users) || len(got.Sums) != len(want.Sums) {
		return 0, ErrUnlike
	}
	return took, nil
}
