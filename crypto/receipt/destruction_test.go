package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func endEntry(id string, generation int) string {
	return fmt.Sprintf(`{"seq":5,"time":"2026-04-01T00:00:00.5Z","kind":"end","salt":"c2FsdA==","body":{"entrustment":%q,"version":2,"generation":%d,"segments":["a","b"],"backups":"2026-05-01"}}`, id, generation)
}

func rotationEntry(generation int) string {
	return fmt.Sprintf(`{"seq":7,"time":"2026-04-01T00:00:01Z","kind":"rotation","salt":"c2FsdA==","body":{"generation":%d}}`, generation)
}

// destruction is what a vault says whose log ends an entrustment in entry 5 and
// replaces its key in entry 7.
func destruction(s *Signer, end, rotation string) Destruction {
	log := newTree("0", "1", "2", "3", "4", end, "6", rotation)
	proof := log.proof(s, 7)
	return Destruction{Dev: true, Entrustment: "acme-2026", Version: 2, Status: KeyDestroyed, EndedAt: "2026-04-01T00:00:00Z", Segments: 2, Backups: "2026-05-01",
		End: log.proof(s, 5), Rotation: &proof}
}

// ofEngine is the end of an entrustment that an engine outside counted for.
func ofEngine() string {
	return strings.Replace(endEntry("acme-2026", 1), `"backups"`, `"engine":"clickhouse","backups"`, 1)
}

func droppedEntry(engine string, ends ...string) string {
	return fmt.Sprintf(`{"seq":8,"time":"2026-04-01T00:00:02Z","kind":"dropped","salt":"c2FsdA==","body":{"engine":%q,"ends":%s}}`, engine, must(json.Marshal(ends)))
}

// droppedBy is what a vault says whose engine's tables were dropped in entry 8.
func droppedBy(s *Signer, entry string) Destruction {
	log := newTree("0", "1", "2", "3", "4", ofEngine(), "6", rotationEntry(2), entry)
	d := destruction(s, ofEngine(), rotationEntry(2))
	rotation, dropped := log.proof(s, 7), log.proof(s, 8)
	d.Status, d.Engine, d.End, d.Rotation, d.Dropped = Dropped, "clickhouse", log.proof(s, 5), &rotation, &dropped
	return d
}

func lostEntry(lost bool) string {
	return fmt.Sprintf(`{"seq":8,"time":"2026-04-01T00:00:02Z","kind":"engine","salt":"c2FsdA==","body":{"engine":"embedded","lost":%v}}`, lost)
}

// lostBy is what a vault says whose engine's servers were declared lost in entry 8.
func lostBy(s *Signer, entry string) Destruction {
	d := droppedBy(s, entry)
	d.Status, d.Dropped, d.Lost = ClusterLost, nil, d.Dropped
	return d
}

func pendingOf(d Destruction) Destruction {
	d.Status, d.Rotation = RotationPending, nil
	return d
}

// TestDestruction: a certificate verifies, laid out or on one line, and with no
// bit changed.
func TestDestruction(t *testing.T) {
	s := newSigner(1)
	whole := destruction(s, endEntry("acme-2026", 1), rotationEntry(2))
	engine := droppedBy(s, droppedEntry("clickhouse", "acme-2026"))
	waits := engine
	waits.Status, waits.Dropped = DropPending, nil
	for _, d := range []Destruction{whole, pendingOf(whole), engine, waits, pendingOf(engine), lostBy(s, lostEntry(true))} {
		file := must(s.SignDestruction(d))
		c, err := VerifyDestruction(file, s.Public())
		if err != nil {
			t.Fatal(err)
		}
		if c.Status != d.Status || c.Entrustment != "acme-2026" || !IsCertificate(file) {
			t.Errorf("%+v", c.Destruction)
		}
		var laid bytes.Buffer
		if err := json.Indent(&laid, file, "", "  "); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyDestruction(laid.Bytes(), nil); err != nil {
			t.Errorf("laid out: %v", err)
		}
		for i := range file {
			for bit := range 8 {
				bad := bytes.Clone(file)
				bad[i] ^= 1 << bit
				if _, err := VerifyDestruction(bad, s.Public()); err == nil {
					t.Errorf("with bit %d of byte %d changed it verifies", bit, i)
				}
			}
		}
	}
	if IsCertificate(file(withoutReceipt, signed(s, withoutReceipt))) {
		t.Error("a report is taken for a certificate")
	}
}

