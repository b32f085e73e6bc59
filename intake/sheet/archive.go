package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"

	"awase/intake/table"
)

// isWorkbook tells a workbook from other archives by its parts.
func isWorkbook(src io.ReaderAt, size int64) bool {
	head := make([]byte, 4)
	if table.ReadAt(src, head, 0) != nil || string(head) != "PK\x03\x04" {
		return false
	}
	z, err := readArchive(src, size, "")
	if err != nil {
		return false
	}
	for _, f := range z.File {
		if strings.EqualFold(partName(f), "xl/workbook.xml") {
			return true
		}
	}
	return false
}

// readArchive reads the directory, which may not be long: the library makes an
// entry of whatever looks like one.
func readArchive(src io.ReaderAt, size int64, name string) (*zip.Reader, error) {
	damaged := table.Fault(table.SortDamaged, name+", end of the archive", "the workbook is cut short or damaged", mendSave)
	if err := checkEnd(src, size); err != nil {
		return nil, damaged
	}
	z, err := zip.NewReader(src, size)
	if err != nil || len(z.File) > maxDirectory {
		return nil, damaged
	}
	return z, nil
}

var errEnd = errors.New("damaged end of archive")

// checkEnd wants a directory where the archive says, of a length that
// maxDirectory entries have.
func checkEnd(src io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, 22+1<<16))
	if err := table.ReadAt(src, tail, size-int64(len(tail))); err != nil {
		return err
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < 22 {
		return errEnd
	}
	u32 := func(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 | int64(b[3])<<24 }
	length, offset := u32(tail[at+12:]), u32(tail[at+16:])
	if length > maxDirectory*200 || offset+length != size-int64(len(tail))+int64(at) {
		return errEnd
	}
	return nil
}

func partName(f *zip.File) string { return strings.ReplaceAll(f.Name, "\\", "/") }

// checkParts reads every part to its end, as checksum and stated size say, and
// refuses what would take more memory than a list can need.
func checkParts(z *zip.Reader, name string) error {
	total := uint64(0)
	for _, f := range z.File {
		total += f.UncompressedSize64
		if total > maxUnpacked || f.UncompressedSize64 > maxUnpacked {
			return table.Fault(table.SortTooLarge, name, fmt.Sprintf("the workbook unpacks to more than %d MiB", maxUnpacked>>20), mendCSV)
		}
		if f.Flags&1 != 0 {
			return table.Fault(table.SortLocked, name, "the workbook is locked with a password", "save it without a password")
		}
	}
	for _, f := range z.File {
		part := strings.ToLower(partName(f))
		if err := checkPart(f, part, name); err != nil {
			return err
		}
	}
	return nil
}

func checkPart(f *zip.File, part, name string) error {
	place := name + ", part " + table.Show(path.Base(part))
	strings := part == "xl/sharedstrings.xml"
	if !strings && f.UncompressedSize64 > maxPart && !isSheet(part) && path.Ext(part) == ".xml" {
		return table.Fault(table.SortTooLarge, place, fmt.Sprintf("the part is over %d MiB", maxPart>>20), mendCSV)
	}
	r, err := f.Open()
	if err != nil {
		return table.Fault(table.SortDamaged, place, "the workbook is damaged", mendSave)
	}
	defer r.Close()
	sum, buf, tags := crc32.NewIEEE(), make([]byte, 64<<10), 0
	n := uint64(0)
	for {
		k, err := r.Read(buf)
		if k > 0 {
			n += uint64(k)
			_, _ = sum.Write(buf[:k]) // a hash doesn't fail
			if strings {
				if tags += bytes.Count(buf[:k], []byte("<")); tags > maxTags {
					return table.Fault(table.SortTooLarge, place, fmt.Sprintf("the workbook holds more than %d texts", maxTags/4), mendCSV)
				}
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || n > f.UncompressedSize64 {
			return table.Fault(table.SortDamaged, place, "the workbook is damaged", mendSave)
		}
	}
	// The library of archives checks no sum that is stated as zero.
	if n != f.UncompressedSize64 || sum.Sum32() != f.CRC32 {
		return table.Fault(table.SortDamaged, place, "the workbook is damaged", mendSave)
	}
	return nil
}

func isSheet(part string) bool { return strings.HasPrefix(part, "xl/worksheets/") }

// sheetPaths gives the part of each sheet by its name, as workbook.xml and its
// relations have it.
func sheetPaths(z *zip.Reader) (map[string]string, error) {
	var book struct {
		Sheets []struct {
			Name string     `xml:"name,attr"`
			Attr []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	var rels struct {
		Relationship []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := decodePart(z, "xl/workbook.xml", &book); err != nil {
		return nil, err
	}
	if err := decodePart(z, "xl/_rels/workbook.xml.rels", &rels); err != nil {
		return nil, err
	}
	target := map[string]string{}
	for _, r := range rels.Relationship {
		t := strings.ReplaceAll(r.Target, "\\", "/")
		if strings.HasPrefix(t, "/") {
			t = strings.TrimPrefix(path.Clean(t), "/")
		} else {
			t = path.Join("xl", t)
		}
		target[r.ID] = t
	}
	paths := map[string]string{}
	for _, s := range book.Sheets {
		for _, a := range s.Attr {
			if a.Name.Local == "id" && a.Name.Space != "" {
				paths[s.Name] = target[a.Value]
			}
		}
	}
	return paths, nil
}

func decodePart(z *zip.Reader, name string, into any) error {
	for _, f := range z.File {
		if !strings.EqualFold(partName(f), name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		return xml.NewDecoder(r).Decode(into)
	}
	return errEnd
}
