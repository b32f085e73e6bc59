package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors again")

// A craft is a file as nobody honest need write it: any header, any records.
type craft struct {
	suite  Suite
	addr   Address
	header Header
	canon  func(b []byte) []byte // alters the header
	plain  [][]byte              // of the records; the last is final
	sign   byte                  // seed of the upload key, repeated; 0: none
	after  func(b []byte, at []int) []byte
}

var (
	craftSeed  = [32]byte{0: 0xA0, 31: 0x0A} // of the recipient's key
	craftEncap = bytes.Repeat([]byte{0x5E}, 64)
)

func craftKey(t *testing.T, s Suite) PrivateKey {
	t.Helper()
	k, err := DeriveKey(s, craftSeed)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// make gives the file; at are the offsets of the header, the encapsulated key's
// length, the signature's length, each record and the end.
func (c craft) make(t *testing.T) []byte {
	t.Helper()
	canonical, err := appendHeader(nil, &c.addr, &c.header)
	if err != nil {
		t.Fatal(err)
	}
	if c.canon != nil {
		canonical = c.canon(canonical)
	}
	pub, err := craftKey(t, c.suite).Public().kem()
	if err != nil {
		t.Fatal(err)
	}
	sender, err := c.suite.hpke().NewSender(pub, info(canonical))
	if err != nil {
		t.Fatal(err)
	}
	enc, sealer, err := sender.Setup(bytes.NewReader(craftEncap))
	if err != nil {
		t.Fatal(err)
	}
	b := appendHead(nil, c.suite, canonical, enc)
	at := []int{preludeSize, preludeSize + len(canonical), len(b)}
	b = appendSignature(b, c.signer())
	for i, p := range c.plain {
		at = append(at, len(b))
		final := i == len(c.plain)-1
		sealed, err := sealer.Seal(p, aad(final))
		if err != nil {
			t.Fatal(err)
		}
		size := uint32(len(sealed))
		if final {
			size |= finalBit
		}
		b = append(binary.BigEndian.AppendUint32(b, size), sealed...)
	}
	if at = append(at, len(b)); c.after != nil {
		b = c.after(b, at)
	}
	return b
}

func (c craft) signer() ed25519.PrivateKey {
	if c.sign == 0 {
		return nil
	}
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{c.sign}, ed25519.SeedSize))
}

// rows encodes rows, one record each of cut.
func (c craft) rows(t *testing.T, cut ...[]Row) [][]byte {
	t.Helper()
	s := shapeOf(&c.header)
	var out [][]byte
	for _, rows := range cut {
		var b []byte
		for i := range rows {
			var fault string
			if b, fault = s.appendRow(b, &rows[i]); fault != "" {
				t.Fatal(fault)
			}
		}
		out = append(out, b)
	}
	return out
}

