package api_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// scenario is one request of a story that all rows tell in their order, and what
// must and must not come of it.
type scenario struct {
	name   string
	as     api.Principal // the zero one: nobody
	sends  *sending
	ask    string // method and path; $NAME: what a row before kept
	body   string
	header []string
	status int
	ends   string            // of what becomes a job: its state; has and hasNot are then of the job
	has    []string          // code included
	hasNot []string          // one of digits alone: as a whole number
	keeps  map[string]string // name → expression whose group is kept
	spent  cost
	shows  shows
}

// cost is what a row spends of the 30 days' rho, by recipient/owner.
type cost map[string]float64

// shows is what a row alone may show.
type shows int

const (
	showsTable  shows = 1 << iota // numbers that passed the gate: one may be any
	showsPeople                   // addresses of the asker's own people
	showsSecret                   // a secret, once
	showsRows                     // how many rows others uploaded: of an incident
)

// The numbers of the story: of acme's list "vips" the last match nobody, and how many
// do is for the gate alone.
const (
	vipsFrom, vipsTo = 1766, 4111
	vipsRows         = vipsTo - vipsFrom
	vipsMatched      = 3000 - vipsFrom
	smallRows        = 437 // of acme's list "small"
	baseUsers        = 3000
)

var (
	number     = func(n int) *regexp.Regexp { return regexp.MustCompile(fmt.Sprintf(`\b%d\b`, n)) }
	identifier = regexp.MustCompile(`taro\.|example\.jp`)
	inside     = regexp.MustCompile(`(?i)sqlite|insert into|select .* from|constraint failed|control\.db|goroutine \d|\.go:\d|panic|argon2|/tmp/|vault/`)
	coded      = regexp.MustCompile(`"[A-Za-z0-9+/]{40,}={0,2}"`) // bytes in base64, which say anything by chance
	secret     = regexp.MustCompile(`awase_[A-Za-z0-9_-]{20,}|whsec_|"token":"[^"]{20,}`)
	address    = regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.]+`)
	figure     = regexp.MustCompile(`^\d+$`) // stands in ids, hashes and times by chance: looked for as a whole number
	hash       = regexp.MustCompile(`[0-9a-f]{64}`)
	hashes     = func() map[string]bool {
		out := map[string]bool{}
		for i := range vipsTo {
			h := sha256.Sum256(fmt.Appendf(nil, "taro.%d@example.jp", i))
			out[hex.EncodeToString(h[:])] = true
		}
		return out
	}()
)

// leaks tells what a text has that nobody, or nobody of a party, is to see.
func (s scenario) leaks(dir, text string) (found []string) {
	never := []*regexp.Regexp{identifier, inside, regexp.MustCompile(regexp.QuoteMeta(dir))}
	if s.shows&showsTable == 0 {
		never = append(never, number(vipsMatched))
		if s.as.Party != apitest.Acme && s.shows&showsRows == 0 {
			never = append(never, number(vipsRows), number(smallRows), number(1500))
		}
		if s.as.Party != apitest.Operator {
			never = append(never, number(baseUsers))
		}
	}
	if s.shows&showsSecret == 0 {
		never = append(never, secret)
	}
	if s.shows&showsPeople == 0 {
		never = append(never, address)
	}
	for _, n := range never {
		text := text
		if n == inside {
			text = coded.ReplaceAllString(text, "")
		}
		if at := n.FindString(text); at != "" {
			found = append(found, at)
		}
	}
	for _, h := range hash.FindAllString(text, -1) {
		if hashes[h] {
			found = append(found, "the hash of an identifier")
		}
	}
	return found
}

// unpacked is what an answer says: of a pack the names and what is in each file, as
// compressed bytes say anything by chance and nothing on purpose. So do a PDF's, which
// shows what the pack's other files say.
func unpacked(t *testing.T, body []byte) string {
	if !bytes.HasPrefix(body, []byte("PK\x03\x04")) {
		return string(body)
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	text := "a pack of\n"
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if text += f.Name + "\n"; !bytes.HasPrefix(content, []byte("%PDF-")) {
			text += unpacked(t, content) + "\n"
		}
	}
	return text
}

// accounts gives what was spent by now.
func accounts(t *testing.T, r *apitest.Room) cost {
	t.Helper()
	l, err := r.Enclave.Ledger(t.Context(), wire.LedgerRequest{Officer: true})
	if err != nil {
		t.Fatal(err)
	}
	out := cost{}
	for _, a := range l.Accounts {
		for _, w := range a.Windows {
			if w.Window == "30d" && w.Unit == "rho" && w.Spent != 0 {
				out[a.Recipient+"/"+a.Owner] = w.Spent
			}
		}
	}
	return out
}

// since gives what was spent between.
func (c cost) since(before cost) cost {
	out := cost{}
	for k, v := range c {
		if d := v - before[k]; math.Abs(d) > 1e-12 {
			out[k] = math.Round(d*1e9) / 1e9
		}
	}
	return out
}

// sending is a sealed file that is sent up before a row is asked.
type sending struct {
	as       string // the variable that gets the upload's id
	under    string // "@base": the operator's own log of page views
	name     string
	from, to int
	damaged  bool
}

func (u sending) send(r *apitest.Room) (id string) {
	var sealed []byte
	if u.under == "@base" {
		sealed = r.SealedEvents(u.to)
	} else {
		sealed = r.SealedPart(u.under, u.name, u.from, u.to)
	}
	if u.damaged {
		sealed[len(sealed)/2] ^= 1
	}
	who := acAdops
	if u.under == "@base" {
		who = opAdops
	}
	return r.As(who).Upload(u.under, u.name, sealed)
}

// TestScenarios tells a story of the room, of its parties, contracts, data, questions,
// people and end, each row with what it must show and must not, and what it cost whom.
func TestScenarios(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish("list_versions: 4", "budget: {30d: 0.0115}")
	vars, codes := map[string]string{}, map[string]bool{}
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) { s.tell(t, r, vars, codes) })
	}
	for _, code := range []string{"E_SIGN_IN", "E_FORBIDDEN", "E_NOT_FOUND", "E_CONFLICT", "E_NO_BASIS", "E_DIM_FORBIDDEN", "E_DOMAIN", "E_SPEC", "E_LIMIT", "E_LIST_SMALL", "E_BUDGET", "E_RATE", "E_GONE", "E_FILE", "E_DOCUMENT", "E_FROZEN"} {
		if !codes[code] {
			t.Errorf("no row is refused with %s", code)
		}
	}
}

// tell asks, waits for what becomes of it, and holds all of it against the row.
func (s scenario) tell(t *testing.T, r *apitest.Room, vars map[string]string, codes map[string]bool) {
	if s.sends != nil {
		vars[s.sends.as] = s.sends.send(r)
	}
	put := func(text string) string {
		return regexp.MustCompile(`\$[A-Z]+`).ReplaceAllStringFunc(text, func(name string) string {
			v, ok := vars[name[1:]]
			if !ok {
				t.Fatalf("no row kept %s", name)
			}
			return v
		})
	}
	before, logged := accounts(t, r), len(r.Log.String())
	c := r.Nobody()
	if s.as.Party != "" {
		c = r.As(s.as)
	}
	method, path, _ := strings.Cut(put(s.ask), " ")
	var body any
	if s.body != "" {
		body = put(s.body)
	}
	a := c.Bad(method, path, body, s.header...)
	got := unpacked(t, a.Body)
	if a.Status != s.status {
		t.Fatalf("%d %s, want %d", a.Status, got, s.status)
	}
	if s.ends != "" {
		var j job
		a.JSON(&j)
		if j = await(t, c, j.ID); j.State != s.ends {
			t.Errorf("the job ended %s, want %s", j.State, s.ends)
		}
		got = string(c.Do(http.MethodGet, "/v1/jobs/"+j.ID, nil).Body)
	}
	for _, h := range s.has {
		if !strings.Contains(got, put(h)) {
			t.Errorf("%s lacks %s", got, h)
		}
	}
	for _, h := range s.hasNot {
		if has := put(h); figure.MatchString(has) && regexp.MustCompile(`\b`+has+`\b`).MatchString(got) || !figure.MatchString(has) && strings.Contains(got, has) {
			t.Errorf("%s has %s", got, h)
		}
	}
	for _, found := range s.leaks(r.Dir, got) {
		t.Errorf("it shows %q: %s", found, got)
	}
	log := r.Log.String()[logged:]
	for _, found := range (scenario{}).leaks(r.Dir, log) {
		t.Errorf("the log shows %q: %s", found, log)
	}
	if spent := accounts(t, r).since(before); !maps.Equal(spent, s.spent.whole()) {
		t.Errorf("it cost %v, want %v", spent, s.spent)
	}
	for name, expr := range s.keeps {
		m := regexp.MustCompile(expr).FindStringSubmatch(got)
		if m == nil {
			t.Fatalf("nothing in %s fits %s", got, expr)
		}
		vars[name] = m[1]
	}
	for _, code := range regexp.MustCompile(`"code":"(E_[A-Z_]+)"`).FindAllStringSubmatch(got, -1) {
		codes[code[1]] = true
	}
	if a.Status >= 400 || s.ends == "failed" {
		var p struct {
			Code, Detail, Mend string
			Reason             *struct{ Code, Detail, Mend string }
		}
		if err := json.Unmarshal([]byte(got), &p); err != nil {
			t.Fatal(err)
		}
		if p.Reason != nil {
			p.Code, p.Detail, p.Mend = p.Reason.Code, p.Reason.Detail, p.Reason.Mend
		}
		if p.Code == "" || p.Detail == "" || p.Mend == "" || p.Code == "E_INTERNAL" {
			t.Errorf("%s does not say what to do", got)
		}
	}
}

// What the story holds of a small list's size is stopped by one control, and shows
// without it.
func TestListSizeTwin(t *testing.T) {
	question := on("small", "profile", `"dims": ["gender"]`)
	for shown, change := range map[bool][]func(*api.Options){false: nil, true: {api.Without(api.ControlSize)}} {
		r := apitest.Start(t, change...)
		r.Furnish()
		if _, err := r.Enclave.LoadList(t.Context(), wire.ListRequest{Entrustment: apitest.Entrustment, Name: "small"}, bytes.NewReader(r.SealedList("small", smallRows))); err != nil {
			t.Fatal(err)
		}
		var j job
		op := r.As(opMarketing)
		op.Do(http.MethodPost, "/v1/reports", question).Want(http.StatusAccepted).JSON(&j)
		reason := await(t, op, j.ID).Reason
		for _, text := range []string{string(op.Do(http.MethodPost, "/v1/prices", question).Want(http.StatusUnprocessableEntity).Body), fmt.Sprint(reason)} {
			if number(smallRows).MatchString(text) != shown || !strings.Contains(text, "E_LIST_SMALL") {
				t.Errorf("to the other side, the control out %v: %s", shown, text)
			}
		}
	}
}

// What the story looks for it finds: each of these is a leak, to somebody at least.
func TestLeaks(t *testing.T) {
	client, op := scenario{as: acViewer}, scenario{as: opMarketing}
	h := sha256.Sum256([]byte("taro.7@example.jp"))
	for text, to := range map[string][]scenario{
		`{"matched":1234}`: {client, op}, `{"rows":2345}`: {op}, `holds 437`: {op}, `"users":3000`: {client}, `taro.5`: {client, op}, `{"id":"` + hex.EncodeToString(h[:]) + `"}`: {client, op},
		`open /data/control.db`: {client, op}, `/srv/room/x`: {client, op}, `UNIQUE constraint failed`: {client, op}, `SELECT id FROM person`: {client, op}, `api/job.go:12`: {client, op},
		`"awase_HoKYIzodBamJ8C21ODuvIjyOadCRYSuFWor5iIOBt"`: {client, op}, `"to hana@acme.example"`: {client, op},
	} {
		for _, s := range to {
			if len(s.leaks("/srv/room", text)) == 0 {
				t.Errorf("nobody minds %s", text)
			}
		}
	}
	if found := client.leaks("/srv/room", `{"id":"per-02r34t1tnbr6ysg4m2mt22z017","rows":2345,"users":12345}`); len(found) != 0 {
		t.Errorf("it minds %q", found)
	}
}

// whole gives what a row spends with the account of all recipients together.
func (c cost) whole() cost {
	out := cost{}
	for k, v := range c {
		_, owner, _ := strings.Cut(k, "/")
		out[k], out["*/"+owner] = v, v
	}
	return out
}
