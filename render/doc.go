// Package render writes a released table for people and programs: to the
// terminal, and to files.
//
//	wire.Release ──Write──▶ .xlsx .pdf .csv .parquet .arrow .json    the same release, the same bytes
//	             ──FileName──▶ what to call the file
//	             ──Terminal──▶ tables, bars, a population pyramid
//	wire.Price   ──Price──▶ what a question would cost
//	.json        ──ReadRelease──▶ wire.Release, for the other forms offline
//
// All forms carry the same content; docs/reports.md says what each holds. A
// withheld cell never shows a number: a release that holds one is refused whole,
// before the first byte is written. A release of a practice room says so in every
// form. Japanese comes first, English stands beside it.
package render
