package identifier

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A rule says how rows of a source are read: the profile whose rule the source
// documents, and the region it assumes. AMC, TikTok, Truecaller and Segment's
// tests have phone numbers that carry a country code without +, so they are
// read in no region.
type rule struct {
	source  string // prefix of the source column
	profile Profile
	region  string
}

// rules maps each source to its rule; the first prefix that fits counts.
var rules = []rule{
	{"UID2 docs (default region AU)", UID2, "AU"},
	{"UID2 docs", UID2, NoRegion},
	{"UID2 operator test", UID2, NoRegion},
	{"UID2 web SDK test", UID2, NoRegion},
	{"Google Data Manager", Google, NoRegion},
	{"google-ads-java", Google, NoRegion},
	{"rudder-transformer PR 5052", Google, NoRegion},
	{"Segment PR 2668", Google, NoRegion},
	{"Segment google", Google, NoRegion},
	{"Meta CAPI docs", Meta, NoRegion},
	{"KARTE support: Meta phone (default region JP)", Meta, "JP"},
	{"Segment facebook", Meta, NoRegion},
	{"LINE notification messages docs", Line, NoRegion},
	{"Truecaller docs", Meta, NoRegion},
	{"TikTok help, Aug 2025 version (default region US)", TikTokNoPlus, "US"},
	{"TikTok help, Aug 2025 version", TikTokNoPlus, NoRegion},
	{"TikTok help", TikTokNoPlus, NoRegion},
	{"Segment tiktok", TikTok, NoRegion},
	{"Segment snap", Snap, NoRegion},
	{"Segment reddit-audiences", Awase, NoRegion},
	{"Segment linkedin-conversions", Awase, NoRegion},
	{"Segment ms-bing-ads-audiences", Awase, NoRegion},
	{"Segment amazon-amc", AMC, NoRegion},
	{"Segment amazon-conversions-api", AMC, NoRegion},
	{"Segment rokt-audiences", Awase, NoRegion},
	{"Segment liveramp-audiences", Awase, NoRegion},
	{"Segment dynamic-yield-audiences", Awase, NoRegion},
	{"PAIR spec", Pair, NoRegion},
	{"ADMaP", Pair, NoRegion},
}

// knownDifferences are rows that contradict FORMATS §1, or a source that
// agrees with it. Key: source prefix, input. A row that agrees after all fails
// the test, so the table can't go stale.
var knownDifferences = []struct{ source, input, want, why string }{
	{"UID2 docs (default region AU)", "0491 570 006", "phone_not_e164",
		"the docs tell the sender to make E.164 of it; the operator, whose rule uid2 is, refuses what isn't (see TestDocumentedPreparation)"},
	{"rudder-transformer PR 5052", "Jane.Doe+Shopping@googlemail.com", "janedoe@googlemail.com",
		"folds googlemail.com into gmail.com; Google's own test keeps the domain"},
	{"Segment reddit-audiences", "Al.ice+Apple@Example.Com", "al.ice+apple@example.com",
		"drops dots and +suffix on every domain, which merges people; no profile of ours does"},
	{"Segment amazon-conversions-api", " user+tag@domain.co.uk ", "usertag@domain.co.uk",
		"keeps + where Segment's amazon-amc, and so profile amc, deletes it"},
}

func readCSV(t testing.TB, path string, columns int) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = columns
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func ruleOf(t *testing.T, source string) rule {
	t.Helper()
	for _, r := range rules {
		if strings.HasPrefix(source, r.source) {
			return r
		}
	}
	t.Fatalf("source %q is not mapped to a profile", source)
	return rule{}
}

// normal gives the normal form, or the reason of the refusal.
func normal(t testing.TB, p Profile, region string, k Kind, raw string) (string, bool) {
	t.Helper()
	n, err := New(region)
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := n.Normalise(p, k, []byte(raw))
	if err != nil {
		return string(err.(*Error).Reason), false
	}
	return string(text), true
}

