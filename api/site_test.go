package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"awase/api"
	"awase/internal/apitest"
	"awase/web"
)

// built is a page of some files.
func built(t *testing.T, files int) func(*api.Options) {
	t.Helper()
	zip := func(raw []byte) *fstest.MapFile {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b.Bytes()}
	}
	dist := fstest.MapFS{"index.html.gz": zip([]byte(`<!doctype html><title>the page</title><meta nonce="__NONCE__">`)), "icon.svg.gz": zip([]byte("<svg/>")), "docs.gz": zip([]byte("not the docs"))}
	for i := range files {
		dist[fmt.Sprintf("assets/chunk-%d.js.gz", i)] = zip(fmt.Appendf(nil, "export const n = %d", i))
	}
	var noise []byte
	for x := uint64(1); len(noise) < 1<<20; {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		noise = append(noise, byte(x))
	}
	dist["wasm/sheet.wasm.gz"] = zip(noise)
	site, err := web.New(dist)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *api.Options) { o.Page = site }
}

// A browser gets the page at each of its addresses, and its files; a program is sent
// to the contract, and told of what is not there as ever.
func TestSite(t *testing.T) {
	r := apitest.Start(t, built(t, 2))
	browser := []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
	for _, c := range []struct {
		path   string
		as     []string
		status int
		has    string
	}{
		{"/", browser, 200, "the page"},
		{"/", nil, 303, ""},
		{"/", []string{"Accept", "*/*"}, 303, ""},
		{"/", []string{"Accept", "application/json"}, 303, ""},
		{"/sign-in", nil, 200, "the page"},
		{"/lists/new?x=1", browser, 200, "the page"},
		{"/reports/rep-1", browser, 200, "the page"},
		{"/assets/chunk-1.js", nil, 200, "export const n = 1"},
		{"/icon.svg", nil, 200, "<svg/>"},
		{"/docs", browser, 200, "awase.cookies"}, // the room's own, whatever a build makes
		{"/assets/chunk-9.js", browser, 404, "E_NOT_FOUND"},
		{"/none", browser, 404, "E_NOT_FOUND"},
		{"/v1/none", browser, 404, "E_NOT_FOUND"},
		{"/v1/lists", browser, 405, "method"},
		{"/index.html", browser, 404, "E_NOT_FOUND"},
	} {
		get, head := r.Nobody().Raw("GET", c.path, nil, c.as...), r.Nobody().Raw("HEAD", c.path, nil, c.as...)
		if get.Status != c.status || !strings.Contains(string(get.Body), c.has) || !strings.HasPrefix(get.Header.Get("X-Request-Id"), "req-") || get.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v %.200s", c.path, get.Status, get.Header, get.Body)
		}
		if head.Status != c.status || len(head.Body) > 0 || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %v", c.path, head.Status, head.Header)
		}
	}
	for path, csp := range map[string]string{"/sign-in": "'wasm-unsafe-eval'", "/assets/chunk-0.js": "'wasm-unsafe-eval'", "/none": "default-src 'none'; frame-ancestors 'none'", "/docs": "style-src 'sha256-"} {
		if got := r.Nobody().Raw("GET", path, nil).Header.Get("Content-Security-Policy"); !strings.Contains(got, csp) {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, path := range []string{"/sign-in", "/lists/x", "/icon.svg", "/assets/chunk-0.js"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			if a := r.Nobody().Raw(method, path, nil); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.Status, a.Header.Get("Allow"))
			}
		}
	}
	tag := r.Nobody().Raw("GET", "/icon.svg", nil, "Accept-Encoding", "gzip").Header.Get("ETag")
	if a := r.Nobody().Raw("GET", "/icon.svg", nil, "Accept-Encoding", "gzip", "If-None-Match", tag); a.Status != 304 || len(a.Body) > 0 {
		t.Errorf("again: %d", a.Status)
	}
	// A connection goes on behind it.
	c, in := dial(t, r, "GET /icon.svg HTTP/1.1\r\nHost: x\r\n\r\nHEAD /assets/chunk-0.js HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if status, text, ends := read(t, c, in); status != 200 || text != "<svg/>" || ends {
		t.Errorf("the first: %d %s, ends %v", status, text, ends)
	}
	c, in = dial(t, r, "GET /icon.svg HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
	if status, _, ends := read(t, c, in); status != 200 || !ends {
		t.Errorf("with a body that does not come: %d, ends %v", status, ends)
	}
}

