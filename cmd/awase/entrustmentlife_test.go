package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// TestEntrustmentDiff: what a version changed, by number, and what a file would.
func TestEntrustmentDiff(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	in, err := room.Enclave.Entrustment(t.Context(), apitest.Entrustment)
	if err != nil {
		t.Fatal(err)
	}
	first := diffSaid(t, &contractDiff{Entrustment: "e", To: 1, only: true})
	has(t, first, "version 1, and there is one version, all of it new: 0 changes")
	has(t, diffSaid(t, &contractDiff{Entrustment: "e", To: 1, Draft: "abc"}), "entrustment e, draft abc, all of it new: ")
	next := *in.Versions[0].Contract
	next.MaxListRows, next.Attributes = 5000, next.Attributes[1:]
	if _, err := room.Enclave.Entrust(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Acme, api.Viewer)))
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errOut := command(t, append([]string{"entrustment", "diff"}, args...)...)
		if code != want {
			t.Fatalf("%v: status %d\n%s%s", args, code, out, errOut)
		}
		return out + errOut
	}
	has(t, run(0, apitest.Entrustment), "version 1, and version 2: 2 changes\n- attributes that may be read: ", "taken out (less may leave)\n  読み取れる属性：", "? most rows of a list: 5000 added")
	has(t, run(0, apitest.Entrustment, "--from", "2", "--to", "1"), "+ attributes that may be read: ", "added (more may leave)")
	has(t, run(0, apitest.Entrustment, "--to", "1"), "version 1, all of it new: ")
	has(t, run(0, "--json", apitest.Entrustment), `"path": "attributes"`, `"effect": "narrows"`)
	has(t, run(1, apitest.Entrustment, "--to", "3"), "E_NOT_FOUND", "from 1 to 2")
	has(t, run(2, apitest.Entrustment, "--to", "1", "--draft", "abc"), "don't go together")
	_, yaml, _ := command(t, "entrustments", apitest.Entrustment)
	file := filepath.Join(t.TempDir(), "contract.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(yaml, "max_list_rows: 5000", "max_list_rows: 6000", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	has(t, run(0, apitest.Entrustment, "--with", file), "version 2, and the file contract.yaml: 1 change\n+ most rows of a list: 5000 becomes 6000 (more may leave)")
}

func diffSaid(t *testing.T, d *contractDiff) string {
	t.Helper()
	var b strings.Builder
	if err := sayDiff(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDraftsOverTheNetwork: a draft is read, shown with what it changes, and taken back.
func TestDraftsOverTheNetwork(t *testing.T) {
	room := apitest.StartSigned(t)
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Operator, api.Admin, api.Privacy)))
	op := room.As(apitest.Person(apitest.Operator, api.Admin, api.Privacy))
	var ack wire.Ack
	op.Do(http.MethodPut, "/v1/parties/acme", apitest.Party("acme", entrustment.ClassClient, "ac1")).Want(http.StatusAccepted).JSON(&ack)
	hash := ack.Waits.Hash
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errOut := command(t, append([]string{"drafts"}, args...)...)
		if code != want {
			t.Fatalf("%v: status %d\n%s%s", args, code, out, errOut)
		}
		return out + errOut
	}
	has(t, run(0), "state: draft\n")
	has(t, run(0, "review", hash), "reviewed, read by 1 person")
	has(t, run(0), "state: reviewed\n", "  read by Test Person of operator on ", ", as the service says\n")
	has(t, run(0, "review", "--take-back", hash), "draft, read by 0 people")
	has(t, run(1, "review", "--take-back", hash), "E_NOT_FOUND")
	has(t, run(0, "withdraw", hash), "taken back, log entry ")
	has(t, run(1, "withdraw", hash), "E_NOT_FOUND", "there is no draft of this hash")
	has(t, run(0), "nothing waits")
}
