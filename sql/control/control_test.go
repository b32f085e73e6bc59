package control

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/api/store"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Every statement that the code names is there, prepares, has a head comment, and
// is used.
func TestStatements(t *testing.T) {
	s := open(t)
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		syntax, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if name, err := strconv.Unquote(lit.Value); err == nil {
					used[name] = true
				}
			}
			return true
		})
	}
	if len(s.stmts) == 0 {
		t.Fatal("no statements: the files moved")
	}
	for name, text := range s.stmts {
		if !used[name] {
			t.Errorf("%s.sql is used nowhere", name)
		}
		if !strings.HasPrefix(text, "-- ") {
			t.Errorf("%s.sql has no head comment", name)
		}
		stmt, err := s.write.PrepareContext(t.Context(), text)
		if err != nil {
			t.Errorf("%s.sql: %v", name, err)
			continue
		}
		if err := stmt.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A store of a newer program is refused, and one of this program opens again.
func TestSchemaRange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	for range 2 {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrNewer) {
		t.Fatalf("got %v, want ErrNewer", err)
	}
}

// Readers can't write.
func TestReadersOnlyRead(t *testing.T) {
	s := open(t)
	if _, err := s.execIn(t.Context(), s.read, "call_expire", 0); err == nil {
		t.Fatal("a reader wrote")
	}
}

// A key is taken once, by one asker; its answer is kept, and dropped calls can be
// sent again.
func TestCalls(t *testing.T) {
	s := open(t)
	now := time.Now().Truncate(time.Millisecond)
	c := store.Call{Person: "p1", Key: "k", Request: []byte{1}, At: now}
	begin := func(c store.Call) (bool, store.Call) {
		t.Helper()
		taken, was, err := s.BeginCall(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return taken, was
	}
	if taken, _ := begin(c); !taken {
		t.Fatal("a new key was not taken")
	}
	if taken, was := begin(c); taken || was.Status != 0 || !was.At.Equal(now) {
		t.Fatalf("taken %v, %+v; want the call under way", taken, was)
	}
	if taken, _ := begin(store.Call{Person: "p2", Key: "k", Request: []byte{1}, At: now}); !taken {
		t.Fatal("another asker's key was taken by the first")
	}
	if err := s.DropCall(t.Context(), "p1", "k"); err != nil {
		t.Fatal(err)
	}
	if taken, _ := begin(c); !taken {
		t.Fatal("a dropped key was not free")
	}
	c.Status, c.Header, c.Body = 201, "{}", []byte("done")
	if err := s.EndCall(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := s.DropCall(t.Context(), "p1", "k"); err != nil {
		t.Fatal(err)
	}
	if taken, was := begin(c); taken || was.Status != 201 || string(was.Body) != "done" {
		t.Fatalf("taken %v, %+v; want the answer", taken, was)
	}
	if err := s.ExpireCalls(t.Context(), now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if taken, _ := begin(c); !taken {
		t.Fatal("an expired key was not free")
	}
}

// At a start the keys of what was not answered are free, those of answers stay.
func TestFreeCalls(t *testing.T) {
	s := open(t)
	start := time.Now().Truncate(time.Millisecond)
	answered := store.Call{Person: "p", Key: "answered", Request: []byte{1}, At: start.Add(-time.Minute)}
	broken, now := answered, answered
	broken.Key, now.Key, now.At = "broken", "now", start
	for _, c := range []store.Call{answered, broken, now} {
		if taken, _, err := s.BeginCall(t.Context(), c); err != nil || !taken {
			t.Fatal(taken, err)
		}
	}
	answered.Status, answered.Header = 200, "{}"
	if err := s.EndCall(t.Context(), answered); err != nil {
		t.Fatal(err)
	}
	if err := s.FreeCalls(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		store.Call
		free bool
	}{{answered, false}, {broken, true}, {now, false}} {
		if taken, _, err := s.BeginCall(t.Context(), c.Call); err != nil || taken != c.free {
			t.Errorf("%s: free %v, want %v (%v)", c.Key, taken, c.free, err)
		}
	}
}
