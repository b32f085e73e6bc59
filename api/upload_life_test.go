package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/api/store"
	"awase/entrustment"
	"awase/internal/apitest"
)

// askFirst is a store without the control: it looks what there is, and then takes
// it, as who wrote no transaction would.
type askFirst struct {
	api.Store
	all *sync.WaitGroup // have looked
}

func (a *askFirst) ReserveUpload(ctx context.Context, u store.Upload, q store.UploadQuota) error {
	held, err := a.HeldUploads(ctx, "", 200)
	a.all.Done()
	if err != nil {
		return err
	}
	if a.all.Wait(); len(held) >= q.Files {
		return store.ErrQuota
	}
	return a.Store.ReserveUpload(ctx, u, store.UploadQuota{Bytes: 1 << 40, Files: 1 << 20})
}

// A party has no more in the inbox than it may, however many ask at once; without
// the one statement that looks and takes, it has.
func TestUploadQuotaRace(t *testing.T) {
	const askers = 12
	race := func(t *testing.T, change func(*api.Options)) (made int) {
		r := uploads(t, change)
		acme := r.As(uploader("acme"))
		status := make([]int, askers)
		var all sync.WaitGroup
		for i := range askers {
			all.Go(func() {
				status[i] = acme.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "1000", "Upload-Metadata", metadata("acme-2026", "spring")).Status
			})
		}
		all.Wait()
		for _, s := range status {
			switch s {
			case http.StatusCreated:
				made++
			case http.StatusRequestEntityTooLarge:
			default:
				t.Errorf("status %d", s)
			}
		}
		return made
	}
	if got := race(t, func(o *api.Options) { o.Uploads.Files = 3 }); got != 3 {
		t.Errorf("%d files, want 3", got)
	}
	if got := race(t, func(o *api.Options) { o.Uploads.Bytes = 4999 }); got != 4 {
		t.Errorf("%d files of 1000 bytes in 4999", got)
	}
	if got := race(t, func(o *api.Options) {
		all := &sync.WaitGroup{}
		all.Add(askers)
		o.Uploads.Files, o.Store = 3, &askFirst{o.Store, all}
	}); got <= 3 {
		t.Errorf("the twin without the control made %d: this test would not see it missing", got)
	}
}

// The quota is of a party, is told with a mend, and room that is given back can be
// used.
func TestUploadQuota(t *testing.T) {
	r := uploads(t, func(o *api.Options) { o.Uploads.Files = 1 })
	acme := r.As(uploader("acme"))
	path := create(t, acme, "acme", 100)
	a := acme.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Upload-Metadata", metadata("acme-2026", "spring")).Want(http.StatusRequestEntityTooLarge)
	if !strings.Contains(string(a.Body), "DELETE") {
		t.Errorf("no mend: %s", a.Body)
	}
	create(t, r.As(uploader("beta")), "beta", 100)
	acme.Do(http.MethodDelete, path, nil, "Tus-Resumable", "1.0.0").Want(http.StatusNoContent)
	create(t, acme, "acme", 100)
}

