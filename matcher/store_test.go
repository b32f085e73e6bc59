package matcher_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"awase/matcher"
)

// columns copies the buffers of a segment, as a vault would.
func columns(c iter.Seq2[string, []byte]) map[string][]byte {
	out := map[string][]byte{}
	for name, b := range c {
		out[name] = slices.Clone(b)
	}
	return out
}

func readColumns(m map[string][]byte) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		b, ok := m[name]
		if !ok {
			return nil, fmt.Errorf("no column %s", name)
		}
		return b, nil
	}
}

func reader(c iter.Seq2[string, []byte]) func(string) ([]byte, error) { return readColumns(columns(c)) }

// samples are segments with everything in them: several kinds, an unused id,
// ambiguous tokens, restrictions, columns.
func sampleBase(tb testing.TB) *matcher.Base {
	tb.Helper()
	var people []matcher.Person
	for i := range 100 {
		phone := i
		if i < 40 { // families share
			phone = i / 2 * 2
		}
		people = append(people, matcher.Person{
			User: benchToken(matcher.Kinds, i),
			Tokens: []matcher.KindToken{
				{Kind: matcher.Email, Token: benchToken(matcher.Email, i)},
				{Kind: matcher.Phone, Token: benchToken(matcher.Phone, phone)},
				{Kind: matcher.Cookie, Token: benchToken(matcher.Cookie, i)},
			},
			Codes:         []uint8{uint8(i % 12), uint8(i % 3), uint8(i % 47)},
			PolicyVersion: []string{"", "v1", "v2"}[i%3],
			Service:       []string{"", "mail"}[i%2],
			EnquiryOnly:   i%5 == 0,
		})
	}
	ctx := context.Background()
	first, err := buildBase(ctx, benchColumns, people, nil)
	if err != nil {
		tb.Fatal(err)
	}
	base, err := buildBase(ctx, benchColumns, people[3:], first)
	if err != nil {
		tb.Fatal(err)
	}
	return base
}

func sampleList(tb testing.TB) *matcher.List {
	tb.Helper()
	var rows []matcher.ListRow
	for i := range 60 {
		rows = append(rows, matcher.ListRow{Codes: []uint8{uint8(i % 3)}, Tokens: []matcher.KindToken{
			{Kind: matcher.Email, Token: benchToken(matcher.Email, i%50)},
			{Kind: matcher.Cookie, Token: benchToken(matcher.Cookie, i)},
		}})
	}
	list, err := buildList(context.Background(), []matcher.Column{{Name: "tier", Domain: domain(3)}}, rows)
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	base := sampleBase(t)
	written := columns(base.Columns())
	opened, err := matcher.OpenBase(readColumns(written))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Digest(testKey) != base.Digest(testKey) {
		t.Error("a reopened base has another digest")
	}
	if !maps.EqualFunc(columns(opened.Columns()), written, bytes.Equal) {
		t.Error("a reopened base is written differently")
	}
	list := sampleList(t)
	written = columns(list.Columns())
	again, err := matcher.OpenList(readColumns(written))
	if err != nil {
		t.Fatal(err)
	}
	if again.ID() != list.ID() || again.Rows() != list.Rows() || again.Tokens() != list.Tokens() {
		t.Error("a reopened list differs")
	}
	if !maps.EqualFunc(columns(again.Columns()), written, bytes.Equal) {
		t.Error("a reopened list is written differently")
	}
}

// TestUnaligned reads buffers that begin at an odd address, as slices of one
// large read may.
func TestUnaligned(t *testing.T) {
	base := sampleBase(t)
	read := reader(base.Columns())
	opened, err := matcher.OpenBase(func(name string) ([]byte, error) {
		b, err := read(name)
		return append([]byte{0}, b...)[1:], err
	})
	if err != nil {
		t.Fatal(err)
	}
	if opened.Digest(testKey) != base.Digest(testKey) {
		t.Error("unaligned buffers give another base")
	}
}

