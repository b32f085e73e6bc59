package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// termsDoc is the file that a desk seals by: whom to, under what.
type termsDoc struct {
	Schema      string         `json:"schema"`
	Key         seal.PublicKey `json:"key"`
	Fingerprint string         `json:"fingerprint"`
	Entrustment string         `json:"entrustment"`
	Version     int            `json:"version"`
	Party       string         `json:"party"`
}

const termsSchema = "awase.terms/v1"

func terms() *cobra.Command {
	var id, party string
	cmd := &cobra.Command{
		Use:   "terms --vault V [--entrustment E [--party P]]",
		Short: "Print what files are sealed to: the enclave's key, and whose list under which contract",
		Long:  "Prints a JSON document for awase seal. Without --entrustment it is for the operator's own base. Give the fingerprint to the other party by another way than the document.",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&id, "entrustment", seal.BaseEntrustment, "the entrustment's `id`")
	cmd.Flags().StringVar(&party, "party", "", "the `id` of a platform that seals event logs of what was delivered to it; without it, the party's whose lists are joined")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		t, err := e.Terms(cmd.Context(), id)
		if err == nil {
			t, err = t.LogsOf(party)
		}
		if err != nil {
			return err
		}
		raw, err := json.MarshalIndent(termsDoc{termsSchema, t.Key, t.Key.Fingerprint(), t.Entrustment, t.Version, t.Party}, "", "  ")
		if err != nil {
			return err
		}
		return answerJSON(cmd, raw, nil)
	})
}

func readTerms(path, fingerprint string) (wire.Terms, error) {
	name, raw, err := document(path)
	if err != nil {
		return wire.Terms{}, err
	}
	var d termsDoc
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil || d.Schema != termsSchema {
		return wire.Terms{}, &entrustment.Error{Code: entrustment.CodeDocument, Field: name, Detail: "not a document of awase terms", Mend: "ask the operator for it again"}
	}
	if got := d.Key.Fingerprint(); fingerprint != "" && got != fingerprint || got != d.Fingerprint {
		return wire.Terms{}, &entrustment.Error{Code: entrustment.CodeDocument, Field: name, Detail: "its key has another fingerprint",
			Mend: "seal nothing; ask the operator for key and fingerprint, each by another way"}
	}
	return wire.Terms{Key: d.Key, Entrustment: d.Entrustment, Version: d.Version, Party: d.Party}, nil
}

func sealCommand() *cobra.Command {
	var f loadFlags
	var termsFile, fingerprint, name, out, after string
	var events, force bool
	cmd := &cobra.Command{
		Use:   "seal --terms terms.json [--name N | --events] [--schema list.yaml] --out list.awase [--force] list.csv",
		Short: "Check and seal a file at the desk, so that only the enclave can open it",
		Long: "Reads the file as list load (or, with terms for the base, base load) does, shows the same report, and writes it sealed. Load the sealed file with the same commands. " +
			"Of an event log that names its users by labels, each label becomes its key on the way (--labels), and no label is in the sealed file. " +
			"No vault is needed.",
		Args: exactArgs("file"),
	}
	f.add(cmd, "list.yaml, or base.yaml with terms for the base")
	f.addSign(cmd)
	f.addChange(cmd)
	f.addPeriod(cmd)
	f.addLabels(cmd)
	cmd.Flags().StringVar(&termsFile, "terms", "", "the `file` that awase terms printed")
	cmd.Flags().StringVar(&fingerprint, "enclave-key", "", "refuse unless the enclave's key has this `fingerprint`")
	cmd.Flags().StringVar(&name, "name", "", "the list's `name`")
	cmd.Flags().StringVar(&out, "out", "", "the sealed `file` to write")
	cmd.Flags().BoolVar(&force, "force", false, "write over a file that is there already")
	cmd.Flags().StringVar(&after, "after", "", "take it only if the last sealed `file` that was taken for the list, the entrustment's event logs or the base is this one")
	cmd.Flags().BoolVar(&events, "events", false, "the file is an event log, --schema its events.yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.json = asJSON(cmd)
		if termsFile == "" || out == "" {
			return usageError{errors.New("name the terms with --terms and the sealed file with --out")}
		}
		if (f.from != "" || f.to != "" || f.replace) && !events {
			return usageError{errors.New("--from, --to and --replace are of event logs: --events")}
		}
		if len(f.labels) > 0 && !events {
			return usageError{errors.New("--labels is of event logs: --events")}
		}
		if events && f.change != "" {
			return usageError{errors.New("--change is of lists; an event log takes the place of others with --replace")}
		}
		t, err := readTerms(termsFile, fingerprint)
		if err != nil {
			return err
		}
		if err := checkTarget(out, append([]string{args[0], f.schema, termsFile, f.signKey, f.problems, after}, f.labels...)...); err != nil {
			return err
		}
		if err := checkTarget(f.problems, termsFile, out, after); err != nil {
			return err
		}
		if !force {
			if err := checkAbsent(out); err != nil {
				return err
			}
		}
		if fingerprint == "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "awase: nobody compared the enclave's key, %s: ask the operator for it by another way than the terms, and name it with --enclave-key\n", t.Key.Fingerprint())
		}
		open, name, err := f.sealOpener(cmd.Context(), t, name, events)
		if err != nil {
			return err
		}
		if after != "" {
			if f.after, err = readAfter(after, t, name); err != nil {
				return err
			}
		}
		return f.load(args[0], "sealing", cmd.OutOrStdout(), cmd.ErrOrStderr(), open, func(in *intake.File) (string, error) {
			err := writeFile(out, func(w io.Writer) error {
				b := bufio.NewWriterSize(w, 1<<20)
				if err := f.sealRows(cmd.Context(), b, t, name, in); err != nil {
					return err
				}
				return b.Flush()
			})
			said := map[string]string{"file": filepath.Base(out), "fingerprint": t.Key.Fingerprint()}
			return f.says(said, fmt.Sprintf("sealed to %s: %s\n", said["fingerprint"], said["file"])), err
		})
	}
	return jsonFlag(cmd)
}

