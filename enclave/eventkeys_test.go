package enclave

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// The world of logs by keys: 1,200 users of the operator, the first 800 of whom are
// the platform's too, under keys that are the operator's own of somebody else of the
// other gender, beside 100 strangers.
const (
	keyUsers  = 1200
	keyListed = 800
	keyOnList = keyListed + 100
)

const keyPolicies = `schema: awase.policies/v1
policies:
  - {version: v2, date: 2024-01-29, clauses: {"2(4)": [2-4-delivery], "5": [5-delivery]}}
`

const keyList = `schema: awase.list/v1
user_key: 番号
columns:
  - {column: メール, kind: email}
  - {column: 電話, kind: phone}
`

const keyEvents = `schema: awase.events/v1
time: {column: at}
list_key: {list: members, column: 番号}
kind: {column: kind, values: {imp: impression, click: click}}
category: {column: campaign, values: [spring-2026, summer-2026]}
value: {column: spend, unit: yen}
`

var idEvents = strings.Replace(keyEvents, "list_key: {list: members, column: 番号}", "identifiers: [{column: メール, kind: email}, {column: 電話, kind: phone}]", 1)

func keyContract(id, flow, principal, trustee, clause, other string) string {
	const hash = `"sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"`
	return "schema: awase.entrustment/v1\nid: " + id + "\nflow: " + flow + "\nprincipal: " + principal + "\ntrustee: " + trustee + `
purpose: advertising
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["` + clause + `"], evidence: ` + hash + `}
  - {party: ` + other + `, code: CONSENT_27_1, scope: delivery, evidence: ` + hash + `}
identifiers: [email, phone]
attributes: [gender]
events: [spring-2026, summer-2026]
outputs: [behaviour]
recipients: [` + principal + `]
countries: {operator: JP}
retention: {lists: 30d, events: 90d, reports: 365d}
from: 2020-01-01
until: 2036-12-31
`
}

// keyRoom is a room in which adco and acme each have a list members with keys of
// their own.
func keyRoom(t *testing.T) *agingRoom {
	t.Helper()
	return keyRoomFrom(t, 0)
}

// keyRoomFrom is one whose operator has the users from from on.
func keyRoomFrom(t *testing.T, from int) *agingRoom {
	t.Helper()
	r := &agingRoom{t: t, dir: filepath.Join(t.TempDir(), "V")}
	r.o.Now = func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }
	r.open()
	t.Cleanup(func() { r.Close() })
	furnishKeys(t, r, from)
	return r
}

