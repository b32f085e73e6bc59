package matchbench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"awase/internal/rss"
	"awase/matcher"
)

// ErrWrong says that the engine's counts are not the known answer.
var ErrWrong = errors.New("the counts are not the known answer: the matcher is wrong on this data")

// Policy is the version that every user has accepted.
const Policy = "v1"

// Report is what a run took. Memory is 0 where it is not known.
type Report struct {
	BaseAdd, BaseSort time.Duration // taking in the rows, making them included; sorting and indexing
	ListAdd, ListSort time.Duration
	Match             time.Duration // match and count, median of the runs
	Stream            time.Duration // reading NeedBytes once, likewise, by turns with it
	Ratio             float64       // of the two, median of neighbours

	BaseTokens, ListTokens int64
	BasePeak               int64 // resident, most while the base was built
	BaseHeld               int64 // resident, the base alone
	ListPeak               int64 // more than BaseHeld, most while the list was built
	MatchPeak              int64 // more than base and list, most while matching

	Beside *BesideReport `json:",omitempty"` // nil: there was no other engine
}

// Run makes the data, builds base and list, matches and counts runs times, each
// time against the known answer, and by turns reads as many bytes once. Where there
// is another engine, it is then measured beside ours.
func Run(ctx context.Context, s *Source, runs int, other Beside) (*Report, error) {
	r := &Report{BaseTokens: int64(s.Users) * int64(s.Kinds)}
	want := s.Answer()
	mark() // what came before is not the base's
	base, err := s.buildBase(ctx, r)
	if err != nil {
		return nil, err
	}
	r.BasePeak = rss.Peak(rss.Self)
	r.BaseHeld = mark()
	list, err := s.buildList(ctx, r)
	if err != nil {
		return nil, err
	}
	r.ListPeak = max(0, rss.Peak(rss.Self)-r.BaseHeld)
	r.ListTokens = int64(list.Tokens())
	held := mark()
	engine := matcher.NewEmbedded()
	q := Query(engine, base, list)
	if err := ask(ctx, engine, q, want); err != nil {
		return nil, err
	}
	r.MatchPeak = max(0, rss.Peak(rss.Self)-held)
	// By turns: a machine whose memory others use too is not always as fast.
	stream := NewStreamer(s.NeedBytes())
	stream.Read()
	r.Match, r.Stream, r.Ratio, err = turns(runs, func() error { return ask(ctx, engine, q, want) }, func() error { stream.Read(); return ctx.Err() })
	if err == nil && other != nil {
		err = s.beside(ctx, r, other, base, list, engine, q, want, runs)
	}
	return r, err
}

// turns calls f and g by turns and gives the medians of their times and of the
// ratios of neighbours.
func turns(runs int, f, g func() error) (fs, gs time.Duration, ratio float64, err error) {
	var of [2][]time.Duration
	var ratios []float64
	for range runs {
		for i, call := range []func() error{f, g} {
			took, err := Median(1, call)
			if err != nil {
				return 0, 0, 0, err
			}
			of[i] = append(of[i], took)
		}
		ratios = append(ratios, of[0][len(ratios)].Seconds()/max(of[1][len(ratios)].Seconds(), 1e-9))
	}
	slices.Sort(of[0])
	slices.Sort(of[1])
	slices.Sort(ratios)
	return of[0][runs/2], of[1][runs/2], ratios[runs/2], nil
}

// ask matches and counts once and holds the counts against the known answer.
func ask(ctx context.Context, e matcher.Engine, q matcher.Query, want []int64) error {
	got, err := e.Cells(ctx, q)
	if err == nil && !slices.Equal(got.Users, want) {
		err = ErrWrong
	}
	return err
}

// mark gives back free memory, forgets the peak and tells what is held.
func mark() int64 {
	debug.FreeOSMemory()
	_ = rss.ResetPeak(rss.Self) // a peak that can't be reset is an upper bound
	return rss.Now(rss.Self)
}

// Median calls f runs times and gives the median of the times.
func Median(runs int, f func() error) (time.Duration, error) {
	times := make([]time.Duration, runs)
	for i := range times {
		runtime.GC() // of what the run before left, not in this one's time
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// Columns are the declared columns of the base.
func Columns() []matcher.Column {
	return []matcher.Column{
		{Name: "age", Domain: domain(Ages)},
		{Name: "gender", Domain: domain(Genders)},
		{Name: "prefecture", Domain: domain(Prefectures)},
	}
}

func domain(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

// everyCore calls one of the functions that part gives, one a core, with every
// number below n, in order, until one fails.
func everyCore(ctx context.Context, n int, part func() (func(i int) error, error)) error {
	cores := runtime.GOMAXPROCS(0)
	g, ctx := errgroup.WithContext(ctx)
	for c := range cores {
		add, err := part()
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error {
			for i := n * c / cores; i < n*(c+1)/cores; i++ {
				if i%(1<<16) == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				if err := add(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// Base builds the base.
func (s *Source) Base(ctx context.Context) (*matcher.Base, error) { return s.buildBase(ctx, &Report{}) }

// BuiltList builds the list.
func (s *Source) BuiltList(ctx context.Context) (*matcher.List, error) {
	return s.buildList(ctx, &Report{})
}

func (s *Source) buildBase(ctx context.Context, r *Report) (*matcher.Base, error) {
	start := time.Now()
	b := matcher.NewBaseBuilder(Columns())
	err := everyCore(ctx, s.Users, func() (func(i int) error, error) {
		part, err := b.Part()
		tokens := make([]matcher.KindToken, s.Kinds)
		return func(i int) error {
			for k := range tokens {
				tokens[k] = matcher.KindToken{Kind: matcher.Kind(k), Token: s.Token(matcher.Kind(k), i)}
			}
			codes := s.Codes(i)
			return part.Add(&matcher.Person{User: s.UserToken(i), Tokens: tokens, Codes: codes[:], PolicyVersion: Policy})
		}, err
	})
	if err != nil {
		return nil, fmt.Errorf("adding a user: %w", err)
	}
	r.BaseAdd = time.Since(start)
	start = time.Now()
	base, err := b.Build(ctx, nil)
	r.BaseSort = time.Since(start)
	return base, err
}

func (s *Source) buildList(ctx context.Context, r *Report) (*matcher.List, error) {
	start := time.Now()
	b := matcher.NewListBuilder(nil, [32]byte{1})
	err := everyCore(ctx, s.List, func() (func(row int) error, error) {
		part, err := b.Part()
		tokens := make([]matcher.KindToken, s.Kinds)
		return func(row int) error {
			for k := range tokens {
				tokens[k] = matcher.KindToken{Kind: matcher.Kind(k), Token: s.ListToken(matcher.Kind(k), row)}
			}
			return part.Add(&matcher.ListRow{Tokens: tokens})
		}, err
	})
	if err != nil {
		return nil, fmt.Errorf("adding a row: %w", err)
	}
	r.ListAdd = time.Since(start)
	start = time.Now()
	list, err := b.Build(ctx)
	r.ListSort = time.Since(start)
	return list, err
}

// Query makes base and list known to the engine and asks for every cell.
func Query(e *matcher.Embedded, base *matcher.Base, list *matcher.List) matcher.Query {
	pop := matcher.PopulationID{1}
	e.PutBase(pop, base)
	return matcher.Query{
		Population: pop,
		List:       e.PutList(list),
		Eligible:   matcher.Eligibility{ByPolicy: true, Versions: []string{Policy}},
		Dims: []matcher.Dim{
			{Name: "age", Size: Ages},
			{Name: "gender", Size: Genders},
			{Name: "prefecture", Size: Prefectures},
		},
	}
}
