package matcher

import (
	"runtime/debug"

	"github.com/apache/arrow/go/v17/arrow"
)

// hugeFrom is the size from which a column asks for huge pages, and alignFrom
// that from which it begins at one: what lies before it is never touched.
const (
	hugePage  = 2 << 20
	hugeFrom  = 2 * hugePage
	alignFrom = 4 * hugePage
)

// newColumn gives n zero bytes for a column. A large one asks for huge pages:
// lookups and scatters go all over it, and with pages of 4 KiB each would miss
// the TLB too. What is filled in order gains as much: new pages come 512 at once.
func newColumn(n int) []byte {
	if n < hugeFrom {
		return make([]byte, n)
	}
	if n < alignFrom {
		b := make([]byte, n)
		adviseHuge(b)
		return b
	}
	b := make([]byte, n+hugePage)
	adviseHuge(b)
	return from(b, hugePage)[:n:n]
}

func newUint32Column(n int) []uint32 {
	return arrow.Uint32Traits.CastFromBytes(newColumn(n * arrow.Uint32SizeBytes))
}

func newUint64Column(n int) []uint64 {
	return arrow.Uint64Traits.CastFromBytes(newColumn(n * arrow.Uint64SizeBytes))
}

// giveBackFrom is how much must have been let go before it is given back, once a
// build is done: the collection it takes costs milliseconds. In the midst of one,
// giveBackMidway: there what was given back is asked for again at once, and new
// pages cost up to two seconds a gigabyte.
const (
	giveBackFrom   = 16 << 20
	giveBackMidway = 128 << 20
)

// giveBack returns memory to the system after some bytes of it, from as many on,
// were let go. The collector alone would wait until the heap has doubled, and a
// base is most of a machine.
func giveBack(bytes, from int) {
	if bytes >= from {
		debug.FreeOSMemory()
	}
}
