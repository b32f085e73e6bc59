package courier

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

type api struct {
	new    func() server
	to     delivery.Destination
	people int // as many as make three batches
	few    int // likewise, with fewLimit in place of the platform's own
}

// fewLimit is of the tests that aren't about limits.
const fewLimit = 10

// apis are the platforms that are called.
func apis(t testing.TB) map[string]api {
	return map[string]api{
		"google": {func() server { return newGoogleServer(t) }, delivery.Google, 14_000, 14}, // 21,000 identifiers, and 21
		"meta":   {func() server { return newMetaServer(t) }, delivery.Meta, 20_001, 21},
		"x":      {func() server { return newXServer(t) }, delivery.X, 5_001, 21},
	}
}

// same fails unless the audience is those people.
func same(t *testing.T, s server, people [][]delivery.Identifier) {
	t.Helper()
	if got, want := s.audience(), wantAudience(people); !maps.Equal(got, want) {
		t.Errorf("%d identifiers in the audience, want %d", len(got), len(want))
	}
}

// TestSend: each platform gets the whole audience in the batches of its documents; a
// removal takes people out again.
func TestSend(t *testing.T) {
	t.Parallel()
	for name, p := range apis(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, people := p.new(), crowd(p.people)
			tr := newTrial(t, s, sealPeople(t, p.to, delivery.Replace, people))
			c, err := tr.send(t)
			if err != nil {
				t.Fatal(err)
			}
			if c.People != int64(p.people) || c.Batches != 3 || c.LeftOut+c.Unused != 0 {
				t.Errorf("counts %+v", c)
			}
			same(t, s, people)
			// Sent whole, it is not sent again.
			before := len(s.platform().paths())
			if _, err := tr.send(t); err != nil || len(s.platform().paths()) != before {
				t.Errorf("sent twice: %v, %d requests more", err, len(s.platform().paths())-before)
			}
			gone := newTrial(t, s, sealPeople(t, p.to, delivery.Remove, people[:100]))
			if _, err := gone.send(t); err != nil {
				t.Fatal(err)
			}
			same(t, s, people[100:])
			// A removal of nobody is padding alone: nothing to do, and that is done.
			before = len(s.platform().paths())
			none := newTrial(t, s, sealPeople(t, p.to, delivery.Remove, nil))
			if _, err := none.send(t); err != nil || len(s.platform().paths()) != before {
				t.Errorf("a removal of nobody: %v", err)
			}
		})
	}
}

// TestSendRidesOutFaults: what passes is tried again, and harms nothing.
func TestSendRidesOutFaults(t *testing.T) {
	t.Parallel()
	for name, p := range apis(t) {
		file := sealPeople(t, p.to, delivery.Replace, crowd(p.few))
		for _, f := range []fate{limited, broken, cutFirst, cutAfter, garbled, empty, slow} {
			for _, requests := range [][]int{{1}, {3}, {1, 2, 3, 4}} {
				if f == slow && (len(requests) > 1 || name != "x") {
					continue // as long as the client waits: one of them is enough
				}
				t.Run(fmt.Sprint(name, f, requests), func(t *testing.T) {
					t.Parallel()
					s := p.new()
					s.platform().play(at(f, requests...))
					tr := newTrial(t, s, file)
					tr.o.hooks.limit = fewLimit
					if f == slow {
						tr.o.hooks.client.Timeout = 2 * time.Second
					}
					if _, err := tr.send(t); err != nil {
						t.Fatal(err)
					}
					same(t, s, crowd(p.few))
					if f == limited {
						for i := range requests { // Retry-After is kept
							if waited := retries(tr)[i]; waited < 7*time.Second {
								t.Errorf("waited %v", waited)
							}
						}
					}
				})
			}
		}
	}
}

// retries gives the waits that were no pace between requests.
func retries(tr *trial) (out []time.Duration) {
	for _, d := range tr.clock.slept {
		if d >= firstWait/2 && d != time.Second {
			out = append(out, d)
		}
	}
	return out
}

