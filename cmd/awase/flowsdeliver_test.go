package main

import (
	"encoding/json"
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

	"awase/enclave/wire"
)

// startDeliveries makes a room of the flows' world by a key ceremony, in its service:
// whatever widens what may leave is signed by officers.
func startDeliveries(t *testing.T, engine string) *flowRoom {
	t.Helper()
	wantConfinement(t)
	awayFromMidnight(5 * time.Minute)
	days := newFlowDays()
	dir := t.TempDir()
	writeFlowWorld(t, dir)
	for name, text := range deliveryDocs(days) {
		writeOut(t, dir, name, text)
	}
	key := func(name string, args ...string) string {
		t.Helper()
		mustRun(t, dir, append(args, "--out", name)...)
		raw, err := os.ReadFile(filepath.Join(dir, name+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(raw))
	}
	officers := map[string]string{}
	for _, o := range flowOfficers {
		officers[o.party] += fmt.Sprintf("  - {name: %s, key: %q}\n", o.name, key(o.name+".key", "officer", "key"))
	}
	docs := flowDocs()
	writeOut(t, dir, "operator.yaml", docs["operator.yaml"]+"delivery_key: "+key("mail.key", "courier", "key")+"\n")
	writeOut(t, dir, "acme.yaml", docs["acme.yaml"]+"officers:\n"+officers["acme"])
	writeOut(t, dir, "adco.yaml", docs["adco.yaml"]+"delivery_key: "+key("platform.key", "courier", "key")+"\nserving_key: "+key("serving.key", "courier", "key", "--serving")+"\nofficers:\n"+officers["adco"])
	if err := os.Mkdir(filepath.Join(dir, "awase-data"), 0o700); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "init", "--vault", filepath.Join("awase-data", "vault"), "--officer", "yuki=yuki.key.pub", "--officer", "ken=ken.key.pub", "operator.yaml")
	f := &flowRoom{tokens: map[string]string{}, days: days}
	f.people(t, dir, "operator", "acme", "adco", "admin", "officer", "auditor", "acme-officer", "adco-officer")
	f.serve(t, dir, engine)
	for _, line := range []string{"admin party add acme.yaml", "admin party add adco.yaml", "officer policy add policies.yaml", "officer gate set gate.yaml", "officer entrust client-del.yaml", "officer entrust partner-del.yaml"} {
		words := strings.Fields(line)
		f.must(t, words[0], words[1:]...)
		f.sign(t)
	}
	f.must(t, "operator", "base", "load", "--schema", "base.yaml", "users.csv")
	return f
}

// sign has officers sign all that waits, until it is in force.
func (f *flowRoom) sign(t *testing.T) {
	t.Helper()
	var drafts []wire.Draft
	if raw := f.must(t, "officer", "drafts", "--json"); json.Unmarshal([]byte(raw), &drafts) != nil || len(drafts) == 0 {
		t.Fatalf("what waits: %s", raw)
	}
	for i := range drafts {
		needs, effective := drafts[i].Needs, false
		for _, o := range flowOfficers {
			if effective || !slices.Contains(needs, o.party) {
				continue
			}
			var got wire.Approved
			if raw := f.must(t, o.as, "approve", "--json", "--key", o.name+".key", drafts[i].Hash); json.Unmarshal([]byte(raw), &got) != nil {
				t.Fatal(raw)
			}
			needs, effective = got.Needs, got.Effective
		}
		if !effective {
			t.Fatalf("officers of %v have to sign yet", needs)
		}
	}
}

// campaign gives how a campaign stands.
func (f *flowRoom) campaign(t *testing.T, as, verb, ref string) (m wire.Campaign) {
	t.Helper()
	if raw := f.must(t, as, "campaign", verb, "--json", ref); json.Unmarshal([]byte(raw), &m) != nil {
		t.Fatal(raw)
	}
	return m
}

// submit takes a campaign from its document to its first delivery.
func (f *flowRoom) submit(t *testing.T, as, doc, ref string) {
	t.Helper()
	mustRun(t, f.dir, "campaign", "check", doc)
	if said := f.must(t, as, "campaign", "price", "--expect", "3000", doc); !strings.Contains(said, "each an audience counted at σ 50") || strings.Contains(said, "can't be paid") {
		t.Errorf("%s: %s", ref, said)
	}
	f.must(t, as, "campaign", "submit", doc)
	if said, err := f.as(t, as, "campaign", "deliver", ref); err == nil {
		t.Errorf("%s is delivered before officers signed: %s", ref, said)
	}
	f.sign(t)
	if m := f.campaign(t, as, "deliver", ref); m.State != wire.CampaignLive || len(m.Deliveries) != 1 || m.Deliveries[0].Status != wire.DeliveryReady {
		t.Fatalf("%s stands as %+v", ref, m)
	}
}

