package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"

	"awase/intake/table"
)

// maxPage is the largest page read, uncompressed, in bytes. Writers make pages
// of about 1 MB; some write one page a row group.
const maxPage = 256 << 20

// errPage is a page that contradicts its header or its column.
var errPage = errors.New("damaged page")

// errPageSize is a page over maxPage.
var errPageSize = errors.New("page over the limit")

// Page types and encodings of parquet.thrift.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3

	encPlain      = 0
	encPlainDict  = 2
	encRLE        = 3
	encDelta      = 5
	encDeltaLen   = 6
	encDeltaBytes = 7
	encRLEDict    = 8
)

// pageHeader is what is read of a Parquet page header.
type pageHeader struct {
	typ, uncompressed, compressed int64
	crc                           int64
	hasCRC                        bool
	values, encoding              int64
	defEncoding                   int64 // v1
	defLen, repLen                int64 // v2
	plain                         bool  // v2: the values are not compressed
}

// readPageHeader reads the header at the front of b and gives its length.
func readPageHeader(b []byte) (pageHeader, int, error) {
	var h pageHeader
	c := compact{b: b, num: func(path []int16, v int64) {
		switch len(path) {
		case 1:
			switch path[0] {
			case 1:
				h.typ = v
			case 2:
				h.uncompressed = v
			case 3:
				h.compressed = v
			case 4:
				h.crc, h.hasCRC = v, true
			}
		case 2:
			h.set(path[0], path[1], v)
		}
	}}
	if err := c.structure(); err != nil {
		return h, 0, err
	}
	return h, len(b) - len(c.b), nil
}

// set takes a field of the header's data (5), dictionary (7) or data v2 (8)
// struct.
func (h *pageHeader) set(in, id int16, v int64) {
	switch {
	case id == 1 && (in == 5 || in == 7 || in == 8):
		h.values = v
	case id == 2 && (in == 5 || in == 7), id == 4 && in == 8:
		h.encoding = v
	case id == 3 && in == 5:
		h.defEncoding = v
	case id == 5 && in == 8:
		h.defLen = v
	case id == 6 && in == 8:
		h.repLen = v
	case id == 7 && in == 8:
		h.plain = v == 0
	}
}

// pageReader gives the pages of one column chunk to the library's column
// reader. The library has one of its own, which makes buffers as large as a
// damaged header asks, decompresses without a bound, and passes pages on that
// send its decoders into endless loops; this one gives only pages whose levels
// and values are all there (checkPage).
type pageReader struct {
	src      io.ReaderAt
	off, end int64
	left     int64 // values still to come
	codec    compress.Compression
	col      column
	zstd     *zstd.Decoder

	raw  []byte // compressed page, reused
	page file.Page
	err  error
}

// Page gives the page that Next read.
func (p *pageReader) Page() file.Page { return p.page }

// Err gives why Next gave false, or nil at the end.
func (p *pageReader) Err() error { return p.err }

// SetMaxPageHeaderSize does nothing: the limit is fixed.
func (p *pageReader) SetMaxPageHeaderSize(int) {}

// Reset is not called for a reader that serves one column chunk.
func (p *pageReader) Reset(parquet.BufferedReader, int64, compress.Compression, *file.CryptoContext) {
	p.err = errPage
}

// Next reads the next page that holds a dictionary or data.
func (p *pageReader) Next() bool {
	p.page = nil
	for p.err == nil && p.page == nil && p.left > 0 {
		p.page, p.err = p.read()
	}
	return p.err == nil && p.page != nil
}

// read reads one page; nil for a type that is skipped.
func (p *pageReader) read() (file.Page, error) {
	h, err := p.header()
	if err != nil {
		return nil, err
	}
	if h.uncompressed > maxPage || h.compressed > maxPage {
		return nil, errPageSize
	}
	if h.compressed < 0 || h.uncompressed < 0 || h.compressed > p.end-p.off || h.values < 0 {
		return nil, errPage
	}
	if int64(cap(p.raw)) < h.compressed {
		p.raw = make([]byte, h.compressed)
	}
	p.raw = p.raw[:h.compressed]
	if err := table.ReadAt(p.src, p.raw, p.off); err != nil {
		return nil, err
	}
	p.off += h.compressed
	if h.hasCRC && uint32(h.crc) != crc32.ChecksumIEEE(p.raw) {
		return nil, fmt.Errorf("%w: its checksum is wrong", errPage)
	}
	switch h.typ {
	case pageDictionary:
		return p.dictionary(h)
	case pageData, pageDataV2:
		return p.data(h)
	}
	return nil, nil
}

