package approval

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"slices"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type vector struct {
	Name              string
	Key               string
	Challenge         string
	AuthenticatorData string `json:"authenticatorData"`
	ClientDataJSON    string `json:"clientDataJSON"`
	Signature         string
	Expect            string
}

func vectors(t testing.TB) (origin string, out []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/webauthn-level3.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Source, Origin string
		Vectors        []vector
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 10 {
		t.Fatalf("%d vectors: the file moved", len(file.Vectors))
	}
	return file.Origin, file.Vectors
}

func (v *vector) assertion(t testing.TB) *Assertion {
	t.Helper()
	return &Assertion{unhex(t, v.ClientDataJSON), unhex(t, v.AuthenticatorData), unhex(t, v.Signature)}
}

// TestStandardVectors: the assertions that the standard prints are verified, each
// down to what the room asks beyond a signature; any changed bit, another
// challenge, and another page are refused.
func TestStandardVectors(t *testing.T) {
	origin, all := vectors(t)
	want := map[string]error{"ok": nil, "user": ErrUser, "client data": ErrClientData, "key": errCOSE}
	seen := map[string]int{}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			expect, ok := want[v.Expect]
			if !ok {
				t.Fatalf("it expects %q", v.Expect)
			}
			seen[v.Expect]++
			k, err := ParseKey(PasskeyPrefix+base64.StdEncoding.EncodeToString(unhex(t, v.Key)), origin)
			if err != nil || v.Expect == "key" {
				if !errors.Is(err, expect) || expect == nil {
					t.Errorf("its key: %v, want %v", err, expect)
				}
				return
			}
			challenge := unhex(t, v.Challenge)
			if err := v.assertion(t).verify(k, challenge); !errors.Is(err, expect) || expect == nil && err != nil {
				t.Errorf("%v, want %v", err, expect)
			}
			part := func(a *Assertion) []*[]byte { return []*[]byte{&a.ClientData, &a.AuthenticatorData, &a.Signature} }
			for p := range 3 {
				for i := range 8 * len(*part(v.assertion(t))[p]) {
					a := v.assertion(t)
					(*part(a)[p])[i/8] ^= 1 << (i % 8)
					if err := a.verify(k, challenge); !errors.Is(err, ErrSignature) {
						t.Fatalf("part %d, bit %d changed: %v", p, i, err)
					}
				}
			}
			other := slices.Clone(challenge)
			other[0] ^= 1
			if err := v.assertion(t).verify(k, other); !errors.Is(err, ErrClientData) {
				t.Errorf("another challenge: %v", err)
			}
			k.origin = "https://example.com"
			if err := v.assertion(t).verify(k, challenge); !errors.Is(err, ErrClientData) {
				t.Errorf("another page: %v", err)
			}
		})
	}
	for expect := range want {
		if seen[expect] == 0 {
			t.Errorf("no vector expects %q", expect)
		}
	}
}

// authenticator is a passkey of this test's own.
type authenticator struct {
	cose []byte
	sign func(message []byte) []byte
}

func authenticators(t *testing.T) map[string]authenticator {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]authenticator{
		"es256": {slices.Concat(es256Head, point[1:33], es256Mid, point[33:]), func(m []byte) []byte {
			digest := sha256.Sum256(m)
			sig, err := ecdsa.SignASN1(rand.Reader, ec, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			return sig
		}},
		"eddsa": {slices.Concat(eddsaHead, public), func(m []byte) []byte { return ed25519.Sign(ed, m) }},
	}
}

func (a *authenticator) assert(clientData string, authData []byte) *Assertion {
	hash := sha256.Sum256([]byte(clientData))
	return &Assertion{[]byte(clientData), authData, a.sign(slices.Concat(authData, hash[:]))}
}

func authData(rp string, flags byte, more ...byte) []byte {
	hash := sha256.Sum256([]byte(rp))
	return slices.Concat(hash[:], []byte{flags, 0, 0, 0, 9}, more)
}

