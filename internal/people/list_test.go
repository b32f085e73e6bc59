package people

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/text/encoding/japanese"

	"awase/crypto/identifier"
)

func TestMessyListIsShiftJIS(t *testing.T) {
	raw := listOf(t, small, ListMessy)
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, '\uFFFD') {
		t.Fatalf("not Shift_JIS: %v", err)
	}
	if !bytes.HasPrefix(text, []byte("氏名,メールアドレス,携帯番号,会員ランク,同意,住所\r\n")) {
		t.Error("another header")
	}
	if bytes.Count(text, []byte("\n")) != bytes.Count(text, []byte("\r\n")) {
		t.Error("a bare LF")
	}
	for what, mess := range map[string]string{
		"a blank line": "\r\n\r\n", "columns too many": ",,\r\n", "a quoted newline": "1-2-3\r\n「", "a quoted comma": "1-2-3, 101",
		"a quote": `""B""`, "full-width digits": "０９０－", "a JIS hyphen": "090‐", "a dash": "090―", "a long vowel mark": "090ー",
		"a lost zero": ",90", "a letter outside JIS X 0208": "髙橋", "a full-width address": "＠", "no consent": "いいえ", "a short number": ",090-12,",
	} {
		if !bytes.Contains(text, []byte(mess)) {
			t.Errorf("the list holds no %s", what)
		}
	}
	l := parse(t, bytes.NewReader(text))
	if len(l.rows) != small.Rows {
		t.Errorf("%d rows, want %d", len(l.rows), small.Rows)
	}
}

// Everything that the base is indexed under, computed the slow way, finds the
// known people of each list, and no stranger by a mailbox.
func TestListsKnowWhoTheyShould(t *testing.T) {
	norm, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	index := map[identifier.Hash]int{}
	for row, r := range baseOf(t, small).rows {
		for i, kind := range map[int]identifier.Kind{1: identifier.Email, 2: identifier.Email, 3: identifier.Phone} {
			sums, _, err := norm.AppendBase(nil, kind, []byte(r[i]))
			if err != nil {
				continue
			}
			for _, s := range sums {
				index[s.Hash] = row
			}
		}
	}
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(listOf(t, small, ListMessy))
	if err != nil {
		t.Fatal(err)
	}
	found, consented := 0, 0
	for _, r := range parse(t, bytes.NewReader(text)).rows {
		if r[4] == "はい" {
			consented++
		}
		hit := false
		for i, kind := range map[int]identifier.Kind{1: identifier.Email, 2: identifier.Phone} {
			sums, _, err := norm.AppendList(nil, kind, []byte(r[i]))
			if err != nil {
				continue
			}
			for _, s := range sums {
				if _, ok := index[s.Hash]; ok {
					hit = true
				}
			}
		}
		if hit {
			found++
		}
	}
	if share := float64(found) / float64(small.Rows); share < KnownShare-0.03 || share > KnownShare+0.005 {
		t.Errorf("the messy list: %d of %d found", found, small.Rows)
	}
	for _, form := range []ListForm{ListGoogle, ListMeta} {
		l := parse(t, bytes.NewReader(listOf(t, small, form)))
		if len(l.rows) > consented || len(l.rows) < consented-small.Rows/50 {
			t.Errorf("%s: %d rows of %d with consent", form, len(l.rows), consented)
		}
		hits := 0
		for _, r := range l.rows {
			hit := false
			for _, v := range r {
				if v == "" {
					continue
				}
				h, err := identifier.ParseHash([]byte(v))
				if err != nil {
					t.Fatalf("%s: a value is no hash: %v", form, err)
				}
				_, ok := index[h]
				hit = hit || ok
			}
			if hit {
				hits++
			}
		}
		if share := float64(hits) / float64(len(l.rows)); share < KnownShare-0.03 || share > KnownShare+0.01 {
			t.Errorf("%s: %d of %d found", form, hits, len(l.rows))
		}
	}
}

// The client's members are younger and more urban than the users, or its
// profile would be dull.
func TestListIsSkewed(t *testing.T) {
	d := newDice(small.Seed)
	members := choose(small, 5000)
	if len(members) != 5000 || len(slices.Compact(slices.Clone(members))) != 5000 {
		t.Fatal("not 5,000 different users")
	}
	measure := func(ns []int) (young, urban float64) {
		for _, n := range ns {
			p := d.person(n)
			if p.age < 40 {
				young++
			}
			if prefectures[p.prefecture].urban {
				urban++
			}
		}
		return young / float64(len(ns)), urban / float64(len(ns))
	}
	all := make([]int, small.Users)
	for i := range all {
		all[i] = i
	}
	young, urban := measure(members)
	allYoung, allUrban := measure(all)
	if young < allYoung*1.4 || urban < allUrban*1.1 {
		t.Errorf("young %.2f of %.2f, urban %.2f of %.2f", young, allYoung, urban, allUrban)
	}
}
