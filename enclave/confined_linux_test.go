package enclave

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"awase/enclave/sandbox"
	"awase/internal/testflag"
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
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run", "^(TestWireConforms|TestManyClients|TestManyUploads|TestAttestation)$", "-test.v", "-test.timeout", "20m")
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

// confinedEnv makes this test binary confine itself before its tests; it names the
// directory that it keeps.
const confinedEnv = "AWASE_TEST_CONFINED"

// TestMain confines the process where it is asked to.
func TestMain(m *testing.M) {
	if dir := os.Getenv(confinedEnv); dir != "" {
		// As awase enclave keeps it, and the way to the socket that is served: here
		// the client is of the same process.
		o := sandbox.ForEnclave([]string{dir}, dir, dir)
		o.Listen, o.Dial, o.AllowMissing = []string{dir}, []string{dir}, []sandbox.Name{sandbox.UnixConnect}
		s, err := sandbox.Confine(o)
		if err != nil {
			println(err.Error())
			os.Exit(1)
		}
		println("confined:", s.Short())
	}
	if dir := os.Getenv(isolatedEnv); dir != "" {
		println(serveIsolated(dir).Error()) // it is killed
		os.Exit(1)
	}
	testflag.Default("test.parallel", testflag.SideBySide)
	code := m.Run()
	endAll()
	os.Exit(code)
}