// hashOf is a made-up person's.
func hashOf(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func crafts() (list, base, events craft) {
	list = craft{
		suite: X25519,
		addr:  Address{"spring-2026", 3, "acme", "members", [16]byte([]byte("upload-0000-0001"))},
		header: Header{
			Purpose:     List,
			Identifiers: []IdentifierColumn{{Kind: "email"}, {Kind: "cookie", Namespace: "career-site"}},
			Columns:     []Column{{"rank", []string{"金", "silver", "unknown"}}},
		},
	}
	base = craft{
		suite: X25519,
		addr:  BaseAddress("operator", [16]byte([]byte("upload-0000-0002"))),
		header: Header{
			Purpose:     Base,
			Identifiers: []IdentifierColumn{{Kind: "email"}, {Kind: "phone"}},
			Columns:     []Column{{"gender", []string{"female", "male", "unknown"}}},
			Channels:    []string{"mail", "app"},
			Document:    strings.Repeat("5e", 32),
		},
	}
	events = craft{
		suite: X25519,
		addr:  Address{"spring-2026", 3, "acme", EventsName, [16]byte([]byte("upload-0000-0003"))},
		header: Header{
			Purpose:     Events,
			Identifiers: []IdentifierColumn{{Kind: "maid"}},
			Columns:     []Column{{"region", []string{"関東", "unknown"}}},
			Events:      []EventType{{"click", "banner"}, {"conversion", "order"}},
			Unit:        "yen",
		},
	}
	return list, base, events
}

func craftRows() (list, base, events []Row) {
	list = []Row{
		{Identifiers: []Identifier{{0, 0, hashOf("a")}}, Codes: []uint8{0}},
		{Identifiers: []Identifier{{0, 0, hashOf("b")}, {0, 3, hashOf("b'")}, {1, 0, hashOf("c")}}, Codes: []uint8{2}},
	}
	base = []Row{
		{Identifiers: []Identifier{{0, 0, hashOf("a")}}, Codes: []uint8{1}, Person: &Person{Key: []byte("u-1"), Verified: true, PolicyVersion: "2024-01-29", Channels: 3, Consent: 19_751}},
		{Codes: []uint8{2}, Person: &Person{Key: []byte{0xFF, 0}, Service: "jobs", EnquiryOnly: true}},
	}
	events = []Row{
		{Codes: []uint8{0}, Event: &Event{Key: []byte("u-1"), Day: 20_500, Type: 0}},
		{Identifiers: []Identifier{{0, 0, hashOf("d")}}, Codes: []uint8{1}, Event: &Event{Day: -1, Type: 1, Value: -12_000}},
	}
	return list, base, events
}

// vector is a case: what is asked for when the file is opened, and what comes.
type vector struct {
	name, comment string
	expect        string
	craft         craft
	rows          []Row // of an ok case
	resealed      bool  // sealing rows gives the very file
	ask           func(a *Address)
	schema        *Header
	suite         Suite // of the key; zero: the file's
	otherKey      bool
	pin           byte // seed of the pinned upload key
}

func (v vector) text(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	line := func(key, format string, args ...any) { fmt.Fprintf(&b, key+": "+format+"\n", args...) }
	line("expect", "%s", v.expect)
	line("comment", "%s", v.comment)
	suite, seed := v.craft.suite, craftSeed
	if v.suite != 0 {
		suite = v.suite
	}
	if v.otherKey {
		seed[5] ^= 1
	}
	line("suite", "%s", suite)
	line("seed", "%x", seed)
	a := v.craft.addr
	if v.ask != nil {
		v.ask(&a)
	}
	line("entrustment", "%s", a.Entrustment)
	line("version", "%d", a.Version)
	line("party", "%s", a.Party)
	line("name", "%s", a.Name)
	line("upload", "%x", a.Upload)
	h := v.schema
	if h == nil && v.expect == "ok" {
		h = &v.craft.header
	}
	if h != nil {
		schema, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		line("schema", "%s", schema)
	}
	if v.pin != 0 {
		line("pinned", "%x", craft{sign: v.pin}.signer().Public())
	}
	if v.resealed {
		line("randomness", "%x", craftEncap[:v.craft.suite.kem().Scheme().EncapsulationSeedSize()])
		if v.craft.sign != 0 {
			line("signing-seed", "%x", v.craft.signer().Seed())
		}
	}
	for i := range v.rows {
		row, err := MarshalVectorRow(&v.rows[i])
		if err != nil {
			t.Fatal(err)
		}
		line("row", "%s", row)
	}
	b.WriteString("\n")
	for chunk := range slices.Chunk(v.craft.make(t), 32) {
		b.WriteString(hex.EncodeToString(chunk) + "\n")
	}
	return b.String()
}

// TestVectorsAreCurrent holds testdata/vectors to what makeVectors gives: a
// change of the format shows as a change of files that others test against.
func TestVectorsAreCurrent(t *testing.T) {
	dir := filepath.Join("testdata", "vectors")
	want := map[string]string{}
	for _, v := range makeVectors(t) {
		if _, twice := want[v.name+".txt"]; twice {
			t.Fatalf("two vectors named %s", v.name)
		}
		want[v.name+".txt"] = v.text(t)
	}
	if *update {
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want[f.Name()] {
			t.Errorf("%s: not what the format gives; go test -run Current -update, and say so in docs/format.md", f.Name())
		}
		delete(want, f.Name())
	}
	for name := range want {
		t.Errorf("%s is missing: go test -run Current -update", name)
	}
}
