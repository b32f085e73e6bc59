package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	mdLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdName = regexp.MustCompile(`\bdocs/[a-z/-]+\.md\b`)
	mdHead = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// anchors are the headings of a page, as links name them.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, m := range mdHead.FindAllStringSubmatch(page, -1) {
		out[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return out
}

// Pages link to nothing that is missing, and the contract, whose text is the page
// /docs, names no page that there is not.
func TestPagesLinkToWhatThereIs(t *testing.T) {
	links := 0
	err := filepath.WalkDir(repository, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if n := e.Name(); n == ".git" || n == "bin" || n == "node_modules" || strings.HasPrefix(n, "demo-out") || n == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		contract := filepath.Base(path) == "openapi.yaml"
		if filepath.Ext(path) != ".md" && !contract {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if contract {
			for _, name := range mdName.FindAllString(string(text), -1) {
				links++
				if _, err := os.Stat(filepath.Join(repository, name)); err != nil {
					t.Errorf("%s names %s, which there is not", path, name)
				}
			}
			return nil
		}
		for _, m := range mdLink.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			to, anchor, anchored := strings.Cut(m[1], "#")
			target := path
			if to != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(to))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which there is not", path, m[1])
				continue
			}
			if !anchored {
				continue
			}
			page, err := os.ReadFile(target)
			if err != nil {
				return err
			}
			if !anchors(string(page))[anchor] {
				t.Errorf("%s links to %s, and no heading is called so", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}
