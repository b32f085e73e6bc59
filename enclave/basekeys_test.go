package enclave

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/aggregator"
	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// deliveryContract is a contract under which audiences are delivered; it names these
// kinds of the base's identifiers.
func deliveryContract(id, kinds string) string {
	return strings.NewReplacer("id: e\n", "id: "+id+"\n", "flow: 5-analysis", "flow: 5-delivery", "purpose: statistics", "purpose: advertising", "recipients: [acme]", "recipients: [acme, operator]",
		"outputs: [overlap, profile, behaviour, reach-frequency, size, cube]", "outputs: [size]", "countries: {acme: JP}", "countries: {acme: JP, operator: JP}", "reports: 365d}", "reports: 365d, deliveries: 90d}").
		Replace(oracleContract) + "deliver_identifiers: [" + kinds + "]\n"
}

func entrustDoc(t *testing.T, e *Enclave, doc string) {
	t.Helper()
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
}

// furnishDelivering gives an enclave parties and policies for contracts that deliver.
func furnishDelivering(t *testing.T, e *Enclave) {
	t.Helper()
	for id, class := range map[string]string{"operator": "operator", "acme": "client"} {
		if _, err := e.AddParty(t.Context(), parse(t, entrustment.ParseParty, fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", id, class, id))); err != nil {
			t.Fatal(err)
		}
	}
	policies := "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis, 5-delivery]}}\n"
	if _, err := e.SetPolicies(t.Context(), parse(t, entrustment.ParsePolicies, policies)); err != nil {
		t.Fatal(err)
	}
}

// openDelivering gives a room under contracts that name kinds, "d", "d2" and on.
func openDelivering(t *testing.T, kinds ...string) *Enclave {
	t.Helper()
	e := openWith(t, filepath.Join(t.TempDir(), "V"), Options{})
	furnishDelivering(t, e)
	for i, k := range kinds {
		entrustDoc(t, e, deliveryContract([]string{"d", "d2", "d3"}[i], k))
	}
	return e
}

// again opens a room another time.
func again(t *testing.T, e *Enclave) *Enclave {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return openWith(t, e.vault.Dir(), Options{})
}

// tokenOf is the token of an operator's user key.
func tokenOf(t *testing.T, e *Enclave, key string) token.Token {
	t.Helper()
	users, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256([]byte(key))
	return users.Make(&h)
}

func anyone(token.Token) bool { return true }

// userKeysIn gives the user keys that a room gives out of a channel, and sees that each
// is given with its own token.
func userKeysIn(t *testing.T, e *Enclave, channel string, want func(token.Token) bool) (out []string) {
	t.Helper()
	err := e.baseUsers(t.Context(), e.state.base, channel, want, func(user token.Token, key []byte) error {
		if tokenOf(t, e, string(key)) != user {
			t.Error("a user key is given as another user's")
		}
		out = append(out, string(key))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// hashesIn gives how many hashes a room gives out of each user, of a kind.
func hashesIn(t *testing.T, e *Enclave, kind string) (out map[token.Token][]delivery.Identifier, err error) {
	t.Helper()
	out = map[token.Token][]delivery.Identifier{}
	base, err := e.openBase(e.state.base)
	if err != nil {
		t.Fatal(err)
	}
	err = e.baseIdentifiers(t.Context(), e.state.base, base, kind, anyone, func(user token.Token, ids []delivery.Identifier) error {
		if _, twice := out[user]; twice {
			t.Error("a user is given twice")
		}
		out[user] = slices.Clone(ids)
		return nil
	})
	return out, err
}

// TestBaseUserKeys: a base that declares channels keeps the user keys with their
// opt-ins, over a restart; of a channel those are given who opted in to it and are
// wanted, of none everybody.
func TestBaseUserKeys(t *testing.T) {
	t.Parallel()
	e := openDelivering(t)
	loadTelling(t, e, tellingRows)
	if s := e.state.base.UserKeys.Segment; s.Key != baseKey || len(e.state.base.Hashes) != 0 {
		t.Errorf("under %q; %d kinds of hashes", s.Key, len(e.state.base.Hashes))
	}
	for range 2 {
		for channel, want := range map[string]string{"mail": "user-1 user-4", "app": "user-2 user-4", "": "user-1 user-2 user-3 user-4"} {
			if got := strings.Join(userKeysIn(t, e, channel, anyone), " "); got != want {
				t.Errorf("of channel %q there are %s, want %s", channel, got, want)
			}
		}
		four := tokenOf(t, e, "user-4")
		if got := userKeysIn(t, e, "mail", func(u token.Token) bool { return u == four }); !slices.Equal(got, []string{"user-4"}) {
			t.Errorf("wanted was user-4: %v", got)
		}
		if err := e.baseUsers(t.Context(), e.state.base, "sms", anyone, nil); !errors.Is(err, errNoUserKeys) {
			t.Errorf("of no channel: %v", err)
		}
		for _, channel := range []string{"mail", "app"} {
			if err := e.baseServes(&entrustment.Destination{Form: entrustment.FormOwnChannel, Channel: channel}); err != nil {
				t.Error(err)
			}
		}
		e = again(t, e)
	}
	// In another order it is the same base; with another opt-in it is none.
	lines := strings.SplitAfter(tellingRows, "\n")
	slices.Reverse(lines[1:5])
	schema := parse(t, entrustment.ParseBaseSchema, tellingBase)
	if l := loadBaseAs(t, e, schema, []byte(strings.Join(lines, ""))); l.Changed {
		t.Errorf("%+v", l)
	}
	if l := loadBaseAs(t, e, schema, []byte(strings.Replace(tellingRows, "true,false,false\n", "true,true,false\n", 1))); !l.Changed || l.Version != 2 {
		t.Errorf("%+v", l)
	}
	if got := userKeysIn(t, e, "mail", anyone); !slices.Equal(got, []string{"user-1", "user-3", "user-4"}) {
		t.Errorf("%v", got)
	}
}

// TestBaseKeepsNothing: a base without channels has no user keys, and without a contract
// that names kinds no hashes; nobody can be delivered to by it, and it says why.
func TestBaseKeepsNothing(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "")
	before := len(segmentFiles(t, e))
	loadBaseFile(t, e, flowBase())
	if b := e.state.base; b.UserKeys != nil || b.OptIns != nil || b.Hashes != nil || len(segmentFiles(t, e)) != before+2 {
		t.Errorf("%+v; %d files", b, len(segmentFiles(t, e)))
	}
	for d, want := range map[*entrustment.Destination]string{
		{Form: entrustment.FormOwnChannel, Channel: "mail"}:            "destination.channel",
		{Form: entrustment.FormMeta, Base: []string{"email"}}:          "destination.identifiers[0]",
		{Form: entrustment.FormMeta, Base: []string{"phone", "email"}}: "destination.identifiers[0]",
	} {
		if r := wantCode(t, want, e.baseServes(d), entrustment.CodeNotFound); r.Field != want || !strings.Contains(r.Mend, "load the base again") {
			t.Errorf("%v", r)
		}
	}
	if err := e.baseServes(&entrustment.Destination{Form: entrustment.FormMeta}); err != nil {
		t.Errorf("keys of the list alone: %v", err)
	}
	_, err := hashesIn(t, e, "email")
	wantCode(t, "hashes that are not kept", err, entrustment.CodeNotFound)
}

// TestBaseLongUserKeys: one user key of more bytes than a delivery has room for, on the
// whole base, is no own channel, for whoever it is: none of the keys is kept, who loads
// is told, and campaigns are refused with the reason.
func TestBaseLongUserKeys(t *testing.T) {
	t.Parallel()
	e := openDelivering(t)
	for _, n := range []int{delivery.MaxUserKey, delivery.MaxUserKey + 1} {
		rows := strings.Replace(tellingRows, "user-3", strings.Repeat("k", n), 1) // who opted in to nothing
		long := n > delivery.MaxUserKey
		l := loadBaseAs(t, e, parse(t, entrustment.ParseBaseSchema, tellingBase), []byte(rows))
		if l.LongKeys != long || e.state.base.UserKeys.Long != long {
			t.Errorf("%d bytes: %+v, %+v", n, l, e.state.base.UserKeys)
		}
		err := e.baseServes(&entrustment.Destination{Form: entrustment.FormOwnChannel, Channel: "mail"})
		if !long {
			if err != nil || len(userKeysIn(t, e, "", anyone)) != 4 {
				t.Error(err)
			}
			continue
		}
		if r := wantCode(t, "a long key", err, entrustment.CodeForbidden); !strings.Contains(r.Detail, "more than 128 bytes") {
			t.Error(r)
		}
		if err := e.baseUsers(t.Context(), e.state.base, "mail", anyone, nil); err == nil || len(segmentFiles(t, e)) != 2 {
			t.Errorf("%v; %d files", err, len(segmentFiles(t, e)))
		}
		if l := loadBaseAs(t, e, parse(t, entrustment.ParseBaseSchema, tellingBase), []byte(rows)); l.Changed || !l.LongKeys {
			t.Errorf("the same again: %+v", l)
		}
	}
}

// TestBaseHashes: of the kinds that contracts name, a base keeps the hashes of verified
// users, as they were uploaded and with their classes; each kind is under a key of its
// own. What two users share is nobody's.
func TestBaseHashes(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "email", "cookie, maid")
	loadTelling(t, e, tellingRows)
	b := e.state.base
	if len(b.Hashes) != 2 || b.Hashes[0].Kind != "email" || b.Hashes[1].Kind != "cookie" || b.Hashes[0].Segment.Key == b.Hashes[1].Segment.Key || b.Hashes[0].Segment.Key == baseKey {
		t.Fatalf("%+v", b.Hashes)
	}
	users := func(all map[token.Token][]delivery.Identifier) string {
		var out []string
		for _, u := range []string{"user-1", "user-2", "user-3", "user-4"} {
			if ids := all[tokenOf(t, e, u)]; ids != nil {
				out = append(out, fmt.Sprint(u, ":", len(ids)))
			}
		}
		return strings.Join(out, " ")
	}
	for range 2 {
		emails, err := hashesIn(t, e, "email")
		if err != nil {
			t.Fatal(err)
		}
		// User 4 is not verified; users 2 and 3 share an address. User 1's has four forms, one
		// of which is sent nowhere.
		if got := users(emails); len(emails) != 1 || got != "user-1:3" {
			t.Errorf("of email there are %s", got)
		}
		classes := map[identifier.Class]int{}
		for _, id := range emails[tokenOf(t, e, "user-1")] {
			if classes[id.Class]++; id.Kind != identifier.Email {
				t.Errorf("kind %v", id.Kind)
			}
		}
		sum := identifier.Hash(sha256.Sum256([]byte("taroy@gmail.com")))
		if !slices.Contains(emails[tokenOf(t, e, "user-1")], delivery.Identifier{Kind: identifier.Email, Class: identifier.Common, Hash: sum}) || classes[identifier.Common] != 2 || classes[identifier.ClassTikTokNoSuffix] != 1 {
			t.Errorf("classes %v", classes)
		}
		cookies, err := hashesIn(t, e, "cookie")
		if err != nil || users(cookies) != "user-1:2 user-2:1 user-3:1" {
			t.Errorf("of cookie there are %s, %v", users(cookies), err)
		}
		e = again(t, e)
	}
	// The segment has the shared address, and no hash of the class that is sent nowhere: that it is nobody's is all that leaves it out.
	shared, raw := identifier.Hash(sha256.Sum256([]byte("shared@example.jp"))), 0
	err := e.readRows(t.Context(), e.state.base.Hashes[0].Segment, e.state.base.Hashes[0].Digest, subkeyHashes, whatHashes("email"), func(part []byte) ([]byte, error) {
		_, hashes, rest, err := nextHashes(part)
		raw += bytes.Count(hashes, shared[:])
		for ; len(hashes) > 0; hashes = hashes[hashLen:] {
			if identifier.Class(hashes[0]) == identifier.ClassAMC {
				t.Error("a hash is kept that is sent nowhere")
			}
		}
		return rest, err
	})
	if err != nil || raw < 2 {
		t.Errorf("the shared address stands %d times: %v", raw, err)
	}
	// A base whose table has no such column is refused for that, whatever it keeps.
	if r := wantCode(t, "a kind that the base has not", e.baseServes(&entrustment.Destination{Form: entrustment.FormMeta, Base: []string{"email", "maid"}}), entrustment.CodeForbidden); r.Field != "destination.identifiers[1]" {
		t.Error(r)
	}
}

// TestBaseKeysDamaged: what is read is what was written. Rows of another base, of
// another kind, of another sort or none are refused, also by their digests.
func TestBaseKeysDamaged(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "email, cookie")
	loadTelling(t, e, tellingRows)
	old := *e.state.base
	held, _ := locked(e, func() (func(), error) { return e.staying(&old), nil })
	loadTelling(t, e, strings.Replace(tellingRows, "taro.y@", "taro.z@", 1))
	defer held()
	now := *e.state.base
	users := func(b baseRecord) error {
		return e.baseUsers(t.Context(), &b, "mail", anyone, func(token.Token, []byte) error { return nil })
	}
	hashes := func(b baseRecord, kind string) error {
		base := must(e.openBase(&now))
		return e.baseIdentifiers(t.Context(), &b, base, kind, anyone, func(token.Token, []delivery.Identifier) error { return nil })
	}
	if err := errors.Join(users(old), users(now), hashes(old, "email"), hashes(now, "cookie")); err != nil {
		t.Fatal(err)
	}
	with := func(ref vault.SegmentRef, digest hexID) baseRecord {
		b := now
		b.UserKeys, b.Hashes = &userKeysRecord{Segment: ref, Digest: digest}, slices.Clone(now.Hashes)
		b.Hashes[0].Segment, b.Hashes[0].Digest = ref, digest
		return b
	}
	swapped := with(now.Hashes[1].Segment, now.Hashes[1].Digest)
	for what, err := range map[string]error{
		"hashes of the base before":      hashes(with(old.Hashes[0].Segment, now.Hashes[0].Digest), "email"),
		"hashes of another kind":         hashes(with(now.Hashes[1].Segment, now.Hashes[0].Digest), "email"),
		"with that kind's digest":        hashes(swapped, "email"),
		"user keys in place of hashes":   hashes(with(now.UserKeys.Segment, now.UserKeys.Digest), "email"),
		"hashes in place of user keys":   users(with(now.Hashes[0].Segment, now.Hashes[0].Digest)),
		"particulars in place of them":   users(with(now.Particulars.Segment, now.Particulars.Digest)),
		"user keys with another digest":  users(with(now.UserKeys.Segment, now.Hashes[0].Digest)),
		"the base in place of user keys": users(with(now.Segment, now.UserKeys.Digest)),
	} {
		if err == nil {
			t.Errorf("%s were read", what)
		}
	}
	// Without the kind in what the digest is of, another kind's rows would pass for it.
	h := now.Hashes[1]
	if err := e.readRows(t.Context(), h.Segment, h.Digest, subkeyHashes, whatHashes("cookie"), func(b []byte) ([]byte, error) {
		_, _, rest, err := nextHashes(b)
		return rest, err
	}); err != nil {
		t.Errorf("the other kind's own digest: %v", err)
	}
	if err := os.Remove(filepath.Join(e.vault.Dir(), "segments", now.UserKeys.Segment.ID+".seg")); err != nil {
		t.Fatal(err)
	}
	if err := users(now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestBaseKeyRows: a row that is cut off anywhere is no row.
func TestBaseKeyRows(t *testing.T) {
	t.Parallel()
	user := append(bytes.Repeat([]byte{7}, token.Size), 0, 0, 0, 0, 0, 0, 0, 5, 3, 'k', 'e', 'y')
	hashes := append(bytes.Repeat([]byte{7}, token.Size), append([]byte{2}, make([]byte, 2*hashLen)...)...)
	r, rest, err := nextUser(append(slices.Clone(user), 9))
	if err != nil || len(rest) != 1 || string(r.key) != "key" || r.channels != 5 || r.user[0] != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	if u, ids, rest, err := nextHashes(append(slices.Clone(hashes), 9)); err != nil || len(rest) != 1 || len(ids) != 2*hashLen || u[0] != 7 {
		t.Errorf("%v, %v", ids, err)
	}
	for n := range user {
		if _, _, err := nextUser(user[:n]); err == nil {
			t.Errorf("%d bytes are a user key", n)
		}
	}
	for n := range hashes {
		if _, _, _, err := nextHashes(hashes[:n]); err == nil {
			t.Errorf("%d bytes are hashes", n)
		}
	}
}

// optInRows is a base of n users who are all eligible, every other of whom opted in to
// mail, and the list of all but the last hundred.
func optInRows(n int) (base, list string) {
	var b, l strings.Builder
	b.WriteString("id,ok,version,date,email,cookie,shop,sex,pref,disability,service,enquiry,mail_ok,app_ok\n")
	l.WriteString("email,phone,cookie,maid\n")
	for i := range n {
		fmt.Fprintf(&b, "user-%d,true,v2,2024-02-01,u.%d@example.jp,,,f,東京都,,,false,%t,false\n", i, i, i%2 == 0)
		if i < n-100 {
			fmt.Fprintf(&l, "u.%d@example.jp,,,\n", i)
		}
	}
	return b.String(), l.String()
}

// TestOwnChannelAudience: on both engines the audience of an own channel are those who
// opted in to it and no others, counted as it is delivered, and each is given with the
// user key that the operator's table has. A base before is read while it is kept.
func TestOwnChannelAudience(t *testing.T) {
	const n = 3400
	base, list := optInRows(n)
	furnish := func(t *testing.T, e *Enclave) {
		furnishDelivering(t, e)
		if _, err := e.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n")); err != nil {
			t.Fatal(err)
		}
		entrustDoc(t, e, deliveryContract("d", "email"))
		loadTelling(t, e, base)
		f, err := intake.OpenList(t.Context(), strings.NewReader(list), int64(len(list)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "d", Name: "l"}, sealed(t, e, "d", "l", f.Header(), f.Rows())); err != nil {
			t.Fatal(err)
		}
	}
	onEngines(t, furnish, func(t *testing.T, e *Enclave) {
		for _, c := range []struct {
			also *matcher.Where
			want int // people
		}{{optedIn("mail"), (n - 100) / 2}, {nil, n - 100}} { // without the condition all are in it
			audience, b, release := audienceOf(t, e, c.also)
			loadTelling(t, e, strings.Replace(base, "user-1,", "user-x,", 1)) // meanwhile
			opened := must(e.openBase(b))
			users := usersOf(opened, audience)
			want := map[token.Token]bool{}
			for _, u := range users {
				want[u] = true
			}
			if len(audience) != c.want || len(users) != c.want || len(want) != c.want {
				t.Errorf("%d members, %d users, want %d", len(audience), len(users), c.want)
			}
			given := 0
			err := e.baseUsers(t.Context(), b, "mail", func(u token.Token) bool { return want[u] }, func(_ token.Token, key []byte) error {
				var i int
				if _, err := fmt.Sscanf(string(key), "user-%d", &i); err != nil || i%2 != 0 || i >= n-100 {
					t.Errorf("somebody is given who did not opt in")
				}
				given++
				return nil
			})
			if err != nil || given != (n-100)/2 {
				t.Errorf("%d are given, %v", given, err)
			}
			hashes := 0
			err = e.baseIdentifiers(t.Context(), b, opened, "email", func(u token.Token) bool { return want[u] }, func(_ token.Token, ids []delivery.Identifier) error {
				hashes++
				return nil
			})
			if err != nil || hashes != c.want {
				t.Errorf("%d have hashes, %v", hashes, err)
			}
			release()
			loadTelling(t, e, base)
		}
	})
}

// staying has the segments of a base stay until release. The room's lock is held.
func (e *Enclave) staying(b *baseRecord) (release func()) {
	refs := b.refs()
	for _, ref := range refs {
		e.copying[ref.ID]++
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, ref := range refs {
			e.copied(ref.ID)
		}
	}
}

// usersOf gives the tokens of the user keys of clusters.
func usersOf(base *matcher.Base, clusters []uint32) map[uint32]token.Token {
	out := map[uint32]token.Token{}
	for piece := range base.UserKeys(findPiece) {
		for i, c := range piece.Values {
			if slices.Contains(clusters, c) {
				out[c] = piece.Tokens[i]
			}
		}
	}
	return out
}

// audienceOf gives an audience that passed the gate, and the base that it is of, which
// is kept until release.
func audienceOf(t *testing.T, e *Enclave, also *matcher.Where) (clusters []uint32, b *baseRecord, release func()) {
	t.Helper()
	a, kept := func() (*asked, func()) {
		e.mu.Lock()
		defer e.mu.Unlock()
		c := e.state.contracts["d"]
		facts := e.facts(c)
		src, err := e.sources(c, &facts, "operator")
		if err != nil {
			t.Fatal(err)
		}
		policy := e.gate.Policy()
		plan, err := aggregator.CompileDelivery(&entrustment.Campaign{ID: "m", Entrustment: "d", List: "l"}, src, &policy, nil, also)
		if err != nil {
			t.Fatal(err)
		}
		b = e.state.base
		a := &asked{contract: c, plan: plan, population: src.Population}
		a.release = e.pin(a)
		return a, e.staying(b)
	}()
	defer a.release()
	d, err := e.gate.Deliver(t.Context(), e.gate.Pay(t.Context(), a.plan))
	if err != nil || d == nil {
		t.Fatal(d, err)
	}
	for _, hits := range d.Members {
		clusters = append(clusters, hits[0].Cluster)
	}
	return clusters, b, kept
}

// TestOptInsCantBeAsked: no document can name the column of a channel's opt-ins, and no
// question reads it, though a contract came to name it: it is decided, and the columns
// that a question is compiled against don't have it. Without either it is answered.
func TestOptInsCantBeAsked(t *testing.T) {
	t.Parallel()
	const column = "channel/mail"
	if optIns([]string{"mail"})[0].Name != column {
		t.Fatal("the column has another name")
	}
	for doc, parsed := range map[string]func(string) error{
		"an attribute": func(name string) error {
			_, err := entrustment.ParseBaseSchema("base.yaml", []byte(strings.Replace(tellingBase, "name: gender", "name: "+name, 1)))
			return err
		},
		"a column of a list": func(name string) error {
			_, err := entrustment.ParseListSchema("list.yaml", []byte(oracleList+"  - {column: x, name: "+name+", values: [a, b]}\n"))
			return err
		},
		"a contract": func(name string) error {
			_, err := entrustment.ParseContract("contract.yaml", []byte(strings.Replace(oracleContract, "attributes: [gender]", "attributes: ["+name+"]", 1)))
			return err
		},
		"a channel": func(name string) error {
			_, err := entrustment.ParseBaseSchema("base.yaml", []byte(strings.Replace(tellingBase, "channel: mail", "channel: "+name, 1)))
			return err
		},
	} {
		if err := parsed(column); err == nil {
			t.Errorf("%s has the name of an opt-in", doc)
		}
		if err := parsed("mail"); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
	e := openRoom(t)
	base, list := optInRows(1500)
	loadTelling(t, e, base)
	loadListFile(t, e, "l", []byte(list))
	asks := map[string]*entrustment.Question{
		"a dimension": question(func(q *entrustment.Question) { q.Dims = []string{column} }),
		"a condition": question(func(q *entrustment.Question) {
			q.Where = &entrustment.Condition{In: map[string][]string{column: {"yes"}}}
		}),
	}
	c := *e.state.contracts["e"].Contract
	c.Attributes = append(slices.Clone(c.Attributes), column)
	e.state.contracts["e"].Contract = &c // as if one had come to name it
	decides, own, all := e.question, *e.state.base, *e.state.base
	all.Columns = all.engineColumns()
	for _, m := range []struct {
		undecided, among bool // what a contract lets be asked is not decided; the opt-ins stand among the attributes
	}{{false, false}, {true, false}, {false, true}, {true, true}} {
		e.question, e.state.base = decides, &own
		if m.undecided {
			e.question = func(entrustment.Facts, entrustment.Ask) error { return nil }
		}
		if m.among {
			e.state.base = &all
		}
		for what, q := range asks {
			if _, err := e.Price(t.Context(), q, 0); (err == nil) != (m.undecided && m.among) {
				t.Errorf("%s, %+v: %v", what, m, err)
			}
		}
	}
}

// TestBaseKeysOverRestore: a backup has what deliveries need of the base, and a restored
// vault gives it; what no contract names any more goes again at its opening.
func TestBaseKeysOverRestore(t *testing.T) {
	t.Parallel()
	for _, ended := range []bool{false, true} {
		a := &afterBackup{t: t, root: t.TempDir(), backup: filepath.Join(t.TempDir(), "backup"), then: filepath.Join(t.TempDir(), "then")}
		e := openWith(t, filepath.Join(a.root, "V"), Options{})
		furnishDelivering(t, e)
		entrustDoc(t, e, deliveryContract("d", "email"))
		loadTelling(t, e, tellingRows)
		made, err := e.Backup(t.Context(), wire.BackupRequest{Dir: a.backup, Expires: entrustment.DateOf(e.vault.Log().Now()).Add(30)})
		if err != nil || made.Segments != 4 { // the base, its particulars, user keys and hashes
			t.Fatalf("%+v, %v", made, err)
		}
		if err := copyRoom(a.then, a.root); err != nil {
			t.Fatal(err)
		}
		if ended {
			if _, err := e.EndEntrustment(t.Context(), "d", wire.ByOfficer{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		_, r := a.restoreOf(a.part("V/log", "V.checkpoint"), a.then, Options{})
		if got := userKeysIn(t, r, "mail", anyone); len(got) != 2 {
			t.Errorf("%v", got)
		}
		_, herr := hashesIn(t, r, "email")
		if (herr == nil) != !ended || len(segmentFiles(t, r)) != 4-map[bool]int{true: 1}[ended] {
			t.Errorf("ended %v: %v, %d files", ended, herr, len(segmentFiles(t, r)))
		}
	}
}

// TestBaseKeysOfWhoAsked: of who asked for deletion or a stop of use, a base that is
// loaded afterwards keeps neither user key nor hash, until a base says that they agreed
// again; the length of their key decides as everybody's.
func TestBaseKeysOfWhoAsked(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "email")
	loadTelling(t, e, tellingRows)
	if err := errors.Join(rights(t, e, seal.Deletion, [][]byte{[]byte("user-1")}), rights(t, e, seal.Stop, [][]byte{[]byte("user-4")})); err != nil {
		t.Fatal(err)
	}
	kept := func(rows, wantKeys string, wantHashes int) {
		t.Helper()
		loadTelling(t, e, rows)
		emails, err := hashesIn(t, e, "email")
		if got := strings.Join(userKeysIn(t, e, "", anyone), " "); err != nil || got != wantKeys || len(emails) != wantHashes {
			t.Errorf("keys of %s and %d with hashes are kept, %v; want %s and %d", got, len(emails), err, wantKeys, wantHashes)
		}
	}
	kept(tellingRows, "user-2 user-3", 0)
	e = again(t, e)
	again := entrustment.DateOf(e.vault.Log().Now()).Add(-1).String() // of the day before: no consent since
	kept(strings.Replace(tellingRows, "true,v2,2024-02-01,taro", "true,v2,"+again+",taro", 1), "user-2 user-3", 0)
	e.agreed = func(int32, suppressed, int32) bool { return true } // as on a later day
	kept(tellingRows, "user-1 user-2 user-3 user-4", 1)
	e.agreed = agreedAgain
	long := strings.Repeat("k", delivery.MaxUserKey+1)
	if err := rights(t, e, seal.Deletion, [][]byte{[]byte(long)}); err != nil {
		t.Fatal(err)
	}
	if l := loadBaseAs(t, e, parse(t, entrustment.ParseBaseSchema, tellingBase), []byte(strings.Replace(tellingRows, "user-3", long, 1))); !l.LongKeys {
		t.Errorf("%+v", l)
	}
}
