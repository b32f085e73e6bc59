package enclave

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"awase/enclave/sandbox"
)

// TestConfined runs days of acts, and the socket's, in a process that is confined
// as awase enclave is.
func TestConfined(t *testing.T) {
	attr, err := sandbox.Isolated()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run", "^(TestWireConforms|TestManyClients|TestManyUploads|TestAttestation)$", "-test.v", "-test.timeout", "5m")
	cmd.Env = append(os.Environ(), confinedEnv+"="+dir, "TMPDIR="+dir, "GOCOVERDIR="+dir)
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "confined:") {
		if os.Getenv("CI") != "" {
			t.Fatalf("NOT RUN, and CI has to: %v\n%s", err, out)
		}
		t.Skipf("NOT RUN: user namespaces are not permitted: %v\n%s", err, out)
	}
	if err != nil || strings.Count(string(out), "--- PASS: TestWireConforms") != 3 || strings.Count(string(out), "--- PASS: TestMany") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}
