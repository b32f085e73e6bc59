package intake

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"awase/entrustment"
	"awase/intake/table"
)

// zipped packs name, content, name, content, …
func zipped(files ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		must(must(w.Create(files[i])).Write([]byte(files[i+1])))
	}
	must(0, w.Close())
	return b.String()
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	must(w.Write([]byte(s)))
	must(0, w.Close())
	return b.String()
}

func zstandard(s string) string {
	return string(must(zstd.NewWriter(nil)).EncodeAll([]byte(s), nil))
}

// packs are the ways of packing one file.
var packs = map[string]func(string) string{
	"gzip": gzipped,
	"zstd": zstandard,
	"zip": func(s string) string {
		return zipped("__MACOSX/._list.csv", "\x00\x05\x16\x07", "out/", "", "out/list.csv", s, "out/.DS_Store", "x")
	},
	"gzip members": func(s string) string { return gzipped(s[:len(s)/2]) + gzipped(s[len(s)/2:]) },
	"zstd frames":  func(s string) string { return zstandard(s[:len(s)/2]) + zstandard(s[len(s)/2:]) },
	"zip stored": func(s string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		must(must(w.CreateHeader(&zip.FileHeader{Name: "list.csv"})).Write([]byte(s)))
		must(0, w.Close())
		return b.String()
	},
}

// A packed list gives the same rows and the same report.
func TestPacked(t *testing.T) {
	want, plain := readList(t, messy, listSchema())
	for name, pack := range packs {
		for encoding, content := range map[string]string{"UTF-8": messy, "Shift_JIS": sjis(messy), "UTF-16": utf16LE(messy)} {
			got, f := readList(t, pack(content), listSchema())
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got %v\nwant %v", name, encoding, got, want)
			}
			if r := f.Report(); r.Packing != strings.Fields(name)[0] || r.Format != "CSV" || fmt.Sprint(r.Faults) != fmt.Sprint(plain.Report().Faults) {
				t.Errorf("%s, %s: report is %+v", name, encoding, r)
			}
		}
	}
}

func TestPackedFaults(t *testing.T) {
	list := "email\na@b.jp\n"
	locked := []byte(zipped("list.csv", list))
	for _, sign := range []string{"PK\x03\x04", "PK\x01\x02"} {
		at := bytes.Index(locked, []byte(sign)) + 6 + 2*strings.Index("PK\x03\x04PK\x01\x02", sign)/4
		locked[at] |= 1
	}
	odd := []byte(zipped("list.csv", list))
	odd[8], odd[bytes.Index(odd, []byte("PK\x01\x02"))+10] = 12, 12
	large := []byte(zipped("list.csv", list))
	copy(large[bytes.LastIndex(large, []byte("PK\x05\x06"))+12:], "\xff\xff\xff\x0f")
	for name, tc := range map[string]struct{ content, place, detail string }{
		"gzip in gzip":   {gzipped(gzipped(list)), "list.csv", "only one packing"},
		"zstd in zip":    {zipped("list.csv.zst", zstandard(list)), "list.csv", "only one packing"},
		"zip in gzip":    {gzipped(zipped("a", list)), "list.csv", "only one packing"},
		"two files":      {zipped("a.csv", list, "b.csv", list), "list.csv", "2 files"},
		"no file":        {zipped("out/", ""), "list.csv", "no file"},
		"nothing":        {zipped(), "list.csv", "no file"},
		"empty in gzip":  {gzipped(""), "list.csv", "empty"},
		"empty in zip":   {zipped("a.csv", ""), "list.csv", "empty"},
		"locked":         {string(locked), "list.csv", "password"},
		"odd packing":    {string(odd), "list.csv", "way that is not read"},
		"huge directory": {string(large), "list.csv", "too many"},
		"PDF in gzip":    {gzipped("%PDF-1.7"), "list.csv", "PDF"},
		"gzip cut":       {gzipped(list)[:20], "gzip byte", "damaged"},
		"zstd cut":       {zstandard(strings.Repeat(list, 50))[:20], "zstd byte", "damaged"},
		"gzip sum":       {strings.Replace(gzipped(list), gzipped(list)[len(gzipped(list))-8:], "\x00\x00\x00\x00\x0e\x00\x00\x00", 1), "row", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := openList(t, tc.content, nil, Options{})
			if err == nil {
				_, err = collect(f)
			}
			wantFault(t, err, tc.place, tc.detail)
		})
	}
}

// zeros gives so many NULs, or line breaks.
func zeros(n int64, c byte) io.Reader { return io.LimitReader(repeated(c), n) }

type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// A bomb is refused when little of it has come out, whatever is in it.
func TestBombs(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const size = 256 << 20
	head := "email\na@b.jp\n"
	bombs := map[string][]byte{}
	for name, c := range map[string]byte{"NULs": 0, "line breaks": '\n', "text": 'x', "commas": ','} {
		content := io.MultiReader(strings.NewReader(head), zeros(size, c))
		var g bytes.Buffer
		w := gzip.NewWriter(&g)
		must(io.Copy(w, content))
		must(0, w.Close())
		bombs["gzip of "+name] = g.Bytes()
	}
	var z bytes.Buffer
	w := must(zstd.NewWriter(&z))
	must(io.Copy(w, io.MultiReader(strings.NewReader(head), zeros(size, '\n'))))
	must(0, w.Close())
	bombs["zstd"] = z.Bytes()
	var a bytes.Buffer
	zw := zip.NewWriter(&a)
	must(io.Copy(must(zw.Create("list.csv")), io.MultiReader(strings.NewReader(head), zeros(size, '\n'))))
	must(0, zw.Close())
	bombs["zip"] = a.Bytes()
	var p bytes.Buffer
	pw := gzip.NewWriter(&p)
	must(io.Copy(pw, io.MultiReader(strings.NewReader("HELD"), zeros(size, 0))))
	must(0, pw.Close())
	bombs["held in memory"] = p.Bytes()
	held := table.Format{Name: "held", Magic: []string{"HELD"}, Is: func(r io.ReaderAt, _ int64) bool {
		b := make([]byte, 4)
		return table.ReadAt(r, b, 0) == nil && string(b) == "HELD"
	}}
	for name, content := range bombs {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, err := openList(t, string(content), nil, Options{Formats: []table.Format{held}})
			if err == nil {
				_, err = collect(f)
			}
			runtime.ReadMemStats(&after)
			wantFault(t, err, "list.csv", "")
			if took := after.TotalAlloc - before.TotalAlloc; took > 160<<20 {
				t.Errorf("refusing it took %d MiB", took>>20)
			}
		})
	}
	if left := must(os.ReadDir(os.TempDir())); len(left) > 0 {
		t.Errorf("temporary files: %v", left)
	}
}