// TestSendGivesUp: what doesn't pass ends with its code, after one attempt or all.
func TestSendGivesUp(t *testing.T) {
	t.Parallel()
	for name, p := range apis(t) {
		file := sealPeople(t, p.to, delivery.Replace, crowd(10))
		for f, want := range map[fate]struct {
			code     Code
			requests int
		}{
			limited: {RateLimited, 8}, broken: {Unreachable, 8}, cutFirst: {Unreachable, 8}, garbled: {UnexpectedAnswer, 8},
			denied: {RejectedCredentials, 1}, refused: {RejectedBody, 1}, moved: {UnexpectedAnswer, 1},
		} {
			if name == "meta" && f == garbled {
				continue // the first one was taken and was the last: the second is told so
			}
			t.Run(fmt.Sprint(name, f), func(t *testing.T) {
				t.Parallel()
				s := p.new()
				s.platform().play(always(f))
				tr := newTrial(t, s, file)
				_, err := tr.send(t)
				if e, ok := errors.AsType[*Error](err); !ok || e.Code != want.code || e.Batch != 1 {
					t.Errorf("%v, want %s", err, want.code)
				}
				if s.platform().requests() != want.requests {
					t.Errorf("%d requests, want %d", s.platform().n, want.requests)
				}
				if r := ReportOf(&delivery.Header{Delivery: [16]byte{1}}, err); r.Status != "failed" || r.Code != want.code {
					t.Errorf("report %+v", r)
				}
				// The next run goes on where this one ended.
				s.platform().play(nil)
				if _, err := tr.send(t); err != nil {
					t.Errorf("the next run: %v", err)
				}
				same(t, s, crowd(10))
			})
		}
	}
}

// Waits double, up to a minute, and a wait that is too long ends the run.
func TestBackoff(t *testing.T) {
	t.Parallel()
	s := newXServer(t)
	s.play(always(broken))
	tr := newTrial(t, s, sealPeople(t, delivery.X, delivery.Replace, crowd(1)))
	tr.o.Attempts = 10
	if _, err := tr.send(t); !errors.Is(err, Unreachable) {
		t.Fatal(err)
	}
	var want []time.Duration
	for _, n := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want = append(want, time.Duration(n)*time.Second/2) // the jitter is 0 here
	}
	if got := tr.clock.slept; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("waits %v, want %v", got, want)
	}
	now := time.Unix(1_000_000, 0)
	for text, want := range map[string]time.Duration{"": 0, "5": 5 * time.Second, "-5": 0, "x": 0, "99999999999999999999": 0,
		now.Add(90 * time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"): 90 * time.Second, now.Add(-time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"): 0} {
		if got := retryAfter(map[string][]string{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After %q: %v", text, got)
		}
	}
}

// TestPace: requests come at the platform's rate, or the one that was asked for.
func TestPace(t *testing.T) {
	t.Parallel()
	s := newMetaServer(t)
	tr := newTrial(t, s, sealPeople(t, delivery.Meta, delivery.Replace, crowd(21)))
	tr.o.Rate, tr.o.hooks.limit = 0.25, fewLimit
	if _, err := tr.send(t); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(tr.clock.slept); got != "[4s 4s]" {
		t.Errorf("three requests with waits of %s", got)
	}
}

