package enclave

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// logAfter seals the operator's log of one day: an impression of each of the
// crowd's users from from to to. after names the upload that it follows.
func logAfter(t *testing.T, e *Enclave, after string, change seal.Change, day int32, from, to int) (raw []byte, upload string) {
	t.Helper()
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}, From: day, To: day, Change: change, After: after}
	raw, err := io.ReadAll(sealed(t, e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
		var batch []seal.Row
		for i := from; i < to; i++ {
			batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: day}})
		}
		yield(batch, nil)
	}))
	if err != nil {
		t.Fatal(err)
	}
	head, err := seal.ReadHead(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return raw, hex.EncodeToString(head.Address.Upload[:])
}

// TestLogsInOrder: of event logs that name the one before them none is left out
// or overtaken, so a log in place of others that was kept back can't bring their
// older content back; without the control it does.
func TestLogsInOrder(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	day := entrustment.DateOf(e.vault.Log().Now()).Number() - 1
	load := func(raw []byte) (wire.EventsLoaded, error) {
		return e.LoadEvents(t.Context(), wire.EventsRequest{}, bytes.NewReader(raw))
	}
	send := func(raw []byte, rows int64) {
		t.Helper()
		l, err := load(raw)
		if err != nil || l.Rows != rows {
			t.Fatalf("%d rows, want %d: %v", l.Rows, rows, err)
		}
	}
	refused := func(what string, raw []byte) {
		t.Helper()
		stands, files := fmt.Sprint(e.state.events), len(segmentFiles(t, e))
		_, err := load(raw)
		if r := wantCode(t, what, err, entrustment.CodeForbidden); r.Field != "after" || r.Mend == "" {
			t.Errorf("%s: %v", what, r)
		}
		if fmt.Sprint(e.state.events) != stands || len(segmentFiles(t, e)) != files {
			t.Errorf("%s: something changed", what)
		}
	}
	reach := func(want int64, sigma int) {
		t.Helper()
		r, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Report, q.Dims, q.Sigma = "reach-frequency", nil, sigma }))
		if err != nil {
			t.Fatal(err)
		}
		once := slices.IndexFunc(r.Cells, func(c wire.Cell) bool { return c.Key["frequency"] == "1" })
		if once < 0 || !near(r.Cells[once].Users, want) {
			t.Errorf("%+v, want %d who saw it once", r.Cells, want)
		}
	}

	first, one := logAfter(t, e, "", "", day, 0, 1000)
	kept, _ := logAfter(t, e, one, seal.Instead, day, 0, 1200) // the carrier keeps it back
	mended, two := logAfter(t, e, one, seal.Instead, day, 0, 1400)
	late, three := logAfter(t, e, two, "", day, 1400, 1450) // beside it
	same, last := logAfter(t, e, three, "", day, 1400, 1450)
	early, _ := logAfter(t, e, "000000000000000000000000000000ff", "", day, 0, 9)

	refused("before any log", mended)
	send(first, 1000)
	refused("one is missing", late)
	refused("after a file that nobody took", early)
	send(mended, 1400)
	send(mended, 1400) // sent twice
	refused("kept back", kept)
	send(late, 50)
	send(same, 50) // of the same content: it is taken all the same
	refused("kept back", kept)
	reach(1305, 10) // every tenth is known from an enquiry alone

	e = restarted(t, e)
	refused("after a restart", kept)
	next, _ := logAfter(t, e, last, seal.Instead, day-1, 0, 5) // another day's: it follows all the same
	send(next, 5)
	again, _ := logAfter(t, e, last, "", day, 3, 4)
	refused("two after the same one", again)

	// The mutant: the room believes what the file says it follows.
	head, err := seal.ReadHead(bytes.NewReader(kept))
	if err != nil {
		t.Fatal(err)
	}
	var named uploadID
	if err := named.UnmarshalText([]byte(head.Header.After)); err != nil {
		t.Fatal(err)
	}
	e.state.newest[kindEvents+" "+seal.BaseEntrustment] = named
	l, err := load(kept)
	if err != nil || l.Replaced != 2 {
		t.Fatalf("without the control the kept one is refused: %+v, %v", l, err)
	}
	reach(1080, 20) // the older content is back

	// The same with files that name none.
	kept, _ = logAfter(t, e, "", seal.Instead, day, 0, 1100)
	mended, _ = logAfter(t, e, "", seal.Instead, day, 0, 1300)
	send(mended, 1300)
	send(kept, 1100)
}

// restarted closes an enclave and opens its vault again.
func restarted(t *testing.T, e *Enclave) *Enclave {
	t.Helper()
	dir := e.vault.Dir()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}