// TestDeliveriesEndToEnd takes both flows that deliver from files on disk to what their
// receivers open and their readers download: who was delivered is compared person by
// person, and what came of it number by number, with what the files say by code of its
// own.
func TestDeliveriesEndToEnd(t *testing.T) {
	t.Parallel()
	deliveriesEndToEnd(t, startDeliveries(t, ""), func() {})
}

// TestDeliveriesOnClickHouse is TestDeliveriesEndToEnd of a room that is moved to two
// servers when the lists are there and nothing was delivered.
func TestDeliveriesOnClickHouse(t *testing.T) {
	t.Parallel()
	_, at, _ := clickhouseServers(t, 2)
	f := startDeliveries(t, "engine:\n  shards: [\""+strings.ReplaceAll(at, ",", "\", \"")+"\"]\n  tls: none\n")
	deliveriesEndToEnd(t, f, func() {
		f.move(t, "--key", "yuki.key")
		if engine := f.engine(t); engine != wire.EngineClickHouse {
			t.Errorf("the room counts in %s", engine)
		}
	})
}

func deliveriesEndToEnd(t *testing.T, f *flowRoom, move func()) {
	t.Helper()
	o := readOracle(t, f.dir, "")
	o.days = f.days
	writeOut(t, f.dir, "awase.key", f.must(t, "acme", "log", "key"))
	f.must(t, "acme", "list", "load", "--entrustment", "acme-del", "--name", "members", "--schema", "client-keyed.yaml", "client.csv")
	writeOut(t, f.dir, "terms.json", f.must(t, "adco", "terms", "--entrustment", "adco-del"))
	mustRun(t, f.dir, "seal", "--terms", "terms.json", "--name", "people", "--schema", "partner-keyed.yaml", "--out", "people.awase", "platform.csv")
	f.must(t, "adco", "list", "load", "--entrustment", "adco-del", "--name", "people", "people.awase")
	move()

	f.submit(t, "acme", "spring.yaml", "acme-del/spring")
	f.submit(t, "acme", "mail.yaml", "acme-del/mail")
	f.submit(t, "operator", "summer.yaml", "adco-del/summer")

	// The platform fetches what is made out to it, and nothing else; so does the operator.
	if said := f.must(t, "acme", "courier", "fetch", "--dir", "acme-deliveries"); !strings.Contains(said, "no deliveries for your party") {
		t.Errorf("the client is given %s", said)
	}
	if said := f.must(t, "adco", "courier", "fetch", "--dir", "deliveries"); strings.Contains(said, "mail") || strings.Count(said, "fetched: ") != 2 {
		t.Errorf("the platform is given %s", said)
	}
	if out, err := awase(t, f.dir, "courier", "open", "--key", "mail.key", "--room-key", "awase.key", "--out", ".", filepath.Join("deliveries", "acme-del", "spring-1.delivery")).CombinedOutput(); err == nil {
		t.Errorf("another key opens it: %s", out)
	}
	f.must(t, "adco", "courier", "run", "--dir", "deliveries", "--key", "platform.key", "--room-key", "awase.key", "--out", "platform", "--report-every", "1s")
	f.must(t, "operator", "courier", "run", "--dir", "own", "--key", "mail.key", "--room-key", "awase.key", "--out", "channel", "--report-every", "1s")
	for _, ref := range []string{"acme-del/spring", "acme-del/mail", "adco-del/summer"} {
		if m := f.campaign(t, "operator", "show", ref); len(m.Deliveries) != 1 || m.Deliveries[0].Status != wire.DeliveryDone {
			t.Errorf("%s stands as %+v", ref, m.Deliveries)
		}
	}

	// Who was delivered, person by person.
	tiers := o.eligible("members", func(_ *oracleUser, h oracleHit) bool {
		return h.values["tier"] == "gold" || h.values["tier"] == "silver"
	})
	spring := o.byHashes(t, f.dir, "platform/acme-del/spring-1-tiktok.csv", "members", tiers)
	heldBack(t, "the platform's file", spring, tiers, 0.5)
	mustRun(t, f.dir, "label", "open", "--key", "serving.key", "--room-key", "awase.key", "--out", "members.csv", "platform/adco-del/summer-1-label.csv")
	men := o.eligible("people", func(u *oracleUser, _ oracleHit) bool { return u.gender == "male" && u.age != "<20" })
	summer := o.byKeys(t, f.dir, "members.csv", "people", men)
	heldBack(t, "the labels", summer, men, 0.2)
	agreed := o.eligible("members", func(u *oracleUser, _ oracleHit) bool { return u.mail })
	f.mailed(t, "channel/acme-del/mail-1-own-channel.csv", agreed)

	// What came of it.
	writeOut(t, f.dir, "spring-log.csv", o.springLog(spring))
	f.must(t, "acme", "events", "load", "--entrustment", "acme-del", "--schema", "spring-log.yaml", "spring-log.csv")
	o.readLog(t, f.dir, "spring-log.csv", "members", "member", nil)
	writeOut(t, f.dir, "summer-log.csv", o.summerLog(t, f.dir, "platform/adco-del/summer-1-label.csv", summer))
	f.must(t, "adco", "events", "load", "--entrustment", "adco-del", "--schema", "summer-log.yaml", "--labels", "platform/adco-del/summer-1-label.csv", "summer-log.csv")
	keys := map[string]string{}
	for _, r := range table(t, f.dir, "platform/adco-del/summer-1-label.csv", false) {
		keys[r["label"]] = r["key"]
	}
	o.readLog(t, f.dir, "summer-log.csv", "people", "label", keys)
	var h held
	f.results(t, &h, o, "acme", "spring", []string{"gender"}, spring, tiers, func(u *oracleUser) string { return u.gender })
	f.download(t, "acme", "spring-attribution")
	users, credits := o.credited(t, "spring-log.csv", spring)
	h.agrees(t, f.dir, "spring-attribution.csv", []string{"touch"}, users, map[string]map[string]int64{"credits": credits})
	f.results(t, &h, o, "operator", "summer", []string{"age_band"}, summer, men, func(u *oracleUser) string { return u.age })
	f.refused(t, "adco", "E_NOT_FOUND", "campaign", "show", "acme-del/mail-2")
	// As in flowsEndToEnd: of 28 numbers of which each is inside with 0.95, fewer than 17
	// are once in 10⁷ runs.
	if h.numbers < 28 || h.inside*10 < h.numbers*6 {
		t.Errorf("%d of %d numbers lie in the intervals of 95 %% that the files state", h.inside, h.numbers)
	}

	f.goesOn(t, agreed)
	f.destroyed(t)
	f.end()
}

