package clickhouse

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/internal/chtest"
	"awase/matcher"
	"awase/matcher/enginetest"
)

// asAccount are the options by which Awase's account uses a server.
func asAccount(s *chtest.Server) Options {
	return Options{Shards: []string{s.Addr}, Database: "awase", Username: "awase", Password: accountPassword}
}

// useAll does all that the engine does, once.
func useAll(t *testing.T, o Options, base *matcher.Base) error {
	t.Helper()
	list, ctx := makeList(t, 1000), t.Context()
	e, err := Open(ctx, o)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer e.Close()
	e.patience = time.Second
	build, pop, log := matcher.BuildID{1}, matcher.PopulationID{2}, matcher.EventsID{3}
	until := time.Now().Add(time.Hour)
	user := person(3).User
	events := func(yield func(matcher.EventRow, error) bool) { yield(matcher.EventRow{User: &user, Day: 7}, nil) }
	types := matcher.Log{Types: []matcher.EventType{{Kind: "view"}}}
	for _, do := range []func() error{
		func() error {
			return e.PutBase(ctx, build, columns, func() (*matcher.Base, error) { return base, nil })
		},
		func() error {
			return e.PutPopulation(ctx, pop, build, func() (*matcher.Standings, error) { return base.Standings(), nil }, []token.Token{user})
		},
		func() error {
			return e.PutList(ctx, list.ID(), columns, func() (*matcher.List, error) { return list, nil }, until)
		},
		func() error { return e.PutEvents(ctx, build, log, types, events, until) },
		func() error {
			_, err := e.Cells(ctx, matcher.Query{Population: pop, List: list.ID(), Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"a"}},
				Dims: []matcher.Dim{{Source: matcher.BaseColumn, Name: columns[0].Name, Size: len(columns[0].Domain)}}})
			return err
		},
		func() error { return e.Keep(ctx, matcher.Holding{}) },
		func() error {
			held, err := e.Holds(ctx)
			if len(held.Builds)+len(held.Lists)+len(held.Logs)+len(held.Populations) > 0 {
				return errors.New("not all is dropped")
			}
			return err
		},
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// TestAccountUses: the account may all that the engine does; without any one of its
// grants the engine does not do all.
func TestAccountUses(t *testing.T) {
	base := makeBase(t, blockRows+1) // two blocks, so that they are merged
	s, admin := setUp(t, nil)
	if err := useAll(t, asAccount(s), base); err != nil {
		t.Fatal(err)
	}
	var left uint64
	if err := admin.QueryRow(t.Context(), "SELECT count() FROM system.tables WHERE database = 'awase'").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d tables are left: %v", left, err)
	}
	text, err := os.ReadFile(filepath.Join(setupFiles, "users.d/awase.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var grants []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "<query>") {
			grants = append(grants, strings.TrimSpace(line))
		}
	}
	if len(grants) < 5 {
		t.Fatalf("only %d grants were found", len(grants))
	}
	for _, grant := range grants {
		t.Run(grant, func(t *testing.T) {
			s, _ := setUp(t, func(_, text string) string { return strings.Replace(text, grant, "", 1) })
			if err := useAll(t, asAccount(s), base); err == nil {
				t.Error("the engine does all without it")
			}
		})
	}
}

// TestQueriesAreNotLogged: nothing of what the engine asks is written down; where
// nothing stops it, it is.
func TestQueriesAreNotLogged(t *testing.T) {
	base := makeBase(t, 1000)
	logged := func(t *testing.T, edit func(name, text string) string) bool {
		s, admin := setUp(t, edit)
		if err := useAll(t, asAccount(s), base); err != nil {
			t.Fatal(err)
		}
		if err := connectAs(t, s, "awase", accountPassword).Exec(t.Context(), "SELECT 1 SETTINGS max_threads = 1 /* a statement of the account */"); err != nil {
			t.Fatal(err)
		}
		mustExec(t, admin, "SYSTEM FLUSH LOGS") // what is to be written down is written down now
		var there, n uint64
		if err := admin.QueryRow(t.Context(), "SELECT count() FROM system.tables WHERE database = 'system' AND name = 'query_log'").Scan(&there); err != nil {
			t.Fatal(err)
		}
		if there > 0 {
			if err := admin.QueryRow(t.Context(), "SELECT count() FROM system.query_log WHERE user = 'awase'").Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		return n > 0
	}
	noTable := func(text string) string { return strings.Replace(text, `<query_log remove="1"/>`, "", 1) }
	for _, c := range []struct {
		what string
		seen bool
		edit func(name, text string) string
	}{
		{"as it is installed", false, nil},
		{"the account's profile alone", false, func(_, text string) string { return noTable(text) }},
		{"with neither", true, func(_, text string) string {
			text = strings.Replace(noTable(text), "<log_queries>0</log_queries>", "<log_queries>1</log_queries>", 1)
			return strings.Replace(text, "<log_queries><const/></log_queries>", "", 1)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := logged(t, c.edit); got != c.seen {
				t.Errorf("what the account asked is in the query log: %v", got)
			}
		})
	}
}

// TestAccountConforms: what the suite of the engines asks, the account may, all of it
// on one server that is set up as an operator's.
func TestAccountConforms(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	before := checks.String()
	if err := checks.Set("2"); err != nil { // TestConformance asks them all
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Set(before) }) // it was of this form
	s, _ := setUp(t, nil)
	enginetest.Run(t, func(t *testing.T) enginetest.Loader {
		e := open(t, asAccount(s))
		if err := e.Keep(t.Context(), matcher.Holding{}); err != nil { // names are counted from 1 again
			t.Fatal(err)
		}
		return newRemote(e)
	})
}
