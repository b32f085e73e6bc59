package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/entrustment"
)

var today = entrustment.Date{Year: 2026, Month: 4, Day: 1}

func sum(s string) [32]byte  { return sha256.Sum256([]byte(s)) }
func hexSum(s string) string { h := sum(s); return hex.EncodeToString(h[:]) }
func b64Sum(s string) string { h := sum(s); return base64.StdEncoding.EncodeToString(h[:]) }
func sjis(s string) string   { return must(japanese.ShiftJIS.NewEncoder().String(s)) }
func utf16LE(s string) string {
	return must(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(s))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func openList(t testing.TB, content string, schema *entrustment.ListSchema, o Options) (*File, error) {
	t.Helper()
	if o.Name == "" {
		o.Name = "list.csv"
	}
	o.Today = today
	return OpenList(context.Background(), strings.NewReader(content), int64(len(content)), schema, o)
}

func openBase(t testing.TB, content string, schema *entrustment.BaseSchema) (*File, error) {
	t.Helper()
	o := Options{Name: "users.csv", Today: today}
	return OpenBase(context.Background(), strings.NewReader(content), int64(len(content)), schema, o)
}

func collect(f *File) (rows []seal.Row, err error) {
	for batch, err := range f.Rows() {
		if err != nil {
			return rows, err
		}
		for i := range batch {
			rows = append(rows, batch[i].Clone())
		}
	}
	return rows, nil
}

// readList reads a list that must be read.
func readList(t testing.TB, content string, schema *entrustment.ListSchema) ([]seal.Row, *File) {
	t.Helper()
	f, err := openList(t, content, schema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := collect(f)
	if err != nil {
		t.Fatal(err)
	}
	return rows, f
}

// wantFault checks that err refuses a file at a place, with a mend.
func wantFault(t testing.TB, err error, place, detail string) {
	t.Helper()
	var e *entrustment.Error
	if !errors.As(err, &e) || e.Code != entrustment.CodeFile {
		t.Fatalf("got %v, want a fault of the file", err)
	}
	if !strings.Contains(e.Field, place) || !strings.Contains(e.Detail, detail) || e.Mend == "" {
		t.Errorf("got %q, want place %q, detail %q and a mend", e.Error(), place, detail)
	}
}

// listSchema is the list.yaml of FORMATS §8.
func listSchema() *entrustment.ListSchema {
	return &entrustment.ListSchema{Schema: entrustment.SchemaList, Region: "JP",
		Columns: []entrustment.ListColumn{
			{Column: "メールアドレス", Kind: "email"},
			{Column: "携帯番号", Kind: "phone"},
			{Column: "会員ランク", Name: "tier", Values: []string{"gold", "silver", "bronze"}},
		},
		Consent: &entrustment.ListConsent{Column: "同意"},
		Drop:    []string{"氏名", "住所"},
	}
}

// messy is a client's file as FORMATS and the issue have it.
const messy = "氏名,メールアドレス,携帯番号,住所,会員ランク,同意,,\r\n" +
	"山田 太郎,Taro@Example.JP ,０９０－１２３４－５６７８,\"東京都千代田区\r\n1-1\",gold,はい,,\r\n" +
	"\r\n" +
	"髙﨑 花子,hanako@example.jp,,大阪府,シルバー,○\r\n" +
	"鈴木 一郎,no-at-sign,090-1111-2222,,silver,1,,\r\n" +
	"佐藤 次郎,jiro@example.jp,,,,いいえ,,\r\n" +
	"佐藤 三郎,saburo@example.jp,,,bronze,,,\r\n" +
	",,,,,,,\r\n" +
	"田中 四郎,,,,gold,同意する,,\r\n" +
	"伊藤 五郎,goro@example.jp,,,gold,同意,,余分\r\n" +
	"山田 太郎,taro@example.jp,+81 90 1234 5678,,GOLD,true,,\r\n"

func TestMessyList(t *testing.T) {
	for name, content := range map[string]string{
		"UTF-8":          messy,
		"UTF-8 with BOM": "\uFEFF" + messy,
		"Shift_JIS":      sjis(messy),
		"UTF-16":         utf16LE(messy),
		"LF":             strings.ReplaceAll(messy, "\r\n", "\n"),
		"CR":             strings.ReplaceAll(messy, "\r\n", "\r"),
		"tabs":           strings.ReplaceAll(messy, ",", "\t"),
		"semicolons":     strings.ReplaceAll(messy, ",", ";"),
	} {
		t.Run(name, func(t *testing.T) {
			rows, f := readList(t, content, listSchema())
			want := []seal.Row{
				{Identifiers: []seal.Identifier{{Hash: sum("taro@example.jp")}, {Column: 1, Hash: sum("+819012345678")}}, Codes: []uint8{0}},
				{Identifiers: []seal.Identifier{{Hash: sum("hanako@example.jp")}}, Codes: []uint8{3}},
				{Identifiers: []seal.Identifier{{Hash: sum("taro@example.jp")}, {Column: 1, Hash: sum("+819012345678")}}, Codes: []uint8{0}},
			}
			if !reflect.DeepEqual(rows, want) {
				t.Errorf("got %v\nwant %v", rows, want)
			}
			r := f.Report()
			if r.Rows != 8 || r.Accepted != 3 || r.Rejected != 3 || r.NoConsent != 2 || r.Duplicates != 1 || r.Repaired != 1 {
				t.Errorf("counts are %+v", r)
			}
			problems := []Problem{
				{5, "会員ランク", "value_unknown", mends["value_unknown"]},
				{6, "メールアドレス", "email_no_at", "an address is written name@domain"},
				{10, "", "no_identifier", mends["no_identifier"]},
				{11, "", "row_extra_columns", mends["row_extra_columns"]},
			}
			if !slices.Equal(r.ProblemList(), problems) {
				t.Errorf("got problems %+v\nwant %+v", r.ProblemList(), problems)
			}
			if !slices.Equal(r.Dropped, []string{"氏名", "住所"}) {
				t.Errorf("dropped %q", r.Dropped)
			}
			if r.Columns[0].Column != "会員ランク" || r.Columns[0].Unreadable != 1 {
				t.Errorf("columns are %+v", r.Columns)
			}
			wantHeader := seal.Header{Purpose: seal.List,
				Identifiers: []seal.IdentifierColumn{{Kind: "email"}, {Kind: "phone"}},
				Columns:     []seal.Column{{Name: "tier", Domain: []string{"gold", "silver", "bronze", "unknown"}}}}
			if !reflect.DeepEqual(f.Header(), wantHeader) {
				t.Errorf("header is %+v", f.Header())
			}
		})
	}
}

func TestEncodingNamed(t *testing.T) {
	for content, want := range map[string]string{
		"email\na@b.jp\n":                         encASCII,
		"メール\na@b.jp\n":                           encUTF8,
		"\uFEFFemail\na@b.jp\n":                   encBOM,
		sjis("メール\na@b.jp\n"):                     encSJIS,
		utf16LE("メール\na@b.jp\n"):                  encUTF16,
		"email\n" + sjis("ﾃｽﾄ@b.jp\n"):            encSJIS,
		"email\n" + strings.Repeat("a@b.jp\n", 9): encASCII,
	} {
		_, f := readList(t, content, nil)
		if got := f.Report().Encoding; got != want {
			t.Errorf("%q is taken for %s, want %s", content, got, want)
		}
	}
}

// A file that is ASCII for megabytes is still read as Shift_JIS from the first
// name on, also where a character is cut by a block.
func TestLateShiftJIS(t *testing.T) {
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{
		{Column: "email", Kind: "email"}, {Column: "pref", Name: "pref", Generalise: &entrustment.Generaliser{Prefecture: true}}}}
	for pad := range 3 {
		var b strings.Builder
		b.WriteString("email,pref\n" + strings.Repeat("x", pad) + "a@b.jp,\n")
		for b.Len() < 3<<20 {
			b.WriteString("a@example.jp,\n")
		}
		for range 100_000 {
			b.WriteString(sjis("b@example.jp,東京都\n"))
		}
		rows, f := readList(t, b.String(), schema)
		tokyo := slices.Index(f.Header().Columns[0].Domain, "東京都")
		last := rows[len(rows)-100_000:]
		for i, r := range last {
			if int(r.Codes[0]) != tokyo {
				t.Fatalf("row %d from the first name has code %d, want %d", i, r.Codes[0], tokyo)
			}
		}
		if f.Report().Encoding != encSJIS {
			t.Errorf("encoding is %s", f.Report().Encoding)
		}
	}
}

func TestBadBytes(t *testing.T) {
	content := "email,phone\nａ@example.jp,\nb\x80\xff@example.jp,\n,090-1234\x005678\nc@example.jp,\n"
	rows, f := readList(t, content, nil)
	if len(rows) != 2 {
		t.Errorf("%d rows are accepted, want 2", len(rows))
	}
	want := []Problem{{3, "email", "bad_encoding", mends["bad_encoding"]}, {4, "phone", "nul_byte", mends["nul_byte"]}}
	if !slices.Equal(f.Report().ProblemList(), want) {
		t.Errorf("got problems %+v, want %+v", f.Report().ProblemList(), want)
	}
}

func TestHashedList(t *testing.T) {
	content := "Email_SHA256,Phone,MAID\n" +
		hexSum("a@b.jp") + ",,\n" +
		strings.ToUpper(hexSum("a@b.jp")) + "," + b64Sum("+819012345678") + ",\n" +
		hexSum("a@b.jp")[:63] + ",,\n" +
		"d41d8cd98f00b204e9800998ecf8427e,,\n" +
		"da39a3ee5e6b4b0d3255bfef95601890afd80709,,\n" +
		"a@b.jp,090-1234-5678,38400000-8cf0-11bd-b23e-10b96e40000d\n" +
		",,00000000-0000-0000-0000-000000000000\n"
	rows, f := readList(t, content, nil)
	email, phone := seal.Identifier{Hash: sum("a@b.jp")}, seal.Identifier{Column: 1, Hash: sum("+819012345678")}
	maid := seal.Identifier{Column: 2, Hash: sum("38400000-8cf0-11bd-b23e-10b96e40000d")}
	want := []seal.Row{
		{Identifiers: []seal.Identifier{email}},
		{Identifiers: []seal.Identifier{email, phone}},
		{Identifiers: []seal.Identifier{email, phone, maid}},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("got %v\nwant %v", rows, want)
	}
	faults := map[Fault]int64{{"email", "hash_length"}: 1, {"email", "looks_md5"}: 1, {"email", "looks_sha1"}: 1, {"maid", "maid_zero"}: 1}
	if !reflect.DeepEqual(f.Report().Faults, faults) {
		t.Errorf("got faults %v, want %v", f.Report().Faults, faults)
	}
	if f.Report().Columns[0].Hashed != 2 {
		t.Errorf("columns are %+v", f.Report().Columns)
	}
}

func TestLossyProfile(t *testing.T) {
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{
		{Column: "e", Kind: "email", Profile: "amc"}, {Column: "c", Kind: "cookie", Namespace: "shop", Profile: "awase"}}}
	rows, f := readList(t, "e,c\na_b@x.jp,\n"+hexSum("ab@x.jp")+",\n,"+hexSum("Cookie1")+"\n,Cookie1\n", schema)
	want := []seal.Identifier{
		{Class: uint8(identifier.ClassAMC), Hash: sum("ab@x.jp")}, {Class: uint8(identifier.ClassAMC), Hash: sum("ab@x.jp")},
		{Column: 1, Hash: sum("Cookie1")}, {Column: 1, Hash: sum("Cookie1")},
	}
	if len(rows) != len(want) {
		t.Fatalf("got %d rows: %+v", len(rows), f.Report().ProblemList())
	}
	for i, r := range rows {
		if len(r.Identifiers) != 1 || r.Identifiers[0] != want[i] {
			t.Errorf("row %d: got %v, want %v", i, r.Identifiers, want[i])
		}
	}
	if f.Header().Identifiers[1].Namespace != "shop" {
		t.Errorf("header is %+v", f.Header())
	}
}