// furnishKeys gives a room the parties, the users from from on, and the contracts.
func furnishKeys(t *testing.T, r *agingRoom, from int) {
	t.Helper()
	for _, p := range [][2]string{{"operator", "operator"}, {"acme", "client"}, {"adco", "ad-platform"}} {
		if _, err := r.AddParty(t.Context(), parse(t, entrustment.ParseParty, fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", p[0], p[1], p[0]))); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.SetPolicies(t.Context(), parse(t, entrustment.ParsePolicies, keyPolicies))
	if _, gerr := r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n")); err != nil || gerr != nil {
		t.Fatal(err, gerr)
	}
	var b bytes.Buffer
	b.WriteString("id,ok,version,date,sex,service,enquiry,email,phone,cookie,maid\n")
	for i := from; i < keyUsers; i++ {
		fmt.Fprintf(&b, "user-%d,true,v2,2024-02-01,%s,,false,%s,%s,,\n", i, [2]string{"f", "m"}[i%2], flowMail(i), keyPhone(i))
	}
	loadBaseFile(t, r.Enclave, b.Bytes())
	for _, c := range []string{keyContract("adco-24", "2-4-delivery", "operator", "adco", "2(4)", "adco"), keyContract("acme-5", "5-delivery", "acme", "operator", "5", "acme")} {
		if _, err := r.Entrust(t.Context(), parse(t, entrustment.ParseContract, c)); err != nil {
			t.Fatal(err)
		}
	}
}

func keyPhone(i int) string { return fmt.Sprintf("0901%07d", i) }

// platformKey is the platform's key of user i.
func platformKey(i int) string { return fmt.Sprintf("user-%d", (i+601)%keyUsers) }

// keyMail is the address that the platform has of user i: of every third, one that the
// operator does not know.
func keyMail(i int) string {
	if i%3 == 0 || i >= keyListed {
		return flowMail(1_000_000 + i)
	}
	return flowMail(i)
}

func keyPhoneOf(i int) string {
	if i >= keyListed {
		return keyPhone(1_000_000 + i)
	}
	return keyPhone(i)
}

// keyRows are the platform's list from from to to: of every second person two rows.
func keyRows(from, to int) []byte {
	var b bytes.Buffer
	b.WriteString("番号,メール,電話\n")
	for i := from; i < to; i++ {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%s,%s,%s\n", platformKey(i), keyMail(i), keyPhoneOf(i))
			continue
		}
		fmt.Fprintf(&b, "%s,%s,\n%s,,%s\n", platformKey(i), keyMail(i), platformKey(i), keyPhoneOf(i))
	}
	return b.Bytes()
}

func (r *agingRoom) sealKeyed(id string, change seal.Change, schema string, data []byte) []byte {
	r.t.Helper()
	f, err := intake.OpenList(r.t.Context(), bytes.NewReader(data), int64(len(data)), parse(r.t, entrustment.ParseListSchema, schema), intake.Options{Change: change})
	if err != nil {
		r.t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(r.t, r.Enclave, id, "members", f.Header(), f.Rows()))
	if err != nil {
		r.t.Fatal(err)
	}
	return raw
}

func (r *agingRoom) loadKeyed(id string, change seal.Change, data []byte) wire.ListLoaded {
	r.t.Helper()
	loaded, err := r.LoadList(r.t.Context(), wire.ListRequest{Entrustment: id, Name: "members"}, bytes.NewReader(r.sealKeyed(id, change, keyList, data)))
	if err != nil {
		r.t.Fatal(err)
	}
	return loaded
}

// keyEvent is an event of user i; those from keyOnList on are on no list.
type keyEvent struct {
	user, day int // day of April 2026
	click     bool
	summer    bool
	spend     int64
}

// keyLog is what happened to whom.
func keyLog(to int) (log []keyEvent) {
	for i := range to {
		for n := range i % 4 {
			log = append(log, keyEvent{i, 1 + (i+n)%28, n == 2, i%5 == 0, int64(100 * n)})
		}
	}
	return log
}

// keyLogCSV writes events with the keys and the addresses that the platform has.
func keyLogCSV(log []keyEvent) (byKey, byIdentifier []byte) {
	var k, id bytes.Buffer
	k.WriteString("at,番号,kind,campaign,spend\n")
	id.WriteString("at,メール,電話,kind,campaign,spend\n")
	for _, e := range log {
		rest := fmt.Sprintf("%s,%s,%d\n", map[bool]string{true: "click", false: "imp"}[e.click], map[bool]string{true: "summer-2026", false: "spring-2026"}[e.summer], e.spend)
		fmt.Fprintf(&k, "2026-04-%02d,%s,%s", e.day, platformKey(e.user), rest)
		if e.user < keyOnList {
			fmt.Fprintf(&id, "2026-04-%02d,%s,%s,%s", e.day, keyMail(e.user), keyPhoneOf(e.user), rest)
		}
	}
	return k.Bytes(), id.Bytes()
}

func (r *agingRoom) sealLog(id, schema string, data []byte) []byte {
	r.t.Helper()
	f, err := intake.OpenEvents(r.t.Context(), bytes.NewReader(data), int64(len(data)), parse(r.t, entrustment.ParseEventSchema, schema), intake.Options{Name: "log.csv", Today: entrustment.DateOf(r.vault.Log().Now())})
	if err != nil {
		r.t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(r.t, r.Enclave, id, seal.EventsName, f.Header(), f.Rows()))
	if err != nil {
		r.t.Fatal(err)
	}
	return raw
}

func (r *agingRoom) loadLog(id string, raw []byte) (wire.EventsLoaded, error) {
	return r.LoadEvents(r.t.Context(), wire.EventsRequest{Entrustment: id}, bytes.NewReader(raw))
}

// exact counts a log by category and gender: people, events, and yen in hundreds.
func (r *agingRoom) exact(l *eventsRecord) matcher.Exact {
	r.t.Helper()
	population := r.state.base.Population
	if !r.loaded[population] {
		base, err := r.openBase(r.state.base)
		if err != nil {
			r.t.Fatal(err)
		}
		r.bring(population, base, r.state.base.Segment)
	}
	if err := r.fetchLog(population, l); err != nil {
		r.t.Fatal(err)
	}
	april := entrustment.Date{Year: 2026, Month: 4, Day: 1}.Number()
	got, err := r.engine.Cells(r.t.Context(), matcher.Query{
		Population: matcher.PopulationID(population), Eligible: matcher.Eligibility{ByPolicy: true, Versions: []string{"v2"}},
		Dims: []matcher.Dim{{Source: matcher.EventCategory, Size: 2}, {Name: "gender", Size: 3}},
		Events: &matcher.EventQuery{Logs: []matcher.EventsID{matcher.EventsID(l.Digest)}, From: april, To: april + 29, Categories: []string{"spring-2026", "summer-2026"},
			Sums: []matcher.EventSum{{Kinds: []string{"click"}, Cap: 9, Granule: 1}, {Unit: "yen", Cap: 99, Granule: 100}}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// happened is what exact should give, from what happened to those on the list.
func happened(log []keyEvent, listed int) matcher.Exact {
	want := matcher.Exact{Users: make([]int64, 6), Sums: [][]int64{make([]int64, 6), make([]int64, 6)}}
	seen := map[[2]int]bool{}
	for _, e := range log {
		if e.user >= listed {
			continue
		}
		cell := e.user % 2
		if e.summer {
			cell += 3
		}
		if at := [2]int{e.user, cell}; !seen[at] {
			seen[at] = true
			want.Users[cell]++
		}
		if e.click {
			want.Sums[0][cell]++
		}
		want.Sums[1][cell] += e.spend / 100
	}
	return want
}

func (r *agingRoom) logs(id string) []*eventsRecord { return r.state.events[id] }

// TestLogByListKeys: a log by its party's own keys is the same log as by identifiers, to
// the byte, and counts what happened: of both flows that deliver, of keys with several
// rows, of keys that are the operator's own of somebody else. Rows whose key is not on
// the list are left out and counted. A restart changes nothing. Where the keys are
// taken for the operator's, other people are counted.
func TestLogByListKeys(t *testing.T) {
	t.Parallel()
	r := keyRoom(t)
	log := keyLog(keyUsers)
	byKey, byID := keyLogCSV(log)
	unknown := int64(0)
	for _, e := range log {
		if e.user >= keyOnList {
			unknown++
		}
	}
	want := happened(log, keyListed)
	for id, party := range map[string]string{"adco-24": "adco", "acme-5": "acme"} {
		r.loadKeyed(id, seal.Replace, keyRows(0, keyOnList))
		got, err := r.loadLog(id, r.sealLog(id, keyEvents, byKey))
		if err != nil {
			t.Fatal(err)
		}
		if got.Party != party || got.List != "members" || got.ListVersion != 1 || got.Unknown != unknown || got.Rows != int64(len(log))-unknown || !got.Changed {
			t.Errorf("%s: %+v, want %d rows and %d of nobody", id, got, int64(len(log))-unknown, unknown)
		}
		again, err := r.loadLog(id, r.sealLog(id, idEvents, byID))
		if err != nil || again.Changed || again.Version != got.Version || again.Rows != got.Rows {
			t.Errorf("%s, by identifiers it is another log: %+v, %v", id, again, err)
		}
	}
	check := func(when string) {
		t.Helper()
		for _, id := range []string{"adco-24", "acme-5"} {
			if logs := r.logs(id); len(logs) != 1 {
				t.Errorf("%s, %s: %d logs", when, id, len(logs))
			} else if got := r.exact(logs[0]); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s:\n got %v\nwant %v", when, id, got, want)
			}
		}
	}
	check("loaded")
	r.reopen()
	check("after a restart")
	if l := r.logs("adco-24")[0]; l.List != "members" || l.ListVersion != 1 || l.Unknown != unknown {
		t.Errorf("after a restart: %+v", l)
	}
	if len(r.copying) != 0 {
		t.Errorf("%d segments are still held", len(r.copying))
	}

	// The mutant: keys go into the log as the operator's.
	raw := r.sealLog("adco-24", keyEvents, byKey)
	f, err := r.openLog("adco-24", raw)
	if err != nil {
		t.Fatal(err)
	}
	f.header.List = ""
	mutant, err := r.readEvents(t.Context(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := r.writeSegment(dataKey("adco-24"), mutant.days)
	if err != nil {
		t.Fatal(err)
	}
	got := r.exact(&eventsRecord{Segment: ref, Digest: hexID{9}, Types: r.logs("adco-24")[0].Types, Unit: "yen"})
	if reflect.DeepEqual(got, want) || got.Users[0] == 0 {
		t.Errorf("keys that are taken for the operator's count right: %v", got)
	}
}

func (r *agingRoom) openLog(id string, raw []byte) (*opened, error) {
	return r.Enclave.open(id, seal.EventsName, bytes.NewReader(raw))
}

// TestLogByKeysOfAnotherList: what a log names is looked up under its own entrustment
// and nowhere else: a list of the same name of another party is none. Where it is read
// all the same, the platform learns which of its keys the client has.
func TestLogByKeysOfAnotherList(t *testing.T) {
	t.Parallel()
	r := keyRoom(t)
	r.loadKeyed("acme-5", seal.Replace, keyRows(0, 300))
	byKey, _ := keyLogCSV(keyLog(keyUsers))
	files := len(segmentFiles(t, r.Enclave))
	_, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, byKey))
	if e := wantCode(t, "a list of the client's", err, entrustment.CodeNotFound); e.Field != "list_key.list" || !strings.Contains(e.Mend, "load the list first") || strings.Contains(e.Error(), "acme") {
		t.Errorf("%v", e)
	}
	if len(segmentFiles(t, r.Enclave)) != files || len(r.logs("adco-24")) != 0 || len(r.copying) != 0 {
		t.Error("something of it was kept")
	}
	r.keysOf = func(_, name string) *listRecord {
		for key, l := range r.state.lists {
			if key.name == name {
				return l
			}
		}
		return nil
	}
	got, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, byKey))
	if err != nil || got.Unknown == 0 || got.Rows == 0 {
		t.Errorf("the mutant reads no list of others: %+v, %v", got, err)
	}
}

// TestLogByKeysRefused: what a log by keys needs is there, or it says what to do; no
// refusal and no entry of the log holds a key, and nothing of the log is kept.
func TestLogByKeysRefused(t *testing.T) {
	t.Parallel()
	const canary = "canary-key"
	byKey := []byte("at,番号,kind,campaign,spend\n2026-04-01," + canary + ",imp,spring-2026,1\n")
	unkeyed := strings.Replace(keyList, "user_key: 番号\n", "", 1) + "drop: [番号]\n"
	load := func(r *agingRoom) error {
		_, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, byKey))
		return err
	}
	for name, c := range map[string]struct {
		furnish func(r *agingRoom)
		code    entrustment.Code
		mend    string
	}{
		"no list":    {func(*agingRoom) {}, entrustment.CodeNotFound, "load the list first"},
		"other name": {func(r *agingRoom) { r.list("adco-24", "guests", keyList) }, entrustment.CodeNotFound, "load the list first"},
		"no keys":    {func(r *agingRoom) { r.list("adco-24", "members", unkeyed) }, entrustment.CodeFile, "user_key:"},
		"nobody":     {func(r *agingRoom) { r.list("adco-24", "members", keyList) }, entrustment.CodeFile, "load the list of today first"},
		"expired": {func(r *agingRoom) {
			r.list("adco-24", "members", keyList)
			r.at(31)
			r.looks()
		}, entrustment.CodeGone, "upload it again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := keyRoom(t)
			r.t = t
			c.furnish(r)
			files := len(segmentFiles(t, r.Enclave))
			e := wantCode(t, name, load(r), c.code)
			if !strings.Contains(e.Mend, c.mend) || e.Clause == "" {
				t.Errorf("%+v", e)
			}
			if len(r.logs("adco-24")) != 0 || len(segmentFiles(t, r.Enclave)) != files || len(r.copying) != 0 {
				t.Error("something of it was kept")
			}
			for _, rec := range r.vault.Log().Records() {
				if bytes.Contains(rec.Body, []byte(canary)) || strings.Contains(e.Error(), canary) {
					t.Errorf("an entry %s, or the refusal, holds the key", rec.Kind)
				}
			}
		})
	}
}

