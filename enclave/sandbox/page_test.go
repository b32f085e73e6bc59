package sandbox_test

import (
	"bytes"
	"os"
	"testing"

	"awase/enclave/sandbox"
)

// TestLockedPage: what is written is there, and gone after Close, also in a
// slice that somebody kept.
func TestLockedPage(t *testing.T) {
	for _, size := range []int{1, 32, os.Getpagesize()} {
		p, err := sandbox.NewLockedPage(size)
		if err != nil {
			t.Fatal(err)
		}
		b := p.Bytes()
		if len(b) != size || cap(b) != size || !bytes.Equal(b, make([]byte, size)) {
			t.Fatalf("%d of %d bytes, or not zero", len(b), cap(b))
		}
		copy(b, bytes.Repeat([]byte{0xA5}, size))
		if !bytes.Equal(p.Bytes(), b) || p.Bytes()[size-1] != 0xA5 {
			t.Error("what was written is not there")
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		if !bytes.Equal(b, make([]byte, size)) {
			t.Error("the page was not wiped")
		}
		if locked, why := p.Locked(); p.Bytes() != nil || locked || why == "" {
			t.Errorf("after Close: %d bytes, %v, %q", len(p.Bytes()), locked, why)
		}
	}
	for _, size := range []int{-1, 0, os.Getpagesize() + 1} {
		if _, err := sandbox.NewLockedPage(size); err == nil {
			t.Errorf("%d bytes fit a page", size)
		}
	}
}
