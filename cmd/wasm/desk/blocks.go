package desk

import (
	"fmt"
	"io"
	"sync"
)

const (
	blockSize  = 1 << 18
	blocksKept = 16
)

// Blocks is an io.ReaderAt over a file that is fetched in blocks, of which it
// keeps the last few: the page is asked for a quarter of a megabyte at a time,
// however little is read. It is safe for concurrent use.
type Blocks struct {
	size  int64
	fetch func(at int64, n int) ([]byte, error)

	mu   sync.Mutex
	kept []block // the last used one at the end
}

type block struct {
	index int64
	data  []byte
}

// NewBlocks gives a reader of size bytes. fetch gives exactly the n bytes at an
// offset; it is called by one goroutine at a time.
func NewBlocks(size int64, fetch func(at int64, n int) ([]byte, error)) *Blocks {
	return &Blocks{size: size, fetch: fetch}
}

// ReadAt is io.ReaderAt's.
func (b *Blocks) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fmt.Errorf("read the file: offset %d", at)
	}
	for n < len(p) {
		if at >= b.size {
			return n, io.EOF
		}
		data, err := b.block(at / blockSize)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], data[at%blockSize:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

func (b *Blocks) block(index int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, k := range b.kept {
		if k.index == index {
			b.kept = append(append(b.kept[:i], b.kept[i+1:]...), k)
			return k.data, nil
		}
	}
	at := index * blockSize
	n := int(min(blockSize, b.size-at))
	data, err := b.fetch(at, n)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if len(data) != n {
		return nil, fmt.Errorf("read the file: %d bytes at %d, want %d: %w", len(data), at, n, io.ErrUnexpectedEOF)
	}
	if len(b.kept) == blocksKept {
		b.kept = append(b.kept[:0], b.kept[1:]...)
	}
	b.kept = append(b.kept, block{index, data})
	return data, nil
}
