package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"awase/crypto/approval"
	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

// period are the days that evidence is of.
type period struct{ from, to string }

func (p *period) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.from, "from", "", "the first `day` (YYYY-MM-DD, in Japan)")
	cmd.Flags().StringVar(&p.to, "to", "", "the last `day`")
}

func (p *period) read(req *wire.EvidenceRequest) error {
	for _, of := range []struct {
		name, text string
		day        *entrustment.Date
	}{{"from", p.from, &req.From}, {"to", p.to, &req.To}} {
		if of.text == "" {
			continue
		}
		var err error
		if *of.day, err = entrustment.ParseDate(of.text); err != nil {
			return usageError{fmt.Errorf("--%s: %w", of.name, err)}
		}
	}
	return nil
}

func evidenceCommand() *cobra.Command {
	var p period
	var party, out string
	cmd := &cobra.Command{
		Use:   "evidence --vault V [--from DAY] [--to DAY] [--party P] [--out FILE.zip] ENTRUSTMENT",
		Short: "Write the evidence of an entrustment: contract, approvals, who did what, releases, records of provision",
		Long: "Writes a ZIP with pages in Japanese and English, a PDF, the records of provision as CSV, and what all that is made of: JSON that the enclave signed, for awase verify. Without --out it prints that JSON. " +
			"It holds what a party may read elsewhere: with --party what that one may, else what the operator's privacy officers and auditors may; over the network what one's own party may.",
		Args: exactArgs("ENTRUSTMENT"),
	}
	p.register(cmd)
	cmd.Flags().StringVar(&party, "party", "", "the evidence for this `party`")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, a ZIP; it must not be there yet")
	cmd.ValidArgsFunction = first(entrustmentIDs)
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		return takeEvidence(cmd, e, wire.EvidenceRequest{Entrustment: args[0], Party: party}, &p, out)
	})
}

func incidentCommand() *cobra.Command {
	var p period
	var out string
	cmd := &cobra.Command{
		Use:   "incident --vault V --from DAY --to DAY [--out FILE.zip]",
		Short: "Write what a report of a leak needs: who was concerned in a period, and what happened",
		Long: "Writes a ZIP as awase evidence does, of the whole room: the entrustments and parties concerned, uploads with their rows, releases, stops, alarms, restores, clock events and refusals. " +
			"Over the network it is for the operator's privacy officers and auditors.",
		Args: exactArgs(),
	}
	p.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, a ZIP; it must not be there yet")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		return takeEvidence(cmd, e, wire.EvidenceRequest{}, &p, out)
	})
}

// evidenceWritten is what taking evidence prints as JSON.
type evidenceWritten struct {
	File    string `json:"file"`
	Entries int    `json:"entries"`
	Size    int64  `json:"size"` // of the record log
}

func takeEvidence(cmd *cobra.Command, e wire.Enclave, req wire.EvidenceRequest, p *period, out string) error {
	if err := p.read(&req); err != nil {
		return err
	}
	if err := newOut(out); err != nil {
		return err
	}
	raw, err := e.Evidence(cmd.Context(), req)
	if err != nil {
		return err
	}
	v, err := receipt.VerifyEvidence(raw, nil)
	if err != nil {
		return fmt.Errorf("the evidence: %w", err)
	}
	if out == "" {
		_, err := cmd.OutOrStdout().Write(raw)
		return err
	}
	if err := writeFile(out, func(w io.Writer) error { return render.EvidencePack(w, raw) }); err != nil {
		return err
	}
	done := evidenceWritten{filepath.Base(out), len(v.Entries), v.Size}
	return answerLines(cmd, done, func() {
		say(cmd, "%s: %s of the record log, which has %d", done.File, entrustment.Count(int64(done.Entries), "entry", "entries"), done.Size)
		say(cmd, "  open index.html (Japanese) or index.en.html in it; awase verify %s checks it", done.File)
	})
}

// verifyPack checks a pack of evidence: what is signed in it, and that the rest is
// made of that.
func verifyPack(cmd *cobra.Command, name string, p *render.Pack, key ed25519.PublicKey) error {
	v, f, err := signedEvidence(name, p.Evidence(), key)
	if err != nil {
		return err
	}
	rendered, err := p.Check()
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", name, err)
	}
	return sayEvidence(cmd, name, v, f, key, &rendered)
}

