package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"awase/crypto/receipt"
)

// KindRestore is the kind of the records that say that a vault was restored. The
// vault writes them itself, before it can be opened.
const KindRestore = "restore"

// RestoreRecord is the body of a KindRestore record.
type RestoreRecord struct {
	Backup int64     `json:"backup"` // entry that made the backup
	Taken  time.Time `json:"taken"`
	// Lost: the newest log was not there, so what was written after Known is not
	// known.
	Lost  bool      `json:"lost"`
	Known time.Time `json:"known"` // of the last entry that is
	// Confirm: nothing may be released before somebody confirmed the restore. It is
	// so where the log was lost, and in every vault that has officers.
	Confirm bool `json:"confirm"`
	Dev     bool `json:"-"` // the vault has no officers
}

// Remains are the files of a vault that a restore can take beside a backup: its
// directory with the newest log, keys file and segments, as far as they are there,
// and the checkpoint beside it.
type Remains struct{ Dir string }

// Restore makes a vault at dir of a backup, and of what remains of the vault that
// it was made of, nil: nothing. It never writes to either. The newest log is one
// that reaches the checkpoint beside the remains or, where they were moved away,
// beside dir. Cut short, it leaves no vault,
// and can be run again.
func Restore(ctx context.Context, dir, backup string, remains *Remains, o Options) (*RestoreRecord, error) {
	o.fill(dir)
	dir = filepath.Clean(dir)
	r := &restoring{Vault: &Vault{disk: o.FS, dir: dir, source: o.Key}, backup: backup, logger: o.Logger}
	if remains != nil {
		r.remains = filepath.Clean(remains.Dir)
	}
	rec, err := r.run(ctx, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("restoring the vault: %w", err), r.Close())
	}
	return rec, r.Close()
}

type restoring struct {
	*Vault
	backup   string
	remains  string // "": none
	logger   *slog.Logger
	manifest *Manifest
}

func (r *restoring) run(ctx context.Context, o Options) (*RestoreRecord, error) {
	var err error
	if r.page, err = newKeyPage(); err != nil {
		return nil, err
	}
	if r.manifest, err = readManifest(r.backup); err != nil {
		return nil, err
	}
	if err := r.findKeys(ctx); err != nil {
		return nil, err
	}
	if err := r.manifest.verify(r.keys.ID, r.signer.Public()); err != nil {
		return nil, err
	}
	if err := beginDir(r.disk, r.dir, "keys", "keys.new", "log", "log.new", "segments", "lock"); err != nil {
		return nil, err
	}
	if err := r.takeLock(ctx, o.Logger, ""); err != nil {
		return nil, err
	}
	if err := r.keepCheckpoint(); err != nil {
		return nil, err
	}
	if err := r.copySegments(ctx); err != nil {
		return nil, err
	}
	lost, err := r.copyLog(o)
	if err != nil {
		return nil, err
	}
	records := r.log.Records()
	rec := &RestoreRecord{Backup: r.manifest.Entry, Taken: r.manifest.Taken, Lost: lost, Known: records[len(records)-1].Time, Confirm: lost || !r.keys.Dev, Dev: r.keys.Dev}
	r.raiseGeneration(records)
	if err := r.log.startClock(r.keys.Dev, o.Logger); err != nil {
		return nil, err
	}
	if _, err := r.log.Append(KindRestore, rec); err != nil {
		return nil, err
	}
	if err := r.keys.write(r.disk, r.path("keys")); err != nil {
		return nil, err
	}
	return rec, removeIfThere(r.disk, r.dir+checkpointBefore)
}

// checkpointBefore is where the checkpoint that stood beside the vault is kept
// while a restore is under way, which writes its own.
const checkpointBefore = ".checkpoint.before"

func (r *restoring) keepCheckpoint() error {
	before := r.dir + checkpointBefore
	if _, err := os.Lstat(before); err == nil {
		return nil // of a restore that was cut short
	}
	note, err := os.ReadFile(r.checkpoint())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// An empty one says that there was none: the next run finds that of this one.
	return writeAtomic(r.disk, before, note, 0o600)
}

