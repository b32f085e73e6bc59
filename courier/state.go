package courier

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"awase/crypto/delivery"
)

// session is what the requests of a delivery share, in this run and the next.
type session struct {
	id       int64     // Meta's: unique in the ad account
	began    time.Time // before the first request
	validate bool      // a dry run
}

// state is the file by which a run goes on after the one before it was killed: which
// batches a platform accepted. It is append-only and synced line by line; it holds
// numbers and the platform's own request ids, nothing of any person. A batch that was
// accepted and not yet written down is sent once more, under the same number and in the
// same session, which does no harm.
type state struct {
	f        *os.File
	session  session
	accepted map[int]string // batch → request id
	finished bool
}

// line is one line of the file. The first one has the delivery and the target.
type line struct {
	Schema   string `json:"schema,omitempty"`
	Delivery string `json:"delivery,omitempty"`
	Target   string `json:"target,omitempty"`
	Session  int64  `json:"session,omitempty"` // a session begins; batches before it are of another one
	Began    int64  `json:"began,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	Request  string `json:"request,omitempty"`
	Finished bool   `json:"finished,omitempty"`
}

const stateSchema = "awase.courier-state/v1"

// openState opens or begins the state of a delivery on its way to a target.
func openState(path string, h *delivery.Header, t *Target, endpoint string, now time.Time) (*state, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &Error{Code: NotWritten, Detail: "the state file", Err: err}
	}
	s := &state{f: f, accepted: map[int]string{}}
	head := line{Schema: stateSchema, Delivery: hex.EncodeToString(h.Delivery[:]), Target: targetOf(h, t, endpoint)}
	if err := s.load(head); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if s.session.id == 0 {
		if err := s.begin(now); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return s, nil
}

// targetOf names a target, so that the state of one is not taken for another's.
func targetOf(h *delivery.Header, t *Target, endpoint string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{h.Destination.String(), endpoint, t.Account, t.AccountType, t.LoginAccount, t.Audience}, "\n")))
	return hex.EncodeToString(sum[:8])
}

// load reads the file. A last line without its end is of a run that was killed while it
// wrote: it is cut off, as if that batch had not been accepted.
func (s *state) load(head line) error {
	raw, err := io.ReadAll(s.f)
	if err != nil {
		return &Error{Code: NotWritten, Detail: "the state file", Err: err}
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1
	if err := s.f.Truncate(int64(whole)); err != nil {
		return &Error{Code: NotWritten, Detail: "the state file", Err: err}
	}
	if _, err := s.f.Seek(int64(whole), io.SeekStart); err != nil {
		return &Error{Code: NotWritten, Detail: "the state file", Err: err}
	}
	if whole == 0 {
		return s.append(head)
	}
	in := bufio.NewScanner(bytes.NewReader(raw[:whole]))
	for first := true; in.Scan(); first = false {
		var l line
		d := json.NewDecoder(bytes.NewReader(in.Bytes()))
		d.DisallowUnknownFields()
		if d.Decode(&l) != nil || first && (l.Schema != stateSchema || l.Batch+int(l.Session) != 0) {
			return fail(NotWritten, "the state file is not one that awase courier wrote: name another with --state")
		}
		switch {
		case first && (l.Delivery != head.Delivery || l.Target != head.Target):
			return fail(NotWritten, "the state file is of another delivery, account or audience: name another with --state")
		case l.Session != 0:
			s.session, s.accepted = session{id: l.Session, began: time.Unix(l.Began, 0)}, map[int]string{}
		case l.Batch > 0:
			s.accepted[l.Batch] = l.Request
		case l.Finished:
			s.finished = true
		}
	}
	return nil
}

// append writes a line and waits until it is on the disk.
func (s *state) append(l line) error {
	raw, err := json.Marshal(l)
	if err == nil {
		_, err = s.f.Write(append(raw, '\n'))
	}
	if err == nil {
		err = s.f.Sync()
	}
	if err != nil {
		return &Error{Code: NotWritten, Detail: "the state file", Err: err}
	}
	return nil
}

// begin starts a new session; what was accepted in another one is to be sent again.
func (s *state) begin(now time.Time) error {
	var b [8]byte
	rand.Read(b[:])
	id := int64(binary.BigEndian.Uint64(b[:])>>1) | 1 // positive, 63 bits, not 0
	s.session, s.accepted = session{id: id, began: now.Truncate(time.Second)}, map[int]string{}
	return s.append(line{Session: id, Began: s.session.began.Unix()})
}

// took writes down that a batch was accepted.
func (s *state) took(n int, request string) error {
	s.accepted[n] = request
	return s.append(line{Batch: n, Request: request})
}

func (s *state) finish() error {
	s.finished = true
	return s.append(line{Finished: true})
}

// requests gives the platform's ids of what it accepted, in order.
func (s *state) requests() (out []string) {
	for n := 1; n <= len(s.accepted); n++ {
		out = append(out, s.accepted[n])
	}
	return out
}
