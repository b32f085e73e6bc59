//go:build !linux

package vault

// newPages gives n bytes for a column.
func newPages(n int) []byte { return make([]byte, n) }
