package enclave

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// person is what the first base says of a person.
func (r *oneRow) person(i int) oracleUser {
	u := oracleUser{verified: true, version: "all", gender: fmt.Sprint("group ", i/oneSeats)}
	switch r.kind {
	case "phone":
		u.ids = []clean{{"phone", fmt.Sprintf("90%08d", 12000000+i), ""}}
	case "cookie":
		u.ids = []clean{{"cookie", fmt.Sprintf("Ck-%06d", i), ""}}
	case "maid":
		u.ids = []clean{{"maid", fmt.Sprintf("5f3a2b18-9c4d-4e7f-b8e2-17d3%08d", i), ""}}
	default:
		u.ids = []clean{{"email", fmt.Sprintf("one.%d", i), "example.jp"}}
	}
	if r.is != nil {
		r.is(&u)
	}
	return u
}

// furnish gives the room what is there before anybody asks for anything.
func (w *oneRoom) furnish() {
	t := w.t
	t.Helper()
	ctx := t.Context()
	for _, p := range [][2]string{{"operator", "operator"}, {"acme", "client"}, {"beta", "client"}, {"adco", "ad-platform"}, {"worker", "trustee"}} {
		if _, err := w.AddParty(ctx, parse(t, entrustment.ParseParty, fmt.Sprintf("schema: awase.party/v1\nid: %[1]s\nclass: %[2]s\ngroup: %[1]s\ncountry: JP\n", p[0], p[1]))); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.SetPolicies(ctx, parse(t, entrustment.ParsePolicies, onePolicies))
	if _, gerr := w.SetGate(ctx, "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\nlist_floor: 500\nbudget: {30d: 0.5}\n")); err != nil || gerr != nil {
		t.Fatal(err, gerr)
	}
	terms := strings.NewReplacer("[email]", "[email, phone, cookie, maid]", "[gender]", "[group, seat, trait]", "[tier, home, place]", "[]", "[閲覧, 位置]", "[seen, again, used]", "2036-12-31", "2027-03-31")
	for _, c := range w.contracts {
		if _, err := w.Entrust(ctx, parse(t, entrustment.ParseContract, terms.Replace(c.doc))); err != nil {
			t.Fatalf("%s: %v", c.id, err)
		}
	}
	w.loadBase(0)
	w.ownLog()
	w.loadUploads(0)
}

// loadBase loads the base of a phase.
func (w *oneRoom) loadBase(phase int) {
	w.t.Helper()
	users := slices.Clone(w.users)
	for i, r := range oneRows {
		u := &users[i]
		if phase > 0 && r.next != nil {
			r.next(u)
		}
		if phase > 1 && r.agreed[phase-2] != "" {
			days, err := strconv.Atoi(r.agreed[phase-2])
			if err != nil {
				w.t.Fatal(err)
			}
			u.agreed = entrustment.DateOf(morning).Add(days).String()
		}
		if strings.Contains(r.away, fmt.Sprint(phase)) || !w.with {
			u.absent = true
		}
		if w.mutant.base != nil {
			w.mutant.base(r.who, u)
		}
	}
	w.mutate(w.mutant.loading, phase)
	// A person is in a cell of their own: that of a group and a seat in it.
	groups := []string{"crowd"}
	for i := range (len(oneRows) + oneSeats - 1) / oneSeats {
		groups = append(groups, fmt.Sprint("group ", i))
	}
	for _, c := range oneContracts {
		groups = append(groups, "none of "+c.id)
	}
	seats := make([]string, oneSeats)
	for i := range seats {
		seats[i] = fmt.Sprint("seat ", i)
	}
	quoted := func(values []string) string {
		return `"` + strings.Join(append(values, entrustment.Unknown), `", "`) + `"`
	}
	schema := strings.Replace(oracleBase, "name: gender, values: [f, m, unknown], shares: {f: 0.5, m: 0.45}}", "name: group, values: ["+quoted(groups)+`]}
  - {column: seat, name: seat, values: [`+quoted(seats)+`]}
  - {column: care, name: trait, values: [some, unknown], class: sensitive}`, 1)
	lines := strings.SplitAfter(string(usersCSV(rand.New(rand.NewPCG(1, 1)), users)), "\r\n")
	lines[0] = strings.TrimSpace(lines[0]) + ",seat,care\r\n"
	for i, line := range lines[1:] {
		n := 0
		if _, err := fmt.Sscanf(line, `"user-%d"`, &n); err == nil {
			lines[i+1] = strings.TrimSpace(line) + fmt.Sprintf(",seat %d,some\r\n", n%oneSeats)
		}
	}
	loadBaseAs(w.t, w.Enclave, parse(w.t, entrustment.ParseBaseSchema, w.doc(schema)), []byte(strings.Join(lines, "")))
}

