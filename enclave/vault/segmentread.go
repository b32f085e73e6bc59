package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// ReadSegment opens a segment and gives its columns by name, each in memory of
// its own. Chunks are decrypted on all cores, into the columns directly.
// Every chunk is authenticated before anything is given; what can't be read
// back as it was written is ErrSegment.
func (v *Vault) ReadSegment(ref SegmentRef) (map[string][]byte, error) {
	path, err := v.segmentPath(ref.ID)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a segment: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening a segment: %w", err)
	}
	head := make([]byte, len(segmentMagic)+saltSize)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(segmentMagic)]) != segmentMagic {
		return nil, ErrSegment
	}
	aead, err := v.segmentCipher(ref, head[len(segmentMagic):])
	if err != nil {
		return nil, err
	}
	s := &sealed{f: f, aead: aead, begin: int64(len(head)), size: st.Size() - int64(len(head))}
	chunk := int64(chunkSize + aead.Overhead())
	s.chunks = (s.size + chunk - 1) / chunk
	s.content = s.size - s.chunks*int64(aead.Overhead())
	if s.chunks == 0 || s.content < (s.chunks-1)*chunkSize {
		return nil, ErrSegment
	}
	parts, err := s.frame()
	if err != nil {
		return nil, err
	}
	if err := s.fill(parts); err != nil {
		return nil, err
	}
	cols := make(map[string][]byte, len(parts))
	for _, p := range parts {
		cols[p.name] = p.data
	}
	return cols, nil
}

// sealed is an open segment file.
type sealed struct {
	f       io.ReaderAt
	aead    cipher.AEAD
	begin   int64 // of the first chunk
	size    int64 // of all chunks, sealed
	chunks  int64
	content int64 // of all chunks, opened
}

// part is a column and where in the content it lies.
type part struct {
	name string
	at   int64
	data []byte
}

// chunkReader opens chunks one at a time. It is not safe for concurrent use;
// each worker has its own.
type chunkReader struct {
	*sealed
	buf []byte
}

func (s *sealed) reader() *chunkReader {
	return &chunkReader{s, make([]byte, min(s.size, int64(chunkSize+s.aead.Overhead())))}
}

// open appends the content of chunk n to dst.
func (r *chunkReader) open(dst []byte, n int64) ([]byte, error) {
	at := n * int64(chunkSize+r.aead.Overhead())
	buf := r.buf[:min(r.size-at, int64(len(r.buf)))]
	if _, err := r.f.ReadAt(buf, r.begin+at); err != nil {
		return nil, ErrSegment
	}
	plain, err := r.aead.Open(dst, chunkNonce(uint64(n)), buf, lastFlag(n == r.chunks-1))
	if err != nil {
		return nil, ErrSegment
	}
	return plain, nil
}

// frame finds the columns: it opens the chunks that their names and lengths
// lie in, and no other. The columns are yet to be filled.
func (s *sealed) frame() ([]part, error) {
	var (
		r     = s.reader()
		plain []byte
		have  = int64(-1) // the chunk in plain
		at    int64
		parts []part
	)
	next := func(p []byte) error {
		for len(p) > 0 {
			if at >= s.content {
				return ErrSegment
			}
			if n := at / chunkSize; n != have {
				var err error
				if plain, err = r.open(plain[:0], n); err != nil {
					return err
				}
				have = n
			}
			n := copy(p, plain[at%chunkSize:])
			p, at = p[n:], at+int64(n)
		}
		return nil
	}
	for at < s.content {
		var n [8]byte
		if err := next(n[:2]); err != nil {
			return nil, err
		}
		name := make([]byte, binary.BigEndian.Uint16(n[:2]))
		if err := next(name); err != nil {
			return nil, err
		}
		if err := next(n[:]); err != nil {
			return nil, err
		}
		size := binary.BigEndian.Uint64(n[:])
		if size > uint64(s.content-at) { // authenticated, yet never trust a length with memory
			return nil, ErrSegment
		}
		parts = append(parts, part{string(name), at, newPages(int(size))})
		at += int64(size)
	}
	return parts, nil
}

// fill opens every chunk, on all cores.
func (s *sealed) fill(parts []part) error {
	var (
		wg     sync.WaitGroup
		next   atomic.Int64
		failed atomic.Bool
	)
	for range min(int64(runtime.GOMAXPROCS(0)), s.chunks) {
		wg.Go(func() {
			r := s.reader()
			var plain []byte
			for !failed.Load() {
				n := next.Add(1) - 1
				if n >= s.chunks {
					return
				}
				var err error
				if plain, err = r.fillChunk(parts, n, plain); err != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	if failed.Load() {
		return ErrSegment
	}
	return nil
}

// fillChunk opens chunk n into the columns it holds. plain is scratch that it
// gives back: a chunk that lies in one column goes there without a copy.
func (r *chunkReader) fillChunk(parts []part, n int64, plain []byte) ([]byte, error) {
	begin, end := n*chunkSize, min((n+1)*chunkSize, r.content)
	for _, p := range parts {
		if p.at <= begin && end <= p.at+int64(len(p.data)) && begin < end {
			_, err := r.open(p.data[begin-p.at:begin-p.at:end-p.at], n)
			return plain, err
		}
	}
	plain, err := r.open(plain[:0], n)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		from, to := max(p.at, begin), min(p.at+int64(len(p.data)), end)
		if from < to {
			copy(p.data[from-p.at:to-p.at], plain[from-begin:])
		}
	}
	return plain, nil
}
