package seal_test

import (
	"bytes"
	"crypto/ecdh"
	stdhpke "crypto/hpke"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"awase/crypto/seal"

	"github.com/cloudflare/circl/hpke"
)

// hexBytes is hex in JSON.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// TestRFC9180 holds the library to the vectors of RFC 9180 for X25519 and to
// those of draft-ietf-hpke-pq for X-Wing (there only with ChaCha20Poly1305),
// both with HKDF-SHA256.
func TestRFC9180(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "rfc9180.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Source                      string
		Mode                        int
		KEM                         hpke.KEM  `json:"kem_id"`
		KDF                         hpke.KDF  `json:"kdf_id"`
		AEAD                        hpke.AEAD `json:"aead_id"`
		Info, IkmE, SkRm, PkRm, Enc hexBytes
		Encryptions                 []struct{ AAD, CT, PT hexBytes }
		Exports                     []struct {
			Context hexBytes `json:"exporter_context"`
			L       uint
			Value   hexBytes `json:"exported_value"`
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors) != 2 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.Source, func(t *testing.T) {
			if v.Mode != 0 || len(v.Encryptions) == 0 || len(v.Exports) == 0 {
				t.Fatal("not a whole vector of the base mode")
			}
			suite, scheme := hpke.NewSuite(v.KEM, v.KDF, v.AEAD), v.KEM.Scheme()
			secret, err := scheme.UnmarshalBinaryPrivateKey(v.SkRm)
			if err != nil {
				t.Fatal(err)
			}
			public, err := scheme.UnmarshalBinaryPublicKey(v.PkRm)
			if err != nil {
				t.Fatal(err)
			}
			if !secret.Public().Equal(public) {
				t.Error("the private key is not the public key's")
			}
			sender, err := suite.NewSender(public, v.Info)
			if err != nil {
				t.Fatal(err)
			}
			enc, sealer, err := sender.Setup(bytes.NewReader(v.IkmE))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(enc, v.Enc) {
				t.Fatal("another encapsulated key")
			}
			receiver, err := suite.NewReceiver(secret, v.Info)
			if err != nil {
				t.Fatal(err)
			}
			opener, err := receiver.Setup(v.Enc)
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range v.Encryptions {
				if ct, err := sealer.Seal(e.PT, e.AAD); err != nil || !bytes.Equal(ct, e.CT) {
					t.Fatalf("sealing %d: %v", i, err)
				}
				if pt, err := opener.Open(e.CT, e.AAD); err != nil || !bytes.Equal(pt, e.PT) {
					t.Fatalf("opening %d: %v", i, err)
				}
			}
			for _, e := range v.Exports {
				if !bytes.Equal(opener.Export(e.Context, e.L), e.Value) {
					t.Error("another exported value")
				}
			}
		})
	}
}

// standard gives a suite's private key as Go's own crypto/hpke has it.
func standard(t *testing.T, s seal.Suite, seed []byte) stdhpke.PrivateKey {
	t.Helper()
	var key stdhpke.PrivateKey
	var err error
	if s == seal.XWing {
		key, err = stdhpke.MLKEM768X25519().NewPrivateKey(seed)
	} else {
		key, err = stdhpke.DHKEM(ecdh.X25519()).DeriveKeyPair(seed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const (
	infoLabel = "awase seal v1\n"
	headerAt  = 8 + 6 + 4
)

// parts cuts a file by docs/format.md alone.
func parts(file []byte) (header, enc, records []byte) {
	n := int(binary.BigEndian.Uint32(file[headerAt-4:]))
	header, file = file[headerAt:headerAt+n], file[headerAt+n:]
	n = int(binary.BigEndian.Uint16(file))
	enc, file = file[2:2+n], file[2+n:]
	n = int(binary.BigEndian.Uint16(file))
	return header, enc, file[2+n:]
}

// TestStandardLibrary seals with one implementation of HPKE and opens with the
// other: circl here, crypto/hpke there.
func TestStandardLibrary(t *testing.T) {
	seed := [32]byte{3, 1, 4, 1, 5}
	for _, s := range []seal.Suite{seal.XWing, seal.X25519} {
		t.Run(s.String(), func(t *testing.T) {
			key, err := seal.DeriveKey(s, seed)
			if err != nil {
				t.Fatal(err)
			}
			std := standard(t, s, seed[:])
			h, rows := benchRows(40_000)
			file := sealFile(t, key, testAddress, h, rows, nil)
			header, enc, records := parts(file)
			info := append([]byte(infoLabel), header...)

			recipient, err := stdhpke.NewRecipient(enc, std, stdhpke.HKDFSHA256(), stdhpke.AES256GCM(), info)
			if err != nil {
				t.Fatal(err)
			}
			enc, sender, err := stdhpke.NewSender(std.PublicKey(), stdhpke.HKDFSHA256(), stdhpke.AES256GCM(), info)
			if err != nil {
				t.Fatal(err)
			}
			theirs := bytes.Clone(file[:headerAt+len(header)])
			theirs = append(binary.BigEndian.AppendUint16(theirs, uint16(len(enc))), enc...)
			theirs = append(theirs, 0, 0)
			n := 0
			for ; len(records) > 0; n++ {
				word := binary.BigEndian.Uint32(records)
				size := int(word &^ (1 << 31))
				plain, err := recipient.Open([]byte{byte(word >> 31)}, records[4:4+size])
				if err != nil {
					t.Fatalf("record %d: %v", n+1, err)
				}
				again, err := sender.Seal([]byte{byte(word >> 31)}, plain)
				if err != nil {
					t.Fatal(err)
				}
				theirs = append(append(theirs, records[:4]...), again...)
				records = records[4+size:]
			}
			if n < 2 {
				t.Fatalf("%d records", n)
			}
			got, err := openFile(theirs, key, testAddress, &h, nil)
			if err != nil {
				t.Fatal(err)
			}
			sameRows(t, got, rows)
		})
	}
}
