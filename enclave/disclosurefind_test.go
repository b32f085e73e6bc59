package enclave

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// tellingBase has what a disclosure tells: two namespaces of one kind, a sensitive
// attribute, restrictions and an opt-in.
const tellingBase = `schema: awase.base/v1
region: JP
user_key: id
verified: ok
consent: {version: version, date: date}
identifiers:
  - {column: email, kind: email}
  - {column: cookie, kind: cookie, namespace: site}
  - {column: shop, kind: cookie, namespace: shop}
attributes:
  - {column: sex, name: gender, values: [f, m, unknown]}
  - {column: pref, name: prefecture, values: [東京都, 大阪府, unknown]}
  - {column: disability, name: disability, class: sensitive, values: ["yes", "no", unknown]}
restrictions:
  - {column: service, kind: service_limited}
  - {column: enquiry, kind: enquiry_only}
channels: [{column: mail_ok, channel: mail}, {column: app_ok, channel: app}]
`

const tellingRows = `id,ok,version,date,email,cookie,shop,sex,pref,disability,service,enquiry,mail_ok,app_ok
user-1,true,v2,2024-02-01,taro.y@gmail.com,c-1,s-1,f,東京都,yes,,false,true,false
user-2,true,v1,2023-03-04,shared@example.jp,c-2,,m,大阪府,no,jobs,false,false,true
user-3,true,v2,2024-02-02,shared@example.jp,,s-3,,,,,true,false,false
user-4,false,v2,2024-02-03,four@example.jp,c-4,s-4,f,東京都,,,false,true,true
`

// loadTelling loads the base, loadTellingEvents the operator's own events: by user key, and by address.
func loadTelling(t *testing.T, e *Enclave, rows string) {
	t.Helper()
	loadBaseAs(t, e, parse(t, entrustment.ParseBaseSchema, tellingBase), []byte(rows))
}

func loadTellingEvents(t *testing.T, e *Enclave) {
	t.Helper()
	day := func(y, m, d int) int32 { return entrustment.Date{Year: y, Month: time.Month(m), Day: d}.Number() }
	add := func(h seal.Header, rows []seal.Row) {
		_, err := e.LoadEvents(t.Context(), wire.EventsRequest{}, sealed(t, e, seal.BaseEntrustment, seal.EventsName, h, func(yield func([]seal.Row, error) bool) { yield(rows, nil) }))
		if err != nil {
			t.Fatal(err)
		}
	}
	byKey := func(key string, day int32, typ uint8) seal.Row {
		return seal.Row{Event: &seal.Event{Key: []byte(key), Day: day, Type: typ}}
	}
	types := []seal.EventType{{Kind: "page_view", Category: "top"}, {Kind: "click", Category: "spring"}}
	add(seal.Header{Purpose: seal.Events, Events: types}, []seal.Row{
		byKey("user-1", day(2024, 5, 2), 0), byKey("user-1", day(2024, 5, 9), 0), byKey("user-1", day(2024, 5, 3), 1), byKey("user-2", day(2024, 5, 3), 1), byKey("nobody", day(2024, 5, 3), 1)})
	by := func(address string, day int32) seal.Row {
		return seal.Row{Identifiers: []seal.Identifier{{Hash: sha256.Sum256([]byte(address))}}, Event: &seal.Event{Day: day, Type: 0}}
	}
	add(seal.Header{Purpose: seal.Events, Events: types[:1], Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}, []seal.Row{
		by("taroy@gmail.com", day(2024, 4, 1)), by("shared@example.jp", day(2024, 4, 2)), by("four@example.jp", day(2024, 4, 3))})
}

