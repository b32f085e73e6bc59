package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/japanese"
)

// oracle is what the files say, read by code of its own: nothing of intake, matcher
// or aggregator is in it. What it counts is what a report should show.
type oracle struct {
	without string // a rule that is left out, to see that it shows
	users   map[string]*oracleUser
	holder  map[string]*oracleUser // of a token that one verified user has, no other
	lists   map[string]map[*oracleUser]oracleHit
	keys    map[string]map[string]map[*oracleUser]bool // of each list: whom the rows of a key of its owner's find
	events  []oracleEvent
	days    flowDays // of a room that delivers
}

type oracleUser struct {
	id, age, gender  string
	version          string
	limited, enquiry bool
	verified         bool
	mail             bool // opted in
}

// oracleHit is what a list says of a user that it found.
type oracleHit struct {
	by     string // the first kind
	values map[string]string
	tokens map[string]bool // of the list, by which it was found
}

type oracleEvent struct {
	who      *oracleUser
	category string
	day      string
	kind     string // of a campaign's log
	yen      int64
	log      string
}

// table reads a CSV file, in Shift_JIS if it has to, as rows by column.
func table(t *testing.T, dir, name string, sjis bool) (out []map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var in io.Reader = bytes.NewReader(bytes.TrimPrefix(raw, []byte("\uFEFF")))
	if sjis {
		in = japanese.ShiftJIS.NewDecoder().Reader(in)
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, h := range rows[0] {
			m[h] = r[i]
		}
		out = append(out, m)
	}
	return out
}

// narrow writes full-width letters as ASCII, without blanks around.
func narrow(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case 0xFF01 <= r && r <= 0xFF5E:
			return r - 0xFEE0
		case r == 0x3000:
			return ' '
		}
		return r
	}, s))
}

// mailToken names a mailbox by its hash; "" of what is none.
func mailToken(s string) string {
	s = strings.ToLower(narrow(s))
	if raw, err := hex.DecodeString(s); err == nil && len(raw) == sha256.Size {
		return "email " + s
	}
	if !strings.Contains(s, "@") {
		return ""
	}
	h := sha256.Sum256([]byte(s))
	return "email " + hex.EncodeToString(h[:])
}

// phoneToken names a Japanese mobile number; "" of what is none.
func phoneToken(s string) string {
	digits := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, narrow(s))
	digits = strings.TrimPrefix(strings.TrimPrefix(digits, "81"), "0")
	if len(digits) != 10 {
		return ""
	}
	return "phone " + digits
}

func anyOf(value string, values ...string) string {
	for _, v := range values {
		if strings.EqualFold(narrow(value), v) {
			return v
		}
	}
	return "unknown"
}

// band gives the band of ten years of a birth date, on the day of the test.
func band(born string) string {
	digits := strings.ReplaceAll(born, "/6/", "-06-")
	digits = strings.ReplaceAll(digits, "-", "")
	birth, err := time.Parse("20060102", digits)
	if err != nil {
		return "unknown"
	}
	now := time.Now().In(time.FixedZone("JST", 9*3600))
	age := now.Year() - birth.Year()
	if now.YearDay() < birth.YearDay() {
		age--
	}
	switch {
	case age < 20:
		return "<20"
	case age >= 70:
		return ">=70"
	}
	return fmt.Sprintf("%d-%d", age/10*10, age/10*10+9)
}

// region gives the region that a place of the platform's list is in.
func region(place string) string {
	for _, p := range [][2]string{{"東京都", "関東"}, {"〒530", "近畿"}, {"北海道", "北海道"}} {
		if strings.HasPrefix(place, p[0]) {
			return p[1]
		}
	}
	return "unknown"
}

// The rules of the oracle, and the file of a report in which each shows.
var oracleRules = map[string]string{"verified": "overlap", "one holder": "overlap", "consent": "overlap", "readable": "overlap", "version": "overlap", "service": "overlap", "enquiry": "overlap",
	"days": "behaviour", "both kinds": "overlap"}

