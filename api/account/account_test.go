package account

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/entrustment"
)

var cheap = Cost{MiB: 1, Passes: 1, Lanes: 1}

func hasher(t *testing.T, c Cost, atOnce int) *Hasher {
	t.Helper()
	h, err := NewHasher(c, atOnce)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The argon2id of the reference implementation (src/test.c), at 64 MiB.
func TestVector(t *testing.T) {
	got, err := hasher(t, cheap, 1).sum(t.Context(), "password", []byte("somesalt"), Cost{MiB: 64, Passes: 2, Lanes: 1}, 32)
	if err != nil {
		t.Fatal(err)
	}
	if want := "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"; hex.EncodeToString(got) != want {
		t.Fatalf("%x, want %s", got, want)
	}
}

func TestHash(t *testing.T) {
	h := hasher(t, cheap, 2)
	const word = "がぎぐげご plum staple"
	hash, err := h.Hash(t.Context(), word)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=1024,t=1,p=1$") || strings.Contains(hash, word) {
		t.Fatal(hash)
	}
	again, err := h.Hash(t.Context(), word)
	if err != nil || again == hash {
		t.Fatalf("two hashes of one password are the same: no salt (%v)", err)
	}
	dear := hasher(t, Cost{MiB: 2, Passes: 1, Lanes: 1}, 1)
	for _, c := range []struct {
		name, password, hash string
		h                    *Hasher
		ok, old              bool
	}{
		{"the password", word, hash, h, true, false},
		{"composed otherwise", "か\u3099き\u3099く\u3099け\u3099こ\u3099 plum staple", hash, h, true, false},
		{"another", word + "x", hash, h, false, false},
		{"none", "", hash, h, false, false},
		{"the parameters rose", word, hash, dear, true, true},
		{"nobody's", word, "", h, false, false},
		{"nobody's, and none", "", "", h, false, false},
	} {
		ok, old, err := c.h.Check(t.Context(), c.password, c.hash)
		if err != nil || ok != c.ok || old != c.old {
			t.Errorf("%s: %v %v %v", c.name, ok, old, err)
		}
	}
}

// A damaged hash is refused, and asks for no work.
func TestDamagedHash(t *testing.T) {
	h := hasher(t, cheap, 1)
	hash, err := h.Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"x", "$", "$argon2id$v=19$m=1024,t=1,p=1$$", hash[:len(hash)-1], hash + "$",
		strings.Replace(hash, "m=1024", "m=4294967295", 1), strings.Replace(hash, "t=1", "t=4000000", 1), strings.Replace(hash, "p=1", "p=0", 1),
		strings.Replace(hash, "m=1024", "m=01024", 1), strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "v=19", "v=16", 1),
	} {
		if ok, _, err := h.Check(t.Context(), "x", bad); err == nil || ok {
			t.Errorf("%q passed", bad)
		}
	}
}

func FuzzDecode(f *testing.F) {
	h, err := NewHasher(cheap, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(h.dummy)
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, text string) {
		c, salt, sum, err := decode(text)
		if err != nil {
			return // what is none has no second form
		}
		if encode(c, salt, sum) != text {
			t.Error("two encodings of one hash")
		}
	})
}

