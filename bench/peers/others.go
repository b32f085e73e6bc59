package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks is how many times a second the kernel counts CPU time in /proc: 100 on
// every Linux that Go runs on.
const ticks = 100

// busyTime is how long all cores together have worked since the machine began,
// what a hypervisor took from them included. false: not known.
func busyTime() (time.Duration, bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	return parseBusy(string(stat))
}

func parseBusy(stat string) (time.Duration, bool) {
	first, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(first) // cpu user nice system idle iowait irq softirq steal …
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, false
	}
	var sum int64
	for i, f := range fields[1:9] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, false
		}
		if i != 3 && i != 4 { // idle, iowait
			sum += n
		}
	}
	return time.Duration(sum) * time.Second / ticks, true
}

// othersCores is how many cores, on average, worked for somebody else while a
// child that took so much CPU time ran. Negative: not known.
func othersCores(before time.Duration, known bool, child, wall time.Duration) float64 {
	after, ok := busyTime()
	if !known || !ok || wall <= 0 {
		return -1
	}
	return max(0, (after-before-child).Seconds()/wall.Seconds())
}

// disturbing is how many cores others may take before times are not to be
// trusted.
const disturbing = 0.1

// waitQuiet waits until nobody else works, at most so long.
func waitQuiet(ctx context.Context, most time.Duration) error {
	const look = 2 * time.Second
	for end := time.Now().Add(most); time.Now().Before(end); {
		before, known := busyTime()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
		if othersCores(before, known, 0, look) < disturbing {
			return nil
		}
	}
	return nil
}