// list loads a list of 10 people.
func (r *agingRoom) list(id, name, schema string) {
	r.t.Helper()
	data := keyRows(0, 10)
	f, err := intake.OpenList(r.t.Context(), bytes.NewReader(data), int64(len(data)), parse(r.t, entrustment.ParseListSchema, schema), intake.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.LoadList(r.t.Context(), wire.ListRequest{Entrustment: id, Name: name}, sealed(r.t, r.Enclave, id, name, f.Header(), f.Rows())); err != nil {
		r.t.Fatal(err)
	}
}

// TestLogByKeysOfToday: a log is read with the keys of the list as it is when the log is
// loaded, whenever it was sealed: rows that were added are known, those that were taken
// off are not, and a whole new list is the only one. The same sealed file is taken once.
func TestLogByKeysOfToday(t *testing.T) {
	t.Parallel()
	r := keyRoom(t)
	r.loadKeyed("adco-24", seal.Replace, keyRows(0, 400))
	log := keyLog(keyListed)
	byKey, _ := keyLogCSV(log)
	before := r.sealLog("adco-24", keyEvents, byKey)
	send := func(raw []byte, version, from, to int) {
		t.Helper()
		got, err := r.loadLog("adco-24", raw)
		if err != nil || got.ListVersion != version {
			t.Fatalf("%+v, %v", got, err)
		}
		var here []keyEvent
		for _, e := range log {
			if e.user >= from && e.user < to {
				here = append(here, e)
			}
		}
		logs := r.logs("adco-24")
		if last := logs[len(logs)-1]; got.Unknown != int64(len(log)-len(here)) || !reflect.DeepEqual(r.exact(last), happened(here, keyListed)) {
			t.Errorf("version %d: %+v counts\n%v\nwant\n%v", version, got, r.exact(last), happened(here, keyListed))
		}
	}
	r.loadKeyed("adco-24", seal.Add, keyRows(400, 600))
	send(before, 2, 0, 600) // sealed when version 1 stood
	r.loadKeyed("adco-24", seal.Remove, keyRows(0, 200))
	send(r.sealLog("adco-24", keyEvents, byKey), 3, 200, 600)
	r.loadKeyed("adco-24", seal.Replace, keyRows(500, 700))
	send(r.sealLog("adco-24", keyEvents, byKey), 4, 500, 700)
	r.reopen()
	// The first file once more, as one who saw no answer sends it: what stands is what
	// became of it then.
	got, err := r.loadLog("adco-24", before)
	if err != nil || got.Changed || got.ListVersion != 2 || len(r.logs("adco-24")) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestKeysExpireDuringALoad: the list expires while a log by its keys is read; the log
// is refused, nothing of it is kept, and the keys are gone with the list. One that was
// taken before stands. A room that looks for the list only when a load begins makes a
// log of what is gone.
func TestKeysExpireDuringALoad(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		r := keyRoom(t)
		r.loadKeyed("adco-24", seal.Replace, keyRows(0, 400))
		byKey, _ := keyLogCSV(keyLog(300))
		if _, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, byKey)); err != nil {
			t.Fatal(err)
		}
		files := len(segmentFiles(t, r.Enclave))
		more, _ := keyLogCSV(slices.Repeat(keyLog(400), 200))
		raw := r.sealLog("adco-24", keyEvents, more)
		half := len(raw) / 2
		if half < 1<<20+1<<12 {
			t.Fatalf("%d bytes: the half is in the first record, which is read before the log is decided about", len(raw))
		}
		began := r.state.list("adco-24", "members")
		if mutant {
			r.keysOf = func(string, string) *listRecord { return began }
		}
		_, err := r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "adco-24"}, io.MultiReader(bytes.NewReader(raw[:half]), breaksIn(func() {
			r.at(31)
			r.looks()
			if r.state.list("adco-24", "members") != nil || len(r.copying) != 1 {
				t.Errorf("the list did not expire, or its keys (%d) are not held", len(r.copying))
			}
		}), bytes.NewReader(raw[half:])))
		if mutant {
			if err != nil || len(r.logs("adco-24")) != 2 {
				t.Errorf("the mutant refuses it, too: %v", err)
			}
			continue
		}
		wantCode(t, "a log whose list is gone", err, entrustment.CodeGone)
		r.looks()
		if len(r.logs("adco-24")) != 1 || len(r.copying) != 0 || len(segmentFiles(t, r.Enclave)) != files-3 { // the list, its rows, its keys
			t.Errorf("%d logs, %d segments held, %d files of %d", len(r.logs("adco-24")), len(r.copying), len(segmentFiles(t, r.Enclave)), files)
		}
	}
}

