package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "awase/"

// may is the law. A key is a folder and what is below it, the longest key
// wins; a folder without one fails. Values are folders of ours, and what is
// below them.
var may = map[string][]string{
	"entrustment":        {},
	"crypto":             {},
	"crypto/receipt":     {"entrustment"},
	"crypto/label":       {"crypto/seal"},
	"crypto/delivery":    {"crypto/seal", "crypto/label", "crypto/identifier"},
	"intake":             {"intake/table", "crypto/identifier", "crypto/seal", "entrustment"},
	"intake/table":       {"entrustment"},
	"intake/parquet":     {"intake/table", "entrustment"},
	"intake/sheet":       {"intake/table", "entrustment"},
	"intake/formats":     {"intake"},
	"matcher":            {"crypto/token", "entrustment"},
	"matcher/enginetest": {"matcher", "crypto/token", "entrustment"},
	"matcher/matchbench": {"matcher", "crypto/token", "internal/rss"},
	"aggregator":         {"matcher", "entrustment"},
	"enclave/wire":       {"crypto/seal", "crypto/approval", "entrustment"},
	"enclave/vault":      {"crypto", "enclave/sandbox"},
	"enclave/sandbox":    {},
	"enclave/relay":      {}, // it carries bytes and knows of nothing else
	"enclave":            {"aggregator", "matcher", "crypto", "enclave", "entrustment"},
	"render":             {"enclave/wire", "entrustment"},
	"courier":            {"crypto"}, // at the receiving party: it knows of no room but its deliveries
	"api":                {"api", "enclave/wire", "render", "crypto/receipt", "crypto/approval", "crypto/seal", "entrustment", "web"},
	"api/account":        {"entrustment"}, // hashes and codes: it keeps nothing and knows no person
	"api/store":          {"entrustment"},
	"api/hook":           {"entrustment"}, // webhooks: what dials where a party says knows nothing of the room
	"api/mail":           {},
	"web":                {}, // what is served to browsers, and nothing of the room
	"sql/control":        {"api/store", "entrustment"},
	"sql/clickhouse":     {"matcher", "crypto/token", "entrustment"},
	"cmd":                {"*"},
	"internal":           {"*"},
}

// only names libraries that one room alone may import, and why.
var only = map[string][]string{
	"github.com/gin-gonic/gin":                       {"api"},                                         // HTTP belongs to api
	"github.com/xuri/excelize/v2":                    {"render", "intake/sheet"},                      // spreadsheets are written by render, read by intake
	"github.com/apache/arrow/go/v17/parquet/pqarrow": {"internal/people"},                             // panics in goroutines of its own on damaged files: never near foreign bytes
	"github.com/apache/arrow/go/v17/parquet":         {"intake/parquet", "internal/people", "render"}, // the enclave has no parser for foreign bytes; render writes a table of ours and reads none
	"github.com/apache/arrow/go/v17/arrow/ipc":       {"render"},                                      // writes a table of ours; nobody reads one
	"codeberg.org/go-pdf/fpdf":                       {"render"},                                      // reports for print
	"github.com/google/differential-privacy/go/v3":   {"aggregator"},                                  // tests alone: an oracle, not our noise
	"github.com/riverqueue/river":                    {"sql/control"},                                 // the queue shares the control store's one writer
	"github.com/robfig/cron/v3":                      {"api"},                                         // times of schedules
	"golang.org/x/crypto/argon2":                     {"api/account"},                                 // passwords are hashed in one place
	"github.com/pquerna/otp":                         {"api/account"},
	"github.com/coreos/go-oidc/v3":                   {"api/people_oidc.go"},
	"golang.org/x/oauth2":                            {"api/people_oidc.go"},
	"net/http":                                       {"api", "cmd", "courier", "enclave/wire", "internal/apitest", "web"},                                                          // no other room below api speaks HTTP; courier calls platforms; web answers with files of its own, and asks nobody
	"net":                                            {"api", "cmd", "enclave/wire", "enclave/relay", "internal/apitest", "internal/chtest", "internal/freeport", "sql/clickhouse"}, // nor opens a connection: the wire's is a unix socket
	"github.com/ClickHouse/clickhouse-go/v2":         {"sql/clickhouse"},                                                                                                            // one engine speaks to ClickHouse
	"github.com/ClickHouse/ch-go":                    {"sql/clickhouse"},
	"github.com/landlock-lsm/go-landlock":            {"enclave/sandbox"}, // a process is confined in one place
	"github.com/elastic/go-seccomp-bpf":              {"enclave/sandbox"},
	"os/exec":                                        {"cmd", "internal"},  // no room starts a process
	"unsafe":                                         {"matcher/array.go"}, // a column as aligned pairs, in one file
	"math/rand":                                      {},                   // math/rand/v2, and only keyed or in tests

	"github.com/wneessen/go-mail": {"api/mail"}, // the one place that writes mail
}

