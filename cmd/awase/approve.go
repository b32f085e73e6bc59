package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// waits says of an act that it is a draft.
func waits(w io.Writer, name string, d *wire.Draft) {
	fmt.Fprintf(w, "%s: version %d waits for the signatures of officers of %s, until %s\n  draft %s\n", name, d.Statement.Version, strings.Join(d.Parties, " and "), japan(d.Statement.Expires), d.Hash)
	if len(d.Parties) == 1 {
		fmt.Fprintln(w, "  two officers sign it")
	}
	fmt.Fprintf(w, "  read it: awase drafts; sign it: awase approve --key KEYFILE %s\n", d.Hash)
}

func draftsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drafts --enclave S [--json]",
		Short: "Show the acts that wait for officers' signatures, and what each would change",
		Long:  "With --json it is what officers sign at a desk of their own (awase approve --draft).",
		Args:  exactArgs(),
	}
	cmd.AddCommand(draftsReview(), draftsWithdraw())
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		ds, err := e.Drafts(cmd.Context())
		if err != nil {
			return err
		}
		if asJSON(cmd) {
			return answerExact(cmd, ds, nil)
		}
		if len(ds) == 0 {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing waits for a signature")
			return err
		}
		return showDrafts(cmd.OutOrStdout(), ds)
	})
}

// showDrafts shows drafts. One that was changed on its way is not shown, and is
// named behind the others: it must not keep officers from these.
func showDrafts(w io.Writer, ds []wire.Draft) error {
	var changed []error
	for i := range ds {
		text := shownDraft(&ds[i])
		if err := checkDraft(&ds[i]); err != nil {
			text = "not shown: draft " + plain(ds[i].Hash) + "\n"
			changed = append(changed, ofDraft(err, &ds[i]))
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return errors.Join(changed...)
}

// ofDraft says of a refusal which draft it is about.
func ofDraft(err error, d *wire.Draft) error {
	refused, ok := errors.AsType[*entrustment.Error](err)
	if !ok {
		return fmt.Errorf("draft %s: %w", plain(d.Hash), err)
	}
	of := *refused
	of.Field += " " + plain(d.Hash)
	return &of
}

// checkDraft computes the hashes of a draft again: what is shown is what is
// signed, whoever handed it over.
func checkDraft(d *wire.Draft) error {
	message, err := d.Statement.Message()
	if err != nil {
		return err
	}
	if d.Statement.Schema != approval.Schema || approval.Hash(message) != d.Hash || hashOf(d.Document) != d.Statement.Document || hashOf(d.Before) != d.Statement.Replaces {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "draft", Detail: "the document is not the one of the statement",
			Mend: "sign nothing, and tell the other officers: somebody changed it on its way"}
	}
	return nil
}

func hashOf(doc json.RawMessage) string {
	if len(doc) == 0 {
		return ""
	}
	h := sha256.Sum256(doc)
	return hex.EncodeToString(h[:])
}

func approveCommand() *cobra.Command {
	var keyFile, draftFile, out, signedFile string
	cmd := &cobra.Command{
		Use:   "approve --enclave S --key KEYFILE HASH",
		Short: "Sign a draft as an officer; the last signature that is needed makes it effective",
		Long: "Shows what the draft changes, and signs it. Compare the hash with the other officers' by another way. At a desk of one's own, without the room: " +
			"awase approve --key KEYFILE --draft drafts.json --out signed.json HASH, with what awase drafts --json printed; whoever runs the room hands it in with awase approve --enclave S --signed signed.json.",
		Args: func(cmd *cobra.Command, args []string) error {
			if want := 1; len(args) != want && signedFile == "" || len(args) != 0 && signedFile != "" {
				return usageError{fmt.Errorf("usage: %s", usageOf(cmd))}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	cmd.Flags().StringVar(&draftFile, "draft", "", "the drafts as awase drafts --json printed them: the room is not asked")
	cmd.Flags().StringVar(&out, "out", "", "with --draft: the `file` to write the signature to")
	cmd.Flags().StringVar(&signedFile, "signed", "", "hand in the signature in this `file`")
	inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		a, err := readSigned(signedFile)
		if signedFile == "" {
			key, kerr := readOfficerKey(keyFile)
			if kerr != nil {
				return kerr
			}
			shown := cmd.OutOrStdout()
			if asJSON(cmd) {
				shown = cmd.ErrOrStderr() // what is signed is read, whatever is printed
			}
			a, err = signWaiting(cmd.Context(), shown, e, args[0], key)
			a.Draft = args[0]
		}
		var got wire.Approved
		if err == nil {
			got, err = e.Approve(cmd.Context(), a)
		}
		if err != nil {
			return inForceAlready(cmd.Context(), e, a.Draft, err)
		}
		return answer(cmd, got, func(w io.Writer) error { return sayApproved(w, &got) })
	})
	ask := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case keyFile == "" && signedFile == "":
			return usageError{errors.New("name the officer's key with --key, or a signature with --signed")}
		case (draftFile == "") != (out == ""), signedFile != "" && (keyFile != "" || draftFile != ""):
			return usageError{errors.New("--draft goes with --out, and --signed alone")}
		case draftFile == "":
			return ask(cmd, args)
		}
		return signAtDesk(cmd, draftFile, out, keyFile, args[0])
	}
	return cmd
}

