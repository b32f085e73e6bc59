package seal

import "io"

// CutStream seals a stream as its writer never cuts one: a record a part.
func CutStream(w io.Writer, to PublicKey, info []byte, parts ...[]byte) ([]byte, error) {
	enc, s, err := to.NewStreamWriter(w, info, nil)
	if err != nil {
		return nil, err
	}
	for i, p := range parts {
		if err := s.records.write(p, i == len(parts)-1); err != nil {
			return nil, err
		}
	}
	return enc, nil
}
