package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func counting() (key [32]byte) {
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

// TestKnownAnswers pins the encoding: a change of it would orphan every index
// in a vault. The answers were computed with Python's hmac and hashlib.
func TestKnownAnswers(t *testing.T) {
	key, hash := counting(), sha256.Sum256([]byte("taro@example.jp"))
	m := NewMaker(key)
	for _, c := range []struct {
		kind      string
		class     uint8
		namespace string
		want      string
	}{
		{"email", 0, "", "55900dc20ed94c701e9ca4a3a80f95db"},
		{"email", 1, "", "4f836a2614cf06e841632c79b75933db"},
		{"cookie", 0, "example.jp", "498d7d4d517942a9fcb9411de9313c7e"},
	} {
		got := m.Make(NewDomain(c.kind, c.class, c.namespace), &hash)
		if hex.EncodeToString(got[:]) != c.want {
			t.Errorf("%s, class %d, %q: %x, want %s", c.kind, c.class, c.namespace, got, c.want)
		}
		// The same, written out byte by byte.
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte{byte(len(c.kind))})
		mac.Write([]byte(c.kind))
		mac.Write([]byte{1, c.class, byte(len(c.namespace))})
		mac.Write([]byte(c.namespace))
		mac.Write([]byte{32})
		mac.Write(hash[:])
		if full := mac.Sum(nil); Token(full[:Size]) != got {
			t.Errorf("%s, class %d, %q: %x, crypto/hmac says %x", c.kind, c.class, c.namespace, got, full[:Size])
		}
	}
}

// TestSeparation: kind, class, namespace, key and hash each change the token.
func TestSeparation(t *testing.T) {
	hash, other := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	var zero [32]byte
	seen := map[Token]string{}
	add := func(name string, tok Token) {
		if was, ok := seen[tok]; ok {
			t.Errorf("%s and %s have one token", name, was)
		}
		seen[tok] = name
	}
	m := NewMaker(counting())
	for _, kind := range []string{"email", "phone", "cookie", "maid"} {
		for class := range uint8(3) {
			for _, namespace := range []string{"", "a.jp", "b.jp"} {
				d := NewDomain(kind, class, namespace)
				name := kind + string('0'+rune(class)) + namespace
				add(name, m.Make(d, &hash))
				add(name+" other hash", m.Make(d, &other))
				add(name+" other key", NewMaker(zero).Make(d, &hash))
			}
		}
	}
	if len(seen) != 4*3*3*3 {
		t.Errorf("%d tokens", len(seen))
	}
}

type parts struct {
	kind      string
	class     uint8
	namespace string
}

func (p parts) domain() string { return string(NewDomain(p.kind, p.class, p.namespace)) }

// draw prefers texts that could shift a boundary: length bytes, nothing, and
// lengths on both sides of one and two varint bytes.
func draw(t *rapid.T, name string) parts {
	text := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("\x00\x01\x02\x05ae")), 0, 6, -1),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat("\x01", rapid.SampledFrom([]int{127, 128, 255, 256, 257, 300, 16384}).Draw(t, "length"))
		}),
	)
	return parts{text.Draw(t, name+" kind"), rapid.Uint8Range(0, 5).Draw(t, name+" class"), text.Draw(t, name+" namespace")}
}

// TestDomainsInjective: different parts have different encodings, and none is
// the start of another, so the hash behind can't be taken for a part of it.
func TestDomainsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		if a == b {
			if a.domain() != b.domain() {
				t.Fatalf("one domain, two encodings")
			}
			return
		}
		if strings.HasPrefix(a.domain(), b.domain()) || strings.HasPrefix(b.domain(), a.domain()) {
			t.Fatalf("%q and %q share an encoding", a, b)
		}
	})
}

// TestMakerKeepsNothing: a token doesn't depend on what was made before.
func TestMakerKeepsNothing(t *testing.T) {
	used := NewMaker(counting())
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t, "p")
		hash := sha256.Sum256([]byte(rapid.String().Draw(t, "value")))
		d := NewDomain(p.kind, p.class, p.namespace)
		first := used.Make(d, &hash)
		if fresh := NewMaker(counting()).Make(d, &hash); first != fresh || used.Make(d, &hash) != fresh {
			t.Fatalf("%x, then %x", fresh, first)
		}
	})
}

func TestMakeDoesNotAllocate(t *testing.T) {
	m, d, hash := NewMaker(counting()), NewDomain("cookie", 0, "example.jp"), sha256.Sum256([]byte("a"))
	if got := testing.AllocsPerRun(100, func() { m.Make(d, &hash) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkMake is tokens/s on one core; PERFORMANCE gives 7.2 M/s for the bare
// HMAC.
func BenchmarkMake(b *testing.B) {
	m, d, hash := NewMaker(counting()), NewDomain("email", 0, ""), sha256.Sum256([]byte("a"))
	b.ReportAllocs()
	for b.Loop() {
		m.Make(d, &hash)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
