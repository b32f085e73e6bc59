package intake_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/japanese"
	"pgregory.net/rapid"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/formats"
)

// loadDay is the day on which the logs of these tests are loaded.
var loadDay = entrustment.Date{Year: 2026, Month: 11, Day: 23}

func eventSchema(t testing.TB, doc string) *entrustment.EventSchema {
	t.Helper()
	s, err := entrustment.ParseEventSchema("events.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// partnerLog is an ad platform's events.yaml.
const partnerLog = `schema: awase.events/v1
time: {column: 日時}
identifiers: [{column: メールアドレス, kind: email}, {column: 広告ID, kind: maid}]
kind: {column: 種別, values: {imp: impression, クリック: click, cv: conversion, 位置: location}}
category: {column: カテゴリ, values: [spring, autumn]}
value: {column: 金額, unit: yen}
columns:
  - {column: 現在地, name: place, generalise: prefecture}
  - {column: 端末, name: device, values: [pc, phone]}
consent: {column: 同意}
drop: [緯度]
`

// ownLog is the operator's events.yaml of a site's page views.
const ownLog = `schema: awase.events/v1
time: {column: at, zone: UTC}
user_key: user_id
kind: page_view
category: {column: page, values: [job, company]}
`

func openEvents(t testing.TB, content string, s *entrustment.EventSchema) (*intake.File, error) {
	t.Helper()
	return intake.OpenEvents(t.Context(), strings.NewReader(content), int64(len(content)), s, intake.Options{Name: "log.csv", Today: loadDay, MaxLine: 1 << 14, Formats: formats.All()})
}

func eventRows(f *intake.File) (rows []seal.Row, err error) {
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

func readEvents(t testing.TB, content string, s *entrustment.EventSchema) ([]seal.Row, *intake.File) {
	t.Helper()
	f, err := openEvents(t, content, s)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := eventRows(f)
	if err != nil {
		t.Fatal(err)
	}
	return rows, f
}

// checkEvents holds that the counts add up and that rows hold what the header
// declares and nothing else.
func checkEvents(t testing.TB, f *intake.File, rows []seal.Row) {
	t.Helper()
	h, r := f.Header(), f.Report()
	if r.Rows != r.Accepted+r.Rejected+r.NoConsent || int(r.Accepted) != len(rows) {
		t.Fatalf("%d rows, but %d accepted, %d rejected, %d without consent; %d given", r.Rows, r.Accepted, r.Rejected, r.NoConsent, len(rows))
	}
	first, last := day(2000, 1, 1), day(loadDay.Year, loadDay.Month, loadDay.Day+1)
	for _, row := range rows {
		e := row.Event
		switch {
		case e == nil || row.Person != nil || len(row.Codes) != len(h.Columns):
			t.Fatalf("a row that is no event: %d codes", len(row.Codes))
		case (len(e.Key) > 0) == (len(row.Identifiers) > 0), len(h.Identifiers) == 0 && len(row.Identifiers) > 0:
			t.Fatalf("a key of %d bytes and %d identifiers", len(e.Key), len(row.Identifiers))
		case int(e.Type) >= len(h.Events) || e.Day < first || e.Day > last:
			t.Fatalf("type %d of %d, day %d", e.Type, len(h.Events), e.Day)
		}
		for i, c := range row.Codes {
			if int(c) >= len(h.Columns[i].Domain) {
				t.Fatalf("code %d of %d", c, len(h.Columns[i].Domain))
			}
		}
	}
}

func day(y int, m time.Month, d int) int32 {
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func wantEventFault(t testing.TB, err error, place, detail string) {
	t.Helper()
	e, ok := errors.AsType[*entrustment.Error](err)
	if !ok || e.Code != entrustment.CodeFile || !strings.Contains(e.Field, place) || !strings.Contains(e.Detail, detail) || e.Mend == "" {
		t.Fatalf("got %v, want a fault of the file at %q: %q, with a mend", err, place, detail)
	}
}

const partnerHead = "日時,メールアドレス,広告ID,種別,カテゴリ,金額,現在地,端末,同意,緯度\r\n"

// partnerRows is a platform's export as people make them.
const partnerRows = partnerHead +
	"2026/11/23 14:05:06,Taro@Example.JP ,,imp,spring,,東京都千代田区,pc,はい,35.68\r\n" +
	"2026-11-22T15:00:00Z,taro@example.jp,,クリック,Spring,,100-0001,ＰＣ,1,\r\n" +
	"\r\n" +
	"2026-11-22T14:59:59Z,,38400000-8cf0-11bd-b23e-10b96e40000d,cv,autumn,\"¥1,200\",,tv,1,\r\n" +
	"2026-11-24 23:59:59,hanako@example.jp,,位置,autumn,,大阪,,1,\r\n" + // tomorrow
	"2026-11-25 00:00:00,hanako@example.jp,,imp,spring,,,,1,\r\n" +
	"23/11/2026,hanako@example.jp,,imp,spring,,,,1,\r\n" +
	",hanako@example.jp,,imp,spring,,,,1,\r\n" +
	"2026-11-23,hanako@example.jp,,view,spring,,,,1,\r\n" +
	"2026-11-23,hanako@example.jp,,imp,winter,,,,1,\r\n" +
	"2026-11-23,hanako@example.jp,,cv,spring,99.5,,,1,\r\n" +
	"2026-11-23,,,imp,spring,,,,1,\r\n" +
	"2026-11-23,no-at-sign,,imp,spring,,,,1,\r\n" +
	"2026-11-23,jiro@example.jp,,imp,spring,,,,いいえ,\r\n" +
	"2026-11-23,jiro@example.jp,,imp,spring,,,,,\r\n" +
	"2026/11/23 14:05:06,Taro@Example.JP ,,imp,spring,,東京都千代田区,pc,はい,35.68\r\n" // the first again

func TestEvents(t *testing.T) {
	sjis, err := japanese.ShiftJIS.NewEncoder().String(strings.ReplaceAll(partnerRows, "¥", `\`))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"UTF-8": partnerRows, "BOM": "\uFEFF" + partnerRows, "Shift_JIS": sjis, "LF": strings.ReplaceAll(partnerRows, "\r\n", "\n"),
		"tabs": strings.ReplaceAll(strings.ReplaceAll(partnerRows, ",", "\t"), "1\t200", "1,200"),
	} {
		t.Run(name, func(t *testing.T) {
			rows, f := readEvents(t, content, eventSchema(t, partnerLog))
			checkEvents(t, f, rows)
			h := f.Header()
			types := []seal.EventType{{Kind: "impression", Category: "spring"}, {Kind: "impression", Category: "autumn"}, {Kind: "click", Category: "spring"}, {Kind: "click", Category: "autumn"},
				{Kind: "conversion", Category: "spring"}, {Kind: "conversion", Category: "autumn"}, {Kind: "location", Category: "spring"}, {Kind: "location", Category: "autumn"}}
			if h.Purpose != seal.Events || !slices.Equal(h.Events, types) || !slices.Equal(h.Identifiers, []seal.IdentifierColumn{{Kind: "email"}, {Kind: "maid"}}) ||
				len(h.Columns) != 2 || h.Columns[0].Name != "place" || len(h.Columns[0].Domain) != 48 || !slices.Equal(h.Columns[1].Domain, []string{"pc", "phone", "unknown"}) {
				t.Errorf("the header is %+v", h)
			}
			taro := []seal.Identifier{{Hash: sha256.Sum256([]byte("taro@example.jp"))}}
			want := []seal.Row{
				{Identifiers: taro, Codes: []uint8{12, 0}, Event: &seal.Event{Day: day(2026, 11, 23), Type: 0}},
				{Identifiers: taro, Codes: []uint8{12, 0}, Event: &seal.Event{Day: day(2026, 11, 23), Type: 2}},
				{Identifiers: []seal.Identifier{{Column: 1, Hash: sha256.Sum256([]byte("38400000-8cf0-11bd-b23e-10b96e40000d"))}}, Codes: []uint8{47, 2}, Event: &seal.Event{Day: day(2026, 11, 22), Type: 5, Value: 1200}},
				{Identifiers: []seal.Identifier{{Hash: sha256.Sum256([]byte("hanako@example.jp"))}}, Codes: []uint8{26, 2}, Event: &seal.Event{Day: day(2026, 11, 24), Type: 7}},
				{Identifiers: taro, Codes: []uint8{12, 0}, Event: &seal.Event{Day: day(2026, 11, 23), Type: 0}},
			}
			if !reflect.DeepEqual(rows, want) {
				t.Errorf("got  %v\nwant %v", tellRows(rows), tellRows(want))
			}
			r := f.Report()
			if r.Rows != 15 || r.Accepted != 5 || r.Rejected != 8 || r.NoConsent != 2 || r.Duplicates != 1 || r.Repaired != 2 {
				t.Errorf("the counts are %+v", r)
			}
			problems := []intake.Problem{
				{Row: 5, Column: "端末", Reason: "value_unknown"},
				{Row: 7, Column: "日時", Reason: "event_time_in_the_future"}, {Row: 8, Column: "日時", Reason: "event_time_day_or_month_first"}, {Row: 9, Column: "日時", Reason: "event_time_missing"},
				{Row: 10, Column: "種別", Reason: "event_kind_unknown"}, {Row: 11, Column: "カテゴリ", Reason: "event_category_unknown"}, {Row: 12, Column: "金額", Reason: "event_value_fraction"},
				{Row: 13, Reason: "no_identifier"}, {Row: 14, Column: "メールアドレス", Reason: "email_no_at"},
			}
			for i, p := range r.ProblemList() {
				if p.Mend == "" {
					t.Errorf("%s has no mend", p.Reason)
				}
				if p.Mend = ""; i >= len(problems) || p != problems[i] {
					t.Errorf("problem %d is %+v", i, p)
				}
			}
			if len(r.ProblemList()) != len(problems) || r.Faults[intake.Fault{Reason: "event_kind_unknown"}] != 1 || !slices.Equal(r.Dropped, []string{"緯度"}) {
				t.Errorf("the report is %+v", r)
			}
		})
	}
}

func tellRows(rows []seal.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "{%d identifiers, %v, %+v} ", len(r.Identifiers), r.Codes, *r.Event)
	}
	return b.String()
}

func TestOwnEvents(t *testing.T) {
	rows, f := readEvents(t, "user_id,at,page\n u1 ,2026-11-22 15:00:00,job\nu2,2026-11-22 14:59:59,COMPANY\n,2026-11-22 15:00:00,job\n"+strings.Repeat("x", 513)+",2026-11-22 15:00:00,job\n"+
		"u3,2026-11-22,job\n", eventSchema(t, ownLog))
	checkEvents(t, f, rows)
	want := []seal.Row{
		{Event: &seal.Event{Key: []byte("u1"), Day: day(2026, 11, 23)}},
		{Event: &seal.Event{Key: []byte("u2"), Day: day(2026, 11, 22), Type: 1}},
	}
	for i := range rows {
		rows[i].Codes = nil // empty
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("got %s", tellRows(rows))
	}
	var reasons []string
	for _, p := range f.Report().ProblemList() {
		reasons = append(reasons, p.Reason)
	}
	if !slices.Equal(reasons, []string{"no_user_key", "user_key_too_long", "event_time_day_of_another_zone"}) {
		t.Errorf("the problems are %v", reasons)
	}
	if h := f.Header(); len(h.Identifiers) != 0 || len(h.Events) != 2 {
		t.Errorf("the header is %+v", h)
	}
}

// The header has the unit that events.yaml gives the values; none without them.
func TestEventUnits(t *testing.T) {
	for value, unit := range map[string]string{
		"value: {column: v, unit: yen}\n": "yen", "value: {column: v, unit: count}\n": "count", "drop: [v]\n": "",
	} {
		_, f := readEvents(t, "user_id,at,page,v\nu1,2026-11-22 15:00:00,job,3\n", eventSchema(t, ownLog+value))
		if h := f.Header(); h.Unit != unit || h.Document != "" || f.Report().Accepted != 1 {
			t.Errorf("%s the unit is %q, of a document %q", value, h.Unit, h.Document)
		}
	}
}

// Rows of a batch stay as they were when later ones come.
func TestEventKeysStay(t *testing.T) {
	var b strings.Builder
	b.WriteString("user_id,at,page\n")
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&b, "user-%d,2026-11-%02d 00:00:00,job\n", i, 1+i%20)
	}
	rows, f := readEvents(t, b.String(), eventSchema(t, ownLog))
	checkEvents(t, f, rows)
	if len(rows) != n || f.Report().Duplicates != 0 {
		t.Fatalf("%d rows, %d duplicates", len(rows), f.Report().Duplicates)
	}
	for i, r := range rows {
		if string(r.Event.Key) != fmt.Sprintf("user-%d", i) || r.Event.Day != day(2026, 11, 1+i%20) {
			t.Fatalf("row %d has another's key or day", i)
		}
	}
}

func TestEventFileFaults(t *testing.T) {
	for _, c := range []struct{ name, schema, content, place, detail string }{
		{"no time column", ownLog, "user_id,page\nu,job\n", "column at", "doesn't have it"},
		{"no key column", ownLog, "at,page\n2026-11-22,job\n", "column user_id", "doesn't have it"},
		{"undeclared column", ownLog, "user_id,at,page,ip\nu,x,job,1\n", "column ip", "not declared"},
		{"a column twice", ownLog, "user_id,at,at,page\nu,x,x,job\n", "column at", "2 times"},
		{"nothing", ownLog, "", "log.csv", "empty"},
		{"a header alone", ownLog, "user_id,at,page\n", "log.csv", "no rows"},
		{"no value column", partnerLog, strings.ReplaceAll(partnerRows, "金額", "円"), "column 金額", "doesn't have it"},
		{"no consent column", partnerLog, strings.ReplaceAll(partnerRows, "同意", "承諾"), "column 同意", "doesn't have it"},
		{"an unknown profile", strings.Replace(partnerLog, "kind: email}", "kind: email, profile: none}", 1), partnerRows, "column メールアドレス", "profile"},
		{"a long row", ownLog, "user_id,at,page\n" + strings.Repeat("u", 1<<15) + ",x,job\n", "row 2", "over"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := openEvents(t, c.content, eventSchema(t, c.schema))
			if err == nil {
				_, err = eventRows(f)
			}
			wantEventFault(t, err, c.place, c.detail)
		})
	}
	_, err := intake.OpenEvents(t.Context(), strings.NewReader(partnerRows), int64(len(partnerRows)), eventSchema(t, partnerLog), intake.Options{})
	wantEventFault(t, err, "file", "in the future")
}

// What leaves the desk says nothing of the time of day and of the place but the
// day and the prefecture: two logs that differ in these alone give the same
// rows and the same header.
func TestTimesAndPlacesStayBehind(t *testing.T) {
	s := eventSchema(t, partnerLog)
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, entrustment.JST)
	places := [][]string{{"東京都", "東京都港区芝公園4-2-8", "105-0011", "１０５－００１１", "Tokyo"}, {"大阪府", "大阪府大阪市北区", "530-0001", "Osaka"}}
	forms := []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006/1/2 15:04", "2006年1月2日 15時04分05秒"}
	rapid.Check(t, func(rt *rapid.T) {
		logs := [2]strings.Builder{}
		for i := range logs {
			logs[i].WriteString(partnerHead)
		}
		for range rapid.IntRange(1, 10).Draw(rt, "rows") {
			midnight := start.AddDate(0, 0, rapid.IntRange(0, 20).Draw(rt, "day"))
			user, kind, place := rapid.IntRange(0, 3).Draw(rt, "user"), rapid.SampledFrom([]string{"imp", "cv", "位置"}).Draw(rt, "kind"), rapid.SampledFrom(places).Draw(rt, "place")
			for i := range logs {
				at := midnight.Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)-1).Draw(rt, "time")))
				fmt.Fprintf(&logs[i], "%s,u%d@example.jp,,%s,spring,5,%s,pc,1,%d\n", at.Format(rapid.SampledFrom(forms).Draw(rt, "form")), user, kind, rapid.SampledFrom(place).Draw(rt, "address"), i)
			}
		}
		one, f := readEvents(t, logs[0].String(), s)
		two, g := readEvents(t, logs[1].String(), s)
		if f.Report().Rejected > 0 || len(one) == 0 || !reflect.DeepEqual(one, two) || !reflect.DeepEqual(f.Header(), g.Header()) {
			rt.Fatalf("%s\n%s\n%+v", tellRows(one), tellRows(two), f.Report().ProblemList())
		}
	})
}

// A log says the same as text, Excel, Parquet, packed.
func TestEventsOfEveryFormat(t *testing.T) {
	s := eventSchema(t, "schema: awase.events/v1\ntime: {column: at}\nuser_key: user_id\nkind: click\nvalue: {column: n, unit: count}\n")
	want, f := readEvents(t, "user_id,at,n\nu1,2026-11-22T15:00:00Z,3\nu2,2026-11-22T14:59:59Z,\n", s)
	checkEvents(t, f, want)
	if len(want) != 2 || want[0].Event.Day != day(2026, 11, 23) || want[1].Event.Day != day(2026, 11, 22) || want[0].Event.Value != 3 {
		t.Fatalf("text: %s", tellRows(want))
	}
	for name, content := range eventFormats(t) {
		got, f := readEvents(t, string(content), s)
		checkEvents(t, f, got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s\nwant %s\n%+v", name, tellRows(got), tellRows(want), f.Report().ProblemList())
		}
	}
}

// eventFormats gives one log of two clicks in several formats.
func eventFormats(t testing.TB) map[string][]byte {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := []time.Time{time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC), time.Date(2026, 11, 22, 14, 59, 59, 0, time.UTC)}
	out := map[string][]byte{}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte("user_id,at,n\nu1,1795359600,3\nu2,1795359599,\n"))
	check(err)
	check(z.Close())
	out["CSV, gzip, Unix time"] = bytes.Clone(b.Bytes())

	book := excelize.NewFile()
	style, err := book.NewStyle(&excelize.Style{CustomNumFmt: new("yyyy/m/d h:mm:ss")})
	check(err)
	check(book.SetSheetRow("Sheet1", "A1", &[]any{"user_id", "at", "n"}))
	for i, a := range at {
		row := fmt.Sprint(i + 2)
		check(book.SetSheetRow("Sheet1", "A"+row, &[]any{fmt.Sprintf("u%d", i+1), a.In(entrustment.JST)}))
		// excelize writes the wall clock of the time's zone.
		check(book.SetCellStyle("Sheet1", "B"+row, "B"+row, style))
	}
	check(book.SetCellValue("Sheet1", "C2", 3))
	b.Reset()
	check(book.Write(&b))
	out["Excel, dates"] = bytes.Clone(b.Bytes())

	for name, unit := range map[string]schema.TimeUnitType{"Parquet, ms": schema.TimeUnitMillis, "Parquet, µs": schema.TimeUnitMicros} {
		stamps := []int64{at[0].UnixMilli(), at[1].UnixMilli()}
		if unit == schema.TimeUnitMicros {
			stamps = []int64{at[0].UnixMicro(), at[1].UnixMicro()}
		}
		out[name] = eventParquet(t, unit, stamps)
	}
	return out
}

func eventParquet(t testing.TB, unit schema.TimeUnitType, stamps []int64) []byte {
	t.Helper()
	leaf := func(name string, rep parquet.Repetition, logical schema.LogicalType, typ parquet.Type) schema.Node {
		n, err := schema.NewPrimitiveNodeLogical(name, rep, logical, typ, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{
		leaf("user_id", parquet.Repetitions.Required, schema.StringLogicalType{}, parquet.Types.ByteArray),
		leaf("at", parquet.Repetitions.Required, schema.NewTimestampLogicalType(true, unit), parquet.Types.Int64),
		leaf("n", parquet.Repetitions.Optional, schema.NoLogicalType{}, parquet.Types.Int64),
	}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root)
	g := w.AppendRowGroup()
	column := func(write func(file.ColumnChunkWriter) error) {
		t.Helper()
		c, err := g.NextColumn()
		if err == nil {
			err = write(c)
		}
		if err == nil {
			err = c.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	column(func(c file.ColumnChunkWriter) error {
		_, err := c.(*file.ByteArrayColumnChunkWriter).WriteBatch([]parquet.ByteArray{[]byte("u1"), []byte("u2")}, nil, nil)
		return err
	})
	column(func(c file.ColumnChunkWriter) error {
		_, err := c.(*file.Int64ColumnChunkWriter).WriteBatch(stamps, nil, nil)
		return err
	})
	column(func(c file.ColumnChunkWriter) error {
		_, err := c.(*file.Int64ColumnChunkWriter).WriteBatch([]int64{3}, []int16{1, 0}, nil)
		return err
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A damaged log is a fault of the file with its place and mend, or the rows that
// could still be read; never a crash, never a temporary file.
func TestDamagedEvents(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	own := eventSchema(t, "schema: awase.events/v1\ntime: {column: at}\nuser_key: user_id\nkind: click\nvalue: {column: n, unit: count}\n")
	logs := eventFormats(t)
	logs["partner"] = []byte(partnerRows)
	rng := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for name, content := range logs {
		s := own
		if name == "partner" {
			s = eventSchema(t, partnerLog)
		}
		for range 100 {
			bad := bytes.Clone(content)
			switch rng.IntN(3) {
			case 0:
				bad = bad[:rng.IntN(len(bad))]
			case 1:
				for range 1 + rng.IntN(8) {
					bad[rng.IntN(len(bad))] = byte(rng.Uint32())
				}
			case 2:
				i := rng.IntN(len(bad))
				bad = slices.Insert(bad, i, bad[rng.IntN(i+1):i]...)
			}
			f, err := openEvents(t, string(bad), s)
			var rows []seal.Row
			if err == nil {
				rows, err = eventRows(f)
			}
			if err != nil {
				refused++
				wantEventFault(t, err, "log.csv", "")
			} else {
				checkEvents(t, f, rows)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d damaged files were refused", refused)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("temporary files: %v, %v", left, err)
	}
}

// No message, report or problem list holds the value of a cell.
func TestEventCanaries(t *testing.T) {
	canaries := []string{"canaryone", "CANARYONE", "0905550142", "カナリア太郎", "13:37:42", "133742", "1795360662", "46348.567", "77,777", "77777", "canary-key"}
	cells := []string{"canaryone@example.jp", "canaryone", "2026-11-23 13:37:42", "2026-11-99 13:37:42", "23/11/2026 13:37:42", "2026-12-31T13:37:42Z", "1999-01-01 13:37:42", "1795360662.13x", "46348.567815", "1.795360662E+13",
		"20261123133742x", "77,777.5", "-77777", "7.7777E+04", "カナリア太郎", "=canaryone()", "0905550142", "canaryone\xff", "canaryone\x00", strings.Repeat("canaryone", 100), "canary-key"}
	var said []string
	note := func(s *entrustment.EventSchema, content string) {
		f, err := openEvents(t, content, s)
		if err == nil {
			_, err = eventRows(f)
			var b bytes.Buffer
			if e := f.Report().WriteProblems(&b); e != nil {
				t.Fatal(e)
			}
			js, e := json.Marshal(f.Report())
			if e != nil {
				t.Fatal(e)
			}
			said = append(said, b.String()+string(js)+fmt.Sprintf("%+v", *f.Report()))
		}
		said = append(said, fmt.Sprintf("%v %+v", err, err))
	}
	partner, count := eventSchema(t, partnerLog), eventSchema(t, strings.Replace(partnerLog, "unit: yen", "unit: count", 1))
	own := eventSchema(t, ownLog)
	good := []string{"2026-11-23 10:00:00", "a@example.jp", "", "imp", "spring", "5", "東京都", "pc", "1", ""}
	for _, cell := range cells {
		q := `"` + cell + `"`
		for i := range good {
			row := slices.Clone(good)
			row[i] = q
			note(partner, partnerHead+strings.Join(row, ",")+"\n")
			note(count, partnerHead+strings.Join(row, ",")+",x\n")
		}
		note(own, "user_id,at,page\n"+q+",2026-11-23 13:37:42,"+q+"\nu,"+q+",job\n"+q+",1795360662,job\n")
		note(own, q+","+q+",job\n"+q+",2026-11-23,job\n") // no header
		note(own, "user_id,at,page\n"+cell+`,"`+cell)
		note(partner, partnerHead+strings.Repeat(q, 1+(1<<15)/len(q))+"\n")
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
}

// FuzzEvents: any bytes are an event log or a fault with place and mend.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{partnerRows, "\uFEFF" + partnerRows, "user_id,at,page\nu,2026-11-22 15:00:00,job\n", "", "\xff\xfe", "日時\n", partnerHead, strings.ReplaceAll(partnerRows, ",", ";")} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	for _, content := range eventFormats(f) {
		f.Add(content, false)
	}
	f.Fuzz(func(t *testing.T, content []byte, partner bool) {
		s := ownLog
		if partner {
			s = partnerLog
		}
		file, err := openEvents(t, string(content), eventSchema(t, s))
		var rows []seal.Row
		if err == nil {
			rows, err = eventRows(file)
		}
		if err != nil {
			wantEventFault(t, err, "", "")
			return
		}
		checkEvents(t, file, rows)
	})
}

func BenchmarkEvents(b *testing.B) {
	var c bytes.Buffer
	c.WriteString("user_id,at,page\n")
	const n = 200_000
	for i := range n {
		fmt.Fprintf(&c, "user-%d,2026-11-%02d %02d:%02d:00,job\n", i%50_000, 1+i%20, i%24, i%60)
	}
	s := eventSchema(b, ownLog)
	b.SetBytes(int64(c.Len()))
	b.ReportAllocs()
	for b.Loop() {
		rows, _ := readEvents(b, c.String(), s)
		if len(rows) != n {
			b.Fatalf("%d rows", len(rows))
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
