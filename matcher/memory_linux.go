package matcher

import "syscall"

const (
	madvHugepage = 14 // MADV_HUGEPAGE of madvise(2); package syscall does not name it
)

// adviseHuge asks the system to back b by huge pages. It is advice: where it
// is refused, nothing changes but speed.
func adviseHuge(b []byte) {
	// The collector gives allocations of this size whole pages, so b begins at
	// one; madvise refuses where it does not.
	_ = syscall.Madvise(b, madvHugepage)
}