// checkAbsent refuses to write over a sealed file: the next one may name it with
// --after, and it may not have been taken yet.
func checkAbsent(path string) error {
	switch _, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fileError(path, err)
	}
	return badFile(path, "it is there already", "name another file with --out, or write over this one with --force")
}

// readAfter reads the upload id of the sealed file that another is to follow.
func readAfter(path string, t wire.Terms, name string) (id string, err error) {
	err = readFile(path, func(file *os.File, _ int64) error {
		h, err := seal.ReadHead(bufio.NewReader(file))
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		if a := h.Address; a.Entrustment != t.Entrustment || a.Name != name {
			want := seal.Address{Entrustment: t.Entrustment, Version: t.Version, Party: t.Party, Name: name}
			return badFile(path, "it was sealed for "+destined(a)+", and this one is for "+destined(want), "name with --after the file that was sealed before this one for the same")
		}
		id = hex.EncodeToString(h.Address.Upload[:])
		return nil
	})
	return id, err
}

func sealKey() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "seal-key --out upload.key",
		Short: "Make a key that signs a party's sealed files, and print what to write into party.yaml",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write the private key to; it must not be there yet")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if out == "" {
			return usageError{errors.New("name the key's file with --out")}
		}
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return fmt.Errorf("making a key: %w", err)
		}
		if err := writeKey(out, fmt.Sprintf("%x\n", private.Seed()), 0o600); err != nil {
			return err
		}
		text := entrustment.FormatUploadKey(public)
		return answer(cmd, map[string]string{"upload_key": text}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "upload_key: %s\n", text)
			return err
		})
	}
	return jsonFlag(cmd)
}

// writeKey writes the file of a key that was not there.
func writeKey(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return badFile(path, "it is there already, and a key is never overwritten", "name another file")
	}
	if err != nil {
		return fileError(path, err)
	}
	_, err = io.WriteString(f, text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	return nil
}

func readSealKey(path string) (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, badFile(path, "it is not a key of awase seal-key", "name with --sign-key the file that awase seal-key wrote")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// sealOpener gives what opens the file to be sealed, and the name it is sealed
// under.
func (f *loadFlags) sealOpener(ctx context.Context, t wire.Terms, name string, events bool) (opener, string, error) {
	base := t.Entrustment == seal.BaseEntrustment
	if (base || events) && (name != "" || f.change != "") {
		return nil, "", usageError{errors.New("only a list has a --name and a --change")}
	}
	if events {
		open, err := f.eventOpener(ctx)
		return open, seal.EventsName, err
	}
	if !base && name == "" {
		return nil, "", usageError{errors.New("name the list with --name")}
	}
	open, err := f.opener(ctx, base)
	if err != nil || base {
		return open, seal.BaseName, err
	}
	return open, name, entrustment.CheckID("name", name)
}

// isSealed tells a sealed file, whole or cut short, by its first eight bytes.
func isSealed(f *os.File, size int64) bool {
	_, err := seal.ReadHead(io.NewSectionReader(f, 0, 1<<22))
	return size >= 8 && !errors.Is(err, seal.NotSealed)
}
