package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
	"awase/matcher"
)

// clientsRows is what lies in a room of several clients, in maps.
type clientsRows struct {
	users   []oracleUser
	clients []string
	under   map[string]string                 // entrustment → its client
	lists   map[listKey]map[int]uint8         // person → tier
	logs    map[string]map[int]map[string]int // entrustment → person → category → events
}

// drawClients draws clients with one or two entrustments each, that hold lists of the
// same names, and names of their own.
func drawClients(r *rand.Rand) *clientsRows {
	w := &clientsRows{under: map[string]string{}, lists: map[listKey]map[int]uint8{}, logs: map[string]map[int]map[string]int{}}
	w.users, _ = crowd(40 + r.IntN(40))
	for i := range w.users {
		w.users[i].gender = []string{"f", "m", "unknown"}[r.IntN(3)]
	}
	for c := range 2 + r.IntN(2) {
		client := fmt.Sprint("client", c)
		w.clients = append(w.clients, client)
		for n := range 1 + r.IntN(2) {
			id := fmt.Sprintf("%s-%d", client, n)
			w.under[id] = client
			for _, name := range []string{"l", "m", "of-" + client} {
				w.lists[listKey{id, name}] = nil
			}
		}
		w.fill(r, client)
	}
	return w
}

// fill draws the rows of a client anew.
func (w *clientsRows) fill(r *rand.Rand, client string) {
	for _, id := range slices.Sorted(maps.Keys(w.under)) {
		if w.under[id] != client {
			continue
		}
		for _, name := range []string{"l", "m", "of-" + client} {
			rows := map[int]uint8{}
			for i := range w.users {
				if r.IntN(2) == 0 {
					rows[i] = uint8(r.IntN(3))
				}
			}
			w.lists[listKey{id, name}] = rows
		}
		w.logs[id] = map[int]map[string]int{}
		for i := range w.users {
			if r.IntN(2) == 0 {
				w.logs[id][i] = map[string]int{"spring": r.IntN(4), "shop": r.IntN(3)}
			}
		}
	}
}

// others gives the same room with other rows of all but one client: drawn anew, or none.
func (w *clientsRows) others(r *rand.Rand, but string) *clientsRows {
	o := *w
	o.lists, o.logs = maps.Clone(w.lists), maps.Clone(w.logs)
	for _, client := range w.clients {
		switch {
		case client == but:
		case r.IntN(2) == 0:
			o.fill(r, client)
		default:
			maps.DeleteFunc(o.lists, func(k listKey, _ map[int]uint8) bool { return w.under[k.entrustment] == client })
			maps.DeleteFunc(o.logs, func(id string, _ map[int]map[string]int) bool { return w.under[id] == client })
		}
	}
	return &o
}

// clientsRoom is a room that holds them, and what was counted in it last.
type clientsRoom struct {
	*Enclave
	rows    *clientsRows
	clock   atomic.Int64
	remote  bool // it is compared with one in which another engine counts
	counted []counted0
}

type counted0 struct {
	query matcher.Query
	exact matcher.Exact
}

// listening keeps what is counted.
type listening struct {
	matcher.Engine
	to *clientsRoom
}

func (l listening) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	exact, err := l.Engine.Cells(ctx, q)
	if err == nil {
		l.to.counted = append(l.to.counted, counted0{q, exact})
	}
	return exact, err
}

// mixing counts another client's list in place of the one that was asked about.
type mixing struct {
	matcher.Engine
	to *clientsRoom
}

func (m mixing) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	if q.List == (matcher.ListID{}) {
		return m.Engine.Cells(ctx, q)
	}
	m.to.mu.Lock()
	asked, other := "", matcher.ListID{}
	for key, l := range m.to.state.lists {
		if matcher.ListID(l.ID) == q.List {
			asked = m.to.rows.under[key.entrustment]
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(m.to.state.lists), func(a, b listKey) int { return strings.Compare(a.what(), b.what()) }) {
		if m.to.rows.under[key.entrustment] != asked {
			other = matcher.ListID(m.to.state.lists[key].ID)
			break
		}
	}
	m.to.mu.Unlock()
	if other != (matcher.ListID{}) {
		q.List = other
	}
	return m.Engine.Cells(ctx, q)
}

func email(i int) string { return fmt.Sprintf("taro.%d@example.jp", i) }

var tiers = []string{"gold", "silver", "unknown"}