// header reads the page header at off.
func (p *pageReader) header() (pageHeader, error) {
	// Headers take some 30 bytes, with long statistics some thousand.
	for size := int64(512); ; size *= 16 {
		size = min(size, p.end-p.off)
		b := make([]byte, size)
		if err := table.ReadAt(p.src, b, p.off); err != nil {
			return pageHeader{}, err
		}
		h, n, err := readPageHeader(b)
		if err == nil {
			p.off += int64(n)
			return h, nil
		}
		if size == p.end-p.off || size > 4<<20 {
			return h, err
		}
	}
}

func (p *pageReader) dictionary(h pageHeader) (file.Page, error) {
	if h.encoding != encPlain && h.encoding != encPlainDict {
		return nil, errPage
	}
	b, err := p.inflate(p.raw, h.uncompressed)
	if err != nil {
		return nil, err
	}
	if h.values*p.col.width() > int64(len(b)) {
		return nil, errPage
	}
	return file.NewDictionaryPage(memory.NewBufferBytes(b), int32(h.values), parquet.Encoding(h.encoding)), nil
}

func (p *pageReader) data(h pageHeader) (file.Page, error) {
	if h.values > p.left {
		return nil, errPage
	}
	p.left -= h.values
	if h.typ == pageData {
		b, err := p.inflate(p.raw, h.uncompressed)
		if err != nil {
			return nil, err
		}
		if err := checkPage(b, h, p.col); err != nil {
			return nil, err
		}
		return file.NewDataPageV1(memory.NewBufferBytes(b), int32(h.values), parquet.Encoding(h.encoding),
			parquet.Encoding(h.defEncoding), parquet.Encodings.RLE, int32(len(b))), nil
	}
	levels := h.defLen + h.repLen
	if h.defLen < 0 || h.repLen != 0 || levels > h.compressed || levels > h.uncompressed {
		return nil, errPage
	}
	codec := p.codec
	if h.plain {
		p.codec = compress.Codecs.Uncompressed
	}
	values, err := p.inflate(p.raw[levels:], h.uncompressed-levels)
	p.codec = codec
	if err != nil {
		return nil, err
	}
	b := append(append(make([]byte, 0, h.uncompressed), p.raw[:levels]...), values...)
	if err := checkPage(b, h, p.col); err != nil {
		return nil, err
	}
	return file.NewDataPageV2(memory.NewBufferBytes(b), int32(h.values), 0, 0, parquet.Encoding(h.encoding),
		int32(h.defLen), 0, int32(len(b)), false), nil
}

// inflate decompresses raw to exactly size bytes, in memory of its own: values
// of several pages live side by side in one batch.
func (p *pageReader) inflate(raw []byte, size int64) ([]byte, error) {
	b := make([]byte, size)
	switch p.codec {
	case compress.Codecs.Uncompressed:
		if int64(len(raw)) != size {
			return nil, errPage
		}
		copy(b, raw)
		return b, nil
	case compress.Codecs.Snappy:
		n, err := snappy.DecodedLen(raw)
		if err != nil || int64(n) != size {
			return nil, errPage
		}
		return snappy.Decode(b, raw)
	case compress.Codecs.Zstd:
		if size == 0 {
			return b, nil
		}
		out, err := p.zstd.DecodeAll(raw, b[:0])
		if err != nil || int64(len(out)) != size {
			return nil, errPage
		}
		return out, nil
	}
	codec, err := compress.GetCodec(p.codec) // gzip, brotli
	if err != nil {
		return nil, err
	}
	r := codec.NewReader(bytes.NewReader(raw))
	defer r.Close()
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", errPage, err)
	}
	if n, _ := r.Read(make([]byte, 1)); n != 0 {
		return nil, errPage
	}
	return b, nil
}
