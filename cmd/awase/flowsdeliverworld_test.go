package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the flows that deliver add to the world: contracts, campaigns, what became of
// them. Nothing of it is known to the oracle but the files.

// flowOfficer signs for a party, with the token of somebody who may hand signatures in.
type flowOfficer struct{ name, party, as string }

var flowOfficers = []flowOfficer{{"yuki", "operator", "officer"}, {"ken", "operator", "officer"}, {"hana", "acme", "acme-officer"}, {"rin", "adco", "adco-officer"}}

// flowDays counts days in Japan from the one on which a test began.
type flowDays struct{ today time.Time }

func newFlowDays() flowDays {
	return flowDays{time.Now().In(time.FixedZone("JST", 9*3600))}
}

// day is so many days from the first.
func (f flowDays) day(n int) string { return f.today.AddDate(0, 0, n).Format(time.DateOnly) }

// awayFromMidnight waits where a day in Japan begins before a test that may take so long
// is over: with it come deliveries that a test does not look for.
func awayFromMidnight(long time.Duration) {
	now := newFlowDays().today
	next := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 1, 0, now.Location())
	if left := next.Sub(now); left < long {
		time.Sleep(left)
	}
}

// deliveryDocs are the documents of the flows that deliver. Their campaigns began six days
// ago, so that there is something to report.
func deliveryDocs(days flowDays) map[string]string {
	contract := func(id, flow, principal, trustee, clause, other, columns, deliver, event, recipients string) string {
		return "schema: awase.entrustment/v1\nid: " + id + "\nflow: " + flow + "\nprincipal: " + principal + "\ntrustee: " + trustee + `
purpose: advertising
basis:
  - {party: operator, code: CONSENT_POLICY, policy: "2024-01-29", clauses: ["` + clause + `"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: ` + other + `, code: CONSENT_27_1, scope: advertising, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email, phone]
attributes: [age_band, gender]
list_columns: [` + columns + `]
deliver_attributes: [` + deliver + `]
events: [` + event + `]
outputs: [size, delivery, lift, attribution]
recipients: [` + recipients + `]
countries: {operator: JP, acme: JP, adco: JP}
retention: {lists: 90d, events: 90d, reports: 365d, deliveries: 30d}
from: 2026-04-01
until: 2036-03-31
`
	}
	campaign := func(id, entrustment, list, where, destination, more string) string {
		return fmt.Sprintf("schema: awase.campaign/v1\nid: %s\nentrustment: %s\nlist: %s\n%sdestination: {%s}\nfrom: %s\nuntil: %s\n%s", id, entrustment, list, where, destination, days.day(-6), days.day(20), more)
	}
	return map[string]string{
		"client-del.yaml":  contract("acme-del", "5-delivery", "acme", "operator", "5", "acme", "tier", "tier, gender", "spring", "acme, adco, operator"),
		"partner-del.yaml": contract("adco-del", "2-4-delivery", "operator", "adco", "2(4)", "adco", "interest, home", "gender, age_band", "summer", "operator, adco"),
		// The client's: half of those in two tiers, for an ad platform's file; and everybody
		// who agreed to mail.
		"spring.yaml": campaign("spring", "acme-del", "members", "where: {in: {tier: [gold, silver]}}\n", "receiver: adco, form: tiktok", "holdout: 50\nfrequency: {times: 3, within: 7d}\nresults: [delivery, lift]\nconversion_rate: 20%\n"),
		"mail.yaml":   campaign("mail", "acme-del", "members", "", "receiver: operator, form: own-channel, channel: mail", ""),
		// The operator's, with an ad platform that serves by labels.
		"summer.yaml": campaign("summer", "adco-del", "people", "where: {all: [{in: {gender: [male]}}, {not: {in: {age_band: [\"<20\"]}}}]}\n", "receiver: adco, form: label", "holdout: 20\nresults: [delivery, lift]\nconversion_rate: 40%\n"),

		"client-keyed.yaml":  strings.Replace(flowDocs()["client.yaml"], "drop: [氏名, 会員番号]", "user_key: 会員番号\ndrop: [氏名]", 1),
		"partner-keyed.yaml": strings.Replace(flowDocs()["partner.yaml"], "drop: [account]", "user_key: account", 1),
		"spring-log.yaml": `schema: awase.events/v1
time: {column: at}
list_key: {list: members, column: member}
kind: {column: what, values: {imp: impression, click: click, buy: conversion}}
category: {column: campaign, values: [spring]}
value: {column: yen, unit: yen}
`,
		"summer-log.yaml": `schema: awase.events/v1
time: {column: 日時}
label: {list: people, column: label}
kind: {column: 種別, values: {表示: impression, クリック: click, 登録: conversion}}
category: summer
value: {column: 円, unit: yen}
`,
		"spring-delivery.yaml":    "schema: awase.report/v1\nreport: delivery\nentrustment: acme-del\ncampaign: spring\nrecipient: acme\ndims: [gender]\n",
		"spring-lift.yaml":        "schema: awase.report/v1\nreport: lift\nentrustment: acme-del\ncampaign: spring\nrecipient: acme\n",
		"spring-attribution.yaml": "schema: awase.report/v1\nreport: attribution\nentrustment: acme-del\ncampaign: spring\nrecipient: acme\nattribution: {model: last-touch, click: 5d, view: 3d}\nsigma: 5\n",
		"summer-delivery.yaml":    "schema: awase.report/v1\nreport: delivery\nentrustment: adco-del\ncampaign: summer\nrecipient: operator\ndims: [age_band]\nmeasures: [users, impressions, clicks]\n",
		"summer-lift.yaml":        "schema: awase.report/v1\nreport: lift\nentrustment: adco-del\ncampaign: summer\nrecipient: operator\n",
	}
}

