package delivery

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/seal"
)

const created = 1_800_000_000

var (
	testNow  = time.Unix(created+60, 0)
	testRoom = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
)

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func testKey(t testing.TB, s seal.Suite) seal.PrivateKey {
	t.Helper()
	k, err := seal.DeriveKey(s, [32]byte{0xD0, byte(s)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testHeader(d Destination, slots int64) Header {
	h := Header{
		Delivery: [16]byte{1, 2, 3, 15: 9}, Campaign: "spring", Number: 2, Entrustment: "acme-2026-spring", Version: 3, Receiver: "adco",
		Destination: d, Act: Replace, Created: created, Expires: created + 3600, Times: 3, Days: 7, Slots: slots,
	}
	if d == OwnChannel {
		h.Channel = "mail"
	}
	return h
}

func testHash(i int) (h identifier.Hash) {
	rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}).Read(h[:])
	return h
}

func testPerson(i int) []Identifier {
	ids := []Identifier{{identifier.Email, identifier.Common, testHash(2 * i)}}
	if i%2 == 0 {
		ids = append(ids, Identifier{identifier.Phone, identifier.Common, testHash(2*i + 1)})
	}
	return ids
}

// sealFile seals a delivery; write fills its slots.
func sealFile(t testing.TB, to seal.PublicKey, h Header, room ed25519.PrivateKey, rnd io.Reader, write func(*Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, to, h, room, rnd)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func people(n int) func(*Writer) error {
	return func(w *Writer) error {
		for i := range n {
			if err := w.Person(testPerson(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func users(n int) func(*Writer) error {
	return func(w *Writer) error {
		for i := range n {
			if err := w.User(fmt.Appendf(nil, "user-%d", i)); err != nil {
				return err
			}
		}
		return nil
	}
}

// labelFile is a delivery of labels of n keys, of which the even ones are members.
func labelFile(t testing.TB, to seal.PublicKey, suite seal.Suite, n int, rnd io.Reader) (Header, []byte) {
	t.Helper()
	h := testHeader(Label, 0)
	serving, err := seal.DeriveKey(suite, [32]byte{0x5E})
	if err != nil {
		t.Fatal(err)
	}
	s, err := label.NewSealer(serving.Public(), h.Delivery, time.Unix(h.Expires, 0), rnd)
	if err != nil {
		t.Fatal(err)
	}
	h.Labels = s.Set()
	keys, size := make([][]byte, n), int64(0)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "partner-%d", i)
		size += int64(len(keys[i]))
	}
	h.Slots = LabelBytes(int64(n), size)
	return h, sealFile(t, to, h, testRoom, rnd, func(w *Writer) error {
		for i, k := range keys {
			l, err := s.Label(uint32(i), k, i%2 == 0)
			if err == nil {
				err = w.Label(k, l)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func openFile(file []byte, key seal.PrivateKey) (*File, error) {
	return Open(bytes.NewReader(file), key, public(testRoom), testNow)
}

// drain reads a file's slots, of whatever form, as the vectors write them.
func drain(f *File) (out []string, err error) {
	switch f.Header().Destination.Form() {
	case People:
		for ids, e := range f.People() {
			if err = e; err == nil {
				parts := make([]string, len(ids))
				for i, id := range ids {
					parts[i] = fmt.Sprintf("%s %d %x", id.Kind, id.Class, id.Hash)
				}
				out = append(out, strings.Join(parts, ", "))
			}
		}
	case Users:
		for key, e := range f.Users() {
			if err = e; err == nil {
				out = append(out, fmt.Sprintf("%x", key))
			}
		}
	case Labels:
		for r, e := range f.Labels() {
			if err = e; err == nil {
				out = append(out, fmt.Sprintf("%x %s", r.Key, r.Label))
			}
		}
	}
	return out, err
}

func readAll(file []byte, key seal.PrivateKey) ([]string, error) {
	f, err := openFile(file, key)
	if err != nil {
		return nil, err
	}
	return drain(f)
}

// small are files of each form, under X25519, whose files are short.
func small(t testing.TB, key seal.PrivateKey) map[string][]byte {
	t.Helper()
	rnd := func() io.Reader { return rand.NewChaCha8([32]byte{3}) }
	_, labels := labelFile(t, key.Public(), seal.X25519, 3, rnd())
	remove := testHeader(TikTok, 2)
	remove.Act, remove.Times, remove.Days = Remove, 0, 0
	return map[string][]byte{
		"people": sealFile(t, key.Public(), testHeader(Google, 4), testRoom, rnd(), people(3)),
		"users":  sealFile(t, key.Public(), testHeader(OwnChannel, 4), testRoom, rnd(), users(3)),
		"empty":  sealFile(t, key.Public(), remove, testRoom, rnd(), people(0)),
		"labels": labels,
	}
}

func TestDeliveriesOpen(t *testing.T) {
	t.Parallel()
	for _, suite := range []seal.Suite{seal.XWing, seal.X25519} {
		key := testKey(t, suite)
		for _, n := range []int{0, 1, 7_653, 7_654, 16_384} { // 7,653 slots and a part fill a record
			h := testHeader(Meta, SlotsFor(int64(n)))
			file := sealFile(t, key.Public(), h, testRoom, nil, people(n))
			if size, err := h.withRoom().Size(suite); err != nil || size != int64(len(file)) {
				t.Errorf("%d people: %d bytes, Size says %d, %v", n, len(file), size, err)
			}
			f, err := openFile(file, key)
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for ids, err := range f.People() {
				if err != nil || !slices.Equal(ids, testPerson(i)) {
					t.Fatalf("person %d: %v, %v", i, ids, err)
				}
				i++
			}
			if i != n {
				t.Errorf("%d people of %d", i, n)
			}
			if got := f.Header(); got.Campaign != h.Campaign || got.Slots != h.Slots || got.Act != h.Act {
				t.Errorf("header %+v", got)
			}
			for _, err := range f.People() {
				if !errors.Is(err, Spent) {
					t.Errorf("read twice: %v", err)
				}
			}
		}
		file := sealFile(t, key.Public(), testHeader(OwnChannel, 4), testRoom, nil, users(4))
		got, err := readAll(file, key)
		if err != nil || len(got) != 4 || got[3] != fmt.Sprintf("%x", "user-3") {
			t.Errorf("users: %v, %v", got, err)
		}
	}
}

func (h Header) withRoom() *Header { h.Room = public(testRoom); return &h }

func TestLabelDeliveries(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.XWing)
	for _, n := range []int{0, 1, 30_000} {
		h, file := labelFile(t, key.Public(), seal.XWing, n, rand.NewChaCha8([32]byte{4}))
		f, err := openFile(file, key)
		if err != nil {
			t.Fatal(err)
		}
		serving, err := seal.DeriveKey(seal.XWing, [32]byte{0x5E})
		if err != nil {
			t.Fatal(err)
		}
		o, err := label.NewOpener(serving, f.Header().Labels, func() time.Time { return testNow })
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := f.LabelSignature(); ok {
			t.Error("a signature before the rows")
		}
		i, d := 0, label.NewDigest(h.Labels)
		for r, err := range f.Labels() {
			if err != nil {
				t.Fatal(err)
			}
			if member, err := o.Open(r.Row, r.Key, r.Label); err != nil || int(r.Row) != i || member != (i%2 == 0) || string(r.Key) != fmt.Sprintf("partner-%d", i) {
				t.Fatalf("row %d: %v, %v", i, member, err)
			}
			d.Add(r.Key, r.Label)
			i++
		}
		signature, ok := f.LabelSignature()
		if i != n || !ok || !d.Verify(public(testRoom), signature) {
			t.Errorf("%d rows of %d, signed %v", i, n, ok)
		}
	}
}

// TestSizeIsOfTheHeaderAlone: whatever is in the slots, the file is as long as the
// header says, and the head is the same bytes.
func TestSizeIsOfTheHeaderAlone(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.XWing)
	for _, slots := range []int64{1, 2, 64, 16_384} {
		sizes := map[int]bool{}
		for _, n := range []int64{0, 1, slots / 2, slots} {
			sizes[len(sealFile(t, key.Public(), testHeader(X, slots), testRoom, nil, people(int(n))))] = true
		}
		sizes[len(sealFile(t, key.Public(), testHeader(X, slots), testRoom, nil, func(w *Writer) error { // as full as it gets
			for i := range slots {
				var ids []Identifier
				for k := range MaxIdentifiers {
					ids = append(ids, Identifier{identifier.Kind(k), identifier.Common, testHash(int(i) + k)})
				}
				if err := w.Person(ids); err != nil {
					return err
				}
			}
			return nil
		}))] = true
		if len(sizes) != 1 {
			t.Errorf("%d slots: sizes %v", slots, sizes)
		}
	}
	// Labels: as many bytes, whoever is a member.
	for n, want := range map[int64]int64{1: 128, 31: 2048, 32: 2048, 49: 4096} {
		if got := LabelBytes(n, n*10); got != want {
			t.Errorf("%d keys of 10 bytes: %d", n, got)
		}
	}
	for n, want := range map[int64]int64{0: 1, 1: 1, 2: 2, 1283: 2048, 2048: 2048, 2049: 4096} {
		if got := SlotsFor(n); got != want {
			t.Errorf("for %d: %d slots", n, got)
		}
	}
}

// TestEveryByteOfADeliveryMatters: changed anywhere, cut anywhere, added to: nothing
// is given out.
func TestEveryByteOfADeliveryMatters(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.X25519)
	for name, file := range small(t, key) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readAll(file, key); err != nil {
				t.Fatal(err)
			}
			for i := range file {
				for _, flip := range []byte{1, 0x80, 0xFF} {
					bad := bytes.Clone(file)
					bad[i] ^= flip
					if _, err := openFile(bad, key); err == nil {
						t.Fatalf("opens with byte %d changed by %#x", i, flip)
					} else if _, ok := errors.AsType[*Error](err); !ok {
						t.Fatalf("byte %d: %v", i, err)
					}
				}
			}
			for n := range file {
				if _, err := openFile(file[:n], key); !errors.Is(err, Truncated) {
					t.Fatalf("cut to %d bytes: %v", n, err)
				}
			}
			if _, err := openFile(append(bytes.Clone(file), 0), key); !errors.Is(err, TrailingBytes) {
				t.Errorf("added to: %v", err)
			}
		})
	}
}

// TestForgedDelivery: whoever knows the receiver's public key can seal to it. Without
// the room's signature the forgery would be delivered; with it, it is refused.
func TestForgedDelivery(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.XWing)
	forger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	own := sealFile(t, key.Public(), testHeader(Google, 4), forger, nil, people(1))
	if _, err := openFile(own, key); !errors.Is(err, OtherRoom) {
		t.Errorf("signed by another room: %v", err)
	}
	// It names the room, which is public, and can't sign for it.
	h := testHeader(Google, 4)
	canonical, err := appendHeader(nil, h.withRoom())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	enc, stream, err := key.Public().NewStreamWriter(&b, info(canonical), nil)
	if err != nil {
		t.Fatal(err)
	}
	slot, _ := appendPerson(nil, testPerson(0))
	if _, err := stream.Write(append(slot, make([]byte, 3*personSize)...)); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	forged := slices.Concat(appendHead(nil, seal.XWing, canonical, enc), b.Bytes(), make([]byte, ed25519.SignatureSize))
	if _, err := openFile(forged, key); !errors.Is(err, BadSignature) {
		t.Errorf("not signed: %v", err)
	}
	unchecked := func(*head, io.Reader, int64) error { return nil }
	f, err := open(bytes.NewReader(forged), key, public(testRoom), testNow, unchecked)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := drain(f); err != nil || len(got) != 1 {
		t.Errorf("unchecked, the forgery does not open: %v; so the signature is not what stops it", err)
	}
}

// swapped gives one file to the pass that checks and another one to the pass that opens.
type swapped struct {
	*bytes.Reader
	second []byte
	seeks  int
}

func (s *swapped) Seek(offset int64, whence int) (int64, error) {
	if s.seeks++; s.seeks == 3 { // to the end, to the beginning, to the records
		s.Reader = bytes.NewReader(s.second)
	}
	return s.Reader.Seek(offset, whence)
}

// A file that is exchanged after it was checked doesn't open.
func TestDeliveryExchangedBetweenPasses(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.XWing)
	good := sealFile(t, key.Public(), testHeader(Google, 4), testRoom, nil, people(1))
	other := sealFile(t, key.Public(), testHeader(Google, 4), testRoom, nil, people(2))
	if _, err := Open(&swapped{Reader: bytes.NewReader(good), second: good}, key, public(testRoom), testNow); err != nil {
		t.Fatalf("the same file twice: %v", err)
	}
	if _, err := Open(&swapped{Reader: bytes.NewReader(good), second: other}, key, public(testRoom), testNow); !errors.Is(err, NotOpened) {
		t.Errorf("exchanged: %v", err)
	}
	if _, err := Open(&swapped{Reader: bytes.NewReader(good), second: good[:400]}, key, public(testRoom), testNow); !errors.Is(err, NotOpened) {
		t.Errorf("cut in between: %v", err)
	}
}

func TestDeliveryRefusals(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.XWing)
	file := sealFile(t, key.Public(), testHeader(Google, 4), testRoom, nil, people(1))
	at := func(now time.Time, key seal.PrivateKey) error {
		_, err := Open(bytes.NewReader(file), key, public(testRoom), now)
		return err
	}
	if err := at(time.Unix(created+3599, 0), key); err != nil {
		t.Errorf("in its last second: %v", err)
	}
	if err := at(time.Unix(created+3600, 0), key); !errors.Is(err, Expired) {
		t.Errorf("expired: %v", err)
	}
	if err := at(testNow, testKey(t, seal.X25519)); !errors.Is(err, OtherSuite) {
		t.Errorf("another suite: %v", err)
	}
	other, err := seal.DeriveKey(seal.XWing, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := at(testNow, other); !errors.Is(err, NotOpened) {
		t.Errorf("another key: %v", err)
	}
	if err := at(testNow, seal.PrivateKey{}); err == nil {
		t.Error("opens without a key")
	}
	if _, err := Open(bytes.NewReader(file), key, nil, testNow); !errors.Is(err, BadKey) {
		t.Errorf("no room key: %v", err)
	}
	f, err := openFile(file, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range f.Users() {
		if !errors.Is(err, MalformedSlot) {
			t.Errorf("people read as users: %v", err)
		}
	}
}

func TestWriterRefusals(t *testing.T) {
	t.Parallel()
	to := testKey(t, seal.X25519).Public()
	begin := func(d Destination, slots int64) *Writer {
		w, err := NewWriter(io.Discard, to, testHeader(d, slots), testRoom, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	email := Identifier{identifier.Email, identifier.Common, testHash(1)}
	for name, ids := range map[string][]Identifier{
		"none": nil, "twice": {email, email}, "kind": {{identifier.MAID + 1, 0, testHash(1)}}, "class": {{0, identifier.ClassCount, testHash(1)}},
		"five": {email, {Hash: testHash(2)}, {Hash: testHash(3)}, {Hash: testHash(4)}, {Hash: testHash(5)}},
	} {
		w := begin(Google, 4)
		err := w.Person(ids)
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != BadRecord || e.Slot != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Close(); !errors.Is(err, BadRecord) {
			t.Errorf("%s: closed after an error: %v", name, err)
		}
	}
	for _, n := range []int{0, MaxUserKey + 1} {
		if err := begin(OwnChannel, 4).User(make([]byte, n)); !errors.Is(err, BadRecord) {
			t.Errorf("a user key of %d bytes: %v", n, err)
		}
	}
	w := begin(OwnChannel, 1)
	if err := w.User([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := w.User([]byte("b")); !errors.Is(err, Full) {
		t.Errorf("one too many: %v", err)
	}
	if err := begin(Google, 1).User([]byte("a")); !errors.Is(err, BadRecord) {
		t.Errorf("a user among people: %v", err)
	}
	if err := begin(OwnChannel, 1).Person([]Identifier{email}); !errors.Is(err, BadRecord) {
		t.Errorf("a person among users: %v", err)
	}
	if err := begin(OwnChannel, 1).Label([]byte("a"), label.Label{}); !errors.Is(err, BadRecord) {
		t.Errorf("a label among users: %v", err)
	}
	h, _ := labelFile(t, to, seal.X25519, 1, nil)
	if w, err := NewWriter(io.Discard, to, h, testRoom, nil); err != nil {
		t.Fatal(err)
	} else if err := w.Label(make([]byte, 100), label.Label{}); !errors.Is(err, Full) {
		t.Errorf("a label too many: %v", err)
	}
	for name, change := range map[string]func(*Header){
		"delivery": func(h *Header) { h.Delivery = [16]byte{} }, "campaign": func(h *Header) { h.Campaign = "Spring" }, "number": func(h *Header) { h.Number = 0 },
		"entrustment": func(h *Header) { h.Entrustment = "@base" }, "version": func(h *Header) { h.Version = 0 }, "receiver": func(h *Header) { h.Receiver = "" },
		"destination": func(h *Header) { h.Destination = 9 }, "channel": func(h *Header) { h.Channel = "mail" }, "no channel": func(h *Header) { h.Destination = OwnChannel },
		"act": func(h *Header) { h.Act = 3 }, "created": func(h *Header) { h.Created = 0 }, "expires": func(h *Header) { h.Expires = h.Created },
		"times": func(h *Header) { h.Days = 0 }, "slots": func(h *Header) { h.Slots = 3 }, "many slots": func(h *Header) { h.Slots = 2 * MaxSlots },
		"labels": func(h *Header) { h.Labels.Expires = 1 }, "no labels": func(h *Header) { h.Destination, h.Slots = Label, 128 },
		"removal of labels": func(h *Header) { h.Destination, h.Act = Label, Remove },
	} {
		h := testHeader(Google, 4)
		change(&h)
		if _, err := NewWriter(io.Discard, to, h, testRoom, nil); !errors.Is(err, BadHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewWriter(io.Discard, to, testHeader(Google, 1), nil, nil); !errors.Is(err, BadKey) {
		t.Errorf("no room key: %v", err)
	}
	if _, err := NewWriter(io.Discard, seal.PublicKey{}, testHeader(Google, 1), testRoom, nil); !errors.Is(err, BadKey) {
		t.Errorf("no receiver key: %v", err)
	}
	for _, d := range Destinations() {
		if got, err := ParseDestination(d.String()); err != nil || got != d {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	if _, err := ParseDestination("none"); err == nil {
		t.Error("none is a destination")
	}
}

// No error shows what a slot holds.
func TestDeliveryErrorsShowNoContent(t *testing.T) {
	t.Parallel()
	key := testKey(t, seal.X25519)
	file := sealFile(t, key.Public(), testHeader(OwnChannel, 2), testRoom, nil, func(w *Writer) error { return w.User([]byte("CANARY")) })
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x20
		if _, err := openFile(bad, key); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	w, err := NewWriter(io.Discard, key.Public(), testHeader(OwnChannel, 2), testRoom, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.User(bytes.Repeat([]byte("CANARY"), 40)); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Error(err)
	}
}
