package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"awase/api"
)

// commandOf are the commands of operations that a vault or an enclave knows too, or
// that are more than one request.
var commandOf = map[string]string{
	"room": "room", "parties": "parties", "party": "parties", "putParty": "party add", "policies": "policy show", "putPolicies": "policy add",
	"gate": "gate show", "putGate": "gate set", "gateChanges": "gate set", "entrustments": "entrustments", "entrustment": "entrustments",
	"putEntrustment": "entrust", "terms": "terms", "baseTerms": "terms", "toEnd": "entrustment end", "endEntrustment": "entrustment end", "certificate": "entrustment certificate",
	"entrustmentChanges": "entrustment diff", "reviewDraft": "drafts review", "dropReview": "drafts review", "withdrawDraft": "drafts withdraw",
	"drafts": "drafts", "approve": "approve", "freeze": "freeze", "stop": "freeze", "lift": "freeze", "acceptClock": "admin accept-clock",
	"ledger": "ledger", "log": "log entries", "logKey": "log key", "checkpoint": "log checkpoint", "consistency": "log proof", "inclusion": "log inclusion", "attestation": "attestation",
	"createUpload": "upload", "offsetUpload": "upload", "appendUpload": "upload", "loadList": "list load", "listLists": "lists", "listEvents": "events list", "listBases": "base list", "listRetention": "retention",
	"loadBase": "base load", "listOwnEvents": "events list", "loadEvents": "events load",
	"priceQuestion": "report", "askReport": "report", "listReports": "reports", "getReport": "reports", "getReceipt": "reports receipt", "getReportFile": "reports",
	"evidence": "evidence", "incident": "incident",
	"listCubes": "cubes", "askCube": "cubes buy", "sizeFromCube": "cubes size",
	"takeRequest": "request", "listRequests": "requests", "requestReceipt": "requests receipt",
	"disclosure": "requests disclosure", "disclose": "requests disclose", "deskKey": "desk", "putDeskKey": "desk set",
	"priceCampaign": "campaign price", "listCampaigns": "campaign list", "getCampaign": "campaign show", "putCampaign": "campaign submit", "deliverCampaign": "campaign deliver", "closeCampaign": "campaign close",
	"campaignDeliveries": "campaign show", "receivedDeliveries": "courier fetch", "deliveryFile": "courier fetch", "reportDelivery": "courier run",
	"reserve": "reserve", "freeReservation": "reserve", "priceReservation": "report", "askReservation": "report",
}

// noCommand are operations without a command, with the reason.
var noCommand = map[string]string{
	"health": "of the process: for who watches it", "ready": "of the process: for who watches it",
	"contractYAML": "a file to read", "contractJSON": "a file to read", "docs": "a page", "top": "it leads to a page",
	"attestationOfOld": "awase attestation asks at the new address",
	"draft":            "awase drafts shows all that wait",
	"attributes":       "a refusal lists the values that there are, and so does every report; the page asks beforehand",
	"getList":          "awase lists ENTRUSTMENT NAME takes it out of listLists",
	"receivedDelivery": "awase courier fetch -n lists all",
	"watchJob":         "commands ask getJob again, which every proxy lets pass",
	"discoverUploads":  "for clients of tus that know nothing of this room",
	"ways":             "before there is a session", "enterPractice": "a browser's",
	"signIn": "of a session", "signOut": "of a session", "changeMe": "of a session", "changePassword": "of a session", "listSessions": "of a session",
	"endOtherSessions": "of a session", "endSession": "of a session", "beginTotp": "of a session", "confirmTotp": "of a session", "removeTotp": "of a session",
	"makeToken": "of a session: a token makes no other", "revokeToken": "of a session", "changePerson": "of a session: a token opens no way in", "resetPerson": "of a session: a token opens no way in",
	"invite": "of a session: a token opens no way in", "inviteFirstAdmin": "of a session: a token opens no way in", "dropInvitation": "of a session",
	"acceptInvitation": "a page, before there is an account", "setup": "a page, before there is an account", "setupPage": "a page", "setupForm": "a page",
	"startOidc": "a browser's", "finishOidc": "a browser's",
}

