package identifier

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// TestJapaneseVectors are our own: no published vector covers Japanese input.
// Inputs are written with Go's escapes; "!reason" in place of a normal form is
// a refusal.
func TestJapaneseVectors(t *testing.T) {
	n := newJP(t)
	for i, row := range readCSV(t, "testdata/japanese.csv", 5) {
		kind, want, repairs, note := kindOf(t, row[0]), row[2], row[3], row[4]
		input, err := strconv.Unquote(`"` + strings.ReplaceAll(row[1], `"`, `\"`) + `"`)
		if err != nil {
			t.Fatalf("line %d: %v", i+2, err)
		}
		text, rep, err := n.Canonical(kind, []byte(input))
		if reason, refused := strings.CutPrefix(want, "!"); refused {
			if e, ok := err.(*Error); !ok || string(e.Reason) != reason || e.Kind != kind || e.Mend == "" {
				t.Errorf("line %d (%s): %q, %v; want %s", i+2, note, text, err, reason)
			}
			continue
		}
		if err != nil || string(text) != want || rep.String() != repairs {
			t.Errorf("line %d (%s): %q repairs %q, %v; want %q repairs %q", i+2, note, text, rep, err, want, repairs)
		}
	}
}

// TestProfiles is FORMATS §1's table, one line a cell that differs.
func TestProfiles(t *testing.T) {
	for _, c := range []struct {
		profile Profile
		kind    Kind
		raw     string
		want    string // "!reason" for a refusal
	}{
		{Awase, Email, " Jane.Doe+x@Gmail.com ", "jane.doe+x@gmail.com"},
		{Google, Email, " Jane.Doe+x@Gmail.com ", "janedoe@gmail.com"},
		{Google, Email, "J a n e @ example.jp", "jane@example.jp"},
		{Google, Email, "Ja　ne@example.jp", "jane@example.jp"},
		{Google, Email, "jane.doe+x@googlemail.com", "janedoe@googlemail.com"},
		{Google, Email, "jane.doe+x@example.jp", "jane.doe+x@example.jp"},
		{Google, Email, ".+x@gmail.com", "!email_empty_by_rule"},
		{UID2, Email, "jane.doe+x@googlemail.com", "jane.doe+x@googlemail.com"},
		{UID2, Email, "jane.doe+x@gmail.com", "janedoe@gmail.com"},
		{UID2, Email, "ja ne@gmail.com", "!email_inner_space"},
		{UID2, Email, "x@例え.jp", "x@例え.jp"},
		{Meta, Email, "Jane.Doe+x@gmail.com", "jane.doe+x@gmail.com"},
		{Snap, Email, "Jane.Doe+x@gmail.com", "jane.doe+x@gmail.com"},
		{TikTok, Email, "Jane.Doe+x@gmail.com", "jane.doe+x@gmail.com"},
		{TikTokNoPlus, Email, "Jane.Doe+x@gmail.com", "jane.doe+x@gmail.com"},
		{TikTokNoSuffix, Email, "Jane.Doe+x@example.jp", "jane.doe@example.jp"},
		{TikTokNoSuffix, Email, "+x@example.jp", "!email_empty_by_rule"},
		{X, Email, "Jane.Doe+x@gmail.com", "jane.doe+x@gmail.com"},
		{Line, Email, "Jane_Doe-1@example.jp", "jane_doe-1@example.jp"},
		{Line, Email, "jane+x@example.jp", "!email_charset"},
		{Line, Email, "山田@example.jp", "!email_charset"},
		{Line, Email, strings.Repeat("a", 120-len("@example.jp")) + "@example.jp", strings.Repeat("a", 120-len("@example.jp")) + "@example.jp"},
		{Line, Email, strings.Repeat("a", 121-len("@example.jp")) + "@example.jp", "!email_charset"},
		{YahooJapan, Email, "ＪＡＮＥ＠ｅｘａｍｐｌｅ．ｊｐ", "jane@example.jp"},
		{AMC, Email, "a_b+c'd@example.jp", "abcd@example.jp"},
		{AMC, Email, "_+@example.jp", "!email_no_local"},
		{AMC, Email, "x@例え.jp", "!email_domain_empty_label"},
		{Pair, Email, " Jane.Doe+x@Gmail.com ", "jane.doe+x@gmail.com"},
		{Pair, Email, "ÉMILE@example.jp", "Émile@example.jp"},
		{Pair, Email, "ｊ@example.jp", "ｊ@example.jp"},
		{Pair, Email, "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "!email_no_at"},

		{Awase, Phone, "090-1234-5678", "+819012345678"},
		{Google, Phone, "090-1234-5678", "+819012345678"},
		{X, Phone, "090-1234-5678", "+819012345678"},
		{Line, Phone, "090-1234-5678", "+819012345678"},
		{Pair, Phone, "090-1234-5678", "+819012345678"},
		{TikTok, Phone, "090-1234-5678", "+819012345678"},
		{TikTokNoSuffix, Phone, "090-1234-5678", "+819012345678"},
		{TikTokNoPlus, Phone, "090-1234-5678", "819012345678"},
		{Meta, Phone, "090-1234-5678", "819012345678"},
		{Snap, Phone, "0081 90-1234-5678", "819012345678"},
		{YahooJapan, Phone, "０９０－１２３４－５６７８", "819012345678"},
		{AMC, Phone, "090-1234-5678", "819012345678"},
		{UID2, Phone, "090-1234-5678", "!phone_not_e164"},
		{UID2, Phone, "+81 9012345678", "!phone_not_e164"},
		{UID2, Phone, " +819012345678 ", "+819012345678"},
		{UID2, Phone, "+1234567890123456", "!phone_not_e164"},

		{Snap, MAID, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
		{X, MAID, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
		{Google, Cookie, "AbC", "AbC"},
		{profileCount, Email, "a@b.jp", "!unknown_profile"},
		{Awase, kindCount, "a@b.jp", "!unknown_kind"},
	} {
		got, ok := normal(t, c.profile, "JP", c.kind, c.raw)
		if !ok {
			got = "!" + got
		}
		if got != c.want {
			t.Errorf("%s %s %q: %q, want %q", c.profile, c.kind, c.raw, got, c.want)
		}
	}
}

// TestRegions: the region of a list only matters for numbers without a country
// code.
func TestRegions(t *testing.T) {
	for _, c := range []struct{ region, raw, want string }{
		{"US", "(212) 555-0123", "+12125550123"},
		{"US", "212-555-012", "phone_too_short"},
		{"US", "555-0123", "phone_too_short"}, // local, without area code
		{"US", "2125550123456", "phone_too_long"},
		{"US", "011 81 90-1234-5678", "+819012345678"},
		{"US", "0081 90-1234-5678", "+819012345678"},
		{"US", "+81 90-1234-5678", "+819012345678"},
		{"GB", "020 7946 0958", "+442079460958"},
		{"GB", "+44 (0)20 7946 0958", "+442079460958"},
		{"IT", "06 698 12345", "+390669812345"},  // Italy keeps its zero
		{"KR", "010-1234-5678", "+821012345678"}, // 010 is a mobile prefix there
		{"KR", "010-2901-2345", "+821029012345"}, // and not Japan's prefix of +290 12345
		{NoRegion, "12125550123", "+12125550123"},
		{NoRegion, "0012125550123", "+12125550123"},
		{NoRegion, "090-1234-5678", "phone_invalid"},
		{NoRegion, "+999 123456789", "phone_invalid"},
		{"JP", "+376 312345", "+376312345"}, // Andorra: nine digits
		{"JP", "+1 212555", "phone_too_short"},
		{"JP", "+1234567890123456", "phone_too_long"},
	} {
		if got, _ := normal(t, Awase, c.region, Phone, c.raw); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.region, c.raw, got, c.want)
		}
	}
	for _, region := range []string{"", "jp", "XX", "Japan"} {
		if _, err := New(region); err == nil || strings.Contains(err.Error(), "XX") {
			t.Errorf("region %q: %v", region, err)
		}
	}
}

func TestBounds(t *testing.T) {
	n := newJP(t)
	at := func(size int) []byte { return append(bytes.Repeat([]byte("a"), size-len("@b.jp")), "@b.jp"...) }
	for _, c := range []struct {
		kind Kind
		raw  []byte
		want Reason // "" = accepted
	}{
		{Email, at(254), ""},
		{Email, at(255), ReasonEmailTooLong},
		{Email, at(1 << 20), ReasonEmailTooLong},
		{Phone, bytes.Repeat([]byte("0"), 1<<20), ReasonPhoneTooLong},
		{Phone, bytes.Repeat([]byte("9"), 25), ReasonPhoneTooLong},
		{Cookie, bytes.Repeat([]byte("c"), 512), ""},
		{Cookie, bytes.Repeat([]byte("c"), 513), ReasonCookieTooLong},
		{Cookie, nil, ReasonEmpty},
		{MAID, bytes.Repeat([]byte("a"), 1<<20), ReasonMAIDForm},
	} {
		_, _, err := n.Canonical(c.kind, c.raw)
		if e, ok := err.(*Error); (c.want == "") != (err == nil) || ok && e.Reason != c.want {
			t.Errorf("%s of %d bytes: %v, want %q", c.kind, len(c.raw), err, c.want)
		}
	}
}