// peak gives the memory that hashing passwords at once took, at most.
func peak(t *testing.T, atOnce, people int) uint64 {
	t.Helper()
	h := hasher(t, Cost{MiB: 8, Passes: 12, Lanes: 1}, atOnce)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)
	done := make(chan struct{})
	var all sync.WaitGroup
	for range people {
		all.Go(func() {
			if _, err := h.Hash(context.Background(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return most
		case <-time.After(time.Millisecond):
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc-min(before, m.HeapAlloc))
		}
	}
}

// However many people sign in, memory holds a few hashes; without the bound it
// holds them all.
func TestMemory(t *testing.T) {
	const people, bound = 24, 24 * 8 << 20 / 2
	if got := peak(t, 2, people); got > bound {
		t.Errorf("%d MiB for %d people, two at a time", got>>20, people)
	}
	if got := peak(t, people, people); got <= bound {
		t.Errorf("without the bound only %d MiB: the test can't fail", got>>20)
	}
}

// Who waits for a slot and goes away is let go.
func TestWaiting(t *testing.T) {
	h := hasher(t, cheap, 1)
	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestCost(t *testing.T) {
	for _, c := range []Cost{{MiB: 1}, {MiB: 1, Passes: 1}, {MiB: 5000, Passes: 1, Lanes: 1}, {MiB: 1, Passes: 17, Lanes: 1}} {
		if _, err := NewHasher(c, 1); err == nil {
			t.Errorf("%+v passed", c)
		}
	}
	if c := hasher(t, Cost{}, 1).cost; c != (Cost{64, 3, 4}) {
		t.Errorf("%+v", c)
	}
}

func TestRules(t *testing.T) {
	if len(common()) < 150 {
		t.Fatal("the list of common passwords moved")
	}
	for _, c := range []struct {
		password string
		ok       bool
	}{
		{"plum staple orbit canyon", true},
		{"aaaaabbbbb11", true}, // no composition rules
		{"みかんの木にのぼるひつじ", true},
		{"short-1A!x.", false},
		{"", false},
		{strings.Repeat("plum staple ", 30), false},
		{"password1234", false},
		{"PASSWORD123456!!", false},
		{"P@ssw0rd1234", false},
		{"qwertyuiopasdf", false},
		{"zzzzzzzzzzzz", false},
		{"abcabcabcabc", false},
		{"abcdefghijklm", false},
		{"567890123456", false},
		{"zyxwvutsrqponml", false},
		{"hana.tanaka!!", false},
		{"awaseawaseawase", false},
		{"Tanaka-2026-!", true}, // more is left than the name
		{"tanaka2026-!", true},
		{"tanaka123456", true},
		{"tanakahana12", false},
		{"plum staple\xff orbit", false},
	} {
		err := CheckPassword(c.password, "hana.tanaka@acme.example", "hana.tanaka", "Hana", "Tanaka")
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.password, err)
		}
		if err == nil {
			continue
		}
		if e, ok := errors.AsType[*entrustment.Error](err); !ok || e.Code != entrustment.CodeSpec || e.Mend == "" || len(c.password) > 3 && strings.Contains(err.Error(), c.password) {
			t.Errorf("%q: %v", c.password, err)
		}
	}
}

// RFC 6238, appendix B, the last six digits of its eight.
func TestTOTPVectors(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		for _, off := range []int64{0, 30, -30} {
			if step, ok := CheckTOTP(secret, want, time.Unix(at+off, 0)); !ok || step != at/30 {
				t.Errorf("at %d%+d: %v, step %d", at, off, ok, step)
			}
		}
		for _, off := range []int64{60, -60, 3600} {
			if _, ok := CheckTOTP(secret, want, time.Unix(at+off, 0)); ok && at+off > 0 {
				t.Errorf("at %d%+d it passed", at, off)
			}
		}
	}
	for _, bad := range []string{"", "28708", "2870822", "28708２", "abcdef"} {
		if _, ok := CheckTOTP(secret, bad, time.Unix(59, 0)); ok {
			t.Errorf("%q passed", bad)
		}
	}
	if _, ok := CheckTOTP("", "", time.Unix(59, 0)); ok {
		t.Error("no secret and no code passed")
	}
}

func TestTOTPAddress(t *testing.T) {
	secret := NewTOTP()
	u, err := url.Parse(TOTPAddress(secret, "Awase", "a b@acme.example"))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Awase:a b@acme.example" || u.Query().Get("secret") != secret || len(secret) != 32 {
		t.Fatalf("%v %v", u, err)
	}
}

func TestRecovery(t *testing.T) {
	codes, hashes := NewRecovery()
	if len(codes) != 10 || len(hashes) != 10 {
		t.Fatal(len(codes))
	}
	for i, code := range codes {
		if IsTOTP(code) || !bytes.Equal(RecoveryHash(strings.ToUpper(strings.ReplaceAll(code, "-", " "))), hashes[i]) {
			t.Error(i)
		}
	}
	if !IsTOTP("012345") {
		t.Error("six digits are no code")
	}
}

func TestSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := NewToken()
		if !IsToken(s) || len(s) != 49 || seen[s] {
			t.Fatal("a token is not one, or came twice")
		}
		seen[s] = true
	}
	for _, bad := range []string{"", "awase_", NewSecret(), "awase_" + NewSecret() + "A", "awase_" + strings.Repeat("*", 43), fmt.Sprintf("Awase_%s", NewSecret())} {
		if IsToken(bad) {
			t.Errorf("%q passed", bad)
		}
	}
}
