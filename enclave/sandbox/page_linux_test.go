package sandbox_test

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"awase/enclave/sandbox"
)

// TestLockedPageInTheKernel: the kernel says of the page that it is locked and
// kept out of dumps, and after Close that it is not locked.
func TestLockedPageInTheKernel(t *testing.T) {
	p, err := sandbox.NewLockedPage(32)
	if err != nil {
		t.Fatal(err)
	}
	if ok, why := p.Locked(); !ok {
		notRun(t, "the page is not locked: "+why)
	}
	at := address(p.Bytes())
	if flags := vmFlags(t, at); !slices.Contains(flags, "lo") || !slices.Contains(flags, "dd") {
		t.Errorf("flags of the page: %v", flags)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if flags := vmFlags(t, at); slices.Contains(flags, "lo") {
		t.Errorf("flags after Close: %v", flags)
	}
}

// TestLockedPageWithoutRight: where memory can't be locked, the page says so
// and works.
func TestLockedPageWithoutRight(t *testing.T) {
	j := household1(t)
	j.Verb, j.Without = "no memory to lock", with([]sandbox.Name{sandbox.SystemCalls})
	if out := run(t, j, isolated(t)); out.Failed != "" || out.Confine != "" {
		t.Errorf("%s; confining: %s", out.Failed, out.Confine)
	}
}

func vmFlags(t *testing.T, at uintptr) []string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.Fields(flags)
		}
		from, to, ok := strings.Cut(strings.SplitN(line, " ", 2)[0], "-")
		if !ok {
			continue
		}
		a, errA := strconv.ParseUint(from, 16, 64)
		b, errB := strconv.ParseUint(to, 16, 64)
		if errA == nil && errB == nil {
			inside = a <= uint64(at) && uint64(at) < b
		}
	}
	t.Fatalf("no mapping at %#x", at)
	return nil
}
