// Package render writes a released table for people: to the terminal, and to
// CSV, XLSX and JSON files.
//
//	wire.Release ──Write──▶ .csv .xlsx .json      the same release, the same bytes
//	             ──Terminal──▶ tables, bars, a population pyramid
//	wire.Price   ──Price──▶ what a question would cost
//
// All forms carry the same content. A withheld cell never shows a number: a
// release that holds one is refused whole, before the first byte is written.
// Japanese comes first, English stands beside it.
package render
