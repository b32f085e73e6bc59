//go:build js && wasm

// Command text is the WASM module of CSV, TSV and TXT, as global awaseText. It
// links no library of spreadsheets or Parquet: those are in module sheet, which
// a page loads when it is given such a file. Package desk documents both.
package main

import "awase/cmd/wasm/desk"

func main() { desk.Serve("awaseText") }