// noJSON are commands without --json, with the reason.
var noJSON = map[string]string{
	"awase": "prints its help", "awase serve": "runs until it is ended, and logs", "awase enclave": "runs until it is ended", "awase front": "runs until it is ended", "awase relay": "runs until it is ended",
	"awase demo": "a show for a person; its reports are files", "awase identifier": "a filter: a line out for each line in",
	"awase completion": "prints its help", "awase help": "prints help",
	"awase completion bash": "prints a script", "awase completion zsh": "prints a script", "awase completion fish": "prints a script", "awase completion powershell": "prints a script",
}

// TestOperationsHaveCommands: what the API can, commands can, or a reason says why
// not; and a row of the table is the operation that it says it is.
func TestOperationsHaveCommands(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(api.Contract(), &doc); err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			if m, ok := o.(map[string]any); ok {
				if id, ok := m["operationId"].(string); ok {
					at[id] = strings.ToUpper(method) + " " + path
				}
			}
		}
	}
	if len(at) < 100 {
		t.Fatalf("only %d operations were found", len(at))
	}
	root, table := newRoot(), map[string]bool{}
	for _, n := range append(nouns(), noun{operations: []operation{{op: "listCubes", method: "GET", path: "/v1/cubes"}}}) {
		for _, o := range n.operations {
			table[o.op] = true
			if at[o.op] != o.method+" "+o.path {
				t.Errorf("%s: %s %s, and in the contract %q", o.op, o.method, o.path, at[o.op])
			}
		}
	}
	delete(table, "listCubes") // made by a command of its own
	for id := range at {
		command, without := commandOf[id], noCommand[id]
		ways := 0
		for _, has := range []bool{table[id], command != "", without != ""} {
			if has {
				ways++
			}
		}
		if ways != 1 {
			t.Errorf("%s: has %d of a row of the table, a command and a reason why it has none", id, ways)
		}
		if command == "" {
			continue
		}
		if found, _, err := root.Find(strings.Fields(command)); err != nil || found.CommandPath() != "awase "+command {
			t.Errorf("%s: there is no command %q", id, command)
		}
	}
	for id := range commandOf {
		if at[id] == "" {
			t.Errorf("%s is no operation", id)
		}
	}
	for id := range noCommand {
		if at[id] == "" {
			t.Errorf("%s is no operation", id)
		}
	}
}

// runnable are the commands that do something.
func runnable(t *testing.T) []*cobra.Command {
	t.Helper()
	root := newRoot()
	addCompletion(root)
	root.InitDefaultHelpCmd()
	var all []*cobra.Command
	walk(root, func(cmd *cobra.Command) {
		if cmd.Runnable() && !cmd.Hidden && (!cmd.HasSubCommands() || cmd.Flags().Lookup("json") != nil || cmd.HasAvailableLocalFlags()) {
			all = append(all, cmd)
		}
	})
	if len(all) < 70 {
		t.Fatalf("only %d commands were found", len(all))
	}
	return all
}

// TestEveryCommandHasJSON walks all commands.
func TestEveryCommandHasJSON(t *testing.T) {
	seen := map[string]bool{}
	for _, cmd := range runnable(t) {
		path := cmd.CommandPath()
		seen[path] = true
		has, why := cmd.Flags().Lookup("json") != nil, noJSON[path]
		if has == (why != "") {
			t.Errorf("%s: --json %t, and the reason why not %q", path, has, why)
		}
	}
	for path := range noJSON {
		if !seen[path] && path != "awase" && path != "awase completion" {
			t.Errorf("%s is no command", path)
		}
	}
}

