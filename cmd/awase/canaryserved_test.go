package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"awase/internal/freeport"
)

// TestCanariesServed is TestCanaries for the service: identifiers in files, in
// questions, and in every part of a request to the front get into no log line of
// the supervisor, the enclave or the front, no answer and no file.
func TestCanariesServed(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	fed := listFiles(t, dir)
	for name, text := range map[string]string{
		"stray.csv":  "Email,Phone,Rank,Name\n\"canary.1.zyx@example.jp\"x,canary-090-7700-0001,gold,Canary-\n",
		"names.yaml": "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: canary.1.zyx@example.jp\ndims: [gender]\n",
		"tier.yaml":  "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender]\nwhere: {in: {tier: [\"canary.1.zyx@example.jp\"]}}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fed = append(fed, path)
	}
	s := newService(t, dir)
	at := freeport.Address(t)
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd := awase(t, dir, "serve", "--vault", "V", "--socket", s.socket, "--listen", at, "--dev")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	for _, args := range append(slices.Clone(mainJob),
		[]string{"report", "--vault", "V", "--spec", "names.yaml"}, []string{"report", "--vault", "V", "--spec", "tier.yaml"},
		[]string{"list", "load", "--vault", "V", "--entrustment", "acme-2026", "--name", "other", "--schema", "list.yaml", "stray.csv"},
		[]string{"ledger", "--vault", "V", "--group", "canary.1.zyx@example.jp"}) {
		line := strings.Split(strings.ReplaceAll(strings.Join(args, "\x00"), "--vault\x00V", "--enclave\x00"+s.socket), "\x00")
		c := awase(t, dir, line...)
		c.Stdout, c.Stderr = said, said
		_ = c.Run() // some are refused
	}
	ask := func(method, path, kind, auth, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+at+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Authorization", auth)
		for _, h := range []string{"Awase-Caller", "User-Agent", "Referer", "Cookie", "X-Forwarded-For"} {
			req.Header.Set(h, canaryEmail(1))
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if path == "/attestation?nonce=canary-1" { // it is the asker's own, and signed
			return
		}
		if _, err := io.Copy(said, resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	for _, auth := range []string{"Bearer awase_" + canaryEmail(1), "Bearer " + canaryEmail(1), ""} {
		ask("GET", "/attestation?nonce=canary-1", "", auth, "")
		ask("GET", "/attestation?nonce="+canaryEmail(1), "", auth, "")
		ask("GET", "/"+canaryEmail(1), "", auth, "")
		for _, method := range []string{"reports", "lists", "session", "setup", canaryEmail(1)} {
			for _, kind := range []string{"application/json", "application/octet-stream", canaryEmail(1)} {
				for _, body := range []string{canaryEmail(1), `{"` + canaryEmail(1) + `":1}`, `{"entrustment":"` + canaryEmail(1) + `","name":"` + canaryEmail(2) + `"}` + "\n" + canaryPhone(1)} {
					ask("POST", "/v1/"+method, kind, auth, body)
					ask("PUT", "/v1/parties/"+method, kind, auth, body)
				}
			}
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	allSought(t, fed)
	needles := canaryNeedles(t)
	look := func(where string, data []byte) {
		t.Helper()
		if needles.in(data) {
			t.Errorf("%s holds an identifier, or a hash of one", where)
		}
	}
	log, err := os.ReadFile(said.Name())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte(`"process":"front","request":"req-`)) || !bytes.Contains(log, []byte(`"msg":"refused","process":"enclave","act":"report","caller":"awase/`)) {
		t.Errorf("the service logged little: %s", log)
	}
	look("an answer or a log line", log)
	for _, path := range append(listFiles(t, dir), listFiles(t, filepath.Dir(s.socket))...) {
		if slices.Contains(fed, path) {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		look(filepath.Base(path), data)
	}
}
