package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// command runs one command line in this process.
func command(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

var anID = regexp.MustCompile(`[a-z]+-[0-9b-z]{26}`)

// TestNetworkCommands: the service's own commands against a service that runs. A row
// is a command line, as whom, what it must print, and what it must not. $ID is the
// first id of the row before it that names one.
func TestNetworkCommands(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	t.Setenv(serverEnv, room.URL)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"spec.yaml":  "schema: awase.report/v1\nreport: overlap\nentrustment: spring\nlist: members\n",
		"cube.yaml":  "schema: awase.report/v1\nreport: cube\nentrustment: spring\nlist: members\ndims: [gender]\n",
		"where.yaml": "where: {in: {gender: [f]}}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token := func(party string) string {
		return room.Token(apitest.Person(party, api.Admin, api.Privacy, api.AdOps, api.Marketing, api.Viewer, api.Auditor))
	}
	id := ""
	for _, row := range []struct {
		who, line string
		code      int
		want      string // in standard output, or of a refusal in the error
		not       string
	}{
		{"acme", "people me", 0, "acme", ""},
		{"acme", "room", 0, "operator", ""},
		{"acme", "parties", 0, "acme", "beta"},
		{"operator", "parties", 0, "beta", ""},
		{"acme", "parties acme", 0, "party.group", "beta"},
		{"acme", "parties beta", 1, "E_NOT_FOUND at party", ""},
		{"acme", "entrustments", 0, "spring", ""},
		{"beta", "entrustments", 0, "there are none", "spring"},
		{"acme", "entrustments spring", 0, "active", ""},
		{"acme", "lists spring", 0, "members", ""},
		{"operator", "lists spring", 0, "there are none", "members"},
		{"beta", "lists spring", 1, "E_NOT_FOUND at entrustment", "members"},
		{"operator", "base list", 0, "3000", ""},
		{"acme", "base list", 1, "E_FORBIDDEN", "3000"},
		{"acme", "policy show", 0, "v2", ""},
		{"acme", "log entries", 0, "list", ""},
		{"acme", "log entries --all", 1, "E_FORBIDDEN at all", ""},
		{"operator", "log entries --all --limit 3", 0, "go on with --from 3", ""},
		{"acme", "log checkpoint", 0, "awase", ""},
		{"acme", "log inclusion 2", 0, "awase.inclusion/v1", ""},
		{"acme", "report --spec spec.yaml -n", 0, "Price of this question", ""},
		{"acme", "report --spec spec.yaml", 0, "Overlap: people", ""},
		{"acme", "reports", 0, "overlap", ""},
		{"acme", "reports $ID --out r.xlsx --out r.csv --out r.json", 0, "wrote r.csv", ""},
		{"acme", "verify r.json", 0, "verified", ""},
		{"acme", "reports receipt $ID", 0, "{", ""},
		{"operator", "reports", 0, "there are none", ""},
		{"operator", "reports $ID", 1, "E_NOT_FOUND", ""},
		{"acme", "cubes buy --spec spec.yaml", 1, "report: cube", ""},
		{"acme", "cubes buy --spec cube.yaml --out cube.json", 0, "wrote cube.json", ""},
		{"acme", "cubes", 0, "cube", ""},
		{"acme", "cubes size $ID --where where.yaml", 0, "", ""},
		{"acme", "jobs --state done", 0, "report", ""},
		{"acme", "jobs $ID", 0, "done", ""},
		{"acme", "jobs --state dreaming", 1, "E_SPEC", ""},
		{"beta", "jobs $ID", 1, "E_NOT_FOUND", "report"},
		{"acme", "jobs cancel $ID", 0, "done", ""},
		{"acme", "schedules add --name weekly --spec spec.yaml", 2, "--cron is missing", ""},
		{"acme", "schedules add --name weekly --spec spec.yaml --cron @weekly", 1, "E_SPEC", ""},
		{"acme", "schedules add --name weekly --spec spec.yaml --cron 0_9_*_*_1 --format xlsx", 0, "weekly", ""},
		{"acme", "schedules", 0, "weekly", ""},
		{"acme", "schedules change $ID", 2, "say what is to change", ""},
		{"acme", "schedules change $ID --state paused", 0, "paused", ""},
		{"acme", "schedules $ID", 0, "paused", ""},
		{"acme", "schedules drop $ID", 0, "is taken away", ""},
		{"acme", "schedules", 0, "there are none", ""},
		{"acme", "webhooks add --url http://127.0.0.1/x", 1, "E_", ""},
		{"acme", "webhooks add --url https://hooks.example.com/x --kind report.ready", 0, "whsec_", ""},
		{"acme", "webhooks", 0, "hooks.example.com", "whsec_"},
		{"acme", "webhooks change $ID --enabled=false", 0, "false", ""},
		{"acme", "webhooks deliveries $ID", 0, "there are none", ""},
		{"acme", "webhooks drop $ID", 0, "is taken away", ""},
		{"acme", "notices", 0, "report.ready", ""},
		{"acme", "notices read $ID", 0, "is read", ""},
		{"acme", "notices read-all", 0, "all are read", ""},
		{"acme", "notices --unread", 0, "there are none", ""},
		{"acme", "notices settings", 0, "can_mail", ""},
		{"acme", "people", 0, "@example.com", ""},
		{"acme", "people invitations", 0, "there are none", ""},
		{"acme", "tokens", 0, "test", "awase_"},
		{"acme", "uploads", 0, "there are none", ""},
		{"operator", "vault rotate", 1, "E_FORBIDDEN at server", ""},
		{"operator", "engine status", 1, "E_FORBIDDEN at server", ""},
		{"operator", "backup --to b --expires 2096-01-01", 1, "E_FORBIDDEN at server", ""},
		{"acme", "jobs --server http://room.example", 1, "E_SPEC at server", ""},
	} {
		t.Setenv(tokenEnv, token(row.who))
		line := strings.ReplaceAll(row.line, "$ID", id)
		args := strings.Fields(line)
		for i := range args {
			if strings.Contains(args[i], "_*") {
				args[i] = strings.ReplaceAll(args[i], "_", " ")
			}
		}
		for _, json := range []bool{false, true} {
			if acts := row.code == 0 && regexp.MustCompile(` (add|drop|buy|read) `).MatchString(" "+line+" "); json && acts {
				continue // it is done already
			}
			given := args
			if json {
				given = append(args[:len(args):len(args)], "--json")
			}
			code, out, errOut := command(t, given...)
			said := out
			if row.code != 0 {
				said = errOut
			}
			if code != row.code || row.not != "" && strings.Contains(out, row.not) || strings.Contains(out+errOut, token(row.who)) {
				t.Errorf("%s: %s: status %d, out %q, err %q", row.who, strings.Join(given, " "), code, out, errOut)
			}
			if json {
				wantOneJSON(t, strings.Join(given, " "), code, out, errOut)
				continue
			}
			if !strings.Contains(said, row.want) {
				t.Errorf("%s: %s: %q is not in %q", row.who, line, row.want, said)
			}
			if found := anID.FindString(out); found != "" && row.code == 0 {
				id = found
			}
		}
	}
	for _, name := range []string{"r.xlsx", "r.csv", "r.json", "cube.json"} {
		if st, err := os.Stat(name); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// wantOneJSON holds what a command with --json printed: one value on standard output,
// or a refusal on standard error.
func wantOneJSON(t *testing.T, line string, code int, out, errOut string) {
	t.Helper()
	if code == 0 {
		if !json.Valid([]byte(out)) {
			t.Errorf("%s: not one JSON value: %q", line, out)
		}
		return
	}
	var r refusal
	if err := json.Unmarshal([]byte(errOut), &r); err != nil || r.Code == "" || r.Detail == "" || r.Exit != code {
		t.Errorf("%s: %v, %q", line, err, errOut)
	}
	if out != "" && !json.Valid([]byte(out)) {
		t.Errorf("%s: %q", line, out)
	}
}

// TestCompletion: the scripts of all shells are made, and words are completed by
// what the room knows; where it does not answer, nothing is said.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, errOut := command(t, "completion", shell); code != 0 || len(out) < 500 || errOut != "" {
			t.Errorf("%s: status %d, %d bytes, %q", shell, code, len(out), errOut)
		}
	}
	if code, _, errOut := command(t, "completion", "cmd.exe"); code != 2 || !strings.Contains(errOut, "has no command") {
		t.Errorf("status %d, %q", code, errOut)
	}
	room := apitest.Start(t)
	room.Furnish()
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Acme, api.AdOps, api.Marketing)))
	rows := []struct{ line, want string }{
		{"entrustments |", "spring"},
		{"lists |", "spring"},
		{"list load --entrustment |", "spring"},
		{"list load --entrustment spring --name |", "members"},
		{"rep|", "reports"},
		{"jobs ca|", "cancel"},
		{"reports |", "receipt"},
	}
	complete := func(line string) (string, string) {
		args := append([]string{"__complete"}, strings.Split(strings.ReplaceAll(line, "|", ""), " ")...)
		code, out, errOut := command(t, args...)
		if code != 0 {
			t.Errorf("%s: status %d, %s", line, code, errOut)
		}
		return out, errOut
	}
	for _, row := range rows {
		if out, _ := complete(row.line); !strings.Contains(out, row.want) {
			t.Errorf("%s: %q", row.line, out)
		}
	}
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer away.Close()
	for _, server := range []string{away.URL, "http://127.0.0.1:1", "https://", "http://room.example"} {
		t.Setenv(serverEnv, server)
		out, errOut := complete("entrustments |")
		if strings.Contains(out, "spring") || strings.Contains(out+errOut, "E_") {
			t.Errorf("%s: %q %q", server, out, errOut)
		}
	}
	t.Setenv(serverEnv, "")
	if out, errOut := complete("entrustments |"); strings.Contains(out+errOut, "E_") {
		t.Errorf("%q %q", out, errOut)
	}
}

