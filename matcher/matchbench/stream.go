package matchbench

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"

	"awase/crypto/token"
)

// Bytes of what a match has to read at least once.
const (
	tokenBytes   = token.Size
	cellBytes    = 2
	clusterBytes = 4
)

// maxBuffer is far more than any cache holds.
const maxBuffer = 1 << 30

// NeedBytes is what a match and count reads if it reads each byte it needs
// once: the tokens of base and list, and a user's cell in two bytes. With
// several kinds a token needs to say whose it is, in four bytes more; with one
// the cells can lie in the order of the tokens.
func (d *Data) NeedBytes() int64 {
	users, list, kinds := int64(d.Users), int64(d.List), int64(d.Kinds)
	need := (users+list)*kinds*tokenBytes + users*cellBytes
	if kinds > 1 {
		need += users * kinds * clusterBytes
	}
	return need
}

// Streamer reads memory in order, on all cores, as fast as it goes.
type Streamer struct {
	buf  []byte
	need int64
	sum  atomic.Uint64 // keeps the reading from being left out
}

// NewStreamer prepares to read need bytes. It holds at most 1 GiB; more than
// that it reads by going over it again.
func NewStreamer(need int64) *Streamer {
	s := &Streamer{buf: make([]byte, min(need, maxBuffer)), need: need}
	for i := 0; i < len(s.buf); i += 512 { // fresh memory is one page of zeros
		s.buf[i] = 1
	}
	return s
}

// Read reads the bytes once.
func (s *Streamer) Read() {
	for left := s.need; left > 0; left -= int64(len(s.buf)) {
		s.pass(s.buf[:min(left, int64(len(s.buf)))])
	}
}

func (s *Streamer) pass(buf []byte) {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			part := buf[len(buf)*w/workers : len(buf)*(w+1)/workers]
			var a, b, c, d uint64
			for ; len(part) >= 32; part = part[32:] {
				a += binary.LittleEndian.Uint64(part)
				b += binary.LittleEndian.Uint64(part[8:])
				c += binary.LittleEndian.Uint64(part[16:])
				d += binary.LittleEndian.Uint64(part[24:])
			}
			s.sum.Add(a + b + c + d)
		})
	}
	wg.Wait()
}