// An address has one form for the page's own, too; without the control, what no proxy
// would take for the page is the page.
func TestSitePaths(t *testing.T) {
	plain, open := apitest.Start(t, built(t, 1)), apitest.Start(t, built(t, 1), api.Without(api.ControlPath))
	for _, path := range []string{"/lists/%2e%2e/docs", "/lists/..%2fv1/room", "/lists/a%5cb", "/lists/%00", "/lists//x", "/reports/%252e", "/%69con.svg%2f", "/assets/%2e%2e/icon.svg"} {
		if a := plain.Nobody().Raw("GET", path, nil); a.Status != 404 || !strings.Contains(string(a.Body), "E_NOT_FOUND") {
			t.Errorf("%s: %d %.100s", path, a.Status, a.Body)
		}
	}
	if a := open.Nobody().Raw("GET", "/lists/%2e%2e/docs", nil); a.Status != 200 {
		t.Errorf("without the control: %d", a.Status)
	}
}

// The first load of a page that strangers make is not too much; what they guess is,
// and so is having the largest file unpacked for them again and again.
func TestSiteRates(t *testing.T) {
	o := &observed{got: map[string]int{}}
	r := apitest.Start(t, built(t, 60), func(a *api.Options) {
		a.Rate, a.Metrics = api.RateOptions{Strangers: 0.001}, o
		a.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	from := func(address string, more ...string) []string { return append(more, "X-Forwarded-For", address) }
	for range 2 {
		for i := range 60 {
			r.Nobody().Raw("GET", fmt.Sprintf("/assets/chunk-%d.js", i), nil, from("192.0.2.1")...).Want(200)
		}
		r.Nobody().Raw("GET", "/", nil, from("192.0.2.1", "Accept", "text/html")...).Want(200)
		r.Nobody().Raw("GET", "/sign-in", nil, from("192.0.2.1")...).Want(200)
		r.Nobody().Raw("GET", "/wasm/sheet.wasm", nil, from("192.0.2.1", "Accept-Encoding", "gzip")...).Want(200)
	}
	r.Nobody().Raw("GET", "/none", nil, from("192.0.2.1")...).Want(404)
	if a := r.Nobody().Raw("GET", "/none", nil, from("192.0.2.1")...).Want(429); a.Header.Get("Retry-After") == "" {
		t.Errorf("%v", a.Header)
	}
	r.Nobody().Raw("GET", "/wasm/sheet.wasm", nil, from("192.0.2.2", "Accept-Encoding", "identity")...).Want(200)
	if a := r.Nobody().Raw("GET", "/wasm/sheet.wasm", nil, from("192.0.2.2", "Accept-Encoding", "identity")...).Want(429); a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.Body), "E_RATE") {
		t.Errorf("%v %s", a.Header, a.Body)
	}
	r.Nobody().Raw("GET", "/wasm/sheet.wasm", nil, from("192.0.2.2", "Accept-Encoding", "gzip")...).Want(200)
	// What was answered is counted behind the answer.
	want := map[string]int{"file 200": 124, "file 429": 1, "page 200": 2, "top 200": 2, "none 404": 1, "none 429": 1}
	eventually(t, "the counts and the log", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return maps.Equal(o.got, want) && strings.Count(r.Log.String(), `"op":"page","status":200`) == 2
	})
	if strings.Contains(r.Log.String(), `"op":"file","status":200`) {
		t.Error("the log has a line for each file")
	}
}

// A program without the page says so in a browser, and serves programs as ever.
func TestSiteUnbuilt(t *testing.T) {
	none, err := web.New(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	r := apitest.Start(t, func(o *api.Options) { o.Page = none })
	for _, path := range []string{"/", "/lists"} {
		if a := r.Nobody().Raw("GET", path, nil, "Accept", "text/html"); a.Status != http.StatusNotImplemented || !strings.Contains(string(a.Body), "make web build") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	r.Nobody().Do("GET", "/", nil, "Accept", "text/html").Want(501)
	r.Nobody().Do("GET", "/", nil).Want(303)
	r.Nobody().Do("GET", "/docs", nil).Want(200)
}
