package rss_test

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"awase/internal/rss"
)

// TestPeak: the peak sees memory that was touched and given back, and after a
// reset it does not.
func TestPeak(t *testing.T) {
	if rss.Now(-1) != 0 || rss.Peak(1<<30) != 0 {
		t.Error("a process that is not there holds memory")
	}
	if runtime.GOOS != "linux" {
		if rss.Now(rss.Self) != 0 {
			t.Error("memory is known without /proc")
		}
		return
	}
	const size = 64 << 20
	before := rss.Now(rss.Self)
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	runtime.KeepAlive(block)
	block = nil
	debug.FreeOSMemory()
	if got := rss.Peak(rss.Self); before == 0 || got < before+size/2 {
		t.Errorf("the peak is %d after %d more than %d were touched", got, size, before)
	}
	if err := rss.ResetPeak(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if got := rss.Peak(rss.Self); got > before+size/2 {
		t.Errorf("the peak is still %d", got)
	}
}
