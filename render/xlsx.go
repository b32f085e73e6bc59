package render

import (
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/xuri/excelize/v2"

	"awase/enclave/wire"
)

// The sheets of a workbook.
const (
	sheetTable = "結果"
	sheetAbout = "この数字について"
	sheetChart = "図"
)

// accent is the one colour of charts and bars.
const accent = "#3460FB"

// book is a workbook in the making. The first error sticks, so that the code
// below reads as what is written where.
type book struct {
	*excelize.File
	r      *wire.Release
	styles styles
	err    error

	headRow int // of the table's header
}

type styles struct {
	title, quiet, practice, head, headNumber, text, number, ratio, withheld, sum, sumNumber, wrap, label, pValue int

	rates, sumRates [money + 1]int // by kind

	decimals, sumDecimals int // of a measure in thousandths
}

// writeXLSX writes the workbook: the table, what the numbers mean, and, for
// gender by age, the population pyramid.
func writeXLSX(w io.Writer, r *wire.Release) (err error) {
	b := &book{File: excelize.NewFile(), r: r}
	defer func() {
		if e := b.Close(); err == nil && e != nil {
			err = fmt.Errorf("closing the workbook: %w", e)
		}
	}()
	b.do(b.SetSheetName("Sheet1", sheetTable))
	b.makeStyles()
	b.table()
	b.about()
	if m := pyramidOf(r); m != nil {
		b.pyramid(m)
	}
	b.properties()
	if b.err != nil {
		return fmt.Errorf("making the workbook: %w", b.err)
	}
	if err := b.Write(w); err != nil {
		return fmt.Errorf("writing the workbook: %w", err)
	}
	return nil
}

func (b *book) do(err error) {
	if b.err == nil {
		b.err = err
	}
}

// set writes a value and its style. Texts are stored as texts: excelize never
// makes a formula of one.
func (b *book) set(sheet string, col, row, style int, v any) {
	at := b.at(col, row)
	b.do(b.SetCellValue(sheet, at, v))
	b.do(b.SetCellStyle(sheet, at, at, style))
}

// at gives a cell's name; columns and rows count from 1.
func (b *book) at(col, row int) string {
	name, err := excelize.CoordinatesToCellName(col, row)
	b.do(err)
	return name
}

func (b *book) width(sheet string, col int, chars float64) {
	name, err := excelize.ColumnNumberToName(col)
	b.do(err)
	b.do(b.SetColWidth(sheet, name, name, chars))
}

