package vault

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A backup is a directory with the keys file, the log and the segments as they
// were at one moment, and a signed manifest of them that is written last. All of
// it is ciphertext, or the log; the vault key is not in it.

const (
	manifestName   = "manifest.json"
	manifestSchema = "awase.backup/v1"
)

// ErrPlace refuses a directory for a backup or for a restored vault.
var ErrPlace = errors.New("the directory can't be used; name a new one")

// Manifest says what a backup holds.
type Manifest struct {
	Schema     string         `json:"schema"`
	Vault      string         `json:"vault"` // its id
	Dev        bool           `json:"dev"`
	Taken      time.Time      `json:"taken"`
	Expires    string         `json:"expires"`    // the last day on which it is kept
	Entry      int64          `json:"entry"`      // of the log, that says that it was made
	Checkpoint string         `json:"checkpoint"` // of the log in it
	Files      []ManifestFile `json:"files"`
	Signature  []byte         `json:"signature,omitempty"` // Ed25519 by the vault's key over the schema, a newline and the JSON of the rest
}

// ManifestFile is one file of a backup.
type ManifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (m *Manifest) signed() ([]byte, error) {
	bare := *m
	bare.Signature = nil
	body, err := json.Marshal(bare)
	return append([]byte(manifestSchema+"\n"), body...), err
}

// Snapshot is what a backup holds, taken at one moment. What it names must not be
// swept before it was copied.
type Snapshot struct {
	v        *Vault
	manifest Manifest
	keys     []byte
	log      int64 // bytes
	segments []string
}

// Snapshot takes down what stands now: the segments given, the keys and the log, in
// which an entry says that a backup is made.
func (v *Vault) Snapshot(segments []string, expires string, entry *Record) (*Snapshot, error) {
	v.mu.Lock()
	file := v.keys
	keys, err := file.encode()
	v.mu.Unlock()
	if err != nil {
		return nil, err
	}
	l := v.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return nil, l.broken
	}
	root, err := tlog.TreeHash(l.n(), tlog.HashReaderFunc(l.readHashes))
	if err != nil {
		return nil, fmt.Errorf("hashing the log: %w", err)
	}
	note, err := v.signer.Checkpoint(l.n(), root)
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint: %w", err)
	}
	return &Snapshot{v: v, keys: keys, log: l.size, segments: slices.Clone(segments),
		manifest: Manifest{Schema: manifestSchema, Vault: file.ID, Dev: file.Dev, Taken: entry.Time, Expires: expires, Entry: entry.Seq, Checkpoint: string(note)}}, nil
}

// WriteTo copies the snapshot to a new directory outside the vault, or to one that
// a copying which was cut short left. It gives the bytes copied.
func (s *Snapshot) WriteTo(ctx context.Context, dir string) (n int64, err error) {
	disk := s.v.disk
	if err := s.v.outside(dir); err != nil {
		return 0, err
	}
	if err := beginDir(disk, dir, manifestName, "keys", "keys.new", "log", "segments", manifestName+".new"); err != nil {
		return 0, err
	}
	add := func(name string, from io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := copyFile(disk, filepath.Join(dir, name), from)
		f.Name = filepath.ToSlash(name)
		n += f.Size
		s.manifest.Files = append(s.manifest.Files, f)
		return err
	}
	fromVault := func(name string, most int64) error {
		f, err := os.Open(s.v.path(name))
		if err != nil {
			return err
		}
		defer f.Close()
		return add(name, io.LimitReader(f, most))
	}
	if err := makeDir(disk, filepath.Join(dir, "segments")); err != nil {
		return 0, err
	}
	for _, id := range s.segments {
		if err := fromVault(filepath.Join("segments", id+segmentExt), 1<<62); err != nil {
			return 0, err
		}
	}
	if err := disk.SyncDir(filepath.Join(dir, "segments")); err != nil {
		return 0, err
	}
	if err := errors.Join(add("keys", bytes.NewReader(s.keys)), fromVault("log", s.log)); err != nil {
		return 0, err
	}
	text, err := s.manifest.signed()
	if err != nil {
		return 0, err
	}
	s.manifest.Signature = s.v.signer.SignText(text)
	raw, err := json.MarshalIndent(&s.manifest, "", " ")
	if err != nil {
		return 0, err
	}
	if err := writeAtomic(disk, filepath.Join(dir, manifestName), append(raw, '\n'), 0o600); err != nil {
		return 0, err
	}
	return n, nil
}

// outside refuses a directory in the vault.
func (v *Vault) outside(dir string) error {
	in, err := filepath.Abs(v.dir)
	if err != nil {
		return err
	}
	at, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(in, at); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%w: it is in the vault", ErrPlace)
	}
	return nil
}

// beginDir makes a directory, or takes one that holds nothing but the beginnings
// of what is to be in it; done is the file that is written last.
func beginDir(disk FS, dir, done string, begun ...string) error {
	if err := disk.Mkdir(dir, 0o700); err == nil {
		return disk.SyncDir(filepath.Dir(dir))
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n.Name() == done || !slices.Contains(begun, n.Name()) {
			return fmt.Errorf("%w: it holds something", ErrPlace)
		}
	}
	return nil
}

// copyFile writes a file durably and gives its size and hash.
func copyFile(disk FS, path string, from io.Reader) (ManifestFile, error) {
	f, err := disk.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return ManifestFile{}, err
	}
	h := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(struct{ io.Writer }{f}, h), struct{ io.Reader }{from}, make([]byte, 1<<20))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return ManifestFile{Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// readManifest reads the manifest of a backup, not yet believed.
func readManifest(dir string) (*Manifest, error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the directory is no backup, or one that was cut short: it has no manifest")
	}
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil || m.Schema != manifestSchema {
		return nil, errors.New("the backup's manifest is not one that this version reads")
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(f.Name) {
			return nil, errors.New("the backup's manifest names a file elsewhere")
		}
	}
	return &m, nil
}

// verify holds a manifest against the vault's public key.
func (m *Manifest) verify(id string, key ed25519.PublicKey) error {
	text, err := m.signed()
	if err != nil {
		return err
	}
	if m.Vault != id || !ed25519.Verify(key, text, m.Signature) {
		return errors.New("the backup's manifest is not signed by this vault")
	}
	return nil
}
