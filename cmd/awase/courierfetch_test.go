package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

var deliveryFileAt = regexp.MustCompile(`^/v1/deliveries/ads/[a-z]+/1/file$`)

// cut answers with so many bytes of a file, and breaks the connection.
func cut(rw http.ResponseWriter, r *http.Request, on http.Handler, n int) {
	rec := httptest.NewRecorder()
	on.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		rw.Header()[k] = v
	}
	rw.WriteHeader(rec.Code)
	_, _ = rw.Write(rec.Body.Bytes()[:min(n, rec.Body.Len())])
	_ = http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}

// TestCourierFetch: what is made out to the party comes whole or not at all, over a line
// that breaks, a room that is away, a token that is refused and a front that changes
// files; killed in the middle it goes on.
func TestCourierFetch(t *testing.T) {
	t.Parallel()
	w := newCourierWorld(t)
	fetch := []string{"fetch", "--dir", "in", "--json"}
	if out := w.run(0, "fetch", "--dir", "in"); !strings.Contains(out, "there are no deliveries") {
		t.Error(out)
	}
	w.live("spring", "x")
	w.live("summer", "line")
	if out := w.run(0, "fetch", "-n"); !strings.Contains(out, "ads/spring 1, replace for x, until ") || !strings.Contains(out, ": ready") || len(w.files()) != 0 {
		t.Error(out)
	}

	// Refused: nothing is there.
	good := w.env
	w.env = append(slices.Clone(good), "AWASE_TOKEN=awase_"+strings.Repeat("x", 43))
	if out := w.run(1, fetch...); !strings.Contains(out, `"E_SIGN_IN"`) || len(w.files()) != 0 {
		t.Error(out)
	}
	w.env = append(slices.Clone(good), "AWASE_TOKEN="+w.Token(api.Principal{Party: apitest.AdCo, Roles: []api.Role{api.Auditor}, Scopes: []string{"deliveries:read"}}))
	if out := w.run(1, fetch...); !strings.Contains(out, `"E_FORBIDDEN"`) {
		t.Error(out)
	}
	w.env = good

	// A front that changes files, or hands out another: refused, and under no name.
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		if !deliveryFileAt.MatchString(r.URL.Path) {
			return false
		}
		rec := httptest.NewRecorder()
		on.ServeHTTP(rec, r)
		b := rec.Body.Bytes()
		b[len(b)/2] ^= 1
		for k, v := range rec.Header() {
			rw.Header()[k] = v
		}
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(b)
		return true
	})
	if out := w.run(1, fetch...); !strings.Contains(out, `"E_FILE"`) || w.exists("in/ads/spring-1.delivery") {
		t.Error(out)
	}
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		rec := httptest.NewRecorder()
		if r.URL.Path == "/v1/deliveries" { // of which both are spring's, it says
			on.ServeHTTP(rec, r)
			raw := bytes.ReplaceAll(rec.Body.Bytes(), []byte(`"summer"`), []byte(`"winter"`))
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write(raw)
			return true
		}
		r.URL.Path = strings.Replace(r.URL.Path, "/winter/", "/summer/", 1)
		return false
	})
	if out := w.run(1, fetch...); !strings.Contains(out, "another delivery than the room says") || w.exists("in/ads/winter-1.delivery") {
		t.Error(out)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "in")); err != nil {
		t.Fatal(err)
	}

	// A room that is away, and a line that breaks twice in each file.
	times := map[string]int{}
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		w.mu.Lock()
		times[r.URL.Path]++
		n := times[r.URL.Path]
		w.mu.Unlock()
		switch {
		case n == 1:
			http.Error(rw, "away", http.StatusServiceUnavailable)
			return true
		case deliveryFileAt.MatchString(r.URL.Path) && n < 4:
			cut(rw, r, on, 100_000)
		}
		return false
	})
	out := w.run(0, fetch...)
	var said struct{ Deliveries []fetchedDelivery }
	if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):]), &said); err != nil || len(said.Deliveries) != 2 || !said.Deliveries[0].New || !w.exists("in/ads/spring-1.delivery") || !w.exists("in/ads/summer-1.delivery") {
		t.Fatalf("%v %s", err, out)
	}
	ranges := 0
	for _, a := range w.requests() {
		if strings.HasPrefix(a.header.Get("Range"), "bytes=100000-") || strings.HasPrefix(a.header.Get("Range"), "bytes=200000-") {
			ranges++
		}
	}
	if ranges != 4 {
		t.Errorf("%d requests went on where an answer broke off: %+v", ranges, w.requests())
	}
	w.goes(nil)
	if out := w.run(0, "fetch", "--dir", "in"); strings.Count(out, "there already") != 2 {
		t.Error(out)
	}
	if got := w.requests(); len(got) != 1 {
		t.Errorf("what is there is asked for: %+v", got)
	}
	if out := w.run(0, "open", "--key", "delivery.key", "--room-key", "awase.key", "--out", ".", "in/ads/summer-1.delivery"); !strings.Contains(out, "delivery 1 of summer for line") {
		t.Error(out)
	}
	st, err := os.Stat(filepath.Join(w.dir, "in/ads/spring-1.delivery"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	whole := st.Size()

	// Killed in the middle of a file, the next run goes on where it was.
	if err := os.RemoveAll(filepath.Join(w.dir, "in")); err != nil {
		t.Fatal(err)
	}
	cmd := w.command(fetch...)
	var killed sync.Once
	begun := make(chan struct{})
	w.goes(func(rw http.ResponseWriter, r *http.Request, on http.Handler) bool {
		if r.URL.Path != "/v1/deliveries/ads/spring/1/file" {
			return false
		}
		<-begun
		defer func() {
			// What came is written before it is asked for more: wait for that, then kill.
			for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				if n := w.partSize(); n == 150_000 {
					break
				}
			}
			killed.Do(func() { _ = cmd.Process.Kill() })
			panic(http.ErrAbortHandler)
		}()
		rec := httptest.NewRecorder()
		on.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			rw.Header()[k] = v
		}
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(rec.Body.Bytes()[:150_000])
		_ = http.NewResponseController(rw).Flush()
		return true
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(begun)
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	if w.exists("in/ads/spring-1.delivery") || w.partSize() != 150_000 {
		t.Fatalf("killed it left %v", w.files())
	}
	w.goes(nil)
	w.run(0, fetch...)
	if st, err := os.Stat(filepath.Join(w.dir, "in/ads/spring-1.delivery")); err != nil || st.Size() != whole {
		t.Errorf("%v %v", st, err)
	}
	on := w.requests()
	if i := slices.IndexFunc(on, func(a askedRoom) bool { return strings.HasSuffix(a.line, "/spring/1/file") }); i < 0 || on[i].header.Get("Range") != "bytes=150000-" {
		t.Errorf("%+v", on)
	}
}

// partSize is how much there is of a file on its way.
func (w *courierWorld) partSize() int64 {
	found, _ := filepath.Glob(filepath.Join(w.dir, "in/ads/.spring-1.*.part"))
	if len(found) != 1 {
		return 0
	}
	st, err := os.Stat(found[0])
	if err != nil {
		return 0
	}
	return st.Size()
}
