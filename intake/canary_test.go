package intake

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"awase/entrustment"
)

// canaries are values that no message may hold: of the forms that the paths
// below take, and in the parts that a message could quote.
var canaries = []string{
	"canaryone", "CANARYONE", "0905550142", "090-5550-142", "canary-cookie-5", "カナリア太郎", "deadbeefcafe7731",
	hexSum("canary"), hexSum("canary")[:40], b64Sum("canary")[:20], "canary-key",
}

// TestCanaries feeds values through every path that speaks: file faults, row
// faults, reports, problem lists; none may hold one.
func TestCanaries(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	bad := []string{
		"canaryone", "canaryone@", "@canaryone", "canaryone@x", "canary one@x.jp", "CANARYONE@@x.jp", "canaryone@例え.canaryone", "canaryone\x00@x.jp",
		"canaryone\xff\x81@x.jp", "0905550142", "+8190555014212345678", "090-5550-142x", "38400000-canaryone", "カナリア太郎",
		"deadbeefcafe7731", hexSum("canary")[:40], hexSum("canary")[:63], hexSum("canary")[:32], b64Sum("canary")[:43] + "!", hexSum("canary") + "0",
		"=canaryone()", "9.0555014e+05", "0905550142.5", sjis("カナリア太郎"), "canaryone,canaryone", strings.Repeat("canaryone", 100),
	}
	var said []string
	run := func(content string, schema *entrustment.ListSchema) {
		forms := []string{content, strings.ReplaceAll(content, ",", "\t")}
		if len(said)%7 == 0 { // the dearer ones, now and then
			packed := gzipped(content)
			forms = append(forms, packed, packed[:len(packed)*2/3], zipped(content[:min(40, len(content))], content), zstandard(content), zipped("canaryone.csv", "x", "canaryone2.csv", "y"))
		}
		for _, content := range forms {
			p, err := Propose(t.Context(), strings.NewReader(content), int64(len(content)), Options{Name: "list.csv", MaxLine: 1 << 12})
			said = append(said, fmt.Sprintf("%v %+v", err, err))
			if p != nil {
				for i := range p.Columns { // shown to the owner, masked; the rest to anybody
					p.Columns[i].Samples = nil
				}
				names := fmt.Sprintf("%+v", p.Columns)
				if p.Columns[0].Column == "email" || p.Columns[0].Column == "name" {
					said = append(said, names, fmt.Sprint(p.Warnings, p.Template, p.Form))
				}
			}
			f, err := openList(t, content, schema, Options{MaxLine: 1 << 12})
			if err == nil {
				_, err = collect(f)
				said = append(said, tell(t, f.Report()))
			}
			said = append(said, fmt.Sprintf("%v %+v", err, err))
		}
	}
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{
		{Column: "email", Kind: "email"}, {Column: "phone", Kind: "phone"}, {Column: "maid", Kind: "maid"},
		{Column: "cookie", Kind: "cookie", Namespace: "shop", Profile: "awase"}, {Column: "tier", Name: "tier", Values: []string{"gold"}}},
		Consent: &entrustment.ListConsent{Column: "ok"}, Drop: []string{"name"}}
	head := "name,email,phone,maid,cookie,tier,ok\n"
	for _, v := range bad {
		q := `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
		for i := range 7 {
			cells := []string{"", "", "", "", "", "", "1"}
			cells[i] = q
			run(head+strings.Join(cells, ",")+"\n", schema)
			run(head+strings.Join(cells, ",")+","+q+"\n", schema)
		}
		run(head+v+`,"`+v+"\n", schema)                            // open quote
		run(head+strings.Repeat(v, 1+(1<<13)/len(v))+"\n", schema) // long line
		run(v+"\n"+v+"\n", nil)                                    // no header, one column
		run(q+",canaryone@x.jp,0905550142\n"+q+",a,b\n", nil)      // no header, several
		run(q+",canaryone@x.jp\n", schema)                         // no header, a schema
		run(q+",カナリア太郎\n"+q+",b\n", schema)                        // no header, nothing like an identifier
		run("email\n"+v+"\n", nil)
	}
	base := baseSchema()
	for _, v := range bad {
		q := `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
		f, err := openBase(t, baseHead+strings.Repeat(q+",", 15)+q+"\n,,"+q+"\n"+strings.Repeat(q, 200)+",\n", base)
		if err == nil {
			_, err = collect(f)
			said = append(said, tell(t, f.Report()))
		}
		said = append(said, fmt.Sprint(err))
	}
	for _, s := range said {
		for _, c := range canaries {
			if strings.Contains(s, c) {
				t.Fatalf("%q is in:\n%s", c, s)
			}
		}
	}
	if len(said) < 500 {
		t.Errorf("only %d messages were looked at", len(said))
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("temporary files: %v, %v", left, err)
	}
}

// tell gives all that a report says.
func tell(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteProblems(&b); err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b.String() + string(js) + fmt.Sprintf("%+v %v", *r, r.FaultList())
}

func TestWriteProblems(t *testing.T) {
	content := "=email,+phone\nbad,\n,bad\n,\n"
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "=email", Kind: "email"}, {Column: "+phone", Kind: "phone"}}}
	_, f := readList(t, content, schema)
	var b bytes.Buffer
	if err := f.Report().WriteProblems(&b); err != nil {
		t.Fatal(err)
	}
	text, bom := strings.CutPrefix(b.String(), "\uFEFF")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !bom || len(rows) != 3 {
		t.Fatalf("byte order mark %v, rows %q, %v", bom, rows, err)
	}
	for i, want := range [][]string{{"row", "column", "reason"}, {"2", "'=email", "email_no_at"}, {"3", "'+phone", "phone_letters"}} {
		if fmt.Sprint(rows[i][:3]) != fmt.Sprint(want) {
			t.Errorf("row %d is %q, want %q", i, rows[i], want)
		}
	}
}

func TestProblemsAreCapped(t *testing.T) {
	content := "email\n" + strings.Repeat("x\n", maxProblems+7)
	_, f := readList(t, content, nil)
	r := f.Report()
	if r.Problems != maxProblems+7 || len(r.ProblemList()) != maxProblems || r.Rejected != maxProblems+7 {
		t.Errorf("%d problems, %d listed, %d rejected", r.Problems, len(r.ProblemList()), r.Rejected)
	}
	var b bytes.Buffer
	if err := r.WriteProblems(&b); err != nil || !strings.Contains(b.String(), "7 more problems") {
		t.Errorf("the list doesn't say that it is cut: %v", err)
	}
}

// TestUnclearLeavesRoom: values that count as unknown, however many, don't keep the
// rows that were refused off the list.
func TestUnclearLeavesRoom(t *testing.T) {
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "email", Kind: "email"}, {Column: "rank", Name: "rank", Values: []string{"gold", "silver"}}}}
	rows, f := readList(t, "email,rank\n"+strings.Repeat("a@b.jp,canary-rank\n", maxProblems+7)+strings.Repeat("x,gold\n", 3), schema)
	r := f.Report()
	listed := map[string]int{}
	for _, p := range r.ProblemList() {
		listed[p.Reason]++
	}
	if len(rows) != maxProblems+7 || r.Problems != maxProblems+10 || r.Columns[0].Unreadable+r.Columns[1].Unreadable != maxProblems+7 || listed["value_unknown"] != maxUnclear || listed["email_no_at"] != 3 {
		t.Errorf("%d rows, %d problems, listed %v", len(rows), r.Problems, listed)
	}
	if told := tell(t, r); strings.Contains(told, "canary-rank") || !strings.Contains(told, "not listed: 50,007 more problems") {
		t.Error("the report tells a value, or not that its list is cut")
	}
}
