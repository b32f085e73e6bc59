package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
)

// verify needs no vault: what a client checks on a machine of its own.
func verify() *cobra.Command {
	var keyFile, nonce string
	var log bool
	cmd := &cobra.Command{
		Use:   "verify [--key FILE] report.json | verify [--key FILE] certificate.json | verify [--key FILE] request.json | verify [--key FILE] inclusion.json | verify [--key FILE] evidence.zip | verify [--key FILE] --nonce N attestation.json | verify --log [--key FILE] earlier [later] proof.json",
		Short: "Check a release by its receipt, a certificate of destruction, the receipt of a data subject's request, evidence, an attestation, or that the record log only grew; offline",
		Long: "Checks that a report was released as it is, under that entrustment and at that price, and that its entry stands in the record log; " +
			"or that the data of an ended entrustment was destroyed as its certificate says; or that a request of a data subject was taken as its receipt says; or, of a proof of inclusion, that the entry of its leaf stands in the log; or, of evidence, its signature, each entry's place in the log, its certificates, and that every other file of the ZIP is made of what is signed; or that an attestation is signed and answers the nonce that it was asked with. " +
			"--key is a file with the line of awase log key; without it the receipt's own key is taken, and the origin is not checked. " +
			"With --log: that the log at the later checkpoint begins with the log at the earlier one. Each is a checkpoint file or a report.json; without a later one it is that in the proof. The proof is of awase log proof.",
		Args: func(cmd *cobra.Command, args []string) error {
			if n := len(args); !log && n != 1 || log && n != 2 && n != 3 {
				return usageError{fmt.Errorf("usage: awase %s", cmd.Use)}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "`file` with the line of awase log key")
	cmd.Flags().StringVar(&nonce, "nonce", "", "of an attestation: the `nonce` that it was asked with")
	cmd.Flags().BoolVar(&log, "log", false, "check that the record log only grew")
	jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := readVerifierKey(keyFile)
		if err != nil {
			return err
		}
		if log {
			if nonce != "" {
				return usageError{errors.New("--nonce is of attestations")}
			}
			return verifyLog(cmd, args[:len(args)-1], args[len(args)-1], key)
		}
		return verifyFile(cmd, args[0], nonce, key)
	}
	return cmd
}

// verified is what awase verify prints as JSON. What is not verified is refused.
type verified struct {
	File   string `json:"file"`
	Is     string `json:"is"`     // release | certificate | request | inclusion | evidence | attestation | log
	Origin bool   `json:"origin"` // the key was given: false, anybody may have made it
	Key    string `json:"key"`    // its fingerprint
	Says   any    `json:"says"`
}

// readVerifierKey reads the line of awase log key from a file; nil for no file.
func readVerifierKey(path string) (ed25519.PublicKey, error) {
	if path == "" {
		return nil, nil
	}
	name, data, err := document(path)
	if err != nil {
		return nil, err
	}
	key, err := receipt.ParseVerifierKey(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// verifyFile checks a file by what it is.
func verifyFile(cmd *cobra.Command, path, nonce string, key ed25519.PublicKey) error {
	name, data, err := document(path)
	if err != nil {
		return err
	}
	pack, err := packIn(name, data)
	if err != nil {
		return err
	}
	switch attests := receipt.IsAttestation(data); {
	case attests && nonce == "":
		return usageError{errors.New("this is an attestation: say with --nonce what it was asked with, for an old one says nothing of now")}
	case attests:
		return verifyAttestation(cmd, name, data, nonce, key)
	case nonce != "":
		return usageError{errors.New("--nonce is of attestations")}
	case pack != nil:
		return verifyPack(cmd, name, pack, key)
	case receipt.IsEvidence(data):
		return verifyEvidence(cmd, name, data, key)
	case receipt.IsCertificate(data):
		return verifyCertificate(cmd, name, data, key)
	case receipt.IsRequest(data):
		return verifyRequest(cmd, name, data, key)
	case receipt.IsInclusion(data):
		return verifyInclusion(cmd, name, data, key)
	}
	return verifyReport(cmd, name, data, key)
}

func verifyAttestation(cmd *cobra.Command, name string, data []byte, nonce string, key ed25519.PublicKey) error {
	a, err := receipt.VerifyAttestation(data, nonce, key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", name, err)
	}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: name, Is: "attestation", Origin: key != nil, Key: receipt.Fingerprint(a.Key), Says: a}, nil)
	}
	printAttestation(cmd.OutOrStdout(), a, key != nil)
	return nil
}