// A raw cookie may look like a hash, and is none.
func TestCookieIsOpaque(t *testing.T) {
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "c", Kind: "cookie", Namespace: "shop"}}}
	rows, _ := readList(t, "c\n"+hexSum("x")+"\n", schema)
	if rows[0].Identifiers[0].Hash != sum(hexSum("x")) {
		t.Error("a cookie that looks like a hash is taken for one")
	}
}

func TestTemplates(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		kinds   []string
		perRow  int
		dropped int
	}{
		"Google": {"Email,Phone,First Name,Last Name,Country,Zip,Email,Phone\na@b.jp,090-1234-5678,T,Y,JP,1000001,c@d.jp,\n", []string{"email", "phone"}, 3, 4},
		"Meta":   {"email,email,email,phone,phone,phone,madid,fn,ln,zip,ct,st,country,dob,doby,gen\na@b.jp,a@b.jp,,,,,,t,y,1,c,s,JP,1,2,m\n", []string{"email", "phone", "maid"}, 1, 9},
		"TikTok": {"Email_SHA256,Phone_SHA256,MAID_SHA256\n" + hexSum("a@b.jp") + ",,\n", []string{"email", "phone", "maid"}, 1, 0},
		"本邦":     {"会員氏名,Ｅメール,電話番号 ,郵便番号\n山田,a@b.jp,03-3580-3311,100-0013\n", []string{"email", "phone"}, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			rows, f := readList(t, tc.content, nil)
			var kinds []string
			for _, c := range f.Header().Identifiers {
				kinds = append(kinds, c.Kind)
			}
			if !slices.Equal(kinds, tc.kinds) || len(rows) != 1 || len(rows[0].Identifiers) != tc.perRow || len(f.Report().Dropped) != tc.dropped {
				t.Errorf("kinds %q, rows %v, dropped %q, problems %+v", kinds, rows, f.Report().Dropped, f.Report().ProblemList())
			}
			// The proposal reads the same file the same way.
			again, _ := readList(t, tc.content, f.Schema())
			if !reflect.DeepEqual(rows, again) {
				t.Errorf("with the proposed schema: %v, without: %v", again, rows)
			}
		})
	}
}