// exactOnly are packages of only whose law does not hold for what is below.
var exactOnly = map[string]bool{"net": true, "net/http": true, "math/rand": true}

// engines make exact counts.
func engines(room string) bool { return under(room, "matcher") || room == "sql/clickhouse" }

// testsOnly are libraries that only tests import.
var testsOnly = []string{"github.com/google/differential-privacy/", "pgregory.net/rapid", "gonum.org/v1/gonum", "github.com/rogpeppe/go-internal", "github.com/standard-webhooks/"}

type file struct {
	path    string // from the module's root
	room    string // its folder
	test    bool
	imports []string
	syntax  *ast.File
}

func readFiles(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || hasGoMod(path)) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(rel), room: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
		for _, imp := range syntax.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d files were read: the walk is wrong", len(out))
	}
	return out
}

func hasGoMod(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// under tells whether folder is name or below it.
func under(folder, name string) bool {
	return name == "*" || folder == name || strings.HasPrefix(folder, name+"/")
}

func lawOf(room string) ([]string, bool) {
	best, found := "", false
	for key := range may {
		if under(room, key) && len(key) >= len(best) {
			best, found = key, true
		}
	}
	return may[best], found
}

// violations checks files against the law.
func violations(files []file) []string {
	var bad []string
	for _, f := range files {
		allowed, ok := lawOf(f.room)
		if !ok {
			bad = append(bad, f.path+": no law for its folder")
			continue
		}
		for _, imp := range f.imports {
			if ours, ok := strings.CutPrefix(imp, module); ok {
				if ours != f.room && !slices.ContainsFunc(allowed, func(a string) bool { return under(ours, a) }) && !testOf(f, ours) {
					bad = append(bad, fmt.Sprintf("%s: may not import %s", f.path, ours))
				}
				continue
			}
			if f.test {
				continue
			}
			if slices.ContainsFunc(testsOnly, func(p string) bool { return strings.HasPrefix(imp, p) }) && !strings.HasSuffix(f.room, "test") {
				bad = append(bad, fmt.Sprintf("%s: %s is for tests", f.path, imp))
			}
			if rooms, ok := onlyRooms(imp); ok && !slices.ContainsFunc(rooms, func(r string) bool { return under(f.path, r) }) {
				bad = append(bad, fmt.Sprintf("%s: may not import %s", f.path, imp))
			}
		}
		if f.room != "aggregator" && !engines(f.room) && !f.test && usesExact(f.syntax) {
			bad = append(bad, f.path+": exact counts are read by aggregator alone")
		}
	}
	return bad
}

// testOf: a test may use made-up people, the enclave its real feeder and a disk
// that fails, the service a room that runs.
func testOf(f file, ours string) bool {
	return f.test && (under(ours, "internal/chtest") || under(ours, "internal/freeport") || under(ours, "internal/testflag") || under(f.room, "enclave") && under(ours, "sql/clickhouse") || under(ours, "internal/people") || under(ours, "internal/fault") && under(f.room, "enclave") || under(f.room, "intake") && (under(ours, "intake") || under(ours, "crypto")) || ours == f.room+"test" || under(f.room, "api") && (under(ours, "internal/apitest") || under(ours, "enclave") || under(ours, "sql/control") || under(ours, "intake") || under(ours, "crypto")) || under(ours, f.room) || f.room == "enclave" && (under(ours, "intake") || under(ours, "crypto")))
}

func onlyRooms(imp string) ([]string, bool) {
	best := ""
	for lib := range only {
		if under(imp, lib) && len(lib) > len(best) {
			best = lib
		}
	}
	if best == "" || exactOnly[best] && imp != best {
		return nil, false
	}
	return only[best], true
}

// usesExact tells whether a file names matcher.Exact or asks an engine.
func usesExact(syntax *ast.File) bool {
	found := false
	isCall := map[*ast.SelectorExpr]bool{}
	ast.Inspect(syntax, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				isCall[sel] = true
			}
		}
		return true
	})
	ast.Inspect(syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "matcher" && (sel.Sel.Name == "Exact" || sel.Sel.Name == "Query") {
				found = true
			}
			if (sel.Sel.Name == "Cells" || sel.Sel.Name == "Members") && isCall[sel] {
				found = true
			}
		}
		return !found
	})
	return found
}

