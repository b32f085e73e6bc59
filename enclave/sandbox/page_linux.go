package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func lockedPage(size int) (b []byte, locked bool, why string, err error) {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, false, "", fmt.Errorf("a page for a secret: %w", err)
	}
	b = page[:size:size]
	if err := unix.Madvise(page, unix.MADV_DONTDUMP); err != nil {
		return b, false, "it can't be kept out of dumps: " + err.Error(), nil
	}
	if err := unix.Mlock(page); err != nil {
		return b, false, "it can't be locked: " + err.Error(), nil
	}
	return b, true, "", nil
}

// unlockPage gives the lock back: it counts against RLIMIT_MEMLOCK.
func unlockPage(b []byte) { _ = unix.Munlock(b) }
