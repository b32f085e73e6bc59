package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/japanese"
)

// The files of the flows' world, with the mess that such files have. Nothing of them
// is known to the oracle but what stands in them.
const flowUsers = 20_000

func flowMail(i int) string { return fmt.Sprintf("Hana.%d@Example.JP", i) }

// wide writes ASCII as full-width letters.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if '!' <= r && r <= '~' {
			return r + 0xFEE0
		}
		return r
	}, s)
}

// spelt writes a mailbox as people do.
func spelt(i int, mail string) string {
	switch i % 6 {
	case 1:
		return strings.ToUpper(mail)
	case 2:
		return "　" + mail + " "
	case 3:
		return wide(mail)
	}
	return mail
}

// number writes a mobile number as people and spreadsheets do. Of some pairs of users
// it is the same one: what two hold finds neither.
func number(i int) string {
	if i%18 == 4 {
		i--
	}
	digits := fmt.Sprintf("0902%07d", i)
	switch i % 5 {
	case 1:
		return digits[1:] // the zero lost
	case 2:
		return "+81 " + digits[1:3] + "-" + digits[3:7] + "-" + digits[7:]
	case 3:
		return wide(digits[:3] + "-" + digits[3:7] + "-" + digits[7:])
	}
	return digits[:3] + "-" + digits[3:7] + "-" + digits[7:]
}

// flowBase is the operator's table: versions of its policy, people known from an
// enquiry or for one service alone, mailboxes that nobody verified.
func flowBase() []byte {
	var b bytes.Buffer
	b.WriteString("user_id,email,mobile,ok,version,agreed,birth,sex,service,enquiry,mail_ok,name\n")
	year := time.Now().Year()
	for i := range flowUsers {
		phone := number(i)
		if i%4 == 3 {
			phone = ""
		}
		born := fmt.Sprintf([3]string{"%d-06-15", "%d/6/15", "%d0615"}[i%3], year-14-10*(i%6)-1) // ages in the middle of a band
		fmt.Fprintf(&b, "u%d,%s,%s,%t,%s,2024-02-01,%s,%s,%s,%t,%s,花子\n", i, spelt(i/7, flowMail(i)), phone, i%13 != 5,
			[5]string{"2024-01-29", "2024-01-29", "2024-01-29", "2019-04-01", ""}[i%50/10], born, [4]string{"female", "male", "MALE", ""}[i*7%4], [2]string{"", "jobs"}[b2i(i%23 == 4)], i%17 == 2, [3]string{"はい", "true", ""}[i/6%3])
	}
	return b.Bytes()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clientTier is what a client's list says of a person, in whatever row; of two with one
// number the same, for a row may find the other one.
func clientTier(i int) string {
	if i%18 == 4 {
		i--
	}
	return [5]string{"gold", "ＳＩＬＶＥＲ", "Bronze", "silver", "プラチナ"}[i%5]
}

// flowClient is a client's list out of Excel: Shift_JIS, CRLF, names and commas,
// missing consent, rows of which nothing can be read, people twice, strangers, and
// rows with one person's mailbox and another's number.
func flowClient() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("会員番号,氏名,メールアドレス,携帯番号,会員ランク,同意\r\n")
	no := ""
	row := func(name, mail, phone string, i int) {
		fmt.Fprintf(&b, "%s%d,\"%s\",%s,%s,%s,%s\r\n", no, i, name, mail, phone, clientTier(i), [3]string{"はい", "いいえ", ""}[max(0, i%13-10)])
	}
	no = "M-"
	for i := 0; i < 13_000; i++ {
		switch {
		case i%29 == 3: // nothing to read
			row("無名", "hana.example.jp", "", i)
		case i%31 == 7: // a number that is none spoils the row
			row("短い", flowMail(i), "090-12", i)
		case i%3 == 0:
			row("山田, 花子", spelt(i, flowMail(i)), "", i)
		case i%3 == 1:
			row("田中", "", number(i), i)
		default:
			row("鈴木", spelt(i/5, flowMail(i)), number(i), i)
		}
		if i%40 == 8 {
			row("また", flowMail(i), "", i)
		}
		if i%97 == 0 {
			b.WriteString("\r\n")
		}
	}
	no = "S-"
	for i := range 900 {
		row("他人", fmt.Sprintf("stranger.%d@example.com", i), fmt.Sprintf("080-4%03d-0000", i), i)
	}
	no = "P-"
	for i := 18_000; i < 19_900; i += 2 { // two who are found by one row
		row("夫婦", flowMail(i), number(i+1), 0)
	}
	return japanese.ShiftJIS.NewEncoder().Bytes(b.Bytes())
}

