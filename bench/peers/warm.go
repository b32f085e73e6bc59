package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Memory that a host has not given its guest yet costs a second or two a
// gigabyte to touch, ten times what taking a base in costs, and hosts take back
// what lies free for seconds. So each measured ingest begins with free memory
// that was just touched, whoever's it is.

// warmBytes is how much is touched for a base: what the largest of the peers
// holds and writes for it.
func (j *job) warmBytes() int64 { return int64(j.Data.Users) * int64(j.Data.Kinds+1) * 64 }

// touchFree touches n bytes of free memory and lets go of them; at most half of what
// is free.
func touchFree(n int64) error {
	n = min(n, available()/2)
	if n <= 0 {
		return nil
	}
	b, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // advice
	var wg sync.WaitGroup
	for part := range parts {
		from, to := partOf(len(b), part)
		wg.Go(func() {
			for i := from; i < to; i += 4096 {
				b[i] = 1
			}
		})
	}
	wg.Wait()
	return unix.Munmap(b)
}

// available is how many bytes the machine could give; 0: not known.
func available() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}
