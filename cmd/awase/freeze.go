package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
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
			"Each party stops them for itself, also where another did. --lift drafts the lifting, which an officer of each party that stopped them signs, and one of the operator, two at least (awase approve). In a dev vault nobody signs.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	cmd.Flags().BoolVar(&lift, "lift", false, "let releases out again")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if lift {
			if keyFile != "" {
				return usageError{errors.New("--lift makes a draft, which officers sign with awase approve: run awase freeze --lift without --key")}
			}
			ack, err := e.Lift(cmd.Context())
			if err != nil {
				return err
			}
			return said(cmd, "freeze lifted", ack)
		}
		f, err := e.Frozen(cmd.Context())
		if err != nil {
			return err
		}
		if keyFile != "" && !f.Signed {
			return usageError{errors.New("a dev vault has no officers: leave --key out")}
		}
		if f, err = stopReleases(cmd.Context(), e, f, keyFile); err != nil {
			return err
		}
		return answer(cmd, f, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "releases are stopped %s; awase freeze --lift lets them out again\n", stoppedBy(&f))
			return err
		})
	})
}

// stopReleases signs a freeze and hands it in. Where another's came in between, what
// was signed is of the room before it, and it is signed again.
func stopReleases(ctx context.Context, e wire.Enclave, f wire.Freeze, keyFile string) (wire.Freeze, error) {
	for {
		var r wire.FreezeRequest
		if f.Statement != nil && f.Signed {
			if keyFile == "" {
				return f, usageError{errors.New("name the officer's key with --key")}
			}
			var err error
			if r, err = signFreeze(&f, keyFile); err != nil {
				return f, err
			}
		}
		done, refused := e.Freeze(ctx, r)
		if refused == nil || r.Statement == nil {
			return done, refused
		}
		now, err := e.Frozen(ctx)
		if err != nil || now.Statement == nil || now.Statement.Version == r.Statement.Version {
			return f, refused
		}
		f = now
	}
}

// stoppedBy says who stopped releases, and when. Over the network it names those of
// one's own party, and to the operator all.
func stoppedBy(f *wire.Freeze) string {
	stops := f.Stops
	if len(stops) == 0 { // of a room that knows one alone
		stops = []wire.Stop{{At: f.At, Party: f.Party, Officer: f.Officer, Seq: f.Seq}}
	}
	each := make([]string, len(stops))
	for i, s := range stops {
		by := ""
		if s.Officer != "" {
			by = fmt.Sprintf(" by %s of %s", plain(s.Officer), plain(s.Party))
		}
		each[i] = fmt.Sprintf("since %s%s, log entry %d", japan(s.At), by, s.Seq)
	}
	return strings.Join(each, ", and ")
}

// signFreeze signs the statement that stops releases.
func signFreeze(f *wire.Freeze, keyFile string) (wire.FreezeRequest, error) {
	s := *f.Statement
	// Whatever else the room calls its statement, this is signed for nothing but a
	// freeze.
	s.Act, s.ID, s.Document, s.Replaces = "freeze", "", "", ""
	return signNow(s, f.Now, keyFile)
}

// signNow signs a statement that is handed in at once. now is the vault's time.
func signNow(s approval.Statement, now, keyFile string) (by wire.ByOfficer, err error) {
	key, err := readOfficerKey(keyFile)
	if err != nil {
		return by, err
	}
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		return by, fmt.Errorf("the vault's time does not decode: %w", err)
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	s.Schema, s.Nonce, s.Expires = approval.Schema, hex.EncodeToString(nonce), at.Add(freezeLife).Format(time.RFC3339)
	message, err := s.Message()
	if err != nil {
		return by, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	return wire.ByOfficer{Statement: &s, Key: approval.FormatKey(public), Signature: approval.Sign(key, message)}, nil
}

// signAct signs for an act of one officer: "end" of an entrustment, "rotate" or "engine". It
// is empty where no signature is asked.
func signAct(ctx context.Context, e wire.Enclave, act, id, keyFile string) (by wire.ByOfficer, err error) {
	ask, err := e.ToSign(ctx, act, id)
	switch {
	case err != nil:
		return by, err
	case ask.Statement == nil && keyFile != "":
		return by, usageError{errors.New("no officer signs for it here: leave --key out")}
	case ask.Statement == nil:
		return by, nil
	case keyFile == "":
		return by, usageError{fmt.Errorf("an officer of %s signs for it: name the officer's key with --key", strings.Join(ask.Parties, " or "))}
	}
	s := *ask.Statement
	s.Act, s.ID, s.Document = act, id, "" // signed for nothing else, whatever the room calls it
	return signNow(s, ask.Now, keyFile)
}
