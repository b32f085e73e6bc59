package intake

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"awase/entrustment"
	"awase/intake/table"
)

// The bounds of unpacking. Lists of raw text pack 3 to 20 times, lists of
// hashes less than twice; what packs a thousand times is no list.
const (
	// maxRatio is how many bytes one packed byte may become, and freeUnpacked
	// how many come before that counts.
	maxRatio     = 200
	freeUnpacked = 16 << 20
	// maxUnpacked is the longest text unpacked. It is a stream: memory doesn't
	// grow with it.
	maxUnpacked = 64 << 30
	// maxHeld is the longest Parquet or Excel file inside a packing. Those are
	// read at any place, so they are unpacked to memory, never to disk.
	maxHeld = 512 << 20
	// maxDirectory is the longest directory of a ZIP archive; each entry costs
	// memory before any is read.
	maxDirectory = 1 << 20
	// maxWindow is the longest window of zstd, which it holds in memory:
	// zstd -22 --long=27 needs as much.
	maxWindow = 128 << 20
)

const mendUnpack = "unpack it yourself and load what was in it, or pack it again"

// packing is a way files are packed.
type packing struct {
	name, magic string
	open        func(io.ReaderAt, int64, string, *countingReader) (io.Reader, error)
}

var packings = []packing{
	{"gzip", "\x1F\x8B", func(_ io.ReaderAt, _ int64, _ string, raw *countingReader) (io.Reader, error) {
		return gzip.NewReader(raw)
	}},
	{"zstd", "\x28\xB5\x2F\xFD", func(_ io.ReaderAt, _ int64, _ string, raw *countingReader) (io.Reader, error) {
		// One goroutine: nothing is left behind when a reader is given up.
		return zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	}},
	{"zip", "PK\x03\x04", openZIP},
	{"zip", "PK\x05\x06", openZIP}, // an archive of nothing
}

func packingOf(head []byte) *packing {
	for i := range packings {
		if bytes.HasPrefix(head, []byte(packings[i].magic)) {
			return &packings[i]
		}
	}
	return nil
}

// unpacked is what a packing gives. It turns what goes wrong in it into a fault
// of the file, and stops where more comes out than a list can hold.
type unpacked struct {
	r       io.Reader
	raw     *countingReader
	name    string
	packing string
	out     int64
}

// Read unpacks. Only what the disk says is passed on as it is.
func (u *unpacked) Read(p []byte) (n int, err error) {
	defer func() {
		if recover() != nil {
			n, err = 0, u.damaged()
		}
	}()
	n, err = u.r.Read(p)
	u.out += int64(n)
	switch {
	case u.out > freeUnpacked && u.out/maxRatio > u.raw.n:
		return 0, fault(table.SortArchive, u.place(), fmt.Sprintf("it unpacks to more than %d times its size, as no list does", maxRatio), mendUnpack)
	case u.out > maxUnpacked:
		return 0, fault(table.SortTooLarge, u.place(), fmt.Sprintf("it unpacks to more than %d GiB", int64(maxUnpacked)>>30), "split the list")
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case u.raw.err != nil:
		return n, fmt.Errorf("read %s: %w", u.name, u.raw.err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return n, fault(table.SortArchive, u.place(), fmt.Sprintf("it was packed with a window over %d MiB", maxWindow>>20), "pack it with zstd -19 or less, without --long")
	}
	return n, u.damaged()
}

func (u *unpacked) place() string { return fmt.Sprintf("%s, %s byte %d", u.name, u.packing, u.raw.n) }

func (u *unpacked) damaged() error {
	return fault(table.SortDamaged, u.place(), "the "+u.packing+" data is cut short or damaged", "copy the file again, or pack it again")
}

// openSource finds out what a file is, by content, and opens it: a packing is
// taken off, then a format of o.Formats tried, and what is left is text.
func openSource(r io.ReaderAt, size int64, o Options) (src table.Source, packed string, err error) {
	if size <= 0 {
		return nil, "", fault(table.SortNoRows, o.Name, "the file is empty", "export it again with a header line and its rows")
	}
	if src, err := o.foreign(r, size); src != nil || err != nil {
		return src, "", err
	}
	head := make([]byte, min(size, headBytes))
	if err := table.ReadAt(r, head, 0); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", o.Name, err)
	}
	raw := &countingReader{r: io.NewSectionReader(r, 0, size)}
	p := packingOf(head)
	if p == nil {
		src, err := openText(raw, raw, o, head)
		return src, "", err
	}
	src, err = o.unpack(p, r, size, raw)
	return src, p.name, err
}

// headBytes is how much of a file tells what it is.
const headBytes = 32

// foreign opens a file of one of the formats given; nil where it is of none.
func (o *Options) foreign(r io.ReaderAt, size int64) (table.Source, error) {
	for _, f := range o.Formats {
		if f.Is(r, size) {
			return f.Open(r, size, table.Options{Name: o.Name, MaxRow: o.MaxLine})
		}
	}
	return nil, nil
}

