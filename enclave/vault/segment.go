package vault

import (
	"bufio"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
)

// A segment file is
//
//	"awase segment 1\n" ‖ salt[32] ‖ chunk…
//
// where each chunk is AES-256-GCM of at most chunkSize bytes of the content
// under a key of its own, HKDF-SHA256(data key, salt, segment id), with nonce =
// chunk number (96-bit big-endian) and AAD = 1 for the last chunk, 0 otherwise.
// A chunk can't be moved, repeated or cut off. The content is a sequence of
// named columns: name length u16 ‖ name ‖ data length u64 ‖ data, big-endian.
const (
	segmentMagic = "awase segment 1\n"
	segmentExt   = ".seg"
	chunkSize    = 1 << 20
	saltSize     = 32
)

var segmentID = regexp.MustCompile(`^[a-z0-9-]{1,80}$`)

// ErrSegment says that a segment file can't be read back as it was written.
var ErrSegment = errors.New("the segment is damaged or was exchanged; restore it from a backup or load the file again")

// A SegmentRef names a committed segment and the data key it is under.
type SegmentRef struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// A SegmentWriter writes one segment. Columns are read back by name.
type SegmentWriter struct {
	v    *Vault
	ref  SegmentRef
	f    File
	path string // of f
	w    *bufio.Writer
	aead cipher.AEAD
	buf  []byte      // plaintext not yet sealed, at most chunkSize
	out  [2][][]byte // 2 a core: sealed chunks: those being written, those being sealed
	n    uint64      // chunks sealed
	err  error
}

// NewSegment starts a segment under the data key named key, with a random
// name. It is visible to nobody before Commit.
func (v *Vault) NewSegment(key string) (*SegmentWriter, error) {
	var id [16]byte
	rand.Read(id[:])
	return v.newSegment(SegmentRef{hex.EncodeToString(id[:]), key})
}

// ReplaceSegment starts a segment of a given name; Commit replaces the one
// that may be there.
func (v *Vault) ReplaceSegment(ref SegmentRef) (*SegmentWriter, error) { return v.newSegment(ref) }

func (v *Vault) newSegment(ref SegmentRef) (*SegmentWriter, error) {
	// The record that names what stands under this name may be on the disk.
	if err := v.log.usable(); err != nil {
		return nil, err
	}
	path, err := v.segmentPath(ref.ID)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	aead, err := v.segmentCipher(ref, salt)
	if err != nil {
		return nil, err
	}
	path += ".new"
	f, err := v.disk.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a segment: %w", err)
	}
	w := &SegmentWriter{v: v, ref: ref, f: f, path: path, w: bufio.NewWriterSize(f, 1<<16), aead: aead, buf: make([]byte, 0, chunkSize)}
	for i := range w.out {
		w.out[i] = make([][]byte, 2*runtime.GOMAXPROCS(0))
	}
	w.keep(w.w.WriteString(segmentMagic))
	w.keep(w.w.Write(salt))
	return w, nil
}

func (v *Vault) segmentPath(id string) (string, error) {
	if !segmentID.MatchString(id) {
		return "", fmt.Errorf("not a segment name")
	}
	return filepath.Join(v.path("segments"), id+segmentExt), nil
}

func (v *Vault) segmentCipher(ref SegmentRef, salt []byte) (cipher.AEAD, error) {
	key, err := v.dataKey(ref.Key)
	if err != nil {
		return nil, err
	}
	sub, err := hkdf.Key(sha256.New, key[:], salt, "awase/v1 segment "+ref.ID, KeySize)
	if err != nil {
		return nil, err
	}
	return newGCM(sub)
}

func (w *SegmentWriter) keep(_ int, err error) {
	if w.err == nil {
		w.err = err
	}
}

// ID is the segment's name.
func (w *SegmentWriter) ID() string { return w.ref.ID }

// Unfinished is what Sweep knows a segment by before Commit. Whoever writes one while
// others may sweep has them keep both names.
func Unfinished(id string) string { return id + segmentExt + ".new" }

// Put adds a column. The error may come as late as Commit.
func (w *SegmentWriter) Put(name string, data []byte) error {
	head := binary.BigEndian.AppendUint16(nil, uint16(len(name)))
	head = append(head, name...)
	head = binary.BigEndian.AppendUint64(head, uint64(len(data)))
	w.write(head)
	w.write(data)
	return w.err
}

// write takes p. What is not the last chunk is sealed and written when it
// returns, so nothing keeps p.
func (w *SegmentWriter) write(p []byte) {
	n := min(len(p), chunkSize-len(w.buf))
	w.buf = append(w.buf, p[:n]...)
	if p = p[n:]; len(p) == 0 || w.err != nil {
		return
	}
	whole := (len(p) - 1) / chunkSize // chunks of p after which something comes
	w.seal(1+whole, false, func(i int) []byte {
		if i == 0 {
			return w.buf
		}
		return p[(i-1)*chunkSize : i*chunkSize]
	})
	w.buf = append(w.buf[:0], p[whole*chunkSize:]...)
}

// seal seals the next chunks on all cores and writes them in their order, some
// while the next are sealed.
func (w *SegmentWriter) seal(chunks int, last bool, chunk func(i int) []byte) {
	batch := min(len(w.out[0]), chunks)
	var sealed [][]byte // those of the round before
	for begin := 0; begin < chunks && w.err == nil; begin += batch {
		now := w.out[begin/batch%2][:min(batch, chunks-begin)]
		var wg sync.WaitGroup
		for i := range now {
			one := func() {
				now[i] = w.aead.Seal(now[i][:0], chunkNonce(w.n+uint64(begin+i)), chunk(begin+i), lastFlag(last && begin+i == chunks-1))
			}
			if chunks == 1 {
				one()
			} else {
				wg.Go(one)
			}
		}
		w.put(sealed)
		wg.Wait()
		sealed = now
	}
	w.put(sealed)
	w.n += uint64(chunks)
}

// put writes sealed chunks.
func (w *SegmentWriter) put(sealed [][]byte) {
	for _, c := range sealed {
		if w.err == nil {
			w.keep(w.w.Write(c))
		}
	}
}

func chunkNonce(n uint64) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[4:], n)
	return nonce
}

func lastFlag(last bool) []byte {
	if last {
		return []byte{1}
	}
	return []byte{0}
}

// Commit makes the segment durable and gives its name. Until a record names
// it, the next open sweeps it away.
func (w *SegmentWriter) Commit() (SegmentRef, error) {
	w.seal(1, true, func(int) []byte { return w.buf })
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err == nil {
		w.err = w.f.Sync()
	}
	if err := w.f.Close(); w.err == nil {
		w.err = err
	}
	path, err := w.v.segmentPath(w.ref.ID)
	if w.err == nil {
		w.err = err
	}
	if w.err == nil {
		w.err = w.v.disk.Rename(w.path, path)
	}
	if w.err == nil {
		w.err = w.v.disk.SyncDir(filepath.Dir(path))
	}
	if w.err != nil {
		return SegmentRef{}, fmt.Errorf("writing a segment: %w", errors.Join(w.err, removeIfThere(w.v.disk, w.path)))
	}
	return w.ref, nil
}

// Abort drops what was written.
func (w *SegmentWriter) Abort() error {
	return errors.Join(w.f.Close(), removeIfThere(w.v.disk, w.path))
}