// A replacement at Google is ended by its guide: when all was processed, who was there
// before goes.
func TestGoogleReplaces(t *testing.T) {
	t.Parallel()
	old := "email " + strings.Repeat("ab", 32)
	begin := func(t *testing.T) (*googleServer, *trial) {
		s := newGoogleServer(t)
		s.hashes[old], s.added[old] = true, testNow.Add(-24*time.Hour)
		var tr *trial
		// Google's clock is a minute behind ours.
		s.now = func() time.Time { return tr.clock.now().Add(-time.Minute) }
		tr = newTrial(t, s, sealPeople(t, delivery.Google, delivery.Replace, crowd(14)))
		tr.o.hooks.limit = fewLimit
		return s, tr
	}
	t.Run("when processed", func(t *testing.T) {
		t.Parallel()
		s, tr := begin(t)
		s.processing = 5
		if _, err := tr.send(t); err != nil {
			t.Fatal(err)
		}
		same(t, s, crowd(14))
	})
	t.Run("not before", func(t *testing.T) {
		t.Parallel()
		s, tr := begin(t)
		s.processing, tr.o.Wait = 1, 0
		if _, err := tr.send(t); !errors.Is(err, Unfinished) || !s.audience()[old] || s.removedAll != 0 {
			t.Fatalf("%v, removed all %d times", err, s.removedAll)
		}
		before := len(s.paths())
		if _, err := tr.send(t); err != nil { // the next run sends nothing twice
			t.Fatal(err)
		}
		if got := strings.Join(s.paths()[before:], " "); strings.Contains(got, "ingest") {
			t.Errorf("the next run made %s", got)
		}
		same(t, s, crowd(14))
	})
	t.Run("not if it failed", func(t *testing.T) {
		t.Parallel()
		s, tr := begin(t)
		s.failed = true
		if _, err := tr.send(t); !errors.Is(err, RejectedBody) || !s.audience()[old] {
			t.Errorf("%v", err)
		}
	})
	t.Run("base64", func(t *testing.T) {
		t.Parallel()
		s := newGoogleServer(t)
		s.base64 = true
		tr := newTrial(t, s, sealPeople(t, delivery.Google, delivery.Replace, crowd(10)))
		if _, err := tr.send(t); err != nil {
			t.Fatal(err)
		}
		same(t, s, crowd(10))
	})
}

// A session of Meta's that is over is begun again, whole.
func TestMetaSessions(t *testing.T) {
	t.Parallel()
	people := crowd(21)
	s := newMetaServer(t)
	s.play(at(denied, 3))
	tr := newTrial(t, s, sealPeople(t, delivery.Meta, delivery.Replace, people))
	tr.o.hooks.limit = fewLimit
	if _, err := tr.send(t); !errors.Is(err, RejectedCredentials) {
		t.Fatal(err)
	}
	if _, err := tr.send(t); err != nil { // in time: the same session goes on
		t.Fatal(err)
	}
	if fmt.Sprint(s.batches) != "[1 2 3]" || s.sessions != 1 {
		t.Errorf("batches %v in %d sessions", s.batches, s.sessions)
	}
	same(t, s, people)

	late := newMetaServer(t)
	late.play(at(denied, 3))
	tr = newTrial(t, late, tr.file)
	tr.o.hooks.limit = fewLimit
	if _, err := tr.send(t); !errors.Is(err, RejectedCredentials) {
		t.Fatal(err)
	}
	tr.clock.t = tr.clock.t.Add(metaReplaceTime)
	tr.file = longer(t, people)
	if _, err := tr.send(t); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(late.batches) != "[1 2 1 2 3]" || late.sessions != 2 {
		t.Errorf("batches %v in %d sessions", late.batches, late.sessions)
	}
	same(t, late, people)

	// The platform says that a session is over before we think so.
	lost := newMetaServer(t)
	lost.play(at(denied, 2))
	tr = newTrial(t, lost, tr.file)
	tr.o.hooks.limit = fewLimit
	if _, err := tr.send(t); !errors.Is(err, RejectedCredentials) {
		t.Fatal(err)
	}
	lost.mu.Lock()
	lost.session = 0
	lost.mu.Unlock()
	if _, err := tr.send(t); !errors.Is(err, SessionEnded) {
		t.Fatal(err)
	}
	if _, err := tr.send(t); err != nil {
		t.Fatal(err)
	}
	same(t, lost, people)
}

