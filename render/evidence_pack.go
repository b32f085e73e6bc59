package render

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"awase/entrustment"
)

// Names of files in a pack of evidence.
const (
	EvidenceFile = "evidence.json" // what the enclave signed
	manifestFile = "manifest.json"
	pageJapanese = "index.html"
	pageEnglish  = "index.en.html"
)

// packForm counts the ways in which the files of a pack were made of evidence: only
// the same way gives the same bytes.
const packForm = 3

// Bounds of a pack that is read: anybody may have made it.
const (
	maxPackFiles = 6000
	maxPackFile  = 64 << 20
	maxPackAll   = 128 << 20 // uncompressed
	// MaxPack is how many bytes a pack may have.
	MaxPack = 64 << 20
)

const manifestSchema = "awase.evidence-pack/v1"

// What a file of a pack is.
const (
	isSigned    = "signed"    // by the enclave
	isTaken     = "taken"     // out of what is signed, byte for byte
	isRendering = "rendering" // of what is signed
)

// manifest lists the files of a pack.
type manifest struct {
	Schema string     `json:"schema"`
	Form   int        `json:"form"`
	Files  []manifold `json:"files"`
}

// manifold is one file.
type manifold struct {
	Name   string `json:"name"`
	Is     string `json:"is"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type packed struct {
	name, is string
	data     []byte
}

// packFiles makes the files of a pack of what the enclave signed, and says of when
// it is.
func packFiles(raw []byte) ([]packed, time.Time, error) {
	f, err := readEvidence(raw)
	if err != nil {
		return nil, time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, f.At)
	if err != nil {
		return nil, at, errors.New("the evidence has no time")
	}
	d := dossierOf(f)
	ja, err := evidenceHTML(d, Japanese)
	if err != nil {
		return nil, at, err
	}
	en, err := evidenceHTML(d, English)
	if err != nil {
		return nil, at, err
	}
	sum := sha256.Sum256(f.Key)
	pdf, err := evidencePDF(d, f.At, strings.ReplaceAll(grouped(hex.EncodeToString(sum[:16])), " ", "-"))
	if err != nil {
		return nil, at, err
	}
	csv, err := provisionsCSV(f)
	if err != nil {
		return nil, at, err
	}
	files := []packed{{pageJapanese, isRendering, ja}, {pageEnglish, isRendering, en}, {"evidence.pdf", isRendering, pdf}, {"provisions.csv", isRendering, csv},
		{EvidenceFile, isSigned, raw}, {"checkpoint.txt", isTaken, []byte(f.Checkpoint)}, {"attestation.json", isTaken, []byte(f.Attestation)}}
	for _, e := range f.Ends {
		if err := entrustment.CheckID("entrustment", e.Entrustment); err != nil {
			return nil, at, fmt.Errorf("a certificate in the evidence: %w", err)
		}
		files = append(files, packed{"certificates/" + e.Entrustment + ".json", isTaken, []byte(e.Certificate)})
	}
	m := manifest{Schema: manifestSchema, Form: packForm, Files: []manifold{}}
	for _, p := range files {
		sum := sha256.Sum256(p.data)
		m.Files = append(m.Files, manifold{p.name, p.is, len(p.data), hex.EncodeToString(sum[:])})
	}
	list, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, at, fmt.Errorf("writing the manifest: %w", err)
	}
	return append(files, packed{manifestFile, isRendering, append(list, '\n')}), at, nil
}

// EvidencePack writes a ZIP of evidence for people: what the enclave signed, given
// as raw, with pages in Japanese and English, a PDF and a CSV made of it, and a
// manifest. The same evidence gives the same bytes.
func EvidencePack(w io.Writer, raw []byte) error {
	files, at, err := packFiles(raw)
	if err != nil {
		return fmt.Errorf("packing evidence: %w", err)
	}
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.DefaultCompression) })
	for _, p := range files {
		out, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: at.UTC()})
		if err == nil {
			_, err = out.Write(p.data)
		}
		if err != nil {
			return fmt.Errorf("packing evidence: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("packing evidence: %w", err)
	}
	return nil
}

// A Pack is a pack of evidence that was read, and nothing of it is believed yet.
type Pack struct {
	files map[string][]byte
}

// Evidence gives what the enclave signed, for receipt.VerifyEvidence.
func (p *Pack) Evidence() []byte { return p.files[EvidenceFile] }

// ErrNoPack says that a file is no pack of evidence.
var ErrNoPack = errors.New("it is no pack of evidence")

// ReadPack reads a ZIP of evidence within bounds. The error is ErrNoPack, or a
// sentence that says what is wrong with it.
func ReadPack(data []byte) (*Pack, error) {
	if len(data) > MaxPack {
		return nil, fmt.Errorf("a pack of evidence has at most %d MiB", MaxPack>>20)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == EvidenceFile }) {
		return nil, ErrNoPack
	}
	if len(z.File) > maxPackFiles {
		return nil, fmt.Errorf("it has more than %d files", maxPackFiles)
	}
	p := &Pack{files: map[string][]byte{}}
	all := 0
	for _, f := range z.File {
		if !packName(f.Name) || f.Method != zip.Deflate && f.Method != zip.Store {
			return nil, errors.New("it has a file that no pack has")
		}
		if p.files[f.Name] != nil {
			return nil, fmt.Errorf("it has %s twice", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s can't be read", f.Name)
		}
		most := min(maxPackFile, maxPackAll-all)
		// What a header says of a size is not believed.
		raw, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("%s is damaged", f.Name)
		}
		if len(raw) > most {
			return nil, fmt.Errorf("%s is larger than any file of a pack", f.Name)
		}
		all += len(raw)
		p.files[f.Name] = none(raw)
	}
	return p, nil
}

func none(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// packName tells whether a pack may have a file of a name.
func packName(name string) bool {
	if id, ok := strings.CutPrefix(name, "certificates/"); ok {
		id, ok = strings.CutSuffix(id, ".json")
		return ok && entrustment.CheckID("entrustment", id) == nil
	}
	return slices.Contains([]string{pageJapanese, pageEnglish, "evidence.pdf", "provisions.csv", EvidenceFile, "checkpoint.txt", "attestation.json", manifestFile}, name)
}

// Check holds each file of the pack to what is signed in it: what is taken out of it
// and what is a rendering of it have to be so, byte for byte, and nothing may be
// missing. Where another version made the pack, rendered is false: its renderings
// are only held to its manifest, which nobody signs. The error is a sentence that
// names the file.
func (p *Pack) Check() (rendered bool, err error) {
	var m manifest
	if json.Unmarshal(p.files[manifestFile], &m) != nil || m.Schema != manifestSchema {
		return false, errors.New(manifestFile + " is missing, or is none that this version reads")
	}
	want, _, err := packFiles(p.Evidence())
	if err != nil {
		return false, err
	}
	rendered = m.Form == packForm
	left := maps.Clone(p.files)
	for _, w := range want {
		got, ok := p.files[w.name]
		switch {
		case !ok:
			return false, fmt.Errorf("%s is missing", w.name)
		case (rendered || w.is != isRendering) && !bytes.Equal(got, w.data):
			return false, fmt.Errorf("%s was changed: it is not what %s gives", w.name, EvidenceFile)
		}
		delete(left, w.name)
	}
	if len(left) > 0 {
		return false, fmt.Errorf("%s was added", slices.Min(slices.Collect(maps.Keys(left))))
	}
	for _, l := range m.Files {
		sum := sha256.Sum256(p.files[l.Name])
		if hex.EncodeToString(sum[:]) != l.SHA256 {
			return false, fmt.Errorf("%s is not the file of its manifest", plain(l.Name))
		}
	}
	return rendered, nil
}
