package matcher

import (
	"runtime/debug"

	"github.com/apache/arrow/go/v17/arrow"
)

// hugeFrom is the size from which a column asks for huge pages.
const hugeFrom = 4 << 20

// newColumn gives n zero bytes for a column. A large one asks for huge pages:
// lookups and scatters go all over it, and with pages of 4 KiB each would miss
// the TLB too.
func newColumn(n int) []byte {
	b := make([]byte, n)
	if n >= hugeFrom {
		adviseHuge(b)
	}
	return b
}

func newUint32Column(n int) []uint32 {
	return arrow.Uint32Traits.CastFromBytes(newColumn(n * arrow.Uint32SizeBytes))
}

func newUint64Column(n int) []uint64 {
	return arrow.Uint64Traits.CastFromBytes(newColumn(n * arrow.Uint64SizeBytes))
}

// giveBackFrom is how much must have been let go before it is given back: the
// collection it takes costs milliseconds, new pages a second a gigabyte.
const giveBackFrom = 16 << 20

// giveBack returns memory to the system after some bytes of it were let go.
// The collector alone would wait until the heap has doubled, and a base is
// most of a machine.
func giveBack(bytes int) {
	if bytes >= giveBackFrom {
		debug.FreeOSMemory()
	}
}
