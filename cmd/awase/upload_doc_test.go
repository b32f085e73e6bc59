package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// The commands of docs/uploads.md do what the page says, as they are written.
func TestUploadsPage(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no curl")
	}
	page, err := os.ReadFile(filepath.Join(repository, "docs", "uploads.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := func(lang string) string {
		_, text, ok := strings.Cut(string(page), "```"+lang+"\n")
		if !ok {
			t.Fatalf("the page has no %s", lang)
		}
		text, _, _ = strings.Cut(text, "\n```")
		return text + "\n"
	}
	u := newUploader(t)
	u.write("list.csv", emails(0, 400))
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", block("sh"))
	cmd.Dir = u.dir
	token := u.Token(apitest.Person(apitest.Acme, api.AdOps))
	cmd.Env = append(os.Environ(), "ROOM="+u.URL, "TOKEN="+token, "AWASE_TOKEN="+token)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	has(t, string(out), `"state":"complete"`, `"kind":"list"`)
	for end := time.Now().Add(time.Minute); u.jobs("list")["done"] != 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("jobs: %v", u.jobs("list"))
		}
	}
	var lists struct {
		Items []struct {
			Name     string
			Versions []struct{ Rows int }
		}
	}
	u.As(apitest.Person(apitest.Acme, api.AdOps)).Do(http.MethodGet, "/v1/entrustments/spring/lists", nil).Want(http.StatusOK).JSON(&lists)
	found := false
	for _, l := range lists.Items {
		found = found || l.Name == "vips" && l.Versions[0].Rows == 400
	}
	if !found {
		t.Errorf("%+v", lists)
	}
	// Its watch.yaml is one.
	u.write("watch.yaml", block("yaml"))
	u.write("list.yaml", "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email}\n")
	u.write("events.yaml", smallDocs["events.yaml"])
	u.write("vips-2.csv", emails(0, 5000)) // as many as its min_rows wants
	has(t, u.run(0, "--watch", ".", "--every", "10ms", "--once", "--enclave-key", u.key), "vips-2.csv: done")
}
