package enclave

import (
	"runtime/debug"
	"runtime/metrics"
)

// giveBackFrom is how much the process must hold for a load to give memory back:
// the collection it takes costs milliseconds, and less is soon used again.
const giveBackFrom = 64 << 20

// giveBack returns to the system what a load let go: what it read and sorted, and
// what it took the place of. The collector alone would wait until the heap has
// doubled, and a base is most of a machine.
func giveBack() {
	if held() >= giveBackFrom {
		debug.FreeOSMemory()
	}
}

// held is the memory that the process has from the system and has not given
// back, in bytes.
func held() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