// TestLogByKeysNeverHalf: wherever a load of a log by keys breaks off, it is there whole
// after a restart or not at all, and the same file is then taken.
func TestLogByKeysNeverHalf(t *testing.T) {
	t.Parallel()
	r := keyRoom(t)
	r.loadKeyed("adco-24", seal.Replace, keyRows(0, 400))
	log := keyLog(400)
	byKey, _ := keyLogCSV(log)
	raw := r.sealLog("adco-24", keyEvents, byKey)
	for _, cut := range []int{0, len(raw) / 3, len(raw) - 1} {
		_, err := r.loadLog("adco-24", raw[:cut])
		if err == nil {
			t.Fatalf("cut to %d bytes, it is taken", cut)
		}
		r.reopen()
		if len(r.logs("adco-24")) != 0 || len(r.copying) != 0 {
			t.Errorf("cut to %d bytes, something is there", cut)
		}
	}
	if _, err := r.loadLog("adco-24", raw); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	if got := r.exact(r.logs("adco-24")[0]); !reflect.DeepEqual(got, happened(log, 400)) {
		t.Errorf("%v", got)
	}
}

// TestLogByAlteredKeys: keys that are not those that were written are read for no log.
func TestLogByAlteredKeys(t *testing.T) {
	t.Parallel()
	r := keyRoom(t)
	r.loadKeyed("adco-24", seal.Replace, keyRows(0, 400))
	byKey, _ := keyLogCSV(keyLog(400))
	files := len(segmentFiles(t, r.Enclave))
	r.list("adco-24", "guests", keyList)
	other := r.state.lists[listKey{"adco-24", "guests"}].Keys.Segment
	r.state.lists[listKey{"adco-24", "members"}].Keys.Segment = other
	_, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, byKey))
	if !errors.Is(err, vault.ErrSegment) || len(r.logs("adco-24")) != 0 || len(r.copying) != 0 || len(segmentFiles(t, r.Enclave)) != files+3 {
		t.Errorf("%v, %d logs, %d held, %d files", err, len(r.logs("adco-24")), len(r.copying), len(segmentFiles(t, r.Enclave))-files)
	}
}