// damage gives 400 damaged forms of a file: cut, flipped, with a hole, with a
// part twice.
func damage(content []byte, do func([]byte)) {
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range 400 {
		bad := bytes.Clone(content)
		at := rng.IntN(len(bad))
		switch i % 5 {
		case 0:
			bad = bad[:at]
		case 1:
			clear(bad[at:min(len(bad), at+1+rng.IntN(64))])
		case 2:
			bad = append(bad[:at:at], bad[at/2:]...)
		default:
			for range 1 + rng.IntN(5) {
				bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
			}
		}
		if len(bad) > 0 {
			do(bad)
		}
	}
}

// TestDamaged: 400 damaged files of each form are read or refused, in bounded
// memory, with place and mend, without a value in a message and without a file
// on disk. Text has no checksum, so much of its damage shows in rows alone.
func TestDamaged(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var text strings.Builder
	text.WriteString("氏名,email,携帯番号,tier\n")
	for i := range 300 {
		fmt.Fprintf(&text, "山田,canary%d@example.jp,090-1234-%04d,\"gold, ゴールド\"\n", i, i)
	}
	csv := text.String()
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "email", Kind: "email"}, {Column: "携帯番号", Kind: "phone"},
		{Column: "tier", Name: "tier", Values: []string{"gold, ゴールド"}}}, Drop: []string{"氏名"}}
	for name, tc := range map[string]struct {
		content string
		refused int // at least, of 400
	}{
		"CSV":       {csv, 0},
		"Shift_JIS": {sjis(csv), 0},
		"UTF-16":    {utf16LE(csv), 0},
		"TSV":       {strings.ReplaceAll(csv, ",", "\t"), 0},
		"gzip":      {gzipped(csv), 390},
		"zstd":      {zstandard(csv), 300}, // the checksum covers what it unpacks to; frames of nothing may be skipped
		"zip":       {zipped("list.csv", csv), 300},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			refused, files := 0, 0
			damage([]byte(tc.content), func(bad []byte) {
				files++
				f, err := openList(t, string(bad), schema, Options{})
				if err == nil {
					_, err = collect(f)
					if said := tell(t, f.Report()); strings.Contains(said, "canary") {
						t.Fatalf("a value is in %s", said)
					}
				}
				if err == nil {
					return
				}
				refused++
				var e *entrustment.Error
				if !errors.As(err, &e) || e.Code != entrustment.CodeFile || e.Field == "" || e.Mend == "" {
					t.Fatalf("damage gives %q, not a fault with place and mend", err)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Fatalf("a value is in %q", err)
				}
			})
			runtime.ReadMemStats(&after)
			if refused < tc.refused {
				t.Errorf("of %d damaged files %d were refused", files, refused)
			}
			if per := (after.TotalAlloc - before.TotalAlloc) / uint64(files); per > 12<<20 {
				t.Errorf("a damaged file took %d bytes on average", per)
			}
		})
	}
	if left := must(os.ReadDir(os.TempDir())); len(left) > 0 {
		t.Errorf("temporary files: %v", left)
	}
}

// What the disk says is passed on, not taken for damage.
func TestDiskFault(t *testing.T) {
	content := gzipped(strings.Repeat("email\na@b.jp\n", 50_000))
	broken := &brokenAt{strings.NewReader(content), int64(len(content) / 2)}
	f, err := OpenList(t.Context(), broken, int64(len(content)), nil, Options{})
	if err == nil {
		_, err = collect(f)
	}
	if !errors.Is(err, errDisk) {
		t.Errorf("got %v, want what the disk said", err)
	}
}

var errDisk = errors.New("input/output error")

type brokenAt struct {
	r   io.ReaderAt
	end int64
}

func (b *brokenAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.end {
		return 0, errDisk
	}
	return b.r.ReadAt(p, off)
}

// FuzzPacked: no packed file panics, and what is wrong is a fault of the file.
func FuzzPacked(f *testing.F) {
	list := "email,phone\na@b.jp,090-1234-5678\n"
	for _, pack := range packs {
		f.Add([]byte(pack(list)))
	}
	f.Add([]byte(gzipped(gzipped(list))))
	f.Add([]byte(zipped("a", "b", "c", "d")))
	f.Add([]byte("\x28\xB5\x2F\xFD\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		file, err := openList(t, string(content), nil, Options{})
		if err == nil {
			_, err = collect(file)
		}
		var e *entrustment.Error
		if err != nil && (!errors.As(err, &e) || e.Field == "" || e.Mend == "") {
			t.Fatalf("%v is no fault of the file", err)
		}
	})
}
