package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

// deskKeyHead begins the file of the privacy desk's private key, so that no other key
// is taken for it.
const deskKeyHead = "awase.desk-key/v1 "

func deskCommand() *cobra.Command {
	cmd := inVault(&cobra.Command{Use: "desk --vault V", Short: "The privacy desk's key, which disclosures are sealed to", Args: unknownCommand}, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		k, err := e.DeskKey(cmd.Context())
		if err != nil {
			return err
		}
		return answerExact(cmd, k, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "fingerprint %s, version %d, log entry %d\n", plain(k.Fingerprint), k.Version, k.Seq)
			return err
		})
	})
	cmd.AddCommand(deskKeyCommand(), deskSetCommand())
	return cmd
}

func deskKeyCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "key --out desk.key",
		Short: "Make the key that opens disclosures at the privacy desk, and print its fingerprint",
		Long: "Writes the private key to the file, mode 0600, and the public one beside it, with .pub. Keep the private key at the desk alone, with a copy in a safe: without it nothing that was disclosed can be opened. " +
			"Give the .pub to the officers, who pin it with awase desk set, and compare the fingerprint with them by another way.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write the private key to; it must not be there yet")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if out == "" {
			return usageError{errors.New("name the key's file with --out")}
		}
		key, err := makeDeskKey(out)
		if err != nil {
			return err
		}
		return answer(cmd, map[string]string{"key": key.String(), "fingerprint": key.Fingerprint()}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "fingerprint %s\n", key.Fingerprint())
			return err
		})
	}
	return jsonFlag(cmd)
}

// makeDeskKey writes the desk's private key, and the public one beside it, which it
// gives.
func makeDeskKey(path string) (seal.PublicKey, error) {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	key, err := seal.DeriveKey(seal.XWing, seed)
	if err != nil {
		return seal.PublicKey{}, fmt.Errorf("making a key: %w", err)
	}
	if err := writeKey(path+".pub", key.Public().String()+"\n", 0o644); err != nil {
		return seal.PublicKey{}, err
	}
	if err := writeKey(path, fmt.Sprintf("%s%x\n", deskKeyHead, seed), 0o600); err != nil {
		return seal.PublicKey{}, errors.Join(err, os.Remove(path+".pub"))
	}
	return key.Public(), nil
}

func readDeskKey(path string) (seal.PrivateKey, error) {
	st, err := os.Stat(path)
	if err != nil {
		return seal.PrivateKey{}, fileError(path, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return seal.PrivateKey{}, fileError(path, err)
	}
	line := strings.TrimSpace(string(raw))
	if _, err := seal.ParsePublicKey(line); err == nil {
		return seal.PrivateKey{}, badFile(path, "it is the public key", "name with --key the file beside it, without .pub")
	}
	text, ok := strings.CutPrefix(line, deskKeyHead)
	seed, err := hex.DecodeString(text)
	if !ok || err != nil || len(seed) != 32 {
		return seal.PrivateKey{}, badFile(path, "it is not a key of awase desk key", "name with --key the file that awase desk key wrote")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return seal.PrivateKey{}, badFile(path, "others than you can read it", "chmod 600 it, and think of it as known: make another key and have it pinned")
	}
	return seal.DeriveKey(seal.XWing, [32]byte(seed))
}

func deskSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set --vault V desk.key.pub",
		Short: "Have the privacy desk's key pinned: two officers of the operator sign for it",
		Long: "Disclosures are sealed to this key from then on, and those that were made before open with the key of before. What waits to be signed for another key is drafted anew (awase requests disclose). " +
			"Whoever has the private half reads what is disclosed: compare the fingerprint with the desk by another way than the one you got the file by.",
		Args: exactArgs("desk.key.pub"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		_, raw, err := document(args[0])
		if err != nil {
			return err
		}
		key, err := seal.ParsePublicKey(strings.TrimSpace(string(raw)))
		if err != nil {
			return badFile(args[0], "it holds no public key of a privacy desk", "name the file that awase desk key wrote with .pub")
		}
		ack, err := e.SetDeskKey(cmd.Context(), key)
		if err != nil {
			return err
		}
		return answerExact(cmd, ack, func(w io.Writer) error {
			if err := sayAck(w, "desk key", ack); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "  fingerprint %s\n", key.Fingerprint())
			return err
		})
	})
}
