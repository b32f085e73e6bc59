// Package web is the page: what people see of the room in a browser. Its sources are
// TypeScript (src); what `make web` builds of them (dist) is embedded, each file
// compressed once, and a Site serves it. It speaks the public API and nothing else.
// The build tag noweb leaves it out.
package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
)

// Site is the page as a browser gets it.
type Site struct {
	files map[string]*Answer // by address
	index *Answer
	built bool
}

// Embedded gives the page that this program holds, which is read once. Where none was
// built it is one that says so.
func Embedded() (*Site, error) { return embedded() }

var embedded = sync.OnceValues(func() (*Site, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("the embedded page: %w", err)
	}
	return New(dist)
})

//go:embed unbuilt.html
var unbuilt []byte

const indexFile = "index.html"

// plainName is what files are called that a build makes; others are not served.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+([./]?[A-Za-z0-9_-]+)*$`)

// New makes a site of what a build left: NAME.gz of each file NAME, or, of what
// gains nothing by it, NAME itself. Without an index.html it is a page that says
// that nothing was built.
func New(dist fs.FS) (*Site, error) {
	s := &Site{files: map[string]*Answer{}}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == "." && errors.Is(err, fs.ErrNotExist) {
				return nil // the tag noweb
			}
			return err
		}
		address, packed := strings.CutSuffix(name, ".gz")
		if d.IsDir() || !plainName.MatchString(address) {
			return nil
		}
		if was := s.files["/"+address]; was != nil && was.packed {
			return nil
		}
		s.files["/"+address], err = newFile(dist, name, address, packed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the built page: %w", err)
	}
	f := s.files["/"+indexFile]
	delete(s.files, "/"+indexFile) // it is at the page's addresses alone
	s.index = &Answer{kind: unbuiltPage, raw: unbuilt, media: mediaOf(indexFile)}
	if f == nil {
		return s, nil
	}
	raw, err := f.content()
	if err != nil {
		return nil, fmt.Errorf("reading the built page: %s: %w", indexFile, err)
	}
	s.built, s.index = true, &Answer{kind: indexPage, raw: raw, media: f.media}
	return s, nil
}

// newFile reads a file once, for its tag. It stays where it is: what is embedded is
// part of the program, and of no process's heap.
func newFile(dist fs.FS, name, address string, packed bool) (*Answer, error) {
	f, err := dist.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	a := &Answer{kind: otherFile, dist: dist, name: name, size: size, packed: packed, media: mediaOf(address), tag: hex.EncodeToString(h.Sum(nil)[:16])}
	if strings.HasPrefix(address, "assets/") { // Vite's: the name holds a hash of the content
		a.kind = hashedFile
	}
	return a, nil
}

// media are the types of what a build makes.
var media = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json", ".webmanifest": "application/manifest+json",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm", ".woff2": "font/woff2",
}

func mediaOf(name string) string {
	if m := media[path.Ext(name)]; m != "" {
		return m
	}
	return "application/octet-stream"
}

// places are where the page's own addresses begin. What is below them the page
// finds out itself; of those with true there is something below.
var places = map[string]bool{
	"": false, "sign-in": false, "invitation": false, "notices": false, "help": false,
	"entrustments": true, "lists": true, "campaigns": true, "reports": true, "privacy": true, "admin": true, "me": true,
}

// At gives what is at an address, as in (*url.URL).Path; nil: nothing of the page's.
func (s *Site) At(address string) *Answer {
	if f := s.files[address]; f != nil {
		return f
	}
	if !strings.HasPrefix(address, "/") {
		return nil
	}
	place, _, deep := strings.Cut(address[1:], "/")
	below, known := places[place]
	if !known || deep && !below {
		return nil
	}
	return s.index
}

// Index gives the page's beginning: what is at each of its own addresses.
func (s *Site) Index() *Answer { return s.index }

// Built tells whether there is a page, or one that says that there is none.
func (s *Site) Built() bool { return s.built }

// Files gives the addresses of the files, index.html not among them.
func (s *Site) Files() []string {
	var out []string
	for at := range s.files {
		out = append(out, at)
	}
	return out
}
