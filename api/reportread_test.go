package api_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// readable is a room whose reports are on disk, and that the test may show otherwise.
type readable struct {
	*apitest.Room
	acme, beta *apitest.Client
	dir        string // of the reports' files
	report, at string
	body       []byte
}

func readableRoom(t *testing.T, change ...func(*api.Options)) *readable {
	t.Helper()
	r := &readable{}
	change = slices.Insert(change, 0, func(o *api.Options) { o.Jobs.Look, r.dir = 20*time.Millisecond, o.Reports })
	r.Room = apitest.Start(t, change...)
	r.Furnish()
	r.acme, r.beta = marketing(r.Room, apitest.Acme), marketing(r.Room, apitest.Beta)
	r.report = ask(t, r.acme, "/v1/cubes", asked(apitest.Question("cube", `"dims": ["gender"], "sigma": 20`))).Result.Report
	r.at = "/v1/reports/" + r.report
	r.body = r.acme.Do(http.MethodGet, r.at, nil).Want(http.StatusOK).Body
	return r
}

// wants asks for all that the service has of the report's numbers.
func (r *readable) wants(t *testing.T, what string, status int, code string) {
	t.Helper()
	for _, path := range []string{"", "/files/pdf", "/files/csv", "/receipt"} {
		a := r.acme.Do(http.MethodGet, r.at+path, nil).Want(status)
		if code != "" && !strings.Contains(string(a.Body), `"`+code+`"`) {
			t.Errorf("%s: %q: %s", what, path, a.Body)
		}
	}
	a := r.acme.Do(http.MethodPost, "/v1/cubes/"+r.report+"/sizes", `{"where": {"in": {"gender": ["f"]}}}`, "Idempotency-Key", "one").Want(status)
	if code != "" && !strings.Contains(string(a.Body), `"`+code+`"`) {
		t.Errorf("%s: a size: %s", what, a.Body)
	}
}

// state gives how the report stands in the list, and how many files it has there.
func (r *readable) state(t *testing.T) (state string, files int) {
	t.Helper()
	var page struct {
		Items []struct {
			ID, State string
			Files     []string
		}
	}
	r.acme.Do(http.MethodGet, "/v1/reports", nil).Want(http.StatusOK).JSON(&page)
	for _, v := range page.Items {
		if v.ID == r.report {
			return v.State, len(v.Files)
		}
	}
	return "", 0
}