func TestHeaderless(t *testing.T) {
	for content, want := range map[string][32]byte{
		"a@b.jp\nc@d.jp\n":                       sum("a@b.jp"),
		"090-1234-5678\n03-3580-3311\n":          sum("+819012345678"),
		"38400000-8CF0-11BD-B23E-10B96E40000D\n": sum("38400000-8cf0-11bd-b23e-10b96e40000d"),
	} {
		rows, f := readList(t, content, nil)
		if len(rows) != strings.Count(content, "\n") || rows[0].Identifiers[0].Hash != want {
			t.Errorf("%q: got %v, %+v", content, rows, f.Report().ProblemList())
		}
	}
	hashes := hexSum("a@b.jp") + "\n" + hexSum("c@d.jp") + "\n"
	_, err := openList(t, hashes, nil, Options{})
	wantFault(t, err, "row 1", "no header")
	f, err := openList(t, hashes, nil, Options{Kind: "email"})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := collect(f); err != nil || len(rows) != 2 || rows[0].Identifiers[0].Hash != sum("a@b.jp") {
		t.Errorf("got %v, %v", rows, err)
	}
}

func TestFileFaults(t *testing.T) {
	schema := listSchema()
	noDrop := listSchema()
	noDrop.Drop = nil
	direct := listSchema()
	direct.Columns = append(direct.Columns, entrustment.ListColumn{Column: "住所", Name: "address", Values: []string{"東京"}})
	direct.Drop = []string{"氏名"}
	head := "氏名,メールアドレス,携帯番号,住所,会員ランク,同意\n"
	for _, tc := range []struct {
		name, content string
		schema        *entrustment.ListSchema
		place, detail string
	}{
		{"empty", "", nil, "list.csv", "empty"},
		{"blank", "\n \n,,\n", nil, "list.csv", "empty"},
		{"BOM alone", "\uFEFF", nil, "list.csv", "empty"},
		{"header only", "email\n", nil, "list.csv", "no rows"},
		{"undeclared name", head, noDrop, "column 氏名", "not declared"},
		{"direct column used", head, direct, "column 住所", "looks like a name"},
		{"missing", "氏名,メールアドレス,携帯番号,同意\n", schema, "column 会員ランク", "doesn't have it"},
		{"repeated", "メールアドレス,メールアドレス,携帯番号,会員ランク,同意\n", schema, "column メールアドレス", "2 times"},
		{"unknown", "email,職業\na@b.jp,1\n", nil, "column 職業", "not declared"},
		{"two unknown", "email,職業,業種\na@b.jp,1,2\n", nil, "column 職業", "(nor is 1 other: 業種)"},
		{"three unknown", "email,職業,業種,役職\na@b.jp,1,2,3\n", nil, "column 職業", "(nor are 2 others: 業種, 役職)"},
		{"a person, no header", "山田太郎,,東京都千代田区丸の内1丁目2番地,x\n鈴木,,,y\n", nil, "column 1", ""},
		{"unnamed", "email,,phone\na@b.jp,,\n", nil, "column 2", "no name"},
		{"cookie", "email,cookie_id\na@b.jp,x\n", nil, "column cookie_id", "namespace"},
		{"nothing known", "first name\nTaro\n", nil, "list.csv", "no column holds an identifier"},
		{"no header", "a@b.jp,山田\nc@d.jp,鈴木\n", nil, "column 1", ""},
		{"archive cut", "PK\x03\x04rest", nil, "end of the archive", "cut short"},
		{"workbook", zipped("[Content_Types].xml", "x", "xl/workbook.xml", "x"), nil, "list.csv", "Excel"},
		{"Parquet", "PAR1rest", nil, "list.csv", "Parquet"},
		{"old workbook", "\xD0\xCF\x11\xE0rest", nil, "list.csv", "old Office"},
		{"gzip", "\x1f\x8brest", nil, "gzip byte", "gzip"},
		{"UTF-16 bare", strings.TrimPrefix(utf16LE("メール\na@b.jp\n"), "\xff\xfe"), nil, "row 1", "UTF-16 without"},
		{"UTF-16 bare, big end", "\x00e\x00m\x00a\x00i\x00l\x00\n\x00a\x00@\x00b", nil, "row 1", "UTF-16 without"},
		{"too wide", strings.Repeat("a,", 1<<15) + "email\n", nil, "list.csv", "columns"},
		{"binary header", "em\x00ail\n", nil, "row 1", "NUL"},
		{"unreadable header", "\xff\xff\xff\n", nil, "row 1", "neither UTF-8 nor Shift_JIS"},
		{"long line", "email\na@b.jp\n" + strings.Repeat("x", 2<<20) + "\n", nil, "row 3", "over"},
		{"open quote", "email\na@b.jp\n\"c@d.jp\nd@e.jp\n", nil, "row 3", "never closed"},
		{"region", "email\na@b.jp\n", &entrustment.ListSchema{Region: "Nippon", Columns: []entrustment.ListColumn{{Column: "email", Kind: "email"}}}, "list.csv", "region"},
		{"profile", "email\na@b.jp\n", &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "email", Kind: "email", Profile: "x9"}}}, "column email", "profile"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := openList(t, tc.content, tc.schema, Options{})
			if err == nil {
				_, err = collect(f)
			}
			wantFault(t, err, tc.place, tc.detail)
		})
	}
}

