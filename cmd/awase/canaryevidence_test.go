package main

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"awase/entrustment"
	"awase/render"
)

// evidenceCommands write evidence for each reader and the export of an incident, as
// files that TestCanaries looks into.
func evidenceCommands(name string) [][]string {
	today := entrustment.DateOf(time.Now())
	return [][]string{
		{"evidence", "--vault", "V", "--out", name + "-officers.zip", "acme-2026"},
		{"evidence", "--vault", "V", "--party", "acme", "--out", name + "-acme.zip", "acme-2026"},
		{"incident", "--vault", "V", "--from", today.Add(-1).String(), "--to", today.Add(1).String(), "--out", name + "-incident.zip"},
		{"log", "entries", "--vault", "V", "--all", "--json"},
	}
}

// unpacked gives the files of a ZIP, and what the streams of its PDF say.
func unpacked(data []byte) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		out[f.Name] = raw
		for at := bytes.Index(raw, []byte("\nstream\n")); strings.HasSuffix(f.Name, ".pdf") && at >= 0; at = bytes.Index(raw, []byte("\nstream\n")) {
			raw = raw[at+len("\nstream\n"):]
			if s, err := zlib.NewReader(bytes.NewReader(raw)); err == nil {
				text, err := io.ReadAll(s)
				if err != nil {
					return nil, err
				}
				out[f.Name+" streams"] = append(out[f.Name+" streams"], text...)
			}
		}
	}
	return out, nil
}

// lookInto looks for canaries in a pack of evidence; and, so that it can fail, in the
// same with one planted, which is found in the JSON, the pages and the PDF.
func lookInto(t *testing.T, needles canaries, data []byte, look func(where string, data []byte)) {
	t.Helper()
	files, err := unpacked(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range files {
		look(name, raw)
	}
	if len(files["evidence.pdf streams"]) == 0 || len(files["index.html"]) == 0 || len(files["index.en.html"]) == 0 || len(files["evidence.json"]) == 0 {
		t.Errorf("the pack has %d files", len(files))
	}
	var f map[string]json.RawMessage
	if err := json.Unmarshal(files["evidence.json"], &f); err != nil {
		t.Fatal(err)
	}
	// A party of that name would be there.
	var parties []map[string]any
	if err := json.Unmarshal(f["parties"], &parties); err != nil {
		t.Fatal(err)
	}
	parties[0]["id"] = canaryEmail(9)
	f["parties"], _ = json.Marshal(parties)
	raw, err := json.Marshal(f)
	var b bytes.Buffer
	if err = errors.Join(err, render.EvidencePack(&b, raw)); err != nil {
		t.Fatal(err)
	}
	if files, err = unpacked(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"evidence.json", "index.html", "index.en.html", "evidence.pdf streams"} {
		if !needles.in(files[name]) {
			t.Errorf("a canary in %s is not found", name)
		}
	}
}
