package hook

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The lines of docs/webhooks.md that verify a message, run as they stand: each takes
// what is sent, with two secrets too, and none takes it changed.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## To verify")
	part := func(language string) string {
		t.Helper()
		_, code, ok := strings.Cut(text, "```"+language+"\n")
		code, _, ok2 := strings.Cut(code, "```")
		if !ok || !ok2 {
			t.Fatalf("there are no lines of %s", language)
		}
		return code
	}
	dir := t.TempDir()
	secret, other := NewSecret(), NewSecret()
	body := `{"type":"report.ready","data":{"subject":"rpt-1"}}`
	at := time.Now()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(env []string, name string, args ...string) string {
		t.Helper()
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	t.Run("sh", func(t *testing.T) {
		write("body.json", body)
		env := []string{"SECRET=" + Secret(secret), "ID=evt-1", "TIMESTAMP=" + stamp(at)}
		if got := "v1," + run(env, "sh", "-euc", part("sh")); got != signatures([][]byte{secret}, "evt-1", at, []byte(body)) {
			t.Error(got)
		}
	})
	rows := []struct {
		name      string
		signature string
		at        time.Time
		want      bool
	}{
		{"good", signatures([][]byte{secret}, "evt-1", at, []byte(body)), at, true},
		{"two", signatures([][]byte{other, secret}, "evt-1", at, []byte(body)), at, true},
		{"another's", signatures([][]byte{other}, "evt-1", at, []byte(body)), at, false},
		{"another body", signatures([][]byte{secret}, "evt-1", at, []byte(body+" ")), at, false},
		{"another id", signatures([][]byte{secret}, "evt-2", at, []byte(body)), at, false},
		{"old", signatures([][]byte{secret}, "evt-1", at.Add(-time.Hour), []byte(body)), at.Add(-time.Hour), false},
	}
	var want []string
	for _, r := range rows {
		want = append(want, fmt.Sprint(r.want))
	}
	t.Run("python", func(t *testing.T) {
		code := part("python")
		for _, r := range rows {
			code += fmt.Sprintf("print(str(verify(%q, {'webhook-id': 'evt-1', 'webhook-timestamp': %q, 'webhook-signature': %q}, %q.encode())).lower())\n", Secret(secret), stamp(r.at), r.signature, body)
		}
		write("verify.py", code)
		if got := strings.Fields(run(nil, "python3", "verify.py")); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
	t.Run("go", func(t *testing.T) {
		code := "package main\n\nimport (\n"
		for _, p := range []string{"crypto/hmac", "crypto/sha256", "encoding/base64", "fmt", "net/http", "slices", "strconv", "strings", "time"} {
			code += fmt.Sprintf("\t%q\n", p)
		}
		code += ")\n\n" + part("go") + "\nfunc main() {\n"
		for _, r := range rows {
			code += fmt.Sprintf("\tfmt.Println(verify(%q, http.Header{\"Webhook-Id\": {\"evt-1\"}, \"Webhook-Timestamp\": {%q}, \"Webhook-Signature\": {%q}}, []byte(%q)))\n", Secret(secret), stamp(r.at), r.signature, body)
		}
		write("verify.go", code+"}\n")
		if got := strings.Fields(run(nil, "go", "run", "verify.go")); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
