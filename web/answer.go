package web

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

// Answer is what is at an address. It is safe for concurrent use.
type Answer struct {
	kind  kind
	media string // its Content-Type
	raw   []byte // of pages

	// Of files.
	dist   fs.FS
	name   string // there
	size   int64  // in bytes, as it lies
	packed bool   // it is gzip
	tag    string // tells its content from others
}

type kind int

const (
	otherFile   kind = iota
	hashedFile       // what is under its name never changes
	indexPage        // given with a nonce of its own each time
	unbuiltPage      // the same, in its place
)

// nonceMark is where index.html takes its nonce.
const nonceMark = "__NONCE__"

// policy is what a browser lets the page do: its own scripts, WASM, styles, fonts and
// requests, and nothing of anybody else's. styles is what may be in style-src beside
// them. Every file has it, for a worker's is that of its script.
func policy(styles string) string {
	return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'" + styles + "; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// Page tells whether it is what a browser shows, and no file that a page has asked for.
func (a *Answer) Page() bool { return a.kind == indexPage || a.kind == unbuiltPage }

// Size is how many bytes a file is as it lies; of a page it is 0.
func (a *Answer) Size() int64 { return a.size }

// heavy is as much as is unpacked for whoever asks: some milliseconds' work.
const heavy = 256 << 10

// Heavy tells whether the answer to a request has to be unpacked, and is so large that
// this is work. What goes out as it lies is none.
func (a *Answer) Heavy(r *http.Request) bool {
	return a.packed && a.size > heavy && !takesGzip(r.Header)
}

// ServeHTTP answers GET and HEAD.
func (a *Answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Type", a.media)
	if a.Page() {
		a.page(w, r)
		return
	}
	h.Set("Content-Security-Policy", policy(""))
	h.Set("Cache-Control", "no-cache")
	if a.kind == hashedFile {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	tag, unpacked := a.tag, a.packed && !takesGzip(r.Header)
	if a.packed {
		h.Set("Vary", "Accept-Encoding")
	}
	if unpacked {
		tag += "-u" // other bytes: another strong tag
	}
	h.Set("ETag", `"`+tag+`"`)
	if names(r.Header.Get("If-None-Match"), h.Get("ETag")) {
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if !unpacked { // how long it becomes else is not said before
		h.Set("Content-Length", strconv.FormatInt(a.size, 10))
	}
	if a.packed && !unpacked {
		h.Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead {
		return
	}
	body, err := a.open(unpacked)
	if err != nil { // it was read when the site was made
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	defer body.Close()
	_, _ = io.Copy(w, body) // who asked may be gone, here and below
}

// open opens the file, as it lies or unpacked.
func (a *Answer) open(unpacked bool) (io.ReadCloser, error) {
	f, err := a.dist.Open(a.name)
	if err != nil || !unpacked {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// content gives all of the file, unpacked.
func (a *Answer) content() ([]byte, error) {
	f, err := a.open(a.packed)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// page answers with index.html under a nonce that no other answer has, so that what
// somebody brings into the page styles nothing. It is kept by nobody: a nonce is of
// one answer.
func (a *Answer) page(w http.ResponseWriter, r *http.Request) {
	nonce := rand.Text() // 130 bits
	h := w.Header()
	h.Set("Content-Security-Policy", policy(" 'nonce-"+nonce+"'"))
	h.Set("Cache-Control", "no-store")
	raw := bytes.ReplaceAll(a.raw, []byte(nonceMark), []byte(nonce))
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	if a.kind == unbuiltPage {
		w.WriteHeader(http.StatusNotImplemented)
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(raw)
	}
}

// takesGzip tells whether who asks takes an answer in gzip (RFC 9110 §12.5.3).
func takesGzip(h http.Header) bool {
	all := false
	for one := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		coding, parameters, _ := strings.Cut(one, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		takes := true
		if q, is := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(parameters, " ", "")), "q="); is {
			weight, err := strconv.ParseFloat(q, 64)
			takes = err == nil && weight > 0
		}
		switch coding {
		case "gzip", "x-gzip":
			return takes
		case "*":
			all = takes
		}
	}
	return all
}

// names tells whether an If-None-Match names a tag.
func names(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

var _ http.Handler = (*Answer)(nil)
