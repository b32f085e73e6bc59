package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"awase/enclave/wire"
	"awase/entrustment"
)

// checkReplaced refuses to write a report over a file that is none: a list named
// by mistake would be gone. An empty file and one that isn't there are no loss.
func checkReplaced(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fileError(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fileError(path, err)
	}
	if st.Size() == 0 || isReport(f, st.Size(), strings.ToLower(filepath.Ext(path))) {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeFile, Field: "out", Detail: fmt.Sprintf("%s is there already and is no earlier report", filepath.Base(path)),
		Mend: "name another file, or replace this one with --force"}
}

// reportBytes is more than any report takes.
const reportBytes = 64 << 20

// isReport tells a file that awase report wrote, or one of its form, by what it
// begins with.
func isReport(f io.ReaderAt, size int64, ext string) bool {
	switch ext {
	case ".xlsx":
		z, err := zip.NewReader(f, size)
		if err != nil {
			return false
		}
		core, err := z.Open("docProps/core.xml")
		if err != nil {
			return false
		}
		defer core.Close()
		text, err := io.ReadAll(io.LimitReader(core, 1<<16))
		return err == nil && bytes.Contains(text, []byte("creator>Awase<"))
	case ".json":
		d := json.NewDecoder(io.NewSectionReader(f, 0, size))
		for _, want := range []json.Token{json.Delim('{'), "schema", wire.ReleaseSchema} {
			if got, err := d.Token(); err != nil || got != want {
				return false
			}
		}
		return true
	}
	// The writer, and what only our files name, stand somewhere in these.
	begins, names := "", ""
	switch ext {
	case ".pdf":
		begins, names = "%PDF-", "/Producer (Awase)"
	case ".parquet":
		begins, names = "PAR1", "awase.schema"
	case ".arrow":
		begins, names = "ARROW1", "awase.schema"
	}
	if begins != "" {
		if size > reportBytes {
			return false
		}
		all, err := io.ReadAll(io.NewSectionReader(f, 0, size))
		return err == nil && bytes.HasPrefix(all, []byte(begins)) && bytes.Contains(all, []byte(names))
	}
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	line, _, _ := bytes.Cut(head[:n], []byte("\r\n"))
	line = bytes.TrimPrefix(line, []byte("\uFEFF"))
	return bytes.HasPrefix(line, []byte("kind,")) && bytes.Contains(line, []byte(",status,users,low,high"))
}
