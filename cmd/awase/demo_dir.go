package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// demoMark tells a directory that the demo made from one that it must not
// touch. It names every file that the demo left there, with its hash: what was
// made or changed there since is somebody's, and is not taken away.
const demoMark = "made-by-awase-demo"

const (
	markHead = "Everything listed here was made by awase demo, which takes it away when it runs again here. It does not run where anything was added or changed.\n"
	// markOpen is all that a run that did not end has written.
	markOpen = "unfinished\n"
)

// prepareDemo makes an empty place for a demo: a new directory, or one in which
// nothing is but what a demo left there.
func prepareDemo(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("preparing %s: %w", dir, err)
	}
	if len(names) > 0 {
		if err := demosOwn(dir); err != nil {
			return err
		}
		for _, n := range names {
			if err := os.RemoveAll(filepath.Join(dir, n.Name())); err != nil {
				return fmt.Errorf("preparing %s: %w", dir, err)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "reports"), 0o755); err != nil {
		return fmt.Errorf("preparing %s: %w", dir, err)
	}
	return writeMark(dir, markOpen)
}

// demosOwn refuses a directory that holds anything that the demo did not leave.
func demosOwn(dir string) error {
	left, err := readMark(dir)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s holds files that the demo did not make; name another directory with --out", dir)
	} else if err != nil {
		return fmt.Errorf("preparing %s: %w", dir, err)
	}
	var foreign []string
	err = eachFile(dir, func(name string, regular bool) error {
		if name == demoMark {
			return nil
		}
		if left == nil { // a run that did not end: only the names are known
			if !regular || !demoName(name) {
				foreign = append(foreign, name)
			}
			return nil
		}
		hash := ""
		if regular {
			var err error
			if hash, err = hashFile(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		if was, ok := left[name]; !ok || was != hash {
			foreign = append(foreign, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("preparing %s: %w", dir, err)
	}
	if len(foreign) == 0 {
		return nil
	}
	const shown = 3
	words := strings.Join(foreign[:min(shown, len(foreign))], ", ")
	if more := len(foreign) - shown; more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%s holds what was added or changed since the demo ran there (%s), and would be lost; move it away or delete it, or name another directory with --out", dir, words)
}

// demoName tells whether an unfinished demo may have made a file of this name.
func demoName(name string) bool {
	first, _, nested := strings.Cut(filepath.ToSlash(name), "/")
	if nested {
		return slices.Contains([]string{"vault", "vault.checkpoint", "vault.inbox", "vault.outbox", "vault.backups", "officers", "reports", demoKeys, demoDelivered}, first)
	}
	return slices.Contains([]string{"vault.key", "room.key"}, name) || slices.Contains([]string{".csv", ".yaml", ".parquet"}, filepath.Ext(name))
}

// closeDemo writes down what the demo left in its directory.
func closeDemo(dir string) error {
	var b strings.Builder
	b.WriteString(markHead)
	err := eachFile(dir, func(name string, regular bool) error {
		if name == demoMark || !regular {
			return nil
		}
		hash, err := hashFile(filepath.Join(dir, name))
		if err == nil {
			fmt.Fprintf(&b, "%s  %s\n", hash, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("writing down what the demo made: %w", err)
	}
	return writeMark(dir, b.String())
}

func writeMark(dir, text string) error {
	if err := os.WriteFile(filepath.Join(dir, demoMark), []byte(text), 0o644); err != nil {
		return fmt.Errorf("marking %s: %w", dir, err)
	}
	return nil
}

// readMark gives the hash of each file that a demo left; nil for a demo that
// did not end.
func readMark(dir string) (map[string]string, error) {
	f, err := os.Open(filepath.Join(dir, demoMark))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	if !lines.Scan() || lines.Text()+"\n" != markHead {
		return nil, lines.Err()
	}
	out := map[string]string{}
	for lines.Scan() {
		if hash, name, ok := strings.Cut(lines.Text(), "  "); ok {
			out[filepath.FromSlash(name)] = hash
		}
	}
	return out, lines.Err()
}

// eachFile gives what is in a directory and below, directories left out.
func eachFile(dir string, yield func(name string, regular bool) error) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return yield(name, e.Type().IsRegular())
	})
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
