package enclave

import (
	"fmt"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestSuppressionAndDays: reports of who is not on another list, and of who did
// something so often within so many days of Japan, the first and the last of them
// included, count them and nobody else.
func TestSuppressionAndDays(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	_, rows := crowd(1500)
	loadListFile(t, e, "customers", rowsCSV(rows[400:]))
	last := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "page_view", Category: "spring"}, {Kind: "page_view", Category: "shop"}}}
	raw := sealed(t, e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
		var batch []seal.Row
		see := func(from, to int, typ uint8, days ...int32) {
			for i := from; i < to; i++ {
				for _, d := range days {
					batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: d, Type: typ}})
				}
			}
		}
		see(0, 300, 0, last, last-2)       // twice within three days
		see(300, 700, 0, last, last-3)     // once within three
		see(700, 1000, 0, last-2, last-2)  // twice on the first of them
		see(1000, 1200, 1, last, last)     // of another category
		see(1200, 1500, 0, last+1, last-1) // once up to the last: tomorrow's is not of it
		yield(batch, nil)
	})
	if _, err := e.LoadEvents(t.Context(), wire.EventsRequest{}, raw); err != nil {
		t.Fatal(err)
	}
	often := entrustment.Condition{Event: &entrustment.EventCondition{Category: "spring", AtLeast: 2, Within: 3}}
	customers := entrustment.Condition{List: "customers"}
	for _, c := range []struct {
		what  string
		where entrustment.Condition
		want  int64 // of whom every tenth is known from an enquiry alone
	}{
		{"not on the list", entrustment.Condition{Not: &customers}, 360},
		{"on it", customers, 990},
		{"twice within three days", often, 540},
		{"seldom", entrustment.Condition{Not: &often}, 810},
		{"twice, and not on the list", entrustment.Condition{All: []entrustment.Condition{often, {Not: &customers}}}, 270},
		{"twice, or on the list", entrustment.Condition{Any: []entrustment.Condition{often, customers}}, 1260},
	} {
		r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Dims, q.Sigma, q.Where = nil, 20, &c.where; q.Report = "overlap" }))
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if len(r.Cells) != 1 || r.Cells[0].Status != wire.Released || !near(r.Cells[0].Users, c.want) {
			t.Errorf("%s: %+v, want %d", c.what, r.Cells, c.want)
		}
	}
}