// mailed compares a file of user keys with whom the files let be written to.
func (f *flowRoom) mailed(t *testing.T, file string, want map[*oracleUser]bool) {
	t.Helper()
	got := map[string]bool{}
	for _, r := range table(t, f.dir, file, false) {
		if got[r["user_key"]] {
			t.Errorf("%s has somebody twice", file)
		}
		got[r["user_key"]] = true
	}
	for u := range want {
		if !got[u.id] {
			t.Fatalf("%s leaves out who agreed", file)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d people, not %d", file, len(got), len(want))
	}
}

// results downloads the results of a campaign, verifies them, and compares each number.
func (f *flowRoom) results(t *testing.T, h *held, o *oracle, reader, campaign string, dims []string, delivered, eligible map[*oracleUser]bool, by func(*oracleUser) string) {
	t.Helper()
	log := campaign + "-log.csv"
	f.download(t, reader, campaign+"-delivery")
	users, sums := o.came(log, delivered, by)
	shown := table(t, f.dir, campaign+"-delivery.csv", false)[0]
	maps.DeleteFunc(sums, func(measure string, _ map[string]int64) bool { _, has := shown[measure]; return !has })
	h.agrees(t, f.dir, campaign+"-delivery.csv", dims, users, sums)
	f.download(t, reader, campaign+"-lift")
	arms, converters := o.arms(log, delivered, eligible)
	h.agrees(t, f.dir, campaign+"-lift.csv", []string{"assignment"}, arms, map[string]map[string]int64{"converters": converters})
	rows := table(t, f.dir, campaign+"-lift.csv", false)
	lift := rows[len(rows)-1]
	var v [4]float64
	for i, column := range []string{"difference", "difference_low", "difference_high", "p"} {
		n, err := strconv.ParseFloat(lift[column], 64)
		if err != nil {
			t.Fatalf("%s of %v: %v", column, lift, err)
		}
		v[i] = n
	}
	// Its interval holds chance, too; what is compared is off by the noise alone.
	said := float64(converters["treated"])/float64(arms["treated"]) - float64(converters["holdout"])/float64(arms["holdout"])
	if math.Abs(v[0]-said) > 7*(v[2]-v[0])/1.96 || v[1] <= 0 || v[3] > 1e-4 {
		t.Errorf("%s: the lift is %.4f (%.4f to %.4f), p %g; the files say %.4f", campaign, v[0], v[1], v[2], v[3], said)
	}
}

// goesOn: of two who were written to one asked for a stop of use, and the client took the
// other off its list. The next delivery has neither.
func (f *flowRoom) goesOn(t *testing.T, agreed map[*oracleUser]bool) {
	t.Helper()
	ids := map[int]*oracleUser{}
	for u := range agreed {
		n, err := strconv.Atoi(u.id[1:])
		if err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 && n < 13_000 { // whom the list knows by a mailbox alone, in rows of nobody else
			ids[n] = u
		}
	}
	some := slices.Sorted(maps.Keys(ids))
	n := some[1]
	gone := []*oracleUser{ids[some[0]], ids[n]}
	writeOut(t, f.dir, "person.txt", gone[0].id+"\n")
	f.must(t, "officer", "request", "--check", "document", "--on", f.days.day(0), "stop", "person.txt")
	writeOut(t, f.dir, "left.csv", "メールアドレス,携帯番号\n"+flowMail(n)+",\n")
	f.must(t, "acme", "list", "load", "--entrustment", "acme-del", "--name", "members", "--schema", "client-keyed.yaml", "--change", "remove", "left.csv")
	if m := f.campaign(t, "acme", "deliver", "acme-del/mail"); len(m.Deliveries) != 2 || m.Deliveries[1].Act != "replace" || m.Deliveries[1].Status != wire.DeliveryReady {
		t.Fatalf("it stands as %+v", m)
	}
	f.must(t, "operator", "courier", "run", "--dir", "own", "--key", "mail.key", "--room-key", "awase.key", "--out", "channel", "--report-every", "1s")
	left := maps.Clone(agreed)
	delete(left, gone[0])
	delete(left, gone[1])
	f.mailed(t, "channel/acme-del/mail-2-own-channel.csv", left)
}

// destroyed: an officer of the client ends the contract. Nothing of it is given out any
// more, and the certificate says so.
func (f *flowRoom) destroyed(t *testing.T) {
	t.Helper()
	if said := f.must(t, "acme-officer", "entrustment", "end", "--yes", "--key", "hana.key", "acme-del"); !strings.Contains(said, "acme-del") {
		t.Error(said)
	}
	writeOut(t, f.dir, "certificate.json", f.must(t, "acme", "entrustment", "certificate", "acme-del"))
	if said := mustRun(t, f.dir, "verify", "--key", "awase.key", "certificate.json"); !strings.Contains(said, "acme-del") {
		t.Error(said)
	}
	for who, has := range map[string]int{"adco": 1, "operator": 0} {
		if said := f.must(t, who, "courier", "fetch", "-n"); strings.Contains(said, "acme-del") || strings.Count(said, "adco-del/summer 1") != has {
			t.Errorf("after the end %s is given %s", who, said)
		}
	}
	f.must(t, "auditor", "evidence", "--out", "evidence.zip", "acme-del")
	if said := mustRun(t, f.dir, "verify", "--key", "awase.key", "evidence.zip"); !strings.Contains(said, "1 certificate of destruction") {
		t.Error(said)
	}
	if found := planted(unzipped(t, filepath.Join(f.dir, "evidence.zip"))); len(found) > 0 {
		t.Errorf("the evidence holds %v", found)
	}
}

// TestDeliveriesOracleSees: a room that broke one of the rules would write to somebody
// whom the oracle leaves out, or leave out somebody.
func TestDeliveriesOracleSees(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFlowWorld(t, dir)
	mailed := func(o *oracle, agreed bool) map[string]bool {
		out := map[string]bool{}
		for u := range o.eligible("members", func(u *oracleUser, _ oracleHit) bool { return u.mail || !agreed }) {
			out[u.id] = true
		}
		return out
	}
	right := mailed(readOracle(t, dir, ""), true)
	if maps.Equal(right, mailed(readOracle(t, dir, ""), false)) {
		t.Error("without the opt-ins the same people are written to")
	}
	for rule, report := range oracleRules {
		if report == "overlap" && maps.Equal(right, mailed(readOracle(t, dir, rule), true)) {
			t.Errorf("without %q the same people are written to", rule)
		}
	}
}
