package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/api/store"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/sql/control"
)

// The room of TestLoad: a base of 30,000 users, of whom 20,000 are on acme's list.
const (
	crowdUsers  = 30_000
	crowdListed = 20_000
	crowdEach   = 10 // clients, of one person of acme and one of the operator
)

// crowdRoom makes a served room with a base, a list, and API tokens of n clients, of
// whom every fifth is the operator's. The vault is a dev vault with the production
// policy as it is: nothing is raised, its tick included.
func crowdRoom(t *testing.T, n int) (*room, []*crowdClient) {
	t.Helper()
	wantConfinement(t)
	dir := smallWorld(t)
	var base, list bytes.Buffer
	base.WriteString("user_id,email,mobile,ok,version,agreed,birth,sex,zip,name\n")
	list.WriteString("Email,Phone,Rank,Name\n")
	for i := range crowdUsers {
		fmt.Fprintf(&base, "u%d,%s,%s,true,2024-01-29,2024-02-01,%d-06-15,%s,100-0001,N\n", i, canaryEmail(i), canaryPhone(i), 1950+i%50, []string{"female", "male"}[i%2])
		if i < crowdListed {
			fmt.Fprintf(&list, "%s,%s,%s,N\n", canaryEmail(i), canaryPhone(i), []string{"gold", "silver"}[i/2%2])
		}
	}
	for name, b := range map[string]*bytes.Buffer{"users.csv": &base, "list.csv": &list} {
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "awase-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, args := range mainJob[:7] {
		if i == 3 {
			continue // the gate stays as it comes
		}
		args = append([]string{}, args...)
		for k := range args {
			if args[k] == "V" {
				args[k] = filepath.Join(data, "vault")
			}
		}
		mustRun(t, dir, args...)
	}
	clients := crowdTokens(t, filepath.Join(data, "control", "control.db"), n)
	r := startRoom(t, dir)
	r.ready()
	return r, clients
}

// crowdTokens keeps people, and a token for each of n clients.
func crowdTokens(t *testing.T, db string, n int) []*crowdClient {
	t.Helper()
	ctx := t.Context()
	s, err := control.Open(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	out := make([]*crowdClient, n)
	for i := range out {
		who, party, roles := i/crowdEach, "acme", []string{string(api.AdOps), string(api.Marketing)}
		if i%5 == 4 {
			who, party, roles = who+n, "operator", []string{string(api.Privacy), string(api.Auditor)}
		}
		person := fmt.Sprintf("per-%026d", who)
		err := s.AddPerson(ctx, store.Person{ID: person, Party: party, Email: person + "@example.com", Name: "Crowd", Roles: roles, Language: "ja", Created: now})
		if err != nil && !errors.Is(err, store.ErrConflict) { // they have tokens already
			t.Fatal(err)
		}
		out[i] = newCrowdClient(i, party, account.NewToken())
		if err := s.AddToken(ctx, store.Token{Hash: account.Hash(out[i].token), ID: fmt.Sprintf("tok-%026d", i), Person: person, Party: party, Name: "load", Scopes: api.Scopes(), Created: now, Ends: now.Add(24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sealedCrowd seals a list of n people as acme's desk does, under a name.
func sealedCrowd(t *testing.T, e *wire.Client, name string, n int) []byte {
	t.Helper()
	schema, err := entrustment.ParseListSchema("list.yaml", []byte(smallDocs["list.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	var csv, b bytes.Buffer
	csv.WriteString("Email,Phone,Rank,Name\n")
	for i := range n {
		fmt.Fprintf(&csv, "%s,,gold,N\n", canaryEmail(i))
	}
	f, err := intake.OpenList(t.Context(), bytes.NewReader(csv.Bytes()), int64(csv.Len()), schema, intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	terms, err := e.Terms(t.Context(), "acme-2026")
	if err != nil {
		t.Fatal(err)
	}
	w, err := seal.NewWriter(&b, terms.Key, seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: name, Upload: seal.NewUpload()}, f.Header(), seal.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for batch, err := range f.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// crowdQuestion gives the i-th of many questions, no two of them alike: each is a
// table of its own, charged once.
func crowdQuestion(i int) string {
	bands := []string{"<20", "20-29", "30-39", "40-49", "50-59", "60-69"}
	var in []string
	for k, band := range bands {
		if (i/2+1)&(1<<k) != 0 {
			in = append(in, band)
		}
	}
	raw, err := json.Marshal(map[string]any{"schema": "awase.report/v1", "report": "profile", "entrustment": "acme-2026", "list": "spring",
		"dims": [][]string{{"gender"}, {"tier"}}[i%2], "where": map[string]any{"in": map[string]any{"age_band": in}}})
	if err != nil {
		panic(err) // of strings alone
	}
	return string(raw)
}

// crowdCharges gives how often each table was charged to acme, and what of its
// budget of 30 days that spent.
func crowdCharges(ctx context.Context, t *testing.T, e *wire.Client) (charged map[string]int, spent, limit float64) {
	t.Helper()
	ledger, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	charged = map[string]int{}
	for _, a := range ledger.Accounts {
		if a.Owner != "operator" {
			continue
		}
		for _, c := range a.Charges {
			charged[c.Spec]++
		}
		for _, w := range a.Windows {
			if w.Window == "30d" && w.Unit == "rho" {
				spent, limit = w.Spent, w.Limit
			}
		}
	}
	return charged, spent, limit
}

// cpuOf gives the processor time that a process used.
func cpuOf(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	var ticks int64
	for _, text := range f[11:13] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}
