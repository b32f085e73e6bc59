package enclave

import (
	"slices"
	"strings"
	"testing"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestPriceNotes: an index that the question's own condition leaves empty is
// told before it is charged, and what keeps a forecast from being made has the
// names that people's words are kept under.
func TestPriceNotes(t *testing.T) {
	e := openCrowd(t)
	ask := func(change func(*entrustment.Question)) wire.Price {
		p, err := e.Price(t.Context(), question(change), 0)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	female := &entrustment.Condition{In: map[string][]string{"gender": {"f"}}}
	for _, c := range []struct {
		q    func(*entrustment.Question)
		want []string
	}{
		{func(q *entrustment.Question) { q.Dims, q.Index, q.Where = []string{"gender"}, true, female }, []string{wire.NoteIndexAlone}},
		{func(q *entrustment.Question) {
			q.Dims, q.Index, q.Where = []string{"gender"}, true, &entrustment.Condition{Not: female}
		}, []string{wire.NoteIndexPart}},
		{func(q *entrustment.Question) { q.Dims, q.Where = []string{"gender"}, female }, nil},
		{func(q *entrustment.Question) { q.Dims, q.Index = []string{"gender"}, true }, nil},
	} {
		if got := ask(c.q).Notes; !slices.Equal(got, c.want) {
			t.Errorf("notes %v, want %v", got, c.want)
		}
	}
	for gate, told := range map[string]string{
		aggregator.UnknownList: wire.UnknownList, aggregator.UnknownEvents: wire.UnknownEvents, aggregator.UnknownCombinations: wire.UnknownMany,
		aggregator.UnknownReached: wire.UnknownReached,
	} {
		if gate != told {
			t.Errorf("the gate says %q, people are told of %q", gate, told)
		}
	}
	if p := ask(func(q *entrustment.Question) { q.Report, q.Dims, q.Index = entrustment.ReportSize, nil, false }); p.K != 0 || p.Terms != 1 {
		t.Errorf("a size has k %d and %d terms", p.K, p.Terms)
	}
}

// TestStatementNamesMeasures: the Japanese sentence names a sum in Japanese.
func TestStatementNamesMeasures(t *testing.T) {
	for measure := range aggregator.DefaultPolicy().Caps {
		s := statement(&wire.Privacy{Sigma: 10}, []aggregator.Cap{{Measure: measure, Most: 30}}, entrustment.ReportBehaviour)
		if measureJA[measure] == "" || strings.Contains(s.JA, measure) || !strings.Contains(s.EN, "Of "+measure+" at most 30") {
			t.Errorf("%s: %s %s", measure, s.JA, s.EN)
		}
	}
}
