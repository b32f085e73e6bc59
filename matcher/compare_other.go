//go:build !amd64

package matcher

const wide = false

func compareWide(_, _ *pair, _ int, _ *uint32, _ uint32, _, _, _ *uint32) (found, after int) {
	return 0, 0 // not called
}