// TestAssertion: what a passkey signed is refused for each thing that it was not
// asked for, though the signature is good.
func TestAssertion(t *testing.T) {
	const origin, rp = "https://room.example.jp:8443", "room.example.jp"
	message := []byte("a statement")
	hash := sha256.Sum256(message)
	challenge := base64.RawURLEncoding.EncodeToString(hash[:])
	good := fmt.Sprintf(`{"type":"webauthn.get","challenge":%q,"origin":%q,"crossOrigin":false,"other":{"a":[1]}}`, challenge, origin)
	data := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	for name, a := range authenticators(t) {
		k, err := ParseKey(PasskeyPrefix+base64.StdEncoding.EncodeToString(a.cose), origin)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what       string
			clientData string
			authData   []byte
			want       error
		}{
			{"as asked", good, authData(rp, 5), nil},
			{"without crossOrigin", data(`{"type":"webauthn.get","challenge":%q,"origin":%q}`, challenge, origin), authData(rp, 5), nil},
			{"backed up, with extensions", good, authData(rp, 0x1d|0x80, 0xa0), nil},
			{"nobody there", good, authData(rp, 4), ErrUser},
			{"not verified", good, authData(rp, 1), ErrUser},
			{"backed up and not eligible", good, authData(rp, 0x15), ErrClientData},
			{"another relying party", good, authData("example.jp", 5), ErrClientData},
			{"with a new key", good, authData(rp, 0x45), ErrClientData},
			{"more than it says", good, authData(rp, 5, 0xa0), ErrClientData},
			{"less than it says", good, authData(rp, 0x85), ErrClientData},
			{"extensions that are no map", good, authData(rp, 0x85, 0x01), ErrClientData},
			{"short", good, authData(rp, 5)[:36], ErrClientData},
			{"a registration", data(`{"type":"webauthn.create","challenge":%q,"origin":%q}`, challenge, origin), authData(rp, 5), ErrClientData},
			{"another page", data(`{"type":"webauthn.get","challenge":%q,"origin":"https://room.example.jp"}`, challenge), authData(rp, 5), ErrClientData},
			{"in a frame", data(`{"type":"webauthn.get","challenge":%q,"origin":%q,"crossOrigin":true}`, challenge, origin), authData(rp, 5), ErrClientData},
			{"in a frame of", data(`{"type":"webauthn.get","challenge":%q,"origin":%q,"topOrigin":"https://a.example"}`, challenge, origin), authData(rp, 5), ErrClientData},
			{"crossOrigin in words", data(`{"type":"webauthn.get","challenge":%q,"origin":%q,"crossOrigin":"false"}`, challenge, origin), authData(rp, 5), ErrClientData},
			{"another challenge", data(`{"type":"webauthn.get","challenge":"AAAA","origin":%q}`, origin), authData(rp, 5), ErrClientData},
			{"its challenge twice", data(`{"type":"webauthn.get","challenge":"AAAA","challenge":%q,"origin":%q}`, challenge, origin), authData(rp, 5), ErrClientData},
			{"other letters", data(`{"Type":"webauthn.get","Challenge":%q,"Origin":%q}`, challenge, origin), authData(rp, 5), ErrClientData},
			{"two values", good + good, authData(rp, 5), ErrClientData},
			{"no object", `["webauthn.get"]`, authData(rp, 5), ErrClientData},
			{"cut short", good[:len(good)-1], authData(rp, 5), ErrClientData},
			{"not UTF-8", good[:len(good)-1] + ",\"x\":\"\xff\"}", authData(rp, 5), ErrClientData},
			{"too long", good[:len(good)-1] + `,"x":"` + string(bytes.Repeat([]byte{'x'}, maxClientData)) + `"}`, authData(rp, 5), ErrSignature},
		} {
			err := k.Verify(message, Signature{Assertion: a.assert(c.clientData, c.authData)})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s, %s: %v, want %v", name, c.what, err, c.want)
			}
		}
		if err := k.Verify(message, Signature{Ed25519: a.sign(message)}); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: a passkey's bare signature: %v", name, err)
		}
		both := Signature{Ed25519: []byte{1}, Assertion: a.assert(good, authData(rp, 5))}
		if err := k.Verify(message, both); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: two signatures in one: %v", name, err)
		}
	}
}

// TestFileKey: a signature is good for its key and for every byte of its message.
func TestFileKey(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKey(FormatKey(public), "")
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("a statement")
	if err := k.Verify(message, Sign(private, message)); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"another message":   k.Verify([]byte("a Statement"), Sign(private, message)),
		"no signature":      k.Verify(message, Signature{}),
		"a short signature": k.Verify(message, Signature{Ed25519: Sign(private, message).Ed25519[:63]}),
		"an assertion":      k.Verify(message, Signature{Assertion: &Assertion{}}),
		"no key":            (&Key{}).Verify(message, Sign(private, message)),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, text := range []string{"", "ed25519:", FormatKey(public)[:51], FormatKey(public) + "\n", "ED25519:" + FormatKey(public)[8:], "passkey:" + FormatKey(public)[8:],
		FilePrefix + base64.RawStdEncoding.EncodeToString(public), FilePrefix + base64.StdEncoding.EncodeToString(public[:31])} {
		if _, err := ParseKey(text, ""); err == nil {
			t.Errorf("the key %q was taken", text)
		}
	}
	if _, err := ParseKey(FormatKey(public), "https://room.example.jp"); err == nil {
		t.Error("a key of a file was taken with a page")
	}
}

