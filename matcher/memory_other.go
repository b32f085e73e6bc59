//go:build !linux

package matcher

// adviseHuge does nothing: huge pages are asked for on Linux alone.
func adviseHuge([]byte) {}
