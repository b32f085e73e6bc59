package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"awase/api/store"
)

// reportFiles are the releases of reports, a file each, named by the digest of
// what it holds: written again, it is the same file.
type reportFiles struct{ dir string }

var digestName = regexp.MustCompile(`^[0-9a-f]{64}$`)

func openReports(dir string) (*reportFiles, error) {
	if dir == "" {
		return nil, errors.New("there is no directory for reports")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for reports: %w", err)
	}
	return &reportFiles{dir}, nil
}

// put writes a release; it is on disk when put returns.
func (f *reportFiles) put(raw []byte) (digest string, err error) {
	h := sha256.Sum256(raw)
	digest = hex.EncodeToString(h[:])
	last := filepath.Join(f.dir, digest)
	if _, err := os.Stat(last); err == nil {
		return digest, f.touch(last)
	}
	t, err := os.CreateTemp(f.dir, "part-")
	if err != nil {
		return "", fmt.Errorf("keeping a report: %w", err)
	}
	_, err = t.Write(raw)
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err == nil {
		err = os.Rename(t.Name(), last)
	}
	if err == nil {
		err = f.sync()
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("keeping a report: %w", err), absent(os.Remove(t.Name())))
	}
	return digest, nil
}

// touch makes a file new, so that no sweep takes it before its row is there.
func (f *reportFiles) touch(name string) error {
	now := time.Now()
	if err := os.Chtimes(name, now, now); err != nil {
		return fmt.Errorf("keeping a report: %w", err)
	}
	return nil
}

func (f *reportFiles) sync() error {
	d, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// get reads a release, and refuses one that is not as it was written.
func (f *reportFiles) get(digest string) ([]byte, error) {
	if !digestName.MatchString(digest) {
		return nil, errors.New("a report's file has no name")
	}
	raw, err := os.ReadFile(filepath.Join(f.dir, digest))
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	if h := sha256.Sum256(raw); hex.EncodeToString(h[:]) != digest {
		return nil, errors.New("reading a report: its file is damaged")
	}
	return raw, nil
}

// sweep removes files of reports that are gone or of none, and what a crash left half
// written. New ones that are of none are spared: their rows may be on their way.
func (f *reportFiles) sweep(ctx context.Context, rows func(context.Context) ([]*store.Report, error), gone func(*store.Report) (bool, error)) error {
	entries, err := os.ReadDir(f.dir) // before the rows: so a file without one is nobody's
	if err != nil {
		return fmt.Errorf("sweeping reports: %w", err)
	}
	reports, err := rows(ctx)
	if err != nil {
		return err
	}
	kept, over := make(map[string]bool, len(reports)), map[string]bool{}
	for _, r := range reports {
		g, err := gone(r)
		if err != nil {
			return fmt.Errorf("sweeping reports: %w", err)
		}
		kept[r.Digest], over[r.Digest] = kept[r.Digest] || !g, g
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (kept[e.Name()] || !over[e.Name()] && time.Since(info.ModTime()) < time.Hour) {
			continue
		}
		if err == nil {
			err = absent(os.Remove(filepath.Join(f.dir, e.Name())))
		}
		if err != nil {
			return fmt.Errorf("sweeping reports: %w", err)
		}
	}
	return nil
}

// absent takes a file that is not there for removed.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
