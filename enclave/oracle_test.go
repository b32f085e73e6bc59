package enclave

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// The oracle works on strings, in maps, with rules written out a second time:
// for each identifier it knows the clean value that the messy spelling was made
// from, and the text that each profile makes of it.

// clean is an identifier as its owner would write it.
type clean struct {
	kind   string
	local  string // email: before the @; phone: national number without trunk 0; else the value
	domain string
}

// text gives what a mailbox-preserving profile hashes.
func (c clean) text(profile string) string {
	switch c.kind {
	case "email":
		local := c.local
		gmail := c.domain == "gmail.com" || c.domain == "googlemail.com" && profile == "google"
		if gmail && (profile == "google" || profile == "uid2") {
			local, _, _ = strings.Cut(strings.ReplaceAll(local, ".", ""), "+")
		}
		return local + "@" + c.domain
	case "phone":
		switch profile {
		case "meta", "snap", "tiktok-noplus", "yahoo-japan":
			return "81" + c.local
		}
		return "+81" + c.local
	}
	return c.local
}

// mailboxProfiles are the profiles whose hashes share the common index.
var mailboxProfiles = []string{"awase", "google", "uid2", "meta", "snap", "tiktok", "tiktok-noplus", "x", "line", "yahoo-japan", "pair"}

// texts gives every text that the profiles make.
func (c clean) texts() map[string]bool {
	out := map[string]bool{}
	for _, p := range mailboxProfiles {
		out[c.kind+" "+c.text(p)] = true
	}
	return out
}

// mess spells an identifier as files do.
func (c clean) mess(r *rand.Rand) string {
	wide := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c > ' ' && c < 0x7f && r.IntN(2) == 0 {
				return c + 0xfee0
			}
			return c
		}, s)
	}
	pad := []string{"", " ", "　", "\u00a0"}[r.IntN(4)]
	switch c.kind {
	case "email":
		s := c.local + "@" + c.domain
		switch r.IntN(4) {
		case 0:
			s = strings.ToUpper(s)
		case 1:
			s = wide(s)
		}
		return pad + s + pad
	case "phone":
		n := c.local // 9012345678
		dash := []string{"-", "－", "ー", "‐", "−", " ", ""}[r.IntN(7)]
		national := "0" + n[:2] + dash + n[2:6] + dash + n[6:]
		switch r.IntN(5) {
		case 0:
			return pad + "+81" + dash + n
		case 1:
			return pad + "010-81-" + n
		case 2:
			return wide(national)
		case 3:
			return "(0" + n[:2] + ")" + n[2:6] + "-" + n[6:]
		}
		return national
	case "maid":
		if r.IntN(2) == 0 {
			return strings.ToUpper(c.local)
		}
	}
	return c.local
}

type oracleUser struct {
	ids              []clean
	verified         bool
	version, service string
	enquiry          bool
	gender           string
	absent           bool   // not in the table at all
	agreed           string // the day of consent; "": 2024-02-01
}

// oracleRow is a row of a list: identifiers, each spelled raw or hashed by a
// profile.
type oracleRow struct {
	cells map[string]string   // column → cell
	texts map[string][]string // column's kind → texts that the row asks for
}

var oracleKinds = []string{"email", "phone", "cookie", "maid"}

func drawClean(r *rand.Rand, kind string, pool int) clean {
	n := r.IntN(pool)
	switch kind {
	case "email":
		local := []string{"taro.%d", "t.a.r.o.%d", "taro.%d+shop", "hanako_%d", "d.c%d"}[r.IntN(5)]
		return clean{kind, fmt.Sprintf(local, n), []string{"gmail.com", "googlemail.com", "example.jp", "docomo.ne.jp"}[r.IntN(4)]}
	case "phone":
		return clean{kind, fmt.Sprintf("%d0%08d", 7+n%3, 12000000+n), ""}
	case "cookie":
		return clean{kind, fmt.Sprintf("Ck-%06d", n), ""}
	}
	return clean{kind, fmt.Sprintf("5f3a2b18-9c4d-4e7f-b8e2-17d3%08d", n), ""}
}

