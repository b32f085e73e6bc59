package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave"
	"awase/enclave/wire"
	"awase/entrustment"
)

// The privacy desk hands requests in at a vault: who asks is in no output, the receipt
// verifies offline, and a row that the flags or the file do not allow is refused.
func TestRequestCommand(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := writeDocs(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"keys.txt": "\uFEFF canary-user-1 \r\n\ncanary-user-2\n", "none.txt": "\n", "many.txt": strings.Repeat("canary-user-1\n", 17)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(status int, line string) string {
		t.Helper()
		code, out, errOut := command(t, strings.Fields(line)...)
		if code != status {
			t.Fatalf("%s: status %d\n%s\n%s", line, code, out, errOut)
		}
		if strings.Contains(out+errOut, "canary-user") {
			t.Errorf("%s says who asks:\n%s\n%s", line, out, errOut)
		}
		return out + errOut
	}
	run(0, "party add --vault V operator.yaml")
	run(1, "request --vault V --check document --on 2026-04-01 purpose-notice keys.txt") // before there is a policy
	run(0, "policy add --vault V policies.yaml")
	has(t, run(0, "request --vault V --check document --on 2026-04-01 --agent --out r.json stop keys.txt"), "request 1: stop, taken at", "利用を停止しました", "go to those who entrusted it", "nobody compared")
	has(t, run(0, "verify r.json"), "verified", "request 1: stop", "origin not checked")
	has(t, run(0, "verify --json r.json"), `"is":"request"`)
	has(t, run(0, "request --vault V --check sign-in --on 2026-04-01 purpose-notice keys.txt"), "request 2: purpose-notice", "privacy policy 2024-01-29", "clause 5: 5-analysis", "awase requests receipt 2")
	has(t, run(0, "requests --vault V"), "stop", "in-force", "purpose-notice", "told")
	has(t, run(0, "requests receipt --vault V 2"), receipt.RequestSchema)
	has(t, run(0, "log entries --vault V --all"), "request")
	key, err := os.ReadFile("r.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("forged.json", []byte(strings.Replace(string(key), `"number":1`, `"number":2`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	has(t, run(1, "verify forged.json"), "not verified")
	for line, status := range map[string]int{
		"request --vault V stop keys.txt":                                                     2,
		"request --vault V --check document --on tomorrow stop keys.txt":                      2,
		"request --vault V --check document --on 2090-01-01 stop keys.txt":                    1,
		"request --vault V --check hearsay --on 2026-04-01 stop keys.txt":                     1,
		"request --vault V --check document --on 2026-04-01 forgetting keys.txt":              1,
		"request --vault V --check document --on 2026-04-01 stop none.txt":                    1,
		"request --vault V --check document --on 2026-04-01 stop many.txt":                    1,
		"request --vault V --check document --on 2026-04-01 stop nowhere.txt":                 1,
		"request --vault V --check document --on 2026-04-01 --enclave-key 0000 stop keys.txt": 1,
		"requests receipt --vault V 9":                                                        1,
		"requests receipt --vault V one":                                                      2,
	} {
		run(status, line)
	}
	has(t, run(1, "request --vault V --check document --on 2026-04-01 delete -"), "no such kind of request", "deletion, stop, correction, addition, purpose-notice, disclosure")
	receipts, err := os.ReadFile("r.json")
	if err != nil {
		t.Fatal(err)
	}
	has(t, run(1, "request --vault V --check document --on 2026-04-01 --out r.json stop keys.txt"), "r.json", "there already")
	if again, err := os.ReadFile("r.json"); err != nil || string(again) != string(receipts) {
		t.Errorf("a receipt was written over: %v", err)
	}
	// What is plainly no user key is refused before anything is sealed.
	for doubt, words := range map[string]string{
		"user_id\ncanary-user-1\n": "line 1: it is the name of a column", "\n会員ID\n": "line 2: it is the name of a column", "canary-user-1\ncanary-user@example.jp\n": "line 2: it has an @",
		"090-1111-2222\n": "line 1: it looks like a phone number", "canary-user-１\n": "line 1: it has full-width", "canary-user-1\tcanary-user-2\n": "line 1: it has a character that is not seen",
		"canary-user-1\n" + strings.Repeat("canary-user", 50) + "\n": "line 2: it is longer than 512 bytes",
	} {
		if err := os.WriteFile("doubt.txt", []byte(doubt), 0o600); err != nil {
			t.Fatal(err)
		}
		said := run(1, "request --vault V --check document --on 2026-04-01 deletion doubt.txt")
		has(t, said, "doubt.txt", words)
		if strings.Contains(said, "090-1111") || strings.Contains(said, "--as-is") == strings.Contains(words, "512") {
			t.Errorf("%q: %s", words, said)
		}
	}
	if all := run(0, "requests --vault V --json"); !strings.Contains(all, `"number":2`) || strings.Contains(all, `"number":3`) {
		t.Errorf("a refused request was taken: %s", all)
	}
	if err := os.WriteFile("doubt.txt", []byte("canary-user@example.jp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	has(t, run(0, "request --vault V --check document --on 2026-04-01 --as-is deletion doubt.txt"), "request 3: deletion")
}

// liar is a room reached over somebody who keeps a request back, and answers it with
// the receipt of an earlier one.
type liar struct{ wire.Enclave }

func (l liar) Request(ctx context.Context, _ wire.RightsRequest) ([]byte, error) {
	return l.RequestReceipt(ctx, 1)
}

// The desk takes no receipt for that of its request but its own: else whoever carries
// a request could lose it, and show that it is in force.
func TestRequestReceiptOfAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := enclave.Open(t.Context(), filepath.Join(dir, "V"), enclave.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.AddParty(t.Context(), &entrustment.Party{Schema: "awase.party/v1", ID: "op", Class: entrustment.ClassOperator, Group: "op", Country: "JP"}); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(keys, []byte("canary-user-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	cmd.SetErr(io.Discard)
	f := requestFlags{method: string(wire.CheckDocument), on: "2020-01-02"}
	_, r, err := f.hand(cmd, e, seal.Stop, keys)
	if err != nil || r.Number != 1 || r.Kind != "stop" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, _, err := f.hand(cmd, liar{e}, seal.Stop, keys); entrustment.Public(err).Code != entrustment.CodeForbidden {
		t.Errorf("the receipt of another request was taken: %v", err)
	}
	if all, err := e.Requests(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%d requests, %v", len(all), err)
	}
}
