package intake

import (
	"fmt"
	"strings"
	"testing"

	"awase/entrustment"
)

// TestNameRepeated: of a table the rows are named whose user key stands in an earlier
// one, wherever they are, and nothing of a key; headers that are repeated, rows without
// a key and rows that are no rows are none of them.
func TestNameRepeated(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("user_id,email,ok,version,agreed\n")
	for i := range 3000 {
		key := fmt.Sprintf("canary-%d", i)
		switch i {
		case 700, 2900:
			key = " canary-5 " // as intake reads it, white space around it is nothing
		case 1500:
			key = "canary-1499"
		case 10, 11:
			key = ""
		}
		if i == 20 || i == 21 {
			b.WriteString("user_id,email,ok,version,agreed\n")
			continue
		}
		fmt.Fprintf(&b, "%s,a%d@example.jp,true,v2,\n", key, i)
	}
	schema := must(entrustment.ParseBaseSchema("base.yaml", []byte("schema: awase.base/v1\nregion: JP\nuser_key: user_id\nverified: ok\nconsent: {version: version, date: agreed}\nidentifiers: [{column: email, kind: email}]\nattributes: []\n")))
	r := &Report{Faults: map[Fault]int64{}, Repairs: map[string]int64{}, Columns: make([]ColumnReport, 5), listed: []Problem{{Row: 1000, Reason: reasonNoFlag}}}
	first, err := NameRepeated(t.Context(), strings.NewReader(b.String()), int64(b.Len()), schema, Options{Name: "users.csv"}, r)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(first) != "[7 702 2902]" {
		t.Errorf("the first key stands in rows %v", first)
	}
	var got []string
	for _, p := range r.ProblemList() {
		got = append(got, fmt.Sprint(p.Row, " ", p.Reason))
		if strings.Contains(p.Mend, "canary") {
			t.Errorf("it says a key: %q", p.Mend)
		}
	}
	if want := "702 user_key_repeated, 1000 flag_unclear, 1502 user_key_repeated, 2902 user_key_repeated"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	once := "user_id,email,ok,version,agreed\nu1,a@b.jp,true,v2,\nu2,a@b.jp,true,v2,\n"
	if first, err := NameRepeated(t.Context(), strings.NewReader(once), int64(len(once)), schema, Options{}, r); err != nil || first != nil {
		t.Errorf("none is repeated: %v, %v", first, err)
	}
}
