package vault

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// systemBoot reads the boot clock, which counts while the machine sleeps and
// which nobody can set.
func systemBoot() (id string, since time.Duration) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", 0
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return "", 0
	}
	return strings.TrimSpace(string(raw)), time.Duration(ts.Nano())
}