// readOracle reads the files.
func readOracle(t *testing.T, dir, without string) *oracle {
	t.Helper()
	o := &oracle{without: without, users: map[string]*oracleUser{}, holder: map[string]*oracleUser{}, lists: map[string]map[*oracleUser]oracleHit{}, keys: map[string]map[string]map[*oracleUser]bool{"members": {}, "people": {}}}
	shared := map[string]bool{}
	for _, r := range table(t, dir, "users.csv", false) {
		u := &oracleUser{id: r["user_id"], mail: r["mail_ok"] != "", age: band(r["birth"]), gender: anyOf(r["sex"], "female", "male"), version: r["version"], limited: r["service"] != "", enquiry: r["enquiry"] == "true", verified: r["ok"] == "true"}
		o.users[r["user_id"]] = u
		for _, token := range []string{mailToken(r["email"]), phoneToken(r["mobile"])} {
			if token == "" || !u.verified && without != "verified" {
				continue
			}
			if o.holder[token] != nil {
				shared[token] = true
			}
			o.holder[token] = u
		}
	}
	for token := range shared {
		if without != "one holder" {
			delete(o.holder, token)
		}
	}
	o.lists["members"], o.lists["people"] = map[*oracleUser]oracleHit{}, map[*oracleUser]oracleHit{}
	for _, r := range table(t, dir, "client.csv", true) {
		mail, phone := mailToken(r["メールアドレス"]), phoneToken(r["携帯番号"])
		unreadable := mail == "" && r["メールアドレス"] != "" || phone == "" && r["携帯番号"] != "" || mail == "" && phone == ""
		if unreadable && without != "readable" || r["同意"] != "はい" && without != "consent" {
			continue
		}
		if without == "both kinds" && mail != "" {
			phone = ""
		}
		o.hit(t, "members", r["会員番号"], map[string]string{"tier": anyOf(r["会員ランク"], "gold", "silver", "bronze")}, mail, phone)
	}
	for _, r := range table(t, dir, "platform.csv", false) {
		o.hit(t, "people", r["account"], map[string]string{"interest": anyOf(r["関心"], "travel", "food", "games"), "home": region(r["場所"])}, mailToken(r["mail"]))
	}
	for _, r := range table(t, dir, "own-log.csv", false) {
		if u := o.users[r["user"]]; u != nil {
			o.event("own", u, r["page"], r["at"], "job", "company")
		}
	}
	for _, r := range table(t, dir, "platform-log.csv", false) {
		if u := o.holder[mailToken(r["mail"])]; u != nil {
			o.event("platform", u, r["種別"], r["日時"], "video", "feed")
		}
	}
	return o
}

// hit notes whom a row finds: everybody who holds one of its tokens.
func (o *oracle) hit(t *testing.T, of, key string, values map[string]string, tokens ...string) {
	t.Helper()
	list, keys := o.lists[of], o.keys[of]
	if keys[key] == nil {
		keys[key] = map[*oracleUser]bool{}
	}
	for _, token := range tokens {
		u := o.holder[token]
		if u == nil {
			continue
		}
		kind, _, _ := strings.Cut(token, " ")
		was, twice := list[u]
		if twice && fmt.Sprint(was.values) != fmt.Sprint(values) && o.without == "" {
			t.Fatal("two rows say different things of one user: which counts, only the room's keys tell")
		}
		if twice && was.by < kind { // email before phone
			kind = was.by
		}
		if was.tokens == nil {
			was.tokens = map[string]bool{}
		}
		was.tokens[token] = true
		list[u], keys[key][u] = oracleHit{kind, values, was.tokens}, true
	}
}

func (o *oracle) event(log string, u *oracleUser, category, at string, categories ...string) {
	if !slices.Contains(categories, category) {
		return
	}
	japan := time.FixedZone("JST", 9*3600)
	for _, layout := range []string{time.RFC3339, "2006/01/02 15:04:05", "2006-01-02 15:04"} {
		if when, err := time.ParseInLocation(layout, at, japan); err == nil {
			o.events = append(o.events, oracleEvent{who: u, category: category, day: when.In(japan).Format(time.DateOnly), log: log})
			return
		}
	}
}

// may tells whether a flow may use a user.
func (o *oracle) may(u *oracleUser, improvement bool) bool {
	return (u.version == "2024-01-29" || o.without == "version") && (!u.limited || o.without == "service") && (improvement || !u.enquiry || o.without == "enquiry")
}

// profile counts a list's users by dimensions.
func (o *oracle) profile(list string, improvement bool, where func(*oracleUser) bool, dims ...string) map[string]int64 {
	out := map[string]int64{}
	for u, hit := range o.lists[list] {
		if !o.may(u, improvement) || where != nil && !where(u) {
			continue
		}
		var key []string
		for _, d := range dims {
			v, ok := hit.values[d]
			if !ok {
				v = map[string]string{"age_band": u.age, "gender": u.gender, "matched_by": hit.by}[d]
			}
			key = append(key, v)
		}
		out[strings.Join(key, " ")]++
	}
	return out
}