// toldOf is what each user of tellingRows is told, written by hand.
func toldOf(t *testing.T) map[string]wire.DisclosedUser {
	t.Helper()
	date := func(text string) entrustment.Date { return must(entrustment.ParseDate(text)) }
	none := func(u wire.DisclosedUser) wire.DisclosedUser { // lists of nothing are lists
		v := reflect.ValueOf(&u).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Slice && f.IsNil() {
				f.Set(reflect.MakeSlice(f.Type(), 0, 0))
			}
		}
		return u
	}
	type ids = []wire.DisclosedIdentifier
	type attributes = []wire.DisclosedAttribute
	return map[string]wire.DisclosedUser{
		// The address is matched with and without its dot, as other rooms hash it, and in the
		// form of each of the two profiles that have an index of their own.
		"user-1": none(wire.DisclosedUser{Known: true, Verified: true, Policy: "v2", Consent: date("2024-02-01"),
			Identifiers: ids{{Kind: "cookie", Namespace: "shop", Forms: 1}, {Kind: "cookie", Namespace: "site", Forms: 1}, {Kind: "email", Forms: 4}},
			Attributes:  attributes{{Name: "gender", Value: "f"}, {Name: "prefecture", Value: "東京都"}}, Channels: []string{"mail"},
			Events: []wire.DisclosedEvents{{Kind: "click", Category: "spring", Events: 1, From: date("2024-05-03"), To: date("2024-05-03")}, {Kind: "page_view", Category: "top", Events: 3, From: date("2024-04-01"), To: date("2024-05-09")}}}),
		// The address is two people's, so it finds neither, nor an event.
		"user-2": none(wire.DisclosedUser{Known: true, Verified: true, Policy: "v1", Consent: date("2023-03-04"), Service: "jobs",
			Identifiers: ids{{Kind: "cookie", Namespace: "site", Forms: 1}}, Attributes: attributes{{Name: "gender", Value: "m"}, {Name: "prefecture", Value: "大阪府"}}, Channels: []string{"app"},
			Events: []wire.DisclosedEvents{{Kind: "click", Category: "spring", Events: 1, From: date("2024-05-03"), To: date("2024-05-03")}}}),
		"user-3": none(wire.DisclosedUser{Known: true, Verified: true, Policy: "v2", Consent: date("2024-02-02"), EnquiryOnly: true,
			Identifiers: ids{{Kind: "cookie", Namespace: "shop", Forms: 1}}, Attributes: attributes{{Name: "gender", Value: "unknown"}, {Name: "prefecture", Value: "unknown"}}}),
		"user-4": none(wire.DisclosedUser{Known: true, Policy: "v2", Consent: date("2024-02-03"), Attributes: attributes{{Name: "gender", Value: "f"}, {Name: "prefecture", Value: "東京都"}}, Channels: []string{"mail", "app"}}),
		"nobody": none(wire.DisclosedUser{}),
	}
}

// wantTold discloses each user and holds it to what is written by hand.
func wantTold(t *testing.T, e *Enclave, key seal.PrivateKey) {
	t.Helper()
	want := toldOf(t)
	names := []string{"user-3", "nobody", "user-1", "user-4", "user-2", "user-1"}
	keys := make([][]byte, len(names))
	for i, name := range names {
		keys[i] = []byte(name)
	}
	got := openedDisclosure(t, e, key, asksDisclosure(t, e, keys))
	if len(got.Users) != len(names) || got.Base == nil || got.Base.Version != 1 || !slices.Equal(got.Sensitive, []string{"disability"}) || len(got.Cut) != 0 || got.Others != wire.OfOthers {
		t.Errorf("%+v", got)
	}
	for i, name := range names {
		if !reflect.DeepEqual(got.Users[i], want[name]) {
			t.Errorf("%s is told\n%+v\nwant\n%+v", name, got.Users[i], want[name])
		}
	}
}

func telling(t *testing.T, e *Enclave, key seal.PrivateKey) {
	t.Helper()
	furnish(t, e)
	loadTelling(t, e, tellingRows)
	loadTellingEvents(t, e)
	if _, err := e.SetDeskKey(t.Context(), key.Public()); err != nil {
		t.Fatal(err)
	}
}

// TestDisclosureTells: what each person is told, by hand, and again after a restart.
func TestDisclosureTells(t *testing.T) {
	t.Parallel()
	dir, key := filepath.Join(t.TempDir(), "V"), deskKey(t, 1)
	e := openWith(t, dir, Options{})
	telling(t, e, key)
	wantTold(t, e, key)
	e.Close()
	wantTold(t, openWith(t, dir, Options{}), key)
}

// TestClickHouseDisclosure: it tells the same where another engine counts.
func TestClickHouseDisclosure(t *testing.T) {
	t.Parallel()
	onShards(t, func(t *testing.T, s *servers) {
		e, key := openWith(t, filepath.Join(t.TempDir(), "V"), s.options()), deskKey(t, 1)
		telling(t, e, key)
		moveTo(t, e, wire.MoveRequest{To: wire.EngineClickHouse})
		wantTold(t, e, key)
	})
}

