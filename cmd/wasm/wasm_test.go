// Package wasm_test runs the modules in Node, as a page would.
package wasm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/cmd/wasm/desk"
	"awase/crypto/seal"
	"awase/intake/formats"

	"github.com/xuri/excelize/v2"
)

// rows of the test's list: enough for several blocks and records.
const rows = 30_000

type answer struct {
	Check, Sealed struct {
		Report struct {
			Format                   string
			Rows, Accepted, Rejected int64
		}
		Problems    string
		Header      seal.Header
		Upload      string
		Fingerprint string
		Bytes       int64
	}
	Preview           desk.Preview
	Found             desk.Found
	Progress, Longest int64
	Startup, Seconds  float64
	Forms             []struct{ Profile, Text, Hash string }
	Faults            map[string]*struct{ Code, Sort, Message, Detail string }
}

func TestTextModule(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("\uFEFFメールアドレス,電話番号\r\n")
	for i := range rows {
		fmt.Fprintf(&b, "user%06d@example.jp,090-%04d-%04d\r\n", i, 1000+i/10000, i%10000)
	}
	b.WriteString("this is no address,\r\n")
	run(t, "text", "awaseText", "members.csv", b.Bytes(), "CSV")
}

func TestSheetModule(t *testing.T) {
	if testing.Short() {
		t.Skip("the module is 45 MB: left out of -short")
	}
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	set := func(row int, cells ...any) {
		if err := w.SetRow(fmt.Sprint("A", row), cells); err != nil {
			t.Fatal(err)
		}
	}
	set(1, "メールアドレス", "電話番号")
	for i := range rows {
		set(i+2, fmt.Sprintf("user%06d@example.jp", i), fmt.Sprintf("090-%04d-%04d", 1000+i/10000, i%10000))
	}
	set(rows+2, "this is no address", "")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	run(t, "sheet", "awaseSheet", "members.xlsx", b.Bytes(), "Excel")
}

func run(t *testing.T, module, global, name string, file []byte, format string) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("node is not installed; make deps installs it")
		}
		t.Skip("DID NOT RUN: node is not installed; make deps installs it")
	}
	// The test cache knows what the test links and the files it opens, not what
	// a go build of it reads: without these it would answer for an old module.
	_ = desk.Desk{Formats: formats.All()}
	for _, path := range []string{"desk/js.go", module + "/main.go", "testdata/run.mjs"} {
		if _, err := os.ReadFile(filepath.FromSlash(path)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	wasm := filepath.Join(dir, module+".wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", wasm, "./"+module)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	key, err := seal.DeriveKey(seal.XWing, [32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	upload := strings.Repeat("0a", 16)
	options, err := json.Marshal(map[string]any{
		"purpose": "list", "name": name, "today": "2026-11-23",
		"key": key.Public(), "entrustment": "spring-2026", "version": 2, "party": "acme", "list": "members", "upload": upload,
	})
	if err != nil {
		t.Fatal(err)
	}
	in, opts, sealed := filepath.Join(dir, name), filepath.Join(dir, "options.json"), filepath.Join(dir, "sealed")
	for path, data := range map[string][]byte{in: file, opts: options} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")
	cmd := exec.Command(node, filepath.Join("testdata", "run.mjs"), exe, wasm, global, in, opts, sealed)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%.2000s", err, errs.String())
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v: %.500s", err, out)
	}
	a.hold(t, key.Public(), format, upload)
	a.opens(t, key, sealed, upload)
	t.Logf("%s: started in %.0f ms; %d rows sealed in %.2f s", module, a.Startup, a.Sealed.Report.Accepted, a.Seconds)
}

// hold checks what the page was told.
func (a *answer) hold(t *testing.T, key seal.PublicKey, format, upload string) {
	t.Helper()
	for name, r := range map[string]struct {
		format                   string
		rows, accepted, rejected int64
		problems                 string
	}{
		"check": {a.Check.Report.Format, a.Check.Report.Rows, a.Check.Report.Accepted, a.Check.Report.Rejected, a.Check.Problems},
		"seal":  {a.Sealed.Report.Format, a.Sealed.Report.Rows, a.Sealed.Report.Accepted, a.Sealed.Report.Rejected, a.Sealed.Problems},
	} {
		if r.format != format || r.rows != rows+1 || r.accepted != rows || r.rejected != 1 || !strings.Contains(r.problems, fmt.Sprint(rows+2)) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if a.Sealed.Upload != upload || a.Sealed.Fingerprint != key.Fingerprint() {
		t.Errorf("sealed as %s to %s", a.Sealed.Upload, a.Sealed.Fingerprint)
	}
	if p := a.Preview; p.Format != format || p.Looked != 1000 || p.Rows < rows*8/10 || p.Rows > rows*12/10 || len(p.Columns) != 2 || p.Columns[0].Use != "email" || !slices.Contains(p.Columns[0].Samples, "u•••@e••.jp") {
		t.Errorf("preview: %+v", p)
	}
	if f := a.Found; f.Kind != "phone" || f.Total != 1 || len(f.Rows) != 1 || f.Rows[0].Row != 9 || f.Rows[0].Form != "raw" {
		t.Errorf("found: %+v", f)
	}
	if a.Progress != rows+1 {
		t.Errorf("progress ends at %d", a.Progress)
	}
	if a.Longest > 1<<18 {
		t.Errorf("reads of up to %d bytes", a.Longest)
	}
	if len(a.Forms) < 2 || a.Forms[0].Profile != "awase" || a.Forms[0].Text != "+819012345678" || len(a.Forms[0].Hash) != 64 {
		t.Errorf("forms: %v", a.Forms)
	}
	short := "E_PAGE"
	if format == "Excel" {
		short = "E_FILE" // a package cut short is what it looks like
	}
	for name, code := range map[string]string{
		"key": "E_SEAL", "options": "E_DOCUMENT", "source": "E_DOCUMENT", "short": short, "read": "E_PAGE", "preview": "E_PAGE", "write": "E_PAGE",
		"aborted": "E_ABORTED", "purpose": "E_DOCUMENT", "kind": "E_DOCUMENT",
	} {
		f := a.Faults[name]
		if f == nil || f.Code != code || (f.Sort != "") != (code == "E_FILE") || f.Detail == "" || strings.Contains(f.Message+f.Detail, "CANARY") {
			t.Errorf("%s: %+v, want %s", name, f, code)
		}
	}
}

// opens opens what the module sealed.
func (a *answer) opens(t *testing.T, key seal.PrivateKey, path, upload string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(file)) != a.Sealed.Bytes {
		t.Errorf("%d bytes written, %d told", len(file), a.Sealed.Bytes)
	}
	want := seal.Address{Entrustment: "spring-2026", Version: 2, Party: "acme", Name: "members", Upload: [16]byte(bytes.Repeat([]byte{10}, 16))}
	f, err := seal.Open(bytes.NewReader(file), key, want, &a.Sealed.Header, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, seen := 0, map[[32]byte]bool{}
	for batch, err := range f.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			for _, id := range batch[i].Identifiers {
				seen[id.Hash] = true
			}
		}
		n += len(batch)
	}
	if n != rows || len(seen) != 2*rows {
		t.Errorf("%d rows of %d distinct identifiers, want %d of %d", n, len(seen), rows, 2*rows)
	}
}
