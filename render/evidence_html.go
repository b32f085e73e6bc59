package render

import (
	"bytes"
	_ "embed" // the page
	"encoding/csv"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"sync"

	"awase/enclave/wire"
)

//go:embed evidence.html
var evidencePage string

var evidenceTemplate = sync.OnceValues(func() (*template.Template, error) { return template.New("evidence").Parse(evidencePage) })

// evidenceHTML writes the page in one language.
func evidenceHTML(d *dossier, l Lang) ([]byte, error) {
	t, err := evidenceTemplate()
	if err != nil {
		return nil, fmt.Errorf("reading the page of evidence: %w", err)
	}
	type section struct {
		Title, Note string
		Heads       []string
		Rows        [][]string
	}
	page := struct {
		Lang                                         Lang
		Title, None, OtherFile, OtherLang, OtherName string
		Lead                                         []string
		Facts                                        [][2]string
		Sections                                     []section
	}{Lang: l, Title: d.title.in(l), None: text{"ありません。", "None."}.in(l), OtherFile: pageEnglish, OtherLang: string(English), OtherName: "English"}
	if l == English {
		page.OtherFile, page.OtherLang, page.OtherName = pageJapanese, string(Japanese), "日本語"
	}
	for _, p := range d.lead {
		page.Lead = append(page.Lead, p.in(l))
	}
	for _, f := range d.facts {
		page.Facts = append(page.Facts, [2]string{f.name.in(l), f.is.in(l)})
	}
	in := func(all []text) []string {
		out := make([]string, len(all))
		for i, t := range all {
			out[i] = t.in(l)
		}
		return out
	}
	for i := range d.sections {
		s := &d.sections[i]
		one := section{Title: s.title.in(l), Note: s.note.in(l), Heads: in(s.heads)}
		for _, r := range s.rows {
			one.Rows = append(one.Rows, in(r))
		}
		page.Sections = append(page.Sections, one)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return nil, fmt.Errorf("writing evidence as HTML: %w", err)
	}
	return b.Bytes(), nil
}

// provisionsCSV writes the records of provision for programs, as RFC 4180 has it.
func provisionsCSV(f *wire.EvidenceFile) ([]byte, error) {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	rows := [][]string{{"log_entry", "at", "entrustment", "version", "from", "to", "country", "ground", "ground_evidence", "kind", "items", "basis", "keep_until"}}
	for i := range f.Provisions {
		p := &f.Provisions[i]
		rows = append(rows, []string{strconv.FormatInt(p.Seq, 10), p.At, p.Entrustment, strconv.Itoa(p.Version), p.From, p.To, p.Country.Country, string(p.Country.Ground), p.Country.Evidence,
			p.Kind, strings.Join(p.Items, "; "), basisWords(p.Basis), p.Keep.String()})
	}
	for _, r := range rows {
		for i := range r {
			r[i] = safeCell(plain(r[i]))
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("writing records of provision as CSV: %w", err)
	}
	return b.Bytes(), nil
}
