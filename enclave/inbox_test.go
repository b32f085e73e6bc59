package enclave

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestUploadNames: no name leads out of the inbox, no link is followed, and nothing
// but a plain file is read. Where the name alone led to a file, the machine would
// have given it.
func TestUploadNames(t *testing.T) {
	dir, err := os.MkdirTemp("", "awase") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	e, err := Open(t.Context(), filepath.Join(dir, "V"), Options{Inbox: filepath.Join(dir, "V.inbox")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	furnish(t, e)
	inbox := filepath.Join(dir, "V.inbox")
	secret := sealedList(t, e, 1200)
	in := func(name string) string { return filepath.Join(inbox, name) }
	for _, err := range []error{
		os.Mkdir(inbox, 0o700), os.WriteFile(filepath.Join(dir, "secret"), secret, 0o600), os.Mkdir(in("dir"), 0o700), os.WriteFile(in("dir/file"), secret, 0o600),
		os.WriteFile(in("UPPER"), secret, 0o600), os.WriteFile(in(".hidden"), secret, 0o600), os.WriteFile(in("a.part"), secret, 0o600), os.WriteFile(in("plain"), secret, 0o600),
		os.Symlink("../secret", in("out")), os.Symlink(filepath.Join(dir, "secret"), in("absolute")), os.Symlink("plain", in("within")), os.Symlink("none", in("nowhere")),
		os.Symlink(dir, in("up")), unix.Mkfifo(in("fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", in("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, leads := range map[string]bool{ // to the secret, if it were opened as it is
		"../secret": true, "./plain": true, "dir/file": true, "up/secret": true, "dir/../../secret": true, "UPPER": true, ".hidden": true, "a.part": true,
		"out": true, "absolute": true, "within": true, "nowhere": false, "up": false, "dir": false, "fifo": false, "socket": false, "": false, ".": false, "..": false, "/": false,
		"plain\x00": false, "plain\n": false, "plain ": false, "名": false, strings.Repeat("a", 65): false, "none": false,
	} {
		if leads {
			if got, err := os.ReadFile(inbox + "/" + name); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%q leads nowhere, so the test proves nothing: %v", name, err)
			}
		}
		req := wire.WorkRequest{Job: "j", Kind: wire.WorkList, Upload: name, List: &wire.ListRequest{Entrustment: "e", Name: "l"}}
		s, err := e.StartWork(t.Context(), req)
		for err == nil && s.Status == wire.WorkRuns {
			s, err = e.PollWork(t.Context(), "j", maxPoll)
		}
		if err == nil && s.Refusal != nil {
			err = s.Refusal
		}
		switch refusal := entrustment.Public(err); {
		case err == nil, refusal.Code == entrustment.CodeInternal, s.Read != 0:
			t.Errorf("%q: %+v, %v", name, s, err)
		case len(name) > 2 && strings.Contains(err.Error(), name):
			t.Errorf("%q is repeated: %v", name, err)
		}
		if f, _, err := e.openUpload(name); err == nil {
			raw, _ := io.ReadAll(f)
			t.Errorf("%q is opened: %d bytes", name, len(raw))
			f.Close()
		}
		e.work = newWork() // the id is for the next name
	}
	req := wire.WorkRequest{Job: "j", Kind: wire.WorkList, Upload: "plain", List: &wire.ListRequest{Entrustment: "e", Name: "l"}}
	if s := outcome(t, e, req); s.Status != wire.WorkDone {
		t.Errorf("the plain file: %+v", s)
	}
	e.self.inbox = ""
	if _, _, err := e.openUpload("plain"); entrustment.Public(err).Code != entrustment.CodeForbidden {
		t.Errorf("without an inbox: %v", err)
	}
}
