// Package intake turns a file of people into typed rows at the desk of whoever
// owns it: names and addresses stop here, identifiers become hashes, attributes
// become codes of a closed domain.
//
//	file ─▶ detect ─▶ decode ─▶ parse ─▶ chunks ─▶ normalise, hash, band ─▶ seal.Row
//	         CSV       UTF-8      scan     4,096     one worker a processor    in file
//	         Parquet   CP932      pages    rows                                order
//	                   UTF-16
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
// No message, report or error of this package holds the value of a cell. A
// column's name is shown only where the first line is plainly a header.
package intake
