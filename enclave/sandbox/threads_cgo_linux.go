//go:build cgo

package sandbox

import "golang.org/x/sys/unix"

// threadFlags are the flags of clone by which threads are made. With cgo (the
// race detector) a C library makes them; ours is built without.
var threadFlags = []uint64{
	goThread,
	goThread | unix.CLONE_SETTLS,
	goThread | unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_CLEARTID, // glibc
}