// openClients fills a room.
func openClients(t *testing.T, rows *clientsRows, o Options, mixes bool) *clientsRoom {
	t.Helper()
	root := t.TempDir()
	disk, err := fault.New(root)
	if err != nil {
		t.Fatal(err)
	}
	c := &clientsRoom{rows: rows, remote: o.Remote != nil}
	o.fs, o.Now = disk, func() time.Time { return morning.Add(time.Duration(c.clock.Add(1)) * 10 * time.Second) }
	o.counts = func(e matcher.Engine) matcher.Engine {
		if mixes {
			e = mixing{e, c}
		}
		return listening{e, c}
	}
	if c.Enclave, err = Open(t.Context(), filepath.Join(root, "V"), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	furnish(t, c.Enclave)
	if _, err := c.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nlist_floor: 500\nlist_versions: 200\nbudget: {30d: 0.5}\n")); err != nil {
		t.Fatal(err)
	}
	loadBaseFile(t, c.Enclave, usersCSV(rand.New(rand.NewPCG(1, 1)), rows.users))
	for _, client := range rows.clients {
		if _, err := c.AddParty(t.Context(), parse(t, entrustment.ParseParty, fmt.Sprintf("schema: awase.party/v1\nid: %[1]s\nclass: client\ngroup: %[1]s\ncountry: JP\n", client))); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rows.under)) {
		k := parse(t, entrustment.ParseContract, strings.ReplaceAll(strings.ReplaceAll(oracleContract, "acme", rows.under[id]), "id: e\n", "id: "+id+"\n"))
		k.ListColumns = []string{"tier"}
		if _, err := c.Entrust(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		c.load(t, id)
	}
	c.clock.Store(10_000) // whatever was loaded
	return c
}

// load loads the lists and the log of an entrustment.
func (c *clientsRoom) load(t *testing.T, id string) {
	t.Helper()
	byEmail := []seal.IdentifierColumn{{Kind: "email"}}
	row := func(i int) seal.Row {
		return seal.Row{Identifiers: []seal.Identifier{{Hash: sha256.Sum256([]byte(email(i)))}}}
	}
	for _, name := range []string{"l", "m", "of-" + c.rows.under[id]} {
		people, ok := c.rows.lists[listKey{id, name}]
		if !ok {
			continue
		}
		var batch []seal.Row
		for _, i := range slices.Sorted(maps.Keys(people)) {
			one := row(i)
			one.Codes = []uint8{people[i]}
			batch = append(batch, one)
		}
		for i := range 500 { // strangers, for a list has so many people at least
			one := row(1000 + i)
			one.Codes = []uint8{2}
			batch = append(batch, one)
		}
		h := seal.Header{Purpose: seal.List, Identifiers: byEmail, Columns: []seal.Column{{Name: "tier", Domain: tiers}}}
		file := sealed(t, c.Enclave, id, name, h, func(yield func([]seal.Row, error) bool) { yield(batch, nil) })
		if _, err := c.LoadList(t.Context(), wire.ListRequest{Entrustment: id, Name: name}, file); err != nil {
			t.Fatal(err)
		}
	}
	log, ok := c.rows.logs[id]
	if !ok {
		return
	}
	h := seal.Header{Purpose: seal.Events, Identifiers: byEmail, Events: []seal.EventType{{Kind: "impression", Category: "spring"}, {Kind: "conversion", Category: "shop"}}}
	day := entrustment.DateOf(morning).Add(-2).Number()
	batch := []seal.Row{{Identifiers: row(5000).Identifiers, Event: &seal.Event{Day: day}}} // of a stranger: a log is not empty
	for _, i := range slices.Sorted(maps.Keys(log)) {
		for typ, category := range []string{"spring", "shop"} {
			for range log[i][category] {
				one := row(i)
				one.Event = &seal.Event{Day: day, Type: uint8(typ)}
				batch = append(batch, one)
			}
		}
	}
	if _, err := c.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: id}, sealed(t, c.Enclave, id, seal.EventsName, h, func(yield func([]seal.Row, error) bool) { yield(batch, nil) })); err != nil {
		t.Fatal(err)
	}
}

