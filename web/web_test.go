package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const indexHTML = `<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><script type="module" src="/assets/index-AbC_9.js"></script><style nonce="__NONCE__"></style>`

func packed(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func unpack(text string) ([]byte, error) {
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// noise is text that gzip makes little of.
func noise(n int) string {
	var b strings.Builder
	x := uint64(1)
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b.WriteByte(byte(x))
	}
	return b.String()
}

// dist is what a build leaves.
func dist(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		".gitkeep":                 {},
		"index.html.gz":            packed(t, indexHTML),
		"icon.svg.gz":              packed(t, "<svg/>"),
		"assets/index-AbC_9.js.gz": packed(t, "export {}"),
		"assets/style-1.css.gz":    packed(t, "body{}"),
		"assets/jp-1.woff2":        {Data: []byte("wOF2")},
		"wasm/sheet.wasm.gz":       packed(t, "\x00asm"+noise(2*heavy)),
		"wasm/text.wasm.gz":        packed(t, "\x00asm"),
		"assets/.hidden.js.gz":     packed(t, "x"),
		"assets/a b.js.gz":         packed(t, "x"),
		"words.json":               {Data: []byte("{}")}, // not packed yet
	}
}

func site(t *testing.T, dist fs.FS) *Site {
	t.Helper()
	s, err := New(dist)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get asks for an address; header: pairs of name, value.
func get(t *testing.T, s *Site, method, address string, header ...string) *http.Response {
	t.Helper()
	a := s.At(address)
	if a == nil {
		t.Fatalf("there is no %s", address)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, address, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Each file goes out as it lies to who takes gzip, and unpacked to who does not, with
// its type, its tag, and how long it may be kept.
func TestSiteFiles(t *testing.T) {
	s := site(t, dist(t))
	want := map[string][3]string{
		"/icon.svg":              {"image/svg+xml", "no-cache", "<svg/>"},
		"/assets/index-AbC_9.js": {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "export {}"},
		"/assets/style-1.css":    {"text/css; charset=utf-8", "public, max-age=31536000, immutable", "body{}"},
		"/assets/jp-1.woff2":     {"font/woff2", "public, max-age=31536000, immutable", "wOF2"},
		"/wasm/sheet.wasm":       {"application/wasm", "no-cache", "\x00asm" + noise(2*heavy)},
		"/wasm/text.wasm":        {"application/wasm", "no-cache", "\x00asm"},
		"/words.json":            {"application/json", "no-cache", "{}"},
	}
	if got, want := slices.Sorted(slices.Values(s.Files())), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Fatalf("files %v, want %v", got, want)
	}
	for at, w := range want {
		packed := at != "/assets/jp-1.woff2" && at != "/words.json"
		tags := map[string]bool{}
		for _, takes := range []string{"", "gzip, deflate, br"} {
			res := get(t, s, "GET", at, "Accept-Encoding", takes)
			h, text := res.Header, body(t, res)
			tag := h.Get("ETag")
			tags[tag] = true
			if res.StatusCode != http.StatusOK || h.Get("Content-Type") != w[0] || h.Get("Cache-Control") != w[1] || packed != (h.Get("Vary") == "Accept-Encoding") {
				t.Errorf("%s: %d, %v", at, res.StatusCode, h)
			}
			for name, want := range headers {
				if h.Get(name) != want {
					t.Errorf("%s: %s is %q", at, name, h.Get(name))
				}
			}
			zipped := packed && takes != ""
			if zipped {
				raw, err := unpack(text)
				if err != nil || h.Get("Content-Encoding") != "gzip" {
					t.Errorf("%s is no gzip: %v, %v", at, err, h)
				}
				text = string(raw)
			} else if h.Get("Content-Encoding") != "" {
				t.Errorf("%s: %v", at, h)
			}
			if text != w[2] {
				t.Errorf("%s: %.40q", at, text)
			}
			again := get(t, s, "GET", at, "Accept-Encoding", takes, "If-None-Match", `"x", W/`+tag)
			if again.StatusCode != http.StatusNotModified || body(t, again) != "" || again.Header.Get("ETag") != tag || again.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s again: %d %v", at, again.StatusCode, again.Header)
			}
			head := get(t, s, "HEAD", at, "Accept-Encoding", takes)
			if head.StatusCode != http.StatusOK || body(t, head) != "" || !maps.EqualFunc(head.Header, h, slices.Equal) || (h.Get("Content-Length") == "") != (packed && !zipped) {
				t.Errorf("HEAD %s: %v, and of GET %v", at, head.Header, h)
			}
		}
		if (len(tags) == 2) != packed {
			t.Errorf("%s has the tags %v: other bytes, another tag", at, tags)
		}
	}
}

// headers are on every file.
var headers = map[string]string{
	"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}

// index.html is at every address of the page's own, each time under another nonce,
// which its policy names, and is kept by nobody.
func TestIndexPolicy(t *testing.T) {
	s := site(t, dist(t))
	nonce := regexp.MustCompile(`style-src 'self' 'nonce-([A-Z2-7]{26})';`)
	seen := map[string]bool{}
	for _, at := range []string{"/", "/sign-in", "/invitation", "/notices", "/help", "/entrustments", "/entrustments/", "/entrustments/acme-2026-spring", "/lists/new", "/campaigns/a/b/c", "/reports/rep-1", "/privacy/log", "/admin/people", "/me", "/me/password"} {
		res := get(t, s, "GET", at, "Accept-Encoding", "gzip", "If-None-Match", "*")
		h, text := res.Header, body(t, res)
		m := nonce.FindStringSubmatch(h.Get("Content-Security-Policy"))
		if res.StatusCode != http.StatusOK || m == nil || seen[m[1]] || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" || h.Get("Content-Encoding") != "" {
			t.Fatalf("%s: %d, %v", at, res.StatusCode, h)
		}
		seen[m[1]] = true
		if want := strings.ReplaceAll(indexHTML, "__NONCE__", m[1]); text != want {
			t.Errorf("%s: %s", at, text)
		}
		for name, want := range headers {
			if name != "Content-Security-Policy" && h.Get(name) != want {
				t.Errorf("%s: %s is %q", at, name, h.Get(name))
			}
		}
		if strings.Replace(h.Get("Content-Security-Policy"), " 'nonce-"+m[1]+"'", "", 1) != headers["Content-Security-Policy"] {
			t.Errorf("%s: %s", at, h.Get("Content-Security-Policy"))
		}
		head := get(t, s, "HEAD", at)
		if head.StatusCode != http.StatusOK || body(t, head) != "" || head.Header.Get("Content-Length") != h.Get("Content-Length") {
			t.Errorf("HEAD %s: %v", at, head.Header)
		}
	}
}

// What is not the page's is not answered, however it is written.
func TestNowhere(t *testing.T) {
	s := site(t, dist(t))
	for _, at := range []string{
		"", "*", "lists", "/index.html", "/index.html.gz", "/icon.svg.gz", "/assets/index-AbC_9.js.gz", "/assets", "/assets/", "/wasm/", "/.gitkeep", "/assets/.hidden.js", "/assets/a b.js",
		"/assets/../icon.svg", "/../icon.svg", "//icon.svg", "/assets//style-1.css", "/ASSETS/style-1.css", "/icon.svg/", "/icon.svg\x00", "/assets\\style-1.css",
		"/v1", "/v1/lists", "/docs", "/setup", "/healthz", "/sign-in/", "/sign-in/x", "/help/x", "/listsx", "/Lists", "/reports%2f", "/web.go", "/../web.go",
	} {
		if s.At(at) != nil {
			t.Errorf("%q is answered", at)
		}
	}
}

// Without a build, and where the program was built without the page, every address of
// the page's says so, in both languages, and how to get one.
func TestUnbuilt(t *testing.T) {
	for name, of := range map[string]fs.FS{"nothing built": fstest.MapFS{".gitkeep": {}}, "the tag noweb": fstest.MapFS{}, "no index": fstest.MapFS{"icon.svg.gz": packed(t, "<svg/>")}} {
		s := site(t, of)
		for _, at := range []string{"/", "/lists/new"} {
			res := get(t, s, "GET", at)
			text := body(t, res)
			if s.Built() || res.StatusCode != http.StatusNotImplemented || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s, %s: %d %v", name, at, res.StatusCode, res.Header)
			}
			for _, has := range []string{"画面が入っていません", "holds no page", "<code>make web build</code>", "Node.js 20", `href="/docs"`} {
				if !strings.Contains(text, has) {
					t.Errorf("%s: no %q in %s", name, has, text)
				}
			}
			if strings.Contains(text, "__NONCE__") {
				t.Error("the nonce was not put in")
			}
		}
	}
	if _, err := New(fstest.MapFS{"index.html.gz": {Data: []byte("no gzip")}}); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("a damaged build: %v", err)
	}
}

