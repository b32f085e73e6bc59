// Package sheet reads Excel workbooks (.xlsx, .xlsm) for package intake, over
// excelize.
//
//	archive checked whole ─▶ excelize, all in memory ─▶ first sheet with rows,
//	(sizes, checksums)       (nothing on disk)          one row at a time
//
// The library passes over damage in silence: a wrong checksum, a sheet that
// breaks off, a row of a million cells. So the archive and the sheet are looked
// through before it sees them, and what is wrong is a fault with its place.
//
// A cell is given as it is stored, not as it is shown: a phone number that
// Excel shows as 8.19012E+11 has all its digits. Dates are stored as numbers
// and given as YYYY-MM-DD. Of a formula the stored result is given; nothing is
// calculated.
package sheet

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"awase/intake/table"
)

const (
	// maxUnpacked bounds all parts of a workbook together, unpacked. It holds the
	// million rows that a sheet can have, with several columns of text.
	maxUnpacked = 512 << 20
	// maxPart bounds a part that is neither a sheet nor the text table: those
	// the library makes structures of, many times their size.
	maxPart = 32 << 20
	// maxTags bounds the text table the same way: 4 M texts.
	maxTags = 16 << 20
	// maxDirectory bounds the archive's directory, in entries.
	maxDirectory = 10_000
)

const (
	mendSave = "open the workbook in Excel and save it again, or save the sheet as CSV UTF-8"
	mendCSV  = "save the sheet as CSV UTF-8"
)