func verifyReport(cmd *cobra.Command, name string, data []byte, key ed25519.PublicKey) error {
	if err := wantReceipt(name, data); err != nil {
		return err
	}
	r, err := receipt.VerifyFile(data, key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", name, err)
	}
	var release wire.Release
	if err := json.Unmarshal(data, &release); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: name, Is: "release", Origin: key != nil, Key: receipt.Fingerprint(r.Key), Says: r}, nil)
	}
	p := release.Privacy
	say(cmd, "%s: verified", name)
	say(cmd, "  released to %s under entrustment %s, version %d, at %s", r.Recipient, r.Entrustment, r.Version, japan(release.ReleasedAt))
	least := ""
	if p.K > 0 {
		least = fmt.Sprintf("k %d, ", p.K)
	}
	say(cmd, "  report %s, %stau %d, sigma %d, gate policy %s", release.Report, least, p.Tau, p.Sigma, r.Policy[:min(16, len(r.Policy))])
	say(cmd, "  charged rho %.9g, delta %.3g", float64(r.RhoNano)/1e9, float64(r.DeltaE15)/1e15)
	say(cmd, "  entry %d of the record log %s", r.Log.Index, receipt.Origin(r.Log.Checkpoint))
	say(cmd, "  made by a process %s", receipt.Words(r.Confinement))
	if r.Practice {
		say(cmd, "  of a practice room: the people counted are made up")
	}
	if r.Dev {
		say(cmd, "  made by a development vault: no officers watch it")
	}
	sayKey(cmd, r.Key, key != nil)
	return nil
}

func verifyCertificate(cmd *cobra.Command, name string, data []byte, key ed25519.PublicKey) error {
	c, err := receipt.VerifyDestruction(bytes.TrimSpace(data), key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", name, err)
	}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: name, Is: "certificate", Origin: key != nil, Key: receipt.Fingerprint(c.Key), Says: c}, nil)
	}
	say(cmd, "%s: verified", name)
	sayDestruction(cmd, "  entrustment "+c.Entrustment, c)
	say(cmd, "  in the record log %s", receipt.Origin(c.End.Checkpoint))
	if c.Dev {
		say(cmd, "  made by a development vault: no officers watch it")
	}
	sayKey(cmd, c.Key, key != nil)
	return nil
}

func verifyInclusion(cmd *cobra.Command, name string, data []byte, key ed25519.PublicKey) error {
	i, size, err := receipt.VerifyInclusion(bytes.TrimSpace(data), key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", name, err)
	}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: name, Is: "inclusion", Origin: key != nil, Key: receipt.Fingerprint(i.Key), Says: i}, nil)
	}
	say(cmd, "%s: verified", name)
	say(cmd, "  entry %d, of leaf %s, stands in the log of %s", i.Index, i.Leaf, entrustment.Count(size, "entry", "entries"))
	say(cmd, "  of the record log %s", receipt.Origin(i.Checkpoint))
	sayKey(cmd, i.Key, key != nil)
	return nil
}

// wantReceipt refuses the forms of a report that hold no receipt.
func wantReceipt(name string, data []byte) error {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".xlsx", ".csv", ".pdf", ".parquet", ".arrow", ".txt":
	default:
		if !bytes.HasPrefix(data, []byte("PK\x03\x04")) && !bytes.HasPrefix(data, []byte("\uFEFF")) {
			return nil
		}
	}
	return badFile(name, "only report.json holds a receipt", "ask for that file (awase report --out report.json; asking again is free)")
}

// say writes a line of what a file says. Where the origin is not checked anybody
// may have made the file: it gets no hold of the terminal, and no line of its own.
func say(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintln(cmd.OutOrStdout(), printable(fmt.Sprintf(format, args...)))
}

func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, line)
}

func sayKey(cmd *cobra.Command, key ed25519.PublicKey, pinned bool) {
	say(cmd, "  key %s (%s)", receipt.Fingerprint(key), originWords(pinned))
}

func originWords(pinned bool) string {
	if pinned {
		return "the key given"
	}
	return "origin not checked: this is the file's own key, compare it with what the operator says, or give --key"
}

