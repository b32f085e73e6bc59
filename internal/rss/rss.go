// Package rss tells how much memory a process holds, as the kernel counts it.
// It reads /proc, so elsewhere than on Linux it knows nothing and gives 0.
package rss

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Self is the process that asks.
const Self = 0

// Peak is the most bytes that a process had resident, files it has mapped
// included, since it began or since ResetPeak. 0: not known.
func Peak(pid int) int64 { return field(pid, "VmHWM:") }

// Now is how many bytes a process has resident. 0: not known.
func Now(pid int) int64 { return field(pid, "VmRSS:") }

// ResetPeak makes what a process has resident now its peak. Where that is not
// allowed, Peak goes on to count from the beginning of the process.
func ResetPeak(pid int) error {
	if err := os.WriteFile(path(pid, "clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("resetting the peak of memory: %w", err)
	}
	return nil
}

func path(pid int, name string) string {
	who := "self"
	if pid != Self {
		who = strconv.Itoa(pid)
	}
	return filepath.Join("/proc", who, name)
}

func field(pid int, name string) int64 {
	status, err := os.ReadFile(path(pid, "status"))
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
		if err != nil {
			return 0
		}
		return kb << 10
	}
	return 0
}
