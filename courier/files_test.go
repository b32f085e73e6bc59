package courier

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

// written writes a delivery and gives its files.
func written(t *testing.T, file []byte) (Written, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	out, err := Write(context.Background(), open(t, file), dir)
	if err != nil {
		t.Fatal(err)
	}
	return out, contents(t, dir)
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		got[e.Name()] = string(raw)
	}
	return got
}

// TestFiles: each destination's files, to the byte.
func TestFiles(t *testing.T) {
	t.Parallel()
	hexes := func(n ...int) (lines string) {
		for _, i := range n {
			lines += fmt.Sprintf("%x\n", hashOf(i))
		}
		return lines
	}
	maid := delivery.Identifier{Kind: identifier.MAID, Hash: hashOf(99)}
	people := append(crowd(3), []delivery.Identifier{maid})
	for d, want := range map[delivery.Destination]map[string]string{
		delivery.Line:       {"spring-2-line-email.txt": hexes(0, 2, 4), "spring-2-line-phone.txt": hexes(1, 5)},
		delivery.YahooJapan: {"spring-2-yahoo-japan-email.txt": hexes(0, 2, 4), "spring-2-yahoo-japan-phone.txt": hexes(1, 5)},
		delivery.TikTok: {"spring-2-tiktok.csv": "Email_SHA256,Email_SHA256,Email_SHA256,Phone_SHA256,Phone_SHA256,Phone_SHA256,MAID_SHA256,MAID_SHA256,MAID_SHA256\n" +
			fmt.Sprintf("%x,,,%x,,,,,\n%x,,,,,,,,\n%x,,,%x,,,,,\n,,,,,,%x,,\n", hashOf(0), hashOf(1), hashOf(2), hashOf(4), hashOf(5), hashOf(99))},
		delivery.X: {"spring-2-x-0001.json": fmt.Sprintf(`[{"operation_type":"Update","params":{"expires_at":"2027-01-15T09:00:00Z","users":[{"email":["%x"],"phone_number":["%x"]},{"email":["%x"]},{"email":["%x"],"phone_number":["%x"]},{"device_id":["%x"]}]}}]`,
			hashOf(0), hashOf(1), hashOf(2), hashOf(4), hashOf(5), hashOf(99)) + "\n"},
	} {
		out, got := written(t, sealPeople(t, d, delivery.Replace, people))
		if !maps.Equal(got, want) {
			t.Errorf("%s:\n%q\nwant\n%q", d, got, want)
		}
		left := int64(1)
		if d == delivery.TikTok || d == delivery.X {
			left = 0
		}
		if out.Counts.LeftOut != left || out.Counts.People != 4-left || !slices.Equal(slices.Sorted(slices.Values(out.Files)), slices.Sorted(maps.Keys(want))) {
			t.Errorf("%s: %+v", d, out)
		}
	}
	_, got := written(t, sealPeople(t, delivery.TikTok, delivery.Remove, crowd(1)))
	if _, ok := got["spring-2-tiktok-remove.csv"]; !ok {
		t.Errorf("a removal is %v", slices.Collect(maps.Keys(got)))
	}
	for _, d := range []delivery.Destination{delivery.Google, delivery.Meta} {
		_, got := written(t, sealPeople(t, d, delivery.Replace, people))
		raw := got["spring-2-"+d.String()+"-0001.json"]
		if !json.Valid([]byte(raw)) || !strings.Contains(raw, fmt.Sprintf("%x", hashOf(5))) || len(got) != 1 {
			t.Errorf("%s: %s", d, raw)
		}
	}
	if out, got := written(t, sealPeople(t, delivery.Line, delivery.Remove, nil)); len(got)+len(out.Files) != 0 {
		t.Errorf("a removal of nobody is %v", got)
	}
	if _, err := Write(context.Background(), open(t, sealPeople(t, delivery.Line, delivery.Replace, [][]delivery.Identifier{{maid}})), t.TempDir()); !errors.Is(err, NothingAccepted) {
		t.Errorf("an audience of nobody: %v", err)
	}
}

