package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/internal/pagetest"
)

// pageDays are what is played in a room to rehearse in, in this order: what one leaves
// the next finds.
var pageDays = []string{"door", "adops", "client", "admin", "keyboard"}

// TestPage plays the days of who uses the page, in Chromium against the real program
// with a confined enclave, in both languages at a time. Of every day it keeps what went
// over the line, both ways, and wants no identifier of its files in it, no hash of one
// and no other spelling of either.
func TestPage(t *testing.T) {
	t.Parallel()
	tools := wantPage(t)
	awayFromMidnight(6 * time.Minute)
	for _, language := range []string{"ja", "en"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			r := startRoom(t, t.TempDir(), "--practice", "--rate-per-second", "1000", "--rate-burst", "1000", "--rate-strangers", "1000", "--webhooks-allow", "127.0.0.0/8")
			r.ready()
			accounts := map[string]string{}
			for _, a := range regexp.MustCompile(`(?m)^  (\S+@\S+) +\S+ +(\S{19})$`).FindAllStringSubmatch(printed(r.cmd), -1) {
				accounts[a[1]] = a[2]
			}
			for _, day := range pageDays {
				t.Run(day, func(t *testing.T) {
					p := newPageDay(t, tools, r, language)
					p.Accounts = accounts
					p.play(day)
				})
			}
			r.end()
		})
	}
}

// TestPageEarnest opens the page of a room that is none to rehearse in, before anybody
// was there.
func TestPageEarnest(t *testing.T) {
	t.Parallel()
	tools := wantPage(t)
	for _, language := range []string{"ja", "en"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			r := startRoom(t, t.TempDir(), "--dev", "--rate-strangers", "1000")
			r.ready()
			m := firstCode.FindStringSubmatch(printed(r.cmd))
			if m == nil {
				t.Fatalf("no code was printed: %s", printed(r.cmd))
			}
			p := newPageDay(t, tools, r, language)
			p.Code = m[1]
			p.play("earnest")
			r.end()
		})
	}
}

var firstCode = regexp.MustCompile(`types, once, the code (\S+)\n`)

// wantPage does not run a test where there is no browser, or no page in this program.
func wantPage(t *testing.T) pagetest.Tools {
	t.Helper()
	wantConfinement(t)
	return pagetest.Want(t, repository)
}

// pageDay is a day in the browser: what its script reads.
type pageDay struct {
	t     *testing.T
	tools pagetest.Tools
	wire  *pageWire
	dir   string

	Address  string            `json:"address"`
	Control  string            `json:"control"` // of the line
	Language string            `json:"language"`
	Shots    string            `json:"shots"` // where screenshots go
	Chromium string            `json:"chromium"`
	Accounts map[string]string `json:"accounts"` // passwords, by address
	Files    map[string]string `json:"files"`    // paths, by name
	One      string            `json:"one"`      // a value of the first rows
	Counts   map[string]int    `json:"counts"`   // what is found in the messy list
	Added    int               `json:"added"`    // rows that the next list has beside it
	Replaced map[string]int    `json:"replaced"` // rows added and removed by the list after that
	Code     string            `json:"code"`     // of the first admin
	Plants   []pagePlant       `json:"plants"`
}

// pagePlant is what a page sends that must be seen: over which line, in which part of a
// request, and what, in Base64.
type pagePlant struct {
	Address string `json:"address"`
	How     string `json:"how"`
	Value   string `json:"value"`
}

func newPageDay(t *testing.T, tools pagetest.Tools, r *room, language string) *pageDay {
	t.Helper()
	dir, w := t.TempDir(), newPageWire(t, r.base)
	return &pageDay{t: t, tools: tools, wire: w, dir: dir, Address: w.address, Control: w.control, Language: language,
		Shots: tools.Shots, Chromium: tools.Chromium, Files: pageFiles(t, dir), One: pageEmail(20), Counts: messyCounts, Added: pageAdded, Replaced: pageReplaced}
}

// play runs a script, and wants nothing wrong and nothing given away.
func (p *pageDay) play(script string) pagetest.Result {
	p.t.Helper()
	out := p.run(script)
	for _, f := range out.Faults {
		p.t.Error(f)
	}
	if len(out.Screens) == 0 {
		p.t.Error("it came to no screen")
	}
	for _, name := range slices.Sorted(maps.Keys(out.Facts)) {
		p.t.Logf("%s: %v", name, out.Facts[name])
	}
	asked := p.wire.requests()
	if !slices.ContainsFunc(asked, func(line string) bool { return strings.HasPrefix(line, "GET /v1/session/ways ") }) {
		p.t.Errorf("the day did not go over the line that is kept: %q", asked)
	}
	for _, secret := range out.Secrets {
		if len(secret) < 16 || slices.ContainsFunc(asked, func(line string) bool { return strings.Contains(line, secret) }) {
			p.t.Errorf("a token of %d letters is in an address", len(secret))
		}
	}
	switch held, err := p.wire.holds(pageNeedles(p.t)); {
	case err != nil:
		p.t.Error(err)
	case held != "":
		p.t.Errorf("what went over the line holds an identifier of a file, or a hash of one: %s", held)
	}
	return out
}

func (p *pageDay) run(script string) pagetest.Result {
	p.t.Helper()
	return p.tools.Run(p.t, p.dir, script, p)
}
