package wire

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestTable: a release arrives as it was sent, whatever its rows say; and one of
// users alone goes as columns.
func TestTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &Release{Schema: ReleaseSchema, Measures: []string{}, Cells: []Cell{}}
		for d := range rapid.IntRange(0, 3).Draw(rt, "dims") {
			dim := Dim{Name: fmt.Sprint("d", d)}
			for v := range rapid.IntRange(1, 4).Draw(rt, "domain") {
				dim.Domain = append(dim.Domain, fmt.Sprint("v", v))
			}
			r.Dims = append(r.Dims, dim)
		}
		at := make([]int, len(r.Dims))
		odd := rapid.SampledFrom([]string{"", "", "", "index", "sums", "order", "key", "missing", "status", "one less"}).Draw(rt, "odd")
		for i := range rows(r.Dims) {
			c := Cell{Key: map[string]string{}, Status: Withheld}
			for k, d := range r.Dims {
				c.Key[d.Name] = d.Domain[at[k]]
			}
			if rapid.Bool().Draw(rt, "shown") {
				n := rapid.Int64().Draw(rt, "n")
				c.Status, c.Users = Released, &Number{n, n - 1, n + 1}
			}
			if i == 0 {
				switch odd {
				case "index":
					c.Index = &Ratio{1, 0, 2}
				case "sums":
					c.Sums = map[string]*Number{"clicks": {1, 0, 2}}
				case "order", "key":
					c.Key["x"] = "y"
				case "missing":
					c.Users = nil
				case "status":
					c.Status = None
				}
			}
			if odd != "one less" || i > 0 {
				r.Cells = append(r.Cells, c)
			}
			next(at, r.Dims)
		}
		sent, err := packed(r, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if plain := odd == ""; plain != (sent.Table != nil) && !(odd == "missing" && r.Cells[0].Status == Withheld) {
			rt.Fatalf("%q: as columns: %t", odd, sent.Table != nil)
		}
		raw, err := marshal(sent)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := DecodeRelease(raw)
		if err != nil {
			rt.Fatal(err)
		}
		want, _ := marshal(r)
		if is, _ := marshal(back); string(is) != string(want) {
			rt.Fatalf("%s\narrived as %s", want, is)
		}
	})
}

// TestTableDamaged: columns that do not fit are an error, never a table of other
// numbers, nor a panic.
func TestTableDamaged(t *testing.T) {
	good := func() sentRelease {
		return sentRelease{&Release{Dims: []Dim{{"a", []string{"x", "y"}}, {"b", []string{"p", "q"}}}}, &table{[]bool{true, false, true, false}, []int64{1, 0, 2, 5, 4, 6}}}
	}
	if r, err := good().unpacked(nil); err != nil || len(r.Cells) != 4 || !reflect.DeepEqual(r.Cells[2].Users, &Number{5, 4, 6}) || r.Cells[2].Key["a"] != "y" {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, harm := range map[string]func(*sentRelease){
		"no release":     func(s *sentRelease) { s.Release = nil },
		"a row less":     func(s *sentRelease) { s.Table.Shown = s.Table.Shown[:3] },
		"a number less":  func(s *sentRelease) { s.Table.Users = s.Table.Users[:3] },
		"a number more":  func(s *sentRelease) { s.Table.Users = append(s.Table.Users, 1, 2, 3) },
		"half a number":  func(s *sentRelease) { s.Table.Users = s.Table.Users[:4] },
		"cells as well":  func(s *sentRelease) { s.Release.Cells = []Cell{{}} },
		"another domain": func(s *sentRelease) { s.Release.Dims[1].Domain = nil },
		"a huge domain": func(s *sentRelease) {
			for range 4 {
				s.Release.Dims = append(s.Release.Dims, Dim{"c", make([]string, 1<<20)})
			}
		},
	} {
		s := good()
		harm(&s)
		if _, err := s.unpacked(nil); err == nil {
			t.Error(name + " is taken")
		}
	}
}

// BenchmarkTable: 1,872 rows there and back.
func BenchmarkTable(b *testing.B) {
	r := &Release{Dims: []Dim{{"gender", make([]string, 3)}, {"age", make([]string, 13)}, {"prefecture", make([]string, 48)}}}
	for i := range r.Dims {
		for v := range r.Dims[i].Domain {
			r.Dims[i].Domain[v] = fmt.Sprint("value ", v)
		}
	}
	at := make([]int, 3)
	for i := range int64(rows(r.Dims)) {
		c := Cell{Key: map[string]string{}, Status: Released, Users: &Number{i, i - 20, i + 20}}
		for k, d := range r.Dims {
			c.Key[d.Name] = d.Domain[at[k]]
		}
		r.Cells = append(r.Cells, c)
		next(at, r.Dims)
	}
	way := func(send func() any, take func([]byte) error) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				raw, err := marshal(send())
				if err == nil {
					err = take(raw)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("columns", way(func() any { s, _ := packed(r, nil); return s }, func(raw []byte) error {
		_, err := DecodeRelease(raw)
		return err
	}))
	b.Run("rows", way(func() any { return r }, func(raw []byte) error { return unmarshal(raw, new(Release)) }))
}