func (b *book) makeStyles() {
	const face = "Yu Gothic"
	rule := []excelize.Border{{Type: "bottom", Color: "#D9D9D9", Style: 1}}
	top := []excelize.Border{{Type: "top", Color: "#767676", Style: 1}, {Type: "bottom", Color: "#D9D9D9", Style: 1}}
	number, ratio, places, decimals := "#,##0", "0.0", "0.0000", "#,##0.000"
	add := func(to *int, s excelize.Style) {
		if s.Font == nil {
			s.Font = &excelize.Font{}
		}
		s.Font.Family = face
		if s.Font.Size == 0 {
			s.Font.Size = 11
		}
		id, err := b.NewStyle(&s)
		b.do(err)
		*to = id
	}
	middle := &excelize.Alignment{Vertical: "center"}
	add(&b.styles.title, excelize.Style{Font: &excelize.Font{Size: 14, Bold: true}})
	add(&b.styles.quiet, excelize.Style{Font: &excelize.Font{Size: 10, Color: "#626264"}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	add(&b.styles.practice, excelize.Style{Font: &excelize.Font{Size: 12, Bold: true, Color: "#C81E1E"}})
	for _, head := range []struct {
		to   *int
		side string
	}{{&b.styles.head, "left"}, {&b.styles.headNumber, "right"}} {
		add(head.to, excelize.Style{
			Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"#E8F1FE"}},
			Border:    []excelize.Border{{Type: "bottom", Color: "#767676", Style: 2}},
			Alignment: &excelize.Alignment{Horizontal: head.side, Vertical: "center", WrapText: true},
		})
	}
	add(&b.styles.text, excelize.Style{Border: rule, Alignment: middle})
	add(&b.styles.number, excelize.Style{Border: rule, CustomNumFmt: &number})
	add(&b.styles.decimals, excelize.Style{Border: rule, CustomNumFmt: &decimals})
	add(&b.styles.sumDecimals, excelize.Style{Border: top, Font: &excelize.Font{Bold: true}, CustomNumFmt: &decimals})
	add(&b.styles.pValue, excelize.Style{Border: rule, CustomNumFmt: &places})
	add(&b.styles.ratio, excelize.Style{Border: rule, CustomNumFmt: &ratio})
	// lightUp, pattern 14 of the file format: seen in print and without colour.
	add(&b.styles.withheld, excelize.Style{
		Border: rule, Font: &excelize.Font{Color: "#626264"},
		Fill: excelize.Fill{Type: "pattern", Pattern: 14, Color: []string{"#B3B3B3"}},
	})
	add(&b.styles.sum, excelize.Style{Border: top, Font: &excelize.Font{Bold: true}})
	add(&b.styles.sumNumber, excelize.Style{Border: top, Font: &excelize.Font{Bold: true}, CustomNumFmt: &number})
	for kind, format := range [...]string{average: "0.00", share: "0.00%", money: "#,##0"} {
		add(&b.styles.rates[kind], excelize.Style{Border: rule, CustomNumFmt: &format})
		add(&b.styles.sumRates[kind], excelize.Style{Border: top, Font: &excelize.Font{Bold: true}, CustomNumFmt: &format})
	}
	add(&b.styles.wrap, excelize.Style{Alignment: &excelize.Alignment{Horizontal: "left", WrapText: true, Vertical: "top"}})
	add(&b.styles.label, excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
}

// preface gives the lines between title and table, each with its English beside
// it: condition, period, list, entrustment and time, and whether a development
// vault made it.
func preface(r *wire.Release) []text {
	out := details(r)
	out = append(out, origin(r))
	if r.Privacy.Dev {
		out = append(out, devNote)
	}
	return out
}

// table writes the first sheet: title and preface, then the table. Its columns
// are the dimensions, the status, users with low and high, the index where it
// was asked, and the measures and rates with their intervals.
func (b *book) table() {
	r, s := b.r, sheetTable
	heads := make([]text, 0, len(r.Dims)+7)
	for _, d := range r.Dims {
		heads = append(heads, dimLabel(d.Name))
	}
	if len(heads) == 0 {
		heads = append(heads, text{"区分", "cell"})
	}
	keys := len(heads)
	heads = append(heads, text{"状態", "status"}, text{"利用者数（推計）", "users"}, text{"下限", "low"}, text{"上限", "high"})
	indexed := hasIndex(r)
	if indexed {
		heads = append(heads, text{"指数", "index"}, text{"指数の下限", "index low"}, text{"指数の上限", "index high"})
	}
	for _, name := range slices.Concat(r.Measures, r.Rates) {
		l := measureLabel(name)
		heads = append(heads, l, text{"下限", l.en + " low"}, text{"上限", l.en + " high"})
	}
	for i := range heads {
		b.width(s, i+1, columnWidth)
	}
	for i := range keys {
		b.width(s, i+1, keyWidth)
	}
	b.width(s, keys+2, usersWidth)
	b.width(s, keys+1, keyWidth) // 非表示（少人数保護） withheld
	b.above(len(heads), keys)
	lines := 2
	for i, h := range heads {
		style := b.styles.head
		if i > keys { // numbers stand to the right
			style = b.styles.headNumber
		}
		b.set(s, i+1, b.headRow, style, plain(h.ja)+"\n"+plain(h.en))
		if i > keys+1 {
			lines = max(lines, wrapped(h.ja, columnWidth-2)+wrapped(h.en, columnWidth-2))
		}
	}
	b.do(b.SetRowHeight(s, b.headRow, float64(17*lines)))
	for i := range r.Cells {
		b.cell(&r.Cells[i], b.headRow+1+i, keys, len(heads))
	}
	last := b.headRow + len(r.Cells)
	b.sumRows(last+1, keys, len(heads))
	b.lift(last+len(sums(r))+2, keys, len(heads))
	b.bars(keys+2, last)
	b.do(b.SetPanes(s, &excelize.Panes{
		Freeze: true, XSplit: keys, YSplit: b.headRow,
		TopLeftCell: b.at(keys+1, b.headRow+1), ActivePane: "bottomRight",
	}))
	b.pages(s)
	b.print("_xlnm.Print_Titles", fmt.Sprintf("'%s'!$%d:$%d", s, b.headRow, b.headRow))
	if pyramidOf(r) != nil { // which has a sheet of its own
		b.print("_xlnm.Print_Area", b.ref(s, 1, 1, len(heads), last+len(sums(r))))
	}
	if len(r.Dims) == 1 && len(r.Cells) > 1 {
		b.barChart(keys, last, len(heads)+2)
	}
}

// Widths of columns, in characters.
const (
	columnWidth = 14
	usersWidth  = 18
	keyWidth    = 27
)

// above writes title and preface over the columns of the table, wrapped, and
// sets the row of the table's header.
func (b *book) above(columns, keys int) {
	s, row := sheetTable, 0
	put := func(style int, words string) {
		row++
		b.set(s, 1, row, style, words)
		b.do(b.MergeCell(s, b.at(1, row), b.at(columns, row)))
	}
	if b.r.Privacy.Practice {
		put(b.styles.practice, practiceNote.in(Both))
	}
	t := title(b.r)
	put(b.styles.title, t.ja)
	put(b.styles.quiet, t.en)
	// A wrapped row does not grow by itself where cells are merged.
	room := (keys+1)*keyWidth + (columns-keys-1)*columnWidth - 8
	for _, line := range preface(b.r) {
		both := line.ja
		if line.en != line.ja {
			both += "\n" + line.en
		}
		put(b.styles.quiet, both)
		b.do(b.SetRowHeight(s, row, float64(15*(wrapped(line.ja, room)+wrapped(line.en, room)))))
	}
	b.headRow = row + 2
}

func (b *book) cell(c *wire.Cell, row, keys, columns int) {
	s := sheetTable
	if len(b.r.Dims) == 0 {
		b.set(s, 1, row, b.styles.text, everyone.in(Both))
	}
	for j, d := range b.r.Dims {
		b.set(s, j+1, row, b.styles.text, plain(valueLabel(d.Name, c.Key[d.Name]).in(Both)))
	}
	if c.Status != wire.Released {
		for col := keys + 1; col <= columns; col++ {
			b.set(s, col, row, b.styles.withheld, nil)
		}
		b.set(s, keys+1, row, b.styles.withheld, withheldFull.in(Both))
		return
	}
	b.set(s, keys+1, row, b.styles.text, "公開 released")
	b.numbers(keys+2, row, b.styles.number, c.Users)
	if !hasIndex(b.r) {
		b.amounts(keys+5, row, b.styles.number, b.styles.decimals, &b.styles.rates, &c.Amounts)
		return
	}
	if c.Index == nil {
		for col := keys + 5; col <= columns; col++ {
			b.set(s, col, row, b.styles.text, "—")
		}
		return
	}
	for j, v := range []float64{c.Index.Value, c.Index.Low, c.Index.High} {
		b.set(s, keys+5+j, row, b.styles.ratio, v)
	}
}

// amount writes a number of a measure, or in thousandths its decimals.
func (b *book) amount(name string, col, row, style, decimals int, n *wire.Number) {
	if !inThousandths(name) {
		b.numbers(col, row, style, n)
		return
	}
	for j, v := range []int64{n.Value, n.Low, n.High} {
		b.set(sheetTable, col+j, row, decimals, float64(v)/1000)
	}
}

func (b *book) numbers(col, row, style int, n *wire.Number) {
	for j, v := range []int64{n.Value, n.Low, n.High} {
		b.set(sheetTable, col+j, row, style, v)
	}
}

// amounts writes the measures and rates of a row, each with its interval, from
// a column on; only a report without an index has any.
func (b *book) amounts(col, row, style, decimals int, rates *[money + 1]int, a *wire.Amounts) {
	for _, name := range b.r.Measures {
		if n := a.Sums[name]; n != nil {
			b.amount(name, col, row, style, decimals, n)
		}
		col += 3
	}
	for _, name := range b.r.Rates {
		if x := a.Rates[name]; x != nil {
			for j, v := range []float64{x.Value, x.Low, x.High} {
				b.set(sheetTable, col+j, row, rates[kindOf(name)], v)
			}
		}
		col += 3
	}
}

func (b *book) sumRows(row, keys, columns int) {
	for _, line := range sums(b.r) {
		for col := 1; col <= columns; col++ {
			b.set(sheetTable, col, row, b.styles.sum, nil)
		}
		b.set(sheetTable, 1, row, b.styles.sum, line.label.in(Both))
		if line.Users != nil {
			b.set(sheetTable, keys+1, row, b.styles.sum, "公開 released")
			b.numbers(keys+2, row, b.styles.sumNumber, line.Users)
			b.amounts(keys+5, row, b.styles.sumNumber, b.styles.sumDecimals, &b.styles.sumRates, &line.Amounts)
		} else {
			b.set(sheetTable, keys+1, row, b.styles.withheld, withheldFull.in(Both))
		}
		row++
	}
}

// about writes the second sheet.
func (b *book) about() {
	s := sheetAbout
	_, err := b.NewSheet(s)
	b.do(err)
	b.width(s, 1, 26)
	b.width(s, 2, 70)
	b.width(s, 3, 70)
	row := 1
	line := func(name text, ja, en any) {
		b.set(s, 1, row, b.styles.label, name.in(Both))
		b.set(s, 2, row, b.styles.wrap, ja)
		b.set(s, 3, row, b.styles.wrap, en)
		// A wrapped row does not grow by itself in every program.
		lines := max(wrapped(name.in(Both), 22), wrapped(ja, 64), wrapped(en, 64))
		b.do(b.SetRowHeight(s, row, float64(18*lines)))
		row++
	}
	if b.r.Privacy.Practice {
		b.set(s, 1, row, b.styles.practice, practiceNote.in(Both))
		row++
	}
	t := title(b.r)
	line(text{"質問", "question"}, t.ja, t.en)
	for _, d := range details(b.r) {
		line(text{}, d.ja, d.en)
	}
	o := origin(b.r)
	line(text{"委託・日時", "entrustment, time"}, o.ja, o.en)
	for _, f := range facts(b.r) {
		line(f.name, f.is.ja, f.is.en)
	}
	for _, f := range parameterFacts(&b.r.Privacy) {
		line(text{f.name, ""}, f.figure, f.means.in(Both))
	}
	q, err := asked(b.r.Question)
	b.do(err)
	line(text{"質問（JSON）", "question as JSON"}, q, nil)
	known, err := receiptFacts(b.r)
	b.do(err)
	for _, f := range known {
		line(f.name, f.is.ja, f.is.en)
	}
	line(text{"用語", "glossary"},
		"誤差範囲（95％）は、雑音の分布から求めた95％信頼区間です。標本の偏りは含みません。",
		"The interval is the 95 % confidence interval of the noise. It holds no sampling bias.")
	b.pages(s)
}

// wrapped gives the lines that a cell takes in a column so many half-width
// characters wide.
func wrapped(v any, chars int) int {
	s, ok := v.(string)
	if !ok {
		return 1
	}
	return 1 + width(s)/chars
}

// print says what of the table's sheet is printed.
func (b *book) print(name, ref string) {
	b.do(b.SetDefinedName(&excelize.DefinedName{Name: name, RefersTo: ref, Scope: sheetTable}))
}

// pages fits a sheet to the width of one A4 page.
func (b *book) pages(sheet string) {
	fit, size, wide, tall := true, 9, 1, 0
	landscape := "landscape"
	b.do(b.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &fit}))
	b.do(b.SetPageLayout(sheet, &excelize.PageLayoutOptions{Size: &size, Orientation: &landscape, FitToWidth: &wide, FitToHeight: &tall}))
}

// properties fixes what would else differ from run to run.
func (b *book) properties() {
	at := b.r.ReleasedAt
	b.do(b.SetDocProps(&excelize.DocProperties{
		Creator: "Awase", LastModifiedBy: "Awase", Title: documentTitle(b.r),
		Created: at, Modified: at, Language: "ja-JP",
	}))
	// A chart adds the image types of a map, in the map's order.
	types := b.ContentTypes.Defaults
	sort.Slice(types, func(i, j int) bool { return types[i].Extension < types[j].Extension })
}

// origin names the entrustment, its version, the list's rows and the time.
func origin(r *wire.Release) text {
	at := moment(r.ReleasedAt)
	t := text{
		fmt.Sprintf("委託 %s 第%d版 · %s", r.Entrustment, r.Version, at.ja),
		fmt.Sprintf("entrustment %s v%d · %s", r.Entrustment, r.Version, at.en),
	}
	if r.ListRows > 0 {
		t.ja += fmt.Sprintf(" · リスト %s 行", thousands(r.ListRows))
		t.en += fmt.Sprintf(" · list of %s rows", thousands(r.ListRows))
	}
	return text{plain(t.ja), plain(t.en)}
}
