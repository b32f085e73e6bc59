package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"awase/enclave/wire"
)

// signed is what a receipt says that people know a release by. Whether it is
// true, awase verify finds out of the JSON; what is not there is not shown.
type signed struct {
	Recipient   string `json:"recipient"`
	Confinement string `json:"confinement"`
	Key         []byte `json:"key"`
	Log         struct {
		Index      *int64 `json:"index"`
		Checkpoint string `json:"checkpoint"`
	} `json:"log"`
}

// receiptFacts gives by what a release is known: its receipt's fingerprint, its
// place in the record log, the key that signed it.
func receiptFacts(r *wire.Release) ([]fact, error) {
	mark, err := fingerprint(r.Receipt)
	if err != nil {
		return nil, err
	}
	if mark == "" {
		return []fact{{text{"受領証", "receipt"}, text{"付いていません。", "There is none."}}}, nil
	}
	out := []fact{{text{"受領証の指紋", "receipt fingerprint"}, text{mark + "（SHA-256 の先頭128ビット）", "SHA-256, 128 bits"}}}
	add := func(name text, ja, en string) { out = append(out, fact{name, text{plain(ja), plain(en)}}) }
	var s signed
	if json.Unmarshal(r.Receipt, &s) != nil {
		s = signed{} // of another form: the fingerprint tells it still
	}
	if s.Recipient != "" {
		add(text{"受領者", "released to"}, s.Recipient, s.Recipient)
	}
	if s.Log.Index != nil {
		origin, size := logOf(s.Log.Checkpoint)
		ja, en := fmt.Sprintf("%d 番", *s.Log.Index), fmt.Sprintf("entry %d", *s.Log.Index)
		if origin != "" {
			ja, en = ja+"（"+origin+"、公開時 "+size+" 件）", en+" of "+origin+", which had "+size+" entries then"
		}
		add(text{"記録ログ", "record log"}, ja, en)
	}
	if len(s.Key) > 0 {
		sum := sha256.Sum256(s.Key)
		groups := strings.ReplaceAll(grouped(hex.EncodeToString(sum[:16])), " ", "-")
		add(text{"署名鍵", "signed by key"}, groups, groups)
	}
	if s.Confinement != "" {
		add(text{"隔離", "confinement"}, s.Confinement, s.Confinement)
	}
	add(text{"検証", "to verify"},
		"report.json で行います： awase verify --key awase.key report.json（同じ結果の JSON は無料で受け取れます）",
		"With report.json: awase verify --key awase.key report.json (the JSON of the same release is free)")
	return out, nil
}

// logOf gives the name and size of the log of a checkpoint; "" for what is none.
func logOf(checkpoint string) (origin, size string) {
	lines := strings.SplitN(checkpoint, "\n", 3)
	if len(lines) < 3 {
		return "", ""
	}
	if _, err := strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", ""
	}
	return lines[0], lines[1]
}

// grouped sets hex in groups of four, for two people to compare.
func grouped(h string) string {
	groups := make([]string, 0, len(h)/4)
	for i := 0; i+4 <= len(h); i += 4 {
		groups = append(groups, h[i:i+4])
	}
	return strings.Join(groups, " ")
}
