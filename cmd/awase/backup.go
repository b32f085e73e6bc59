package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"awase/enclave"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

func backupCommand() *cobra.Command {
	var to, expires string
	cmd := &cobra.Command{
		Use:   "backup --vault V --to DIR --expires DATE",
		Short: "Copy the vault as it is now, while others use it",
		Long: "Copies keys file, record log and segments to a new directory, with a signed manifest; all of it is encrypted, and the vault key is not in it. " +
			"--expires is the last day on which you keep the copy: certificates of destruction name it. Delete it then. " +
			"After the vault key was replaced (awase vault rotate, awase entrustment end) make a new backup: those before open with the key of then alone.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&to, "to", "", "the new `directory`; not in the vault")
	cmd.Flags().StringVar(&expires, "expires", "", "the last `day` on which the copy is kept: 2026-12-31")
	return atTheMachine(inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if to == "" || expires == "" {
			return usageError{errors.New("name the new directory with --to, and the last day on which it is kept with --expires")}
		}
		day, err := entrustment.ParseDate(expires)
		if err != nil {
			return usageError{fmt.Errorf("--expires: %w", err)}
		}
		dir, err := filepath.Abs(to)
		if err != nil {
			return err
		}
		b, err := makeBackup(cmd.Context(), e, dir, day)
		if err != nil {
			return err
		}
		return answerLines(cmd, b, func() {
			say(cmd, "backup %s: %s, %s bytes, kept until %s, log entry %d", to, entrustment.Count(b.Segments, "segment", "segments"), thousands(b.Bytes), b.Expires, b.Seq)
		})
	}))
}

// makeBackup makes a backup at dir. The files of a served enclave leave by its
// directory for backups.
func makeBackup(ctx context.Context, e wire.Enclave, dir string, day entrustment.Date) (wire.Backup, error) {
	if _, served := e.(*wire.Client); !served {
		return e.Backup(ctx, wire.BackupRequest{Dir: dir, Expires: day})
	}
	refused := &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: "backup", Detail: "its directory can't be made or holds something", Mend: "name a new directory outside the vault"}
	if st, err := os.Stat(filepath.Dir(dir)); err != nil || !st.IsDir() {
		return wire.Backup{}, refused
	}
	if _, err := os.Lstat(dir); err == nil {
		return wire.Backup{}, refused
	}
	var other [4]byte // one that was cut short may lie there
	rand.Read(other[:])
	b, err := e.Backup(ctx, wire.BackupRequest{Dir: filepath.Base(dir) + "-" + hex.EncodeToString(other[:]), Expires: day})
	if err != nil {
		return wire.Backup{}, err
	}
	in, err := within(strings.TrimSuffix(filepath.Dir(b.Dir), vault.BackupsDir), dir)
	if err == nil && in {
		err = refused
	}
	if err == nil {
		err = move(b.Dir, dir)
	}
	if err != nil {
		return wire.Backup{}, fmt.Errorf("the backup is whole and lies at %s; move it from there: %w", b.Dir, err)
	}
	return b, nil
}

// move moves a directory of files, to another file system too.
func move(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, syscall.EXDEV) {
		return moveCopied(from, to)
	}
	return err
}

// moveCopied moves it by a copy, and removes what it copied once that is durable.
func moveCopied(from, to string) error {
	var dirs []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		if d.IsDir() {
			dirs = append(dirs, at)
			return os.Mkdir(at, 0o700)
		}
		return copyDurably(path, at)
	})
	for _, d := range append(dirs, filepath.Dir(to)) {
		if err == nil {
			err = syncDir(d)
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(from)
}

func copyDurably(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// checkRemains refuses remains that are not there, and the key file beside them:
// an end that is replayed replaces the key, and the old vault would open no more.
func checkRemains(dir string, source vault.KeySource) error {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §5", Field: "--remains", Detail: "there is no directory " + dir, Mend: "check the name; leave --remains out where nothing is left of the old vault"}
	}
	file, ok := source.(vault.KeyFile)
	if !ok {
		return nil
	}
	key, kerr := filepath.Abs(file.Path)
	old, oerr := filepath.Abs(dir)
	if err := errors.Join(kerr, oerr); err != nil {
		return err
	}
	if key == old+".key" {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "--vault-key", Detail: "it is the key file of the remains, which a restore may replace",
			Mend: "copy it, and name the copy"}
	}
	return nil
}

