package render

import (
	"fmt"

	"github.com/xuri/excelize/v2"
)

// chartHead is the header's row of the sheet behind the pyramid.
const chartHead = 4

// maxChartBars is how many bars of one chart can be read.
const maxChartBars = 60

// bars puts a data bar behind each number of the users column.
func (b *book) bars(col, last int) {
	if last <= b.headRow {
		return
	}
	at := b.at(col, b.headRow+1) + ":" + b.at(col, last)
	b.do(b.SetConditionalFormat(sheetTable, at, []excelize.ConditionalFormatOptions{{
		Type: "data_bar", Criteria: "=", MinType: "num", MinValue: "0", MaxType: "max",
		BarColor: "#9DB7F9", BarSolid: true,
	}}))
}

// barChart draws the users of a table of one dimension right of it.
func (b *book) barChart(keys, last, col int) {
	if last-b.headRow > maxChartBars {
		return
	}
	b.do(b.AddChart(sheetTable, b.at(col, b.headRow), &excelize.Chart{
		Type: excelize.Bar,
		Series: []excelize.ChartSeries{{
			Name:       b.ref(sheetTable, keys+2, b.headRow, keys+2, b.headRow),
			Categories: b.ref(sheetTable, 1, b.headRow+1, 1, last),
			Values:     b.ref(sheetTable, keys+2, b.headRow+1, keys+2, last),
			Fill:       solid(accent),
		}},
		Title:     heading(title(b.r).ja),
		Legend:    excelize.ChartLegend{Position: "none"},
		Dimension: excelize.ChartDimension{Width: 640, Height: uint(160 + 22*(last-b.headRow))},
		XAxis:     excelize.ChartAxis{ReverseOrder: true},
		YAxis:     excelize.ChartAxis{MajorGridLines: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: "#,##0"}},
		GapWidth:  gap(40),
	}))
}

// pyramid writes the third sheet: the same numbers as a cross table, age by
// gender, and the pyramid they draw. The left side is stored negative, which
// is how a spreadsheet draws to the left; its number format hides the sign.
// A withheld cell is empty in the table and in the drawing.
func (b *book) pyramid(m *pyramid) {
	s := sheetChart
	_, err := b.NewSheet(s)
	b.do(err)
	t := title(b.r)
	row := 1
	if b.r.Privacy.Practice {
		b.set(s, 1, row, b.styles.practice, practiceNote.in(Both))
		row++
	}
	b.set(s, 1, row, b.styles.title, t.ja)
	b.set(s, 1, row+1, b.styles.quiet, "左側の人数は図のために負の値で持ち、符号を表示していません。 Numbers of the left side are stored negative for the chart.")
	numbers := "#,##0;#,##0"
	style, err := b.NewStyle(&excelize.Style{CustomNumFmt: &numbers, Font: &excelize.Font{Family: "Yu Gothic", Size: 11}})
	b.do(err)
	for j, name := range []text{dimLabel(m.ageDim), m.label(0), m.label(1)} {
		b.set(s, j+1, chartHead, b.styles.head, plain(name.ja)+"\n"+plain(name.en))
		b.width(s, j+1, 18)
	}
	b.do(b.SetRowHeight(s, chartHead, 34))
	// Oldest on top in the table, as in the drawing.
	row = chartHead
	for i := len(m.ages) - 1; i >= 0; i-- {
		row++
		b.set(s, 1, row, b.styles.text, plain(valueLabel(m.ageDim, m.ages[i]).in(Both)))
		for side := range 2 {
			n := m.cells[side][i].Users
			if n == nil {
				b.set(s, 2+side, row, b.styles.withheld, nil)
				continue
			}
			v := n.Value
			if side == 0 {
				v = -v
			}
			b.set(s, 2+side, row, style, v)
		}
	}
	series := func(col int, colour string) excelize.ChartSeries {
		return excelize.ChartSeries{
			Name:       b.ref(s, col, chartHead, col, chartHead),
			Categories: b.ref(s, 1, chartHead+1, 1, row),
			Values:     b.ref(s, col, chartHead+1, col, row),
			Fill:       solid(colour),
		}
	}
	overlap := 100
	chart := func() *excelize.Chart {
		return &excelize.Chart{
			Type:      excelize.Bar,
			Series:    []excelize.ChartSeries{series(2, accent), series(3, "#FB5B01")},
			Title:     heading(t.ja),
			Legend:    excelize.ChartLegend{Position: "bottom"},
			Dimension: excelize.ChartDimension{Width: 720, Height: uint(180 + 26*len(m.ages))},
			XAxis:     excelize.ChartAxis{ReverseOrder: true, TickLabelPosition: excelize.ChartTickLabelLow},
			YAxis:     excelize.ChartAxis{MajorGridLines: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: numbers}},
			GapWidth:  gap(15),
			Overlap:   &overlap,
		}
	}
	b.do(b.AddChart(s, b.at(5, chartHead), chart()))
	columns := len(b.r.Dims) + 4
	if hasIndex(b.r) {
		columns += 3
	}
	b.do(b.AddChart(sheetTable, b.at(columns+2, b.headRow), chart()))
	b.pages(s)
}

// ref names a range as formulas do: 'sheet'!$A$1:$B$2.
func (b *book) ref(sheet string, col, row, col2, row2 int) string {
	from, err := excelize.CoordinatesToCellName(col, row, true)
	b.do(err)
	if col == col2 && row == row2 {
		return fmt.Sprintf("'%s'!%s", sheet, from)
	}
	to, err := excelize.CoordinatesToCellName(col2, row2, true)
	b.do(err)
	return fmt.Sprintf("'%s'!%s:%s", sheet, from, to)
}

func solid(colour string) excelize.Fill {
	return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}}
}

func heading(s string) excelize.ChartTitle {
	return excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: s, Font: &excelize.Font{Size: 12}}}}
}

func gap(percent uint) *uint { return &percent }