// TestDestructionControls makes the forgeries that each check is there against:
// with all checks none verifies, without its own it does.
func TestDestructionControls(t *testing.T) {
	s, other := newSigner(1), newSigner(2)
	good := destruction(s, endEntry("acme-2026", 1), rotationEntry(2))
	forge := func(change func(*Destruction)) []byte {
		d := good
		change(&d)
		return must(s.SignDestruction(d))
	}
	unsigned := func(change func(*Destruction)) []byte {
		d := pendingOf(good)
		d.Schema, d.Key = DestructionSchema, s.Public()
		change(&d)
		return must(json.Marshal(Certificate{d, make([]byte, ed25519.SignatureSize)}))
	}
	forgeries := []struct {
		what   string
		file   []byte
		checks []string
	}{
		{"a certificate that anybody made up", must(other.SignDestruction(destruction(other, endEntry("acme-2026", 1), rotationEntry(2)))), []string{"key"}},
		{"a dev vault's passed off as one that officers watch", unsigned(func(d *Destruction) { d.Dev = false }), []string{"signature"}},
		{"an end in a log that the vault never signed", forge(func(d *Destruction) {
			d.End = newTree("0", "1", "2", "3", "4", endEntry("acme-2026", 1), "6").proof(other, 5)
		}), []string{"end"}},
		{"an end beside the log", forge(func(d *Destruction) { d.End.Entry = strings.Replace(d.End.Entry, "c2FsdA", "c2FsdB", 1) }), []string{"end"}},
		{"the end of another entrustment", forge(func(d *Destruction) {
			*d = pendingOf(destruction(s, endEntry("acme-2025", 1), rotationEntry(2)))
		}), []string{"end's entry"}},
		{"backups that expire sooner", forge(func(d *Destruction) { d.Backups = "2026-04-02" }), []string{"end's entry"}},
		{"another time", forge(func(d *Destruction) { d.EndedAt = "2026-03-01T00:00:00Z" }), []string{"end's entry"}},
		{"key-destroyed without a rotation", forge(func(d *Destruction) { d.Rotation = nil }), []string{"status"}},
		{"a rotation beside the log", forge(func(d *Destruction) {
			p := *d.Rotation
			p.Entry = rotationEntry(3)
			d.Rotation = &p
		}), []string{"rotation"}},
		{"a rotation to the key of before", forge(func(d *Destruction) {
			*d = destruction(s, endEntry("acme-2026", 2), rotationEntry(2))
		}), []string{"rotation's entry"}},
		{"a rotation before the end", forge(func(d *Destruction) {
			log := newTree("0", "1", "2", rotationEntry(9), "4", endEntry("acme-2026", 1))
			p := log.proof(s, 3)
			d.End, d.Rotation = log.proof(s, 5), &p
		}), []string{"rotation's entry"}},
	}
	drops := func(change func(*Destruction)) []byte {
		d := droppedBy(s, droppedEntry("clickhouse", "acme-2025", "acme-2026"))
		change(&d)
		return must(s.SignDestruction(d))
	}
	for what, of := range map[string]struct {
		file  []byte
		check string
	}{
		"dropped without an entry":          {drops(func(d *Destruction) { d.Dropped = nil }), "status"},
		"key-destroyed where an engine was": {drops(func(d *Destruction) { d.Status = KeyDestroyed }), "status"},
		"no engine where there was one":     {drops(func(d *Destruction) { d.Engine, d.Dropped, d.Status = "", nil, KeyDestroyed }), "end's entry"},
		"tables dropped of another":         {drops(func(d *Destruction) { *d = droppedBy(s, droppedEntry("clickhouse", "acme-2025")) }), "dropped's entry"},
		"tables dropped by another engine":  {drops(func(d *Destruction) { *d = droppedBy(s, droppedEntry("another", "acme-2026")) }), "dropped's entry"},
		"an entry of another kind": {drops(func(d *Destruction) {
			*d = droppedBy(s, strings.Replace(droppedEntry("clickhouse", "acme-2026"), `"dropped"`, `"refusal"`, 1))
		}), "dropped's entry"},
		"tables dropped beside the log": {drops(func(d *Destruction) {
			p := *d.Dropped
			p.Entry = strings.Replace(p.Entry, "c2FsdA", "c2FsdB", 1)
			d.Dropped = &p
		}), "dropped"},
		"servers lost that nobody declared lost": {drops(func(d *Destruction) { *d = lostBy(s, lostEntry(false)) }), "lost's entry"},
		"servers lost beside the log": {drops(func(d *Destruction) {
			*d = lostBy(s, lostEntry(true))
			p := *d.Lost
			p.Entry = strings.Replace(p.Entry, "c2FsdA", "c2FsdB", 1)
			d.Lost = &p
		}), "lost"},
		"dropped of servers that were lost": {drops(func(d *Destruction) { *d = lostBy(s, lostEntry(true)); d.Status = Dropped }), "status"},
		"tables dropped before the end": {drops(func(d *Destruction) {
			log := newTree("0", "1", "2", droppedEntry("clickhouse", "acme-2026"), "4", ofEngine(), "6", rotationEntry(2))
			rotation, dropped := log.proof(s, 7), log.proof(s, 3)
			d.End, d.Rotation, d.Dropped = log.proof(s, 5), &rotation, &dropped
		}), "dropped's entry"},
	} {
		forgeries = append(forgeries, struct {
			what   string
			file   []byte
			checks []string
		}{what, of.file, []string{of.check}})
	}
	hit := map[string]bool{}
	for _, f := range forgeries {
		if _, err := VerifyDestruction(f.file, s.Public()); err == nil {
			t.Errorf("%s verifies", f.what)
		}
		left := slices.DeleteFunc(slices.Clone(destructionChecks), func(c destructionCheck) bool { return slices.Contains(f.checks, c.name) })
		if _, err := verifyDestruction(f.file, s.Public(), left); err != nil {
			t.Errorf("%s is noticed without the check of %v: %v", f.what, f.checks, err)
		}
		for _, name := range f.checks {
			hit[name] = true
		}
	}
	for _, c := range destructionChecks {
		if !hit[c.name] {
			t.Errorf("no forgery needs the check %q", c.name)
		}
	}
}

// FuzzVerifyDestruction: nothing but a certificate verifies, and no file panics.
func FuzzVerifyDestruction(f *testing.F) {
	s := newSigner(1)
	good := must(s.SignDestruction(destruction(s, endEntry("acme-2026", 1), rotationEntry(2))))
	f.Add(good)
	f.Add([]byte(`{"schema":"awase.destruction/v1","key":null}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := VerifyDestruction(file, s.Public()); err != nil {
			return
		}
		var flat bytes.Buffer
		if err := json.Compact(&flat, file); err != nil || !bytes.Equal(flat.Bytes(), good) {
			t.Error("another file verifies")
		}
	})
}