func restoreCommand() *cobra.Command {
	var dir, from, remains string
	var key keyFlags
	cmd := &cobra.Command{
		Use:   "restore --from DIR --vault V [--remains OLD]",
		Short: "Make a vault of a backup",
		Long: "Makes a new vault of a backup, and of what remains of the old one: its record log, with its checkpoint beside it, and segments that the backup lacks. " +
			"With the newest log, charges, ends of entrustments and requests of data subjects since the backup stand. " +
			"Without it, nothing is released until the requests and ends of the lost time were made again and confirmed (awase vault confirm), and budgets count as spent for 30 days. " +
			"The vault key is that of the old vault, or of the time of the backup. Neither backup nor remains are written to.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&dir, "vault", "", "the new vault's `directory`")
	cmd.Flags().StringVar(&from, "from", "", "the backup's `directory`")
	cmd.Flags().StringVar(&remains, "remains", "", "the `directory` of the old vault, or what is left of it")
	key.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dir == "" || from == "" {
			return usageError{errors.New("name the new vault with --vault and the backup with --from")}
		}
		source, err := key.source(dir, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		var left *vault.Remains
		if remains != "" {
			if err := checkRemains(remains, source); err != nil {
				return err
			}
			left = &vault.Remains{Dir: remains}
		}
		log := slog.New(plainHandler{cmd.ErrOrStderr()})
		rec, err := vault.Restore(cmd.Context(), dir, from, left, vault.Options{Logger: log, Key: source})
		if err != nil {
			return err
		}
		if !asJSON(cmd) {
			sayRestored(cmd, dir, rec)
		} else if err := answer(cmd, restored{entrustment.Moment(rec.Taken), entrustment.Moment(rec.Known), rec.Lost, rec.Dev}, nil); err != nil {
			return err
		}
		if !rec.Dev {
			return nil
		}
		e, err := enclave.Open(cmd.Context(), dir, enclave.Options{Logger: log, Key: source})
		if err != nil {
			return err
		}
		return e.Close()
	}
	return jsonFlag(cmd)
}

// restored is what awase restore prints as JSON.
type restored struct {
	Taken string `json:"taken"` // the backup
	Known string `json:"known"` // what happened up to then stands
	Lost  bool   `json:"lost"`  // the newest log was not there
	Dev   bool   `json:"dev"`
}

func sayRestored(cmd *cobra.Command, dir string, rec *vault.RestoreRecord) {
	say(cmd, "vault %s: restored from the backup of %s", dir, entrustment.Moment(rec.Taken))
	if rec.Lost {
		say(cmd, "  the newest log was not there: what happened after %s is not known. Nothing is released until awase vault confirm; budgets count as spent", entrustment.Moment(rec.Known))
	} else {
		say(cmd, "  with the newest log, whose last entry is of %s", entrustment.Moment(rec.Known))
	}
	if !rec.Dev {
		say(cmd, "  serve it with awase serve; its officers sign for it (awase vault confirm) before anything is released")
	}
}

func vaultConfirm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "confirm --vault V",
		Short: "Answer for what a restored vault can't know, so that it releases again",
		Long: "A vault that was restored without its newest log, or without requests of data subjects, releases nothing. Make those requests and the ends of entrustments of the lost time again, " +
			"then confirm it. Who confirms says, too, that the room counted nowhere in that time but where it counts now: where it was moved to another cluster, say first that that is lost (awase engine move --to embedded --cluster-lost). In a vault that has officers two of the operator's sign for it and, where the newest log was lost, one of each party.",
		Args: exactArgs(),
	}
	return atTheMachine(inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		ack, err := e.ConfirmRestore(cmd.Context())
		if err != nil {
			return err
		}
		if ack.Waits != nil || asJSON(cmd) {
			return said(cmd, "vault", ack)
		}
		if !ack.Changed {
			say(cmd, "vault: nothing waits to be confirmed")
			return nil
		}
		say(cmd, "vault: confirmed, log entry %d", ack.Seq)
		return nil
	}))
}
