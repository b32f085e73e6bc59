package seal

import (
	"crypto/ed25519"
	"fmt"
	"io"
)

// WriterOptions are how a file is sealed. The zero WriterOptions will do.
type WriterOptions struct {
	Sign ed25519.PrivateKey // the party's upload key; nil: not signed
	Rand io.Reader          // of the KEM; nil: crypto/rand. Anything else is for test vectors
}

// Writer seals rows. It holds one record, at most 1 MiB, whatever the file's size,
// and is not safe for concurrent use.
type Writer struct {
	records recordWriter
	shape   shape
	buf     []byte
	rows    int64
	err     error // of the first call that failed; Spent after Close
}

// NewWriter writes a file's head to w. The file is sealed to the holder of to's
// private key, and opens only at address a and with header h. What may not be
// sealed is an *Error; errors of w are returned as they are, wrapped.
func NewWriter(w io.Writer, to PublicKey, a Address, h Header, o WriterOptions) (*Writer, error) {
	canonical, err := appendHeader(nil, &a, &h)
	if err != nil {
		return nil, err
	}
	if o.Sign != nil && len(o.Sign) != ed25519.PrivateKeySize {
		return nil, refuse(BadKey, "an upload key of another length")
	}
	enc, sealer, err := to.sender(info(canonical), o.Rand)
	if err != nil {
		return nil, err
	}
	head := appendSignature(appendHead(nil, to.suite, canonical, enc), o.Sign)
	if _, err := w.Write(head); err != nil {
		return nil, fmt.Errorf("write a sealed file: %w", err)
	}
	return &Writer{records: recordWriter{w: w, sealer: sealer}, shape: shapeOf(&h)}, nil
}

// Write adds rows to the file and keeps none of them. A row that the header
// doesn't allow is an *Error of BadRow that names the row, counted from 1 over
// all calls. After an error the file can't be closed, so it never opens whole.
func (w *Writer) Write(rows []Row) error {
	if w.err != nil {
		return w.err
	}
	if w.buf == nil {
		w.buf = make([]byte, 0, maxPlain+maxRowSize)
	}
	for i := range rows {
		w.rows++
		whole := len(w.buf)
		var fault string
		if w.buf, fault = w.shape.appendRow(w.buf, &rows[i]); fault != "" {
			w.err = &Error{Reason: BadRow, Row: w.rows, Detail: fault}
			return w.err
		}
		if len(w.buf) <= maxPlain {
			continue
		}
		if w.err = w.records.write(w.buf[:whole], false); w.err != nil {
			return w.err
		}
		w.buf = w.buf[:copy(w.buf, w.buf[whole:])]
	}
	return nil
}

// Close seals the final record. Without it the file never opens whole. It
// doesn't close the io.Writer.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.err = w.records.write(w.buf, true); w.err != nil {
		return w.err
	}
	w.err, w.buf = refuse(Spent, ""), nil
	return nil
}
