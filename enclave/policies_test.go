package enclave

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"awase/entrustment"
)

// The users of these tests, all on acme's list, by the version that they accepted.
var agreed = []struct {
	version string
	users   int
}{{"v2", 1000}, {"v1", 300}, {"", 100}, {"v3", 200}} // v3 was published before the room knew of it

// turned is how many of a group say another version now.
type turned struct {
	n  int
	to string
}

// crowdOf makes users of which the first of each group say what change makes of them.
func crowdOf(change map[string]turned) (users []oracleUser, rows []oracleRow) {
	for _, g := range agreed {
		for i := range g.users {
			c := clean{"email", fmt.Sprintf("taro.%d", len(users)), "example.jp"}
			u := oracleUser{ids: []clean{c}, verified: true, version: g.version, gender: "f"}
			if ch, ok := change[g.version]; ok && i < ch.n {
				u.version = ch.to
			}
			users = append(users, u)
			rows = append(rows, oracleRow{cells: map[string]string{"email": c.local + "@" + c.domain}})
		}
	}
	return users, rows
}

func policiesOf(t *testing.T, versions ...string) *entrustment.Policies {
	t.Helper()
	return parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - "+strings.Join(versions, "\n  - ")+"\n")
}

const (
	policyV1 = "{version: v1, date: 2019-04-01, clauses: {}}"
	policyV2 = `{version: v2, date: 2024-01-29, clauses: {"5": [5-analysis]}}`
	policyV3 = `{version: v3, date: 2026-07-01, clauses: {"5": [5-analysis]}}`
)

// TestPolicyVersions: on either engine a flow uses those alone who accepted a version
// whose clauses, among those that the contract relies on, name it: a new version
// brings its users in once officers' policies know it, one that covers no more takes
// them out, and a user's later consent, or its withdrawal, holds from the load of the
// base on that says so, and not before.
func TestPolicyVersions(t *testing.T) {
	furnishCrowd := func(t *testing.T, e *Enclave) {
		furnish(t, e)
		if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n")); err != nil {
			t.Fatal(err)
		}
		users, rows := crowdOf(nil)
		loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
		loadListFile(t, e, "l", rowsCSV(rows))
	}
	onEngines(t, furnishCrowd, func(t *testing.T, e *Enclave) {
		q := question(func(q *entrustment.Question) { q.Report, q.Dims = "overlap", nil })
		counts := func(what string, want int64) {
			t.Helper()
			r, err := e.Report(t.Context(), q)
			if err != nil || !near(r.Cells[0].Users, want) {
				t.Errorf("%s: %+v, %v, want %d", what, r, err, want)
			}
		}
		set := func(versions ...string) {
			t.Helper()
			if _, err := e.SetPolicies(t.Context(), policiesOf(t, versions...)); err != nil {
				t.Fatal(err)
			}
		}
		free := func(what string) {
			t.Helper()
			if p, err := e.Price(t.Context(), q, 0); err != nil || p.Charged != 0 {
				t.Errorf("%s it costs %v again, %v", what, p.Charged, err)
			}
		}
		counts("v2", 1000)
		set(policyV2, policyV1, policyV3)
		counts("v2 and v3", 1200)
		// Of a clause that the contract does not rely on, and of another flow: nobody more.
		set(policyV2, strings.Replace(policyV1, "{}", `{"3": [5-analysis], "5": [5-improvement]}`, 1), policyV3)
		free("with clauses that are not relied on")
		set(policyV2, policyV1, policyV3)

		// Before the load nothing is otherwise; after it 200 agreed and 150 did no more.
		users, _ := crowdOf(map[string]turned{"v1": {200, "v3"}, "v2": {150, ""}})
		free("before the load")
		loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(2, 2)), users))
		counts("after the load", 1250)

		// A version without the clause takes its users out, and a contract that relies on
		// it is refused by name.
		set(policyV2, policyV1, strings.Replace(policyV3, "5-analysis", "5-improvement", 1))
		counts("v3 covers it no more", 850)
		set(policyV1, policyV3)
		_, err := e.Report(t.Context(), q)
		if refusal := wantCode(t, "a version that is gone", err, entrustment.CodeNoBasis); refusal.Clause != "PRIVACY rule 1" || !strings.HasSuffix(refusal.Field, "clauses") {
			t.Errorf("refused at %s by %s", refusal.Field, refusal.Clause)
		}
	})
}

// TestPoliciesAreSigned: policies that bring more users in take two officers of the
// operator; until the second signed nobody more is counted. Were one enough, one
// person would say what everybody agreed to.
func TestPoliciesAreSigned(t *testing.T) {
	t.Parallel()
	versions := func(r *signedRoom) int {
		_, covered := eligibleOf(t, r.Enclave)
		return len(covered)
	}
	r := newSignedRoom(t)
	r.furnish(t)
	if versions(r) != 1 {
		t.Fatal("v2 alone is covered")
	}
	wider := policiesOf(t, policyV2, policyV1, policyV3)
	d := r.waitsFor(t)(r.SetPolicies(t.Context(), wider))
	for _, key := range []string{"op1", "op1", "ac1", "ac2"} {
		if out, err := r.approve(t, d, key); err == nil && out.Effective {
			t.Fatalf("%s alone made it effective", key)
		}
	}
	r.reopen(t)
	if versions(r) != 1 {
		t.Error("a draft covers users")
	}
	r.must(t, d, "op2")
	if versions(r) != 2 {
		t.Error("in force it covers nobody more")
	}
	r.reopen(t)
	if versions(r) != 2 {
		t.Error("after a restart it is gone")
	}
	// The twin, without the control.
	twin := newSignedRoom(t)
	twin.furnish(t)
	twin.without(t, "two people", "used once")
	d = twin.waitsFor(t)(twin.SetPolicies(t.Context(), wider))
	for range 2 {
		if out, err := twin.approve(t, d, "op1"); err != nil {
			t.Fatal(err)
		} else if out.Effective {
			return
		}
	}
	t.Error("without the control one officer does not do")
}

// eligibleOf gives whom questions under e may read.
func eligibleOf(t *testing.T, e *Enclave) (byPolicy bool, versions []string) {
	t.Helper()
	c, err := e.contract("e")
	if err != nil {
		t.Fatal(err)
	}
	facts := e.facts(c)
	return facts.Covered()
}
