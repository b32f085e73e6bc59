package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/entrustment"

	"pgregory.net/rapid"
)

// Blocks reads as a file does, whatever is asked for.
func TestBlocksReadLikeAFile(t *testing.T) {
	file := make([]byte, 3*blockSize+17)
	for i := range file {
		file[i] = byte(i * 2654435761 >> 13)
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, blockSize - 1, blockSize, blockSize + 1, len(file)}).Draw(t, "size")
		whole := bytes.NewReader(file[:size])
		b := NewBlocks(int64(size), func(at int64, n int) ([]byte, error) {
			if n < 1 || n > blockSize || at+int64(n) > int64(size) {
				t.Fatalf("fetches %d bytes at %d of %d", n, at, size)
			}
			return bytes.Clone(file[at : at+int64(n)]), nil
		})
		for range 8 {
			at := rapid.Int64Range(0, int64(size)+10).Draw(t, "at")
			got := make([]byte, rapid.IntRange(0, 2*blockSize).Draw(t, "n"))
			want := make([]byte, len(got))
			n, err := b.ReadAt(got, at)
			m, wantErr := whole.ReadAt(want, at)
			if n != m || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes at %d: %d, want %d", len(got), at, n, m)
			}
			if len(got) > 0 && (err == io.EOF) != (wantErr == io.EOF) {
				t.Fatalf("error %v, want %v", err, wantErr)
			}
		}
	})
}

