package seal_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	stdhpke "crypto/hpke"

	"awase/crypto/seal"
)

func deskKey(t testing.TB, n byte) seal.PrivateKey {
	t.Helper()
	k, err := seal.DeriveKey(seal.XWing, [32]byte{n, 31: 1})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var disclosureVault = [16]byte{0xAB, 15: 0xCD}

func sealDisclosure(t testing.TB, key seal.PrivateKey, number int64, content []byte) []byte {
	t.Helper()
	file, err := seal.SealDisclosure(key.Public(), disclosureVault, number, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDisclosure: what is disclosed comes back whole, in one size, and says what it is
// of before it is opened.
func TestDisclosure(t *testing.T) {
	key := deskKey(t, 1)
	for _, n := range []int{0, 1, 1000, seal.MaxDisclosure} {
		content := bytes.Repeat([]byte("x"), n)
		file := sealDisclosure(t, key, 7, content)
		tag, back, err := seal.OpenDisclosure(file, key)
		if err != nil || !bytes.Equal(back, content) || len(file) != seal.DisclosureSize {
			t.Fatalf("%d bytes: %d bytes in %d, %v", n, len(back), len(file), err)
		}
		if want := (seal.DisclosureTag{Vault: disclosureVault, Number: 7, Key: key.Public().Fingerprint()}); tag != want {
			t.Errorf("%+v, want %+v", tag, want)
		}
		if before, err := seal.ReadDisclosureTag(file); err != nil || before != tag {
			t.Errorf("%+v, %v", before, err)
		}
	}
	if bytes.Equal(sealDisclosure(t, key, 7, nil), sealDisclosure(t, key, 7, nil)) {
		t.Error("two disclosures are sealed alike")
	}
	if _, err := seal.SealDisclosure(key.Public(), disclosureVault, 7, make([]byte, seal.MaxDisclosure+1), nil); !errors.Is(err, seal.BadHeader) {
		t.Errorf("over the size: %v", err)
	}
	if _, err := seal.SealDisclosure(key.Public(), disclosureVault, 0, nil, nil); !errors.Is(err, seal.BadHeader) {
		t.Errorf("of no request: %v", err)
	}
	weak := testKey(t, seal.X25519)
	if _, err := seal.SealDisclosure(weak.Public(), disclosureVault, 7, nil, nil); !errors.Is(err, seal.BadKey) {
		t.Errorf("to another suite: %v", err)
	}
	if _, err := seal.SealDisclosure(seal.PublicKey{}, disclosureVault, 7, nil, nil); !errors.Is(err, seal.BadKey) {
		t.Errorf("to no key: %v", err)
	}
}

// TestDisclosureAltered: another desk, another request, any byte.
func TestDisclosureAltered(t *testing.T) {
	key := deskKey(t, 1)
	file := sealDisclosure(t, key, 7, []byte(`{"a":1}`))
	_, _, err := seal.OpenDisclosure(file, deskKey(t, 2))
	if !errors.Is(err, seal.NotOpened) || !strings.Contains(err.Error(), key.Public().Fingerprint()) {
		t.Errorf("another desk: %v", err)
	}
	for at := 0; at < len(file); at++ {
		if at > 60 && at%4099 != 0 && at < len(file)-20 {
			continue
		}
		bad := bytes.Clone(file)
		bad[at] ^= 1
		if _, _, err := seal.OpenDisclosure(bad, key); err == nil {
			t.Errorf("with byte %d changed it opens", at)
		}
	}
	other := bytes.Clone(file)
	copy(other[:48], sealDisclosure(t, key, 8, []byte(`{"a":1}`))[:48]) // the head of another request's
	if tag, err := seal.ReadDisclosureTag(other); err != nil || tag.Number != 8 {
		t.Fatalf("%+v, %v", tag, err)
	}
	if _, _, err := seal.OpenDisclosure(other, key); !errors.Is(err, seal.NotOpened) {
		t.Errorf("passed off as another request's: %v", err)
	}
	for what, of := range map[string]struct {
		file   []byte
		reason seal.Reason
	}{
		"nothing": {nil, seal.NotSealed}, "a sealed file": {[]byte(seal.Magic + strings.Repeat("x", seal.DisclosureSize)), seal.NotSealed},
		"cut short": {file[:len(file)-1], seal.Truncated}, "with more": {append(bytes.Clone(file), 0), seal.TrailingBytes},
	} {
		if _, _, err := seal.OpenDisclosure(of.file, key); !errors.Is(err, of.reason) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDisclosureStandard: it opens by docs/format.md with the standard library's HPKE.
func TestDisclosureStandard(t *testing.T) {
	seed := [32]byte{1, 31: 1}
	file := sealDisclosure(t, deskKey(t, 1), 7, []byte("content"))
	const head = 8 + 16 + 8 + 16
	recipient, err := stdhpke.NewRecipient(file[head:head+1120], standard(t, seal.XWing, seed[:]), stdhpke.HKDFSHA256(), stdhpke.AES256GCM(), append([]byte("awase disclosure v1\n"), file[:head]...))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := recipient.Open(nil, file[head+1120:])
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte{0, 0, 0, 7}, "content"...)
	if len(file) != 263328 || len(plain) != 256<<10 || !bytes.HasPrefix(plain, want) || len(bytes.Trim(plain[len(want):], "\x00")) != 0 {
		t.Errorf("%x", plain[:40])
	}
	print := strings.ReplaceAll(deskKey(t, 1).Public().Fingerprint(), "-", "")
	if hex.EncodeToString(file[head-16:head]) != print || string(file[:8]) != "AWASEDI1" || !bytes.Equal(file[8:24], disclosureVault[:]) {
		t.Errorf("the head is %x", file[:head])
	}
}

// FuzzOpenDisclosure: nothing but what was sealed opens, and no file panics.
func FuzzOpenDisclosure(f *testing.F) {
	key := deskKey(f, 1)
	good := sealDisclosure(f, key, 7, []byte("content"))
	f.Add(good[:64], uint32(0), byte(0))
	f.Add(good[:48], uint32(200000), byte(1))
	f.Fuzz(func(t *testing.T, head []byte, at uint32, flip byte) {
		file := bytes.Clone(good)
		copy(file, head)
		file[int(at)%len(file)] ^= flip
		tag, content, err := seal.OpenDisclosure(file, key)
		if err == nil && (!bytes.Equal(file, good) || string(content) != "content" || tag.Number != 7) {
			t.Errorf("an altered file opens: %+v", tag)
		}
		if _, _, err := seal.OpenDisclosure(head, key); err == nil {
			t.Error("a part of a file opens")
		}
	})
}