// unpack opens what a packing holds.
func (o *Options) unpack(p *packing, r io.ReaderAt, size int64, raw *countingReader) (table.Source, error) {
	u := &unpacked{raw: raw, name: o.Name, packing: p.name}
	inner, err := p.open(r, size, o.Name, raw)
	if _, ok := errors.AsType[*entrustment.Error](err); ok {
		return nil, err
	}
	if err != nil {
		if raw.err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Name, raw.err)
		}
		return nil, u.damaged()
	}
	u.r = inner
	head := make([]byte, headBytes)
	n, err := io.ReadFull(u, head)
	if errors.Is(err, io.EOF) && n == 0 {
		return nil, fault(table.SortNoRows, o.Name, "the "+p.name+" holds an empty file", "export the list again with a header line and its rows")
	} else if err != nil && n == 0 { // what is wrong behind some bytes is met again, with its row
		return nil, err
	}
	head = head[:n]
	all := io.MultiReader(bytes.NewReader(head), u)
	if !o.holds(head) {
		if q := packingOf(head); q != nil {
			return nil, packedTwice(o.Name, p, q)
		}
		return openText(all, raw, *o, head)
	}
	content, err := io.ReadAll(io.LimitReader(all, maxHeld+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxHeld:
		return nil, fault(table.SortTooLarge, o.Name, fmt.Sprintf("it unpacks to more than %d MiB", maxHeld>>20), "load it unpacked")
	}
	at := bytes.NewReader(content)
	src, err := o.foreign(at, int64(len(content)))
	if src == nil && err == nil { // a ZIP archive that is no workbook
		return nil, packedTwice(o.Name, p, packingOf(head))
	}
	return src, err
}

// holds tells whether a file that begins so may be of a format that is read at
// any place.
func (o *Options) holds(head []byte) bool {
	for _, f := range o.Formats {
		for _, m := range f.Magic {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
	}
	return false
}

func packedTwice(name string, outer, inner *packing) error {
	what := "something else packed"
	if inner != nil {
		what = "a " + inner.name + " file"
	}
	return fault(table.SortArchive, name, "the "+outer.name+" holds "+what+", and only one packing is taken off", mendUnpack)
}

// openZIP opens the one file of an archive.
func openZIP(r io.ReaderAt, size int64, name string, raw *countingReader) (io.Reader, error) {
	if err := checkDirectory(r, size, name); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(&countingReaderAt{r, raw}, size)
	if err != nil {
		return nil, err
	}
	var one *zip.File
	files := 0
	for _, f := range z.File {
		base := path.Base(f.Name)
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || strings.HasPrefix(base, "._") || base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini" {
			continue
		}
		if f.Name == "[Content_Types].xml" {
			return nil, fault(table.SortFormat, name, "the file is an Excel workbook or another Office document, which is not read here", "save the sheet as CSV UTF-8")
		}
		one = f
		files++
	}
	switch {
	case files == 0:
		return nil, fault(table.SortArchive, name, "the archive holds no file", "pack the list into it")
	case files > 1:
		return nil, fault(table.SortArchive, name, fmt.Sprintf("the archive holds %d files, and a list is one", files), "pack one file, or load each by itself")
	case one.Flags&1 != 0:
		return nil, fault(table.SortLocked, name, "the archive is locked with a password", "unpack it and load what was in it")
	case one.Method != zip.Store && one.Method != zip.Deflate:
		return nil, fault(table.SortArchive, name, "the archive is packed in a way that is not read", "pack it again as an ordinary ZIP (deflate)")
	}
	raw.n = 0 // what the directory took
	return one.Open()
}

// checkDirectory looks at the end of an archive before the library does, which
// makes an entry in memory of whatever looks like one.
func checkDirectory(r io.ReaderAt, size int64, name string) error {
	tail := make([]byte, min(size, 22+1<<16))
	if err := table.ReadAt(r, tail, size-int64(len(tail))); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	const mend = "copy the file again, or pack it again"
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < 22 {
		return fault(table.SortDamaged, name+", end of the archive", "the ZIP archive is cut short or damaged", mend)
	}
	end := tail[at:]
	length, offset := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	if offset == 1<<32-1 {
		return fault(table.SortArchive, name, "the archive is of the form for more than 4 GiB", "pack the list with gzip or zstd, or load it unpacked")
	}
	switch start := size - int64(len(tail)) + int64(at); {
	case length > maxDirectory:
		return fault(table.SortArchive, name, "the archive holds far too many files, and a list is one", "pack one file")
	case offset+length != start:
		return fault(table.SortDamaged, name+", end of the archive", "the ZIP archive is damaged: its directory is not where it says", mend)
	}
	return nil
}

// countingReader counts the bytes read, for progress, and keeps what the disk
// said.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

// Read reads and counts.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// countingReaderAt counts into a countingReader.
type countingReaderAt struct {
	r io.ReaderAt
	c *countingReader
}

// ReadAt reads and counts.
func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.c.err = err
	}
	return n, err
}