// longer is the delivery of people with an expiry two hours later.
func longer(t *testing.T, people [][]delivery.Identifier) []byte {
	h := testHeader(delivery.Meta, delivery.Replace, delivery.SlotsFor(int64(len(people))))
	h.Expires += 7200
	return sealDelivery(t, h, func(w *delivery.Writer) error {
		for _, ids := range people {
			if err := w.Person(ids); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestMetaErrors: what the Graph API's codes mean.
func TestMetaErrors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]verdict{
		`{"error":{"code":190}}`:                               {code: RejectedCredentials},
		`{"error":{"code":200}}`:                               {code: RejectedCredentials},
		`{"error":{"code":17}}`:                                {code: RateLimited, again: true},
		`{"error":{"code":80003}}`:                             {code: RateLimited, again: true},
		`{"error":{"code":2,"is_transient":true}}`:             {code: Unreachable, again: true},
		`{"error":{"code":2650,"error_subcode":1870145}}`:      {code: Busy, again: true},
		`{"error":{"code":2650,"error_subcode":1870158}}`:      {code: SessionEnded},
		`{"error":{"code":2650,"error_subcode":1870159}}`:      {code: SessionEnded, whole: true},
		`{"error":{"code":100,"message":"CANARY"}}`:            {code: RejectedBody},
		`{"num_received":1,"invalid_entry_samples":["CANARY"]`: {code: RejectedBody},
	} {
		got := meta{}.read(400, nil, []byte(body))
		if strings.Contains(got.detail, "CANARY") {
			t.Errorf("%s is shown", body)
		}
		got.detail = ""
		if got != want {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

// TestDryRun: Google looks at the requests, to the others none is made; nothing is
// changed or written down.
func TestDryRun(t *testing.T) {
	t.Parallel()
	for name, p := range apis(t) {
		s := p.new()
		tr := newTrial(t, s, sealPeople(t, p.to, delivery.Replace, crowd(10)))
		tr.o.DryRun = true
		if c, err := tr.send(t); err != nil || c.People != 10 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if g, ok := s.(*googleServer); ok && (g.validated != 15 || g.removedAll != 0 || len(g.seen) != 1) {
			t.Errorf("Google: %d identifiers validated, %v", g.validated, g.seen)
		} else if !ok && s.platform().requests() != 0 {
			t.Errorf("%s: %d requests", name, s.platform().requests())
		}
		if len(s.audience()) != 0 {
			t.Errorf("%s: somebody was added", name)
		}
		if _, err := os.Stat(tr.o.State); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a state was written: %v", name, err)
		}
	}
}

// TestSendTellsNobody: no log line, error or state shows an identifier, a hash or a
// credential, whatever goes wrong; the report says one word.
func TestSendTellsNobody(t *testing.T) {
	t.Parallel()
	for name, p := range apis(t) {
		people := crowd(40)
		file := sealPeople(t, p.to, delivery.Replace, people)
		for _, f := range []fate{served, limited, broken, cutFirst, garbled, denied, refused, moved} {
			s := p.new()
			s.platform().play(always(f))
			tr := newTrial(t, s, file)
			tr.o.Attempts = 2
			_, err := tr.send(t)
			state, rerr := os.ReadFile(tr.o.State)
			if rerr != nil {
				t.Fatal(rerr)
			}
			said := tr.log.String() + fmt.Sprint(err) + string(state) + fmt.Sprintf("%+v", tr.o.Target)
			if tr.log.Len() == 0 {
				t.Error("there is no log: nothing is shown")
			}
			for _, ids := range people {
				for _, id := range ids {
					for _, text := range []string{fmt.Sprintf("%x", id.Hash), base64.StdEncoding.EncodeToString(id.Hash[:])} {
						if strings.Contains(said, text[:16]) {
							t.Fatalf("%s %d: a hash is shown", name, f)
						}
					}
				}
			}
			if strings.Contains(said, "CANARY") {
				t.Errorf("%s %d: credentials or an answer are shown: %s", name, f, said)
			}
		}
	}
	c, _ := bearer()
	o, _ := oauth()
	if text := fmt.Sprintf("%v %+v %#v %s %v %#v", c, c, c, c, o, o); strings.Contains(text, "CANARY") {
		t.Errorf("credentials print as %s", text)
	}
}

// TestTakes: a platform gets no hash that its own rule would not make. The hash of
// a_b@x.jp by the rule of AMC is that of ab@x.jp by everyone else's: somebody else.
func TestTakes(t *testing.T) {
	t.Parallel()
	n, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	sums, _, err := n.AppendBase(nil, identifier.Email, []byte("a_b@x.jp"))
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := n.AppendList(nil, identifier.Email, []byte("ab@x.jp"))
	if err != nil {
		t.Fatal(err)
	}
	var lossy identifier.Hash
	for _, s := range sums {
		if s.Class == identifier.ClassAMC {
			lossy = s.Hash
		}
	}
	if lossy != other[0].Hash {
		t.Fatal("the two are not confused: the rule guards nothing")
	}
	amc := delivery.Identifier{Kind: identifier.Email, Class: identifier.ClassAMC, Hash: lossy}
	suffix := delivery.Identifier{Kind: identifier.Email, Class: identifier.ClassTikTokNoSuffix}
	for _, d := range delivery.Destinations() {
		if d.Takes(amc) {
			t.Errorf("%s is sent to somebody else", d)
		}
		if d.Takes(suffix) != (d == delivery.TikTok) {
			t.Errorf("%s and an address without its suffix", d)
		}
		if d.Takes(delivery.Identifier{Kind: identifier.Cookie}) {
			t.Errorf("%s takes a cookie", d)
		}
		if d.Takes(delivery.Identifier{Kind: identifier.MAID}) != (d == delivery.TikTok || d == delivery.X) {
			t.Errorf("%s and a hashed advertising id", d)
		}
	}
	people := [][]delivery.Identifier{{amc}, append(person(0), amc), {suffix}}
	s := newXServer(t)
	tr := newTrial(t, s, sealPeople(t, delivery.X, delivery.Replace, people))
	c, err := tr.send(t)
	if err != nil || c.People != 1 || c.LeftOut != 2 || c.Unused != 3 {
		t.Errorf("%+v, %v", c, err)
	}
	same(t, s, crowd(1))
	tr = newTrial(t, newXServer(t), sealPeople(t, delivery.X, delivery.Replace, people[:1]))
	if _, err := tr.send(t); !errors.Is(err, NothingAccepted) {
		t.Errorf("an audience of nobody: %v", err)
	}
}

// TestSendRefusals: what can't be sent is refused before a request is made.
func TestSendRefusals(t *testing.T) {
	t.Parallel()
	file := sealPeople(t, delivery.Google, delivery.Replace, crowd(3))
	for name, c := range map[string]struct {
		change func(*Options)
		code   Code
	}{
		"account":           {func(o *Options) { o.Target.Account = "1/2" }, NotWritten},
		"login account":     {func(o *Options) { o.Target.LoginAccount = "x" }, NotWritten},
		"account type":      {func(o *Options) { o.Target.AccountType = "a b" }, NotWritten},
		"audience":          {func(o *Options) { o.Target.Audience = "" }, NotWritten},
		"consent":           {func(o *Options) { o.Target.AdUserData = "yes" }, NotWritten},
		"no token":          {func(o *Options) { o.Credentials = oauth }, RejectedCredentials},
		"a plain address":   {func(o *Options) { o.Target.Endpoint = "http://example.com" }, NotWritten},
		"a name in it":      {func(o *Options) { o.Target.Endpoint = "https://me:pw@example.com" }, NotWritten},
		"a question":        {func(o *Options) { o.Target.Endpoint = "https://example.com/?access_token=x" }, NotWritten},
		"no address":        {func(o *Options) { o.Target.Endpoint = "example.com" }, NotWritten},
		"a state elsewhere": {func(o *Options) { o.State = o.State + "/none/state" }, NotWritten},
	} {
		s := newGoogleServer(t)
		tr := newTrial(t, s, file)
		c.change(&tr.o)
		if _, err := tr.send(t); CodeOf(err) != c.code || s.requests() != 0 {
			t.Errorf("%s: %v, %d requests", name, err, s.requests())
		}
	}
	for d, target := range map[delivery.Destination]Target{delivery.Meta: {Audience: "1", Account: "2"}, delivery.X: {Account: "a", Audience: "b", AcceptTerms: true}} {
		if err := Check(d, &target); err == nil {
			t.Errorf("%s takes what is of another platform", d)
		}
	}
	for _, d := range []delivery.Destination{delivery.Line, delivery.YahooJapan, delivery.TikTok} {
		tr := newTrial(t, newGoogleServer(t), sealPeople(t, d, delivery.Replace, crowd(3)))
		if _, err := tr.send(t); !errors.Is(err, NotWritten) || Sends(d) {
			t.Errorf("%s: %v", d, err)
		}
	}
	// Expired on the way.
	s := newMetaServer(t)
	tr := newTrial(t, s, sealPeople(t, delivery.Meta, delivery.Replace, crowd(21)))
	tr.o.hooks.limit = fewLimit
	tr.o.Rate = 1.0 / 2000 // the third batch comes after an hour
	if _, err := tr.send(t); !errors.Is(err, Expired) || len(s.paths()) != 2 {
		t.Errorf("expired on the way: %v, %d requests", err, len(s.paths()))
	}
	// Interrupted.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tr = newTrial(t, newMetaServer(t), sealPeople(t, delivery.Meta, delivery.Replace, crowd(3)))
	if _, err := Send(ctx, open(t, tr.file), tr.o); !errors.Is(err, Interrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestReports: each code is a report, and no error is one of a count.
func TestReports(t *testing.T) {
	t.Parallel()
	h := testHeader(delivery.Google, delivery.Replace, 1)
	for _, c := range Codes() {
		if r := ReportOf(&h, fmt.Errorf("around: %w", fail(c, "12 of 34"))); r != (Report{"01020000000000000000000000000009", "failed", c}) {
			t.Errorf("%+v", r)
		}
		if c.mend() == "" {
			t.Errorf("%s: nothing to do about it", c)
		}
	}
	if r := ReportOf(&h, nil); r.Status != "delivered" || r.Code != "" {
		t.Errorf("%+v", r)
	}
	for err, want := range map[error]Code{&delivery.Error{Reason: delivery.Expired}: Expired, &delivery.Error{Reason: delivery.BadSignature}: NotSigned, &delivery.Error{Reason: delivery.OtherRoom}: NotSigned, errors.New("x"): NotOpened} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// TestOAuth1 is the example of RFC 5849 §1.2 that has a token and a query.
func TestOAuth1(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("http://photos.example.net/photos?file=vacation.jpg&size=original")
	if err != nil {
		t.Fatal(err)
	}
	got := oauth1Signature("GET", u, Credentials{ConsumerSecret: "kd94hf93k423kf44", AccessSecret: "pfkkdhi9sl3r4s00"}, [][2]string{
		{"oauth_consumer_key", "dpf43f3p2l4k3l03"}, {"oauth_token", "nnch734d00sl2jdk"}, {"oauth_signature_method", "HMAC-SHA1"}, {"oauth_timestamp", "137131202"}, {"oauth_nonce", "chapoH"}})
	if want := "MdpQcU8iPSUjWoN/UDMsK2sui9I="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if got := escape("a b+~%*'"); got != "a%20b%2B~%25%2A%27" {
		t.Errorf("escaped %s", got)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string, mode os.FileMode) string {
		path := dir + "/c"
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if c, err := ReadCredentials(write(testToken+"\n", 0o600)); err != nil || c.Token != testToken {
		t.Error(err)
	}
	if c, err := ReadCredentials(write(`{"consumer_key":"a","consumer_secret":"b","access_token":"c","access_secret":"d"}`, 0o600)); err != nil || c.oauth1() != nil || c.token() == nil {
		t.Error(err)
	}
	for name, path := range map[string]string{"others read it": write("CANARY", 0o640)} {
		if _, err := ReadCredentials(path); !errors.Is(err, RejectedCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", " ", "CANARY two", "CANARY\ntwo", "{CANARY}", `{"token":"CANARY"}`, strings.Repeat("CANARY", 20_000)} {
		if _, err := ReadCredentials(write(text, 0o600)); !errors.Is(err, RejectedCredentials) || bytes.Contains([]byte(err.Error()), []byte("CANARY")) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := ReadCredentials(dir + "/CANARY"); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "CANARY") {
		t.Error(err)
	}
}
