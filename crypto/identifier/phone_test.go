package identifier

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// viaLibrary is e164Of without its two short cuts: NFKC always, and
// libphonenumber always.
func (n *Normaliser) viaLibrary(raw []byte) ([]byte, Repair, *Error) {
	d, rep, err := n.dial(norm.NFKC.Bytes(raw))
	if err != nil {
		return nil, rep, err
	}
	text, r, err := n.general(d)
	return text, rep | r, err
}

// sameAsLibrary fails unless both paths agree on the text, on whether there is
// one, and on what was mended in the number itself.
func sameAsLibrary(t interface{ Fatalf(string, ...any) }, a, b *Normaliser, raw string) {
	got, gotRep, gotErr := a.e164Of([]byte(raw))
	want, wantRep, wantErr := b.viaLibrary([]byte(raw))
	const inText = RepairWidth | RepairSpace | RepairInvisible | RepairSeparators
	switch {
	case (gotErr == nil) != (wantErr == nil):
		t.Fatalf("%q: fast %q (%v), library %q (%v)", raw, got, gotErr, want, wantErr)
	case gotErr != nil:
		if gotErr.Reason != wantErr.Reason {
			t.Fatalf("%q: fast refuses with %s, library with %s", raw, gotErr.Reason, wantErr.Reason)
		}
	case string(got) != string(want) || gotRep&^inText != wantRep&^inText:
		t.Fatalf("%q: fast %q (%v), library %q (%v)", raw, got, gotRep, want, wantRep)
	}
}

var separators = []string{
	"", "", "", "-", " ", "(", ")", ".", "‐", "‑", "‒", "–", "—", "―", "−", "ー", "ｰ", "－", "　", "（", "）", "\u00a0", "／", "・", "\u200b",
}

func widen(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xFEE0
		}
		return r
	}, s)
}

// TestUsualEqualsLibrary is the proof that the fast path may be used: on
// numbers near the usual forms it gives what libphonenumber gives.
func TestUsualEqualsLibrary(t *testing.T) {
	for _, region := range []string{"JP", "US", "IT", NoRegion} {
		t.Run(region, func(t *testing.T) {
			a, err := New(region)
			if err != nil {
				t.Fatal(err)
			}
			b, err := New(region)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				head := rapid.SampledFrom([]string{
					"", "0", "00", "010", "+", "+81", "+810", "+8100", "81", "810", "0081", "01081", "010810", "+1", "1", "+0",
				}).Draw(t, "head")
				area := rapid.SampledFrom([]string{
					"", "90", "80", "70", "60", "50", "20", "40", "3", "6", "11", "45", "120", "570", "800", "990", "77", "88", "0",
				}).Draw(t, "area")
				tail := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), 0, 12, -1).Draw(t, "tail")
				var raw strings.Builder
				for _, c := range head + area + tail {
					raw.WriteRune(c)
					raw.WriteString(rapid.SampledFrom(separators).Draw(t, "separator"))
				}
				value := raw.String()
				if rapid.Bool().Draw(t, "wide") {
					value = widen(value)
				}
				sameAsLibrary(t, a, b, value)
			})
		})
	}
}

// TestUsualEqualsLibraryDense walks every leading group of four digits, at each
// length around the real ones, in each way of writing the country.
func TestUsualEqualsLibraryDense(t *testing.T) {
	a, b := newJP(t), newJP(t)
	step := 1
	if testing.Short() {
		step = 7
	}
	accepted := 0
	for lead := 0; lead < 10000; lead += step {
		for _, tail := range []string{"12345", "000000", "234567"} {
			for i, head := range []string{"", "0", "+81", "+810", "81", "810", "010", "00"} {
				if (lead+i)%4 != 0 { // a quarter of them, each head meeting each lead's neighbours
					continue
				}
				raw := fmt.Sprintf("%s%04d%s", head, lead, tail)
				sameAsLibrary(t, a, b, raw)
				if d, _, err := a.dial([]byte(raw)); err == nil {
					if _, _, ok := a.usual(d); ok {
						accepted++
					}
				}
			}
		}
	}
	if accepted == 0 {
		t.Error("no number took the fast path: the test shows nothing")
	}
}