// TestKeysOfSmallOrder: each point that is refused is one for which a signature
// can be made without any key, which ed25519.Verify takes.
func TestKeysOfSmallOrder(t *testing.T) {
	// R = [s]B for s of our choice; where the hash is a multiple of the point's
	// order, R is all that is checked.
	seed := make([]byte, 32)
	digest := sha512.Sum512(seed)
	digest[0], digest[31] = digest[0]&248, digest[31]&63|64
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	scalar := make([]byte, 32)
	copy(scalar, digest[:32])
	slices.Reverse(scalar)
	s := new(big.Int).Mod(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
	slices.Reverse(s)
	sig := append(bytes.Clone(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)), s...)
	forged := 0
	for _, y := range small {
		for _, sign := range []byte{0, 0x80} {
			key := bytes.Clone(y)
			key[31] |= sign
			if _, err := ParseKey(FormatKey(key), ""); !errors.Is(err, errWeak) {
				t.Errorf("%x: %v", key, err)
			}
			if _, err := parseCOSE(slices.Concat(eddsaHead, key)); !errors.Is(err, errWeak) {
				t.Errorf("%x as a passkey: %v", key, err)
			}
			for i := range 200 {
				if ed25519.Verify(key, fmt.Appendf(nil, "message %d", i), sig) {
					forged++
					break
				}
			}
		}
	}
	// The twin: without the refusal, anybody signs.
	if forged < 2*len(small)-4 {
		t.Errorf("a signature was forged for %d of %d points", forged, 2*len(small))
	}
}

// TestStatement: every field is signed.
func TestStatement(t *testing.T) {
	s := Statement{Schema, "v", "party", "acme", "d", "r", 1, "n", "e"}
	message, err := s.Message()
	if err != nil {
		t.Fatal(err)
	}
	hash := Hash(message)
	for i := range reflect.TypeFor[Statement]().NumField() {
		other := s
		f := reflect.ValueOf(&other).Elem().Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Int:
			f.SetInt(f.Int() + 1)
		default:
			t.Fatalf("a field of kind %s", f.Kind())
		}
		m, err := other.Message()
		if err != nil || Hash(m) == hash {
			t.Errorf("%s is not in the hash: %v", reflect.TypeFor[Statement]().Field(i).Name, err)
		}
	}
	if want := Schema + "\n" + `{"schema":"awase.act/v1","vault":"v","act":"party","id":"acme","document":"d","replaces":"r","version":1,"nonce":"n","expires":"e"}`; string(message) != want {
		t.Errorf("the message is\n%s\nwant\n%s", message, want)
	}
}

func TestOrigin(t *testing.T) {
	for _, good := range []string{"https://room.example.jp", "https://room.example.jp:8443", "https://localhost"} {
		if err := CheckOrigin(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "http://room.example.jp", "https://", "https://Room.example.jp", "https://room.example.jp/", "https://room.example.jp:443", "https://a@room.example.jp", "https://room.example.jp?x", "room.example.jp"} {
		if CheckOrigin(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzKey: a key has one spelling, and whatever is taken can be written again.
func FuzzKey(f *testing.F) {
	_, all := vectors(f)
	for _, v := range all {
		f.Add(PasskeyPrefix+base64.StdEncoding.EncodeToString(unhex(f, v.Key)), "https://example.org")
	}
	f.Add(FormatKey(make([]byte, 32)), "")
	f.Add(FormatKey(bytes.Repeat([]byte{7}, 32)), "")
	f.Fuzz(func(t *testing.T, text, origin string) {
		k, err := ParseKey(text, origin)
		if err != nil {
			return
		}
		var again string
		switch {
		case origin == "":
			again = FormatKey(k.ed)
		case k.ec != nil:
			point, err := k.ec.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			again = PasskeyPrefix + base64.StdEncoding.EncodeToString(slices.Concat(es256Head, point[1:33], es256Mid, point[33:]))
		default:
			again = PasskeyPrefix + base64.StdEncoding.EncodeToString(slices.Concat(eddsaHead, k.ed))
		}
		if again != text {
			t.Errorf("%q is %q", text, again)
		}
		if k.Verify([]byte("m"), Signature{Ed25519: make([]byte, 64)}) == nil {
			t.Error("a signature of zeros is good")
		}
	})
}

// FuzzClientData: what is taken says, read by encoding/json, exactly what was
// asked.
func FuzzClientData(f *testing.F) {
	origin, all := vectors(f)
	for _, v := range all {
		f.Add(unhex(f, v.ClientDataJSON))
	}
	f.Add([]byte(`{"type":"webauthn.get","challenge":"YQ","origin":"https://example.org"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if checkClientData(raw, []byte("a"), origin) != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("taken, and no JSON: %v", err)
		}
		if m["type"] != "webauthn.get" || m["challenge"] != "YQ" || m["origin"] != origin || m["topOrigin"] != nil || m["crossOrigin"] != nil && m["crossOrigin"] != false {
			t.Errorf("taken: %q", raw)
		}
	})
}

// FuzzAuthData: what is taken is of the relying party, with its owner there.
func FuzzAuthData(f *testing.F) {
	origin, all := vectors(f)
	for _, v := range all {
		f.Add(unhex(f, v.AuthenticatorData))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if checkAuthData(raw, origin) != nil {
			return
		}
		rp := sha256.Sum256([]byte("example.org"))
		if len(raw) < 37 || !bytes.Equal(raw[:32], rp[:]) || raw[32]&5 != 5 {
			t.Errorf("taken: %x", raw)
		}
	})
}