func drawUsers(r *rand.Rand, n int) []oracleUser {
	users := make([]oracleUser, n)
	for i := range users {
		u := &users[i]
		u.verified = r.IntN(10) > 0
		u.version = []string{"v2", "v2", "v2", "v1", ""}[r.IntN(5)]
		u.gender = []string{"f", "m", "unknown"}[r.IntN(3)]
		if r.IntN(8) == 0 {
			u.service = []string{"jobs", "food"}[r.IntN(2)]
		}
		u.enquiry = r.IntN(12) == 0
		for _, k := range oracleKinds {
			if r.IntN(3) > 0 {
				u.ids = append(u.ids, drawClean(r, k, n)) // a pool of n: some are shared
			}
		}
	}
	return users
}

func drawRow(r *rand.Rand, pool int) oracleRow {
	row := oracleRow{map[string]string{}, map[string][]string{}}
	for _, k := range oracleKinds {
		if r.IntN(2) == 0 {
			continue
		}
		c := drawClean(r, k, pool)
		if r.IntN(2) == 0 || k == "cookie" {
			row.cells[k] = c.mess(r)
			for t := range c.texts() {
				row.texts[k] = append(row.texts[k], t)
			}
			continue
		}
		text := c.text(mailboxProfiles[r.IntN(len(mailboxProfiles))])
		h := sha256.Sum256([]byte(text))
		row.cells[k] = []string{hex.EncodeToString(h[:]), strings.ToUpper(hex.EncodeToString(h[:])), base64.StdEncoding.EncodeToString(h[:])}[r.IntN(3)]
		row.texts[k] = []string{k + " " + text}
	}
	return row
}

// drawRoom draws 120 users, and 80 rows of which many are theirs.
func drawRoom(r *rand.Rand) (users []oracleUser, rows []oracleRow) {
	users = drawUsers(r, 120)
	for len(rows) < 80 {
		if row := drawRow(r, 120); len(row.cells) > 0 {
			rows = append(rows, row)
		}
	}
	return users, rows
}

// oracleCount counts matched, eligible users by gender and first kind.
func oracleCount(users []oracleUser, rows []oracleRow, e matcher.Eligibility) map[string]int64 {
	holders := map[string]map[int]bool{}
	for i, u := range users {
		if !u.verified {
			continue
		}
		for _, c := range u.ids {
			for t := range c.texts() {
				if holders[t] == nil {
					holders[t] = map[int]bool{}
				}
				holders[t][i] = true
			}
		}
	}
	listed := map[string]bool{}
	for _, row := range rows {
		for _, texts := range row.texts {
			for _, t := range texts {
				listed[t] = true
			}
		}
	}
	out := map[string]int64{}
	for i, u := range users {
		if !slices.Contains(e.Versions, u.version) || u.service != "" && u.service != e.Service || u.enquiry && !e.Enquiry {
			continue
		}
		for _, k := range oracleKinds {
			hit := false
			for t, who := range holders {
				hit = hit || strings.HasPrefix(t, k+" ") && len(who) == 1 && who[i] && listed[t]
			}
			if hit {
				out[u.gender+" "+k]++
				break
			}
		}
	}
	return out
}