// drawAsk draws a question of a client under one of its entrustments, some of them
// about lists that others alone have.
func drawAsk(t *rapid.T, w *clientsRows, client string) *entrustment.Question {
	var mine []string
	for _, id := range slices.Sorted(maps.Keys(w.under)) {
		if w.under[id] == client {
			mine = append(mine, id)
		}
	}
	names := []string{"l", "m", "l", "m", "of-" + client, "of-client0", "of-client1"}
	list := rapid.SampledFrom(names)
	var condition func(depth int) *entrustment.Condition
	condition = func(depth int) *entrustment.Condition {
		kind := rapid.IntRange(0, 5).Draw(t, "condition")
		if depth == 0 {
			kind %= 3
		}
		some := func() (out []entrustment.Condition) {
			for range rapid.IntRange(1, 2).Draw(t, "parts") {
				out = append(out, *condition(depth - 1))
			}
			return out
		}
		switch kind {
		case 0:
			return &entrustment.Condition{In: map[string][]string{"gender": {rapid.SampledFrom([]string{"f", "m"}).Draw(t, "gender")}}}
		case 1:
			return &entrustment.Condition{List: list.Draw(t, "in list")}
		case 2:
			return &entrustment.Condition{Event: &entrustment.EventCondition{Category: rapid.SampledFrom([]string{"spring", "shop"}).Draw(t, "category"), AtLeast: rapid.IntRange(1, 3).Draw(t, "at least"), Within: 30}}
		case 3:
			return &entrustment.Condition{Not: condition(depth - 1)}
		case 4:
			return &entrustment.Condition{All: some()}
		}
		return &entrustment.Condition{Any: some()}
	}
	q := &entrustment.Question{Schema: "awase.report/v1", Entrustment: rapid.SampledFrom(mine).Draw(t, "under"), List: list.Draw(t, "list"), Sigma: 50,
		Report: rapid.SampledFrom([]string{"profile", "profile", "overlap", "size", "behaviour", "reach-frequency"}).Draw(t, "report")}
	if q.Report == "profile" || q.Report == "behaviour" {
		q.Dims = [][]string{{"gender"}, {"tier"}, {"gender", "tier"}}[rapid.IntRange(0, 2).Draw(t, "dims")]
	}
	if rapid.Bool().Draw(t, "conditional") {
		q.Where = condition(2)
	}
	return q
}

