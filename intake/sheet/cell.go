package sheet

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// styled tells whether any style of the workbook shows numbers as dates or in
// scientific notation. Only then is each row read twice, once as it is shown.
func styled(book *excelize.File) bool {
	if book.Styles == nil || book.Styles.CellXfs == nil {
		return false
	}
	custom := map[int]bool{}
	if book.Styles.NumFmts != nil {
		for _, f := range book.Styles.NumFmts.NumFmt {
			if f != nil {
				custom[f.NumFmtID] = strings.ContainsAny(strings.ToLower(f.FormatCode), "ydeg")
			}
		}
	}
	for _, x := range book.Styles.CellXfs.Xf {
		if x.NumFmtID == nil {
			continue
		}
		switch id := *x.NumFmtID; {
		case id == 11, id == 48, id >= 14 && id <= 22, id >= 27 && id <= 36, id >= 50 && id <= 58, custom[id]:
			return true
		}
	}
	return false
}

// lastDay is the serial number after 31 December 9999.
const lastDay = 2958466

// meant gives the text of a cell whose stored value is shown in another form.
// A number shown as a date is that day. A number shown in scientific notation
// that ends in zeros may have been read from such a text, which had lost its
// digits: it stays in that notation, and is refused where digits count. Any
// other number is as it is stored, without commas or units.
func meant(raw, shown string, date1904 bool) string {
	v, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return raw
	}
	if exponent(shown) {
		if strings.HasSuffix(raw, "0000") {
			return shown
		}
		return raw
	}
	if v < 1 || v >= lastDay || !datelike(shown) || digitsOf(shown) == digitsOf(raw) {
		return raw
	}
	day, err := excelize.ExcelDateToTime(v, date1904)
	if err != nil {
		return raw
	}
	return day.Format(time.DateOnly)
}

// months begin the names that date formats write.
var months = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// datelike tells 1996/4/1, 1-Apr-96, H8.4.1 and 1996年4月 from 1,234.50 and
// 03-1234.
func datelike(shown string) bool {
	if strings.ContainsAny(shown, "年月/") || strings.Count(shown, "-") > 1 || strings.Count(shown, ".") > 1 {
		return true
	}
	lower := strings.ToLower(shown)
	return slices.ContainsFunc(months, func(m string) bool { return strings.Contains(lower, m) })
}

func exponent(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.ContainsAny(s, "eE")
}

func digitsOf(s string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s), "0")
}
