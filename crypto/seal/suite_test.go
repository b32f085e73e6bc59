package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"awase/crypto/seal"

	"github.com/cloudflare/circl/hpke"
)

func TestKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range []seal.Suite{seal.XWing, seal.X25519} {
		key := testKey(t, s)
		pub := key.Public()
		if again := testKey(t, s).Public(); again != pub {
			t.Error("a seed gives two keys")
		}
		text, err := pub.MarshalText()
		if err != nil || !strings.HasPrefix(string(text), "awase-seal-"+s.String()+"-") {
			t.Fatalf("%s: %v", text, err)
		}
		back, err := seal.ParsePublicKey(string(text))
		if err != nil || back != pub || back.Suite() != s {
			t.Fatalf("%v: %v", back, err)
		}
		var viaJSON struct{ Key seal.PublicKey }
		data, err := json.Marshal(struct{ Key seal.PublicKey }{pub})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &viaJSON); err != nil || viaJSON.Key != pub {
			t.Errorf("JSON: %v", err)
		}
		if f := pub.Fingerprint(); len(f) != 39 || seen[f] {
			t.Errorf("fingerprint %s", f)
		} else {
			seen[f] = true
		}
		for name, bad := range map[string]string{
			"cut":        string(text[:len(text)-1]),
			"longer":     string(text) + "A",
			"padded":     string(text) + "=",
			"line end":   string(text[:len(text)-1]) + "\n",
			"stray bits": string(text[:len(text)-1]) + "_",
			"alphabet":   strings.Replace(string(text), string(text[30]), "+", 1),
			"prefix":     strings.TrimPrefix(string(text), "awase-"),
			"suite":      strings.Replace(string(text), s.String(), "x448", 1),
			"nothing":    "",
			"zero":       seal.PublicKey{}.String(),
		} {
			if _, err := seal.ParsePublicKey(bad); !errors.Is(err, seal.BadKey) {
				t.Errorf("%s, %s: %v", s, name, err)
			}
		}
	}
	if _, err := (seal.PublicKey{}).MarshalText(); !errors.Is(err, seal.BadKey) {
		t.Errorf("the zero key: %v", err)
	}
	if _, err := seal.DeriveKey(0, [32]byte{}); !errors.Is(err, seal.UnknownSuite) {
		t.Errorf("no suite: %v", err)
	}
}

// An ML-KEM key whose coefficients are over its modulus is refused (FIPS 203 §7.2),
// an X25519 key of small order is when a file is to be sealed to it.
func TestKeysOfNoKey(t *testing.T) {
	encode := func(s seal.Suite, fill byte, n int) string {
		key := testKey(t, s).Public().String()
		prefix := "awase-seal-" + s.String() + "-"
		char := map[byte]string{0: "A", 0xFF: "_"}[fill]
		body := strings.Repeat(char, len(key)-len(prefix))
		if fill == 0xFF && n > 0 { // the last digit has n bits to spare
			body = body[:len(body)-1] + map[int]string{2: "8", 4: "w"}[n]
		}
		return prefix + body
	}
	if _, err := seal.ParsePublicKey(encode(seal.XWing, 0xFF, 2)); !errors.Is(err, seal.BadKey) {
		t.Errorf("X-Wing over the modulus: %v", err)
	}
	zero, err := seal.ParsePublicKey(encode(seal.X25519, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	k := kinds()["list"]
	if _, err := seal.NewWriter(&bytes.Buffer{}, zero, k.address, k.header, seal.WriterOptions{}); err == nil {
		t.Error("sealed to a point of small order")
	}
}

// However a private key is printed or logged, no byte of its secret shows.
func TestPrivateKeyShowsNothing(t *testing.T) {
	for s, kem := range map[seal.Suite]hpke.KEM{seal.XWing: hpke.KEM_XWING, seal.X25519: hpke.KEM_X25519_HKDF_SHA256} {
		seed := sha256.Sum256([]byte(s.String()))
		key, err := seal.DeriveKey(s, seed)
		if err != nil {
			t.Fatal(err)
		}
		secret := seed[:]
		if s == seal.X25519 {
			_, k := kem.Scheme().DeriveKeyPair(seed[:])
			if secret, err = k.MarshalBinary(); err != nil {
				t.Fatal(err)
			}
		}
		want := "private key of " + key.Public().Fingerprint()
		type holder struct {
			name string
			key  seal.PrivateKey
			ptr  *seal.PrivateKey
			any  any
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "key", key)
		if !strings.Contains(log.String(), want) {
			t.Errorf("log: %s", log.String())
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			if got := fmt.Sprintf(verb, key); got != want {
				t.Errorf("%s: %s", verb, got)
			}
			held := fmt.Sprintf(verb, holder{"name", key, &key, key})
			for _, form := range []string{"%x", "%s", "%d", "%v", "%#v"} {
				part := strings.Trim(fmt.Sprintf(form, secret[3:9]), "[]byte{}")
				if strings.Contains(held, part) {
					t.Errorf("%s in a struct shows the secret", verb)
				}
			}
		}
		if data, err := json.Marshal([]any{key}); err != nil || string(data) != "[{}]" {
			t.Errorf("JSON: %s %v", data, err)
		}
	}
}

func TestOpenRefusesKeys(t *testing.T) {
	k := kinds()["list"]
	sign := uploadKey(1)
	for _, s := range []seal.Suite{seal.XWing, seal.X25519} {
		key := testKey(t, s)
		file := sealFile(t, key, k.address, k.header, k.rows, sign)
		other, err := seal.DeriveKey(s, [32]byte{99})
		if err != nil {
			t.Fatal(err)
		}
		cross := testKey(t, seal.XWing+seal.X25519-s)
		pinned := sign.Public().(ed25519.PublicKey)
		unsigned := sealFile(t, key, k.address, k.header, k.rows, nil)
		for name, c := range map[string]struct {
			file []byte
			key  seal.PrivateKey
			pin  ed25519.PublicKey
			want seal.Reason
		}{
			"zero key":        {file, seal.PrivateKey{}, nil, seal.BadKey},
			"other key":       {file, other, pinned, seal.NotOpened},
			"other suite":     {file, cross, pinned, seal.OtherSuite},
			"other signer":    {file, key, uploadKey(2).Public().(ed25519.PublicKey), seal.BadSignature},
			"no signature":    {unsigned, key, pinned, seal.NotSigned},
			"short pin":       {file, key, pinned[:31], seal.BadKey},
			"empty pin":       {file, key, ed25519.PublicKey{}, seal.BadKey},
			"all as it ought": {file, key, pinned, ""},
		} {
			_, err := openFile(c.file, c.key, k.address, &k.header, c.pin)
			if c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v", s, name, err)
			}
		}
		head, err := seal.ReadHead(bytes.NewReader(file))
		if err != nil || !head.Signed || head.Suite != s || head.Address != k.address {
			t.Errorf("head %v: %v", head, err)
		}
	}
}

// One key opens files in many goroutines; go test -race watches.
func TestOpenConcurrently(t *testing.T) {
	for _, s := range []seal.Suite{seal.XWing, seal.X25519} {
		k := kinds()["list"]
		key := testKey(t, s)
		file := sealFile(t, key, k.address, k.header, k.rows, nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := openFile(file, key, k.address, nil, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