// cellOf is the cell of the person of a row among those of a table.
func cellOf(i int) int { return (1+i/oneSeats)*(oneSeats+1) + i%oneSeats }

// ownLog loads the operator's log: everybody used something.
func (w *oneRoom) ownLog() {
	w.t.Helper()
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "page_view", Category: "used"}}}
	rows := func(yield func([]seal.Row, error) bool) {
		var batch []seal.Row
		for i := range w.users {
			if w.with || i >= len(oneRows) {
				batch = append(batch, seal.Row{Event: &seal.Event{Key: fmt.Appendf(nil, "user-%d", i), Day: entrustment.DateOf(morning).Number() - 2}})
			}
		}
		yield(batch, nil)
	}
	if _, err := w.LoadEvents(w.t.Context(), wire.EventsRequest{}, sealed(w.t, w.Enclave, seal.BaseEntrustment, seal.EventsName, h, rows)); err != nil {
		w.t.Fatal(err)
	}
}

// loadUploads loads, under each contract, what stands there before the requests (0), or
// what comes after (1).
func (w *oneRoom) loadUploads(n int) {
	t := w.t
	t.Helper()
	for at, c := range w.contracts {
		list, log := [][]string{}, [][]string{}
		for i, u := range w.users {
			if i < len(oneRows) && !w.with {
				continue
			}
			consent, logged := "", ""
			if i < len(oneRows) {
				consent, logged = oneRows[i].list[n], oneRows[i].log[n]
			}
			cells := make([]string, len(oracleKinds))
			for _, id := range u.ids {
				cells[slices.Index(oracleKinds, id.kind)] = id.mess(rand.New(rand.NewPCG(uint64(i), 3)))
			}
			list = append(list, append(slices.Clone(cells), cmp.Or(consent, "yes")))
			day := entrustment.DateOf(morning).Add(-2).String() + " 10:00:00"
			log = append(log, append([]string{day, "v", []string{"seen", "again"}[n], cmp.Or(logged, "yes")}, cells...))
		}
		for i := range 3*at + n + 1 { // strangers, so that no two lists are alike
			list = append(list, []string{fmt.Sprintf("stranger.%d@example.jp", i), "", "", "", "yes"})
		}
		data := csvOf(append(slices.Clone(oracleKinds), "agreed"), list)
		f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, w.doc(oracleList+oneConsent)), intake.Options{Name: "list.csv"})
		if err != nil {
			t.Fatal(err)
		}
		name := []string{"l", "m"}[n]
		if _, err := w.LoadList(t.Context(), wire.ListRequest{Entrustment: c.id, Name: name}, sealed(t, w.Enclave, c.id, name, f.Header(), f.Rows())); err != nil {
			t.Fatal(err)
		}
		data = csvOf(append([]string{"time", "kind", "category", "agreed"}, oracleKinds...), log)
		ev, err := intake.OpenEvents(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseEventSchema, w.doc(oneTheirLog)), intake.Options{Name: "log.csv", Today: entrustment.DateOf(morning)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: c.id}, sealed(t, w.Enclave, c.id, seal.EventsName, ev.Header(), ev.Rows())); err != nil {
			t.Fatal(err)
		}
	}
}