// TestDamage spoils one column at a time, in a way its length does not show.
func TestDamage(t *testing.T) {
	type spoil struct {
		column string
		how    func([]byte) []byte
	}
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	more := func(b []byte) []byte { return append(b, 0) }
	set := func(at int, v byte) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] = v; return b }
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	swap := func(b []byte) []byte { // the first two tokens
		first := slices.Clone(b[:16])
		copy(b, b[16:32])
		copy(b[16:], first)
		return b
	}
	double := func(b []byte) []byte { copy(b[16:32], b[:16]); return b }
	run := func(name string, c iter.Seq2[string, []byte], open func(func(string) ([]byte, error)) error, cases []spoil) {
		for i, s := range cases {
			t.Run(fmt.Sprintf("%s/%d/%s", name, i, s.column), func(t *testing.T) {
				m := columns(c)
				if len(m[s.column]) == 0 {
					t.Fatal("the sample has nothing to spoil there")
				}
				m[s.column] = s.how(m[s.column])
				if err := open(readColumns(m)); !errors.Is(err, matcher.ErrDamaged) {
					t.Errorf("got %v, want ErrDamaged", err)
				}
			})
		}
		for column := range columns(c) {
			t.Run(name+"/missing/"+column, func(t *testing.T) {
				m := columns(c)
				delete(m, column)
				if err := open(readColumns(m)); err == nil {
					t.Error("opens without it")
				}
			})
		}
	}
	var cases []spoil
	both := func(columns ...string) {
		for _, c := range columns {
			cases = append(cases, spoil{c, cut}, spoil{c, more})
		}
	}
	both("user", "present", "standing", "code.0", "code.2", "index.0", "ambiguous.1")
	for _, c := range []string{"user", "index.0", "index.1", "index.2", "ambiguous.1"} {
		cases = append(cases, spoil{c, swap}, spoil{c, double})
	}
	cases = append(cases,
		spoil{"meta.json", cut}, spoil{"meta.json", func(b []byte) []byte { return append(b, '{') }},
		spoil{"meta.json", replace("base/v2", "base/v1")},
		spoil{"meta.json", replace(`"clusters":100`, `"clusters":99`)},
		spoil{"meta.json", replace(`"clusters":100`, `"clusters":101`)},
		spoil{"meta.json", replace(`"clusters":100`, `"clusters":-1`)},
		spoil{"meta.json", replace(`"clusters":100`, `"clusters":1e19`)},
		spoil{"meta.json", replace(`"age"`, `"gender"`)},
		spoil{"meta.json", replace(`"0",`, ``)},
		spoil{"meta.json", replace(`"policy":"v2"`, `"policy":"v0"`)},
		spoil{"meta.json", replace(`"schema"`, `"scheme"`)},
		spoil{"present", flip(-1)}, spoil{"present", flip(0)}, spoil{"present", flip(9)},
		spoil{"user", set(11, 1)},
		spoil{"user", func(b []byte) []byte { copy(b[24:28], b[8:12]); return b }},
		spoil{"standing", set(0, 200)}, spoil{"code.0", set(5, 12)}, spoil{"code.2", set(-1, 47)},
		spoil{"index.0", set(11, 255)},
		spoil{"index.0", func(b []byte) []byte { // a user who has left: the only id not used
			binary.LittleEndian.PutUint32(b[8:], unusedID(columns(sampleBase(t).Columns())))
			return b
		}},
		spoil{"ambiguous.1", func(b []byte) []byte { // indexed and ambiguous
			m := columns(sampleBase(t).Columns())
			out := append(slices.Clone(b), m["index.1"][:16]...)
			clear(out[len(b)+8 : len(b)+12])
			tokens := slices.SortedFunc(slices.Chunk(out, 16), func(x, y []byte) int {
				return cmp.Compare(binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint64(y))
			})
			return bytes.Join(tokens, nil)
		}},
		spoil{"ambiguous.1", set(8, 1)},
	)
	run("base", sampleBase(t).Columns(), func(read func(string) ([]byte, error)) error {
		_, err := matcher.OpenBase(read)
		return err
	}, cases)

	cases = nil
	both("code.0", "index.0", "index.2")
	cases = append(cases,
		spoil{"index.0", swap}, spoil{"index.0", double},
		spoil{"index.0", set(8, 250)}, spoil{"index.2", set(11, 255)}, spoil{"code.0", set(0, 3)},
		spoil{"meta.json", cut}, spoil{"meta.json", replace(`"rows":60`, `"rows":61`)}, spoil{"meta.json", replace(`"rows":60`, `"rows":-60`)},
		spoil{"meta.json", replace(`"id":"`, `"id":"00`)}, spoil{"meta.json", replace("list/v2", "base/v2")},
	)
	run("list", sampleList(t).Columns(), func(read func(string) ([]byte, error)) error {
		_, err := matcher.OpenList(read)
		return err
	}, cases)
}