// A file over its platform's limit is several; a person of more than three mailboxes
// has several rows.
func TestFileLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := &writer{dir: dir, stem: "s"}
	f := open(t, sealPeople(t, delivery.Line, delivery.Replace, crowd(7)))
	if err := errors.Join(w.lines(context.Background(), f, 3*65), w.commit()); err != nil {
		t.Fatal(err)
	}
	got := contents(t, dir)
	lines := map[string]int{}
	for name, text := range got {
		lines[name] = strings.Count(text, "\n")
	}
	if want := map[string]int{"s-email.txt": 3, "s-email-2.txt": 3, "s-email-3.txt": 1, "s-phone.txt": 3, "s-phone-2.txt": 1}; !maps.Equal(lines, want) {
		t.Errorf("%v, want %v", lines, want)
	}
	var many []delivery.Identifier
	for i := range 4 {
		many = append(many, delivery.Identifier{Kind: identifier.Email, Hash: hashOf(i)})
	}
	dir = t.TempDir()
	w = &writer{dir: dir, stem: "s"}
	f = open(t, sealPeople(t, delivery.TikTok, delivery.Replace, [][]delivery.Identifier{many, many, many}))
	if err := errors.Join(w.tiktok(context.Background(), f, 1000), w.commit()); err != nil {
		t.Fatal(err)
	}
	for name, text := range contents(t, dir) {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(text) > 1000 || rows[0][0] != "Email_SHA256" || rows[1][2] == "" && rows[1][0] == "" {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
}

func TestOwnChannelFile(t *testing.T) {
	t.Parallel()
	keys := []string{"u1", `a,"b"`, "=1+1", "会員"}
	h := testHeader(delivery.OwnChannel, delivery.Replace, 8)
	_, got := written(t, sealDelivery(t, h, func(w *delivery.Writer) error {
		for _, k := range keys {
			if err := w.User([]byte(k)); err != nil {
				return err
			}
		}
		return nil
	}))
	rows, err := csv.NewReader(strings.NewReader(got["spring-2-own-channel.csv"])).ReadAll()
	if err != nil || len(rows) != 5 || rows[0][0] != "user_key" {
		t.Fatalf("%v, %v", rows, err)
	}
	for i, k := range keys {
		if rows[i+1][0] != k {
			t.Errorf("%q came as %q", k, rows[i+1][0])
		}
	}
	h.Act = delivery.Remove
	if _, got := written(t, sealDelivery(t, h, func(*delivery.Writer) error { return nil })); got["spring-2-own-channel-remove.csv"] != "user_key\n" {
		t.Errorf("a removal of nobody: %q", got)
	}
	_, err = Write(context.Background(), open(t, sealDelivery(t, h, func(w *delivery.Writer) error { return w.User([]byte("a\r\nb")) })), t.TempDir())
	if !errors.Is(err, NotWritten) {
		t.Errorf("a key that CSV does not keep: %v", err)
	}
}

// TestFilesAreWholeOrNone: what fails leaves nothing behind, and what a killed run left
// is taken over.
func TestFilesAreWholeOrNone(t *testing.T) {
	t.Parallel()
	file := sealPeople(t, delivery.Line, delivery.Replace, crowd(3))
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, open(t, file), dir); !errors.Is(err, Interrupted) || len(contents(t, dir)) != 0 {
		t.Errorf("%v left %v", err, contents(t, dir))
	}
	if err := os.WriteFile(filepath.Join(dir, ".spring-2-line-email.txt.part"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "spring-2-line-email.txt"), []byte("of an earlier run"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Write(context.Background(), open(t, file), dir); err != nil {
			t.Fatal(err)
		}
	}
	if got := contents(t, dir); len(got) != 2 || strings.Count(got["spring-2-line-email.txt"], "\n") != 3 {
		t.Errorf("%v", got)
	}
	_, err := Write(context.Background(), open(t, file), filepath.Join(dir, "CANARY"))
	if CodeOf(err) != NotWritten || !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestLabelFiles: a carrier's files open for the partner alone, whole and in order.
func TestLabelFiles(t *testing.T) {
	t.Parallel()
	keys := []string{"p1", `p,"2"`, "会員3", "p4\nx", "p5"}
	file, serving := labelDelivery(t, keys...)
	_, got := written(t, file)
	table, raw := got["spring-2-label.csv"], got["spring-2-label.json"]
	set, err := ParseLabelSet([]byte(raw))
	if err != nil || len(got) != 2 {
		t.Fatalf("%v: %v", err, slices.Collect(maps.Keys(got)))
	}
	members := func(table string, set *LabelSet) (out []string, err error) {
		for m, e := range OpenLabels(strings.NewReader(table), set, serving, roomKey(), testNow) {
			if e != nil {
				return out, e
			}
			out = append(out, fmt.Sprintf("%s %v", m.Key, m.Member))
		}
		return out, nil
	}
	opened, err := members(table, set)
	if want := []string{"p1 true", `p,"2" false`, "会員3 true", "p4\nx false", "p5 true"}; err != nil || !slices.Equal(opened, want) {
		t.Errorf("%q, %v", opened, err)
	}
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(rows [][]string) [][]string) string {
		var b bytes.Buffer
		again := make([][]string, len(rows))
		for i := range rows {
			again[i] = slices.Clone(rows[i])
		}
		w := csv.NewWriter(&b)
		if err := w.WriteAll(change(again)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, bad := range map[string]string{
		"a row left out":    edit(func(r [][]string) [][]string { return append(r[:2], r[3:]...) }),
		"two rows swapped":  edit(func(r [][]string) [][]string { r[1], r[2] = r[2], r[1]; return r }),
		"a label moved":     edit(func(r [][]string) [][]string { r[2][1] = r[1][1]; return r }),
		"a key exchanged":   edit(func(r [][]string) [][]string { r[1][0] = "me"; return r }),
		"a row added":       edit(func(r [][]string) [][]string { return append(r, r[1]) }),
		"no row":            edit(func(r [][]string) [][]string { return r[:1] }),
		"another first row": edit(func(r [][]string) [][]string { return r[1:] }),
		"a label cut":       strings.Replace(table, rows[1][1], rows[1][1][:39], 1),
		"three columns":     table + "a,b,c\n",
		"nothing":           "",
	} {
		if got, err := members(bad, set); len(got) != 0 || !errors.Is(err, NotSigned) && !errors.Is(err, NotOpened) || strings.Contains(err.Error(), "p1") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	late := *set
	late.Expires = late.Expires.Add(1e9)
	if _, err := members(table, &late); !errors.Is(err, NotSigned) {
		t.Errorf("another expiry: %v", err)
	}
	for _, e := range OpenLabels(strings.NewReader(table), set, serving, roomKey(), set.Expires) {
		if !errors.Is(e, Expired) {
			t.Errorf("expired: %v", e)
		}
	}
	for _, e := range OpenLabels(strings.NewReader(table), set, testKey(t), roomKey(), testNow) {
		if !errors.Is(e, NotOpened) {
			t.Errorf("another serving key: %v", e)
		}
	}
	other := roomKey()
	other = append(other[:0:0], other...)
	other[0] ^= 1
	for _, e := range OpenLabels(strings.NewReader(table), set, serving, other, testNow) {
		if !errors.Is(e, NotSigned) {
			t.Errorf("another room: %v", e)
		}
	}
	for _, bad := range []string{"", "{}", strings.Replace(raw, "awase.labels/v1", "x", 1), strings.Replace(raw, `"suite": "xwing"`, `"suite": "none"`, 1), strings.Replace(raw, `"delivery": "01`, `"delivery": "0`, 1), strings.Replace(raw, `"schema"`, `"x": 1, "schema"`, 1)} {
		if _, err := ParseLabelSet([]byte(bad)); !errors.Is(err, NotOpened) {
			t.Errorf("%.30q is a set: %v", bad, err)
		}
	}
}

// FuzzLabelFiles: no bytes crash it, and no other rows open than those that were signed.
func FuzzLabelFiles(f *testing.F) {
	file, serving := labelDelivery(f, "p1", "p2")
	dir := f.TempDir()
	if _, err := Write(context.Background(), open(f, file), dir); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "spring-2-label.json"))
	if err != nil {
		f.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "spring-2-label.csv"))
	if err != nil {
		f.Fatal(err)
	}
	set, err := ParseLabelSet(raw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(table)
	f.Add(table[:len(table)-1])
	f.Add([]byte("key,label\n\"\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var got []string
		for m, err := range OpenLabels(bytes.NewReader(in), set, serving, roomKey(), testNow) {
			if err != nil {
				if len(got) > 0 {
					t.Fatal("rows before an error")
				}
				return
			}
			got = append(got, fmt.Sprintf("%s %v", m.Key, m.Member))
		}
		if want := []string{"p1 true", "p2 false"}; !slices.Equal(got, want) {
			t.Errorf("opened %q", got)
		}
	})
}