// TestDisclosureOfOthers: lists and logs that clients entrusted change nothing of what
// is told, not a byte.
func TestDisclosureOfOthers(t *testing.T) {
	t.Parallel()
	var told [3][]byte
	for i := range told {
		at := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)
		e, key := openWith(t, filepath.Join(t.TempDir(), "V"), Options{Now: func() time.Time { return at }}), deskKey(t, 1)
		telling(t, e, key)
		if i > 0 {
			loadListFile(t, e, "l", []byte("email,phone,cookie,maid\ntaro.y@gmail.com,,c-1,\nshared@example.jp,,c-2,\n"))
			h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}
			rows := []seal.Row{{Identifiers: []seal.Identifier{{Hash: sha256.Sum256([]byte("taroy@gmail.com"))}}, Event: &seal.Event{Day: entrustment.DateOf(at).Add(-3).Number()}}}
			if _, err := e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, sealed(t, e, "e", seal.EventsName, h, func(yield func([]seal.Row, error) bool) { yield(rows, nil) })); err != nil {
				t.Fatal(err)
			}
		}
		if i == 2 { // the twin, which tells of every log that there is
			e.toldLogs = func() []*eventsRecord { return slices.Concat(e.ownLogs(), e.state.events["e"]) }
		}
		n := asksDisclosure(t, e, [][]byte{[]byte("user-1"), []byte("user-2")})
		file, err := e.Disclosure(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if _, told[i], err = seal.OpenDisclosure(file, key); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(told[0], told[1]) {
		t.Errorf("without entrusted data\n%s\nwith\n%s", told[0], told[1])
	}
	if bytes.Equal(told[0], told[2]) {
		t.Error("a disclosure of all logs tells no more: the test proves nothing")
	}
}

// TestDisclosureRequests: earlier requests stand in it, and which of them a later
// consent lifted.
func TestDisclosureRequests(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 5)
	d.load()
	key := deskKey(t, 1)
	if _, err := d.SetDeskKey(t.Context(), key.Public()); err != nil {
		t.Fatal(err)
	}
	d.asks(seal.Stop, 1, 2)
	d.asks(seal.Deletion, 1)
	d.now = d.now.Add(48 * time.Hour)
	d.users[1].agreed = d.day(-1)
	d.load()
	d.asks(seal.Stop, 1)
	for range 2 {
		got := openedDisclosure(t, d.Enclave, key, asksDisclosure(t, d.Enclave, [][]byte{[]byte("user-1"), []byte("user-2"), []byte("user-3")}))
		first, third := entrustment.Date{Year: 2026, Month: 4, Day: 1}, entrustment.Date{Year: 2026, Month: 4, Day: 3}
		want := [][]wire.DisclosedRequest{
			{{Number: 1, Kind: seal.Stop, On: first}, {Number: 2, Kind: seal.Deletion, On: first}, {Number: 3, Kind: seal.Stop, On: third, InForce: true}},
			{{Number: 1, Kind: seal.Stop, On: first, InForce: true}}, {},
		}
		for i := range want {
			if !reflect.DeepEqual(got.Users[i].Requests, want[i]) {
				t.Errorf("user %d: %+v, want %+v", i+1, got.Users[i].Requests, want[i])
			}
		}
		if got.Base.On != third || got.Base.Version != 2 {
			t.Errorf("the base is %+v", got.Base)
		}
		d.restart()
	}
}

// TestDisclosureBaseAnew: what is told is the base's of the last signature, also where
// it is replaced while it is looked at; a change of what is told alone, and not
// counted, is another base.
func TestDisclosureBaseAnew(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	d.furnish(t)
	loadTelling(t, d.Enclave, tellingRows)
	n, draft := d.asks(t, [][]byte{[]byte("user-1")})
	if _, err := d.approve(t, draft, "op1"); err != nil {
		t.Fatal(err)
	}
	before := d.populationNow()
	loadTelling(t, d.Enclave, strings.Replace(tellingRows, "v2,2024-02-01", "v2,2024-03-01", 1))
	if d.state.base.Version != 2 || d.populationNow() != before {
		t.Errorf("base %d: a day of consent that lifts nothing changes who is counted, or is not taken", d.state.base.Version)
	}
	// The second signature comes, and the base goes while it is looked up.
	if err := d.finds.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	came := make(chan error, 1)
	last := d.approval(t, draft, "op2")
	go func() { _, err := d.Approve(t.Context(), last); came <- err }()
	for held := 0; held == 0; time.Sleep(time.Millisecond) {
		held, _ = locked(d.Enclave, func() (int, error) { return len(d.copying), nil })
	}
	loadTelling(t, d.Enclave, strings.Replace(tellingRows, "f,東京都", "m,大阪府", 1))
	d.finds.give()
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	got := openedDisclosure(t, d.Enclave, d.key, n)
	if want := toldOf(t)["user-2"].Attributes; got.Base.Version != 3 || !reflect.DeepEqual(got.Users[0].Attributes, want) {
		t.Errorf("%+v of base %+v", got.Users[0], got.Base)
	}
	if len(d.copying) != 0 {
		t.Errorf("%d segments are still held", len(d.copying))
	}
	// The same file again is no other base.
	loadTelling(t, d.Enclave, strings.Replace(tellingRows, "f,東京都", "m,大阪府", 1))
	if d.state.base.Version != 3 {
		t.Errorf("the same rows are base %d", d.state.base.Version)
	}
}

