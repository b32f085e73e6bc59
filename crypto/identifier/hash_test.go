package identifier

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	fooHex    = "0c7e6a405862e402eb76a70f8a26fc732d07c32931e9fae9ab1582911d2e8a3b" // foo@bar.com
	fooBase64 = "DH5qQFhi5ALrdqcPiib8cy0Hwykx6frpqxWCkR0uijs="
)

func TestParseHash(t *testing.T) {
	foo := sha256.Sum256([]byte("foo@bar.com"))
	for _, c := range []struct {
		value string
		want  Reason // "" = foo
		form  Form
	}{
		{fooHex, "", SHA256Hex},
		{strings.ToUpper(fooHex), "", SHA256Hex},
		{" " + fooHex + "\r\n", "", SHA256Hex},
		{fooBase64, "", SHA256Base64},
		{"", ReasonEmpty, Empty},
		{"　", ReasonEmpty, Empty},
		{fooHex[1:], ReasonHashLength, OtherHex},
		{fooHex + "0", ReasonHashLength, OtherHex},
		{"0x" + fooHex, ReasonHashLength, Raw},
		{fooHex[:63] + "g", ReasonHashCharset, Raw},
		{fooHex[:32], ReasonLooksMD5, MD5},
		{fooHex[:40], ReasonLooksSHA1, SHA1},
		{fooHex + fooHex, ReasonHashLength, OtherHex}, // SHA-512
		{fooBase64[:43], ReasonHashLength, Raw},
		{fooBase64[:43] + "A", ReasonHashBase64, Raw},                       // 33 bytes
		{fooBase64[:42] + "t=", ReasonHashBase64, Raw},                      // stray trailing bits
		{fooBase64[:42] + "==", ReasonHashBase64, Raw},                      // 31 bytes
		{strings.Repeat("-", 43) + "=", ReasonHashBase64, Raw},              // URL alphabet
		{fooBase64[:20] + "\n" + fooBase64[21:], ReasonHashBase64, Raw},     // line break
		{fooBase64[:20] + "\r\n" + fooBase64[20:], ReasonHashLength, Raw},   // line break on top
		{"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ReasonHashLength, UUID},    //
		{"taro@example.jp", ReasonHashLength, Raw},                          //
		{strings.Repeat("a", 24) + "@example.jp", ReasonHashLength, Raw},    //
		{strings.Repeat("a", 30) + "@example.jp.co", ReasonHashBase64, Raw}, // 44 long
		{"090-1234-5678", ReasonHashLength, Raw},
	} {
		got, err := ParseHash([]byte(c.value))
		if c.want == "" {
			if err != nil || got != foo {
				t.Errorf("%q: %x, %v", c.value, got, err)
			}
		} else if e, ok := err.(*Error); !ok || e.Reason != c.want || e.Mend == "" || got != (Hash{}) {
			t.Errorf("%q: %v, want %s", c.value, err, c.want)
		}
		if form := Detect([]byte(c.value)); form != c.form || form.Hashed() != (c.want == "") {
			t.Errorf("%q: detected %s, want %s", c.value, form, c.form)
		}
	}
}

func TestParseHashRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		for _, form := range []string{hex.EncodeToString(h[:]), strings.ToUpper(hex.EncodeToString(h[:])), base64.StdEncoding.EncodeToString(h[:])} {
			if got, err := ParseHash([]byte(form)); err != nil || got != h {
				t.Fatalf("%q: %x, %v", form, got, err)
			}
		}
	})
}

// TestDetectRaw: what the canonical form takes is never read as a hash, cookies
// apart, which are opaque.
func TestDetectRaw(t *testing.T) {
	n := newJP(t)
	for _, k := range []Kind{Email, Phone} {
		accepted := 0
		rapid.Check(t, func(t *rapid.T) {
			raw := []byte(messy(k).Draw(t, "raw"))
			if _, _, err := n.Canonical(k, raw); err != nil {
				return
			}
			accepted++
			if f := Detect(raw); f != Raw {
				t.Fatalf("%s %q is detected as %s", k, raw, f)
			}
		})
		if accepted == 0 {
			t.Errorf("%s: nothing accepted", k)
		}
	}
	for _, c := range []struct {
		kind  Kind
		value string
		want  Form
	}{
		{Cookie, fooHex, Raw}, {Cookie, fooHex[:32], Raw}, {Cookie, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", Raw}, {Cookie, " ", Empty},
		{Email, fooHex, SHA256Hex}, {MAID, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", UUID}, {MAID, fooHex[:32], MD5},
	} {
		if got := DetectAs(c.kind, []byte(c.value)); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.kind, c.value, got, c.want)
		}
	}
	for f := range formCount {
		if f.String() == "form(?)" {
			t.Errorf("form %d has no name", f)
		}
	}
	if formCount.String() != "form(?)" {
		t.Error("a form that doesn't exist has a name")
	}
}
