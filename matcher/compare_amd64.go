package matcher

import "golang.org/x/sys/cpu"

// wide tells whether this machine compares four words at once.
var wide = cpu.X86.HasAVX2 && cpu.X86.HasBMI1

// compareWide is finder.compare in half the instructions, a window in four
// comparisons. It reads n pairs from wanted and as many begins, and the window
// pairs from each of them on, which have to be there; it fills few and many with
// the positions of what it found, few from j0 on, and beyond with j0 and the
// numbers of those that may come after their windows. All three have room for n.
//
//go:noescape
func compareWide(pairs, wanted *pair, n int, begins *uint32, j0 uint32, few, many, beyond *uint32) (found, after int)
