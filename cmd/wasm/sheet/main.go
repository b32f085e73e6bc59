//go:build js && wasm

// Command sheet is the WASM module of every format, XLSX and Parquet too, as
// global awaseSheet. Package desk documents it.
package main

import (
	"awase/cmd/wasm/desk"
	"awase/intake/formats"
)

func main() { desk.Serve("awaseSheet", formats.All()...) }