// eligible are the users of a list whom a flow may deliver to and who satisfy a condition.
func (o *oracle) eligible(list string, where func(*oracleUser, oracleHit) bool) map[*oracleUser]bool {
	out := map[*oracleUser]bool{}
	for u, hit := range o.lists[list] {
		if o.may(u, false) && where(u, hit) {
			out[u] = true
		}
	}
	return out
}

// sent is how a platform knows what a list has of somebody: a hash.
func sent(token string) string {
	kind, rest, _ := strings.Cut(token, " ")
	if kind == "phone" {
		h := sha256.Sum256([]byte("+81" + rest))
		return hex.EncodeToString(h[:])
	}
	return rest
}

// byHashes gives who is in a file of hashes, a row a person. In it is nobody but those
// who may be, each with all that the list has of them and nothing of others.
func (o *oracle) byHashes(t *testing.T, dir, file, list string, eligible map[*oracleUser]bool) map[*oracleUser]bool {
	t.Helper()
	holder := map[string]*oracleUser{}
	for u := range eligible {
		for token := range o.lists[list][u].tokens {
			holder[sent(token)] = u
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(raw))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[*oracleUser]bool{}
	for _, row := range rows[1:] {
		var who *oracleUser
		n := 0
		for _, cell := range row {
			if cell == "" {
				continue
			}
			u := holder[cell]
			if n++; u == nil || who != nil && u != who {
				t.Fatalf("%s: a row has a hash of nobody who may be in it, or of somebody else", file)
			}
			who = u
		}
		if out[who] || who == nil || n != len(o.lists[list][who].tokens) {
			t.Fatalf("%s: somebody has %d hashes, not %d, or two rows", file, n, len(o.lists[list][who].tokens))
		}
		out[who] = true
	}
	return out
}

// byKeys gives who is a member by a file of keys: it has each key of the list once, and a
// member is nobody but who may be.
func (o *oracle) byKeys(t *testing.T, dir, file, list string, eligible map[*oracleUser]bool) map[*oracleUser]bool {
	t.Helper()
	out, keys := map[*oracleUser]bool{}, map[string]bool{}
	for _, r := range table(t, dir, file, false) {
		found := o.keys[list][r["key"]]
		if found == nil || keys[r["key"]] {
			t.Fatalf("%s: a key that the list has not, or twice", file)
		}
		keys[r["key"]] = true
		if r["member"] != "true" {
			continue
		}
		n := len(out)
		for u := range found {
			if eligible[u] {
				out[u] = true
			}
		}
		if len(out) == n {
			t.Fatalf("%s: a member who may not be one", file)
		}
	}
	if len(keys) != len(o.keys[list]) {
		t.Errorf("%s has %d keys, the list %d", file, len(keys), len(o.keys[list]))
	}
	return out
}

// heldBack compares who was left out with the share that the campaign holds out: who that
// is only the room's key tells. Six standard deviations, past which a right room is once
// in 10⁹.
func heldBack(t *testing.T, what string, delivered, eligible map[*oracleUser]bool, share float64) {
	t.Helper()
	n := float64(len(eligible))
	if off := math.Abs(float64(len(delivered)) - n*(1-share)); off > 6*math.Sqrt(n*share*(1-share)) {
		t.Errorf("%s reaches %d of %d, with %.0f %% held out", what, len(delivered), len(eligible), 100*share)
	}
}

// springLog is what the client's shop knows of its members: what they saw and clicked, and
// what they bought, twice as many of those who were delivered as of the others. A number
// of many members is nobody's; one that the list has not is not counted.
func (o *oracle) springLog(delivered map[*oracleUser]bool) string {
	var b strings.Builder
	b.WriteString("at,member,what,campaign,yen\n")
	for _, key := range slices.Sorted(maps.Keys(o.keys["members"])) {
		n, err := strconv.Atoi(strings.TrimPrefix(key, "M-"))
		if err != nil {
			continue
		}
		is := slices.ContainsFunc(slices.Collect(maps.Keys(o.keys["members"][key])), func(u *oracleUser) bool { return delivered[u] })
		day := func(i int) string { return o.days.day(-(n + i) % 6) }
		k := n / 5
		if is && k%4 != 3 {
			for i := range 1 + k%2 {
				fmt.Fprintf(&b, "%s 10:00:00,%s,imp,spring,10\n", day(i), key)
			}
			if k%3 != 0 {
				fmt.Fprintf(&b, "%s 11:00:00,%s,click,spring,40\n", day(4), key)
			}
		}
		if k%5 == 0 || is && k%5 == 1 {
			fmt.Fprintf(&b, "%s 12:00:00,%s,buy,spring,3000\n", day(3), key)
		}
	}
	fmt.Fprintf(&b, "%s 12:00:00,P-0,buy,spring,3000\n%[1]s 12:00:00,X-1,imp,spring,10\n%s 12:00:00,M-0,imp,spring,10\n", o.days.day(0), o.days.day(-7)) // the day before the campaign
	return b.String()
}

// summerLog is what the platform knows by labels.
func (o *oracle) summerLog(t *testing.T, dir, labels string, delivered map[*oracleUser]bool) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("日時,label,種別,円\n")
	for _, r := range table(t, dir, labels, false) {
		n, err := strconv.Atoi(strings.TrimPrefix(r["key"], "ad-"))
		if err != nil {
			t.Fatal(err)
		}
		is := slices.ContainsFunc(slices.Collect(maps.Keys(o.keys["people"][r["key"]])), func(u *oracleUser) bool { return delivered[u] })
		if is && n%7 != 0 {
			fmt.Fprintf(&b, "%s 10:00:00,%s,表示,5\n", o.days.day(-n%6), r["label"])
			if n%7 < 3 {
				fmt.Fprintf(&b, "%s 10:05:00,%s,クリック,20\n", o.days.day(-n%6), r["label"])
			}
		}
		if n%11 < 5 || is && n%11 < 9 {
			fmt.Fprintf(&b, "%s 23:00:00,%s,登録,0\n", o.days.day(-n%5), r["label"])
		}
	}
	fmt.Fprintf(&b, "%s 10:00:00,%s,表示,5\n", o.days.day(0), strings.Repeat("A", 40)) // of no delivery
	return b.String()
}