// TestSharedCluster: two users of one cluster are refused also where every
// other column agrees with it.
func TestSharedCluster(t *testing.T) {
	base, err := buildBase(context.Background(), nil, []matcher.Person{{User: benchToken(matcher.Kinds, 1)}, {User: benchToken(matcher.Kinds, 2)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := columns(base.Columns())
	clear(m["user"][24:28])
	clear(m["user"][8:12])
	m["present"][0] = 1
	if _, err := matcher.OpenBase(readColumns(m)); !errors.Is(err, matcher.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

// unusedID is an id below the number of clusters that no user has.
func unusedID(m map[string][]byte) uint32 {
	for id := uint32(0); ; id++ {
		if m["present"][id/8]>>(id%8)&1 == 0 {
			return id
		}
	}
}

// TestReadError: the reader's own error comes through, and is not called
// damage.
func TestReadError(t *testing.T) {
	disk := errors.New("disk")
	_, err := matcher.OpenBase(func(string) ([]byte, error) { return nil, disk })
	if !errors.Is(err, disk) || errors.Is(err, matcher.ErrDamaged) {
		t.Errorf("got %v, want the reader's error alone", err)
	}
}

// FuzzOpen changes, cuts and lengthens buffers. What still opens must count
// without going out of bounds, and be written as it was read.
func FuzzOpen(f *testing.F) {
	base, list := columns(sampleBase(f).Columns()), columns(sampleList(f).Columns())
	names := slices.Sorted(maps.Keys(base))
	listNames := slices.Sorted(maps.Keys(list))
	for i := range len(names) + len(listNames) {
		f.Add(uint8(i), uint16(0), uint8(1), int16(0))
		f.Add(uint8(i), uint16(3), uint8(255), int16(0))
		f.Add(uint8(i), uint16(0), uint8(0), int16(-1))
		f.Add(uint8(i), uint16(0), uint8(0), int16(-16))
		f.Add(uint8(i), uint16(0), uint8(0), int16(8))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint16, flip uint8, grow int16) {
		i := int(which) % (len(names) + len(listNames))
		spoil := func(b []byte) []byte {
			b = slices.Clone(b)
			if len(b) > 0 {
				b[int(at)%len(b)] ^= flip
			}
			if grow < 0 {
				return b[:max(0, len(b)+int(grow))]
			}
			return append(b, make([]byte, grow)...)
		}
		b, l := maps.Clone(base), maps.Clone(list)
		if i < len(names) {
			b[names[i]] = spoil(b[names[i]])
		} else {
			l[listNames[i-len(names)]] = spoil(l[listNames[i-len(names)]])
		}
		opened, err := matcher.OpenBase(readColumns(b))
		if err != nil {
			return
		}
		lopened, err := matcher.OpenList(readColumns(l))
		if err != nil {
			return
		}
		for name, buf := range opened.Columns() {
			if name != "meta.json" && !bytes.Equal(buf, b[name]) {
				t.Errorf("column %s is not written as it was read", name)
			}
		}
		opened.Digest(testKey)
		e := matcher.NewEmbedded()
		e.PutBase(matcher.PopulationID{1}, opened)
		q := matcher.Query{Population: matcher.PopulationID{1}, List: e.PutList(lopened), Eligible: matcher.Eligibility{Enquiry: true, Service: "mail"}}
		for _, c := range opened.Schema() {
			q.Dims = append(q.Dims, matcher.Dim{Name: c.Name, Size: len(c.Domain)})
		}
		for _, c := range lopened.Schema() {
			q.Dims = append(q.Dims, matcher.Dim{Source: matcher.ListColumn, Name: c.Name, Size: len(c.Domain)})
		}
		if _, err := e.Cells(context.Background(), q); err != nil {
			t.Errorf("an opened segment can't be counted: %v", err)
		}
	})
}
