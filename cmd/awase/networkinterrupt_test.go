package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// TestInterruptedLoad: Ctrl-C while a file is sent ends the command with nothing of
// the file left, and nothing of it in the room.
func TestInterruptedLoad(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	to, err := url.Parse(room.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	sending := make(chan struct{}, 16)
	line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch {
			proxy.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // so that the end of the line is seen
		sending <- struct{}{}
		<-r.Context().Done() // a line that stalls
	}))
	defer line.Close()
	awase, err := exec.LookPath("awase")
	if err != nil {
		t.Fatal(err)
	}
	dir, spool := t.TempDir(), t.TempDir()
	var list bytes.Buffer
	list.WriteString("email\n")
	for i := range 2000 {
		list.WriteString(canaryEmail(i) + "\n")
	}
	path := filepath.Join(dir, "list.csv")
	if err := os.WriteFile(path, list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(awase, "list", "load", "--entrustment", "spring", "--name", "stalled", path)
	cmd.Env = append(os.Environ(), "TMPDIR="+spool, serverEnv+"="+line.URL, tokenEnv+"="+room.Token(apitest.Person(apitest.Acme, api.AdOps)))
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-sending:
	case err := <-ended:
		t.Fatalf("%v: %s", err, errOut.String())
	}
	on, err := os.ReadDir(spool)
	if err != nil || len(on) != 1 {
		t.Fatalf("%d in the spool, %v", len(on), err)
	}
	if st, err := on[0].Info(); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || cmd.ProcessState.ExitCode() != 130 || !strings.Contains(errOut.String(), "interrupted") {
		t.Errorf("%v: %s", err, errOut.String())
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("%d left in the spool, %v", len(left), err)
	}
	if lists, err := room.Enclave.Lists(t.Context(), apitest.Entrustment); err != nil || len(lists) != 1 {
		t.Errorf("%d lists, %v", len(lists), err)
	}
}
