package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// TestPageSees: what the page's days rest on sees what it is there for. In the browser
// that is whatever is wrong with a screen; on the line it is an identifier or a hash of
// one, in each part of a request, in each form, with sealed bytes around it; and where
// nothing was planted it sees nothing.
func TestPageSees(t *testing.T) {
	t.Parallel()
	tools := wantPage(t)
	awayFromMidnight(3 * time.Minute)
	r := startRoom(t, t.TempDir(), "--practice", "--rate-per-second", "1000", "--rate-burst", "1000", "--rate-strangers", "1000")
	r.ready()
	p := newPageDay(t, tools, r, "ja")
	p.Shots = t.TempDir() // nobody looks at them
	hash := sha256.Sum256([]byte(pageEmail(1234)))
	phone := sha256.Sum256([]byte("+81" + strings.ReplaceAll(pagePhone(3999), "-", "")[1:]))
	wires := map[string]*pageWire{}
	for _, c := range []struct{ name, how, value string }{
		{"nothing", "nothing", ""},
		{"an address", "address", pageEmail(4321)},
		{"a number in a query", "address", pagePhone(17)},
		{"a number without its dashes", "body", strings.ReplaceAll(pagePhone(17), "-", "")},
		{"a number as it is dialled from abroad", "body", "+81" + strings.ReplaceAll(pagePhone(17), "-", "")[1:]},
		{"a number as a spreadsheet has it", "body", strings.ReplaceAll(pagePhone(17), "-", "")[1:]},
		{"the name of a file", "header", pageWord + "-messy.csv"},
		{"a hash", "upload", string(hash[:])},
		{"a hash of a number", "body", string(phone[:])},
		{"a hash in hex", "upload", hex.EncodeToString(hash[:])},
		{"a hash in capitals", "address", strings.ToUpper(hex.EncodeToString(hash[:]))},
		{"a hash in Base64", "body", base64.StdEncoding.EncodeToString(hash[:])},
		{"a hash in Base64 for URLs", "header", base64.RawURLEncoding.EncodeToString(hash[:])},
		{"an address in Base64", "header", base64.StdEncoding.EncodeToString([]byte("name " + pageEmail(3)))},
	} {
		w := newPageWire(t, r.base)
		wires[c.name] = w
		p.Plants = append(p.Plants, pagePlant{w.address, c.how, base64.StdEncoding.EncodeToString([]byte(c.value))})
	}
	for _, f := range p.run("sees").Faults {
		t.Error(f)
	}
	needles := pageNeedles(t)
	for name, w := range wires {
		if held, err := w.holds(needles); err != nil || (held != "") != (name != "nothing") {
			t.Errorf("%s: seen %q, %v", name, held, err)
		}
	}
	if held, err := p.wire.holds(needles); held != "" || err != nil {
		t.Errorf("the line over which nothing was planted: seen %q, %v", held, err)
	}
	r.end()
}
