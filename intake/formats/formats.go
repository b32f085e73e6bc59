// Package formats names every format that lists, bases and logs may come in.
package formats

import (
	"awase/intake/parquet"
	"awase/intake/sheet"
	"awase/intake/table"
)

// All gives the formats read besides text: for intake.Options.Formats.
func All() []table.Format { return []table.Format{parquet.Format, sheet.Format} }