// seen counts those who did something in April, and what they did, by category and
// gender; list "": everybody.
func (o *oracle) seen(log, list string) (users, events map[string]int64) {
	users, events = map[string]int64{}, map[string]int64{}
	did := map[string]map[*oracleUser]bool{}
	for _, e := range o.events {
		if _, listed := o.lists[list][e.who]; e.log != log || list != "" && !listed || !o.may(e.who, false) || (e.day < "2026-04-01" || e.day > "2026-04-30") && o.without != "days" {
			continue
		}
		key := e.category + " " + e.who.gender
		if did[key] == nil {
			did[key] = map[*oracleUser]bool{}
		}
		did[key][e.who] = true
		events[key]++
	}
	for key, who := range did {
		users[key] = int64(len(who))
	}
	return users, events
}

// held counts how numbers of downloaded files stand to the files that went in.
type held struct{ numbers, inside int }

// agrees compares a downloaded CSV with what the oracle counted. The file says of each
// number an interval that holds it in 95 of 100 rooms. Here each lies within seven of
// its half widths over 1.96, which rounding makes 6.7 standard deviations at least:
// past them a right one is once in 4·10¹⁰, so any of the test's numbers (below 200)
// once in 10⁸ runs. A cell of fewer than k people is shown in none; one that is as
// far above the threshold is withheld as rarely.
func (h *held) agrees(t *testing.T, dir, file string, dims []string, users map[string]int64, sums map[string]map[string]int64) {
	t.Helper()
	const k, tau, sure = 50, 132, 99 // of σ√2, where one person may be in two cells: more than of one
	shown := map[string]bool{}
	within := func(what string, r map[string]string, column string, want int64) {
		t.Helper()
		low, high := column+"_low", column+"_high"
		if column == "users" {
			low, high = "low", "high"
		}
		var v [3]float64 // credits have three decimals
		for i, c := range []string{column, low, high} {
			n, err := strconv.ParseFloat(r[c], 64)
			if err != nil {
				t.Fatalf("%s, %s, %s: %v", file, what, c, err)
			}
			v[i] = n
		}
		h.numbers++
		if v[1] <= float64(want) && float64(want) <= v[2] {
			h.inside++
		}
		if math.Abs(v[0]-float64(want)) > 7*(v[2]-v[0])/1.96 {
			t.Errorf("%s, %s: %s is %g (%g to %g), the files say %d", file, what, column, v[0], v[1], v[2], want)
		}
	}
	for _, r := range table(t, dir, file, false) {
		if r["kind"] != "cell" {
			continue
		}
		var key []string
		for _, d := range dims {
			key = append(key, strings.TrimPrefix(r[d], "'"))
		}
		cell := strings.Join(key, " ")
		n := users[cell]
		switch {
		case r["status"] == "withheld":
			if n >= tau+sure {
				t.Errorf("%s: %s of %d people is withheld", file, cell, n)
			}
		case n < k:
			t.Errorf("%s: %s of %d people is shown", file, cell, n)
		default:
			shown[cell] = true
			within(cell, r, "users", n)
			for column, of := range sums {
				within(cell, r, column, of[cell])
			}
		}
	}
	if len(shown) < 2 {
		t.Errorf("%s: only %d cells are shown: it proves little", file, len(shown))
	}
}

// TestFlowsOracleSees: each rule that the oracle holds changes some number of the
// reports by more than the comparison lets pass: a room that broke it would be seen.
func TestFlowsOracleSees(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFlowWorld(t, dir)
	counts := func(o *oracle) map[string]map[string]int64 {
		users, _ := o.seen("own", "members")
		return map[string]map[string]int64{"overlap": o.profile("members", false, nil, "matched_by"), "behaviour": users}
	}
	full := counts(readOracle(t, dir, ""))
	for rule, report := range oracleRules {
		most := int64(0)
		for cell, n := range counts(readOracle(t, dir, rule))[report] {
			most = max(most, n-full[report][cell], full[report][cell]-n)
		}
		// Seven deviations of √2·10, where one person may be in two cells.
		if most <= 99 {
			t.Errorf("without %q the %s is off by %d at most, which nobody would see", rule, report, most)
		}
	}
}
