package intake

import (
	"os"
	"strings"
	"testing"

	"awase/intake/table"
)

// What is plainly no list is named by what it is, packed or not.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	picture := string(must(os.ReadFile("../docs/page/list.png")))
	zeros := strings.Repeat("\x00", 32)
	for _, c := range []struct {
		what, head string
		sort       table.Sort
	}{
		{"image (PNG)", picture, table.SortFormat},
		{"image (JPEG)", "\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01", table.SortFormat},
		{"image (GIF)", "GIF89a\x40\x01\xF0\x00\xF7\x00\x00", table.SortFormat},
		{"image (GIF)", "GIF87a\x10\x00\x10\x00\xF7\x00\x00", table.SortFormat},
		{"image (WebP)", "RIFF\x24\x50\x00\x00WEBPVP8 \x18\x50\x00\x00", table.SortFormat},
		{"image (BMP)", "BM\x36\x0C\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00", table.SortFormat},
		{"image (TIFF)", "II*\x00\x08\x00\x00\x00", table.SortFormat},
		{"image (TIFF)", "MM\x00*\x00\x00\x00\x08", table.SortFormat},
		{"HEIC", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1", table.SortFormat},
		{"PDF", "%PDF-1.7\n%\xE2\xE3\xCF\xD3", table.SortFormat},
		{"SQLite", "SQLite format 3\x00\x10\x00", table.SortFormat},
		{"program (ELF)", "\x7fELF\x02\x01\x01\x00" + zeros, table.SortFormat},
		{"program (Windows)", "MZ\x90\x00\x03\x00\x00\x00\x04\x00", table.SortFormat},
		{"program (macOS)", "\xCF\xFA\xED\xFE\x07\x00\x00\x01", table.SortFormat},
		{"bzip2", "BZh91AY&SY\x12\x34", table.SortArchive},
		{"bzip2", "BZh9\x17\x72\x45\x38\x50\x90" + zeros, table.SortArchive},
		{"xz", "\xFD7zXZ\x00\x00\x04", table.SortArchive},
		{"7-Zip", "7z\xBC\xAF\x27\x1C\x00\x04", table.SortArchive},
		{"RAR", "Rar!\x1A\x07\x01\x00", table.SortArchive},
		{"RAR", "Rar!\x1A\x07\x00", table.SortArchive},
		{"old Office", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + zeros, table.SortLocked},
	} {
		for packed, content := range map[string]string{"": c.head, " in gzip": gzipped(c.head), " in zip": zipped("a", c.head)} {
			_, err := openList(t, content, nil, Options{})
			if wantFault(t, err, "list.csv", c.what); table.SortOf(err) != c.sort {
				t.Errorf("%s%s is sorted as %s", c.what, packed, table.SortOf(err))
			}
		}
	}
}

// No text is taken for one of those by how it begins.
func TestForeignNamesBeginText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"BM", "MZ", "BZh", "BZh9", "Rar!", "GIF89a", "GIF87a", "II*", "MM", "RIFF", "RIFF0000WEBPVP8", "%PDF", "SQLite format 3", "7zｼｯ", "臼NG", "\x7fELF", "ftyp", "PAR"} {
		for _, content := range []string{name + ",email\nx,a@b.jp\n", name + "\temail\r\nx\ta@b.jp\r\n", sjis(name + ",email,氏名\nx,a@b.jp,山田\n")} {
			p, err := Propose(t.Context(), strings.NewReader(content), int64(len(content)), Options{Name: "list.csv", Today: today})
			if err != nil {
				t.Errorf("%q: %v", content, err)
			} else if len(p.Columns) < 2 {
				t.Errorf("%q: %d columns", content, len(p.Columns))
			}
		}
	}
}
