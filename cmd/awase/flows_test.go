package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/sql/control"
)

// flowRoom is a room that is served, and a token for each party.
type flowRoom struct {
	*room
	tokens map[string]string
	days   flowDays // of a room that delivers
}

// startFlows makes a room of the flows' world: parties, policies, contracts and the
// base, sealed at the desk, at the machine; people of each party in its service. engine
// is what its configuration says of servers to count on; "": nothing.
func startFlows(t *testing.T, engine string) *flowRoom {
	t.Helper()
	wantConfinement(t)
	dir := t.TempDir()
	writeFlowWorld(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "awase-data"), 0o700); err != nil {
		t.Fatal(err)
	}
	vault := filepath.Join(dir, "awase-data", "vault")
	for _, line := range []string{"party add operator.yaml", "party add acme.yaml", "party add adco.yaml", "party add worker.yaml", "party add helper.yaml", "policy add policies.yaml", "gate set gate.yaml",
		"entrust analysis.yaml", "entrust improvement.yaml", "entrust platform.yaml", "entrust outsourced.yaml", "entrust outsourced-improvement.yaml", "entrust outsourced-platform.yaml"} {
		mustRun(t, dir, append(strings.Fields(line), "--vault", vault)...)
	}
	writeOut(t, dir, "base.json", mustRun(t, dir, "terms", "--vault", vault))
	mustRun(t, dir, "seal", "--terms", "base.json", "--schema", "base.yaml", "--out", "base.awase", "users.csv")
	mustRun(t, dir, "base", "load", "--vault", vault, "--schema", "base.yaml", "base.awase")
	f := &flowRoom{tokens: map[string]string{}}
	f.people(t, dir, "operator", "acme", "adco", "worker", "helper", "officer", "auditor")
	f.serve(t, dir, engine)
	return f
}

// flowRoles are those who have one role in the flows' world; anybody else is named after
// their party, and has the roles of its daily work.
var flowRoles = map[string]struct {
	party string
	role  api.Role
}{"officer": {"operator", api.Privacy}, "auditor": {"operator", api.Auditor}, "admin": {"operator", api.Admin}, "acme-officer": {"acme", api.Privacy}, "adco-officer": {"adco", api.Privacy}}

