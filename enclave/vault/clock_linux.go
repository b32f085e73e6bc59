package vault

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// systemBoot gives the boot clock, which counts while the machine sleeps and
// which nobody sets. A process in a time namespace of its own sees it moved, so
// there it counts as no clock; where that is hidden from us, a clock that parts
// from the wall clock by more than MaxJump is noticed all the same.
func systemBoot() (id string, since func() (time.Duration, error)) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || movedClock() {
		return "", nil
	}
	since = func() (time.Duration, error) {
		var ts unix.Timespec
		err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
		return time.Duration(ts.Nano()), err
	}
	if _, err := since(); err != nil {
		return "", nil
	}
	return strings.TrimSpace(string(raw)), since
}

// movedClock tells whether this process is in a time namespace that moves the
// boot clock. A kernel without such namespaces has no such file.
func movedClock() bool {
	raw, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return !os.IsNotExist(err)
	}
	return movesClock(string(raw))
}

// movesClock reads lines of clock, seconds, nanoseconds.
func movesClock(offsets string) bool {
	for line := range strings.Lines(offsets) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "boottime" {
			return f[1] != "0" || f[2] != "0"
		}
	}
	return true
}
