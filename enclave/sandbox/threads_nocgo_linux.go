//go:build !cgo

package sandbox

// threadFlags are the flags of clone by which threads are made.
var threadFlags = []uint64{goThread}