// verifyLog checks that the log only grew between the checkpoints held, one or
// two.
func verifyLog(cmd *cobra.Command, held []string, proofPath string, key ed25519.PublicKey) error {
	var names []string
	var checkpoints [][]byte
	pinned := key != nil
	for _, path := range held {
		name, checkpoint, own, err := checkpointOf(path)
		if err != nil {
			return err
		}
		if key == nil {
			key = own
		}
		names, checkpoints = append(names, name), append(checkpoints, checkpoint)
	}
	if key == nil {
		return usageError{errors.New("a checkpoint holds no key: give --key with the line of awase log key")}
	}
	proofName, proof, err := document(proofPath)
	if err != nil {
		return err
	}
	check := receipt.CheckConsistency
	if len(held) == 2 {
		check = func(old, proof []byte, key ed25519.PublicKey) (int64, int64, error) {
			return receipt.CheckBetween(old, checkpoints[1], proof, key)
		}
	}
	from, to, err := check(checkpoints[0], bytes.TrimSpace(proof), key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w%s", strings.Join(append(names, proofName), ", "), err, rightProof(err, names))
	}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: proofName, Is: "log", Origin: pinned, Key: receipt.Fingerprint(key), Says: map[string]int64{"from": from, "to": to}}, nil)
	}
	later := ""
	if len(held) == 2 {
		later = " of " + names[1]
	}
	say(cmd, "%s: verified", proofName)
	say(cmd, "  the log of %s%s begins with the %d of %s", entrustment.Count(to, "entry", "entries"), later, from, names[0])
	sayKey(cmd, key, pinned)
	return nil
}

// rightProof names the command that makes the proof between the checkpoints
// held, where the one given is between others.
func rightProof(err error, names []string) string {
	sizes, ok := errors.AsType[*receipt.SizesError](err)
	if !ok {
		return ""
	}
	if names = slices.Clone(names); sizes.Swapped {
		if len(names) < 2 {
			return "; a proof is from the earlier of two checkpoints on"
		}
		slices.Reverse(names)
	}
	text := "; the operator makes the right proof with awase log proof --vault V --from " + names[0]
	if len(names) == 2 {
		text += " --to " + names[1]
	}
	return text
}

// checkpointOf reads a checkpoint, or that of a report's receipt with its key.
func checkpointOf(path string) (name string, checkpoint []byte, key ed25519.PublicKey, err error) {
	name, data, err := document(path)
	if err != nil || !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return name, data, nil, err
	}
	r, err := receipt.VerifyFile(data, nil)
	if err != nil {
		return name, nil, nil, fmt.Errorf("%s: not verified: %w", name, err)
	}
	return name, []byte(r.Log.Checkpoint), r.Key, nil
}

func logKey() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key --vault V",
		Short: "Print the public key that receipts and checkpoints are checked by",
		Long:  "Prints one line for awase verify --key. Give it to the other party by another way than the reports.",
		Args:  exactArgs(),
	}
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		line, err := e.LogKey(cmd.Context())
		if err != nil {
			return err
		}
		return answer(cmd, map[string]string{"key": line}, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, line)
			return err
		})
	})
}

func logProof() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "proof --vault V --from CHECKPOINT [--to CHECKPOINT]",
		Short: "Print the proof that the record log has only grown since a checkpoint",
		Long:  "Prints JSON for awase verify --log. CHECKPOINT is a file: a checkpoint, or a report.json, whose receipt holds one. Without --to it is up to now.",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&from, "from", "", "`file` with the earlier checkpoint, or a report.json")
	cmd.Flags().StringVar(&to, "to", "", "`file` with the later checkpoint, or a report.json")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if from == "" {
			return usageError{errors.New("name the earlier checkpoint with --from")}
		}
		line, err := e.LogKey(cmd.Context())
		if err != nil {
			return err
		}
		origin, _, _ := strings.Cut(line, "+")
		n, err := sizeOf(from, origin)
		if err != nil {
			return err
		}
		var m int64
		if to != "" {
			if m, err = sizeOf(to, origin); err != nil {
				return err
			}
		}
		proof, err := e.LogProof(cmd.Context(), n, m)
		return answerJSON(cmd, proof, err)
	})
}

// sizeOf gives how long the log of an origin was at a checkpoint. Who signed it is
// for awase verify to find out.
func sizeOf(path, origin string) (int64, error) {
	name, checkpoint, _, err := checkpointOf(path)
	if err != nil {
		return 0, err
	}
	lines := strings.SplitN(string(checkpoint), "\n", 3)
	if len(lines) < 3 {
		return 0, badFile(path, name+" is no checkpoint", "name a checkpoint file or a report.json")
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, badFile(path, name+" is no checkpoint: its second line is the log's size", "name a checkpoint file or a report.json")
	}
	if of := receipt.Origin(string(checkpoint)); of != origin {
		return 0, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "DESIGN §5", Field: name, Detail: "it is of the record log of another vault: " + plainWord(of) + ", and this one's is " + origin,
			Mend: "name that vault with --vault, or a report of this one"}
	}
	return n, nil
}

// plainWord is a word of a file that anybody may have made, for a message.
func plainWord(s string) string {
	if s == "" || len(s) > 80 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "one without a plain name"
	}
	return s
}