func TestLaw(t *testing.T) {
	for _, v := range violations(readFiles(t)) {
		t.Error(v)
	}
}

// TestLawBites: the law finds what it should.
func TestLawBites(t *testing.T) {
	syntax := func(src string) *ast.File {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", src, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	empty := syntax("package x")
	for _, f := range []file{
		{path: "entrustment/x.go", room: "entrustment", imports: []string{"awase/matcher"}, syntax: empty},
		{path: "render/x.go", room: "render", imports: []string{"awase/aggregator"}, syntax: empty},
		{path: "intake/x.go", room: "intake", imports: []string{"awase/crypto/token"}, syntax: empty},
		{path: "intake/x.go", room: "intake", imports: []string{"github.com/apache/arrow/go/v17/parquet/pqarrow"}, syntax: empty},
		{path: "enclave/x.go", room: "enclave", imports: []string{"github.com/apache/arrow/go/v17/parquet/file"}, syntax: empty},
		{path: "enclave/x.go", room: "enclave", imports: []string{"github.com/apache/arrow/go/v17/arrow/ipc"}, syntax: empty},
		{path: "render/x.go", room: "render", imports: []string{"github.com/apache/arrow/go/v17/parquet/pqarrow"}, syntax: empty},
		{path: "cmd/awase/x.go", room: "cmd/awase", imports: []string{"codeberg.org/go-pdf/fpdf"}, syntax: empty},
		{path: "enclave/x.go", room: "enclave", imports: []string{"net/http"}, syntax: empty},
		{path: "aggregator/x.go", room: "aggregator", imports: []string{"github.com/google/differential-privacy/go/v3/noise"}, syntax: empty},
		{path: "enclave/sandbox/x.go", room: "enclave/sandbox", imports: []string{"awase/entrustment"}, syntax: empty},
		{path: "aggregator/x.go", room: "aggregator", imports: []string{"awase/enclave/sandbox"}, syntax: empty},
		{path: "enclave/vault/x.go", room: "enclave/vault", imports: []string{"awase/entrustment"}, syntax: empty},
		{path: "enclave/x.go", room: "enclave", imports: []string{"github.com/elastic/go-seccomp-bpf"}, syntax: empty},
		{path: "api/x.go", room: "api", imports: []string{"github.com/wneessen/go-mail"}, syntax: empty},
		{path: "api/hook/x.go", room: "api/hook", imports: []string{"github.com/standard-webhooks/standard-webhooks/libraries/go"}, syntax: empty},
		{path: "api/hook/x.go", room: "api/hook", imports: []string{"awase/api/store"}, syntax: empty},
		{path: "courier/x.go", room: "courier", imports: []string{"awase/enclave/wire"}, syntax: empty},
		{path: "crypto/delivery/x.go", room: "crypto/delivery", imports: []string{"awase/crypto/token"}, syntax: empty},
		{path: "new/x.go", room: "new", syntax: empty},
		{path: "enclave/x.go", room: "enclave", syntax: syntax("package x\nvar y matcher.Exact")},
		{path: "enclave/x.go", room: "enclave", syntax: syntax("package x\nfunc f() { engine.Cells(ctx, q) }")},
		{path: "enclave/x.go", room: "enclave", syntax: syntax("package x\nfunc f() { engine.Members(ctx, q) }")},
	} {
		if len(violations([]file{f})) == 0 {
			t.Errorf("%s importing %v passed", f.path, f.imports)
		}
	}
}