// signAtDesk signs one of the drafts in a file.
func signAtDesk(cmd *cobra.Command, draftFile, out, keyFile, hash string) error {
	name, raw, err := document(draftFile)
	if err != nil {
		return err
	}
	var ds []wire.Draft
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ds); err != nil {
		return &entrustment.Error{Code: entrustment.CodeDocument, Field: name, Detail: "it is not what awase drafts --json prints", Mend: "have it printed again"}
	}
	key, err := readOfficerKey(keyFile)
	if err != nil {
		return err
	}
	shown := cmd.OutOrStdout()
	if asJSON(cmd) {
		shown = cmd.ErrOrStderr()
	}
	a, err := signDraft(shown, ds, hash, key)
	if err != nil {
		return err
	}
	if err := writeFile(out, func(f io.Writer) error { return json.NewEncoder(f).Encode(a) }); err != nil {
		return err
	}
	return answer(cmd, a, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "signed; hand in %s: awase approve --enclave S --signed %s\n", out, out)
		return err
	})
}

func readSigned(path string) (a wire.Approval, err error) {
	if path == "" {
		return a, nil
	}
	name, raw, err := document(path)
	if err != nil {
		return a, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, &entrustment.Error{Code: entrustment.CodeDocument, Field: name, Detail: "it is not what awase approve --out writes", Mend: "have it written again"}
	}
	return a, nil
}

// signWaiting signs one of the drafts that wait in a room.
func signWaiting(ctx context.Context, w io.Writer, e wire.Enclave, hash string, key ed25519.PrivateKey) (wire.Approval, error) {
	ds, err := e.Drafts(ctx)
	if err != nil {
		return wire.Approval{}, err
	}
	return signDraft(w, ds, hash, key)
}

// inForceAlready gives, where the log has the approval that made a draft effective, that
// in place of why it can't be signed.
func inForceAlready(ctx context.Context, e wire.Enclave, hash string, refused error) error {
	if entrustment.Public(refused).Code != entrustment.CodeNotFound {
		return refused
	}
	for from := int64(0); ; {
		page, err := e.Log(ctx, wire.LogRequest{From: from})
		if err != nil { // it is for people of other roles, or away
			return refused
		}
		for i := range page.Entries {
			l := &page.Entries[i]
			var of struct {
				Draft     string `json:"draft"`
				Effective bool   `json:"effective"`
			}
			if l.Kind == "approval" && json.Unmarshal(l.Detail, &of) == nil && of.Draft == hash && of.Effective {
				return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "draft", Detail: fmt.Sprintf("the draft is in force already, since %s (log entry %d): its last signature came", japan(l.At), l.Seq),
					Mend: "nothing is left to sign"}
			}
		}
		if from = page.Next; from == 0 {
			return refused
		}
	}
}

// signDraft shows a draft and signs it.
func signDraft(w io.Writer, ds []wire.Draft, hash string, key ed25519.PrivateKey) (wire.Approval, error) {
	for i := range ds {
		d := &ds[i]
		if d.Hash != hash {
			continue
		}
		if err := checkDraft(d); err != nil {
			return wire.Approval{}, err
		}
		message, err := d.Statement.Message()
		if err != nil {
			return wire.Approval{}, err
		}
		if _, err := io.WriteString(w, shownDraft(d)); err != nil {
			return wire.Approval{}, err
		}
		public, _ := key.Public().(ed25519.PublicKey)
		return wire.Approval{Draft: hash, Key: approval.FormatKey(public), Signature: approval.Sign(key, message)}, nil
	}
	return wire.Approval{}, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "draft", Detail: "no draft of this hash waits", Mend: "awase drafts shows what waits; give the whole hash. One that lapsed, or whose predecessor changed, is drafted again"}
}

func sayApproved(w io.Writer, got *wire.Approved) (err error) {
	if got.Effective {
		_, err = fmt.Fprintf(w, "approved: in force as version %d, log entry %d\n", got.Version, got.Seq)
		return err
	}
	_, err = fmt.Fprintf(w, "signed, log entry %d; an officer of %s has to sign yet\n", got.Seq, strings.Join(got.Needs, " and one of "))
	return err
}
