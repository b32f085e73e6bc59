package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/approval"
	"awase/enclave"
	"awase/entrustment"
)

// officerKeyHead begins the file of an officer's private key, so that no other
// key is signed with.
const officerKeyHead = "awase.officer-key/v1 "

func officerKey() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "key --out me.key",
		Short: "Make the key that an officer signs with, and print what to write into party.yaml",
		Long: "Writes the private key to the file, mode 0600, and the public one beside it, with .pub. Keep the private key where nobody else gets at it, not on the machine of the room; " +
			"give the .pub to who keeps the party's party.yaml.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write the private key to; it must not be there yet")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if out == "" {
			return usageError{errors.New("name the key's file with --out")}
		}
		text, err := makeOfficerKey(out)
		if err != nil {
			return err
		}
		return answer(cmd, map[string]string{"key": text}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "officers: [{name: …, key: %q}]\n", text)
			return err
		})
	}
	return jsonFlag(cmd)
}

// makeOfficerKey writes an officer's private key, and the public one beside it,
// which it gives as party.yaml has it.
func makeOfficerKey(path string) (string, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	text := approval.FormatKey(public)
	if err := writeKey(path+".pub", text+"\n", 0o644); err != nil {
		return "", err
	}
	if err := writeKey(path, fmt.Sprintf("%s%x\n", officerKeyHead, private.Seed()), 0o600); err != nil {
		return "", errors.Join(err, os.Remove(path+".pub"))
	}
	return text, nil
}

func readOfficerKey(path string) (ed25519.PrivateKey, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if _, err := approval.ParseKey(strings.TrimSpace(string(raw)), ""); err == nil {
		return nil, badFile(path, "it is the public key", "name with --key the file beside it, without .pub")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, badFile(path, "others than you can read it", "chmod 600 it, and think of it as known: make another key and have it pinned")
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), officerKeyHead)
	seed, err := hex.DecodeString(text)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, badFile(path, "it is not a key of awase officer key", "name with --key the file that awase officer key wrote")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func initCommand() *cobra.Command {
	var dir string
	var officers []string
	var from keyFlags
	cmd := &cobra.Command{
		Use:   "init --vault V --officer NAME=KEY.pub --officer NAME=KEY.pub operator.yaml",
		Short: "The key ceremony: make a vault whose acts officers sign for",
		Long: "Makes the vault, or takes the one that awase serve made and that takes nothing yet, its service ended, and writes the operator's party.yaml and its officers down as the first act of its log. From then on entrustments, parties, policies and the gate's parameters are drafts until two officers signed them " +
			"(awase drafts, awase approve). A vault made by any command but these two is a dev vault, and stays one. The officers may also stand in operator.yaml.",
		Args: exactArgs("operator.yaml"),
	}
	cmd.Flags().StringVar(&dir, "vault", "", "the `directory` of the vault; the key of a new one is made beside it")
	from.register(cmd)
	cmd.Flags().StringArrayVar(&officers, "officer", nil, "an officer of the operator: `NAME=FILE`, the file that awase officer key wrote with .pub; two at least")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return usageError{errors.New("name the new vault's directory with --vault")}
		}
		name, data, err := document(args[0])
		if err != nil {
			return err
		}
		op, err := entrustment.ParseParty(name, data)
		if err != nil {
			return err
		}
		id, err := pinOfficers(cmd.Context(), cmd.ErrOrStderr(), dir, &from, op, officers)
		if err != nil {
			return err
		}
		return answer(cmd, struct {
			Vault    string                `json:"vault"`
			Operator string                `json:"operator"`
			Officers []entrustment.Officer `json:"officers"`
		}{id, op.ID, op.Officers}, func(w io.Writer) error { return ceremony(w, dir, id, op) })
	}
	return jsonFlag(cmd)
}

// holdCeremony makes a vault with an operator and its officers, and says so.
func holdCeremony(ctx context.Context, out, errOut io.Writer, dir string, from *keyFlags, op *entrustment.Party, officers []string) error {
	id, err := pinOfficers(ctx, errOut, dir, from, op, officers)
	if err != nil {
		return err
	}
	return ceremony(out, dir, id, op)
}

// pinOfficers makes a vault with an operator and its officers, each NAME=FILE of a
// public key, and gives the vault's number.
func pinOfficers(ctx context.Context, errOut io.Writer, dir string, from *keyFlags, op *entrustment.Party, officers []string) (string, error) {
	for _, text := range officers {
		name, path, ok := strings.Cut(text, "=")
		if !ok {
			return "", usageError{fmt.Errorf("--officer is written NAME=FILE, and this is %q", text)}
		}
		_, key, err := document(path)
		if err != nil {
			return "", err
		}
		o := entrustment.Officer{Name: name, Key: strings.TrimSpace(string(key))}
		if _, err := approval.ParseKey(o.Key, ""); err != nil {
			return "", badFile(path, "it holds no officer's public key", "name the file that awase officer key wrote with .pub")
		}
		op.Officers = append(op.Officers, o)
	}
	if err := entrustment.CheckOfficers(op.Officers); err != nil {
		return "", err
	}
	key, err := from.source(dir, errOut)
	if err != nil {
		return "", err
	}
	id, err := enclave.Init(ctx, dir, op, enclave.Options{Logger: slog.New(plainHandler{errOut}), Key: key})
	if err != nil {
		return "", fileError(dir, err)
	}
	return id, nil
}

// ceremony says what was made, for the people who were there to compare.
func ceremony(w io.Writer, dir, id string, op *entrustment.Party) error {
	var b strings.Builder
	fmt.Fprintf(&b, "vault %s made at %s\n", id, dir)
	for _, o := range op.Officers {
		fmt.Fprintf(&b, "  officer %s of %s: %s\n", o.Name, op.ID, o.Key)
	}
	fmt.Fprintf(&b, "Each officer compares the vault's number and their own key. Keep a backup of %s.key apart from the vault's.\n", dir)
	_, err := io.WriteString(w, b.String())
	return err
}
