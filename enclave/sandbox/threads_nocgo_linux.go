//go:build !cgo

package sandbox

import "golang.org/x/sys/unix"

// threadFlags are the flags of clone by which threads are made.
var threadFlags = []uint64{goThread, goThread | unix.CLONE_SETTLS}
