package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
)

// A Record is one act in the record log.
//
// In the file it is a line: HMAC-SHA256 in hex ‖ space ‖ JSON ‖ newline, under
// a key derived from the root secret: who can write the file but has no key
// can't add to it. The JSON is the leaf that the RFC 6962 tree hashes; its random salt makes the leaf's
// hash a commitment that can't be guessed from.
type Record struct {
	Seq  int64           `json:"seq"`  // from 0, without gaps
	Time time.Time       `json:"time"` // never before the record it follows
	Kind string          `json:"kind"`
	Prev string          `json:"prev"` // SHA-256 in hex of the line before; "" for the first
	Salt []byte          `json:"salt"`
	Body json.RawMessage `json:"body"`

	line []byte // the JSON as written
}

// Line gives the record's JSON as it stands in the log.
func (r *Record) Line() []byte { return r.line }

// Log is the record log. It is safe for concurrent use.
type Log struct {
	mu         sync.Mutex
	disk       FS
	f          File
	checkpoint string // path
	signer     *receipt.Signer
	key        [KeySize]byte // of the lines' MACs
	clock      clock
	records    []Record
	size       int64       // bytes of whole records in f
	hashes     []tlog.Hash // stored hashes of the tree
	broken     error       // why nothing is taken any more
}

// macSize is the length of a line's MAC in hex.
const macSize = 2 * sha256.Size

func (l *Log) mac(line []byte) string {
	m := hmac.New(sha256.New, l.key[:])
	m.Write(line)
	return hex.EncodeToString(m.Sum(nil))
}

// ErrLog says that the record log is not the one this vault wrote.
var ErrLog = errors.New("the record log is damaged")

// makeLog makes an empty log and the checkpoint of nothing.
func makeLog(disk FS, path, checkpoint string, s *receipt.Signer) error {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return err
	}
	note, err := s.Checkpoint(0, root)
	if err != nil {
		return err
	}
	if err := writeAtomic(disk, checkpoint, note, 0o600); err != nil {
		return err
	}
	return writeAtomic(disk, path, nil, 0o600)
}

// openLog reads and checks the whole log. A torn last record that was never
// acknowledged is cut off; anything else that does not fit is an error, and so
// is a log that ends before its checkpoint.
func openLog(path, checkpoint string, s *receipt.Signer, key, clockKey [KeySize]byte, o Options) (*Log, error) {
	note, err := os.ReadFile(checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: its checkpoint file, beside the vault, is missing; restore it", ErrLog)
	} else if err != nil {
		return nil, fmt.Errorf("reading the log's checkpoint: %w", err)
	}
	known, root, err := s.OpenCheckpoint(note)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLog, err)
	}
	f, err := o.FS.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the record log: %w", err)
	}
	l := &Log{disk: o.FS, f: f, checkpoint: checkpoint, signer: s, key: key, clock: newClock(o, clockKey)}
	err = l.load(path, known, o)
	if err == nil {
		err = l.check(known, root)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *Log) load(path string, known int64, o Options) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the record log: %w", err)
	}
	sure := int64(0) // bytes of the entries that the checkpoint knows
	for rest := data; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte{'\n'})
		rec, err := l.parse(line)
		if err == nil && !whole {
			err = errors.New("unfinished")
		}
		if err != nil {
			if len(after) > 0 || l.n() < known {
				return fmt.Errorf("%w: entry %d: %w", ErrLog, l.n(), err)
			}
			o.Logger.Info("cut off an unfinished entry of the record log", "entry", l.n())
			return errors.Join(l.settle(data, sure), l.truncate())
		}
		if err := l.add(rec, int64(len(line))+1); err != nil {
			return err
		}
		if l.n() <= known {
			sure = l.size
		}
		rest = after
	}
	return l.settle(data, sure)
}

// settle writes the entries that the checkpoint does not know once more: whoever
// wrote them died or failed before it knew them to be on the disk, and they may
// have been read from memory alone. The checkpoint may not know more than the
// disk.
func (l *Log) settle(data []byte, sure int64) error {
	if l.size == sure {
		return nil
	}
	if _, err := l.f.WriteAt(data[sure:l.size], sure); err != nil {
		return fmt.Errorf("writing the last log entry again: %w", err)
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("writing the last log entry again: %w", err)
	}
	return nil
}

// parse checks a line against the chain so far.
func (l *Log) parse(line []byte) (*Record, error) {
	if len(line) <= macSize || line[macSize] != ' ' {
		return nil, errors.New("not a log line")
	}
	if !hmac.Equal([]byte(l.mac(line[macSize+1:])), line[:macSize]) {
		return nil, errors.New("its checksum differs: this vault did not write it as it stands")
	}
	rec := Record{line: bytes.Clone(line[macSize+1:])}
	if err := json.Unmarshal(rec.line, &rec); err != nil {
		return nil, errors.New("not JSON")
	}
	if rec.Seq != l.n() {
		return nil, errors.New("its number is out of order")
	}
	if rec.Prev != l.lastHash() {
		return nil, errors.New("it does not follow the entry before it")
	}
	return &rec, nil
}

func (l *Log) n() int64 { return int64(len(l.records)) }

func (l *Log) lastHash() string {
	if len(l.records) == 0 {
		return ""
	}
	h := sha256.Sum256(l.records[len(l.records)-1].line)
	return hex.EncodeToString(h[:])
}

// add takes a record that is in the file into memory.
func (l *Log) add(rec *Record, bytes int64) error {
	more, err := tlog.StoredHashes(rec.Seq, rec.line, tlog.HashReaderFunc(l.readHashes))
	if err != nil {
		return fmt.Errorf("hashing the log: %w", err)
	}
	l.hashes = append(l.hashes, more...)
	l.records = append(l.records, *rec)
	l.size += bytes
	return nil
}