func kindOf(t *testing.T, name string) Kind {
	t.Helper()
	k, err := ParseKind(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestPublishedVectors(t *testing.T) {
	rows := readCSV(t, "testdata/normalisation_vectors.csv", 7)
	if len(rows) != 116 {
		t.Fatalf("%d vectors, want 116: the file changed", len(rows))
	}
	differed := map[int]bool{}
rows:
	for i, row := range rows {
		source, kind, input, want := row[0], kindOf(t, row[1]), row[2], row[3]
		sum := sha256.Sum256([]byte(want))
		if hex.EncodeToString(sum[:]) != row[4] || base64.StdEncoding.EncodeToString(sum[:]) != row[5] {
			t.Errorf("line %d: the published hash is not that of the published normal form", i+2)
		}
		for _, form := range []string{row[4], strings.ToUpper(row[4]), row[5]} {
			if h, err := ParseHash([]byte(form)); err != nil || h != sum {
				t.Errorf("line %d: ParseHash(%q) = %x, %v", i+2, form, h, err)
			}
		}
		r := ruleOf(t, source)
		got, _ := normal(t, r.profile, r.region, kind, input)
		for j, d := range knownDifferences {
			if strings.HasPrefix(source, d.source) && input == d.input {
				differed[j] = true
				if got == want {
					t.Errorf("line %d: agrees; take it off the known differences", i+2)
				}
				if got != d.want {
					t.Errorf("line %d: %q, want our own %q", i+2, got, d.want)
				}
				continue rows
			}
		}
		if got != want {
			t.Errorf("line %d: %s, %s, profile %s: %q becomes %q, want %q", i+2, source, kind, r.profile, input, got, want)
			continue
		}
		baseHolds(t, i+2, r, kind, input, sum)
	}
	for j, d := range knownDifferences {
		if !differed[j] {
			t.Errorf("known difference %s %q is in no row", d.source, d.input)
		}
	}
}

// baseHolds checks that a base with the raw value is found by a list that was
// hashed by the row's own rule.
func baseHolds(t *testing.T, line int, r rule, k Kind, input string, sum Hash) {
	t.Helper()
	n, err := New(r.region)
	if err != nil {
		t.Fatal(err)
	}
	sums, _, err := n.AppendBase(nil, k, []byte(input))
	if reason, ok := normal(t, Awase, r.region, k, input); !ok {
		// user!#$%^&*@… and the like: only a lossy rule makes sense of them.
		t.Errorf("line %d: the canonical form refuses a published input: %s", line, reason)
	}
	want := Sum{r.profile.Class(k), sum}
	for _, s := range sums {
		if s == want {
			return
		}
	}
	t.Errorf("line %d: the base (%d hashes, %v) misses class %d of profile %s", line, len(sums), err, want.Class, r.profile)
}

// TestDocumentedPreparation: UID2's docs have the sender turn a national number
// into E.164; awase does that, and uid2 takes the result as it is.
func TestDocumentedPreparation(t *testing.T) {
	e164, ok := normal(t, Awase, "AU", Phone, "0491 570 006")
	if !ok || e164 != "+61491570006" {
		t.Fatalf("awase: %q, want +61491570006", e164)
	}
	if got, ok := normal(t, UID2, "AU", Phone, e164); !ok || got != e164 {
		t.Errorf("uid2: %q, want %q", got, e164)
	}
}

var hexHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func TestNegativeVectors(t *testing.T) {
	rows := readCSV(t, "testdata/normalisation_negative_vectors.csv", 7)
	if len(rows) != 43 {
		t.Fatalf("%d vectors, want 43: the file changed", len(rows))
	}
	for i, row := range rows {
		line, source, value, expected, reason, extra := i+2, row[0], row[2], row[3], row[4], row[5]
		if row[1] == "hash" {
			if _, err := ParseHash([]byte(value)); err == nil || expected != "reject" {
				t.Errorf("line %d: ParseHash takes %q", line, value)
			}
			continue
		}
		r, kind := ruleOf(t, source), kindOf(t, row[1])
		if r.profile == TikTokNoPlus {
			r.profile = TikTok // the negative rows are about the form with +
		}
		got, ok := normal(t, r.profile, r.region, kind, value)
		switch {
		case strings.HasPrefix(expected, "reject"):
			if ok {
				t.Errorf("line %d: %s takes %q as %q", line, r.profile, value, got)
			}
		case expected == "accept as normalised":
			if !ok || got != value {
				t.Errorf("line %d: %s makes %q of %q", line, r.profile, got, value)
			}
		case strings.HasPrefix(expected, "wrong hash"):
			// extra is the hash published by mistake.
			if !ok || hexOf(got) == extra {
				t.Errorf("line %d: %s of %q gives the wrong published hash", line, r.profile, value)
			}
			raw := value
			if reason == "hashed without the dot rule" {
				raw = strings.ToLower(value)
			}
			if hexOf(raw) != extra {
				t.Errorf("line %d: the published hash is not explained by %q", line, reason)
			}
		case strings.HasPrefix(expected, "docs print +6512345678"):
			// uid2 itself refuses spaces; preparing the number is awase's.
			e164, _ := normal(t, Awase, r.region, kind, value)
			if ok || e164 != "+6512435678" || hexOf(e164) != extra {
				t.Errorf("line %d: %q", line, e164)
			}
		default:
			wrong := hexHash.FindString(expected)
			if wrong == "" || extra == "" {
				t.Fatalf("line %d: expectation %q is not understood", line, expected)
			}
			if !ok || hexOf(got) == wrong {
				t.Errorf("line %d: %q gives the wrong published hash", line, value)
			}
			if hexOf(got) != extra {
				t.Errorf("line %d: %q hashes to %s, want the true %s", line, got, hexOf(got), extra)
			}
		}
	}
}

func hexOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
