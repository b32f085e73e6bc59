package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave"
	"awase/enclave/wire"
	"awase/entrustment"
)

// swaps is a front that was taken over: the first request it keeps to itself, and
// brings it in place of the next.
type swaps struct {
	wire.Enclave
	kept []byte
}

func (s *swaps) Request(ctx context.Context, q wire.RightsRequest) ([]byte, error) {
	if s.kept == nil {
		s.kept = q.Sealed
		return nil, errors.New("interrupted")
	}
	q.Sealed = s.kept
	return s.Enclave.Request(ctx, q)
}

// TestRequestSwapped: what was disclosed for one person under the number of another's
// request is told before anything is handed out: the receipt is of another sealed file.
// Without that the desk would take it for the one it sealed.
func TestRequestSwapped(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := writeDocs(dir); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"users.csv": smallBase(), "victim.txt": []byte("canary-user-1\n"), "asker.txt": []byte("nobody at all\n")} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"party add --vault V operator.yaml", "policy add --vault V policies.yaml", "base load --vault V --schema base.yaml users.csv", "desk key --out desk.key", "desk set --vault V desk.key.pub"} {
		if code, out, errOut := command(t, strings.Fields(line)...); code != 0 {
			t.Fatalf("%s: %s%s", line, out, errOut)
		}
	}
	e, err := enclave.Open(t.Context(), "V", enclave.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	cmd.SetErr(new(strings.Builder))
	f := requestFlags{method: "document", on: "2026-04-01"}
	front := &swaps{Enclave: e}
	if _, err := f.hand(cmd, front, seal.Disclosure, "victim.txt"); err == nil {
		t.Fatal("the first was taken")
	}
	raw, err := f.hand(cmd, front, seal.Disclosure, "asker.txt")
	if refused, ok := errors.AsType[*entrustment.Error](err); !ok || refused.Code != entrustment.CodeForbidden || refused.Field != "receipt" {
		t.Errorf("the receipt of another's request was taken: %s, %v", raw, err)
	}
	// All else of it is right: only which file it is of tells.
	if raw, err = e.RequestReceipt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if r, err := receipt.VerifyRequest(raw, nil); err != nil || r.Disclosed == nil || r.Number != 1 || len(r.Upload()) != 32 {
		t.Errorf("%s, %v", raw, err)
	}
	if raw, err = f.hand(cmd, e, seal.Disclosure, "asker.txt"); err != nil {
		t.Errorf("an honest one: %s, %v", raw, err)
	}
}
