package entrustment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// parseJSON reads data, which json.Valid holds for.
func parseJSON(at *places, data []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	j := &jsonReader{grower: grower{at: at}, data: data, d: d, at: place{1, 1}}
	t, err := j.next()
	if err != nil {
		return nil, err
	}
	return j.value(t, 0)
}

type jsonReader struct {
	grower
	data []byte
	d    *json.Decoder
	seen int64
	at   place // of the byte at seen
}

// next gives the next token and leaves at on its first byte.
func (j *jsonReader) next() (json.Token, error) {
	j.advance(j.d.InputOffset())
	for j.seen < int64(len(j.data)) && strings.IndexByte(" \t\r\n,:", j.data[j.seen]) >= 0 {
		j.advance(j.seen + 1)
	}
	t, err := j.d.Token()
	if err != nil {
		return nil, j.refuse(j.at, "can't be read as YAML or JSON", yamlMend)
	}
	return t, nil
}

func (j *jsonReader) advance(to int64) {
	for ; j.seen < to; j.seen++ {
		switch b := j.data[j.seen]; {
		case b == '\n':
			j.at = place{j.at.line + 1, 1}
		case b&0xC0 != 0x80: // columns count characters
			j.at.col++
		}
	}
}

func (j *jsonReader) value(t json.Token, depth int) (*node, error) {
	kind := scalarNode
	switch t {
	case nil:
		kind = nullNode
	case json.Delim('['):
		kind = seqNode
	case json.Delim('{'):
		kind = mapNode
	}
	n, err := j.grow(kind, j.at, depth)
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case string:
		n.text, n.quoted = v, true
	case json.Number:
		n.text = v.String()
	case bool:
		n.text = fmt.Sprint(v)
	case json.Delim:
		for {
			t, err := j.next()
			if err != nil {
				return nil, err
			}
			if t == json.Delim(']') || t == json.Delim('}') {
				return n, j.checkKeys(n)
			}
			if kind == mapNode {
				n.keys = append(n.keys, key{t.(string), j.at})
				if t, err = j.next(); err != nil {
					return nil, err
				}
			}
			kid, err := j.value(t, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, kid)
		}
	}
	return n, nil
}