// TestDisclosureReadsAll: every row is read whoever asks: where one can't be, nobody is
// answered, nor somebody whom the base does not know.
func TestDisclosureReadsAll(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"user-1", "nobody"} {
		for _, what := range []string{"particulars", "events"} {
			d := newDisclosing(t)
			d.furnish(t)
			loadTelling(t, d.Enclave, tellingRows)
			loadTellingEvents(t, d.Enclave)
			_, draft := d.asks(t, [][]byte{[]byte(who)})
			if _, err := d.approve(t, draft, "op1"); err != nil {
				t.Fatal(err)
			}
			gone := d.state.base.Particulars.Segment.ID
			if what == "events" {
				gone = d.state.events[seal.BaseEntrustment][1].Segment.ID
			}
			if err := d.vault.RemoveSegments([]string{gone}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.approve(t, draft, "op2"); err == nil {
				t.Errorf("without the %s, %s was answered", what, who)
			}
		}
	}
}

// TestDisclosureLooksUpAlike: what each row of the base and of the logs is looked up in
// has as many entries whoever asks. One without any answers several times as fast, which
// over the rows of a large base tells who is there.
func TestDisclosureLooksUpAlike(t *testing.T) {
	t.Parallel()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), Options{})
	telling(t, e, deskKey(t, 1))
	base, err := e.standing(e.state.base)
	if err != nil {
		t.Fatal(err)
	}
	maker, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	real := map[int]bool{}
	for _, keys := range [][]string{{"user-1"}, {"nobody"}, {"user-1", "user-2", "user-3", "user-4"}} {
		people := map[token.Token]*wire.DisclosedUser{}
		for _, k := range keys {
			h := sha256.Sum256([]byte(k))
			people[maker.Make(&h)] = &wire.DisclosedUser{}
		}
		all, n := heldIn(base, people), 0
		for k, u := range all {
			if k.Kind < matcher.Kinds {
				n++
			} else if people[u] != nil {
				t.Errorf("%q: what stands for nobody is somebody's", keys)
			}
		}
		if real[n] = true; len(all) != maxHolders {
			t.Errorf("%q: looked up in %d", keys, len(all))
		}
	}
	if len(real) != 3 || !real[0] { // what would tell, were it not filled up
		t.Errorf("as many tokens of each: %v", real)
	}
}

