package control

import (
	"errors"
	"testing"
	"time"

	"awase/api/store"
)

// Reviews are of one draft and one person each, first come first, taken back by who
// wrote them, and forgotten with time.
func TestReviews(t *testing.T) {
	s, ctx := open(t), t.Context()
	for _, id := range []string{"p1", "p2"} {
		must(t, s.AddPerson(ctx, somebody(id, id+"@example.jp", "privacy")))
	}
	at := func(n int64) time.Time { return time.UnixMilli(n).UTC() }
	must(t, s.AddReview(ctx, "d1", "p2", at(10)))
	must(t, s.AddReview(ctx, "d1", "p1", at(20)))
	must(t, s.AddReview(ctx, "d1", "p2", at(30))) // read once is read
	must(t, s.AddReview(ctx, "d2", "p1", at(40)))
	want := func(what, draft string, people ...string) {
		t.Helper()
		rs, err := s.Reviews(ctx, draft)
		must(t, err)
		if len(rs) != len(people) {
			t.Fatalf("%s: %+v", what, rs)
		}
		for i, r := range rs {
			if r.Person != people[i] || r.Party != "acme" || r.Name != "N" || r.Draft != draft || r.At.IsZero() {
				t.Errorf("%s: %+v", what, r)
			}
		}
	}
	want("two", "d1", "p2", "p1")
	want("another draft", "d2", "p1")
	if err := s.DropReview(ctx, "d2", "p2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
	must(t, s.DropReview(ctx, "d1", "p2"))
	want("taken back", "d1", "p1")
	must(t, s.ExpireReviews(ctx, at(30)))
	want("old", "d1")
	want("new", "d2", "p1")
	if err := s.AddReview(ctx, "d2", "nobody", at(50)); err == nil {
		t.Error("a review of nobody's")
	}
}
