package intake

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"awase/entrustment"
)

func TestForms(t *testing.T) {
	for content, want := range map[string]string{
		"email,phone\na@b.jp,\n":     "CSV comma ASCII",
		"email;phone\na@b.jp;\n":     "CSV semicolon ASCII",
		"メール\tphone\na@b.jp\t\n":     "TSV tab UTF-8",
		"a@b.jp\r\nc@d.jp\r\n":       "TXT  ASCII",
		"\uFEFFa@b.jp\rc@d.jp\r":     "TXT  UTF-8 with BOM",
		sjis("メール\ra@b.jp\r"):        "CSV comma Shift_JIS (CP932)",
		utf16LE("メール\r\na@b.jp\r\n"): "CSV comma UTF-16",
	} {
		_, f := readList(t, content, nil)
		if r := f.Report(); fmt.Sprint(r.Format, " ", r.Delimiter, " ", r.Encoding) != want || r.Rejected != 0 {
			t.Errorf("%q: %+v, want %s", content, r, want)
		}
	}
}

// A header in the middle, as files put one after the other have it, is named.
func TestHeaderRepeated(t *testing.T) {
	for _, content := range []string{
		"メール,電話,氏名\na@b.jp,,x\nメール,電話,氏名\nc@d.jp,,y\n",
		sjis("メール,電話,氏名\r\na@b.jp,,x\r\nメール,電話,氏名\r\nc@d.jp,,y\r\n"),
	} {
		rows, f := readList(t, content, nil)
		p := f.Report().ProblemList()
		if len(rows) != 2 || len(p) != 1 || p[0] != (Problem{3, "", "header_repeated", mends["header_repeated"]}) {
			t.Errorf("%d rows, problems %+v", len(rows), p)
		}
	}
}

// Rows in another encoding than the rest are named where the cells are used.
func TestMixedEncodings(t *testing.T) {
	line := "ｔａｒｏ＠example.jp,名古屋\n"
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "メール", Kind: "email"},
		{Column: "市", Name: "city", Values: []string{"名古屋"}}}}
	for name, content := range map[string]string{
		"Shift_JIS in UTF-8": "メール,市\n" + line + sjis(line) + line + line,
		"UTF-8 in Shift_JIS": sjis("メール,市\n"+line) + line + sjis(strings.Repeat(line, 2)),
	} {
		rows, f := readList(t, content, schema)
		r := f.Report()
		if len(rows) != 3 || r.Rejected != 1 || r.Problems != 1 {
			t.Errorf("%s: %d rows, %+v", name, len(rows), r)
			continue
		}
		if p := r.ProblemList()[0]; p.Row != 3 || p.Reason != "mixed_encoding" || p.Mend == "" {
			t.Errorf("%s: problem %+v", name, p)
		}
		for i, row := range rows {
			if row.Codes[0] != 0 || row.Identifiers[0].Hash != sum("taro@example.jp") {
				t.Errorf("%s: row %d is %+v", name, i, row)
			}
		}
	}
	// A value column is named too, and its row stays.
	rows, f := readList(t, "メール,市\na@b.jp,名古屋\nc@d.jp,"+sjis("名古屋")+"\ne@f.jp,名古屋\n", schema)
	if p := f.Report().ProblemList(); len(rows) != 3 || len(p) != 1 || p[0].Row != 3 || p[0].Column != "市" || p[0].Reason != "mixed_encoding" {
		t.Errorf("%d rows, problems %+v", len(rows), p)
	}
}

func TestSpreadsheetNumbers(t *testing.T) {
	for cell, want := range map[string]string{
		"9012345678": "lost_zero", "9012345678.0": "number_format lost_zero", "9012345678.00": "number_format lost_zero",
		"819012345678.0": "number_format plus", "\"9,012,345,678\"": "number_format lost_zero",
		"9.012345678E+09": "number_format lost_zero", "9.012345678e9": "number_format lost_zero",
		"090-1234-5678": "", "090.1234.5678": "", "09012345678": "",
		"9.01235E+09": "!phone_scientific", "9.01E+09": "!phone_scientific", "9E9": "!phone_scientific", "8.19012E+11": "!phone_scientific",
		"901234567.5": "!phone_invalid", "9012345678.": "lost_zero", "\"9,01,2345678\"": "!phone", "e": "!phone",
	} {
		rows, f := readList(t, "x,phone\n,"+cell+"\n", &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "phone", Kind: "phone"}}, Drop: []string{"x"}})
		r := f.Report()
		if reason, refused := strings.CutPrefix(want, "!"); refused {
			if len(rows) != 0 || !strings.HasPrefix(r.ProblemList()[0].Reason, reason) || r.ProblemList()[0].Mend == "" {
				t.Errorf("%s: %d rows, problems %+v; want %s", cell, len(rows), r.ProblemList(), reason)
			}
			continue
		}
		if len(rows) != 1 || rows[0].Identifiers[0].Hash != sum("+819012345678") || len(r.Repairs) != len(strings.Fields(want)) {
			t.Errorf("%s: %d rows, %+v", cell, len(rows), r)
		}
		for _, name := range strings.Fields(want) {
			if r.Repairs[name] != 1 {
				t.Errorf("%s: repairs %v, want %s", cell, r.Repairs, want)
			}
		}
	}
}

// A day that a spreadsheet made a number of is unknown, and named.
func TestSerialDays(t *testing.T) {
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "email", Kind: "email"},
		{Column: "birth", Name: "age", Generalise: &entrustment.Generaliser{BirthDate: &entrustment.Band{Width: 10, From: 20, To: 70}}}}}
	rows, f := readList(t, "email,birth\na@b.jp,35156\nc@d.jp,1996-04-01\ne@f.jp,x\n", schema)
	if p := f.Report().ProblemList(); len(rows) != 3 || len(p) != 2 || p[0].Row != 2 || p[0].Reason != "date_serial" || p[0].Mend == "" || p[1].Row != 4 || p[1].Reason != "value_unknown" || p[1].Mend == "" {
		t.Errorf("%d rows, problems %+v", len(rows), p)
	}
	if u := f.Report().Columns[0].Unreadable; u != 2 {
		t.Errorf("%d unreadable", u)
	}
}

func TestThousandColumns(t *testing.T) {
	var head, row strings.Builder
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "email", Kind: "email"}}}
	for i := range 999 {
		fmt.Fprintf(&head, "列%d,", i)
		row.WriteString("値,")
		schema.Drop = append(schema.Drop, fmt.Sprintf("列%d", i))
	}
	content := head.String() + "email\n" + strings.Repeat(row.String()+"a@b.jp\n", 50)
	rows, f := readList(t, content, schema)
	if len(rows) != 50 || len(f.Report().Dropped) != 999 {
		t.Errorf("%d rows, %d dropped", len(rows), len(f.Report().Dropped))
	}
	p, err := proposal(t, content, Options{})
	if err != nil || len(p.Columns) != 1000 || len(p.Schema.Columns) != 1 {
		t.Errorf("%v", err)
	}
	_, err = openList(t, content, nil, Options{})
	var e *entrustment.Error
	if !errors.As(err, &e) || !strings.Contains(e.Detail, "998 others") {
		t.Errorf("got %v", err)
	}
}