// flowPartner is an ad platform's list: every other mailbox hashed beforehand, places
// as addresses and postcodes.
func flowPartner() []byte {
	var b bytes.Buffer
	b.WriteString("account,mail,関心,場所\n")
	for i := 4000; i < 16_000; i++ {
		mail := spelt(i/3, flowMail(i))
		if i%2 == 0 {
			h := sha256.Sum256([]byte(strings.ToLower(flowMail(i))))
			mail = hex.EncodeToString(h[:])
			if i%4 == 0 {
				mail = strings.ToUpper(mail)
			}
		}
		if i >= 15_000 {
			mail = fmt.Sprintf("other.%d@example.net", i)
		}
		fmt.Fprintf(&b, "ad-%d,%s,%s,%s\n", i, mail, [4]string{"travel", "FOOD", "games", "?"}[i*3%4], [5]string{"東京都港区1-2", "〒530-0001", "北海道", "どこか", ""}[i/4%5])
	}
	return b.Bytes()
}

// flowLogs are the operator's own log, of pages, and the ad platform's, of what was
// watched: other days, other zones, times that are none.
func flowLogs() (own, partner []byte) {
	var o, p bytes.Buffer
	o.WriteString("user,at,page\n")
	p.WriteString("日時,mail,種別\n")
	for i := range flowUsers {
		if i%3 == 0 {
			for n := range 1 + i%3 {
				fmt.Fprintf(&o, "u%d,2026-04-%02dT0%d:00:00Z,%s\n", i, 1+(i+n)%29, n, [3]string{"job", "company", "help"}[(i/3+n)%3])
			}
		}
		if i%7 == 1 {
			fmt.Fprintf(&o, "u%d,2026-03-31T14:59:59Z,job\nu%d,someday,job\n", i, i) // the day before April in Japan; no time
		}
		if 4000 <= i && i < 15_000 && i%5 < 2 {
			fmt.Fprintf(&p, "2026/04/%02d 10:00:00,%s,%s\n", 1+i%30, spelt(i, flowMail(i)), [2]string{"video", "feed"}[i/5%2])
			fmt.Fprintf(&p, "2026-03-31T15:00:00Z,%s,video\n", flowMail(i)) // midnight in Japan, and April
		}
		if i%11 == 1 {
			fmt.Fprintf(&p, "2026-04-30T15:00:00Z,%s,feed\n2026-04-02 09:00,%s,audio\n", flowMail(i), flowMail(i)) // May in Japan; no declared kind
		}
	}
	return o.Bytes(), p.Bytes()
}

const flowBasis = `
basis:
  - {party: operator, code: CONSENT_POLICY, policy: "2024-01-29", clauses: ["%s"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: %s, code: CONSENT_27_1, scope: analysis, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email, phone]
attributes: [age_band, gender]
list_columns: [tier, interest, home]
events: [job, company, video, feed]
outputs: [overlap, profile, behaviour]
recipients: [%s]
countries: {operator: JP}
retention: {lists: 90d, events: 90d, reports: 365d}
from: 2026-04-01
until: 2036-03-31
`

// flowConsent is the hash of the document in which the operator agrees to the
// sub-trustee.
const flowConsent = "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"