// endlessAt is a file of one line of any size.
type endlessAt struct{ head string }

func (e endlessAt) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = 'x'
		if at := off + int64(i); at < int64(len(e.head)) {
			p[i] = e.head[at]
		}
	}
	return len(p), nil
}

func TestGigabyteLine(t *testing.T) {
	for _, head := range []string{"email\n", "email\n\"", "", "メール\n"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := OpenList(context.Background(), endlessAt{head}, 1<<30, nil, Options{Name: "list.csv"})
		if err == nil {
			_, err = collect(f)
		}
		runtime.ReadMemStats(&after)
		wantFault(t, err, "row ", "over")
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("after %q: allocated %d bytes", head, took)
		}
	}
}

func TestEndsCleanly(t *testing.T) {
	content := "email\n" + strings.Repeat("a@example.jp\n", 200_000)
	start := runtime.NumGoroutine()
	for name, use := range map[string]func(*File, context.CancelFunc) error{
		"break": func(f *File, _ context.CancelFunc) error {
			for range f.Rows() {
				break
			}
			return nil
		},
		"cancel": func(f *File, cancel context.CancelFunc) error {
			for _, err := range f.Rows() {
				if err != nil {
					return err
				}
				cancel()
			}
			return errors.New("the rows went on after cancel")
		},
		"twice": func(f *File, _ context.CancelFunc) error {
			if _, err := collect(f); err != nil {
				return err
			}
			if _, err := collect(f); !errors.Is(err, errReadTwice) {
				return errors.New("the rows were read twice")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			f, err := OpenList(ctx, strings.NewReader(content), int64(len(content)), nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := use(f, cancel); err != nil && (name != "cancel" || !errors.Is(err, context.Canceled)) {
				t.Error(err)
			}
		})
	}
	for i := 0; runtime.NumGoroutine() > start; i++ {
		if i == 200 {
			t.Fatalf("%d goroutines, %d at the start", runtime.NumGoroutine(), start)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestOrderAndProgress(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("email\n")
	const n = 30_000
	for i := range n {
		b.WriteString(emailOf(i) + "\n")
	}
	var lastRows, lastBytes int64
	f, err := openList(t, b.String(), nil, Options{Progress: func(rows, bytes int64) {
		if rows <= lastRows || bytes < lastBytes {
			t.Errorf("progress went from %d, %d to %d, %d", lastRows, lastBytes, rows, bytes)
		}
		lastRows, lastBytes = rows, bytes
	}})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := collect(f)
	if err != nil || len(rows) != n {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if r.Identifiers[0].Hash != sum(emailOf(i)) {
			t.Fatalf("row %d is out of order", i)
		}
	}
	if lastRows != n || lastBytes != int64(b.Len()) {
		t.Errorf("progress ended at %d rows, %d bytes", lastRows, lastBytes)
	}
}

func emailOf(i int) string {
	return "user" + string(rune('a'+i%26)) + hexSum(string(rune(i)))[:12] + "@example.jp"
}
