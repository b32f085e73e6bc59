package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func counting() (key [32]byte) {
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

func maker(t interface {
	Helper()
	Fatal(...any)
}, key [32]byte, kind string, class uint8, namespace string) *Maker {
	t.Helper()
	m, err := NewMaker(key, kind, class, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestKnownAnswers pins the encoding: a change of it would orphan every index
// in a vault. The answers were computed with OpenSSL's HMAC and AES-256-CBC.
func TestKnownAnswers(t *testing.T) {
	key, hash := counting(), sha256.Sum256([]byte("taro@example.jp"))
	for _, c := range []struct {
		kind      string
		class     uint8
		namespace string
		want      string
	}{
		{"email", 0, "", "1ab22afe4dd489ac51d65e38"},
		{"email", 1, "", "46701d4ae40f1e6b1f12c3d6"},
		{"cookie", 0, "example.jp", "a9ba9fba52e65139279e87d6"},
	} {
		got := maker(t, key, c.kind, c.class, c.namespace).Make(&hash)
		if hex.EncodeToString(got[:]) != c.want {
			t.Errorf("%s, class %d, %q: %x, want %s", c.kind, c.class, c.namespace, got, c.want)
		}
		// The same, written out: one round of HKDF-Expand, and CBC from a zero IV.
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte("awase token v1\n"))
		mac.Write([]byte{byte(len(c.kind))})
		mac.Write([]byte(c.kind))
		mac.Write([]byte{1, c.class, byte(len(c.namespace))})
		mac.Write([]byte(c.namespace))
		mac.Write([]byte{1})
		block, err := aes.NewCipher(mac.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		out := hash
		cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(out[:], out[:])
		if Token(out[aes.BlockSize:]) != got {
			t.Errorf("%s, class %d, %q: %x, crypto/cipher says %x", c.kind, c.class, c.namespace, got, out[aes.BlockSize:])
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
	for _, kind := range []string{"email", "phone", "cookie", "maid"} {
		for class := range uint8(3) {
			for _, namespace := range []string{"", "a.jp", "b.jp"} {
				m := maker(t, counting(), kind, class, namespace)
				name := kind + string('0'+rune(class)) + namespace
				add(name, m.Make(&hash))
				add(name+" other hash", m.Make(&other))
				add(name+" other key", maker(t, zero, kind, class, namespace).Make(&hash))
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

func (p parts) domain() string { return domain(p.kind, p.class, p.namespace) }

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
	used := maker(t, counting(), "cookie", 0, "example.jp")
	rapid.Check(t, func(t *rapid.T) {
		hash := sha256.Sum256([]byte(rapid.String().Draw(t, "value")))
		first := used.Make(&hash)
		if fresh := maker(t, counting(), "cookie", 0, "example.jp").Make(&hash); first != fresh || used.Make(&hash) != fresh {
			t.Fatalf("%x, then %x", fresh, first)
		}
	})
}

func TestMakeDoesNotAllocate(t *testing.T) {
	m, hash := maker(t, counting(), "cookie", 0, "example.jp"), sha256.Sum256([]byte("a"))
	if got := testing.AllocsPerRun(100, func() { m.Make(&hash) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkMake is tokens/s on one core, and how many times as fast that is as
// HMAC-SHA256 of the same hash.
func BenchmarkMake(b *testing.B) {
	m, hash := maker(b, counting(), "email", 0, ""), sha256.Sum256([]byte("a"))
	b.ReportAllocs()
	for b.Loop() {
		m.Make(&hash)
	}
	took := b.Elapsed()
	b.ReportMetric(float64(b.N)/took.Seconds(), "tokens/s")
	peer, key, sum := time.Now(), counting(), [32]byte{}
	mac := hmac.New(sha256.New, key[:])
	for range b.N {
		mac.Reset()
		mac.Write(hash[:])
		mac.Sum(sum[:0])
	}
	b.ReportMetric(float64(time.Since(peer))/float64(took), "×HMAC")
}
