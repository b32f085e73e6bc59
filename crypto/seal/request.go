package seal

import (
	"encoding/binary"
	"fmt"
)

// RequestRows is how many rows a request has, whoever asks: the file's size does not
// tell how many accounts a person has, nor how long their user keys are.
const RequestRows = 16

var requestKinds = []RequestKind{Deletion, Stop, Correction, Addition, PurposeNotice, Disclosure}

// RequestOf gives the rows of a request: the user keys of one person, and rows that
// fill the file up. Keys are 1 to 512 bytes, 1 to RequestRows of them.
func RequestOf(keys [][]byte) ([]Row, error) {
	if len(keys) < 1 || len(keys) > RequestRows {
		return nil, &Error{Reason: BadRow, Detail: fmt.Sprintf("a request has 1 to %d user keys", RequestRows)}
	}
	rows := make([]Row, RequestRows)
	for i, k := range keys {
		if len(k) == 0 {
			return nil, &Error{Reason: BadRow, Row: int64(i + 1), Detail: "no user key"}
		}
		rows[i].User = k
	}
	return rows, nil
}

// appendUser appends a row of a request: all are of one size.
func appendUser(b, key []byte) []byte {
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(key))), key...)
	return append(b, make([]byte, maxRowText-len(key))...)
}

// nextUser reads a row of a request.
func nextUser(b []byte, v *rowView) ([]byte, string) {
	const size = 2 + maxRowText
	if len(b) < size {
		return nil, errShort
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > maxRowText {
		return nil, "user key"
	}
	v.key = b[2 : 2+n : 2+n]
	for _, pad := range b[2+n : size] {
		if pad != 0 {
			return nil, "what follows a user key is not zero"
		}
	}
	return b[size:], ""
}