// findKeys opens the keys file of the remains or, where the key does not open
// that, of the backup.
func (r *restoring) findKeys(ctx context.Context) error {
	key, err := r.source.Key(ctx, false)
	if err != nil {
		return err
	}
	err = errUnwrap
	for _, dir := range []string{r.remains, r.backup} {
		if dir == "" {
			continue
		}
		keys, kerr := readKeys(filepath.Join(dir, "keys"))
		if kerr != nil || keys.ID != r.manifest.Vault {
			continue
		}
		if err = r.openBy(keys, key); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%w: a backup made before the vault key was replaced needs the key of then, or the keys file that was there last", err)
	}
	r.signer, err = receipt.NewSigner(r.Subkey("receipt signing"), "awase/"+r.keys.ID[:16])
	return err
}

// openBy opens a keys file by whichever of its two vault keys it is; a rotation
// that was under way is given up.
func (r *restoring) openBy(keys *keyFile, key Key) (err error) {
	if r.root, err = unwrap(&key, keys.rootLabel(), keys.Now.Root); err != nil && keys.Next != nil {
		keys.Now = *keys.Next
		keys.Now.Key = nil
		r.root, err = unwrap(&key, keys.rootLabel(), keys.Now.Root)
	}
	if err == nil {
		keys.Next = nil
		r.keys, *r.page.now() = keys, key
	}
	return err
}

// copySegments takes every segment of the backup, and of the remains those that
// the backup does not have.
func (r *restoring) copySegments(ctx context.Context) error {
	to := r.path("segments")
	if err := makeDir(r.disk, to); err != nil {
		return err
	}
	have := map[string]bool{}
	take := func(from, name string) (ManifestFile, error) {
		if err := ctx.Err(); err != nil {
			return ManifestFile{}, err
		}
		have[name] = true
		return r.copy(filepath.Join(from, "segments", name), filepath.Join(to, name))
	}
	for _, f := range r.manifest.Files {
		name, ok := strings.CutPrefix(f.Name, "segments/")
		if !ok {
			continue
		}
		got, err := take(r.backup, name)
		if err != nil {
			return err
		}
		if got.Size != f.Size || got.SHA256 != f.SHA256 {
			return fmt.Errorf("the backup is damaged: %s is not the file of its manifest", f.Name)
		}
	}
	if r.remains != "" {
		names, err := os.ReadDir(filepath.Join(r.remains, "segments"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, n := range names {
			if have[n.Name()] || !n.Type().IsRegular() || !strings.HasSuffix(n.Name(), segmentExt) {
				continue
			}
			// One that can't be read is as good as gone: the log tells what it was.
			_, err := take(r.remains, n.Name())
			if err != nil && !errors.Is(err, errUnread) {
				return err
			}
			if err != nil {
				r.logger.Warn("a segment of the remains can't be read", "error", err)
				if err := removeIfThere(r.disk, filepath.Join(to, n.Name())); err != nil {
					return err
				}
			}
		}
	}
	return r.disk.SyncDir(to)
}

// copyLog takes the log of the remains, if it goes on from that of the backup,
// else the backup's. lost: it is not known to be the newest.
func (r *restoring) copyLog(o Options) (lost bool, err error) {
	if r.remains != "" {
		err := r.openCopy(filepath.Join(r.remains, "log"), o)
		if err == nil {
			return !r.newest(), nil
		}
		if !errors.Is(err, errUnread) && !errors.Is(err, ErrLog) {
			return false, err
		}
		// What stands before the damage is more than the backup knows: charges,
		// requests, ends. What stood after it is lost.
		if errors.Is(err, ErrLog) {
			cut, cerr := r.cutDamaged()
			if cerr != nil {
				return false, cerr
			}
			if cut && r.openLogCopy(o) == nil {
				r.logger.Warn("the log of the remains is damaged, and taken up to there", "entries", r.log.n(), "error", err)
				return true, nil
			}
		}
		r.logger.Warn("the log of the remains can't be used", "error", err)
	}
	return true, r.openCopy(filepath.Join(r.backup, "log"), o)
}

// cutDamaged cuts the copy of a log off before its first damaged entry. It tells
// whether something was left.
func (r *restoring) cutDamaged() (bool, error) {
	data, err := os.ReadFile(r.path("log"))
	if err != nil {
		return false, err
	}
	l := &Log{key: r.Subkey("record log")}
	for rest := data; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte{'\n'})
		rec, err := l.parse(line)
		if err != nil || !whole {
			break
		}
		if err := l.add(rec, int64(len(line))+1); err != nil {
			return false, err
		}
		rest = after
	}
	if l.size == 0 || l.size == int64(len(data)) {
		return false, nil
	}
	f, err := r.disk.OpenFile(r.path("log"), os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	return true, errors.Join(f.Truncate(l.size), f.Sync(), f.Close())
}

// errUnread is that what is to be copied can't be read; any other error of a copy
// is of what is written.
var errUnread = errors.New("it can't be read")

func (r *restoring) copy(from, to string) (ManifestFile, error) {
	f, err := os.Open(from)
	if err != nil {
		return ManifestFile{}, fmt.Errorf("%w: %w", errUnread, err)
	}
	defer f.Close()
	in := &noted{r: f}
	file, err := copyFile(r.disk, to, in)
	if in.err != nil {
		err = fmt.Errorf("%w: %w", errUnread, in.err)
	}
	return file, err
}

// noted keeps the error of a reader.
type noted struct {
	r   io.Reader
	err error
}

// Read reads on.
func (n *noted) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return k, err
}

