package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"

	"awase/crypto/identifier"
)

// pageRows are as many people as a list of the page's days has: more than a report
// asks for, and more than a line carries at once.
const pageRows = 6000

// messyCounts are what is found in the list of messyList: of twenty rows one has nothing to
// match by, one an address that is none, and one is there again.
var messyCounts = map[string]int{"rows": pageRows, "accepted": pageRows - pageRows/10, "rejected": pageRows / 10, "duplicate": pageRows / 20}

// pageAdded are as many people as come the next day. The day after the whole list is sent
// once more, and pageReplaced says how it differs: some are new, and of the first thousand
// rows of the messy list, of which seventeen in twenty are somebody's, none is there.
const pageAdded = 800

var pageReplaced = map[string]int{"added": 100, "removed": pageLeft * 17 / 20}

const pageLeft = 1000

// pageRanked are as many people as a list has that is sent twice.
const pageRanked = 1200

// The people of the page's files. Each address, and the name of each file, holds a word
// that nothing else on the line holds, with a dot or a dash behind it; each number begins
// as no other. So each is found, not a sample.
const (
	pageWord  = "uguisu"
	pageDials = "0805512"
)

func pageEmail(i int) string { return fmt.Sprintf("%s.%d@musashino.example.jp", pageWord, i) }
func pagePhone(i int) string { return fmt.Sprintf("080-5512-%04d", i) }
func pageTier(i int) string  { return []string{"gold", "silver", "bronze"}[i%3] }

// pageFiles writes what people drop into the page, and gives the paths by name. Names
// of files are kept from the room, too: they may name a person.
func pageFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	more := "email,phone,会員ランク\n"
	for i := range pageAdded {
		more += fmt.Sprintf("%s,%s,gold\n", pageEmail(pageRows+i), pagePhone(pageRows+i))
	}
	// Two lists of one header: by it, last year's rank is the contract's attribute; it is
	// this year's that is to be counted by. The second has a rank that the first has not.
	ranked := func(from int, ranks ...string) []byte {
		text := "email,会員ランク,今期ランク\n"
		for i := range pageRanked {
			text += fmt.Sprintf("%s,%s,%s\n", pageEmail(pageRows+2*pageAdded+from+i), ranks[i%2], ranks[i%len(ranks)])
		}
		return []byte(text)
	}
	whole := strings.ReplaceAll(more, "\n", "\r\n") // as another program writes it
	for i := pageLeft; i < pageRows; i++ {
		if j := i % 20; j != 7 && j != 11 && j != 15 {
			whole += fmt.Sprintf("%s,%s,%s\r\n", pageEmail(i), pagePhone(i), pageTier(i))
		}
	}
	for i := range pageReplaced["added"] {
		whole += fmt.Sprintf("%s,%s,gold\r\n", pageEmail(pageRows+pageAdded+i), pagePhone(pageRows+pageAdded+i))
	}
	for name, data := range map[string][]byte{"ranked": ranked(0, "gold", "silver", "bronze"), "reranked": ranked(pageRanked/2, "gold", "silver", "bronze", "platinum"), "messy": messyList(t), "more": []byte(more), "whole": []byte(whole), "refused": []byte("email,phone\n" + pageEmail(1) + ",\"" + pagePhone(1) + "\n")} {
		path := filepath.Join(dir, pageWord+"-"+name+".csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out[name] = path
	}
	return out
}

// messyList is a list as a spreadsheet and people leave it: Shift_JIS with CRLF, wide
// letters, numbers that lost their zero, rows that repeat, rows that are no one's, a
// name that nobody may have.
func messyList(t *testing.T) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString("氏名,メールアドレス,携帯番号,会員ランク\r\n")
	for i := range pageRows {
		email, phone, tier := pageEmail(i), pagePhone(i), i
		switch i % 20 {
		case 3:
			email = strings.ToUpper(email)
		case 5:
			phone = strings.ReplaceAll(phone, "-", "")[1:] // what Excel makes of it
		case 7:
			email, phone = "", "なし"
		case 9:
			email = strings.Replace(email, "@", "＠", 1)
		case 11:
			email, phone, tier = pageEmail(i-1), pagePhone(i-1), i-1
		case 13:
			phone = "+81 " + phone[1:]
		case 15:
			email = "あとで聞く"
		}
		fmt.Fprintf(&b, "%s %d,%s,%s,%s\r\n", "架空 太郎", i, email, phone, pageTier(tier))
	}
	raw, err := japanese.ShiftJIS.NewEncoder().String(b.String())
	if err != nil {
		t.Fatal(err)
	}
	return []byte(raw)
}

// pageNeedles are what must not go over the line: any identifier of the files in any
// form, and the hashes of a sample under every profile, bare or encoded.
func pageNeedles(t *testing.T) (out canaries) {
	t.Helper()
	n, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	// The six letters of the word alone are in some Base64 by chance.
	for _, word := range []string{pageWord + ".", pageWord + "-", "080-5512-", "80-5512-", "架空 太郎"} {
		out.add([]byte(word))
	}
	// Six digits are in some time, count or hash by chance; the ten of a number that begins
	// with them, with nothing but the country's before and nothing behind, are not.
	for name, form := range canaryForms([]byte(pageDials[1:])) {
		if name != "raw" {
			out.text = append(out.text, lower(form))
		}
	}
	out.pattern = append(out.pattern, regexp.MustCompile(`(?:^|[^0-9a-z]|81)0?`+pageDials[1:]+`[0-9]{4}(?:$|[^0-9a-z])`))
	for _, i := range []int{0, 1, 2, 3, 5, 9, 10, 13, 15, 1234, 3999, pageRows - 1} {
		for kind, raw := range map[identifier.Kind]string{identifier.Email: pageEmail(i), identifier.Phone: pagePhone(i)} {
			sums, _, err := n.AppendBase(nil, kind, []byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sums {
				out.addHash(s.Hash[:])
			}
			typed := sha256.Sum256([]byte(raw))
			out.addHash(typed[:])
		}
	}
	return out
}

// addHash adds a hash, and the numbers that a script writes of its bytes.
func (c *canaries) addHash(hash []byte) {
	c.add(hash)
	var b bytes.Buffer
	for i, v := range hash {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, v)
	}
	c.text = append(c.text, b.Bytes())
}
