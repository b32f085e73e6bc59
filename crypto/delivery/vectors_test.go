package delivery

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
)

var update = flag.Bool("update", false, "write testdata/vectors again")

// vectorRandomness is the KEM's, and of labels then the serving KEM's and the nonces'
// before it.
var vectorRandomness = bytes.Repeat([]byte{0x5E, 0x17, 0xC3, 0x09}, 64)

// vectors are files of each form, and one refusal for each reason that a file has.
func vectors(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	put := func(name, expect string, key seal.PrivateKey, seed [32]byte, room ed25519.PublicKey, now int64, file []byte) {
		var b strings.Builder
		fmt.Fprintf(&b, "expect: %s\nsuite: %s\nseed: %x\nroom: %x\nnow: %d\n", expect, key.Public().Suite(), seed, room, now)
		if expect == "ok" {
			f, err := Open(bytes.NewReader(file), key, room, time.Unix(now, 0))
			if err != nil {
				t.Fatal(err)
			}
			slots, err := drain(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range slots {
				fmt.Fprintf(&b, "slot: %s\n", s)
			}
		}
		b.WriteString("\n")
		for text := hex.EncodeToString(file); text != ""; {
			n := min(64, len(text))
			b.WriteString(text[:n] + "\n")
			text = text[n:]
		}
		out[name] = b.String()
	}
	rnd := func() *bytes.Reader { return bytes.NewReader(vectorRandomness) }
	room, now := public(testRoom), testNow.Unix()
	for _, suite := range []seal.Suite{seal.X25519, seal.XWing} {
		key, seed := testKey(t, suite), [32]byte{0xD0, byte(suite)}
		put("ok-people-"+suite.String(), "ok", key, seed, room, now, sealFile(t, key.Public(), testHeader(Google, 2), testRoom, rnd(), people(1)))
		put("ok-users-"+suite.String(), "ok", key, seed, room, now, sealFile(t, key.Public(), testHeader(OwnChannel, 2), testRoom, rnd(), users(1)))
		_, labels := labelFile(t, key.Public(), suite, 2, bytes.NewReader(bytes.Repeat(vectorRandomness, 2)))
		put("ok-labels-"+suite.String(), "ok", key, seed, room, now, labels)
	}
	key, seed := testKey(t, seal.X25519), [32]byte{0xD0, byte(seal.X25519)}
	file := sealFile(t, key.Public(), testHeader(Google, 1), testRoom, rnd(), people(1))
	bad := func(reason Reason, now int64, room ed25519.PublicKey, change func(b []byte) []byte) {
		put(strings.ReplaceAll(string(reason), " ", "-"), string(reason), key, seed, room, now, change(bytes.Clone(file)))
	}
	flip := func(at int) func(b []byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	bad(NotDelivery, now, room, flip(0))
	bad(UnknownSuite, now, room, flip(9))
	bad(MalformedHead, now, room, flip(14))
	bad(MalformedHeader, now, room, flip(19))
	bad(Truncated, now, room, func(b []byte) []byte { return b[:len(b)-1] })
	bad(TrailingBytes, now, room, func(b []byte) []byte { return append(b, 0) })
	bad(OtherRoom, now, public(ed25519.NewKeyFromSeed(make([]byte, 32))), func(b []byte) []byte { return b })
	bad(BadSignature, now, room, flip(-1))
	bad(Expired, created+3600, room, func(b []byte) []byte { return b })
	other := testKey(t, seal.XWing)
	put("other-suite", string(OtherSuite), other, [32]byte{0xD0, byte(seal.XWing)}, room, now, file)
	wrong, err := seal.DeriveKey(seal.X25519, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	put("does-not-open", string(NotOpened), wrong, [32]byte{1}, room, now, file)
	h := testHeader(Google, 1)
	canonical, err := appendHeader(nil, h.withRoom())
	if err != nil {
		t.Fatal(err)
	}
	put("malformed-slot", string(MalformedSlot), key, seed, room, now, craft(t, key, canonical, bytes.Repeat([]byte{9}, personSize), rnd()))
	return out
}

func TestDeliveryVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "vectors")
	made := vectors(t)
	if *update {
		for name, text := range made {
			if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) != len(made) {
		t.Fatalf("%d vectors of %d: %v", len(files), len(made), err)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		// Sealed again with the same randomness, a file is the same bytes.
		if made[name] != string(raw) {
			t.Errorf("%s: sealed again it is another file", name)
		}
		if err := holds(string(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// holds reads a vector as another program would, and opens its file.
func holds(text string) error {
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		return errors.New("no empty line")
	}
	fields, slots := map[string]string{}, []string{}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "slot":
			slots = append(slots, value)
		case "expect", "suite", "seed", "room", "now":
			fields[key] = value
		default:
			return fmt.Errorf("unknown key %q", key)
		}
	}
	seed, err1 := hex.DecodeString(fields["seed"])
	room, err2 := hex.DecodeString(fields["room"])
	file, err3 := hex.DecodeString(strings.ReplaceAll(body, "\n", ""))
	now, err4 := strconv.ParseInt(fields["now"], 10, 64)
	if err := errors.Join(err1, err2, err3, err4); err != nil || len(seed) != 32 {
		return fmt.Errorf("%w, a seed of %d bytes", err, len(seed))
	}
	suite := map[string]seal.Suite{"xwing": seal.XWing, "x25519": seal.X25519}[fields["suite"]]
	key, err := seal.DeriveKey(suite, [32]byte(seed))
	if err != nil {
		return err
	}
	var got []string
	f, err := Open(bytes.NewReader(file), key, room, time.Unix(now, 0))
	if err == nil {
		got, err = drain(f)
	}
	if fields["expect"] != "ok" {
		if e, ok := errors.AsType[*Error](err); !ok || string(e.Reason) != fields["expect"] {
			return fmt.Errorf("got %v, want %s", err, fields["expect"])
		}
		return nil
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(slots, "\n") {
		return fmt.Errorf("%v, slots %q, want %q", err, got, slots)
	}
	return nil
}