// TestDisclosureSize: a disclosure is of one size: of somebody, of nobody, of sixteen,
// of many attributes, events and requests; what does not fit is cut, and said so.
func TestDisclosureSize(t *testing.T) {
	t.Parallel()
	e, key := openWith(t, filepath.Join(t.TempDir(), "V"), Options{}), deskKey(t, 1)
	telling(t, e, key)
	lengths := map[int]bool{}
	for _, keys := range [][][]byte{{[]byte("user-1")}, {[]byte("nobody")}, userKeys(0, 16), {bytes.Repeat([]byte("k"), 512)}} {
		file, err := e.Disclosure(t.Context(), asksDisclosure(t, e, keys))
		if err != nil || len(file) != seal.DisclosureSize {
			t.Errorf("%d users: %d bytes, %v", len(keys), len(file), err)
		}
		_, content, err := seal.OpenDisclosure(file, key)
		if err != nil {
			t.Fatal(err)
		}
		lengths[len(content)] = true
	}
	if len(lengths) < 3 { // what the size would tell, were it the content's
		t.Errorf("contents of %v bytes", lengths)
	}
	cuts := map[string]bool{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		d := drawDisclosed(r)
		whole, err := d.Content()
		if err != nil {
			t.Fatal(err)
		}
		content, err := fitted(d)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		file, err := seal.SealDisclosure(key.Public(), [16]byte{1}, 1, content, nil)
		if err != nil || len(file) != seal.DisclosureSize {
			t.Fatalf("seed %d: %d bytes, %v", seed, len(file), err)
		}
		_, back, err := seal.OpenDisclosure(file, key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseDisclosed(back)
		if err != nil || len(got.Users) != len(d.Users) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if (len(whole) <= seal.MaxDisclosure) != (len(got.Cut) == 0) || len(got.Cut) > 0 && len(content) < seal.MaxDisclosure/2 {
			t.Errorf("seed %d: %d bytes were cut to %d: %v", seed, len(whole), len(content), got.Cut)
		}
		for _, c := range got.Cut {
			cuts[c] = true
		}
	}
	for _, part := range []string{"events", "requests", "sensitive", "attributes", "identifiers"} {
		if !cuts[part] {
			t.Errorf("nothing of the %s was ever cut: the seeds prove little", part)
		}
	}
}

func drawDisclosed(r *rand.Rand) *wire.Disclosed {
	text := func() string { return strings.Repeat("<値\"", 1+r.IntN(40)) }
	d := &wire.Disclosed{Schema: wire.DisclosedSchema, Number: 1, At: "2026-01-01T00:00:00Z", Sensitive: []string{}, Cut: []string{}, Others: wire.OfOthers, Base: &wire.DisclosedBase{Version: 1, On: entrustment.Date{Year: 2026, Month: 1, Day: 1}}}
	sizes := [5]int{}
	for i := range sizes {
		sizes[i] = []int{0, 2, 20, 250}[r.IntN(4)]
	}
	if r.IntN(4) == 0 { // more of all than can be
		sizes = [5]int{250, 250, 250, 250, 250}
	}
	for range sizes[0] {
		d.Sensitive = append(d.Sensitive, text())
	}
	for range 1 + r.IntN(16) {
		u := wire.DisclosedUser{Known: true, Identifiers: []wire.DisclosedIdentifier{}, Attributes: []wire.DisclosedAttribute{}, Channels: []string{}, Events: []wire.DisclosedEvents{}, Requests: []wire.DisclosedRequest{}}
		for range sizes[1] {
			u.Identifiers = append(u.Identifiers, wire.DisclosedIdentifier{Kind: "cookie", Namespace: text(), Forms: 1})
		}
		for range sizes[2] {
			u.Attributes = append(u.Attributes, wire.DisclosedAttribute{Name: text(), Value: text()})
		}
		for range sizes[3] * 4 {
			u.Events = append(u.Events, wire.DisclosedEvents{Kind: "click", Category: text(), Events: 1, From: entrustment.Date{Year: 2026, Month: 1, Day: 1}, To: entrustment.Date{Year: 2026, Month: 1, Day: 1}})
		}
		for i := range sizes[4] * 10 {
			u.Requests = append(u.Requests, wire.DisclosedRequest{Number: int64(i), Kind: seal.Stop, On: entrustment.Date{Year: 2026, Month: 1, Day: 1}})
		}
		d.Users = append(d.Users, u)
	}
	return d
}

// TestParticularsDamaged: rows that end early are no particulars.
func TestParticularsDamaged(t *testing.T) {
	t.Parallel()
	part := (&particulars{rowSegment: &rowSegment{}, several: map[uint8]bool{1: true}}).part()
	row := tokened{row: &seal.Row{Codes: []uint8{3}, Identifiers: []seal.Identifier{{Column: 1}, {}}, Person: &seal.Person{Verified: true, PolicyVersion: "v2", Service: "jobs", Consent: 9, Channels: 5}}}
	row.tokens = make([]matcher.KindToken, 2) // of the two columns the second alone has a kind with others
	if err := part.add(&row); err != nil {
		t.Fatal(err)
	}
	r, rest, err := nextParticular(part.buf, 1)
	if err != nil || len(rest) != 0 || !r.verified || r.enquiryOnly || r.consent != 9 || r.channels != 5 || string(r.policy) != "v2" || string(r.service) != "jobs" || r.codes[0] != 3 || len(r.tokens) != 1+token.Size || r.tokens[0] != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	for n := range len(part.buf) {
		if _, _, err := nextParticular(part.buf[:n], 1); err == nil {
			t.Errorf("%d of %d bytes were read", n, len(part.buf))
		}
	}
}
