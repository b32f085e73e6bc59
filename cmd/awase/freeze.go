package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"awase/crypto/approval"
	"awase/enclave/wire"
)

// freezeLife is how long a signature that stops releases is good: it is handed in
// at once.
const freezeLife = 10 * time.Minute

func freezeCommand() *cobra.Command {
	var keyFile string
	var lift bool
	cmd := &cobra.Command{
		Use:   "freeze --enclave S --key KEYFILE | --lift",
		Short: "Stop all releases at once, or let them out again",
		Long: "Any officer of any party stops releases; they stay stopped whatever ends and starts again. Questions that run give no answer; asked after the lifting they do, uncharged. " +
			"--lift drafts the lifting, which two officers sign (awase approve). In a dev vault nobody signs.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	cmd.Flags().BoolVar(&lift, "lift", false, "let releases out again")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if lift {
			if keyFile != "" {
				return usageError{errors.New("--lift makes a draft, which two officers sign with awase approve: run awase freeze --lift without --key")}
			}
			ack, err := e.Lift(cmd.Context())
			if err == nil {
				said(cmd, "freeze lifted", ack)
			}
			return err
		}
		f, err := e.Frozen(cmd.Context())
		if err != nil {
			return err
		}
		if keyFile != "" && !f.Signed {
			return usageError{errors.New("a dev vault has no officers: leave --key out")}
		}
		var r wire.FreezeRequest
		if f.Statement != nil && f.Signed {
			if keyFile == "" {
				return usageError{errors.New("name the officer's key with --key")}
			}
			if r, err = signFreeze(&f, keyFile); err != nil {
				return err
			}
		}
		if f, err = e.Freeze(cmd.Context(), r); err != nil {
			return err
		}
		by := ""
		if f.Officer != "" {
			by = fmt.Sprintf(" by %s of %s", f.Officer, f.Party)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "releases are stopped since %s%s, log entry %d; awase freeze --lift lets them out again\n", japan(f.At), by, f.Seq)
		return err
	})
}

// signFreeze signs the statement that stops releases.
func signFreeze(f *wire.Freeze, keyFile string) (r wire.FreezeRequest, err error) {
	key, err := readOfficerKey(keyFile)
	if err != nil {
		return r, err
	}
	now, err := time.Parse(time.RFC3339, f.Now)
	if err != nil {
		return r, fmt.Errorf("the vault's time does not decode: %w", err)
	}
	s := *f.Statement
	nonce := make([]byte, 16)
	rand.Read(nonce)
	s.Nonce, s.Expires = hex.EncodeToString(nonce), now.Add(freezeLife).Format(time.RFC3339)
	// Whatever else the room calls its statement, this is signed for nothing but a
	// freeze.
	s.Schema, s.Act, s.ID, s.Document, s.Replaces = approval.Schema, "freeze", "", "", ""
	message, err := s.Message()
	if err != nil {
		return r, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	return wire.FreezeRequest{Statement: &s, Key: approval.FormatKey(public), Signature: approval.Sign(key, message)}, nil
}
