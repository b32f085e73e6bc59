package vault

import "syscall"

// newPages gives n bytes for a column. A large one asks for huge pages
// (MADV_HUGEPAGE of madvise(2), 14): counting goes all over it. Where the advice
// is refused nothing changes but speed.
func newPages(n int) []byte {
	b := make([]byte, n)
	if n >= 4<<20 {
		_ = syscall.Madvise(b, 14)
	}
	return b
}