// TestCommandsAreDocumented: the table of docs/commands.md says what the commands and
// the list of who may say. AWASE_UPDATE=1 writes it.
func TestCommandsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(repository, "api", "access.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var access map[string]struct {
		Roles    []string `yaml:"roles"`
		Operator bool     `yaml:"operator"`
		Open     bool     `yaml:"open"`
	}
	if err := yaml.Unmarshal(raw, &access); err != nil {
		t.Fatal(err)
	}
	ops := map[string][]string{"awase upload": {"loadList"}, "awase campaign size": {"askReport"}, "awase campaign result": {"askReport"}}
	for id, command := range commandOf {
		ops["awase "+command] = append(ops["awase "+command], id)
	}
	for _, n := range nouns() {
		for _, o := range n.operations {
			path := "awase " + n.name
			if verb, _, _ := strings.Cut(o.use, " "); verb != strings.ToUpper(verb) {
				path += " " + verb
			}
			ops[path] = append(ops[path], o.op)
		}
	}
	var b strings.Builder
	b.WriteString("| command | where | role | what it does |\n|---|---|---|---|\n")
	for _, cmd := range runnable(t) {
		path := cmd.CommandPath()
		if strings.HasPrefix(path, "awase completion ") || path == "awase help" || path == "awase" {
			continue
		}
		var where []string
		server := cmd.Flags().Lookup("server")
		network := server != nil && !server.Hidden
		if cmd.Flags().Lookup("vault") != nil {
			where = append(where, "vault")
		}
		if cmd.Flags().Lookup("enclave") != nil {
			where = append(where, "enclave")
		}
		if network {
			where = append(where, "network")
		}
		if where == nil {
			where = []string{"desk"}
		}
		role := ""
		if network {
			var may []string
			operator, open := true, true
			for i, id := range ops[path] {
				a, ok := access[id]
				if !ok {
					t.Fatalf("%s: api/access.yaml has no %s", path, id)
				}
				operator, open = operator && a.Operator, open && a.Open
				if i == 0 {
					may = a.Roles
				}
				may = slices.DeleteFunc(slices.Clone(may), func(r string) bool { return !slices.Contains(a.Roles, r) })
			}
			switch {
			case len(ops[path]) == 0:
				t.Errorf("%s works over the network by no operation", path)
			case open:
				role = "anybody"
			case len(may) == 6:
				role = "any"
			default:
				role = strings.Join(may, ", ")
			}
			if operator {
				role += "; of the operator"
			}
		}
		b.WriteString("| `" + strings.TrimPrefix(path, "awase ") + "` | " + strings.Join(where, ", ") + " | " + role + " | " + cmd.Short + " |\n")
	}
	at := filepath.Join(repository, "docs", "commands.md")
	text, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	head, table, ok := strings.Cut(string(text), "## All of them\n\n")
	if !ok {
		t.Fatal("docs/commands.md has no place for the table")
	}
	if table == b.String() {
		return
	}
	if os.Getenv("AWASE_UPDATE") == "" {
		t.Fatalf("the table of docs/commands.md is not what the commands are: AWASE_UPDATE=1 go test ./cmd/awase -run TestCommandsAreDocumented writes it")
	}
	if err := os.WriteFile(at, []byte(head+"## All of them\n\n"+b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestUsageNamesTheServer: who works over the network is shown --server in usage lines
// and help, never a socket or a vault; but where the act is the machine's alone.
func TestUsageNamesTheServer(t *testing.T) {
	run := func(line string) string {
		_, out, errOut := command(t, strings.Fields(line)...)
		return out + errOut
	}
	for _, line := range []string{"drafts --server https://room.example more", "approve --server https://room.example", "parties --server https://room.example a b", "requests receipt --server https://room.example"} {
		if said := run(line); strings.Contains(said, "--enclave S") || strings.Contains(said, "--vault V") {
			t.Errorf("%s: %s", line, said)
		}
	}
	has(t, run("drafts more"), "usage: awase drafts --enclave S")
	has(t, run("drafts --help"), "awase drafts --enclave S")
	t.Setenv(serverEnv, "https://room.example")
	for _, name := range []string{"drafts", "drafts withdraw", "attestation", "entrust", "request", "party add"} {
		said := run(name + " --help")
		has(t, said, "awase "+name+" --server URL")
		if strings.Contains(said, "--enclave S ") || strings.Contains(said, "--vault V ") {
			t.Errorf("%s --help: %s", name, said)
		}
		if again := strings.Count(said, "[flags]"); again > 1 {
			t.Errorf("%s --help: %s", name, said)
		}
	}
	has(t, run("engine status --help"), "--enclave S")
}
