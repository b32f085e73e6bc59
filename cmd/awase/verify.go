package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/enclave/wire"
)

// verify needs no vault: what a client checks on a machine of its own.
func verify() *cobra.Command {
	var keyFile string
	var log bool
	cmd := &cobra.Command{
		Use:   "verify [--key FILE] report.json | verify --log [--key FILE] checkpoint proof.json",
		Short: "Check a release by its receipt, or that the record log only grew; offline",
		Long: "Checks that a report was released as it is, under that entrustment and at that price, and that its entry stands in the record log. " +
			"--key is a file with the line of awase log key; without it the receipt's own key is taken, and the origin is not checked. " +
			"With --log: that the log at the proof's checkpoint begins with the log at the earlier one. The earlier one is a checkpoint or a report.json, the proof is of awase log proof.",
		Args: func(cmd *cobra.Command, args []string) error {
			if want := map[bool]int{false: 1, true: 2}[log]; len(args) != want {
				return usageError{fmt.Errorf("usage: awase %s", cmd.Use)}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "`file` with the line of awase log key")
	cmd.Flags().BoolVar(&log, "log", false, "check that the record log only grew")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var key ed25519.PublicKey
		if keyFile != "" {
			name, data, err := document(keyFile)
			if err != nil {
				return err
			}
			if key, err = receipt.ParseVerifierKey(string(data)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if log {
			return verifyLog(cmd, args[0], args[1], key)
		}
		return verifyReport(cmd, args[0], key)
	}
	return cmd
}

func verifyReport(cmd *cobra.Command, path string, key ed25519.PublicKey) error {
	name, data, err := document(path)
	if err != nil {
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
	w, p := cmd.OutOrStdout(), release.Privacy
	fmt.Fprintf(w, "%s: verified\n", name)
	fmt.Fprintf(w, "  released to %s under entrustment %s, version %d, at %s\n", r.Recipient, r.Entrustment, r.Version, release.ReleasedAt)
	fmt.Fprintf(w, "  report %s, k %d, tau %d, sigma %d, gate policy %s\n", release.Report, p.K, p.Tau, p.Sigma, r.Policy[:min(16, len(r.Policy))])
	fmt.Fprintf(w, "  charged rho %.9g, delta %.3g\n", float64(r.RhoNano)/1e9, float64(r.DeltaE15)/1e15)
	fmt.Fprintf(w, "  entry %d of the record log %s\n", r.Log.Index, originOf(r.Log.Checkpoint))
	if r.Dev {
		fmt.Fprintln(w, "  made by a development vault: no officers watch it")
	}
	sayKey(cmd, r.Key, key != nil)
	return nil
}

func originOf(checkpoint string) string {
	name, _, _ := strings.Cut(checkpoint, "\n")
	return name
}

func sayKey(cmd *cobra.Command, key ed25519.PublicKey, pinned bool) {
	how := "the key given"
	if !pinned {
		how = "origin not checked: this is the file's own key, compare it with what the operator says, or give --key"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "  key %s (%s)\n", receipt.Fingerprint(key), how)
}

func verifyLog(cmd *cobra.Command, oldPath, proofPath string, key ed25519.PublicKey) error {
	oldName, old, own, err := checkpointOf(oldPath)
	if err != nil {
		return err
	}
	proofName, proof, err := document(proofPath)
	if err != nil {
		return err
	}
	pinned := key != nil
	if !pinned {
		if key = own; key == nil {
			return usageError{errors.New("a checkpoint holds no key: give --key with the line of awase log key")}
		}
	}
	from, to, err := receipt.CheckConsistency(old, bytes.TrimSpace(proof), key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", proofName, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: verified\n  the log of %d entries begins with the %d of %s\n", proofName, to, from, oldName)
	sayKey(cmd, key, pinned)
	return nil
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
		if err == nil {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
		}
		return err
	})
}

func logProof() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "proof --vault V --from CHECKPOINT",
		Short: "Print the proof that the record log has only grown since a checkpoint",
		Long:  "Prints JSON for awase verify --log. CHECKPOINT is a file: a checkpoint, or a report.json, whose receipt holds one.",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&from, "from", "", "`file` with the earlier checkpoint, or a report.json")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if from == "" {
			return usageError{errors.New("name the earlier checkpoint with --from")}
		}
		_, old, _, err := checkpointOf(from)
		if err != nil {
			return err
		}
		var n int64
		if lines := strings.SplitN(string(old), "\n", 3); len(lines) < 3 {
			return fmt.Errorf("%s is no checkpoint", filepath.Base(from))
		} else if _, err := fmt.Sscan(lines[1], &n); err != nil {
			return fmt.Errorf("%s is no checkpoint: its second line is the log's size", filepath.Base(from))
		}
		proof, err := e.LogProof(cmd.Context(), n)
		if err == nil {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", proof)
		}
		return err
	})
}
