package render

import (
	"bytes"
	_ "embed" // the page
	"encoding/csv"
	"fmt"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"awase/enclave/wire"
	"awase/entrustment"
)

//go:embed evidence.html
var evidencePage string

var evidenceTemplate = sync.OnceValues(func() (*template.Template, error) { return template.New("evidence").Parse(evidencePage) })

// pageCell is a cell of a page, and of which class it is: what breaks a line where.
type pageCell struct{ Text, Class string }

// aDay is a day alone, or a moment as pages write it.
var aDay = regexp.MustCompile(`^(\d{4}-\d\d-\d\d( – \d{4}-\d\d-\d\d)?|\d{4}年.* \d\d:\d\d|\d{1,2} [A-Z][a-z]{2} \d{4}, .*JST)$`)

// aName is a short word, as ids and codes are: its hyphens are no place to break it.
var aName = regexp.MustCompile(`^[!-~]{1,28}$`)

// aCode is a hash or a key.
var aCode = regexp.MustCompile(`^[!-~]{40,}$`)

func cellOf(s string) pageCell {
	switch {
	case aDay.MatchString(s), aName.MatchString(s):
		return pageCell{s, "whole"}
	case aCode.MatchString(s):
		return pageCell{s, "code"}
	case len([]rune(s)) > 32:
		return pageCell{s, "long"}
	}
	return pageCell{s, ""}
}

// evidenceHTML writes the page in one language.
func evidenceHTML(d *dossier, l Lang) ([]byte, error) {
	t, err := evidenceTemplate()
	if err != nil {
		return nil, fmt.Errorf("reading the page of evidence: %w", err)
	}
	type section struct {
		Title, Note string
		Prose       bool
		Heads       []string
		Rows        [][]pageCell
	}
	type named struct {
		Name string
		Is   pageCell
	}
	page := struct {
		Lang                                         Lang
		Title, None, OtherFile, OtherLang, OtherName string
		Lead                                         []string
		Facts                                        []named
		Sections                                     []section
	}{Lang: l, Title: d.title.in(l), None: text{"ありません。", "None."}.in(l), OtherFile: pageEnglish, OtherLang: string(English), OtherName: "English"}
	if l == English {
		page.OtherFile, page.OtherLang, page.OtherName = pageJapanese, string(Japanese), "日本語"
	}
	for _, p := range d.lead {
		page.Lead = append(page.Lead, p.in(l))
	}
	for _, f := range d.facts {
		page.Facts = append(page.Facts, named{f.name.in(l), cellOf(f.is.in(l))})
	}
	for i := range d.sections {
		s := &d.sections[i]
		one := section{Title: s.title.in(l), Note: s.note.in(l), Prose: s.prose}
		for _, h := range s.heads {
			one.Heads = append(one.Heads, h.in(l))
		}
		for _, r := range s.rows {
			row := make([]pageCell, len(r))
			for i, t := range r {
				row[i] = cellOf(t.in(l))
			}
			one.Rows = append(one.Rows, row)
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
	rows := [][]string{{"log_entry", "at", "entrustment", "version", "from", "to", "country", "ground", "ground_evidence", "kind", "items", "basis", "basis_evidence", "keep_until"}}
	for i := range f.Provisions {
		p := &f.Provisions[i]
		rows = append(rows, []string{strconv.FormatInt(p.Seq, 10), p.At, p.Entrustment, strconv.Itoa(p.Version), p.From, p.To, p.Country.Country, string(p.Country.Ground), p.Country.Evidence,
			p.Kind, strings.Join(p.Items, "; "), basisCodes(p.Basis), basisEvidence(p.Basis), p.Keep.String()})
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

// basisCodes and basisEvidence give the ground of each party as contracts have it, and
// the hash of the document that shows it.
func basisCodes(all []entrustment.Basis) string {
	words := make([]string, len(all))
	for i, b := range all {
		words[i] = b.Party + ": " + string(b.Code)
		if b.Policy != "" {
			words[i] += " " + b.Policy
		}
		if len(b.Clauses) > 0 {
			words[i] += " §" + strings.Join(b.Clauses, ", §")
		}
	}
	return strings.Join(words, "; ")
}

func basisEvidence(all []entrustment.Basis) string {
	words := make([]string, len(all))
	for i, b := range all {
		words[i] = b.Party + ": " + b.Evidence
	}
	return strings.Join(words, "; ")
}
