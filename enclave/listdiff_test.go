package enclave

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

// changesToldOf gives what the room says of the versions of a list, newest first.
func changesToldOf(t *testing.T, e *Enclave, name string) (out []wants) {
	t.Helper()
	lists, err := e.Lists(t.Context(), "e")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		if l.Name != name {
			continue
		}
		for _, v := range l.Versions {
			out = append(out, changesOf(v.Added, v.Removed))
		}
	}
	return out
}

// TestReplacedWithOtherColumns: a row is what it holds, so beside a list with other
// columns, or other values of them, every row is another.
func TestReplacedWithOtherColumns(t *testing.T) {
	t.Parallel()
	e := openRoom(t)
	entrustVersions(t, e)
	load := func(columns []seal.Column, codes ...uint8) wants {
		t.Helper()
		h := seal.Header{Purpose: seal.List, Identifiers: versionIDs, Columns: columns}
		got, err := e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: "l"}, h, func(yield func([]seal.Row, error) bool) {
			var rows []seal.Row
			for i := range 5 + len(codes) {
				rows = append(rows, seal.Row{Identifiers: []seal.Identifier{{Hash: [32]byte{byte(i)}}}, Codes: codes})
			}
			yield(rows, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		return changesOf(got.Added, got.Removed)
	}
	more := []seal.Column{{Name: "tier", Domain: []string{"gold", "silver", "bronze", "unknown"}}}
	got := []wants{load(nil), load(tierColumn, 1), load(tierColumn, 1), load(tierColumn, 0), load(more, 0), load(nil)}
	want := []wants{{5, 0}, {6, 5}, {0, 0}, {6, 6}, {6, 6}, {5, 6}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestReplacedUnread: a file that takes the place of a list mends a vault in which the
// rows of before are lost, so it is loaded; and how they differ is said by no number,
// after a restart neither. Nor is it of versions of before the room counted.
func TestReplacedUnread(t *testing.T) {
	t.Parallel()
	var old listRecord
	if err := json.Unmarshal([]byte(`{"entrustment":"e","name":"l","version":2,"rows":10}`), &old); err != nil || old.diff(seal.Replace, &listRecord{Rows: 9}) != nil {
		t.Errorf("a record without the numbers: %+v, %v", old.diff(seal.Replace, &listRecord{Rows: 9}), err)
	}
	for name, spoil := range map[string]func(*testing.T, *Enclave, *listRecord){
		"no file": func(t *testing.T, e *Enclave, l *listRecord) {
			if err := os.Remove(filepath.Join(e.vault.Dir(), "segments", l.RowSegment.ID+".seg")); err != nil {
				t.Fatal(err)
			}
		},
		"a byte": func(t *testing.T, e *Enclave, l *listRecord) {
			path := filepath.Join(e.vault.Dir(), "segments", l.RowSegment.ID+".seg")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another list's": func(t *testing.T, e *Enclave, l *listRecord) {
			loadListFile(t, e, "m", crowdRows(0, 1400))
			l.RowSegment = e.state.lists[listKey{"e", "m"}].RowSegment
		},
		"no rows": func(_ *testing.T, _ *Enclave, l *listRecord) { l.RowSegment = l.Segment },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := openCrowd(t)
			spoil(t, e, e.state.lists[listKey{"e", "l"}])
			got := loadCrowd(t, e, "l", seal.Replace, crowdRows(100, 1600))
			if got.Added != nil || got.Removed != nil || got.Rows != 1500 || !got.Changed {
				t.Errorf("%+v", got)
			}
			loadCrowd(t, e, "l", seal.Replace, crowdRows(200, 1650))
			want := []wants{{50, 100}, {-1, -1}, {1500, 0}}
			if told := changesToldOf(t, e, "l"); !slices.Equal(told, want) {
				t.Errorf("%v, want %v", told, want)
			}
			if told := changesToldOf(t, restarted(t, e), "l"); !slices.Equal(told, want) {
				t.Errorf("after a restart %v, want %v", told, want)
			}
		})
	}
}

// TestReplaceStops: who takes a load back while versions are compared stops it, and it
// is no reason to load the file without the numbers.
func TestReplaceStops(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	ctx, stop := context.WithCancel(t.Context())
	l := e.state.lists[listKey{"e", "l"}]
	d, err := e.compare(ctx, seal.Replace, l.Columns, l)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	stop()
	if got, err := d.end(ctx, e, nil); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestCountsTellNoMoreThanAnAdd: that a replacement says how many of its rows are new
// tells its party no more of the list that stood than an add says without losing it, and
// other parties nothing, in the list of lists as in the record log.
func TestCountsTellNoMoreThanAnAdd(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} { // whether the one who is asked about is on the list
		e := openCrowd(t)
		who := crowdRows(1499, 1500)
		if !on {
			who = crowdRows(1500, 1501)
		}
		add := loadCrowd(t, e, "l", seal.Add, who)
		loadCrowd(t, e, "l", seal.Replace, crowdRows(0, 1500))
		place := loadCrowd(t, e, "l", seal.Replace, who)
		if place.Added == nil || *place.Added != *add.Added {
			t.Errorf("on the list %v: an add says %d, a replacement %v", on, *add.Added, place.Added)
		}
		for _, party := range []string{"acme", "operator"} {
			page, err := e.Log(t.Context(), wire.LogRequest{Party: party})
			if err != nil || !slices.ContainsFunc(page.Entries, func(entry wire.LogEntry) bool { return entry.Kind == kindList && len(entry.Detail) > 0 }) {
				t.Fatalf("%s reads of no list, %v", party, err)
			}
			for _, entry := range page.Entries {
				if entry.Kind == kindList && (bytes.Contains(entry.Detail, []byte(`"diff"`)) || bytes.Contains(entry.Detail, []byte(`"added"`)) ||
					party == "operator" && bytes.Contains(entry.Detail, []byte(`"rows"`))) {
					t.Errorf("the record log tells %s: %s", party, entry.Detail)
				}
			}
		}
	}
}