// Format reads Excel workbooks.
var Format = table.Format{
	Name:  "Excel",
	Magic: []string{"PK\x03\x04"},
	Is:    isWorkbook,
	Open: func(src io.ReaderAt, size int64, o table.Options) (table.Source, error) {
		s, err := open(src, size, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

// source reads one sheet.
type source struct {
	name    string // of the file, for messages
	max     int    // longest row, in bytes
	size    int64
	book    *excelize.File
	plan    layout
	raw     *excelize.Rows
	shown   *excelize.Rows // nil: no cell of the workbook is a date
	date04  bool
	header  []string
	picked  []int
	row     int // of the sheet, from 1
	notices []string
}

func open(src io.ReaderAt, size int64, o table.Options) (s *source, err error) {
	s = &source{name: o.Name, max: o.MaxRow, size: size}
	defer s.rescue("workbook", &err)
	archive, err := readArchive(src, size, o.Name)
	if err != nil {
		return nil, err
	}
	if err := checkParts(archive, o.Name); err != nil {
		return nil, err
	}
	s.book, err = excelize.OpenReader(io.NewSectionReader(src, 0, size), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked, ShortDatePattern: "yyyy-mm-dd"})
	if err != nil {
		return nil, table.Fault(table.SortDamaged, o.Name, "the workbook can't be read", mendSave)
	}
	props, err := s.book.GetWorkbookProps()
	if err != nil {
		return nil, table.Fault(table.SortDamaged, o.Name, "the workbook can't be read", mendSave)
	}
	s.date04 = props.Date1904 != nil && *props.Date1904
	if err := s.choose(archive); err != nil {
		return nil, err
	}
	return s, s.readHeader()
}

// choose takes the first sheet that shows and has rows.
func (s *source) choose(archive *zip.Reader) error {
	paths, err := sheetPaths(archive)
	if err != nil {
		return table.Fault(table.SortDamaged, s.name, "the workbook doesn't say where its sheets are", mendSave)
	}
	chosen, others := "", []string(nil)
	for _, sheet := range s.book.GetSheetList() {
		shows, err := s.book.GetSheetVisible(sheet)
		if err != nil {
			return table.Fault(table.SortDamaged, s.name, "the workbook can't be read", mendSave)
		}
		xml, ok := s.book.Pkg.Load(paths[sheet])
		if !ok {
			continue // a chart
		}
		content, _ := xml.([]byte)
		plan, err := look(content)
		if plan.rows == 0 && err == nil {
			continue
		}
		if chosen != "" || !shows {
			others = append(others, table.Show(sheet))
			continue
		}
		if err != nil {
			return s.sheetFault(sheet, plan, err)
		}
		chosen, s.plan = sheet, plan
	}
	if chosen == "" {
		if len(others) > 0 {
			return table.Fault(table.SortHidden, s.name, "the sheets that have rows are hidden: "+list(others), "unhide the one to read")
		}
		return table.Fault(table.SortNoRows, s.name, "the workbook has no rows", "export it again with a header line and its rows")
	}
	if len(others) > 0 {
		s.notices = append(s.notices, fmt.Sprintf("sheet %s is read; not read: %s", table.Show(chosen), list(others)))
	}
	if s.plan.bare > 0 {
		s.notices = append(s.notices, fmt.Sprintf("%d formulas have no stored result and are read as empty: open the workbook in Excel and save it", s.plan.bare))
	}
	if s.raw, err = s.book.Rows(chosen); err != nil {
		return table.Fault(table.SortDamaged, s.name+", sheet "+table.Show(chosen), "the sheet can't be read", mendSave)
	}
	if styled(s.book) {
		if s.shown, err = s.book.Rows(chosen); err != nil {
			return table.Fault(table.SortDamaged, s.name+", sheet "+table.Show(chosen), "the sheet can't be read", mendSave)
		}
	}
	return nil
}

// list names sheets, the first ten.
func list(names []string) string {
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + fmt.Sprintf(" and %d more", len(names)-10)
	}
	return strings.Join(names, ", ")
}

func (s *source) sheetFault(sheet string, plan layout, err error) error {
	place := fmt.Sprintf("%s, sheet %s", s.name, table.Show(sheet))
	if plan.last > 0 {
		place += fmt.Sprintf(", row %d", plan.last)
	}
	if errors.Is(err, errWide) {
		return table.Fault(table.SortLongRow, place, fmt.Sprintf("the row has more than %d cells", table.MaxColumns), mendSave)
	}
	return table.Fault(table.SortDamaged, place, "the sheet is cut short or damaged", mendSave)
}

// readHeader takes the names from the first row with anything in it.
func (s *source) readHeader() error {
	for {
		cells, err := s.next()
		if errors.Is(err, io.EOF) {
			return table.Fault(table.SortNoRows, s.name, "the workbook has no rows", "export it again with a header line and its rows")
		}
		if err != nil {
			return err
		}
		if empty(cells) {
			continue
		}
		for _, c := range cells {
			s.header = append(s.header, strings.TrimSpace(c))
		}
		for s.header[len(s.header)-1] == "" {
			s.header = s.header[:len(s.header)-1]
		}
		return nil
	}
}

func empty(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// next gives the next row of the sheet.
func (s *source) next() ([]string, error) {
	if !s.raw.Next() {
		if s.raw.Error() != nil || s.row != s.plan.last {
			return nil, s.damaged()
		}
		return nil, io.EOF
	}
	s.row++
	cells, err := s.raw.Columns()
	if err != nil {
		return nil, s.damaged()
	}
	if s.shown != nil {
		if !s.shown.Next() {
			return nil, s.damaged()
		}
		shown, err := s.shown.Columns(excelize.Options{ShortDatePattern: "yyyy-mm-dd", UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
		if err != nil {
			return nil, s.damaged()
		}
		for i := range min(len(cells), len(shown)) {
			if cells[i] != shown[i] {
				cells[i] = meant(cells[i], shown[i], s.date04)
			}
		}
	}
	size := 0
	for _, c := range cells {
		size += len(c)
	}
	if size > s.max {
		return nil, table.TooLong(s.name, int64(s.row), s.max)
	}
	return cells, nil
}

func (s *source) damaged() error {
	return table.Fault(table.SortDamaged, table.Place(s.name, int64(s.row+1), ""), "the sheet is cut short or damaged", mendSave)
}

// Columns gives the names in the header.
func (s *source) Columns() []string { return s.header }

// Pick picks columns; a sheet has no form that isn't read.
func (s *source) Pick(cols []int) error {
	s.picked = cols
	return nil
}

// Describe names what was left aside.
func (s *source) Describe() table.Form { return table.Form{Format: Format.Name, Notices: s.notices} }

// Next fills c with rows; blank ones are passed over.
func (s *source) Next(c *table.Chunk) (err error) {
	c.Reset(len(s.picked))
	defer s.rescue("row", &err)
	for !c.Full() {
		cells, err := s.next()
		if errors.Is(err, io.EOF) && c.Rows() > 0 {
			break
		}
		if err != nil {
			return err
		}
		if empty(cells) {
			continue
		}
		for _, i := range s.picked {
			if i < len(cells) {
				c.Data = append(c.Data, cells[i]...)
			}
			c.End()
		}
		c.EndRow(int64(s.row), len(cells) > len(s.header) && !empty(cells[len(s.header):]))
	}
	c.Read = s.size * int64(s.row) / int64(max(s.plan.last, 1))
	return nil
}

// rescue turns a panic of the library into a fault.
func (s *source) rescue(where string, err *error) {
	if recover() == nil {
		return
	}
	place := s.name
	if where == "row" {
		place = table.Place(s.name, int64(s.row+1), "")
	}
	*err = table.Fault(table.SortDamaged, place, "the workbook is damaged", mendSave)
}
