package aggregator

import (
	"fmt"
	"testing"

	"awase/entrustment"
	"awase/matcher"
)

// rateOf gives the share of the audience that an index tells a reader who divides
// the base's share out.
func rateOf(r *Ratio, bc, bsum Cell) float64 {
	return r.Value / 100 * float64(bc.Users) / float64(bsum.Users)
}

// unguarded is index without the homogeneity guard: the same quotient wherever its
// four numbers are released and it can be divided.
func unguarded(c, sum Cell, bc, bsum Cell) *Ratio {
	if !c.Released || !sum.Released || !bc.Released || !bsum.Released || sum.Users == 0 || bc.Users == 0 {
		return nil
	}
	return &Ratio{Value: 100 * (float64(c.Users) / float64(sum.Users)) / (float64(bc.Users) / float64(bsum.Users))}
}

// rateFault tells whether a published rate lies outside [2σ/n, 1−2σ/n], n being
// the published size of the audience (A23). A part of 1e-9 is for rounding.
func rateFault(rate float64, sum Cell, sigma int64) bool {
	edge := 2 * float64(sigma) / float64(sum.Users)
	return rate < edge-1e-9 || rate > 1-edge+1e-9
}

// TestHomogeneousCell is A23 at the edge of what a policy may be, k = 20 and σ = 5:
// all 60 users of the audience have one value, and the gate releases that cell
// (τ = 49). With the guard no rate outside [2σ/n, 1−2σ/n] is published; without it
// every release tells that everybody has the value. The numbers of users are
// published either way: the guard is about rates that would be read as a fact of
// everyone, the noise is what protects the one person.
func TestHomogeneousCell(t *testing.T) {
	policy, err := ParsePolicy("gate.yaml", []byte("schema: awase.gate/v1\nk: 20\nsigma: [5]\n"))
	if err != nil {
		t.Fatal(err)
	}
	const lists = 400
	released, shown, naked := 0, 0, 0
	for list := range uint64(lists) {
		r := newRoom()
		r.gate.SetPolicy(policy)
		r.engine.cells = func(q matcher.Query) []int64 {
			if q.List == (matcher.ListID{}) {
				return []int64{4000, 5000, 1000} // the base
			}
			return []int64{60, 0, 0}
		}
		src := testSources()
		spring := src.Lists["spring"]
		spring.ID[1], spring.ID[2] = byte(list), byte(list>>8)
		src.Lists["spring"] = spring
		q := profileOf(nil, "gender")
		q.Index = true
		pl, err := Compile(q, src, &policy)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := r.gate.Release(t.Context(), pl)
		if err != nil {
			t.Fatal(err)
		}
		audience, base := tables[0], tables[1]
		sum, bsum := tableSum(audience), tableSum(base)
		if audience.Cells[0].Released {
			released++
		}
		for i, row := range Compose(pl, tables).Rows {
			if row.Index != nil {
				shown++
				if rate := rateOf(row.Index, base.Cells[i], bsum); rateFault(rate, sum, audience.Sigma) {
					t.Fatalf("list %d: a rate of %.3f of %d was published", list, rate, sum.Users)
				}
			}
			if r := unguarded(audience.Cells[i], sum, base.Cells[i], bsum); r != nil && rateFault(rateOf(r, base.Cells[i], bsum), sum, audience.Sigma) {
				naked++
			}
		}
	}
	// A cell of 60 shows 49 or more with probability 0.98: fewer than 350 of 400
	// has probability below 1e-20. Keys are fixed, so a run is the same every time.
	if released < 350 {
		t.Fatalf("the cell was released %d times of %d: the test shows nothing", released, lists)
	}
	if naked != released {
		t.Errorf("without the guard %d of %d releases tell a rate near 1: the attack should see all", naked, released)
	}
	if shown != 0 {
		t.Errorf("%d rates were published of a single released cell", shown)
	}
}

