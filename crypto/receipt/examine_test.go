package receipt

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// outcomes gives the checks of an examination that came to an outcome.
func (e *Examination) outcomes(of Outcome) (names []string) {
	for _, f := range e.Findings {
		if f.Outcome == of {
			names = append(names, f.Check)
		}
	}
	return names
}

// TestExamine: each check is told, of a forgery those alone fail that it is one by,
// and without them it passes for genuine.
func TestExamine(t *testing.T) {
	s, forger := newSigner(1), newSigner(2)
	report := file(withoutReceipt, signed(s, withoutReceipt))
	all := []string{"form", "key", "signature", "table", "checkpoint", "inclusion", "entry", "layout"}
	e := Examine(report, s.Public())
	if !e.Verified || !slices.Equal(e.outcomes(Holds), all) {
		t.Errorf("genuine: %+v", e)
	}
	if e.Key != Fingerprint(s.Public()) || e.Origin != "awase/test" || e.Size != 9 || e.Receipt.Recipient != "acme" {
		t.Errorf("of a genuine report it says %+v", e)
	}
	if e := Examine(report, nil); !e.Verified || !slices.Equal(e.outcomes(Unchecked), []string{"key"}) {
		t.Errorf("without a key: %+v", e)
	}
	for name, c := range forgeries(t, s, forger) {
		forged := file(c.table, c.receipt)
		e := Examine(forged, s.Public())
		failed := e.outcomes(Fails)
		for _, gone := range c.gone {
			if !slices.Contains(failed, gone) {
				t.Errorf("%s: %q is not found to fail: %+v", name, gone, e.Findings)
			}
		}
		if e.Verified || len(failed) != len(c.gone) {
			t.Errorf("%s: %v fail, want %v", name, failed, c.gone)
		}
		if e := examine(forged, s.Public(), without(c.gone...)); !e.Verified {
			t.Errorf("%s: without %q it is no forgery: %+v", name, c.gone, e.Findings)
		}
	}
}

// TestExamineAsVerifyFile: whichever byte of a report is changed, both say the same of
// it.
func TestExamineAsVerifyFile(t *testing.T) {
	s := newSigner(1)
	report := file(withoutReceipt, signed(s, withoutReceipt))
	same := func(what string, bad []byte) {
		t.Helper()
		_, err := VerifyFile(bad, s.Public())
		e := Examine(bad, s.Public())
		first := slices.IndexFunc(e.Findings, func(f Finding) bool { return f.Outcome == Fails })
		switch {
		case e.Verified != (err == nil), len(e.Findings) != len(checks)+2:
			t.Errorf("%s: %v, and %+v", what, err, e)
		case err != nil && e.Findings[first].Says != err.Error():
			t.Errorf("%s: %v, and %q", what, err, e.Findings[first].Says)
		case err != nil && strings.Contains(err.Error(), "white space") != slices.Equal(e.outcomes(Fails), []string{FindingLayout}):
			t.Errorf("%s: %v, and %v fail", what, err, e.outcomes(Fails))
		}
	}
	for i := range report { // TestEveryBit changes all eight of each
		bad := bytes.Clone(report)
		bad[i] ^= 1 << (i % 8)
		same("a bit", bad)
	}
	for _, bad := range []string{"", "{}", "[]", "{", string(report) + " ", strings.Replace(string(report), "\n  ", "\n", 1)} {
		same("another file", []byte(bad))
	}
}

// TestExamineGrowth: a log that grew holds, one that was forked fails, and no key
// checks nothing.
func TestExamineGrowth(t *testing.T) {
	s := newSigner(1)
	log, fork := logOf("5"), logOf("another")
	old := must(s.Checkpoint(6, log.root(6)))
	if g := ExamineGrowth(old, log.growth(s, 6, 9), s.Public()); g.Outcome != Holds || g.From != 6 || g.To != 9 || g.Says != "" {
		t.Errorf("%+v", g)
	}
	if g := ExamineGrowth(must(s.Checkpoint(6, fork.root(6))), log.growth(s, 6, 9), s.Public()); g.Outcome != Fails || !strings.Contains(g.Says, "does not begin") || g.To != 0 {
		t.Errorf("a fork: %+v", g)
	}
	if g := ExamineGrowth(old, log.growth(s, 6, 9), nil); g.Outcome != Fails {
		t.Errorf("without a key: %+v", g)
	}
}
