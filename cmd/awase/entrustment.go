package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
)

func entrustmentEnd() *cobra.Command {
	var keyFile string
	cmd := &cobra.Command{
		Use:   "end --vault V [--key KEYFILE] ID",
		Short: "End an entrustment for good, and destroy its data",
		Long: "Nothing new is taken under it, questions under way are answered first, and then its lists, event logs and stored reports are destroyed: their data key is thrown away, " +
			"their files are removed, and the vault key is replaced, so that no old copy of the vault opens them with the key in use. What was spent of budgets stays spent. " +
			"It can't be undone. Run again it finishes what was left, and says how things stand. An officer of its principal or its trustee signs for it, but in a dev vault.",
		Args: exactArgs("ID"),
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		by, err := signAct(cmd.Context(), e, "end", args[0], keyFile)
		if err != nil {
			return err
		}
		raw, err := e.EndEntrustment(cmd.Context(), args[0], by)
		if err != nil {
			return err
		}
		c, err := receipt.VerifyDestruction(raw, nil)
		if err != nil {
			return fmt.Errorf("the certificate: %w", err)
		}
		if asJSON(cmd) {
			return answerJSON(cmd, raw, nil)
		}
		sayDestruction(cmd, fmt.Sprintf("entrustment %s", c.Entrustment), c)
		say(cmd, "  awase entrustment certificate %s prints the certificate, for awase verify", c.Entrustment)
		return nil
	})
}

func entrustmentCertificate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certificate --vault V ID",
		Short: "Print the certificate that an ended entrustment's data was destroyed",
		Long:  "Prints JSON for awase verify, signed by the key of awase log key. It is as things stand now: while the vault key waits to be replaced it says rotation-pending, and while a cluster that counted for the room did not confirm that its tables are dropped, drop-pending, or, where an officer declared it lost, cluster-lost.",
		Args:  exactArgs("ID"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		raw, err := e.Certificate(cmd.Context(), args[0])
		return answerJSON(cmd, raw, err)
	})
}

// sayDestruction says in words what a certificate says.
func sayDestruction(cmd *cobra.Command, what string, c *receipt.Certificate) {
	say(cmd, "%s: version %d ended at %s, log entry %d", what, c.Version, japan(c.EndedAt), c.End.Index)
	if c.ByTerms {
		say(cmd, "  it ended by its own terms: its last day was over, and nothing was kept under it any more")
	}
	say(cmd, "  its data key is destroyed, and with it %s (lists, their rows, event logs, stored reports)", entrustment.Count(c.Segments, "segment", "segments"))
	if c.Rotation != nil {
		say(cmd, "  %s: the vault key was replaced afterwards, log entry %d; no copy of the vault opens them with a vault key in use", receipt.KeyDestroyed, c.Rotation.Index)
	} else {
		say(cmd, "  %s: a copy of the vault made before opens them with the vault key in use, until that is replaced (awase vault rotate)", receipt.RotationPending)
	}
	switch {
	case c.Dropped != nil:
		say(cmd, "  %s: %s, which counted for the room, said of every shard that its tables were dropped, log entry %d", receipt.Dropped, c.Engine, c.Dropped.Index)
	case c.Lost != nil:
		say(cmd, "  %s: servers of %s, which had data of it, were declared lost by an officer, log entry %d; nobody knows whether it is gone there", receipt.ClusterLost, c.Engine, c.Lost.Index)
	case c.Engine != "":
		say(cmd, "  %s: %s, which counted for the room, did not say yet that its tables are dropped; the enclave asks again while it runs (awase engine status)", receipt.DropPending, c.Engine)
	}
	if c.Backups == "" {
		say(cmd, "  no backup holds them")
	} else {
		say(cmd, "  backups hold them under vault keys of before; the last expires on %s", c.Backups)
	}
}

func vaultRotate() *cobra.Command {
	var key keyFlags
	var keyFile string
	cmd := &cobra.Command{
		Use:   "rotate --vault V [--vault-key SOURCE --next-key SOURCE] [--key KEYFILE]",
		Short: "Replace the vault key",
		Long: "Wraps the root secret and the data keys under another vault key; data, tokens, noise and receipts stay as they are. A key file is replaced by a random key. " +
			"A key that is kept as a systemd credential or by a command is made by you: --next-key says where the next one is. Then either key opens the vault, until the next one stands in the place of the one before and the vault was opened with it. An officer of the operator signs for it, but in a dev vault and where it was begun already.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&key.next, "next-key", "", "where the next key is, in the forms of --vault-key (`source`)")
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	return atTheMachine(vaultCommand(cmd, true, &key, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		by, err := signAct(cmd.Context(), e, "rotate", "", keyFile)
		if err != nil {
			return err
		}
		r, err := e.Rotate(cmd.Context(), by)
		if err != nil {
			return err
		}
		return answerLines(cmd, r, func() {
			if r.Pending {
				say(cmd, "vault key: generation %d, and a rotation is begun: either key opens the vault. Put the next key in the place of this one; the next opening finishes it", r.Generation)
				return
			}
			say(cmd, "vault key: replaced, generation %d; the one before opens nothing any more", r.Generation)
		})
	}))
}