var moments = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z`)

// ask gives all that a client has of a question but noise: price, charges, and its
// refusal; what was counted is in c.counted.
func (c *clientsRoom) ask(t rapid.TB, q *entrustment.Question) string {
	t.Helper()
	ctx := context.Background()
	c.counted = nil
	price, err := c.Price(ctx, q, 0)
	out := fmt.Sprint(err)
	r, err := c.Report(ctx, q)
	out += fmt.Sprint("\n", err, r != nil)
	l, lerr := c.Ledger(ctx, wire.LedgerRequest{Group: c.rows.under[q.Entrustment]})
	if lerr != nil {
		t.Fatal(lerr)
	}
	for i := range l.Accounts {
		for j := range l.Accounts[i].Charges {
			l.Accounts[i].Charges[j].Spec = "" // keyed by the vault
		}
	}
	raw, jerr := json.Marshal([]any{price, l.Accounts})
	if jerr != nil {
		t.Fatal(jerr)
	}
	if c.remote { // who tends another engine looks at the clock, too
		raw = moments.ReplaceAll(raw, nil)
	}
	return out + "\n" + string(raw)
}

// oracle counts a question in the maps.
func (w *clientsRows) oracle(ask *entrustment.Question, q *matcher.Query) []int64 {
	cells := 1
	for _, d := range q.Dims {
		cells *= d.Size
	}
	out := make([]int64, cells)
	tierOf := w.lists[listKey{ask.Entrustment, ask.List}]
	for i, u := range w.users {
		tier, listed := tierOf[i]
		if u.enquiry || !listed || !w.holds(ask.Entrustment, ask.Where, i) {
			continue
		}
		at := 0
		for _, d := range q.Dims {
			at *= d.Size
			switch d.Name {
			case "gender":
				at += slices.Index([]string{"f", "m", "unknown"}, u.gender)
			case "tier":
				at += int(tier)
			}
		}
		out[at]++
	}
	return out
}

func (w *clientsRows) holds(id string, c *entrustment.Condition, i int) bool {
	each := func(cs []entrustment.Condition, want bool) bool {
		return slices.ContainsFunc(cs, func(c entrustment.Condition) bool { return w.holds(id, &c, i) == want })
	}
	switch {
	case c == nil:
		return true
	case c.Not != nil:
		return !w.holds(id, c.Not, i)
	case c.In != nil:
		return slices.Contains(c.In["gender"], w.users[i].gender)
	case c.List != "":
		_, ok := w.lists[listKey{id, c.List}][i]
		return ok
	case c.Event != nil:
		return w.logs[id][i][c.Event.Category] >= c.Event.AtLeast
	case len(c.All) > 0:
		return !each(c.All, false)
	}
	return each(c.Any, true)
}

// compare asks two rooms the same and gives what is wrong: they differ in other clients'
// rows alone.
func compare(t rapid.TB, a, b *clientsRoom, q *entrustment.Question) (wrong []string) {
	t.Helper()
	if x, y := a.ask(t, q), b.ask(t, q); x != y {
		wrong = append(wrong, fmt.Sprintf("what it gets and pays:\n%s\n%s", x, y))
	}
	if len(a.counted) != len(b.counted) {
		return append(wrong, fmt.Sprintf("counted %d and %d times", len(a.counted), len(b.counted)))
	}
	for i := range a.counted {
		x, y := &a.counted[i], &b.counted[i]
		if !reflect.DeepEqual(x.exact, y.exact) {
			wrong = append(wrong, fmt.Sprintf("cells %v and %v", x.exact, y.exact))
		}
		if want := a.rows.oracle(q, &x.query); x.query.Events == nil && !slices.Equal(x.exact.Users, want) {
			wrong = append(wrong, fmt.Sprintf("cells %v, the oracle has %v", x.exact.Users, want))
		}
	}
	return wrong
}

// TestOtherClientsRows: whatever several clients uploaded under whatever entrustments,
// no question of one depends on rows of another: cells, charges, prices and refusals
// are the same where those are others, or not there, and the cells are those of the
// oracle. An engine that mixes lists is seen by both.
func TestOtherClientsRows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 91))
			rows := drawClients(r)
			client := rows.clients[r.IntN(len(rows.clients))]
			a, b := openClients(t, rows, Options{}, false), openClients(t, rows.others(r, client), Options{}, false)
			// Much of what is drawn is refused, in both rooms: rounds go on until enough was
			// counted, and what is asked again is answered from what was kept.
			for counts, round := 0, 0; counts < 10; round++ {
				if round == 20 {
					t.Fatalf("counted %d times: the test shows little", counts)
				}
				rapid.Check(t, func(t *rapid.T) {
					q := drawAsk(t, rows, client)
					for _, wrong := range compare(t, a, b, q) {
						t.Errorf("%+v: %s", q, wrong)
					}
					counts += len(a.counted)
				})
			}
		})
	}
	t.Run("mixed", func(t *testing.T) {
		t.Parallel()
		r := rand.New(rand.NewPCG(0, 91))
		rows := drawClients(r)
		a, b := openClients(t, rows, Options{}, true), openClients(t, rows.others(r, "client0"), Options{}, true)
		q := &entrustment.Question{Schema: "awase.report/v1", Entrustment: "client0-0", List: "l", Report: "profile", Dims: []string{"gender", "tier"}}
		wrong := strings.Join(compare(t, a, b, q), "\n")
		if !strings.Contains(wrong, " and ") || !strings.Contains(wrong, "the oracle") {
			t.Errorf("lists that are mixed were not seen: %s", wrong)
		}
	})
}

// TestOtherClientsRowsInClickHouse is the same where ClickHouse counts the one room,
// and memory the one with other rows.
func TestOtherClientsRowsInClickHouse(t *testing.T) {
	t.Parallel()
	var rows *clientsRows
	r := rand.New(rand.NewPCG(9, 91))
	for rows == nil || len(rows.under) > 2 { // each table takes its time to be made
		rows = drawClients(r)
	}
	client := rows.clients[r.IntN(len(rows.clients))]
	a := openClients(t, rows, clickHouse(t, 1).options(), false)
	b := openClients(t, rows.others(r, client), Options{}, false)
	b.remote = true
	moveTo(t, a.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
	asks := rapid.Custom(func(t *rapid.T) *entrustment.Question { return drawAsk(t, rows, client) })
	counts := 0
	for i := 0; i < 20 || counts < 3 && i < 200; i++ {
		q := asks.Example(i)
		for _, wrong := range compare(t, a, b, q) {
			t.Errorf("%+v: %s", q, wrong)
		}
		counts += len(a.counted)
	}
	if counts < 3 {
		t.Errorf("counted %d times: the test shows little", counts)
	}
}