// openCopy copies a log and opens the copy, held against the backup's checkpoint.
func (r *restoring) openCopy(from string, o Options) error {
	if _, err := r.copy(from, r.path("log")); err != nil {
		return err
	}
	if err := r.disk.SyncDir(r.dir); err != nil {
		return err
	}
	if err := makeDir(r.disk, r.dir+checkpointDir); err != nil {
		return err
	}
	if err := r.disk.SyncDir(filepath.Dir(r.dir)); err != nil {
		return err
	}
	return r.openLogCopy(o)
}

// openLogCopy opens the copy of a log, held against the backup's checkpoint.
func (r *restoring) openLogCopy(o Options) (err error) {
	if err := writeAtomic(r.disk, r.checkpoint(), []byte(r.manifest.Checkpoint), 0o600); err != nil {
		return err
	}
	r.log, err = openLog(r.path("log"), r.checkpoint(), r.signer, r.Subkey("record log"), r.Subkey("boot ids"), o)
	return err
}

// newest tells whether the log is the one that the checkpoints know which stand
// beside the remains, or stood beside the vault: one at least.
func (r *restoring) newest() bool {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	found := false
	for _, path := range []string{filepath.Join(r.remains+checkpointDir, checkpointName), r.dir + checkpointBefore} {
		note, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(note) == 0 {
			continue
		}
		if err != nil {
			return false
		}
		known, root, err := r.signer.OpenCheckpoint(note)
		if err != nil || r.log.reaches(known, root) != nil {
			return false
		}
		found = true
	}
	return found
}

// raiseGeneration makes the keys' generation the newest that the log knows of, so
// that no later one is taken for an earlier.
func (r *restoring) raiseGeneration(records []Record) {
	for i := range records {
		if records[i].Kind != receipt.RotationKind {
			continue
		}
		var rot struct {
			Generation int64 `json:"generation"`
		}
		if json.Unmarshal(records[i].Body, &rot) == nil {
			r.keys.Now.Generation = max(r.keys.Now.Generation, rot.Generation)
		}
	}
}

// Has tells whether a segment is there, and its data key.
func (v *Vault) Has(ref SegmentRef) bool {
	path, err := v.segmentPath(ref.ID)
	if err != nil {
		return false
	}
	if _, err := os.Stat(path); err != nil {
		return false
	}
	_, err = v.dataKey(ref.Key)
	return err == nil
}
