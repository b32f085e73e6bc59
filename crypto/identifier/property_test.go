package identifier

import (
	"crypto/sha256"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// messyEmail draws addresses near the edges of the rules: Gmail and others,
// dots, suffixes, full width, IDN, accents, spaces, invisible characters.
func messyEmail() *rapid.Generator[string] {
	local := rapid.StringOfN(rapid.SampledFrom([]rune("aZ09..++__-'!İßÉé\u0301山ａＺ．＋😊")), 1, 10, -1)
	domain := rapid.SampledFrom([]string{
		"gmail.com", "GMAIL.com", "googlemail.com", "Ｇｍａｉｌ．ｃｏｍ", "example.jp", "Example.CO.JP", "ex-am_ple.jp",
		"例え.jp", "例え。テスト", "ﾃｽﾄ.jp", "straße.de", "É.fr", "😊test.com", "test.com😊", "docomo.ne.jp", "localhost", "a..b", "xn--r8jz45g.jp",
	})
	around := rapid.SampledFrom([]string{"", "", "", " ", "　", "\u00a0", "\ufeff", "\u200b", "\r\n"})
	at := rapid.SampledFrom([]string{"@", "@", "@", "@", "＠", " @", "@@", ""})
	return rapid.Custom(func(t *rapid.T) string {
		return around.Draw(t, "before") + local.Draw(t, "local") + at.Draw(t, "at") + domain.Draw(t, "domain") + around.Draw(t, "after")
	})
}

func messyPhone() *rapid.Generator[string] {
	head := rapid.SampledFrom([]string{"", "0", "+81", "+81(0)", "81", "010-81-", "0081", "+1", "+44", "+39", "+7", "+86", "+52", "+54", "+"})
	body := rapid.StringOfN(rapid.SampledFrom([]rune("0123456789０５９--－ー ().")), 4, 18, -1)
	return rapid.Custom(func(t *rapid.T) string { return head.Draw(t, "head") + body.Draw(t, "body") })
}

func messy(k Kind) *rapid.Generator[string] {
	switch k {
	case Email:
		return messyEmail()
	case Phone:
		return messyPhone()
	case MAID:
		return rapid.StringMatching(` ?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)
	}
	return rapid.StringMatching(` ?[!-~]{1,40}`)
}

var kinds = []Kind{Email, Phone, Cookie, MAID}

func TestCanonicalIdempotent(t *testing.T) {
	for _, k := range kinds {
		for _, region := range []string{"JP", "US", NoRegion} {
			n, err := New(region)
			if err != nil {
				t.Fatal(err)
			}
			accepted := 0
			rapid.Check(t, func(t *rapid.T) {
				if canonicalTwice(t, n, k, []byte(messy(k).Draw(t, "raw"))) {
					accepted++
				}
			})
			if accepted == 0 {
				t.Errorf("%s, %s: no value was accepted; the test shows nothing", k, region)
			}
		}
	}
}

// canonicalTwice fails unless the canonical form, if there is one, is UTF-8 and
// its own canonical form with nothing to mend.
func canonicalTwice(t interface{ Fatalf(string, ...any) }, n *Normaliser, k Kind, raw []byte) bool {
	text, _, err := n.Canonical(k, raw)
	if err != nil {
		return false
	}
	once := string(text)
	if !utf8.ValidString(once) || once == "" {
		t.Fatalf("%s %q: normal form %q", k, raw, once)
	}
	text, rep, err := n.Canonical(k, []byte(once))
	if err != nil || string(text) != once || rep != 0 {
		t.Fatalf("%s %q: once %q, twice %q, repairs %v, %v", k, raw, once, text, rep, err)
	}
	return true
}

// TestProfilesIdempotent: what a platform would make of a value already in its
// form is the same value. Phones without + are out: their country is lost.
func TestProfilesIdempotent(t *testing.T) {
	n := newJP(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(Profiles()).Draw(t, "profile")
		// A combining accent would meet the letter before a dropped dot; Gmail,
		// whose rule drops it, has ASCII names only.
		raw := strings.ReplaceAll(messyEmail().Draw(t, "raw"), "\u0301", "")
		text, _, err := n.Normalise(p, Email, []byte(raw))
		if err != nil {
			return
		}
		once := string(text)
		if text, _, err = n.Normalise(p, Email, []byte(once)); err != nil || string(text) != once {
			t.Fatalf("%s %q: once %q, twice %q, %v", p, raw, once, text, err)
		}
	})
}

// TestBaseHoldsEveryProfile is the promise of FORMATS §1: the base is indexed
// under exactly the distinct hashes that the profiles give, each in its class,
// and a list value is looked up by those that share its index.
func TestBaseHoldsEveryProfile(t *testing.T) {
	for _, k := range kinds {
		accepted, several := 0, 0
		rapid.Check(t, func(t *rapid.T) {
			n, err := New("JP")
			if err != nil {
				t.Fatal(err)
			}
			raw := []byte(messy(k).Draw(t, "raw"))
			before := string(raw)
			seed := []Sum{{Class: 77}}
			base, baseRep, baseErr := n.AppendBase(seed, k, raw)
			list, listRep, listErr := n.AppendList(seed, k, raw)
			canon, rep, err := n.Canonical(k, raw)
			if (err != nil) != (baseErr != nil) || (err != nil) != (listErr != nil) {
				t.Fatalf("%q: canonical %v, base %v, list %v", raw, err, baseErr, listErr)
			}
			if err != nil {
				if len(base) != 1 || len(list) != 1 || baseErr.Error() != err.Error() || listErr.Error() != err.Error() {
					t.Fatalf("%q: a refusal left %d, %d sums; %v, %v, %v", raw, len(base), len(list), err, baseErr, listErr)
				}
				return
			}
			accepted++
			if baseRep != rep || listRep != rep {
				t.Fatalf("%q: repairs %v, %v, want %v", raw, baseRep, listRep, rep)
			}
			first := Sum{Common, sha256.Sum256(canon)}
			var want []Sum
			for _, p := range Profiles() {
				text, _, err := n.Normalise(p, k, raw)
				if s := (Sum{p.Class(k), sha256.Sum256(text)}); err == nil && !slices.Contains(want, s) {
					want = append(want, s)
				}
			}
			if base, list = base[1:], list[1:]; base[0] != first || list[0] != first {
				t.Fatalf("%q: the canonical hash is not the first", raw)
			}
			if !sameSet(base, want) {
				t.Fatalf("%q: %d hashes in the base, want %d: %v, %v", raw, len(base), len(want), classes(base), classes(want))
			}
			if len(base) > 3 {
				several++
			}
			wantList := []Sum{first}
			if k == Email {
				wantList = slices.DeleteFunc(want, func(s Sum) bool { return s.Class != Common })
			}
			if !sameSet(list, wantList) {
				t.Fatalf("%q: %d hashes for a list, want %d", raw, len(list), len(wantList))
			}
			if string(raw) != before {
				t.Fatalf("the caller's bytes were changed from %q to %q", before, raw)
			}
		})
		if !testing.Short() && (accepted == 0 || k == Email && several == 0) { // few draws may all be refused
			t.Errorf("%s: %d accepted, %d with several hashes; the test shows nothing", k, accepted, several)
		}
	}
}

func sameSet(a, b []Sum) bool {
	for _, s := range a {
		if !slices.Contains(b, s) {
			return false
		}
	}
	return len(a) == len(b)
}

func classes(sums []Sum) (out []Class) {
	for _, s := range sums {
		out = append(out, s.Class)
	}
	return out
}

// TestListFindsBase: spellings of one mailbox find each other, lossy
// neighbours don't.
func TestListFindsBase(t *testing.T) {
	n := newJP(t)
	for _, c := range []struct {
		kind       Kind
		base, list string
		want       bool
	}{
		{Email, "jdoe@gmail.com", "j.d.oe@gmail.com", true},
		{Email, "j.doe@gmail.com", "jd.oe+x@gmail.com", true},
		{Email, "j.doe@gmail.com", "ＪＤＯＥ＠ｇｍａｉｌ．ｃｏｍ", true},
		{Email, "jdoe@example.jp", "j.doe@example.jp", false},
		{Email, "a_b@example.jp", "ab@example.jp", false}, // amc would
		{Email, "a+b@example.jp", "a@example.jp", false},  // tiktok-nosuffix would
		{Email, "taro@例え.jp", "taro@xn--r8jz45g.jp", true},
		{Email, "jdoe@googlemail.com", "jdoe@gmail.com", false}, // Google keeps the domain
		{Phone, "090-1234-5678", "+81 (0)90 1234 5678", true},
		{Phone, "090-1234-5678", "09012345679", false},
		{Cookie, "AbC", "abc", false},
		{MAID, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true},
	} {
		base, _, err := n.AppendBase(nil, c.kind, []byte(c.base))
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := n.AppendList(nil, c.kind, []byte(c.list))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(list, func(s Sum) bool { return slices.Contains(base, s) }); got != c.want {
			t.Errorf("%s: base %q, list %q: match %v, want %v", c.kind, c.base, c.list, got, c.want)
		}
	}
}

// TestUID2PhoneInBase: uid2 hashes a number that merely looks like E.164, so
// the base has that hash too, besides the two of the real number.
func TestUID2PhoneInBase(t *testing.T) {
	const raw, e164 = "+8109012345678", "+819012345678"
	base, _, err := newJP(t).AppendBase(nil, Phone, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	var want []Sum
	for _, text := range []string{e164, e164[1:], raw} {
		want = append(want, Sum{Common, sha256.Sum256([]byte(text))})
	}
	if !slices.Equal(base, want) {
		t.Errorf("%d hashes, want those of E.164, its digits, and the value as it stands", len(base))
	}
}

// TestNoAllocation: the usual forms are normalised and hashed in the scratch.
func TestNoAllocation(t *testing.T) {
	n := newJP(t)
	sums := make([]Sum, 0, 16)
	for k, value := range map[Kind]string{
		Email: "Taro.Yamada+x@Gmail.com", Phone: "０９０－１２３４－５６７８", Cookie: "GA1.2.3", MAID: "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
	} {
		raw := []byte(value)
		if got := testing.AllocsPerRun(100, func() {
			sums, _, _ = n.AppendBase(sums[:0], k, raw)
			sums, _, _ = n.AppendList(sums, k, raw)
		}); got != 0 || len(sums) == 0 {
			t.Errorf("%s: %v allocations, %d hashes", k, got, len(sums))
		}
	}
}

// TestErrorsHoldNoValue: no part of a refused value comes back in its error.
func TestErrorsHoldNoValue(t *testing.T) {
	const canary = "kanariya7193"
	n := newJP(t)
	for _, raw := range []string{canary, canary + "@", "@" + canary, canary + "@x", "a b" + canary + "@x.jp", canary + "\xff@x.jp", "090" + canary, canary + "é", strings.Repeat(canary, 60)} {
		for _, k := range kinds {
			for _, p := range Profiles() {
				if _, _, err := n.Normalise(p, k, []byte(raw)); err != nil && strings.Contains(err.Error(), canary) {
					t.Errorf("%s %s: %v", p, k, err)
				}
			}
		}
		if _, err := ParseHash([]byte(raw)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("ParseHash: %v", err)
		}
	}
	for _, err := range []error{
		func() error { _, err := ParseKind(canary); return err }(),
		func() error { _, err := ParseProfile(canary); return err }(),
		func() error { _, err := New(canary); return err }(),
	} {
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%v", err)
		}
	}
}

// TestEveryReasonHasAMend reads the source, so a new reason without a mend
// fails.
func TestEveryReasonHasAMend(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[Reason]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if found[Reason(value)] {
			t.Errorf("%s stands for two reasons", value)
		}
		found[Reason(value)] = true
		if refuse(Email, Reason(value)).Mend == "" {
			t.Errorf("%s has no mend", value)
		}
		return true
	})
	if len(found) == 0 || len(found) != len(mends) {
		t.Errorf("%d reasons, %d mends", len(found), len(mends))
	}
}

func TestNames(t *testing.T) {
	for _, k := range kinds {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("%v: %v, %v", k, got, err)
		}
	}
	if len(kinds) != int(kindCount) || kindCount.String() != "kind(4)" {
		t.Errorf("%d kinds, %v", kindCount, kindCount)
	}
	for _, p := range Profiles() {
		if got, err := ParseProfile(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	if Profiles()[0] != Awase || len(Profiles()) != 13 || profileCount.String() != "profile(13)" {
		t.Errorf("%v", Profiles())
	}
	if got := strings.Join((repairEnd - 1).Names(), " "); got != "space invisible width separators idn intl_prefix plus trunk_zero lost_zero quote" {
		t.Errorf("repairs: %s", got)
	}
	if len(repairNames) != strings.Count(strconv.FormatUint(uint64(repairEnd-1), 2), "1") {
		t.Errorf("%d repair names", len(repairNames))
	}
}

// TestUsualEmail: what is read in one pass is what the general way reads.
func TestUsualEmail(t *testing.T) {
	n, err := New("JP")
	if err != nil {
		t.Fatal(err)
	}
	usual := rapid.StringOfN(rapid.SampledFrom([]rune("aZ09._-+@@\"= ,m:é")), 0, 12, -1)
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(rapid.OneOf(messyEmail(), usual, rapid.StringMatching(`[a-zA-Z0-9._+-]{1,6}@[A-Za-z0-9._-]{1,6}\.[a-z]{1,3}`)).Draw(t, "raw"))
		a, ok := n.usualEmail(raw)
		if !ok {
			return
		}
		read++
		got, at := string(a.text), a.at
		a, canon, rep, idnRep, e := n.generalEmail(raw)
		if e != nil || rep != 0 || idnRep != 0 || string(a.text) != got || string(canon) != got || a.at != at {
			t.Fatalf("%q: %q, the general way %q, %v", raw, got, canon, e)
		}
	})
	if read == 0 {
		t.Errorf("%d addresses were usual", read)
	}
	for _, raw := range []string{"taro.yamada+x@example.co.jp", "Taro_Y-1@Gmail.COM", strings.Repeat("a", 248) + "@b.com"} {
		if _, ok := n.usualEmail([]byte(raw)); !ok {
			t.Errorf("an address of %d bytes is not usual", len(raw))
		}
	}
	for _, raw := range []string{"", "@b.co", "a@b", "a@.b", "a@b.", "a@b..c", "a@@b.c", "a@b+c.d", " a@b.c", "m:a@b.c", strings.Repeat("a", 249) + "@b.com"} {
		if _, ok := n.usualEmail([]byte(raw)); ok {
			t.Errorf("%q is usual", raw)
		}
	}
}