func verifyEvidence(cmd *cobra.Command, name string, data []byte, key ed25519.PublicKey) error {
	v, f, err := signedEvidence(name, data, key)
	if err != nil {
		return err
	}
	return sayEvidence(cmd, name, v, f, key, nil)
}

func signedEvidence(name string, data []byte, key ed25519.PublicKey) (*receipt.Evidence, *wire.EvidenceFile, error) {
	v, err := receipt.VerifyEvidence(data, key)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: not verified: %w", name, err)
	}
	f := new(wire.EvidenceFile)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, nil, fmt.Errorf("%s: not verified: it is not written as this version reads it", name)
	}
	for i := range f.Contracts {
		if err := checkApprovals(&f.Contracts[i]); err != nil {
			return nil, nil, fmt.Errorf("%s: not verified: entrustment %s, version %d: %w", name, plainWord(f.Contracts[i].Entrustment), f.Contracts[i].Version, err)
		}
	}
	return v, f, nil
}

// checkApprovals holds a contract to its hash, and the signatures of its officers to
// what they are of.
func checkApprovals(c *wire.EvidenceContract) error {
	raw, err := json.Marshal(c.Contract)
	if err != nil {
		return fmt.Errorf("its contract can't be written: %w", err)
	}
	sum := sha256.Sum256(raw)
	if c.Contract == nil || hex.EncodeToString(sum[:]) != c.Document {
		return errors.New("its contract is not of the hash that stands there")
	}
	if c.Statement == nil {
		return nil
	}
	s := c.Statement
	message, err := s.Message()
	if err != nil || s.Document != c.Document || s.ID != c.Entrustment || s.Version != c.Version {
		return errors.New("what its officers signed is of another contract")
	}
	for _, a := range c.Approvals {
		key, err := approval.ParseKey(a.Key, a.Origin)
		if err != nil {
			return fmt.Errorf("the key of log entry %d is none", a.Seq)
		}
		if err := key.Verify(message, a.Signature); err != nil {
			return fmt.Errorf("the signature of log entry %d does not fit", a.Seq)
		}
	}
	return nil
}

// evidenceVerified is what awase verify says of evidence.
type evidenceVerified struct {
	Entrustment string           `json:"entrustment,omitempty"`
	From        entrustment.Date `json:"from,omitzero"`
	To          entrustment.Date `json:"to,omitzero"`
	Entries     int              `json:"entries"`
	Size        int64            `json:"size"`
	Ends        int              `json:"ends"`
	// Renderings tells whether pages, PDF and CSV are what the signed JSON gives; false:
	// another version made them. nil: there are none.
	Renderings *bool `json:"renderings,omitempty"`
}

func sayEvidence(cmd *cobra.Command, name string, v *receipt.Evidence, f *wire.EvidenceFile, key ed25519.PublicKey, rendered *bool) error {
	says := evidenceVerified{f.Entrustment, f.From, f.To, len(v.Entries), v.Size, len(v.Ends), rendered}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: name, Is: "evidence", Origin: key != nil, Key: receipt.Fingerprint(v.Key), Says: says}, nil)
	}
	say(cmd, "%s: verified", name)
	if f.Entrustment != "" {
		say(cmd, "  evidence of the entrustment %s", f.Entrustment)
	} else {
		say(cmd, "  of an incident, %s to %s", f.From, f.To)
	}
	say(cmd, "  %s, each in the record log %s of %d, up to %s", entrustment.Count(int64(says.Entries), "entry", "entries"), receipt.Origin(v.Checkpoint), v.Size, japan(f.At))
	if len(v.Ends) > 0 {
		say(cmd, "  with %s of destruction", entrustment.Count(int64(len(v.Ends)), "certificate", "certificates"))
	}
	switch {
	case rendered == nil:
	case *rendered:
		say(cmd, "  pages, PDF and CSV are what the signed evidence.json gives")
	default:
		say(cmd, "  pages, PDF and CSV are NOT checked: another version made them, or somebody changed them; believe evidence.json alone")
	}
	if f.Practice {
		say(cmd, "  of a practice room: the people are made up")
	}
	if f.Dev {
		say(cmd, "  made by a development vault: no officers watch it")
	}
	sayKey(cmd, v.Key, key != nil)
	return nil
}

// packIn gives the pack of evidence that a file is; nil: it is none.
func packIn(name string, data []byte) (*render.Pack, error) {
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return nil, nil
	}
	p, err := render.ReadPack(data)
	if errors.Is(err, render.ErrNoPack) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: not verified: %w", name, err)
	}
	return p, nil
}
