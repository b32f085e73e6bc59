package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"awase/matcher"
	"awase/matcher/matchbench"
)

// The base is written in two files a kind, so that a reader with two cores has
// one for each. A record of the base is token ‖ cluster u32 ‖ cell u16, one of a
// list is a token alone; tokens are wide, of which ours takes the first 12 bytes; numbers are little-endian. ClickHouse calls it
// RowBinary.
const (
	parts      = 2
	listRecord = len(matchbench.Wide{})
	baseRecord = listRecord + 4 + 2
	bufferSize = 1 << 17
)

// Lists by their names in the files.
const (
	mainList  = "list"
	smallList = "small"
)

func baseFile(dir string, kind, part int) string {
	return filepath.Join(dir, fmt.Sprintf("base.%d.%d.bin", kind, part))
}

func listFile(dir, list string, kind int) string {
	return filepath.Join(dir, fmt.Sprintf("%s.%d.bin", list, kind))
}

// partOf gives the users of one part of the base.
func partOf(users, part int) (from, to int) { return users * part / parts, users * (part + 1) / parts }

// writeBase writes the files of the base into dir.
func writeBase(dir string, s *matchbench.Source) error {
	var g errgroup.Group
	for part := range parts {
		g.Go(func() error {
			for kind := range s.Kinds {
				from, to := partOf(s.Users, part)
				err := writeFile(baseFile(dir, kind, part), func(w io.Writer) error {
					var rec [baseRecord]byte
					for i := from; i < to; i++ {
						t := s.Wide(matcher.Kind(kind), i)
						copy(rec[:], t[:])
						binary.LittleEndian.PutUint32(rec[listRecord:], uint32(i))
						binary.LittleEndian.PutUint16(rec[listRecord+4:], s.Cell(i))
						if _, err := w.Write(rec[:]); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// writeList writes the files of a list into dir.
func writeList(dir, list string, s *matchbench.Source) error {
	for kind := range s.Kinds {
		err := writeFile(listFile(dir, list, kind), func(w io.Writer) error {
			for row := range s.List {
				t := s.ListWide(matcher.Kind(kind), row)
				if _, err := w.Write(t[:]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, fill func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing made data: %w", err)
	}
	w := bufio.NewWriterSize(f, bufferSize)
	err = fill(w)
	if err == nil {
		err = w.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing made data: %w", err)
	}
	return nil
}

// records reads fixed records of several files side by side.
type records struct {
	files []recordFile
	size  int
}

// recordFile is a file and what was read of it and not given yet.
type recordFile struct {
	f         *os.File
	buf, rest []byte
}

func openRecords(size int, paths ...string) (*records, error) {
	r := &records{size: size}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			r.close()
			return nil, fmt.Errorf("reading made data: %w", err)
		}
		r.files = append(r.files, recordFile{f: f, buf: make([]byte, bufferSize)})
	}
	return r, nil
}

// skip passes over the first records of each file.
func (r *records) skip(n int) error {
	for i := range r.files {
		if _, err := r.files[i].f.Seek(int64(n)*int64(r.size), io.SeekStart); err != nil {
			return fmt.Errorf("reading made data: %w", err)
		}
	}
	return nil
}

// next gives the next record of each file, valid until the next call. That
// there is none is an error.
func (r *records) next(each func(file int, record []byte)) error {
	for i := range r.files {
		f := &r.files[i]
		if len(f.rest) < r.size {
			if err := f.read(r.size); err != nil {
				return fmt.Errorf("reading made data: %w", err)
			}
		}
		each(i, f.rest[:r.size])
		f.rest = f.rest[r.size:]
	}
	return nil
}

// read reads on until there is one record at least.
func (f *recordFile) read(size int) error {
	kept := copy(f.buf, f.rest)
	n, err := io.ReadAtLeast(f.f, f.buf[kept:], size-kept)
	f.rest = f.buf[:kept+n]
	return err
}

func (r *records) close() {
	for i := range r.files {
		_ = r.files[i].f.Close() // only read
	}
}