func (r *readable) onDisk(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// While releases are stopped no report comes out of the service's own files, laid out
// or as it is, nor what was answered under an Idempotency-Key before; from the lifting
// on the same bytes do.
func TestReportsDuringAFreeze(t *testing.T) {
	r := readableRoom(t)
	r.wants(t, "before", http.StatusOK, "")
	if _, err := r.Enclave.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	r.wants(t, "stopped", http.StatusServiceUnavailable, "E_FROZEN")
	if state, files := r.state(t); state != "kept" || files == 0 {
		t.Errorf("stopped, it is %s with %d files", state, files)
	}
	r.beta.Do(http.MethodGet, r.at, nil).Want(http.StatusNotFound)
	if _, err := r.Enclave.Lift(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wants(t, "lifted", http.StatusOK, "")
	if got := r.acme.Do(http.MethodGet, r.at, nil).Want(http.StatusOK).Body; string(got) != string(r.body) {
		t.Error("after the lifting it is another report")
	}
}

// From the end of an entrustment on its reports are gone, and the service's files of
// them soon after; the list says so.
func TestReportsAfterAnEnd(t *testing.T) {
	r := readableRoom(t)
	if r.onDisk(t) != 1 {
		t.Fatalf("%d files of one report", r.onDisk(t))
	}
	r.wants(t, "before", http.StatusOK, "")
	if _, err := r.Enclave.EndEntrustment(t.Context(), apitest.Entrustment, wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	r.wants(t, "ended", http.StatusGone, "E_GONE")
	for until := time.Now().Add(20 * time.Second); r.onDisk(t) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("its file stays")
		}
	}
	r.wants(t, "swept", http.StatusGone, "E_GONE")
	if state, files := r.state(t); state != "gone" || files != 0 {
		t.Errorf("ended, it is %q with %d files", state, files)
	}
}

// Without asking the room at each reading, stopped and ended reports come out.
func TestReportsReadUnasked(t *testing.T) {
	r := readableRoom(t, api.Without(api.ControlRead), func(o *api.Options) { o.Jobs.Look = time.Hour })
	if _, err := r.Enclave.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	r.acme.Do(http.MethodGet, r.at+"/files/pdf", nil).Want(http.StatusOK)
	if _, err := r.Enclave.EndEntrustment(t.Context(), apitest.Entrustment, wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	r.acme.Do(http.MethodGet, r.at+"/files/pdf", nil).Want(http.StatusOK)
	r.acme.Do(http.MethodGet, r.at+"/receipt", nil).Want(http.StatusOK)
}

// dated is a room whose time, and whose contract's versions, the test sets.
type dated struct {
	api.Enclave
	mu    sync.Mutex
	at    setTime
	clock *wire.ClockJump
	state string
	of    func([]wire.EntrustmentVersion) []wire.EntrustmentVersion
}

func (d *dated) Room(ctx context.Context) (wire.Room, error) {
	room, err := d.Enclave.Room(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	room.Now, room.Clock = d.at.now().UTC().Format(time.RFC3339), d.clock
	return room, err
}

func (d *dated) Entrustment(ctx context.Context, id string) (wire.EntrustmentInfo, error) {
	in, err := d.Enclave.Entrustment(ctx, id)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil && d.of != nil {
		in.Versions, in.State = d.of(in.Versions), d.state
	}
	return in, err
}

// A report is there until the day that the contract in force keeps it, to the moment,
// whenever the service sweeps; what expired no amendment brings back, and what an
// amendment prolonged before stays. A contract that is past its last day has its
// reports.
func TestReportsReadByTheirDays(t *testing.T) {
	d := &dated{}
	begun := time.Now().UTC().Truncate(time.Second)
	d.at.set(begun)
	r := readableRoom(t, func(o *api.Options) {
		d.Enclave, o.Enclave = o.Enclave, d
		o.Jobs.Look = time.Hour // no look sweeps
	})
	days := func(n entrustment.Days, v wire.EntrustmentVersion, number int, at time.Time) wire.EntrustmentVersion {
		c := *v.Contract
		c.Retention.Reports = n
		v.Contract, v.Version, v.At = &c, number, at.Format(time.RFC3339)
		return v
	}
	var release struct {
		At time.Time `json:"released_at"`
	}
	r.acme.Do(http.MethodGet, r.at, nil).Want(http.StatusOK).JSON(&release)
	for _, step := range []struct {
		what    string
		now     time.Time
		clock   *wire.ClockJump
		amended time.Time // 10 days before, 100 from then on; zero: 10 days
		status  int
	}{
		{"a second before", release.At.AddDate(0, 0, 10).Add(-time.Second), nil, time.Time{}, http.StatusOK},
		{"then", release.At.AddDate(0, 0, 10), nil, time.Time{}, http.StatusGone},
		{"then, while the clock waits", release.At.AddDate(0, 0, 10), &wire.ClockJump{}, time.Time{}, http.StatusOK},
		{"prolonged in time", release.At.AddDate(0, 0, 50), nil, release.At.AddDate(0, 0, 9), http.StatusOK},
		{"and over", release.At.AddDate(0, 0, 100), nil, release.At.AddDate(0, 0, 9), http.StatusGone},
		{"prolonged too late", release.At.AddDate(0, 0, 50), nil, release.At.AddDate(0, 0, 11), http.StatusGone},
	} {
		d.at.set(step.now)
		d.mu.Lock()
		d.clock, d.state = step.clock, wire.StateExpired
		d.of = func(vs []wire.EntrustmentVersion) []wire.EntrustmentVersion {
			out := []wire.EntrustmentVersion{days(10, vs[0], 1, begun)}
			if !step.amended.IsZero() {
				out = []wire.EntrustmentVersion{days(100, vs[0], 2, step.amended), out[0]}
			}
			return out
		}
		d.mu.Unlock()
		for _, path := range []string{"", "/files/pdf", "/receipt"} {
			if a := r.acme.Do(http.MethodGet, r.at+path, nil); a.Status != step.status {
				t.Errorf("%s, %q: %d %s", step.what, path, a.Status, a.Body)
			}
		}
		want := map[int]string{http.StatusOK: "kept", http.StatusGone: "gone"}[step.status]
		if state, _ := r.state(t); state != want {
			t.Errorf("%s: it is %q", step.what, state)
		}
	}
}
