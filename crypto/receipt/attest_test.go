package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func anAttestation() Attestation {
	return Attestation{Nonce: "n-1_A", Dev: true, Build: strings.Repeat("ab", 32), Policy: strings.Repeat("cd", 32), SealingKey: "a key",
		Confinement: Confinement{Short: "without signals", System: "linux/amd64", LandlockABI: 5, Pieces: []Piece{
			{Name: "files", InForce: true, Tried: true}, {Name: "signals", Reason: "the kernel's Landlock ABI is 5"}}},
		Swap: Swap{Known: true, KeyLocked: true}}
}

// TestAttestationEveryBit: no bit of an attestation can be changed.
func TestAttestationEveryBit(t *testing.T) {
	s := newSigner(1)
	raw := must(s.Attest(anAttestation()))
	if a, err := VerifyAttestation(raw, "n-1_A", s.Public()); err != nil || a.Trusted != trustedProcess || a.Vault != "awase/test" {
		t.Fatal(a, err)
	}
	for i := range raw {
		for bit := range 8 {
			bad := bytes.Clone(raw)
			bad[i] ^= 1 << bit
			if _, err := VerifyAttestation(bad, "n-1_A", s.Public()); err == nil {
				t.Errorf("with bit %d of byte %d changed it verifies", bit, i)
			}
		}
	}
	for _, bad := range [][]byte{append([]byte(" "), raw...), bytes.Replace(raw, []byte(`,"swap"`), []byte(`, "swap"`), 1), bytes.Replace(raw, []byte(`"dev":true,`), []byte(`"dev":true,"dev":true,`), 1), nil} {
		if _, err := VerifyAttestation(bad, "n-1_A", nil); err == nil {
			t.Errorf("it verifies in another encoding: %s", bad)
		}
	}
}

// TestAttestationControls: each check stops one forgery, which succeeds without it.
func TestAttestationControls(t *testing.T) {
	s, forger := newSigner(1), newSigner(2)
	good := must(s.Attest(anAttestation()))
	for name, c := range map[string]struct {
		raw   []byte
		nonce string
		gone  string
	}{
		"another enclave's":     {must(forger.Attest(anAttestation())), "n-1_A", "key"},
		"a piece more in force": {bytes.Replace(good, []byte(`"signals","in_force":false`), []byte(`"signals","in_force":true`), 1), "n-1_A", "signature"},
		"an old one":            {good, "n-2", "nonce"},
		"the nonce left out":    {good, "", "nonce"},
		"of another mode": {func() []byte {
			a := must(VerifyAttestation(good, "n-1_A", nil))
			a.Mode, a.Trusted = "tee", "nobody has to be trusted"
			body := must(json.Marshal(a))
			return must(json.Marshal(signedAttestation{*a, ed25519.Sign(s.key, append([]byte(attestationPrefix), body...))}))
		}(), "n-1_A", "mode"},
	} {
		if _, err := VerifyAttestation(c.raw, c.nonce, s.Public()); err == nil {
			t.Errorf("%s: it verifies", name)
		}
		rest := slices.DeleteFunc(slices.Clone(attestationChecks), func(o attestationCheck) bool { return o.name == c.gone })
		if _, err := verifyAttestation(c.raw, c.nonce, s.Public(), rest); err != nil {
			t.Errorf("%s: without %q it is no forgery: %v", name, c.gone, err)
		}
	}
}

// TestConfinementWords: what a receipt says is stable, and a person understands it.
func TestConfinementWords(t *testing.T) {
	for short, says := range map[string]string{"confined": "confined by", "unconfined": "NOT confined", "without a b": "but for a b", "": "does not know", "Confined": "does not know"} {
		if !strings.Contains(Words(short), says) {
			t.Errorf("%q: %q", short, Words(short))
		}
	}
	for _, bad := range []string{"", "a b", "a\n", strings.Repeat("a", 129), "山"} {
		if CheckNonce(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if err := CheckNonce("0aZ-_"); err != nil {
		t.Error(err)
	}
}
