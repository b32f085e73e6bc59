package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/people"
	"awase/render"
	"awase/web"
)

// TestServePractice: a room to rehearse in is there within a moment, with an account
// of each role; what is asked there says that its people are made up, and its vault
// is never opened in earnest.
func TestServePractice(t *testing.T) {
	t.Parallel()
	awayFromMidnight(3 * time.Minute)
	dir := t.TempDir()
	r := startRoom(t, dir, "--practice", "--rate-per-second", "1000", "--rate-burst", "1000", "--rate-strangers", "1000")
	r.ready()
	accounts := regexp.MustCompile(`(?m)^  (\S+@(\S+)\.example) +(\S+) +(\S{19})$`).FindAllStringSubmatch(printed(r.cmd), -1)
	if len(accounts) != 13 || strings.Contains(printed(r.cmd), "code") {
		t.Fatalf("it printed %s", printed(r.cmd))
	}
	r.entersByClick(accounts)
	cookies := map[string]string{}
	for _, a := range accounts {
		status, h, text := r.ask("POST", "/v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, a[1], a[4]))
		if status != http.StatusCreated || !strings.Contains(text, `"party":"`+a[2]+`"`) || !strings.Contains(text, `"roles":["`+a[3]+`"]`) {
			t.Errorf("%s: %d %s", a[1], status, text)
		}
		if strings.Contains(r.log.text(), a[4]) || strings.Contains(r.log.text(), a[1]) {
			t.Errorf("the log names %s, or the password", a[1])
		}
		cookies[a[1]], _, _ = strings.Cut(h.Get("Set-Cookie"), ";")
	}
	marketing := cookies["marketing@acme.example"]
	if status, _, text := r.ask("GET", "/v1/room", "", "Cookie", marketing); status != http.StatusOK || !strings.Contains(text, `"practice":true`) {
		t.Errorf("the room: %d %s", status, text)
	}
	for email, cookie := range cookies {
		if party := email[strings.Index(email, "@")+1:]; party == "acme.example" || party == "operator.example" {
			r.findsItsWay(email, cookie)
		}
	}
	r.actsInFlows(cookies)
	for _, f := range render.Formats() {
		r.watermarked(marketing, f.Format)
	}
	r.rehearses(accounts)
	// The enclave's log says who asked, by the id of their account.
	if !regexp.MustCompile(`"process":"enclave","act":"start-work","caller":"person [a-z0-9'-]+"`).MatchString(r.log.text()) {
		t.Error("the enclave does not know who asked")
	}
	r.end()
	r = startRoom(t, dir, "--practice", "--rate-per-second", "1000", "--rate-burst", "1000", "--rate-strangers", "1000")
	r.ready()
	if strings.Contains(printed(r.cmd), "@") {
		t.Error("it prints accounts twice")
	}
	if !strings.Contains(printed(r.cmd), "Passwords were printed once") {
		t.Errorf("it does not say where the passwords are: %s", printed(r.cmd))
	}
	clicked := r.entersByClick(accounts)
	r.end()
	// Where others than this machine reach it, passwords alone let in.
	certs := filepath.Join(dir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(newCertificate(t, certs, 1))
	r = startRoom(t, dir, "--practice", "--listen", "0.0.0.0:0", "--public-url", "https://room.example", "--tls-cert-file", "certs/tls.crt", "--tls-key-file", "certs/tls.key")
	r.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(r.base, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	r.base = "https://127.0.0.1:" + port
	r.ready()
	if _, _, text := r.ask("GET", "/v1/session/ways", ""); strings.Contains(text, "practice") || !strings.Contains(text, `"setup":false`) {
		t.Errorf("reached by everybody: %s", text)
	}
	if status, _, text := r.ask("POST", "/v1/practice/session", fmt.Sprintf(`{"person":%q}`, clicked)); status != http.StatusNotFound {
		t.Errorf("reached by everybody, it lets in: %d %s", status, text)
	}
	if strings.Contains(printed(r.cmd), "one click") {
		t.Errorf("it promises what it does not do: %s", printed(r.cmd))
	}
	r.end()
}

// entersByClick enters as each of who rehearses, without a password, and gives the id
// of one. Where this program holds the page, what it prints says so.
func (r *room) entersByClick(accounts [][]string) (id string) {
	r.t.Helper()
	var ways struct {
		OIDC, Setup bool
		Practice    []struct{ ID, Name, Party, Role string }
	}
	_, _, text := r.ask("GET", "/v1/session/ways", "")
	if err := json.Unmarshal([]byte(text), &ways); err != nil || ways.OIDC || ways.Setup || len(ways.Practice) != len(accounts) {
		r.t.Fatalf("%v: %s", err, text)
	}
	for _, p := range ways.Practice {
		status, h, text := r.ask("POST", "/v1/practice/session", fmt.Sprintf(`{"person":%q}`, p.ID))
		cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
		if status != http.StatusCreated || !strings.Contains(text, `"party":"`+p.Party+`"`) || !strings.Contains(text, `"roles":["`+p.Role+`"]`) {
			r.t.Errorf("%+v: %d %s", p, status, text)
		}
		if !slices.ContainsFunc(accounts, func(a []string) bool { return strings.Contains(text, `"email":"`+a[1]+`"`) && a[3] == p.Role }) {
			r.t.Errorf("%s is none of those printed", text)
		}
		if status, _, _ := r.ask("GET", "/v1/me", "", "Cookie", cookie); status != http.StatusOK {
			r.t.Errorf("%+v: %d", p, status)
		}
		id = p.ID
	}
	site, err := web.Embedded()
	if err != nil {
		r.t.Fatal(err)
	}
	if says := strings.Contains(printed(r.cmd), "Open "+r.base+" in a browser and enter as each role with one click"); says != site.Built() {
		r.t.Errorf("built %v: %s", site.Built(), printed(r.cmd))
	}
	if status, _, text := r.ask("GET", "/", "", "Accept", "text/html"); status != map[bool]int{true: http.StatusOK, false: http.StatusNotImplemented}[site.Built()] || !strings.Contains(text, "<!doctype html>") {
		r.t.Errorf("built %v, in a browser: %d %s", site.Built(), status, text)
	}
	return id
}

// rehearses runs the lines that it printed, as a shell does.
func (r *room) rehearses(accounts [][]string) {
	r.t.Helper()
	for _, a := range accounts {
		if a[1] != "marketing@acme.example" {
			continue
		}
		for _, step := range [][2]string{{"Sign in:", `"party":"acme"`}, {"Make a token:", `"reports:read"`}} {
			m := regexp.MustCompile(`(?m)^` + step[0] + ` +(curl .*)$`).FindStringSubmatch(printed(r.cmd))
			if m == nil {
				r.t.Fatalf("it does not say %s %s", step[0], printed(r.cmd))
			}
			sh := exec.Command("bash", "-c", strings.Replace(m[1], "…", a[4], 1))
			sh.Dir = r.dir
			if out, err := sh.CombinedOutput(); err != nil || !strings.Contains(string(out), step[1]) {
				r.t.Errorf("%s %v %s", m[1], err, out)
			}
		}
	}
}

// actsInFlows wants that each role of each flow has somebody: who asks, who may not,
// and whose list it is.
func (r *room) actsInFlows(cookies map[string]string) {
	r.t.Helper()
	for _, c := range []struct {
		spec, asks, refused string
	}{{"spec.yaml", "marketing@acme.example", "marketing@worker.example"}, {"tier.yaml", "marketing@operator.example", "marketing@acme.example"},
		{"partner.yaml", "marketing@operator.example", "marketing@worker.example"}, {"partner.yaml", "marketing@adco.example", "marketing@acme.example"},
		{"outsourced.yaml", "marketing@worker.example", "marketing@adco.example"},
		{"shop-lift.yaml", "marketing@acme.example", "marketing@worker.example"}, {"labels-lift.yaml", "marketing@operator.example", "marketing@acme.example"}} {
		all := people.DemoDocs()
		docs := slices.Concat(all.Specs, all.MoreSpecs, all.CampaignSpecs)
		i := slices.IndexFunc(docs, func(d people.Doc) bool { return d.Name == c.spec })
		q, err := entrustment.ParseQuestion(c.spec, docs[i].YAML)
		if err != nil {
			r.t.Fatal(err)
		}
		raw, err := json.Marshal(q)
		if err != nil {
			r.t.Fatal(err)
		}
		for email, allowed := range map[string]bool{c.asks: true, c.refused: false} {
			status, _, text := r.ask("POST", "/v1/prices", fmt.Sprintf(`{"question":%s}`, raw), "Cookie", cookies[email])
			if (status == http.StatusOK) != allowed || status >= 500 || status == http.StatusUnauthorized {
				r.t.Errorf("%s, %s: %d %s", c.spec, email, status, text)
			}
		}
	}
	// A campaign of each flow that delivers, with a delivery that its receiver has.
	for email, path := range map[string]string{"marketing@acme.example": people.DemoDelivery + "/members-on-adco", "marketing@operator.example": people.DemoLabels + "/jobs-on-adco"} {
		var page struct{ Items []wire.Delivery }
		status, _, text := r.ask("GET", "/v1/campaigns/"+path+"/deliveries", "", "Cookie", cookies[email])
		if err := json.Unmarshal([]byte(text), &page); err != nil || status != http.StatusOK || len(page.Items) == 0 || page.Items[len(page.Items)-1].Status != wire.DeliveryDone {
			r.t.Errorf("%s, %s: %d %s", email, path, status, text)
		}
	}
	for path, list := range map[string]string{"/v1/entrustments/" + people.DemoPartner + "/lists": "adops@adco.example", "/v1/entrustments/" + people.DemoOutsourced + "/lists": "adops@acme.example"} {
		if status, _, text := r.ask("GET", path, "", "Cookie", cookies[list]); status != http.StatusOK || strings.Contains(text, `"items":[]`) {
			r.t.Errorf("%s, %s: %d %s", path, list, status, text)
		}
	}
}

// findsItsWay wants that who rehearses finds what their party has: reports without
// having asked, lists and budgets, each where their role may look.
func (r *room) findsItsWay(email, cookie string) {
	r.t.Helper()
	role, party, _ := strings.Cut(strings.TrimSuffix(email, ".example"), "@")
	kinds, lists, budget := []string{"cube", "delivery", "lift", "overlap", "profile"}, `"name":"spring"`, `"accounts":[{`
	if party == "operator" {
		kinds, lists = []string{"delivery", "lift", "profile"}, `"items":[]` // the operator's own reports; lists are the client's
	}
	var got []string
	eventually(r.t, "the first reports of "+email, func() bool {
		var page struct{ Items []struct{ Kind string } }
		status, _, text := r.ask("GET", "/v1/reports", "", "Cookie", cookie)
		if err := json.Unmarshal([]byte(text), &page); err != nil || status != http.StatusOK {
			r.t.Fatalf("%s, reports: %d %s", email, status, text)
		}
		got = nil
		for _, i := range page.Items {
			got = append(got, i.Kind)
		}
		slices.Sort(got)
		return len(got) >= len(kinds)
	})
	if !slices.Equal(got, kinds) {
		r.t.Errorf("%s finds reports %v, want %v", email, got, kinds)
	}
	for path, want := range map[string]string{"/v1/entrustments/acme-2026-spring/lists": lists, "/v1/ledger": budget} {
		may := role != "viewer" && (role != "adops" || path != "/v1/ledger")
		status, _, text := r.ask("GET", path, "", "Cookie", cookie)
		if may && (status != http.StatusOK || !strings.Contains(text, want)) || !may && status != http.StatusForbidden {
			r.t.Errorf("%s, %s: %d %.300s", email, path, status, text)
		}
	}
}

// watermarked wants that each report, as a file of a format, is that of a release
// which says that it is practice: what each form says then is render's
// TestPracticeIsSaid.
func (r *room) watermarked(cookie string, format render.Format) {
	r.t.Helper()
	_, _, text := r.ask("GET", "/v1/reports", "", "Cookie", cookie)
	var page struct{ Items []struct{ ID, Kind string } }
	if err := json.Unmarshal([]byte(text), &page); err != nil || len(page.Items) == 0 {
		r.t.Fatalf("%v: %s", err, text)
	}
	for _, i := range page.Items {
		_, _, text := r.ask("GET", "/v1/reports/"+i.ID, "", "Cookie", cookie)
		var release wire.Release
		if err := json.Unmarshal([]byte(text), &release); err != nil || !release.Privacy.Practice {
			r.t.Fatalf("%s: %v, practice %v", i.Kind, err, release.Privacy.Practice)
		}
		var marked, plain bytes.Buffer
		if err := render.Write(&marked, format, &release); err != nil {
			r.t.Fatal(err)
		}
		release.Privacy.Practice = false
		if err := render.Write(&plain, format, &release); err != nil {
			r.t.Fatal(err)
		}
		status, h, file := r.ask("GET", "/v1/reports/"+i.ID+"/files/"+string(format), "", "Cookie", cookie)
		if status != http.StatusOK || file != marked.String() || file == plain.String() {
			r.t.Errorf("%s as %s: %d, %d bytes: not the watermarked file", i.Kind, format, status, len(file))
		}
		if !strings.Contains(h.Get("Content-Disposition"), "practice_") {
			r.t.Errorf("%s as %s is named %q", i.Kind, format, h.Get("Content-Disposition"))
		}
	}
}
