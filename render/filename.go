package render

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"awase/enclave/wire"
	"awase/entrustment"
)

// A file's name has at most nameBytes before its ending: no file system takes
// more than 255. A part of it has at most partRunes.
const (
	nameBytes = 200
	partRunes = 40
)

// FileName gives a readable name for a file of r, in Japanese unless lang is
// English: acme-2026-spring_spring_年代・性別別_20261123.xlsx is entrustment,
// list, what was counted, and the day in Japan. It holds letters, digits, ・ - _
// and dots between them, whatever the names in r hold: it can stand in a header
// and is no path. A name of a practice room's file begins with practice_.
func FileName(r *wire.Release, format Format, lang Lang) string {
	report, dims := reportLabel(r.Report), make([]text, len(r.Dims))
	for i, d := range r.Dims {
		dims[i] = dimLabel(d.Name)
	}
	by := join(dims, "・", "-")
	what := []string{report.short(lang)}
	if len(dims) > 0 {
		if r.Report == entrustment.ReportProfile {
			what = nil // what else by age and gender
		}
		if lang == English {
			what = append(what, "by "+by.en)
		} else {
			what = append(what, by.ja+"別")
		}
	}
	return fileName(r, format, what, func(c rune) bool {
		return unicode.IsLetter(c) || unicode.IsMark(c) || unicode.IsDigit(c) || c == '・'
	})
}

// ASCIIFileName is FileName for who reads ASCII alone: the names of the
// documents, without the signs that it lacks.
func ASCIIFileName(r *wire.Release, format Format) string {
	what := []string{r.Report}
	for _, d := range r.Dims {
		what = append(what, d.Name)
	}
	return fileName(r, format, []string{strings.Join(what, "-")}, func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	})
}

// ContentDisposition gives the header by which a browser saves a file of r under
// its FileName, or its ASCIIFileName where it knows no other (RFC 6266).
func ContentDisposition(r *wire.Release, format Format, lang Lang) string {
	var b strings.Builder
	b.WriteString(`attachment; filename="` + ASCIIFileName(r, format) + `"; filename*=UTF-8''`)
	for _, c := range []byte(FileName(r, format, lang)) {
		const hex = "0123456789ABCDEF"
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func fileName(r *wire.Release, format Format, what []string, letter func(rune) bool) string {
	parts := append([]string{r.Entrustment, r.List}, what...)
	if at, err := time.Parse(time.RFC3339, r.ReleasedAt); err == nil {
		parts = append(parts, at.In(entrustment.JST).Format("20060102"))
	}
	if format == CSVSJIS {
		parts = append(parts, "sjis")
	}
	var names []string
	for _, p := range parts {
		if p = filePart(p, letter); p != "" {
			names = append(names, p)
		}
	}
	if len(names) == 0 {
		names = []string{"report"}
	}
	if r.Privacy.Practice {
		names = append([]string{"practice"}, names...)
	}
	ending := ""
	if form, ok := Lookup(format); ok {
		ending = form.Ending
	}
	name := strings.Join(names, "_")
	for ; len(name) > nameBytes; name = strings.Join(names, "_") { // the longest gives way
		i := 0
		for j := range names {
			if len(names[j]) > len(names[i]) {
				i = j
			}
		}
		_, n := utf8.DecodeLastRuneInString(names[i])
		names[i] = strings.TrimRight(names[i][:len(names[i])-n], "-._")
	}
	return name + ending
}

// filePart gives a part of a file's name: letters, and one dash for any others;
// dots stand between letters.
func filePart(s string, letter func(rune) bool) string {
	var out []rune
	for _, c := range norm.NFC.String(strings.ToValidUTF8(s, "-")) {
		last := '-'
		if len(out) > 0 {
			last = out[len(out)-1]
		}
		between := last == '-' || last == '.' || last == '_'
		switch {
		case len(out) == partRunes:
			return strings.Trim(string(out), "-._")
		case letter(c):
			out = append(out, c)
		case between:
		case c == '.' || c == '_':
			out = append(out, c)
		default:
			out = append(out, '-')
		}
	}
	return strings.Trim(string(out), "-._")
}
