package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unicode/utf8"

	"awase/enclave/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		if !utf8.Valid(got) {
			got = nil
		}
		t.Errorf("%s differs from its golden file; see it with -update and git diff\n%s", name, got)
	}
}

func samples() map[string]*wire.Release {
	return map[string]*wire.Release{
		"profile": profileSample(false), "index": profileSample(true), "overlap": overlapSample(),
		"wide": wideSample(), "bare": bareSample(), "behaviour": behaviourSample(), "prefecture": prefectureSample(),
		"reach": reachSample(), "attribution": attributionSample(), "delivery": deliverySample(), "lift": liftSample(), "unlifted": unliftedSample(),
	}
}

func TestGoldenFiles(t *testing.T) {
	for name, r := range samples() {
		for _, f := range []Format{CSVBOM, JSON} {
			t.Run(name+"."+string(f), func(t *testing.T) {
				form, _ := Lookup(f)
				golden(t, name+form.Ending, written(t, f, r))
			})
		}
	}
}

// TestGoldenColumns: bench/peers reads these Parquet files with DuckDB and holds
// them against the CSV.
func TestGoldenColumns(t *testing.T) {
	for _, name := range []string{"index", "behaviour", "lift"} {
		for _, f := range []Format{Parquet, Arrow} {
			golden(t, name+"."+string(f), written(t, f, samples()[name]))
		}
	}
}

func TestGoldenTerminal(t *testing.T) {
	for name, r := range samples() {
		for suffix, o := range map[string]TerminalOptions{
			"80": {}, "100": {Width: 100}, "en": {Width: 100, Lang: English}, "ja-colour": {Width: 90, Lang: Japanese, Color: true},
		} {
			t.Run(name+"-"+suffix, func(t *testing.T) {
				golden(t, name+"-"+suffix+".txt", shownAs(t, r, o))
			})
		}
	}
	for suffix, o := range map[string]TerminalOptions{"both": {}, "en": {Lang: English, Width: 70}, "ja": {Lang: Japanese, Color: true, Width: 130}} {
		for name, p := range prices() {
			t.Run("price-"+name+suffix, func(t *testing.T) {
				var b bytes.Buffer
				if err := Price(&b, p, o); err != nil {
					t.Fatal(err)
				}
				golden(t, "price-"+name+suffix+".txt", b.Bytes())
			})
		}
		t.Run("ledger-"+suffix, func(t *testing.T) {
			var b bytes.Buffer
			if err := Ledger(&b, ledgerSample(), o); err != nil {
				t.Fatal(err)
			}
			golden(t, "ledger-"+suffix+".txt", b.Bytes())
		})
	}
}

func TestSameReleaseSameBytes(t *testing.T) {
	for name, r := range samples() {
		for _, f := range Formats() {
			first := written(t, f.Format, r)
			for range 3 {
				if !bytes.Equal(first, written(t, f.Format, r)) {
					t.Errorf("%s as %s differs from one writing to the next", name, f.Format)
				}
			}
		}
	}
}

// TestGoroutines: releases are written at the same time, as a service does, each
// as if it were alone.
func TestGoroutines(t *testing.T) {
	alone := map[Format][]byte{}
	for _, f := range Formats() {
		alone[f.Format] = written(t, f.Format, profileSample(true))
	}
	var all sync.WaitGroup
	for range 4 {
		for _, f := range Formats() {
			all.Go(func() {
				var b bytes.Buffer
				if err := Write(&b, f.Format, profileSample(true)); err != nil || !bytes.Equal(b.Bytes(), alone[f.Format]) {
					t.Errorf("%s differs: %v", f.Format, err)
				}
			})
		}
	}
	all.Wait()
}

func TestJSONIsTheRelease(t *testing.T) {
	for name, r := range samples() {
		doc := written(t, JSON, r)
		var back wire.Release
		if err := json.Unmarshal(doc, &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := json.Marshal(&back)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, want) {
			t.Errorf("%s: reading the file back gives another release", name)
		}
		// The receipt's own bytes but for white space: a verifier may hash them.
		var raw struct {
			Receipt json.RawMessage `json:"receipt"`
		}
		if err := json.Unmarshal(doc, &raw); err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw.Receipt); err != nil {
			t.Fatal(err)
		}
		if r.Receipt != nil && compact.String() != string(r.Receipt) {
			t.Errorf("%s: the receipt is %s", name, compact.String())
		}
	}
}

func written(t testing.TB, f Format, r *wire.Release) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func shownAs(t testing.TB, r *wire.Release, o TerminalOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Terminal(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