// TestKeyOfMany: a key that stands for more than one person can be is nobody's, over
// all of its rows, and bars nobody else's events.
func TestKeyOfMany(t *testing.T) {
	t.Parallel()
	r := keyRoom(t)
	var b bytes.Buffer
	b.Write(keyRows(0, 10))
	for i := range maxHashes + 1 {
		fmt.Fprintf(&b, "0,%s,\n", flowMail(100+i))
	}
	for i := range maxHashes {
		fmt.Fprintf(&b, "family,%s,\nfamily,,%s\n", flowMail(200+i), keyPhone(200+i))
	}
	r.loadKeyed("adco-24", seal.Replace, b.Bytes())
	got, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, []byte("at,番号,kind,campaign,spend\n2026-04-01,0,imp,spring-2026,0\n2026-04-01,family,imp,spring-2026,0\n2026-04-02,"+platformKey(3)+",click,spring-2026,0\n2026-04-03,0,imp,spring-2026,0\n")))
	if err != nil || got.Rows != 2 || got.Unknown != 2 || got.To.Day != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if c := r.exact(r.logs("adco-24")[0]); c.Users[0] != maxHashes/2 || c.Users[1] != maxHashes/2+1 {
		t.Errorf("%v", c)
	}
}

// TestLogByKeysTellsNothingOfTheBase: what the uploader is told of a log by keys is the
// same, and so is what the room keeps of it, whoever of its people the operator knows,
// and whoever of them asked for deletion (PRIVACY rule 11).
func TestLogByKeysTellsNothingOfTheBase(t *testing.T) {
	t.Parallel()
	byKey, _ := keyLogCSV(keyLog(keyUsers))
	told := func(from int, gone ...string) (l wire.EventsLoaded, size []int) {
		r := keyRoomFrom(t, from)
		r.loadKeyed("adco-24", seal.Replace, keyRows(0, keyOnList))
		for _, key := range gone {
			if err := rights(t, r.Enclave, seal.Deletion, [][]byte{[]byte(key)}); err != nil {
				t.Fatal(err)
			}
		}
		l, err := r.loadLog("adco-24", r.sealLog("adco-24", keyEvents, byKey))
		if err != nil {
			t.Fatal(err)
		}
		l.Seq = 0 // of the entry: there is one for each request
		days, err := r.vault.ReadSegment(r.logs("adco-24")[0].Segment)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(days)) {
			size = append(size, len(days[name]))
		}
		return l, size
	}
	all, rows := told(0)
	for name, c := range map[string]struct {
		from int
		gone []string
	}{"half of them": {600, nil}, "none of them": {keyListed, nil}, "some asked for deletion": {0, []string{"user-2", "user-10", "user-798"}}} {
		if got, kept := told(c.from, c.gone...); got != all || !slices.Equal(kept, rows) {
			t.Errorf("%s: %+v, and with all of them %+v", name, got, all)
		}
	}
}
