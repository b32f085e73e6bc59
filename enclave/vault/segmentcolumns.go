package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// ReadColumns opens a segment and gives its columns to each, in the order in
// which they were put, so that they need not be in memory together; data is
// each's to keep. After an error, each's own too, nothing that was given may be
// used: it is genuine, but the segment is not whole.
func (v *Vault) ReadColumns(ref SegmentRef, each func(name string, data []byte) error) error {
	path, err := v.segmentPath(ref.ID)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening a segment: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening a segment: %w", err)
	}
	head := make([]byte, len(segmentMagic)+saltSize)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(segmentMagic)]) != segmentMagic {
		return ErrSegment
	}
	aead, err := v.segmentCipher(ref, head[len(segmentMagic):])
	if err != nil {
		return err
	}
	left := st.Size() - int64(len(head))
	r := &columnReader{f: f, aead: aead, left: left, buf: make([]byte, min(left, int64(chunkSize+aead.Overhead())))}
	for {
		var n [8]byte
		if _, err := io.ReadFull(r, n[:2]); err == io.EOF {
			return nil
		} else if err != nil {
			return ErrSegment
		}
		name := make([]byte, binary.BigEndian.Uint16(n[:2]))
		if _, err := io.ReadFull(r, name); err != nil {
			return ErrSegment
		}
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return ErrSegment
		}
		size := binary.BigEndian.Uint64(n[:])
		if size > uint64(st.Size()) { // authenticated, yet never trust a length with memory
			return ErrSegment
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(r, data); err != nil {
			return ErrSegment
		}
		if err := each(string(name), data); err != nil {
			return err
		}
	}
}

// columnReader gives the authenticated content of a segment. A file that ends
// before its last chunk is an error, not an end.
type columnReader struct {
	f     io.Reader
	aead  cipher.AEAD
	left  int64
	buf   []byte
	plain []byte
	n     uint64
	done  bool
}

func (r *columnReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 {
		if r.done {
			return 0, io.EOF
		}
		size := min(r.left, int64(len(r.buf)))
		if size < int64(r.aead.Overhead()) {
			return 0, ErrSegment
		}
		if _, err := io.ReadFull(r.f, r.buf[:size]); err != nil {
			return 0, ErrSegment
		}
		r.left -= size
		r.done = r.left == 0
		var err error
		r.plain, err = r.aead.Open(r.buf[:0], chunkNonce(r.n), r.buf[:size], lastFlag(r.done))
		if err != nil {
			return 0, ErrSegment
		}
		r.n++
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}