// flowDocs are the documents of the world.
func flowDocs() map[string]string {
	contract := func(id, terms, clause, other, reads string) string {
		return "schema: awase.entrustment/v1\nid: " + id + "\n" + terms + fmt.Sprintf(flowBasis, clause, other, reads)
	}
	spec := func(text string) string { return "schema: awase.report/v1\n" + text }
	return map[string]string{
		"operator.yaml": smallDocs["operator.yaml"], "acme.yaml": smallDocs["acme.yaml"], "policies.yaml": smallDocs["policies.yaml"], "gate.yaml": smallDocs["gate.yaml"],
		"adco.yaml":   "schema: awase.party/v1\nid: adco\nclass: ad-platform\ngroup: adco\ncountry: JP\n",
		"helper.yaml": "schema: awase.party/v1\nid: helper\nclass: trustee\ngroup: helper\ncountry: JP\n",
		"worker.yaml": "schema: awase.party/v1\nid: worker\nclass: trustee\ngroup: worker\ncountry: JP\n",
		"base.yaml": `schema: awase.base/v1
region: JP
user_key: user_id
verified: ok
consent: {version: version, date: agreed}
identifiers:
  - {column: email, kind: email}
  - {column: mobile, kind: phone}
attributes:
  - {column: birth, name: age_band, generalise: {birth_date: {width: 10, from: 20, to: 70}}}
  - {column: sex, name: gender, values: [female, male]}
restrictions:
  - {column: service, kind: service_limited}
  - {column: enquiry, kind: enquiry_only}
channels: [{column: mail_ok, channel: mail}]
drop: [name]
`,
		"client.yaml": `schema: awase.list/v1
region: JP
columns:
  - {column: メールアドレス, kind: email}
  - {column: 携帯番号, kind: phone}
  - {column: 会員ランク, name: tier, values: [gold, silver, bronze]}
consent: {column: 同意}
drop: [氏名, 会員番号]
`,
		"partner.yaml": `schema: awase.list/v1
region: JP
columns:
  - {column: mail, kind: email}
  - {column: 関心, name: interest, values: [travel, food, games]}
  - {column: 場所, name: home, generalise: region}
drop: [account]
`,
		"own-log.yaml":     "schema: awase.events/v1\ntime: {column: at, zone: UTC}\nuser_key: user\nkind: page_view\ncategory: {column: page, values: [job, company]}\n",
		"partner-log.yaml": "schema: awase.events/v1\ntime: {column: 日時}\nidentifiers: [{column: mail, kind: email}]\nkind: page_view\ncategory: {column: 種別, values: [video, feed]}\n",

		"analysis.yaml":    contract("acme-an", "flow: 5-analysis\nprincipal: acme\ntrustee: operator\npurpose: statistics", "5", "acme", "acme"),
		"improvement.yaml": contract("acme-im", "flow: 5-improvement\nprincipal: acme\ntrustee: operator\npurpose: improvement", "5", "acme", "operator"),
		"platform.yaml":    contract("adco-an", "flow: 2-6-analysis\nprincipal: operator\ntrustee: adco\npurpose: statistics\nhost_trust_accepted: true", "2(6)", "adco", "operator"),
		"outsourced.yaml": contract("acme-out", "flow: 5-outsourcing\nruns: 5-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics\n"+
			"sub_trustees: [{party: helper, work: [ask], consent: \"sha256:"+flowConsent+"\"}]", "5", "acme", "acme"),
		"outsourced-alone.yaml":       contract("acme-out", "flow: 5-outsourcing\nruns: 5-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics", "5", "acme", "acme"),
		"outsourced-improvement.yaml": contract("acme-oim", "flow: 5-outsourcing\nruns: 5-improvement\nprincipal: operator\ntrustee: worker\npurpose: improvement", "5", "acme", "operator"),
		"outsourced-platform.yaml":    contract("adco-out", "flow: 5-outsourcing\nruns: 2-6-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics\nhost_trust_accepted: true", "2(6)", "adco", "operator"),

		"an-overlap.yaml":   spec("report: overlap\nentrustment: acme-an\nlist: members\ndims: [matched_by]\n"),
		"an-profile.yaml":   spec("report: profile\nentrustment: acme-an\nlist: members\ndims: [age_band, tier]\n"),
		"an-behaviour.yaml": spec("report: behaviour\nentrustment: acme-an\nlist: members\ndims: [gender]\ncategories: [job, company]\nwindow: {from: 2026-04-01, to: 2026-04-30}\n"),
		"im-profile.yaml":   spec("report: profile\nentrustment: acme-im\nlist: members\ndims: [tier, gender]\npurpose: improvement\nwhere: {between: {age_band: [\"20-29\", \"50-59\"]}}\n"),
		"pl-profile.yaml":   spec("report: profile\nentrustment: adco-an\nlist: people\ndims: [home, interest]\n"),
		"pl-behaviour.yaml": spec("report: behaviour\nentrustment: adco-an\ndims: [gender]\ncategories: [video, feed]\nwindow: {from: 2026-04-01, to: 2026-04-30}\n"),
		"out-profile.yaml":  spec("report: profile\nentrustment: acme-out\nlist: members\ndims: [gender, tier]\n"),
	}
}

// writeFlowWorld writes it all down.
func writeFlowWorld(t *testing.T, dir string) {
	t.Helper()
	client, err := flowClient()
	if err != nil {
		t.Fatal(err)
	}
	own, partner := flowLogs()
	files := map[string][]byte{"users.csv": flowBase(), "client.csv": client, "platform.csv": flowPartner(), "own-log.csv": own, "platform-log.csv": partner}
	for name, text := range flowDocs() {
		files[name] = []byte(text)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
}
