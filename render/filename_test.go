package render

import (
	"mime"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"awase/enclave/wire"
)

func TestFileNames(t *testing.T) {
	practice := profileSample(false)
	practice.Privacy.Practice = true
	late := overlapSample()
	late.ReleasedAt = "2026-11-23T15:00:00Z" // the next day in Japan
	none := &wire.Release{}
	for _, c := range []struct {
		of             *wire.Release
		format         Format
		ja, en, simple string
	}{
		{profileSample(true), XLSX, "acme-2026-spring_spring_年代・性別別_20261123.xlsx", "acme-2026-spring_spring_by-age-gender_20261123.xlsx", "acme-2026-spring_spring_profile-age_band-gender_20261123.xlsx"},
		{practice, PDF, "practice_acme-2026-spring_spring_年代・性別別_20261123.pdf", "practice_acme-2026-spring_spring_by-age-gender_20261123.pdf", "practice_acme-2026-spring_spring_profile-age_band-gender_20261123.pdf"},
		{late, CSVSJIS, "acme-2026-spring_spring_重なり_突合に使った識別子別_20261124_sjis.csv", "acme-2026-spring_spring_Overlap_by-identifier-matched_20261124_sjis.csv", "acme-2026-spring_spring_overlap-matched_by_20261124_sjis.csv"},
		{wideSample(), Parquet, "acme-2026-spring_spring_店舗・会員ランク別_20261123.parquet", "acme-2026-spring_spring_by-店舗-tier_20261123.parquet", "acme-2026-spring_spring_profile-tier_20261123.parquet"},
		{bareSample(), Arrow, "acme-2026-spring_spring-31m_配信対象の規模_20261123.arrow", "acme-2026-spring_spring-31m_Audience-size_20261123.arrow", "acme-2026-spring_spring-31m_size_20261123.arrow"},
		{none, JSON, "report.json", "report.json", "report.json"},
	} {
		for name, got := range map[string]string{c.ja: FileName(c.of, c.format, Both), c.en: FileName(c.of, c.format, English), c.simple: ASCIIFileName(c.of, c.format)} {
			if got != name {
				t.Errorf("%s is %q, want %q", c.format, got, name)
			}
		}
	}
	if got, want := ContentDisposition(profileSample(true), CSV, Both), `attachment; filename="acme-2026-spring_spring_profile-age_band-gender_20261123.csv"; filename*=UTF-8''acme-2026-spring_spring_%E5%B9%B4%E4%BB%A3%E3%83%BB%E6%80%A7%E5%88%A5%E5%88%A5_20261123.csv`; got != want {
		t.Errorf("the header is %s", got)
	}
}

// TestFileNamesAreSafe: whatever the names in a release, a file's name is one
// file's name, one header's value, and what it was.
func TestFileNamesAreSafe(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"../../etc/passwd", `..\..\x`, "a\r\nSet-Cookie: x", `"; filename="evil.exe`, "\u202efdp.exe", ".hidden", "CON", "a b%20c", "éか\u3099", strings.Repeat("あ", 300), strings.Repeat("long", 90), "\xff\xfe",
	}))
	rapid.Check(t, func(t *rapid.T) {
		r := &wire.Release{Entrustment: word.Draw(t, "entrustment"), List: word.Draw(t, "list"), Report: word.Draw(t, "report"), ReleasedAt: rapid.SampledFrom([]string{"2026-11-23T05:05:00Z", "x\r\n"}).Draw(t, "at")}
		for range rapid.IntRange(0, 4).Draw(t, "dims") {
			r.Dims = append(r.Dims, wire.Dim{Name: word.Draw(t, "dim")})
		}
		r.Privacy.Practice = rapid.Bool().Draw(t, "practice")
		form := rapid.SampledFrom(Formats()).Draw(t, "format")
		lang := rapid.SampledFrom([]Lang{Both, Japanese, English}).Draw(t, "lang")
		name, simple := FileName(r, form.Format, lang), ASCIIFileName(r, form.Format)
		for _, s := range []string{name, simple} {
			base := strings.TrimSuffix(s, form.Ending)
			switch {
			case !utf8.ValidString(s), len(s) > 240, base == "", base == s, s[0] == '.', s[0] == '-',
				filepath.Base(s) != s, path.Clean(s) != s,
				strings.Contains(s, ".."), strings.ContainsAny(s, "/\\:*?\"<>|%'; \t\r\n"),
				strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }):
				t.Fatalf("the name %q", s)
			}
			if r.Privacy.Practice && !strings.HasPrefix(s, "practice_") {
				t.Fatalf("nothing in %q says practice", s)
			}
			if got, err := ParseFormat(s); err != nil || MediaType(got)[:8] != form.MediaType[:8] {
				t.Fatalf("%q is read as %q, %v", s, got, err)
			}
		}
		if r.ReleasedAt[0] == '2' && !strings.Contains(name, "20261123") {
			t.Fatalf("%q lost its day", name)
		}
		if strings.ContainsFunc(simple, func(c rune) bool { return c > unicode.MaxASCII }) {
			t.Fatalf("%q is not ASCII", simple)
		}
		kind, values, err := mime.ParseMediaType(ContentDisposition(r, form.Format, lang))
		if err != nil || kind != "attachment" || values["filename"] != name {
			t.Fatalf("the header is read as %s %v, %v; want %s", kind, values, err, name)
		}
	})
}