func csvOf(header []string, rows [][]string) []byte {
	var b bytes.Buffer
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

func parse[T any](t testing.TB, f func(string, []byte) (*T, error), doc string) *T {
	t.Helper()
	v, err := f("doc.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const oracleBase = `schema: awase.base/v1
region: JP
user_key: id
verified: ok
consent: {version: version, date: date}
identifiers:
  - {column: email, kind: email}
  - {column: phone, kind: phone}
  - {column: cookie, kind: cookie, namespace: site}
  - {column: maid, kind: maid}
attributes:
  - {column: sex, name: gender, values: [f, m, unknown], shares: {f: 0.5, m: 0.45}}
restrictions:
  - {column: service, kind: service_limited}
  - {column: enquiry, kind: enquiry_only}
`

const oracleList = `schema: awase.list/v1
columns:
  - {column: email, kind: email}
  - {column: phone, kind: phone}
  - {column: cookie, kind: cookie, namespace: site}
  - {column: maid, kind: maid}
`

const oracleContract = `schema: awase.entrustment/v1
id: e
flow: 5-analysis
principal: acme
trustee: operator
purpose: statistics
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: acme, code: CONSENT_27_1, scope: analysis, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email, phone, cookie, maid]
attributes: [gender]
outputs: [overlap, profile, behaviour, reach-frequency, size, cube]
events: [spring, shop]
recipients: [acme]
countries: {acme: JP}
retention: {lists: 90d, reports: 365d}
from: 2020-01-01
until: 2036-12-31
`

// openRoom gives an enclave with parties, policies and the contract.
func openRoom(t *testing.T) *Enclave {
	t.Helper()
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "V"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	furnish(t, e)
	return e
}

// furnish gives an enclave parties, policies and the contract.
func furnish(t testing.TB, e *Enclave) {
	t.Helper()
	ctx := context.Background()
	for _, p := range []string{"operator", "client"} {
		id := map[string]string{"operator": "operator", "client": "acme"}[p]
		if e.state.parties[id] != nil {
			continue
		}
		doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", id, p, id)
		if _, err := e.AddParty(ctx, parse(t, entrustment.ParseParty, doc)); err != nil {
			t.Fatal(err)
		}
	}
	policies := "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n  - {version: v1, date: 2019-04-01, clauses: {}}\n"
	if _, err := e.SetPolicies(ctx, parse(t, entrustment.ParsePolicies, policies)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Entrust(ctx, parse(t, entrustment.ParseContract, oracleContract)); err != nil {
		t.Fatal(err)
	}
}

// sealed seals rows to where they go, as the desk does.
func sealed(t testing.TB, e *Enclave, entrustmentID, name string, h seal.Header, rows seal.Rows) *bytes.Reader {
	t.Helper()
	terms, err := e.Terms(t.Context(), entrustmentID)
	if err != nil {
		t.Fatal(err)
	}
	return sealedBy(t, terms, name, h, rows)
}

// sealedBy is sealed, by terms.
func sealedBy(t testing.TB, terms wire.Terms, name string, h seal.Header, rows seal.Rows) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	a := seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: name, Upload: seal.NewUpload()}
	w, err := seal.NewWriter(&b, terms.Key, a, h, seal.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for batch, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func loadBaseFile(t *testing.T, e *Enclave, data []byte) wire.BaseLoaded {
	t.Helper()
	return loadBaseAs(t, e, parse(t, entrustment.ParseBaseSchema, oracleBase), data)
}

func loadBaseAs(t *testing.T, e *Enclave, schema *entrustment.BaseSchema, data []byte) wire.BaseLoaded {
	t.Helper()
	f, err := intake.OpenBase(t.Context(), bytes.NewReader(data), int64(len(data)), schema, intake.Options{Name: "users.csv"})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.LoadBase(t.Context(), schema, sealed(t, e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func loadListFile(t *testing.T, e *Enclave, name string, data []byte) wire.ListLoaded {
	t.Helper()
	f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: name}, sealed(t, e, "e", name, f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	if n := f.Report().Rejected; n != 0 {
		t.Fatalf("%d rows were rejected: %v", n, f.Report().FaultList())
	}
	return loaded
}

func usersCSV(r *rand.Rand, users []oracleUser) []byte {
	header := []string{"id", "ok", "version", "date", "sex", "service", "enquiry", "email", "phone", "cookie", "maid"}
	var rows [][]string
	for i, u := range users {
		if u.absent {
			continue
		}
		row := []string{fmt.Sprintf("user-%d", i), fmt.Sprint(u.verified), u.version, cmp.Or(u.agreed, "2024-02-01"), u.gender, u.service, fmt.Sprint(u.enquiry), "", "", "", ""}
		for _, c := range u.ids {
			row[7+slices.Index(oracleKinds, c.kind)] = c.mess(r)
		}
		rows = append(rows, row)
	}
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return csvOf(header, rows)
}

func rowsCSV(rows []oracleRow) []byte {
	var cells [][]string
	for _, row := range rows {
		line := make([]string, len(oracleKinds))
		for i, k := range oracleKinds {
			line[i] = row.cells[k]
		}
		cells = append(cells, line)
	}
	return csvOf(oracleKinds, cells)
}

// TestOracle: from two messy files, through intake and enclave, the engine finds
// the clusters that the oracle finds, by kind and by attribute.
func TestOracle(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		users, rows := drawRoom(r)
		e := openRoom(t)
		loadBaseFile(t, e, usersCSV(r, users))
		loadListFile(t, e, "l", rowsCSV(rows))
		total := int64(0)
		for _, el := range []matcher.Eligibility{
			{ByPolicy: true, Versions: []string{"v2"}},
			{ByPolicy: true, Versions: []string{"v1", "v2"}, Service: "jobs", Enquiry: true},
		} {
			exact, err := e.engine.Cells(t.Context(), matcher.Query{
				Population: matcher.PopulationID(e.state.base.Population), Eligible: el, List: matcher.ListID(e.state.lists[listKey{"e", "l"}].ID),
				Dims: []matcher.Dim{{Source: matcher.BaseColumn, Name: "gender", Size: 3}, {Source: matcher.MatchedBy, Name: "matched_by", Size: int(matcher.Kinds)}},
			})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for i, n := range exact.Users {
				if n > 0 {
					got[[]string{"f", "m", "unknown"}[i/4]+" "+oracleKinds[i%4]] = n
					total += n
				}
			}
			if want := oracleCount(users, rows, el); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d: got %v, want %v", seed, got, want)
			}
		}
		if total < 20 {
			t.Errorf("seed %d: only %d matches: the test proves little", seed, total)
		}
	}
}

// TestProfilesMatchOne: for every mailbox-preserving profile and kind, a list
// of one hash finds the one user, through the whole way; a lossy profile does
// not find it in the common index.
func TestProfilesMatchOne(t *testing.T) {
	norm, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	user := oracleUser{verified: true, version: "v2", gender: "f", ids: []clean{
		{"email", "t.a_ro+x", "gmail.com"}, {"phone", "9012345678", ""}, {"maid", "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25", ""}}}
	r := rand.New(rand.NewPCG(1, 1))
	e := openRoom(t)
	loadBaseFile(t, e, usersCSV(r, []oracleUser{user}))
	count := func(kind, profile, raw string) int64 {
		t.Helper()
		p, err := identifier.ParseProfile(profile)
		if err != nil {
			t.Fatal(err)
		}
		k, err := identifier.ParseKind(kind)
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := norm.Normalise(p, k, []byte(raw))
		if err != nil {
			t.Fatalf("%s %s: %v", profile, kind, err)
		}
		h := sha256.Sum256(text)
		row := oracleRow{cells: map[string]string{kind: hex.EncodeToString(h[:])}}
		loadListFile(t, e, "l", rowsCSV([]oracleRow{row}))
		exact, err := e.engine.Cells(t.Context(), matcher.Query{Population: matcher.PopulationID(e.state.base.Population),
			Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v2"}}, List: matcher.ListID(e.state.lists[listKey{"e", "l"}].ID)})
		if err != nil {
			t.Fatal(err)
		}
		return exact.Users[0]
	}
	email, phone, maid := "t.a_ro+x@gmail.com", "+819012345678", "5F3A2B18-9C4D-4E7F-B8E2-17D3A1E69B25"
	for _, p := range mailboxProfiles {
		if p != "line" { // LINE takes no + in an address
			if count("email", p, email) != 1 {
				t.Errorf("an address hashed by %s finds nobody", p)
			}
		}
		if count("phone", p, phone) != 1 {
			t.Errorf("a number hashed by %s finds nobody", p)
		}
		if count("maid", p, maid) != 1 {
			t.Errorf("an ad id hashed by %s finds nobody", p)
		}
	}
	if count("email", "amc", email) != 0 {
		t.Error("an address hashed by a lossy rule matched without being declared so")
	}
}
