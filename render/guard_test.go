package render

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"awase/enclave/wire"
	"awase/entrustment"
)

// holds tells whether somebody who opens a file finds a number in it: 7654321,
// with or without separators.
func holds(t testing.TB, f Form, doc []byte) bool {
	t.Helper()
	var text string
	switch f.Format {
	case PDF:
		text = strings.Join(pdfText(t, doc), "")
	case XLSX:
		z, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range z.File {
			in, err := part.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			text += string(b)
		}
	case Parquet:
		r, err := file.NewParquetReader(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		for i := range r.MetaData().Schema.NumColumns() {
			chunk, err := r.RowGroup(0).Column(i)
			if err != nil {
				t.Fatal(err)
			}
			values, _ := parquetValues(t, chunk, int(r.NumRows()))
			text += strings.Join(values, " ") + " "
		}
	case Arrow:
		r, err := ipc.NewFileReader(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		record, err := r.Record(0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := record.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	default:
		text = string(doc)
	}
	return strings.Contains(text, "7654321") || strings.Contains(text, "7,654,321")
}

// TestWithheldIsNeverShown: a release whose withheld cell, or other row, holds a
// number is refused in every format before its first byte. The twin writes it
// without that check: then the number is in the file.
func TestWithheldIsNeverShown(t *testing.T) {
	for _, f := range Formats() {
		r := overlapSample()
		var b bytes.Buffer
		if err := Write(&b, f.Format, r); err != nil || holds(t, f, b.Bytes()) {
			t.Fatalf("%s: %v, and the sample holds the number: %v", f.Format, err, err == nil)
		}
		b.Reset()
		r.Cells[3].Users = number(7_654_321, 20)
		if err := Write(&b, f.Format, r); err == nil || b.Len() > 0 {
			t.Errorf("%s: err %v, %d bytes written", f.Format, err, b.Len())
		}
		b.Reset()
		if err := f.write(&b, r); err != nil {
			t.Fatal(err)
		}
		// The workbook looks at the status of each cell once more.
		if shown := holds(t, f, b.Bytes()); shown == (f.Format == XLSX) {
			t.Errorf("%s without the check: shown is %v", f.Format, shown)
		}
		r = overlapSample()
		if r.Other.Status != wire.Withheld {
			t.Fatal("the sample changed")
		}
		r.Other.Sums = map[string]*wire.Number{"clicks": number(7_654_321, 20)}
		r.Measures = []string{"clicks"}
		b.Reset()
		if err := Write(&b, f.Format, r); err == nil || b.Len() > 0 {
			t.Errorf("%s: the other row's sum: err %v, %d bytes written", f.Format, err, b.Len())
		}
	}
}

// TestPracticeIsSaid: every form of a release out of a practice room says so, and
// none of another does.
func TestPracticeIsSaid(t *testing.T) {
	for _, practice := range []bool{true, false} {
		r := profileSample(true)
		r.Privacy.Practice = practice
		said := map[string]bool{}
		for _, f := range Formats() {
			doc := written(t, f.Format, r)
			name := string(f.Format)
			switch f.Format {
			case PDF:
				for _, page := range pdfText(t, doc) {
					is := strings.Contains(page, practiceNote.ja) && strings.Contains(page, practiceNote.en) && strings.Contains(page, "練習 PRACTICE")
					if is != practice {
						t.Errorf("a page of the PDF says practice: %v, want %v", is, practice)
					}
				}
				said[name] = practice
			case XLSX:
				book, err := excelize.OpenReader(bytes.NewReader(doc))
				if err != nil {
					t.Fatal(err)
				}
				for _, sheet := range book.GetSheetList() {
					first, err := book.GetCellValue(sheet, "A1")
					if err != nil {
						t.Fatal(err)
					}
					if is := first == practiceNote.in(Both); is != practice {
						t.Errorf("sheet %s begins with %q", sheet, first)
					}
				}
				said[name] = practice
				if err := book.Close(); err != nil {
					t.Fatal(err)
				}
			case JSON:
				said[name] = bytes.Contains(doc, []byte(`"practice": true`))
			case CSV, CSVBOM, CSVSJIS:
				lines := strings.Split(strings.TrimSpace(string(doc)), "\r\n")
				n := 0
				for _, l := range lines[1:] {
					if strings.HasSuffix(l, ",true") {
						n++
					}
				}
				said[name] = n > 0
				if !strings.HasSuffix(lines[0], ",practice") || n != 0 && n != len(lines)-1 {
					t.Errorf("%s: %d of %d rows say practice", name, n, len(lines)-1)
				}
			default: // the column is TestArrowAndParquetReadBack's
				said[name] = bytes.Contains(doc, []byte("awase.practice"))
			}
			if got := strings.HasPrefix(FileName(r, f.Format, Both), "practice_"); got != practice {
				t.Errorf("%s: the file's name says practice: %v", name, got)
			}
		}
		said["terminal"] = strings.HasPrefix(string(shownAs(t, r, TerminalOptions{Width: 100})), practiceNote.ja)
		for name, is := range said {
			if is != practice {
				t.Errorf("%s says practice: %v, want %v", name, is, practice)
			}
		}
	}
}

// TestReadRelease: what Write writes in JSON is read as it was; what is none, or
// contradicts itself, is refused without its values.
func TestReadRelease(t *testing.T) {
	for name, r := range samples() {
		got, err := ReadRelease(written(t, JSON, r))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, f := range Formats() {
			if !bytes.Equal(written(t, f.Format, got), written(t, f.Format, r)) {
				t.Errorf("%s as %s differs after it was read", name, f.Format)
			}
		}
	}
	good := string(written(t, JSON, overlapSample()))
	for name, doc := range map[string]string{
		"nothing": "", "cut": good[:len(good)/2], "none": `[]`, "null": `null`, "another": `{"schema":"awase.party/v1"}`,
		"twice": good + good, "a member": strings.Replace(good, `"report"`, `"canary@example.jp": 1, "report"`, 1),
		"a kind":     strings.Replace(good, `"value": 81234`, `"value": "canary@example.jp"`, 1),
		"a fraction": strings.Replace(good, `"value": 81234`, `"value": 81234.5`, 1),
		"withheld":   strings.Replace(good, `"status": "released"`, `"status": "withheld"`, 1),
	} {
		if doc == good {
			t.Fatalf("%s: the sample changed", name)
		}
		_, err := ReadRelease([]byte(doc))
		if e, ok := errors.AsType[*entrustment.Error](err); !ok || e.Code != entrustment.CodeFile || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "81234") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReadRelease: whatever is read as a release can be written in every format,
// and in JSON is what it was.
func FuzzReadRelease(f *testing.F) {
	small, q := `{"schema":"awase.release/v1","report":"profile","dims":[{"name":"gender","domain":["female","male"]},{"name":"age_band","domain":["<20"]}],"measures":["clicks"],"rates":["click_rate"],"privacy":{"tau":107,"withheld":1,"statement":{"ja":"a","en":"b"}},"released_at":"2026-11-23T05:05:00Z",`, `"question":{"schema":"awase.report/v1","report":"profile","entrustment":"e","where":{"in":{"gender":["male"]}},"window":{"from":"2026-04-01","to":"2026-04-30"},"index":true},`
	f.Add([]byte(small + q + `"cells":[{"key":{"gender":"female","age_band":"<20"},"status":"released","users":{"value":5,"low":1,"high":9},"sums":{"clicks":{"value":1,"low":0,"high":2}},"rates":{"click_rate":{"value":0.5,"low":0.1,"high":0.9}}},{"key":{"gender":"male","age_band":"<20"},"status":"withheld"}],"other":{"status":"none"},"total":{"users":{"value":5,"low":1,"high":9},"partial":true},"receipt":{"key":"AAEC","log":{"index":3,"checkpoint":"a\n4\nb\n"}}}`))
	f.Add([]byte(`{"schema":"awase.release/v1","dims":[{"name":"a","domain":["x",""]}],"cells":[{"key":{"a":""},"status":"released","users":{"value":-9223372036854775808,"low":9223372036854775807,"high":-1},"index":{"value":1e308,"low":-1e308,"high":0}}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, err := ReadRelease(doc)
		if err != nil {
			t.Skip()
		}
		again := written(t, JSON, r)
		back, err := ReadRelease(again)
		if err != nil {
			t.Fatalf("its own JSON is refused: %v", err)
		}
		if !bytes.Equal(again, written(t, JSON, back)) {
			t.Error("two forms of one release")
		}
		for _, form := range Formats() {
			var b bytes.Buffer
			if err := Write(&b, form.Format, r); err != nil {
				if e, ok := errors.AsType[*entrustment.Error](err); form.Format == CSVSJIS && ok && e.Field == "encoding" {
					continue
				}
				t.Errorf("as %s: %v", form.Format, err)
			}
			if form.Format == PDF && err == nil {
				pdfText(t, b.Bytes())
			}
		}
		var b bytes.Buffer
		if err := Terminal(&b, r, TerminalOptions{}); err != nil {
			t.Errorf("at the terminal: %v", err)
		}
		if !json.Valid(again) {
			t.Error("no JSON")
		}
	})
}

// TestReadReleaseReadsAnyRelease: the JSON of a release is read as it was.
func TestReadReleaseReadsAnyRelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := releases().Draw(t, "release")
		var first, second bytes.Buffer
		if err := Write(&first, JSON, r); err != nil {
			t.Fatal(err)
		}
		back, err := ReadRelease(first.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(&second, JSON, back); err != nil || second.String() != first.String() {
			t.Errorf("%v\n%s\n%s", err, first.String(), second.String())
		}
	})
}