// second is another server over the same store and inbox, some time later.
func second(t *testing.T, o *api.Options, later time.Duration) *api.Server {
	t.Helper()
	with := *o
	with.Now = func() time.Time { return time.Now().Add(later) }
	s, err := api.New(with)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stateOf(t *testing.T, c *apitest.Client, path string) store.UploadState {
	t.Helper()
	var shown struct{ State store.UploadState }
	c.Do(http.MethodGet, path, nil).Want(http.StatusOK).JSON(&shown)
	return shown.State
}

func code(err error) entrustment.Code { return entrustment.Public(err).Code }

func TestUploadExpiry(t *testing.T) {
	var o *api.Options
	r := uploads(t, func(made *api.Options) { o = made })
	acme := r.As(uploader("acme"))
	file := sealedBytes(1000)
	send := func(n int) string {
		path := create(t, acme, "acme", len(file))
		if n > 0 {
			appendTo(acme, path, 0, file[:n]).Want(http.StatusNoContent)
		}
		return path
	}
	begun, half, whole, loaded := send(0), send(500), send(1000), send(1000)
	// An old upload whose last byte is of now is not ended.
	slow := send(400)
	later := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(filepath.Join(r.Inbox, idOf(slow)+".part"), later, later); err != nil {
		t.Fatal(err)
	}
	now := second(t, o, 0)
	for path, want := range map[string]entrustment.Code{begun: api.CodeConflict, half: api.CodeConflict, "/upl-00000000000000000000000000": entrustment.CodeInternal} {
		if err := now.WholeUpload(t.Context(), "acme", idOf(path)); code(err) != want {
			t.Errorf("it could be loaded: %v", err)
		}
	}
	if err := now.WholeUpload(t.Context(), "beta", idOf(whole)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another party could load it: %v", err)
	}
	if err := now.WholeUpload(t.Context(), "acme", idOf(loaded)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := now.LoadedUpload(t.Context(), idOf(loaded)); err != nil {
			t.Fatal(err)
		}
	}
	if err := now.WholeUpload(t.Context(), "acme", idOf(loaded)); code(err) != entrustment.CodeGone {
		t.Errorf("loaded twice: %v", err)
	}
	acme.Do(http.MethodHead, loaded, nil).Want(http.StatusGone)
	// What is no upload's is swept; what is no file of ours is left.
	orphans := []string{"upl-00000000000000000000000000", "upl-00000000000000000000000001.part"}
	for _, name := range append(orphans, "lost+found") {
		if err := os.WriteFile(filepath.Join(r.Inbox, name), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(after string, want map[string]store.UploadState) {
		t.Helper()
		files := map[string]bool{"lost+found": true}
		for path, state := range want {
			if got := stateOf(t, acme, path); got != state {
				t.Errorf("%s, %s is %s, want %s", after, path, got, state)
			}
			switch {
			case state == store.UploadComplete:
				files[idOf(path)] = true
			case state == store.UploadOpen && path != begun:
				files[idOf(path)+".part"] = true
			}
		}
		left, err := os.ReadDir(r.Inbox)
		if err != nil || len(left) != len(files) {
			t.Errorf("%s, in the inbox: %v %v", after, left, err)
		}
		for _, e := range left {
			if !files[e.Name()] {
				t.Errorf("%s, %s is still there", after, e.Name())
			}
		}
	}
	expire := func(later time.Duration) {
		t.Helper()
		if err := second(t, o, later).ExpireUploads(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expire(23 * time.Hour)
	check("after 23 hours", map[string]store.UploadState{begun: store.UploadOpen, half: store.UploadOpen, slow: store.UploadOpen, whole: store.UploadComplete, loaded: store.UploadLoaded})
	expire(25 * time.Hour)
	check("after 25 hours", map[string]store.UploadState{begun: store.UploadExpired, half: store.UploadExpired, slow: store.UploadOpen, whole: store.UploadComplete, loaded: store.UploadLoaded})
	appendTo(acme, half, 500, file[500:]).Want(http.StatusGone)
	expire(8 * 24 * time.Hour)
	check("after 8 days", map[string]store.UploadState{begun: store.UploadExpired, half: store.UploadExpired, slow: store.UploadExpired, whole: store.UploadExpired, loaded: store.UploadLoaded})
	expire(50 * 24 * time.Hour)
	for _, path := range []string{begun, half, whole, loaded} {
		acme.Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
	}
}

// Row and file agree again, whatever a crash left.
func TestUploadCrashPlaces(t *testing.T) {
	var o *api.Options
	r := uploads(t, func(made *api.Options) { o = made })
	acme := r.As(uploader("acme"))
	file := sealedBytes(1000)
	// All bytes came, and nobody said so.
	full := create(t, acme, "acme", len(file))
	if err := os.WriteFile(filepath.Join(r.Inbox, idOf(full)+".part"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := acme.Do(http.MethodHead, full, nil).Want(http.StatusOK).Header.Get("Upload-Offset"); got != "1000" {
		t.Errorf("it stands at %s", got)
	}
	if got := stateOf(t, acme, full); got != store.UploadComplete {
		t.Errorf("it is %s", got)
	}
	// It was renamed, and the row does not say so.
	renamed := create(t, acme, "acme", len(file))
	if err := os.WriteFile(filepath.Join(r.Inbox, idOf(renamed)), file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := second(t, o, 0).WholeUpload(t.Context(), "acme", idOf(renamed)); err != nil {
		t.Error(err)
	}
	// Its file is gone: whoever would load it is told, and so is its party.
	if err := os.Remove(filepath.Join(r.Inbox, idOf(renamed))); err != nil {
		t.Fatal(err)
	}
	if err := second(t, o, 0).ExpireUploads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, acme, renamed); got != store.UploadLost {
		t.Errorf("it is %s", got)
	}
	if err := second(t, o, 0).WholeUpload(t.Context(), "acme", idOf(renamed)); code(err) != entrustment.CodeGone {
		t.Error(err)
	}
	// The row is gone, its file not yet.
	dropped := create(t, acme, "acme", len(file))
	appendTo(acme, dropped, 0, file[:10]).Want(http.StatusNoContent)
	if err := r.Store.DropUpload(t.Context(), "acme", idOf(dropped)); err != nil {
		t.Fatal(err)
	}
	if err := second(t, o, 0).ExpireUploads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(r.Inbox); err != nil || len(left) != 1 || left[0].Name() != idOf(full) {
		t.Errorf("in the inbox: %v %v", left, err)
	}
}

// A full disk is told, and the upload goes on when there is room.
func TestUploadDiskFull(t *testing.T) {
	const full = "/dev/full" // writes to it fail as those to a full disk
	if _, err := os.Stat(full); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no " + full)
	}
	r := uploads(t)
	acme := r.As(uploader("acme"))
	file := sealedBytes(1000)
	path := create(t, acme, "acme", len(file))
	part := filepath.Join(r.Inbox, idOf(path)+".part")
	if err := os.Symlink(full, part); err != nil {
		t.Fatal(err)
	}
	a := appendTo(acme, path, 0, file).Want(http.StatusInsufficientStorage)
	if !strings.Contains(string(a.Body), "disk is full") || strings.Contains(string(a.Body), r.Inbox) {
		t.Errorf("%s", a.Body)
	}
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	appendTo(acme, path, 0, file).Want(http.StatusNoContent)
}

// begin sends the head of a PATCH and some of its body, and holds the connection.
func begin(t *testing.T, r *apitest.Room, as api.Principal, path string, length int, some []byte) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // closed by then, or of no use
	if _, err := fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: room\r\nAuthorization: Bearer %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		path, r.Token(as), octets, length, some); err != nil {
		t.Fatal(err)
	}
	return conn
}

// hasCome waits until an upload has n bytes.
func hasCome(t *testing.T, c *apitest.Client, path string, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var shown struct{ Offset int }
		c.Do(http.MethodGet, path, nil).Want(http.StatusOK).JSON(&shown)
		if shown.Offset == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes came, want %d", shown.Offset, n)
		}
	}
}

// A sender that sends nothing is cut off; what it sent is kept.
func TestUploadSilence(t *testing.T) {
	r := uploads(t, func(o *api.Options) { o.Uploads.Silence = time.Second })
	acme := r.As(uploader("acme"))
	file := sealedBytes(1000)
	path := create(t, acme, "acme", len(file))
	conn := begin(t, r, uploader("acme"), path, len(file), file[:300])
	answer, err := io.ReadAll(conn) // ends when the room ends the connection
	if err != nil || !strings.Contains(string(answer), " 408 ") {
		t.Fatalf("%s, %v", answer, err)
	}
	if got := acme.Do(http.MethodHead, path, nil).Want(http.StatusOK).Header.Get("Upload-Offset"); got != "300" {
		t.Fatalf("it stands at %s", got)
	}
	appendTo(acme, path, 300, file[300:]).Want(http.StatusNoContent)
}

// Two PATCHes of an upload do not interleave: the later one ends the earlier one.
// One of another party does not, nor does its HEAD.
func TestUploadOneSender(t *testing.T) {
	r := uploads(t)
	acme, beta := r.As(uploader("acme")), r.As(uploader("beta"))
	file := sealedBytes(100_000)
	path := create(t, acme, "acme", len(file))
	conn := begin(t, r, uploader("acme"), path, len(file), file[:300])
	hasCome(t, acme, path, 300)
	beta.Do(http.MethodHead, path, nil).Want(http.StatusNotFound)
	appendTo(beta, path, 300, file[300:]).Want(http.StatusNotFound)
	if _, err := conn.Write(file[300:500]); err != nil {
		t.Fatal(err)
	}
	hasCome(t, acme, path, 500) // it was not ended by them
	if got := acme.Do(http.MethodHead, path, nil).Want(http.StatusOK).Header.Get("Upload-Offset"); got != "500" {
		t.Fatalf("it stands at %s", got)
	}
	_, _ = conn.Write(file[500:600]) // into a connection that the room has ended, or ends
	appendTo(acme, path, 500, file[500:]).Want(http.StatusNoContent)
	got, err := os.ReadFile(filepath.Join(r.Inbox, idOf(path)))
	if err != nil || string(got) != string(file) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}