// TestRateBounds: over audiences of every mixture, other rows included, a published
// rate is within [2σ/n, 1−2σ/n], and most mixtures do have one. Without the guard
// rates outside it are published.
func TestRateBounds(t *testing.T) {
	const sigma = 10
	base, bsum := Cell{Released: true, Users: 4000, Terms: 1}, Cell{Released: true, Users: 10000, Terms: 3}
	shown, naked, middle := 0, 0, 0
	for users := int64(0); users <= 600; users++ {
		for _, rest := range []int64{0, 1, 15, 20, 28, 29, 40, 300} {
			for _, terms := range []int{1, 2, 9} { // cells of the rest
				c := Cell{Released: true, Users: users, Terms: 1}
				sum := Cell{Released: true, Users: users + rest, Terms: 1 + terms}
				if r := index(c, sum, sigma, base, bsum, sigma); r != nil {
					shown++
					if rate := rateOf(r, base, bsum); rateFault(rate, sum, sigma) {
						t.Fatalf("%d of %d: a rate of %.3f was published", users, sum.Users, rate)
					}
				} else if users >= 60 && rest == 300 {
					middle++
				}
				if r := unguarded(c, sum, base, bsum); r != nil && rateFault(rateOf(r, base, bsum), sum, sigma) {
					naked++
				}
			}
		}
	}
	if shown == 0 || middle != 0 {
		t.Errorf("%d rates shown, %d steady ones left out: the guard would pass by hiding everything", shown, middle)
	}
	if naked == 0 {
		t.Error("without the guard a rate outside should be published")
	}
}

// owed gives what released tables should have cost a recipient at an owner, from
// the engine's side: what was read, not what was charged. It is rule 9 by itself.
func owed(pl *Plan, owner string, reads []Owner) (rhoNano int64) {
	for _, o := range reads {
		if o.Party == owner && o.Group != pl.Recipient {
			return gaussianRho(pl.Tables[0].Spec.Sigma)
		}
	}
	return 0
}

// TestEachOwnerIsCharged is rule 9: a group that reads the data of two owners is
// charged at both, and at neither that is its own group. A plan that forgets an
// owner leaves the spend at it unseen, and its budget can be spent again.
func TestEachOwnerIsCharged(t *testing.T) {
	base, lists := Owner{"op", "op-group"}, Owner{"acme", "acme-group"}
	policy := DefaultPolicy()
	// ask releases a question of the nth list and gives what the accounts lack.
	ask := func(g *Gate, recipient string, list uint64, forget int) (missed string, err error) {
		src := testSources()
		src.Recipient, src.BaseOwner, src.ListOwner = recipient, base, lists
		spring := src.Lists["spring"]
		spring.ID[1], spring.ID[2] = byte(list), byte(list>>8)
		src.Lists["spring"] = spring
		pl, err := Compile(profileOf(nil, "gender"), src, &policy)
		if err != nil {
			t.Fatal(err)
		}
		if forget >= 0 {
			o := pl.Tables[0].Owners
			pl.Tables[0].Owners = append(append([]Owner{}, o[:forget]...), o[forget+1:]...)
		}
		before := map[string]int64{}
		for _, o := range []Owner{base, lists} {
			before[o.Party], _ = g.ledger.spent(Account{recipient, o.Party}, g.clock.Now(), window30)
		}
		if _, err := g.Release(t.Context(), pl); err != nil {
			return "", err
		}
		for _, o := range []Owner{base, lists} {
			after, _ := g.ledger.spent(Account{recipient, o.Party}, g.clock.Now(), window30)
			if want := owed(pl, o.Party, []Owner{base, lists}); after-before[o.Party] != want {
				missed += fmt.Sprintf("%s: charged %d, owed %d; ", o.Party, after-before[o.Party], want)
			}
		}
		return missed, nil
	}
	for _, recipient := range []string{"agency", "acme-group", "op-group"} {
		r := newRoom(500, 400, 300)
		if missed, err := ask(r.gate, recipient, 1, -1); err != nil || missed != "" {
			t.Errorf("read by %s: %s%v", recipient, missed, err)
		}
	}
	// The mutant forgets one owner; the same check sees it.
	for forget, party := range []string{"acme", "op"} { // owners are in the order of their names
		r := newRoom(500, 400, 300)
		missed, err := ask(r.gate, "agency", 1, forget)
		if err != nil || missed != fmt.Sprintf("%s: charged 0, owed %d; ", party, gaussianRho(DefaultSigma)) {
			t.Errorf("%s forgotten: the check says %q, %v", party, missed, err)
		}
	}
	// What it is worth: two operators' bases and one list. Charged at both owners
	// the agency gets 50 questions about acme's list in all; where acme is forgotten
	// it gets 50 from each base.
	for _, forget := range []int{-1, 0} {
		r := newRoom(500, 400, 300)
		answered := 0
		for _, op := range []string{"op", "op2"} {
			base = Owner{op, op}
			for list := range uint64(60) {
				switch _, err := ask(r.gate, "agency", 100+list+1000*uint64(len(op)), forget); {
				case err == nil:
					answered++
				case codeOf(err) != entrustment.CodeBudget:
					t.Fatal(err)
				}
			}
		}
		if want := map[int]int{-1: 50, 0: 100}[forget]; answered != want {
			t.Errorf("owner %d forgotten: %d questions about acme's list, want %d", forget, answered, want)
		}
	}
}