func TestBlocksKeepsFew(t *testing.T) {
	fetched := 0
	b := NewBlocks(100*blockSize, func(_ int64, n int) ([]byte, error) { fetched++; return make([]byte, n), nil })
	read := func(i int64) {
		t.Helper()
		if _, err := b.ReadAt(make([]byte, 1), i*blockSize); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(100) {
		read(i)
		read(0) // used all the time, so kept
	}
	if fetched != 100 || len(b.kept) != blocksKept {
		t.Errorf("%d blocks fetched, %d kept", fetched, len(b.kept))
	}
	read(1)
	if fetched != 101 {
		t.Error("a block of long ago was kept")
	}
}

func TestBlocksFaults(t *testing.T) {
	broken := errors.New("broken")
	b := NewBlocks(10, func(int64, int) ([]byte, error) { return nil, broken })
	if _, err := b.ReadAt(make([]byte, 1), 0); !errors.Is(err, broken) {
		t.Error(err)
	}
	b = NewBlocks(10, func(int64, int) ([]byte, error) { return make([]byte, 9), nil })
	if _, err := b.ReadAt(make([]byte, 1), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset")
	}
}

// The page's options come from outside.
func FuzzParseOptions(f *testing.F) {
	f.Add([]byte(`{"purpose":"list","name":"a.csv","today":"2026-11-23"}`))
	f.Add([]byte(`{"purpose":"list","colour":1}`))
	f.Add([]byte(`{"upload":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","version":-1}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ParseOptions(data)
		if err != nil {
			return
		}
		if a, err := o.address(); err == nil && o.Upload != "" && !strings.EqualFold(o.Upload, hexOf(a.Upload)) {
			t.Error("another upload id than was given")
		}
	})
}

func hexOf(id [16]byte) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range id {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

const list = "email\nhanako@example.jp\nnobody\n"

func TestSealAndOpen(t *testing.T) {
	key, err := seal.DeriveKey(seal.X25519, [32]byte{4})
	if err != nil {
		t.Fatal(err)
	}
	const schema = `{"schema":"awase.list/v1","columns":[{"column":"email","kind":"email"}]}`
	for name, text := range map[string]string{"proposed": "", "given": schema} {
		o := Options{Purpose: seal.List, Name: "a.csv", Today: "2026-11-23", Schema: text, Key: key.Public().String(), Entrustment: "e", Version: 1, Party: "acme", List: "l"}
		var file bytes.Buffer
		var d Desk
		r, err := d.Seal(t.Context(), strings.NewReader(list), int64(len(list)), o, &file)
		if err != nil {
			t.Fatal(name, err)
		}
		if r.Report.Accepted != 1 || r.Report.Rejected != 1 || r.Bytes != int64(file.Len()) || !strings.Contains(r.Problems, "3,email,") {
			t.Errorf("%s: %+v", name, r)
		}
		if strings.Contains(r.Problems, "nobody") || strings.Contains(r.Problems, "hanako") {
			t.Errorf("%s: the problems show a cell", name)
		}
		f, err := seal.Open(&file, key, seal.Address{Entrustment: "e", Version: 1, Party: "acme", Name: "l"}, &r.Header, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		if got := hexOf(f.Head().Address.Upload); got != r.Upload {
			t.Errorf("%s: upload %s, told %s", name, got, r.Upload)
		}
	}
}

// TestSealChange: what the rows do to a list is in the header that the file is
// sealed under, and of people to be taken off it nothing else is sent.
func TestSealChange(t *testing.T) {
	key, err := seal.DeriveKey(seal.X25519, [32]byte{4})
	if err != nil {
		t.Fatal(err)
	}
	const schema = `{"schema":"awase.list/v1","columns":[{"column":"email","kind":"email"},{"column":"rank","name":"tier","values":["gold"]}],"consent":{"column":"ok"}}`
	const file = "email,rank,ok\nhanako@example.jp,gold,no\ntaro@example.jp,gold,yes\n"
	for change, want := range map[seal.Change][2]int{seal.Replace: {1, 1}, seal.Add: {1, 1}, seal.Remove: {2, 0}} { // rows, columns
		o, err := ParseOptions(fmt.Appendf(nil, `{"purpose":"list","name":"a.csv","today":"2026-11-23","schema":%q,"key":%q,"entrustment":"e","version":1,"party":"acme","list":"l","change":%q,"after":"000000000000000000000000000000a5"}`,
			schema, key.Public(), change))
		if err != nil {
			t.Fatal(err)
		}
		var sealed bytes.Buffer
		var d Desk
		if _, err := d.Seal(t.Context(), strings.NewReader(file), int64(len(file)), o, &sealed); err != nil {
			t.Fatal(err)
		}
		f, err := seal.Open(&sealed, key, seal.Address{Entrustment: "e", Version: 1, Party: "acme", Name: "l"}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for batch, err := range f.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			rows += len(batch)
		}
		if h := f.Header(); h.Change != change || h.After != o.After || rows != want[0] || len(h.Columns) != want[1] {
			t.Errorf("%q: %d rows, %+v", change, rows, h)
		}
	}
}

// TestSealedInOrder: what a base or an event log follows is in the header that it
// is sealed under.
func TestSealedInOrder(t *testing.T) {
	key, err := seal.DeriveKey(seal.X25519, [32]byte{4})
	if err != nil {
		t.Fatal(err)
	}
	for purpose, file := range map[seal.Purpose][2]string{
		seal.Events: {"id,at\nu1,2026-11-22\n", `{"schema":"awase.events/v1","time":{"column":"at"},"user_key":"id","kind":"page_view"}`},
		seal.Base:   {"id,ok,v,d,mail\nu1,1,1,2026-01-01,a@example.jp\n", `{"schema":"awase.base/v1","region":"JP","user_key":"id","verified":"ok","consent":{"version":"v","date":"d"},"identifiers":[{"column":"mail","kind":"email"}],"attributes":[]}`},
	} {
		o := Options{Purpose: purpose, Name: "a.csv", Today: "2026-11-23", Schema: file[1], Key: key.Public().String(), Party: "operator", After: "000000000000000000000000000000a5"}
		if purpose == seal.Events {
			o.Change = seal.Instead
		}
		var sealed bytes.Buffer
		var d Desk
		if _, err := d.Seal(t.Context(), strings.NewReader(file[0]), int64(len(file[0])), o, &sealed); err != nil {
			t.Fatal(purpose, err)
		}
		head, err := seal.ReadHead(&sealed)
		if err != nil || head.Header.After != o.After || head.Header.Change != o.Change {
			t.Errorf("%s: %+v, %v", purpose, head.Header, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	key, err := seal.DeriveKey(seal.X25519, [32]byte{4})
	if err != nil {
		t.Fatal(err)
	}
	good := Options{Purpose: seal.List, Name: "a.csv", Today: "2026-11-23", Key: key.Public().String(), Entrustment: "e", Version: 1, Party: "acme", List: "l"}
	for name, c := range map[string]struct {
		code string
		edit func(o *Options)
	}{
		"no key":         {"E_SEAL", func(o *Options) { o.Key = "" }},
		"no entrustment": {"E_SEAL", func(o *Options) { o.Entrustment = "" }},
		"upload":         {"E_DOCUMENT", func(o *Options) { o.Upload = "0a" }},
		"zero upload":    {"E_SEAL", func(o *Options) { o.Upload = strings.Repeat("0", 32) }},
		"today":          {"E_DOCUMENT", func(o *Options) { o.Today = "yesterday" }},
		"change":         {"E_DOCUMENT", func(o *Options) { o.Change = "replace" }},
		"after":          {"E_SEAL", func(o *Options) { o.After = "0a" }},
		"base that adds": {"E_DOCUMENT", func(o *Options) { o.Purpose, o.Change, o.Entrustment, o.List = seal.Base, seal.Add, "", "" }},
		"purpose":        {"E_DOCUMENT", func(o *Options) { o.Purpose = "guess" }},
		"schema":         {"E_DOCUMENT", func(o *Options) { o.Schema = "columns: 1" }},
		"no base.yaml":   {"E_DOCUMENT", func(o *Options) { o.Purpose = seal.Base }},
		"no events.yaml": {"E_DOCUMENT", func(o *Options) { o.Purpose = seal.Events }},
	} {
		o := good
		c.edit(&o)
		var d Desk
		_, err := d.Seal(t.Context(), strings.NewReader(list), int64(len(list)), o, io.Discard)
		if err == nil {
			t.Errorf("%s: sealed", name)
			continue
		}
		if said := Shown(err); said.Code != c.code || said.Line == "" || said.Detail == "" {
			t.Errorf("%s: %s, want %s: %v", name, said.Code, c.code, err)
		}
	}
	var d Desk
	if _, err := d.Check(t.Context(), strings.NewReader(""), 0, good); err == nil {
		t.Error("an empty file")
	} else if code := Shown(err).Code; code != string(entrustment.CodeFile) {
		t.Errorf("an empty file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Check(ctx, strings.NewReader(list), int64(len(list)), good)
	if code := Shown(err).Code; code != "E_ABORTED" {
		t.Errorf("stopped: %v", err)
	}
}

func TestNormalise(t *testing.T) {
	forms, err := Normalise("email", "J.Doe+x@Gmail.com", "")
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for _, f := range forms {
		text[f.Profile] = f.Text
	}
	if text["awase"] != "j.doe+x@gmail.com" || text["google"] != "jdoe@gmail.com" {
		t.Errorf("%v", text)
	}
	forms, err = Normalise("phone", "12", "JP")
	if err != nil || len(forms) == 0 || forms[0].Reason == "" || forms[0].Mend == "" || forms[0].Hash != "" {
		t.Errorf("a refused value: %v %v", forms, err)
	}
	if _, err := Normalise("shoe", "42", ""); err == nil {
		t.Error("no kind")
	}
	if _, err := Normalise("phone", "42", "Japan"); err == nil {
		t.Error("no region")
	}
}