// people makes accounts in a service that is not started yet, and a token for each.
func (f *flowRoom) people(t *testing.T, dir string, all ...string) {
	t.Helper()
	s, err := control.Open(t.Context(), filepath.Join(dir, "awase-data", "control", "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, who := range all {
		id, party, roles := fmt.Sprintf("per-%026d", i), who, []string{string(api.AdOps), string(api.Marketing), string(api.Viewer)}
		if one, ok := flowRoles[who]; ok {
			party, roles = one.party, []string{string(one.role)}
		}
		f.tokens[who] = account.NewToken()
		err = errors.Join(err, s.AddPerson(t.Context(), store.Person{ID: id, Party: party, Email: id + "@example.com", Name: "Somebody", Roles: roles, Language: "en", Created: now}),
			s.AddToken(t.Context(), store.Token{Hash: account.Hash(f.tokens[who]), ID: fmt.Sprintf("tok-%026d", i), Person: id, Party: party, Name: "flows", Scopes: api.Scopes(), Created: now, Ends: now.Add(24 * time.Hour)}))
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// serve starts the service. engine is what its configuration says of servers to count
// on; "": nothing.
func (f *flowRoom) serve(t *testing.T, dir, engine string) {
	t.Helper()
	args := []string{"--rate-per-second", "1000", "--rate-burst", "1000"}
	if engine != "" {
		writeOut(t, dir, "awase.yaml", "schema: awase.config/v1\n"+engine)
		args = append(args, "--config", "awase.yaml")
	}
	f.room = startRoom(t, dir, args...)
	f.ready()
}

func writeOut(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// as runs a command as somebody of a party, over the network.
func (f *flowRoom) as(t *testing.T, party string, args ...string) (out string, err error) {
	t.Helper()
	cmd := awase(t, f.dir, args...)
	cmd.Env = append(cmd.Env, serverEnv+"="+f.base, tokenEnv+"="+f.tokens[party])
	var b, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("awase %s, as %s: %w\n%s%s", strings.Join(args, " "), party, err, b.String(), errs.String())
	}
	return b.String(), err
}

func (f *flowRoom) must(t *testing.T, party string, args ...string) string {
	t.Helper()
	out, err := f.as(t, party, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// refused wants a command refused, by words of its refusal.
func (f *flowRoom) refused(t *testing.T, party, words string, args ...string) {
	t.Helper()
	if _, err := f.as(t, party, args...); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("as %s, %v: %v, want %s", party, args, err, words)
	}
}

// download asks a question as somebody of a party, has the answer as files, and
// verifies them: the receipt of the JSON offline, and that the CSV is of it.
func (f *flowRoom) download(t *testing.T, party, spec string) {
	t.Helper()
	f.must(t, party, "report", "--spec", spec+".yaml", "--out", spec+".json", "--out", spec+".csv", "--out", spec+".xlsx")
	f.verified(t, party, spec)
}

func (f *flowRoom) verified(t *testing.T, party, spec string) {
	t.Helper()
	if said := mustRun(t, f.dir, "verify", "--key", "awase.key", spec+".json"); !strings.Contains(said, "released to "+party+" under entrustment") || !strings.Contains(said, "confined by the kernel") {
		t.Errorf("%s: %s", spec, said)
	}
	for _, ext := range []string{".csv", ".xlsx"} {
		mustRun(t, f.dir, "render", "--key", "awase.key", spec+".json", "--out", spec+"-again"+ext)
		one, err := os.ReadFile(filepath.Join(f.dir, spec+ext))
		other, oerr := os.ReadFile(filepath.Join(f.dir, spec+"-again"+ext))
		if err != nil || oerr != nil || !bytes.Equal(one, other) {
			t.Errorf("%s%s is not of the release that was verified (%v, %v)", spec, ext, err, oerr)
		}
	}
}

// TestFlowsEndToEnd takes each flow that gives aggregates from files on disk to the
// file that its reader downloads, through the program, its service and its confined
// enclave, and compares what the downloaded file says with a count of the input files
// by code of its own.
func TestFlowsEndToEnd(t *testing.T) {
	t.Parallel()
	flowsEndToEnd(t, startFlows(t, ""), func() {}, func() {})
}

// TestFlowsOnClickHouse is TestFlowsEndToEnd of a room that is moved to two servers when
// the lists are there and the event logs are not: what was loaded before and what comes
// after is counted there.
func TestFlowsOnClickHouse(t *testing.T) {
	t.Parallel()
	_, at, _ := clickhouseServers(t, 2)
	f := startFlows(t, "engine:\n  shards: [\""+strings.ReplaceAll(at, ",", "\", \"")+"\"]\n  tls: none\n")
	flowsEndToEnd(t, f, func() { f.move(t) }, func() {
		if engine := f.engine(t); engine != wire.EngineClickHouse {
			t.Errorf("the room counts in %s", engine)
		}
	})
}

// engine tells where the room counts.
func (f *flowRoom) engine(t *testing.T) string {
	t.Helper()
	var state wire.EngineState
	if raw := mustRun(t, f.dir, "engine", "status", "--enclave", filepath.Join("awase-data", "run", "awase.sock"), "--json"); json.Unmarshal([]byte(raw), &state) != nil {
		t.Fatal(raw)
	}
	return state.Engine
}

// move has the room count on its servers; an officer, where there is one, signs by a key.
func (f *flowRoom) move(t *testing.T, key ...string) {
	t.Helper()
	if out := mustRun(t, f.dir, append([]string{"engine", "move", "--enclave", filepath.Join("awase-data", "run", "awase.sock"), "--to", "clickhouse"}, key...)...); !strings.Contains(out, "engine: moved") {
		t.Fatal(out)
	}
}

// flowsEndToEnd plays the flows in a room, which is moved between lists and event logs,
// and looked at when all is counted.
func flowsEndToEnd(t *testing.T, f *flowRoom, move, after func()) {
	t.Helper()
	o := readOracle(t, f.dir, "")
	writeOut(t, f.dir, "awase.key", f.must(t, "acme", "log", "key"))

	// Who uploads: the client its list, sealed and sent by one command; the platform
	// its own, sealed at the desk for this enclave; the operator its log.
	for _, id := range []string{"acme-an", "acme-im", "acme-out", "acme-oim"} {
		f.must(t, "acme", "list", "load", "--entrustment", id, "--name", "members", "--schema", "client.yaml", "client.csv")
	}
	writeOut(t, f.dir, "terms.json", f.must(t, "adco", "terms", "--entrustment", "adco-an"))
	mustRun(t, f.dir, "seal", "--terms", "terms.json", "--name", "people", "--schema", "partner.yaml", "--out", "people.awase", "platform.csv")
	f.refused(t, "operator", "E_", "list", "load", "--entrustment", "adco-an", "--name", "people", "people.awase")
	f.must(t, "adco", "list", "load", "--entrustment", "adco-an", "--name", "people", "people.awase")
	f.must(t, "adco", "list", "load", "--entrustment", "adco-out", "--name", "people", "--schema", "partner.yaml", "platform.csv")
	move()
	f.must(t, "adco", "events", "load", "--entrustment", "adco-an", "--schema", "partner-log.yaml", "platform-log.csv")
	f.must(t, "operator", "events", "load", "--schema", "own-log.yaml", "own-log.csv")

	var h [6]held
	t.Run("flows", func(t *testing.T) {
		t.Run("5-analysis", func(t *testing.T) {
			t.Parallel()
			f.download(t, "acme", "an-overlap")
			h[0].agrees(t, f.dir, "an-overlap.csv", []string{"matched_by"}, o.profile("members", false, nil, "matched_by"), nil)
			f.download(t, "acme", "an-profile")
			h[0].agrees(t, f.dir, "an-profile.csv", []string{"age_band", "tier"}, o.profile("members", false, nil, "age_band", "tier"), nil)
			f.download(t, "acme", "an-behaviour")
			users, events := o.seen("own", "members")
			h[0].agrees(t, f.dir, "an-behaviour.csv", []string{"category", "gender"}, users, map[string]map[string]int64{"events": events})
		})
		t.Run("2-6-analysis", func(t *testing.T) {
			t.Parallel()
			f.download(t, "operator", "pl-profile")
			h[1].agrees(t, f.dir, "pl-profile.csv", []string{"home", "interest"}, o.profile("people", false, nil, "home", "interest"), nil)
			f.download(t, "operator", "pl-behaviour")
			users, events := o.seen("platform", "")
			h[1].agrees(t, f.dir, "pl-behaviour.csv", []string{"category", "gender"}, users, map[string]map[string]int64{"events": events})
			if out := f.must(t, "operator", "lists", "adco-an"); strings.Contains(out, "people") || !strings.Contains(f.must(t, "adco", "lists", "adco-an"), "people") {
				t.Errorf("the operator sees the platform's lists: %s", out)
			}
		})
		t.Run("5-improvement", func(t *testing.T) {
			t.Parallel()
			f.download(t, "operator", "im-profile")
			h[2].agrees(t, f.dir, "im-profile.csv", []string{"tier", "gender"}, o.profile("members", true, func(u *oracleUser) bool { return "20" <= u.age && u.age < "60" }, "tier", "gender"), nil)
			f.refused(t, "acme", "E_FORBIDDEN", "report", "--spec", "im-profile.yaml", "-n")
		})
		// Each flow as people of a trustee run it for the operator, of one also people of
		// its sub-trustee: who reads downloads, and they don't.
		for i, of := range []struct {
			runs, asks, reads, list, entrustment, spec string
			dims                                       []string
		}{
			{"5-analysis", "worker", "acme", "members", "acme-out", "out-profile", []string{"gender", "tier"}},
			{"5-analysis", "helper", "acme", "members", "acme-out", "sub-profile", []string{"age_band", "gender"}},
			{"5-improvement", "worker", "operator", "members", "acme-oim", "oim-profile", []string{"tier", "gender"}},
			{"2-6-analysis", "worker", "operator", "people", "adco-out", "opl-profile", []string{"home", "interest"}},
		} {
			t.Run("5-outsourcing of "+of.runs+" by "+of.asks, func(t *testing.T) {
				id := f.outsourced(t, of.asks, of.reads, of.entrustment, of.list, of.dims)
				f.must(t, of.reads, "reports", id, "--out", of.spec+".json", "--out", of.spec+".csv", "--out", of.spec+".xlsx")
				f.verified(t, of.reads, of.spec)
				h[3+i%3].agrees(t, f.dir, of.spec+".csv", of.dims, o.profile(of.list, of.runs == "5-improvement", nil, of.dims...), nil)
				f.refused(t, of.asks, "E_NOT_FOUND", "reports", id)
			})
		}
	})
	after()
	numbers, inside := 0, 0
	for _, flow := range h {
		numbers, inside = numbers+flow.numbers, inside+flow.inside
	}
	// Of 40 numbers of which each is inside with 0.95, 28 or fewer are once in 5·10⁶
	// runs; of more, more rarely.
	if numbers < 40 || inside*10 < numbers*7 {
		t.Errorf("%d of %d numbers lie in the intervals of 95 %% that the files state", inside, numbers)
	}
	f.supervised(t)
	f.end()
}

// outsourced has people of a party ask, who are not shown the answer, and gives the id
// of the reader's report.
func (f *flowRoom) outsourced(t *testing.T, asks, reads, id, list string, dims []string) string {
	t.Helper()
	j, text := f.profile(t, asks, id, list, dims...)
	if j.State != "done" || j.Result.Recipient != reads || strings.Contains(text, `"cells"`) {
		t.Fatal(text)
	}
	return j.Result.Report
}

// flowJob is a job of a question.
type flowJob struct {
	ID, State string
	Result    struct{ Report, Recipient string }
}

// profile asks for a profile, and gives the job as it ended.
func (f *flowRoom) profile(t *testing.T, asks, id, list string, dims ...string) (j flowJob, text string) {
	t.Helper()
	bearer := []string{"Authorization", "Bearer " + f.tokens[asks]}
	by, err := json.Marshal(dims)
	if err != nil {
		t.Fatal(err)
	}
	status, _, text := f.ask("POST", "/v1/reports", fmt.Sprintf(`{"question":{"schema":"awase.report/v1","report":"profile","entrustment":%q,"list":%q,"dims":%s}}`, id, list, by), bearer...)
	if err := json.Unmarshal([]byte(text), &j); err != nil || status != http.StatusAccepted {
		t.Fatal(status, text, err)
	}
	eventually(t, "the job of "+asks, func() bool {
		_, _, text = f.ask("GET", "/v1/jobs/"+j.ID, "", bearer...)
		return json.Unmarshal([]byte(text), &j) == nil && j.State != "running" && j.State != "waiting"
	})
	return j, text
}
