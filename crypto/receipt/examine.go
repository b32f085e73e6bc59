package receipt

import (
	"crypto/ed25519"
	"errors"
)

// Findings that are not of a check of Verify.
const (
	FindingForm   = "form"   // the file is a release with its receipt, as this vault writes it
	FindingLayout = "layout" // its white space is that of its writer
)

// Outcome is what came of a check.
type Outcome string

// The outcomes.
const (
	Holds     Outcome = "holds"
	Fails     Outcome = "fails"
	Unchecked Outcome = "unchecked" // there is nothing to check, or nothing to check it by
)

// Finding is one check and what came of it.
type Finding struct {
	Check   string  `json:"check"` // form, key, signature, table, checkpoint, inclusion, entry, layout
	Outcome Outcome `json:"outcome"`
	Says    string  `json:"says,omitempty"` // of one that fails: what differs, as VerifyFile says it
}

// Examination is VerifyFile for people to read: every check with what came of it,
// also after one that fails.
type Examination struct {
	// Verified: VerifyFile gives no error. Without a key given, anybody may have
	// made the file.
	Verified bool      `json:"verified"`
	Findings []Finding `json:"findings"` // in their order, each check once
	// Receipt is what the file says of itself, believed or not; nil where it can't
	// be read.
	Receipt *Receipt `json:"receipt,omitempty"`
	Key     string   `json:"key,omitempty"`    // fingerprint of the receipt's own key
	Origin  string   `json:"origin,omitempty"` // of the log
	Size    int64    `json:"size,omitempty"`   // of the log at the checkpoint
}

// Examine runs the checks of VerifyFile, and gives them one by one.
func Examine(file []byte, key ed25519.PublicKey) *Examination {
	return examine(file, key, checks)
}

func examine(file []byte, key ed25519.PublicKey, checks []check) *Examination {
	e := &Examination{Verified: true}
	add := func(name string, outcome Outcome, err error) {
		f := Finding{Check: name, Outcome: outcome}
		if err != nil {
			f.Outcome, f.Says, e.Verified = Fails, err.Error(), false
		}
		e.Findings = append(e.Findings, f)
	}
	var s *shown
	p, err := takeApart(file)
	if err == nil {
		s, err = readShown(p.receipt, p.table, key)
	}
	add(FindingForm, Holds, err)
	if err != nil {
		for _, c := range checks {
			add(c.name, Unchecked, nil)
		}
		add(FindingLayout, Unchecked, nil)
		return e
	}
	e.Receipt, e.Key, e.Origin, e.Size = s.Receipt, Fingerprint(s.Key), Origin(s.Log.Checkpoint), s.n
	for _, c := range checks {
		outcome := Holds
		if c.name == "key" && key == nil {
			outcome = Unchecked
		}
		add(c.name, outcome, c.hold(s))
	}
	add(FindingLayout, Holds, layout(file, p.flat))
	return e
}

// Growth says what came of checking that a log only grew from one checkpoint to
// that of a proof.
type Growth struct {
	Finding
	From int64 `json:"from"` // sizes of the log; 0 where it fails
	To   int64 `json:"to"`
}

// ExamineGrowth is CheckConsistency as a Finding.
func ExamineGrowth(old, proof []byte, key ed25519.PublicKey) Growth {
	g := Growth{Finding: Finding{Check: "growth", Outcome: Holds}}
	var err error
	if len(key) != ed25519.PublicKeySize {
		err = errors.New("there is no key to check the log by")
	} else {
		g.From, g.To, err = CheckConsistency(old, proof, key)
	}
	if err != nil {
		g.Outcome, g.Says = Fails, err.Error()
	}
	return g
}