// readLog reads a campaign's log: column names a user by a key of a list, or by what
// keys make one.
func (o *oracle) readLog(t *testing.T, dir, file, list, column string, keys map[string]string) {
	t.Helper()
	kinds := map[string]string{"imp": "impression", "表示": "impression", "click": "click", "クリック": "click", "buy": "conversion", "登録": "conversion"}
	for _, r := range table(t, dir, file, false) {
		key := r[column]
		if keys != nil {
			key = keys[key]
		}
		who := o.keys[list][key]
		if len(who) > 8 {
			continue // a key of that many people is no person's
		}
		yen, err := strconv.ParseInt(r["yen"]+r["円"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for u := range who {
			o.events = append(o.events, oracleEvent{who: u, day: (r["at"] + r["日時"])[:10], kind: kinds[r["what"]+r["種別"]], yen: yen, log: file})
		}
	}
}

// came counts what came of a campaign among those who were delivered and saw it, by a
// value of each; all of its days are within the log's.
func (o *oracle) came(log string, delivered map[*oracleUser]bool, by func(*oracleUser) string) (users map[string]int64, sums map[string]map[string]int64) {
	users, sums = map[string]int64{}, map[string]map[string]int64{"impressions": {}, "clicks": {}, "conversions": {}, "cost": {}}
	reached := map[*oracleUser]bool{}
	of := func(e oracleEvent) bool { return e.log == log && delivered[e.who] && e.day >= o.days.day(-6) }
	for _, e := range o.events {
		if of(e) && e.kind == "impression" && !reached[e.who] {
			reached[e.who] = true
			users[by(e.who)]++
		}
	}
	for _, e := range o.events {
		if of(e) && reached[e.who] {
			sums[e.kind+"s"][by(e.who)]++
			if e.kind != "conversion" {
				sums["cost"][by(e.who)] += e.yen
			}
		}
	}
	return users, sums
}

// arms counts those who were delivered and those who were held out, and who of them
// converted.
func (o *oracle) arms(log string, delivered, eligible map[*oracleUser]bool) (users, converters map[string]int64) {
	did := map[*oracleUser]bool{}
	for _, e := range o.events {
		if e.log == log && e.kind == "conversion" && e.day >= o.days.day(-6) {
			did[e.who] = true
		}
	}
	users, converters = map[string]int64{}, map[string]int64{}
	for u := range eligible {
		arm := "holdout"
		if delivered[u] {
			arm = "treated"
		}
		users[arm]++
		converters[arm] += int64(b2i(did[u]))
	}
	return users, converters
}

// credited counts by the last touch what those who were delivered are credited with: a
// click of five days, that of the conversion among them; else an impression of three.
func (o *oracle) credited(t *testing.T, log string, delivered map[*oracleUser]bool) (users, credits map[string]int64) {
	t.Helper()
	day := func(e oracleEvent) int {
		at, err := time.Parse(time.DateOnly, e.day)
		if err != nil {
			t.Fatal(err)
		}
		return int(at.Unix() / 86_400)
	}
	touches := map[*oracleUser]map[string][]int{}
	for _, e := range o.events {
		if e.log == log && e.kind != "conversion" {
			if touches[e.who] == nil {
				touches[e.who] = map[string][]int{}
			}
			touches[e.who][e.kind] = append(touches[e.who][e.kind], day(e))
		}
	}
	users, credits = map[string]int64{}, map[string]int64{}
	has := map[string]map[*oracleUser]bool{}
	for _, e := range o.events {
		if e.log != log || e.kind != "conversion" || !delivered[e.who] || e.day < o.days.day(-6) {
			continue
		}
		within := func(kind string, days int) bool {
			return slices.ContainsFunc(touches[e.who][kind], func(at int) bool { return at <= day(e) && at > day(e)-days })
		}
		cell := "unattributed"
		switch {
		case within("click", 5):
			cell = "click/spring"
		case within("impression", 3):
			cell = "impression/spring"
		}
		credits[cell]++
		if has[cell] == nil {
			has[cell] = map[*oracleUser]bool{}
		}
		if !has[cell][e.who] {
			has[cell][e.who] = true
			users[cell]++
		}
	}
	return users, credits
}
