package render

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// packHeader is the header of a file in a pack: all are of the moment of the evidence.
func packHeader(name string, at time.Time) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at.UTC()}
}

var errContainer = errors.New("the ZIP itself was changed: a name, a date or bytes beside its files are not what a pack has")

// container holds the bytes of the ZIP around the files to those that EvidencePack
// writes. A ZIP says names and dates twice, and programs differ in which they show;
// what stands before, between and after its files, no list of files has. How each
// file is compressed is left to the version of the compressor, but nothing may follow
// in its stream.
func (p *Pack) container(want []packed, at time.Time) error {
	var made bytes.Buffer
	made.Grow(len(p.zip))
	z, forms := zip.NewWriter(&made), zip.NewWriter(io.Discard)
	for _, w := range want {
		stream := bytes.NewReader(p.streams[w.name])
		content := flate.NewReader(stream) // reads no byte more than it has to: stream is an io.ByteReader
		n, err := io.Copy(io.Discard, io.LimitReader(content, int64(len(w.data))+1))
		if err != nil || n != int64(len(w.data)) || stream.Len() > 0 {
			return errContainer
		}
		h := packHeader(w.name, at)
		if _, err := forms.CreateHeader(h); err != nil { // fills h in as it does in EvidencePack
			return fmt.Errorf("remaking the ZIP: %w", err)
		}
		raw := *h
		raw.CRC32, raw.CompressedSize64, raw.UncompressedSize64 = crc32.ChecksumIEEE(w.data), uint64(len(p.streams[w.name])), uint64(len(w.data))
		out, err := z.CreateRaw(&raw)
		if err == nil {
			_, err = out.Write(p.streams[w.name])
		}
		if err != nil {
			return fmt.Errorf("remaking the ZIP: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("remaking the ZIP: %w", err)
	}
	if !bytes.Equal(made.Bytes(), p.zip) {
		return errContainer
	}
	return nil
}

// streamOf gives the compressed bytes of a file; nil where its header points elsewhere.
func streamOf(data []byte, f *zip.File) []byte {
	at, err := f.DataOffset()
	if err != nil || at < 0 || at > int64(len(data)) || f.CompressedSize64 > uint64(int64(len(data))-at) {
		return nil
	}
	return data[at : at+int64(f.CompressedSize64)]
}
