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
	has(t, run(0, "requests --vault V --json"), `"number":2`)
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
