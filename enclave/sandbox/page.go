package sandbox

import (
	"fmt"
	"os"
	"sync"
)

// LockedPage holds a secret in a page of its own, outside Go's heap: no copy
// is left by the garbage collector, it is not swapped out and not in a core
// dump, as far as the system lets us.
type LockedPage struct {
	mu     sync.Mutex
	bytes  []byte
	locked bool
	why    string
}

// NewLockedPage returns size zero bytes, at most a page of them.
func NewLockedPage(size int) (*LockedPage, error) {
	if size <= 0 || size > os.Getpagesize() {
		return nil, fmt.Errorf("a locked page holds 1 to %d bytes, not %d", os.Getpagesize(), size)
	}
	b, locked, why, err := lockedPage(size)
	if err != nil {
		return nil, err
	}
	return &LockedPage{bytes: b, locked: locked, why: why}, nil
}

// Bytes returns the secret, to be written once and read. It is nil after Close.
func (p *LockedPage) Bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// Locked tells whether the page stays in memory and out of dumps, and why not.
func (p *LockedPage) Locked() (ok bool, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locked, p.why
}

// Close wipes the page and unlocks it. It stays mapped, so that a slice of it
// that somebody kept reads zeros rather than ending the process. Closing twice
// does nothing.
func (p *LockedPage) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.bytes)
	if p.locked {
		unlockPage(p.bytes)
	}
	p.bytes, p.locked, p.why = nil, false, "the page is closed"
	return nil
}