func (l *Log) readHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(l.hashes)) {
			return nil, errors.New("no such hash in the tree")
		}
		out[i] = l.hashes[x]
	}
	return out, nil
}

// check holds the log against its checkpoint.
func (l *Log) check(known int64, root tlog.Hash) error {
	if err := l.reaches(known, root); err != nil {
		return err
	}
	return l.advance()
}

// reaches holds the log against what a checkpoint knows of it.
func (l *Log) reaches(known int64, root tlog.Hash) error {
	if l.n() < known {
		return fmt.Errorf("%w: it ends at %d, its checkpoint knows it up to %d: an older copy of the vault was put back, and what was released since is not in it; put the newest copy back", ErrLog, l.n(), known)
	}
	got, err := tlog.TreeHash(known, tlog.HashReaderFunc(l.readHashes))
	if err != nil {
		return fmt.Errorf("hashing the log: %w", err)
	}
	if got != root {
		return fmt.Errorf("%w: what it holds up to %d is not what its checkpoint signed", ErrLog, known)
	}
	return nil
}

// advance writes the checkpoint of the log as it is.
func (l *Log) advance() error {
	root, err := tlog.TreeHash(l.n(), tlog.HashReaderFunc(l.readHashes))
	if err != nil {
		return fmt.Errorf("hashing the log: %w", err)
	}
	note, err := l.signer.Checkpoint(l.n(), root)
	if err != nil {
		return fmt.Errorf("signing the checkpoint: %w", err)
	}
	if err := writeAtomic(l.disk, l.checkpoint, note, 0o600); err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	return nil
}

func (l *Log) truncate() error {
	if err := l.f.Truncate(l.size); err != nil {
		return fmt.Errorf("cutting off an unfinished log entry: %w", err)
	}
	return l.f.Sync()
}

// Now gives the vault's time, never before the last record. While the machine's
// clock can't be read it stands still, and nothing is written.
func (l *Log) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, _ := l.nowLocked()
	return t
}

// nowLocked gives the time; where the clock can't be read a time that was, and
// the error.
func (l *Log) nowLocked() (time.Time, error) {
	t, err := l.clock.now()
	if len(l.records) > 0 {
		if last := l.records[len(l.records)-1].Time; t.Before(last) {
			t = last
		}
	}
	return t, err
}

// Append writes an act. It is durable when Append returns nil.
//
// After a failure the log holds in memory what was acknowledged, the disk that
// and perhaps the failed line, and the vault takes nothing more until it is
// opened again. Cutting the line off and going on would not do: after a failed
// fsync the kernel may count the lost pages as written, so the next fsync says
// nothing of them, and the cut can fail as the write did. Opening reads what
// is there, and either the line counts or it does not.
func (l *Log) Append(kind string, body any) (*Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return nil, l.broken
	}
	now, err := l.nowLocked()
	if err != nil {
		return nil, fmt.Errorf("writing a log entry: %w", err)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding a log entry: %w", err)
	}
	rec := Record{Seq: l.n(), Time: now, Kind: kind, Prev: l.lastHash(), Salt: make([]byte, 16), Body: raw}
	rand.Read(rec.Salt)
	if rec.line, err = json.Marshal(rec); err != nil {
		return nil, fmt.Errorf("encoding a log entry: %w", err)
	}
	line := fmt.Appendf(nil, "%s %s\n", l.mac(rec.line), rec.line)
	if _, err = l.f.WriteAt(line, l.size); err == nil {
		err = l.f.Sync()
	}
	records, hashes, size := l.records, l.hashes, l.size
	if err == nil {
		err = l.add(&rec, int64(len(line)))
	}
	if err == nil {
		err = l.advance()
	}
	if err != nil {
		l.records, l.hashes, l.size = records, hashes, size
		l.broken = fmt.Errorf("the vault takes nothing more after a failed write; see to the disk and open the vault again: %w", err)
		return nil, fmt.Errorf("writing a log entry: %w", err)
	}
	return &l.records[rec.Seq], nil
}

// usable gives an error once a write failed.
func (l *Log) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// Records gives what was acknowledged so far.
func (l *Log) Records() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[:len(l.records):len(l.records)]
}

// Proof gives the proof that entry seq stands in the log as it was just after
// it: the same bytes whenever it is asked for.
func (l *Log) Proof(seq int64) (receipt.LogProof, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < 0 || seq >= l.n() {
		return receipt.LogProof{}, errors.New("no such log entry")
	}
	n := seq + 1
	hashes := tlog.HashReaderFunc(l.readHashes)
	root, err := tlog.TreeHash(n, hashes)
	if err != nil {
		return receipt.LogProof{}, fmt.Errorf("hashing the log: %w", err)
	}
	path, err := tlog.ProveRecord(n, seq, hashes)
	if err != nil {
		return receipt.LogProof{}, fmt.Errorf("proving a log entry: %w", err)
	}
	note, err := l.signer.Checkpoint(n, root)
	if err != nil {
		return receipt.LogProof{}, fmt.Errorf("signing the checkpoint: %w", err)
	}
	p := receipt.LogProof{Entry: string(l.records[seq].line), Index: seq, Checkpoint: string(note), Inclusion: make([][]byte, len(path))}
	for i := range path {
		p.Inclusion[i] = path[i][:]
	}
	return p, nil
}

func (l *Log) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = errors.New("the vault is closed")
	}
	return l.f.Close()
}
