package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/internal/rss"
)

// print prints how fast it was.
func (w *crowd) print(t *testing.T, m *memory, used map[string]time.Duration, rate float64) {
	t.Helper()
	byKind, statuses := map[string][]time.Duration{}, map[int]int{}
	total, late := 0, time.Duration(0)
	for _, c := range w.clients {
		for _, s := range c.samples {
			byKind[s.kind] = append(byKind[s.kind], s.took)
		}
		for status, n := range c.statuses {
			statuses[status] += n
			if status >= 500 {
				w.fault("%d answers of status %d", n, status)
			}
		}
		total += len(c.samples)
		late = max(late, c.late)
	}
	t.Logf("%-8s %8s %9s %9s %9s %9s", "kind", "requests", "p50 ms", "p99 ms", "p99.9 ms", "most ms")
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		d := byKind[kind]
		slices.Sort(d)
		at := func(q float64) float64 { return ms(d[min(len(d)-1, int(q*float64(len(d))))]) }
		t.Logf("%-8s %8d %9.2f %9.2f %9.2f %9.2f", kind, len(d), at(0.5), at(0.99), at(0.999), ms(d[len(d)-1]))
	}
	got := float64(total) / w.last.Seconds()
	t.Logf("%.0f requests/s answered; a client was at most %.0f ms behind; statuses %v; %d jobs", got, ms(late), statuses, len(w.jobs))
	if reads := byKind["read"]; len(reads) > 0 {
		p99 := reads[min(len(reads)-1, int(0.99*float64(len(reads))))]
		t.Logf("500 requests/s with p99 of reads below 50 ms: %v (load average %s)", got >= 500 && p99 < 50*time.Millisecond, loadAverage())
	}
	for _, what := range slices.Sorted(maps.Keys(used)) {
		line := fmt.Sprintf("%-10s %5.1f %% of a processor", what, 100*float64(used[what])/float64(w.last))
		if s := m.of[what]; len(s) > 0 {
			line += fmt.Sprintf("; MB resident at start %d, middle %d, end %d", s[0]>>20, s[len(s)/2]>>20, s[len(s)-1]>>20)
		}
		t.Log(line)
	}
}

func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	return strings.Join(strings.Fields(string(raw))[:1], " ")
}

// memory is what processes have resident, once a second.
type memory struct {
	pids map[string]int
	last time.Duration
	of   map[string][]int64
}

func watchMemory(pids map[string]int, last time.Duration) *memory {
	return &memory{pids, last, map[string][]int64{}}
}

// run looks until the time is over, and gives the processor time used in it, the
// generator's too.
func (m *memory) run() map[string]time.Duration {
	pids := maps.Clone(m.pids)
	pids["generator"] = os.Getpid()
	used := map[string]time.Duration{}
	for what, pid := range pids {
		used[what] = -cpuOf(pid)
	}
	end := time.Now().Add(m.last)
	for time.Now().Before(end) {
		for what, pid := range m.pids {
			m.of[what] = append(m.of[what], rss.Now(pid))
		}
		time.Sleep(min(time.Second, time.Until(end)))
	}
	for what, pid := range pids {
		used[what] += cpuOf(pid)
	}
	return used
}

// grown says of which processes memory grows: in the last third it is, on average,
// more than a tenth and 16 MiB above the middle third. A heap that is collected
// goes up and down, one that leaks goes up.
func (m *memory) grown() (out []string) {
	mean := func(s []int64) (sum int64) {
		for _, v := range s {
			sum += v
		}
		return sum / int64(max(1, len(s)))
	}
	for what, s := range m.of {
		third := len(s) / 3
		middle, end := mean(s[third:2*third]), mean(s[2*third:])
		if end > middle+middle/10+16<<20 {
			out = append(out, fmt.Sprintf("%s grows: %d MB on average in the middle third, %d MB in the last", what, middle>>20, end>>20))
		}
	}
	return out
}

// A process that leaks is told from one that collects.
func TestLoadSeesLeaks(t *testing.T) {
	m := &memory{of: map[string][]int64{}}
	for i := range int64(60) {
		m.of["leaks"] = append(m.of["leaks"], 100<<20+i<<21)
		m.of["collects"] = append(m.of["collects"], 100<<20+i%7<<23)
	}
	if got := m.grown(); len(got) != 1 || !strings.HasPrefix(got[0], "leaks ") {
		t.Errorf("it says %q", got)
	}
}
