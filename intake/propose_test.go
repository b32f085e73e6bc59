package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/goccy/go-yaml"

	"awase/crypto/identifier"
	"awase/entrustment"
)

func proposal(t testing.TB, content string, o Options) (*Proposal, error) {
	t.Helper()
	if o.Name == "" {
		o.Name = "list.csv"
	}
	return Propose(t.Context(), strings.NewReader(content), int64(len(content)), o)
}

func read(t testing.TB, name string) string {
	t.Helper()
	return string(must(os.ReadFile("testdata/" + name)))
}

// TestPlatforms holds the templates of the platforms against what is told of
// them, and each proposal against the file: the list that it describes loads.
func TestPlatforms(t *testing.T) {
	for file, want := range map[string]struct {
		template, kind string
		uses           string
		accepted       int64
	}{
		"google.csv":             {"Google Customer Match", "", "email drop drop drop drop email drop phone phone", 3},
		"google-hashed.csv":      {"Google Customer Match", "", "email phone drop drop drop drop", 2},
		"meta.csv":               {"Meta customer list", "", "email email email phone phone phone maid" + strings.Repeat(" drop", 12), 2},
		"line-email.txt":         {"LINE or Yahoo! JAPAN, one identifier a line", "", "email", 3},
		"line-email-hashed.csv":  {"LINE or Yahoo! JAPAN, one identifier a line", "email", "email", 3},
		"line-phone.csv":         {"LINE, one identifier a line", "", "phone", 3},
		"line-idfa.txt":          {"LINE or Yahoo! JAPAN, one identifier a line", "", "maid", 3},
		"yahoo-japan-hashed.txt": {"LINE or Yahoo! JAPAN, one identifier a line", "email", "email", 2},
		"yahoo-japan-aaid.txt":   {"LINE or Yahoo! JAPAN, one identifier a line", "", "maid", 2},
		"tiktok.csv":             {"TikTok Customer File", "", "email phone maid", 2},
		"tiktok-raw.csv":         {"TikTok Customer File", "", "email phone maid drop", 2},
		"crm-sjis.csv":           {"", "", "drop drop email phone drop drop consent", 2},
	} {
		t.Run(file, func(t *testing.T) {
			content := read(t, file)
			p, err := proposal(t, content, Options{Name: file, Kind: want.kind})
			if err != nil {
				t.Fatal(err)
			}
			var uses []string
			for _, c := range p.Columns {
				uses = append(uses, c.Use)
				if c.Why == "" || c.Sent == "" || c.Certainty == "" {
					t.Errorf("column %d says too little: %+v", c.Position, c)
				}
			}
			if p.Template != want.template || strings.Join(uses, " ") != want.uses {
				t.Errorf("template %q, uses %q", p.Template, uses)
			}
			// What is proposed is a list.yaml.
			text := must(yaml.Marshal(p.Schema))
			schema, err := entrustment.ParseListSchema("list.yaml", text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			_, f := readList(t, content, schema)
			if r := f.Report(); r.Accepted != want.accepted || r.Rejected != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
	if names := must(os.ReadDir("testdata")); len(names) < 13 {
		t.Errorf("testdata has %d entries", len(names))
	}
}

func TestGuesses(t *testing.T) {
	md5 := strings.Repeat("0123456789abcdef", 2)
	for _, tc := range []struct {
		name, content        string
		use, holds, certain  string
		warning, why, sample string
	}{
		{"name and values", "mail\na@b.jp\n", "email", "raw", "certain", "", "agree", "•••@••.jp"},
		{"values alone", "連絡先,x\na@b.jp,\nc@d.jp,\n", "email", "raw", "likely", "", "isn't known", "•••@••.jp"},
		{"phones by values", "連絡先,x\n090-1234-5678,\n+81 90 1111 2222,\n", "phone", "raw", "likely", "", "", "090-••••-5678"},
		{"bare numbers may be anything", "会員,x\n9012345678,\n9011112222,\n", "drop", "other", "unsure", "", "", ""},
		{"the name is wrong", "phone,x\na@b.jp,\nc@d.jp,\n", "email", "raw", "likely", "", "says phone", ""},
		{"hashed", "email\n" + hexSum("a@b.jp") + "\n", "email", "sha256", "certain", "salted", "", hexSum("a@b.jp")[:4] + "…"},
		{"mixed", "email\n" + hexSum("a@b.jp") + "\nc@d.jp\n", "email", "raw and sha256", "certain", "raw values and hashes", "", ""},
		{"MD5", "email\n" + md5 + "\n", "email", "md5", "unsure", "MD5", "only 0 of 1", ""},
		{"SHA-1", "email\n" + md5 + "01234567\na@b.jp\n", "email", "raw and sha1", "likely", "SHA-1", "", ""},
		{"cut", "email\n" + hexSum("a")[:63] + "\na@b.jp\n", "email", "raw and other hash", "likely", "cut", "", ""},
		{"hashes of what", "会員,email\n" + hexSum("a") + ",a@b.jp\n", "drop", "other", "unsure", "", "don't show", ""},
		{"cookie", "cookie_id,email\nx,a@b.jp\n", "drop", "other", "unsure", "", "namespace", ""},
		{"name", "氏名,email\n山田,a@b.jp\n", "drop", "other", "certain", "", "never leave", ""},
		{"value", "rank,email\ngold,a@b.jp\ngold,c@d.jp\n", "drop", "other", "unsure", "", "it has 1 value alone", "g•••"},
		{"consent", "メール同意,email\nはい,a@b.jp\nいいえ,c@d.jp\n", "consent", "other", "likely", "", "consent", ""},
		{"messy consent", "同意,email\nはい,a@b.jp\n○,c@d.jp\nいいえ,e@f.jp\nたぶん,g@h.jp\n,i@j.jp\n", "consent", "other", "unsure", "no plain yes", "1 of 4 values", ""},
		{"consent that nobody gave", "同意,email\n,a@b.jp\n,c@d.jp\n", "consent", "empty", "unsure", "", "say nothing", ""},
		{"consent to where somebody is", "位置情報の同意,email\nはい,a@b.jp\nいいえ,c@d.jp\n", "consent", "other", "likely", "", "consent", ""},
		{"consent by a day", "同意日,email\n2026-01-01,a@b.jp\n,c@d.jp\n", "consent", "other", "unsure", "no plain yes", "1 of 1", ""},
		{"a day beside it", "同意日,同意,email\n2026-01-01,はい,a@b.jp\n,いいえ,c@d.jp\n", "open", "other", "unsure", "does not load", "which counts", ""},
		{"addresses of those who agreed", "同意者のアドレス,x\na@b.jp,\nc@d.jp,\n", "email", "raw", "likely", "", "", ""},
		{"no name", ",email\nx,a@b.jp\n", "drop", "other", "unsure", "no name", "", ""},
		{"empty", "email,phone\n,090-1234-5678\n", "email", "empty", "likely", "", "have none", ""},
		{"spreadsheet numbers", "phone\n9012345678.0\n", "phone", "raw", "certain", "", "", "901••••678.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := proposal(t, tc.content, Options{})
			if err != nil {
				t.Fatal(err)
			}
			g := p.Columns[0]
			if g.Use != tc.use || g.Holds != tc.holds || string(g.Certainty) != tc.certain || !strings.Contains(g.Why, tc.why) {
				t.Errorf("guess is %+v", g)
			}
			if all := strings.Join(p.Warnings, "\n"); tc.warning != "" && !strings.Contains(all, tc.warning) {
				t.Errorf("warnings are %q", all)
			}
			if tc.sample != "" && !slices.Contains(g.Samples, tc.sample) {
				t.Errorf("samples are %q", g.Samples)
			}
		})
	}
}

func TestFind(t *testing.T) {
	content := "email,phone,会員\nTaro@Example.JP,,\n" + hexSum("janedoe@gmail.com") + ",,\n" + hexSum("jane.doe@gmail.com") + ",,\n,０９０－１２３４－５６７８,\n," + b64Sum("819012345678") + ",\n,," + hexSum("taro@example.jp") + "\n"
	p, err := proposal(t, content, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string][]string{
		"ｔａｒｏ＠example.jp":    {"2 email raw", "7 会員 hash of awase"},
		"Jane.Doe@gmail.com": {"3 email hash of google, uid2", "4 email hash of awase"},
		"090-1234-5678":      {"5 phone raw", "6 phone hash of meta"},
		"nobody@example.jp":  nil,
	} {
		found, err := p.Find(must(identifier.ParseKind(p.KindOf([]byte(value)))), []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range found {
			got = append(got, fmt.Sprint(s.Row, " ", s.Column, " ", s.Form))
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: found %q, want %q", value, got, want)
		}
	}
	if _, err := p.Find(identifier.Email, []byte("x")); err == nil {
		t.Error("what is no address is looked for")
	}
}

func TestProposeFaults(t *testing.T) {
	for content, want := range map[string][2]string{
		"":                          {"list.csv", "empty"},
		"email\n":                   {"list.csv", "no rows"},
		"a@b.jp,山田\nc@d.jp,鈴木\n":    {"row 1", "no header"},
		hexSum("a@b.jp") + "\n":     {"row 1", "kind"},
		"email\n\"a@b.jp":           {"row 2", "never closed"},
		"\xff\xfe\x00\x00e\x00\x00": {"row 1", "UTF-32"},
	} {
		_, err := proposal(t, content, Options{})
		wantFault(t, err, want[0], want[1])
	}
}

// Only the first 1,000 rows are looked at, and little more is read.
func TestProposeReadsTheHead(t *testing.T) {
	head := "email\n" + strings.Repeat("a@b.jp\n", 3000)
	e := &countingAt{head: head}
	p, err := Propose(t.Context(), e, 1<<40, Options{})
	if err != nil || p.Rows != headRows || p.Columns[0].Filled != headRows {
		t.Fatalf("%+v, %v", p, err)
	}
	if e.read > 8<<20 {
		t.Errorf("%d bytes were read", e.read)
	}
}

// countingAt is a file that begins with head and goes on with line breaks.
type countingAt struct {
	head string
	read int
}

func (e *countingAt) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = '\n'
		if off+int64(i) < int64(len(e.head)) {
			p[i] = e.head[off+int64(i)]
		} else if (off+int64(i))%2 == 0 {
			p[i] = 'x'
		}
	}
	e.read += len(p)
	return len(p), nil
}

func TestMask(t *testing.T) {
	for value, want := range map[string]string{
		"taro@example.co.jp": "t•••@e••.co.jp", "ｔａｒｏ＠例え.jp": "ｔ•••@例••.jp", "a@b": "•••@••", "ab@cd.jp": "a•••@c••.jp", "女": "•••", "@": "•••@••",
		"090-1234-5678": "090-••••-5678", "+81 90 1234 5678": "+81 9• •••• 5678", "０９０１２３４５６７８": "０９０••••５６７８",
		hexSum("x"): hexSum("x")[:4] + "…", "38400000-8cf0-11bd-b23e-10b96e40000d": "3840…",
		"ゴールド": "ゴ•••", "\x1b[31mred": "?•••", "  ": "", "a@b@c.jp@d": "•••@b••.…", "12345": "1•••", "\xff": "•••",
	} {
		if got := mask([]byte(value)); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}

// FuzzMask: a mask never holds the value, nor the name in an address or the first
// part of its domain.
func FuzzMask(f *testing.F) {
	for _, v := range []string{"a@b.jp", "taro@example.co.jp", "女", "0", "090-1234-5678", "123456789", "＠a", "a＠", hexSum("x"), "38400000-8cf0-11bd-b23e-10b96e40000d", " x ", "a@b@c.d", "é@é.é"} {
		f.Add([]byte(v))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, text := mask(value), printable(bytes.TrimSpace(value))
		if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			t.Skip("nothing to hide")
		}
		if strings.ContainsAny(text, "•…") {
			t.Skip("it looks like a mask itself")
		}
		if strings.Contains(got, text) {
			t.Errorf("%q shows %q", got, text)
		}
		local, domain, ok := strings.Cut(text, "@")
		first, _, _ := strings.Cut(domain, ".")
		if !ok || strings.ContainsRune(local, '＠') || strings.ContainsAny(local+first, "•@.… ") {
			return
		}
		if shown, rest, _ := strings.Cut(got, "•••@"); shown == local && local != "" || strings.HasPrefix(rest, first+"••") && first != "" {
			t.Errorf("%q shows a part of %q whole", got, text)
		}
	})
}

// FuzzPropose: no head of a file panics, and no sample shows more than half of
// a long value.
func FuzzPropose(f *testing.F) {
	for _, e := range must(os.ReadDir("testdata")) {
		if !e.IsDir() {
			f.Add([]byte(read(f, e.Name())))
		}
	}
	f.Add([]byte("email\nabcdefghijklmnop@qrstuvwxyz.jp\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := Propose(t.Context(), bytes.NewReader(content), int64(len(content)), Options{Kind: "email"})
		if err != nil {
			var e *entrustment.Error
			if !errors.As(err, &e) || e.Field == "" || e.Mend == "" {
				t.Fatalf("%v is no fault of the file", err)
			}
			return
		}
		for i, g := range p.Columns {
			p.cells(i, func(_ int64, cell []byte) {
				cell = bytes.TrimSpace(cell)
				if len(cell) > 12 && slices.Contains(g.Samples, string(cell)) && !bytes.Contains(cell, []byte("•")) {
					t.Fatalf("a whole value of %d bytes is a sample", len(cell))
				}
			})
		}
	})
}

var _ io.ReaderAt = (*countingAt)(nil)

// TestConsentIsNoDrop: by what is proposed of a column that says consent, no row enters
// whose value is no plain yes; the report counts those left out. Two such columns leave
// the proposal open: by it nothing loads until somebody says which counts. A list
// without a schema is not loaded past a header that says consent either.
func TestConsentIsNoDrop(t *testing.T) {
	const messy = "メールアドレス,%s\na@b.jp,はい\nc@d.jp,○\ne@f.jp,いいえ\ng@h.jp,たぶん\ni@j.jp,\n"
	for _, header := range []string{"同意", "メール配信の同意", "Marketing Consent", "opt-in", "住所利用の許諾", "位置情報の同意"} {
		content := fmt.Sprintf(messy, header)
		p, err := proposal(t, content, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, f := readList(t, content, p.Schema)
		if r := f.Report(); r.Accepted != 2 || r.NoConsent != 3 || slices.Contains(p.Schema.Drop, header) {
			t.Errorf("%s: accepted %d, no consent %d, drop %q", header, r.Accepted, r.NoConsent, p.Schema.Drop)
		}
		if _, err := OpenList(t.Context(), strings.NewReader(content), int64(len(content)), nil, Options{}); err == nil || !strings.Contains(err.Error(), "not declared") {
			t.Errorf("%s: without a schema: %v", header, err)
		}
	}
	two := "email,電話同意,メール同意\na@b.jp,,はい\nc@d.jp,はい,いいえ\n"
	p, err := proposal(t, two, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if open := p.Open(); !slices.Equal(open, []string{"メール同意"}) || len(p.Schema.Drop) != 0 {
		t.Errorf("open %q, drop %q", open, p.Schema.Drop)
	}
	if _, err := OpenList(t.Context(), strings.NewReader(two), int64(len(two)), p.Schema, Options{}); err == nil || !strings.Contains(err.Error(), "not declared") {
		t.Errorf("two columns of consent: %v", err)
	}
}
