package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
)

func attestationCommand() *cobra.Command {
	var nonce, keyFile, out string
	cmd := &cobra.Command{
		Use:   "attestation --enclave S [--nonce N] [--key FILE] [--out FILE]",
		Short: "Ask an enclave what it is and what confines it, and check the signature",
		Long: "Fetches the enclave's signed statement (program, gate policy, keys, each piece of confinement), checks that it answers the nonce, and prints a summary. Without --nonce a random one is made. " +
			"--key is a file with the line of awase log key; without it the origin is not checked. In process mode the statement is the process's own word: the host's kernel and administrators are trusted.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&nonce, "nonce", "", "1 to 128 letters, digits, - and _, used once")
	cmd.Flags().StringVar(&keyFile, "key", "", "`file` with the line of awase log key")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the statement to, as signed JSON")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		key, err := readVerifierKey(keyFile)
		if err != nil {
			return err
		}
		raw, a, err := attest(cmd.Context(), e, nonce, key)
		if err != nil {
			return err
		}
		if out != "" {
			if err := os.WriteFile(out, append(raw, '\n'), 0o644); err != nil {
				return fileError(out, err)
			}
		}
		if asJSON(cmd) {
			return answerJSON(cmd, raw, nil)
		}
		printAttestation(cmd.OutOrStdout(), a, key != nil)
		return nil
	})
}

// attest fetches an attestation and checks it.
func attest(ctx context.Context, e wire.Enclave, nonce string, key ed25519.PublicKey) ([]byte, *receipt.Attestation, error) {
	if nonce == "" {
		nonce = rand.Text()
	}
	raw, err := e.Attestation(ctx, nonce)
	if err != nil {
		return nil, nil, err
	}
	a, err := receipt.VerifyAttestation(raw, nonce, key)
	if err != nil {
		return nil, nil, fmt.Errorf("the attestation is not verified: %w", err)
	}
	return raw, a, nil
}

// printAttestation writes an attestation's summary. Where the origin is not checked
// anybody may have made it: each line is cleaned.
func printAttestation(w io.Writer, a *receipt.Attestation, pinned bool) {
	line := func(format string, args ...any) { fmt.Fprintln(w, printable(fmt.Sprintf(format, args...))) }
	line("attestation of %s: verified", a.Vault)
	line("  a process %s (%s, Landlock ABI %d)", receipt.Words(a.Confinement.Short), a.Confinement.System, a.Confinement.LandlockABI)
	var tried, reasons []string
	missing := map[string][]string{} // by reason
	for _, p := range a.Confinement.Pieces {
		switch {
		case !p.InForce:
			if missing[p.Reason] == nil {
				reasons = append(reasons, p.Reason)
			}
			missing[p.Reason] = append(missing[p.Reason], p.Name)
		case p.Tried:
			tried = append(tried, p.Name)
		default:
			line("  %s: not tried by the process, %s", p.Name, p.Reason)
		}
	}
	for _, why := range reasons {
		line("  missing %s: %s", strings.Join(missing[why], ", "), why)
	}
	if len(tried) > 0 {
		line("  in force, and tried from inside: %s", strings.Join(tried, ", "))
	}
	swap := "the machine swaps"
	switch {
	case !a.Swap.Known:
		swap = "whether the machine swaps could not be read"
	case !a.Swap.InUse:
		swap = "the machine has no swap"
	}
	if a.Swap.KeyLocked {
		swap += "; the vault key is locked in memory"
	} else {
		swap += "; the vault key could NOT be locked in memory"
	}
	line("  %s", swap)
	same := ""
	if own, err := buildHash(); err == nil && own == a.Build {
		same = " (the program of this command)"
	}
	if a.Build != "" { // a command that opens a vault itself does not name its program
		line("  program sha256:%s%s", a.Build, same)
	}
	if a.Engine != nil {
		line("  counted by %s, %d shards, outside the process and inside the trust boundary: servers %s", a.Engine.Name, a.Engine.Shards, strings.Join(a.Engine.Servers, ", "))
		if a.Engine.Others {
			line("  those are NOT the servers that it is configured with: it counts nothing")
		}
	}
	line("  gate policy %s", a.Policy[:min(16, len(a.Policy))])
	if k, err := seal.ParsePublicKey(a.SealingKey); err == nil {
		line("  files are sealed to %s", k.Fingerprint())
	}
	if a.Dev {
		line("  a development vault: no officers watch it")
	}
	line("  mode %s: %s", a.Mode, a.Trusted)
	line("  key %s (%s)", receipt.Fingerprint(a.Key), originWords(pinned))
}