// Who takes gzip, as its header says.
func TestEncodings(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "br, gzip;q=0.2": true, "gzip;q=0": false, "gzip; q=0.000": false, "*": true, "*;q=0": false, "gzip;q=0, *": false, "identity": false, "br": false, "gzipped": false, "gzip;q=x": false,
	} {
		if got := takesGzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
	if !takesGzip(http.Header{"Accept-Encoding": {"br", "gzip"}}) {
		t.Error("two headers")
	}
}

// What is large and has to be unpacked is work; nothing else is.
func TestHeavy(t *testing.T) {
	s := site(t, dist(t))
	for at, want := range map[string]bool{"/": false, "/icon.svg": false, "/wasm/text.wasm": false, "/wasm/sheet.wasm": true, "/assets/jp-1.woff2": false} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", at, nil)
		if got := s.At(at).Heavy(r); got != want {
			t.Errorf("%s: %v", at, got)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		if s.At(at).Heavy(r) {
			t.Errorf("%s as it lies is work", at)
		}
	}
}

// What this program holds can be served, be it the page or word that there is none.
func TestEmbedded(t *testing.T) {
	s, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if s.Built() != (len(s.Files()) > 0) {
		t.Errorf("built %v, files %v", s.Built(), s.Files())
	}
	if !s.Built() {
		return
	}
	text := body(t, get(t, s, "GET", "/"))
	for _, m := range regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(text, -1) {
		if a := s.At(m[1]); a == nil || a.Page() {
			t.Errorf("index.html asks for %s, which there is not", m[1])
		}
	}
	if strings.Contains(text, "<script>") || strings.Contains(text, "onload=") || regexp.MustCompile(`(?:src|href)="https?:`).MatchString(text) {
		t.Errorf("index.html runs what its policy refuses: %s", text)
	}
	for _, at := range s.Files() {
		a := s.At(at)
		if a.media == "application/octet-stream" {
			t.Errorf("%s has no type", at)
		}
		if _, err := a.content(); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}