// TestJSONOfVaults: commands of a vault print one JSON value, and refuse in JSON with
// the same status.
func TestJSONOfVaults(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range []struct {
		name string
		make func() []byte
	}{{"users.csv", smallBase}, {"list.csv", smallList}, {"events.csv", smallEvents}, {"keys.txt", func() []byte { return []byte("canary-user-1\n") }}} {
		if err := os.WriteFile(f.name, f.make(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeDocs("."); err != nil {
		t.Fatal(err)
	}
	t.Setenv(serverEnv, "")
	t.Setenv(enclaveEnv, "")
	tomorrow := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	for _, row := range []struct {
		line string
		code int
		want string
	}{
		{"party add --vault V operator.yaml", 0, `"log_entry"`},
		{"party add --vault V acme.yaml", 0, `"changed"`},
		{"policy add --vault V policies.yaml", 0, `"version"`},
		{"gate set --vault V -n gate.yaml", 0, `"changes"`},
		{"gate set --vault V gate.yaml", 0, `"set"`},
		{"gate show --vault V", 0, `"settings"`},
		{"base load --vault V --schema base.yaml users.csv", 0, `"users": 6000`},
		{"entrust --vault V contract.yaml", 0, `"acme-2026"`},
		{"list check list.csv", 0, `"columns"`},
		{"list load --vault V --entrustment acme-2026 --name spring --schema list.yaml list.csv", 0, `"tokens"`},
		{"list load --vault V --entrustment nobody --name spring --schema list.yaml list.csv", 1, `E_NOT_FOUND`},
		{"list load --vault V --entrustment acme-2026", 2, `E_USAGE`},
		{"list load --vault V --no-such-flag", 2, `E_USAGE`},
		{"events load --vault V --schema events.yaml events.csv", 0, `"rows"`},
		{"terms --vault V --entrustment acme-2026", 0, `"fingerprint"`},
		{"lists --vault V acme-2026", 0, `"spring"`},
		{"events list --vault V", 0, `"rows"`},
		{"base list --vault V", 0, `"users"`},
		{"room --vault V", 0, `"operator"`},
		{"log entries --vault V --all", 0, `"entries"`},
		{"log key --vault V", 0, `"key"`},
		{"log checkpoint --vault V", 0, `"checkpoint"`},
		{"report --vault V --spec overlap.yaml -n", 0, `"rho"`},
		{"report --vault V --spec overlap.yaml --out o.json", 0, `"receipt"`},
		{"render o.json", 0, `"receipt"`},
		{"verify o.json", 0, `"release"`},
		{"verify list.csv", 1, `E_FILE`},
		{"ledger --vault V", 0, `"accounts"`},
		{"drafts --vault V", 0, `[]`},
		{"attestation --vault V", 0, `"nonce"`},
		{"officer key --out o.key", 0, `"key"`},
		{"attestation --vault V --nonce n1 --out a.json", 0, `"nonce"`},
		{"verify --nonce n1 a.json", 0, `"attestation"`},
		{"config show --vault V", 0, `"from"`},
		{"config check --vault V", 0, `"good"`},
		{"seal-key --out s.key", 0, `"upload_key"`},
		{"request --vault V --check document --on 2026-04-01 stop keys.txt", 0, `"awase.request/v1"`},
		{"requests --vault V", 0, `"in-force"`},
		{"requests receipt --vault V 1", 0, `"awase.request/v1"`},
		{"desk --vault V", 1, `E_NOT_FOUND`},
		{"desk key --out desk.key", 0, `"fingerprint"`},
		{"desk set --vault V desk.key.pub", 0, `"changed"`},
		{"desk --vault V", 0, `"fingerprint"`},
		{"request --vault V --check document --on 2026-04-01 disclosure keys.txt", 0, `"disclosed"`},
		{"requests disclose --vault V 2", 1, `E_FORBIDDEN`},
		{"requests disclosure --vault V --out d.sealed 2", 0, `"sha256"`},
		{"requests open --key desk.key d.sealed", 0, `"awase.disclosed/v1"`},
		{"requests open --key desk.key.pub d.sealed", 1, `E_FILE`},
		{"entrustment end --vault V acme-2026", 0, `"awase.destruction/v1"`},
		{"entrustment certificate --vault V acme-2026", 0, `"awase.destruction/v1"`},
		{"engine status --vault V", 0, `"embedded"`},
		{"engine move --to embedded --vault V", 0, `"embedded"`},
		{"engine move --to clickhouse --vault V", 1, `"E_NOT_FOUND"`},
		{"vault rotate --vault V", 0, `"generation"`},
		{"backup --vault V --to B --expires " + tomorrow, 0, `"segments"`},
		{"nothing", 2, `E_USAGE`},
	} {
		code, out, errOut := command(t, append(strings.Fields(row.line), "--json")...)
		if code != row.code || !strings.Contains(out+errOut, row.want) {
			t.Errorf("%s: status %d, %.400q, %.400q", row.line, code, out, errOut)
		}
		wantOneJSON(t, row.line, code, out, errOut)
	}
}
