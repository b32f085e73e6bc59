// Package intake turns a file of people into typed rows at the desk of whoever
// owns it: names and addresses stop here, identifiers become hashes, attributes
// become codes of a closed domain.
//
//	file ─▶ unpack ─▶ detect ─▶ parse ─▶ chunks ─▶ normalise, hash, band ─▶ seal.Row
//	         gzip      text      scan     1,024     one worker a processor    in file
//	         zstd      Parquet   pages    rows                                order
//	         zip       Excel     rows
//
// Everything is told by content, never by a file's name. Text (CSV, TSV, one
// identifier a line; UTF-8, CP932, UTF-16 with a byte order mark) is read here,
// as a stream, in memory that doesn't grow with the file. Parquet and Excel are
// read by packages of their own, which a caller names in Options.Formats: see
// package table for why. What is unpacked is bounded in ratio and size, and no
// file is ever written, not even a temporary one.
//
// Propose looks at the first 1,000 rows and says what each column seems to be,
// how sure that is, and why.
//
// Faults are of two sorts. A fault of the file (damaged Parquet, an over-long
// line, a column that nothing is said about) refuses it whole: it is an
// *entrustment.Error with CodeFile, its place and its mend, and nothing that
// was read may be kept. A fault of a row (a number that is none, a hash of a
// wrong length) is in the Report, and the file goes on.
//
// Rows are named by the line they start on, as an editor shows it: the header
// is line 1, and a quoted cell may span lines. Parquet has no lines; its rows
// are counted from 1.
//
// No message, report or error of this package holds the value of a cell; the
// masked samples of a Proposal are for the screen of whoever owns the file. A
// column's name is shown only where the first line is plainly a header.
package intake
