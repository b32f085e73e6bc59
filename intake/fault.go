package intake

import "awase/intake/table"

// fault refuses a file whole.
func fault(sort table.Sort, place, detail, mend string) error {
	return table.Fault(sort, place, detail, mend)
}

// rowPlace names a row and, if given, a column of a file.
func rowPlace(name string, row int64, col string) string { return table.Place(name, row, col) }

// show gives a column name fit for one line of a message.
func show(name string) string { return table.Show(name) }
