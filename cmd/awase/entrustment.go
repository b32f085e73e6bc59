package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/enclave/wire"
)

func entrustmentEnd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "end --vault V ID",
		Short: "End an entrustment for good, and destroy its data",
		Long: "Nothing new is taken under it, questions under way are answered first, and then its lists, event logs and stored reports are destroyed: their data key is thrown away, " +
			"their files are removed, and the vault key is replaced, so that no old copy of the vault opens them with the key in use. What was spent of budgets stays spent. " +
			"It can't be undone. Run again it finishes what was left, and says how things stand.",
		Args: exactArgs("ID"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		raw, err := e.EndEntrustment(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		c, err := receipt.VerifyDestruction(raw, nil)
		if err != nil {
			return fmt.Errorf("the certificate: %w", err)
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
		Long:  "Prints JSON for awase verify, signed by the key of awase log key. It is as things stand now: while the vault key waits to be replaced it says rotation-pending.",
		Args:  exactArgs("ID"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		raw, err := e.Certificate(cmd.Context(), args[0])
		if err == nil {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
		}
		return err
	})
}

// sayDestruction says in words what a certificate says.
func sayDestruction(cmd *cobra.Command, what string, c *receipt.Certificate) {
	say(cmd, "%s: version %d ended at %s, log entry %d", what, c.Version, japan(c.EndedAt), c.End.Index)
	say(cmd, "  its data key is destroyed, and %d segments (lists, their rows, event logs, stored reports) are removed", c.Segments)
	if c.Rotation != nil {
		say(cmd, "  %s: the vault key was replaced afterwards, log entry %d; no copy of the vault opens them with a vault key in use", c.Status, c.Rotation.Index)
	} else {
		say(cmd, "  %s: a copy of the vault made before opens them with the vault key in use, until that is replaced (awase vault rotate)", c.Status)
	}
	if c.Backups == "" {
		say(cmd, "  no backup holds them")
	} else {
		say(cmd, "  backups hold them under vault keys of before; the last expires on %s", c.Backups)
	}
}

func vaultRotate() *cobra.Command {
	var key keyFlags
	cmd := &cobra.Command{
		Use:   "rotate --vault V [--vault-key SOURCE --next-key SOURCE]",
		Short: "Replace the vault key",
		Long: "Wraps the root secret and the data keys under another vault key; data, tokens, noise and receipts stay as they are. A key file is replaced by a random key. " +
			"A key that is kept as a systemd credential or by a command is made by you: --next-key says where the next one is. Then either key opens the vault, until the next one stands in the place of the one before and the vault was opened with it.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&key.next, "next-key", "", "where the next key is, in the forms of --vault-key (`source`)")
	return vaultCommand(cmd, true, &key, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		r, err := e.Rotate(cmd.Context())
		if err != nil {
			return err
		}
		if r.Pending {
			say(cmd, "vault key: generation %d, and a rotation is begun: either key opens the vault. Put the next key in the place of this one; the next opening finishes it", r.Generation)
			return nil
		}
		say(cmd, "vault key: replaced, generation %d; the one before opens nothing any more", r.Generation)
		return nil
	})
}
