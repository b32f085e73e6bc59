package apitest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/enclave"
	"awase/sql/control"
)

// The front is killed in the middle of uploads, again and again. No byte that it
// acknowledged is lost, none is there that was not sent, and each file arrives
// whole and is loaded.
func TestUploadKilled(t *testing.T) {
	files := 6
	if testing.Short() {
		files = 2
	}
	dir, err := os.MkdirTemp("", "awase") // short: a socket's name has few bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inbox := filepath.Join(dir, "inbox")
	if err := os.Mkdir(inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	r := &Room{Dir: dir, now: time.Now, t: t}
	if r.Enclave, err = enclave.Open(t.Context(), filepath.Join(dir, "vault"), enclave.Options{}); err != nil {
		t.Fatal(err)
	}
	r.Furnish()
	var sealed [][]byte
	for i := range files {
		sealed = append(sealed, r.SealedList(fmt.Sprintf("list-%d", i), 1100+i))
	}
	if err := r.Enclave.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Store, err = control.Open(t.Context(), filepath.Join(dir, "control.db")); err != nil {
		t.Fatal(err)
	}
	ops := r.As(Person(Acme, api.AdOps))
	token := ops.Authorization()
	if err := r.Store.Close(); err != nil { // one process has it open
		t.Fatal(err)
	}
	room, front := launch(t, "enclave", dir), launch(t, "front", dir)
	defer func() { room.kill(t); front.kill(t) }()
	r.URL = front.said
	kills := 0
	for i, file := range sealed {
		name := fmt.Sprintf("list-%d", i)
		at := ops.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(file)), "Upload-Metadata", Metadata(Entrustment, name)).
			Want(http.StatusCreated).Header.Get("Location")
		id := at[strings.LastIndexByte(at, '/')+1:]
		acknowledged := 0
		for acknowledged < len(file) {
			a := ops.Do(http.MethodHead, at, nil, "Tus-Resumable", "1.0.0").Want(http.StatusOK)
			offset, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
			if err != nil || offset < acknowledged {
				t.Fatalf("%s stands at %s, and %d were acknowledged", id, a.Header.Get("Upload-Offset"), acknowledged)
			}
			acknowledged = offset
			if offset == len(file) {
				break
			}
			if got, err := os.ReadFile(filepath.Join(inbox, id+".part")); offset > 0 && (err != nil || !bytes.Equal(got, file[:offset])) {
				t.Fatalf("%d bytes that are not those that were sent, %v", len(got), err)
			}
			if rand.IntN(3) == 0 { // a PATCH that is acknowledged, then a kill
				n := min(1+rand.IntN(20_000), len(file)-offset)
				ops.Do(http.MethodPatch, at, file[offset:offset+n], "Content-Type", "application/offset+octet-stream", "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(offset)).Want(http.StatusNoContent)
				acknowledged += n
			} else { // one that is not
				conn, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: room\r\nAuthorization: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %d\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n",
					at, token, offset, len(file)-offset); err != nil {
					t.Fatal(err)
				}
				n := 1 + rand.IntN(len(file)-offset) // sometimes all of it, and the kill comes while the file is finished
				if rand.IntN(3) == 0 {
					n = len(file) - offset
				}
				if _, err := conn.Write(file[offset : offset+n]); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond)
				defer conn.Close()
			}
			front.kill(t)
			kills++
			front = launch(t, "front", dir)
			r.URL = front.said
		}
		got, err := os.ReadFile(filepath.Join(inbox, id))
		if err != nil || !bytes.Equal(got, file) {
			t.Fatalf("%s: %d bytes, %v", name, len(got), err)
		}
		var j struct{ ID, State string }
		ops.Do(http.MethodPost, "/v1/lists", `{"upload": "`+id+`", "entrustment": "spring", "name": "`+name+`"}`).Want(http.StatusAccepted).JSON(&j)
		for until := time.Now().Add(time.Minute); j.State != "done"; time.Sleep(20 * time.Millisecond) {
			if ops.Do(http.MethodGet, "/v1/jobs/"+j.ID, nil).Want(http.StatusOK).JSON(&j); j.State == "failed" || time.Now().After(until) {
				t.Fatalf("%s: %s", name, j.State)
			}
		}
	}
	t.Logf("%d kills", kills)
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		left, err := os.ReadDir(inbox)
		if err == nil && len(left) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("in the inbox: %v %v", left, err)
		}
	}
}
