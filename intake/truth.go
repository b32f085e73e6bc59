package intake

import (
	"bytes"

	"golang.org/x/text/unicode/norm"
)

// truths are the words for yes and no that tables hold, folded: NFKC, lower
// case. Columns of dates ("agreed on") are none of them.
var truths = map[string]bool{
	"true": true, "t": true, "yes": true, "y": true, "1": true, "1.0": true, "on": true, "ok": true,
	"granted": true, "agree": true, "agreed": true, "consented": true, "opt-in": true, "optin": true, "subscribed": true, "verified": true,
	"はい": true, "同意": true, "同意する": true, "同意します": true, "同意した": true, "同意済": true, "同意済み": true,
	"○": true, "〇": true, "◯": true, "◎": true, "●": true, "✓": true, "✔": true, "☑": true,
	"有": true, "あり": true, "可": true, "許可": true, "希望": true, "希望する": true, "受け取る": true, "確認済": true, "確認済み": true, "認証済": true, "認証済み": true,

	"false": false, "f": false, "no": false, "n": false, "0": false, "0.0": false, "off": false, "ng": false, "-": false, "null": false, "none": false,
	"denied": false, "refused": false, "disagree": false, "opt-out": false, "optout": false, "unsubscribed": false, "unverified": false,
	"いいえ": false, "不同意": false, "同意しない": false, "同意しません": false, "未同意": false,
	"×": false, "✕": false, "✗": false, "x": false, "☐": false, "ー": false,
	"無": false, "なし": false, "不可": false, "拒否": false, "希望しない": false, "受け取らない": false, "未確認": false, "未認証": false, "未": false,
}

// truth reads a yes or no. An empty cell is a no; known is false for anything
// it can't read.
func truth(cell []byte) (yes, known bool) {
	cell = bytes.TrimSpace(cell)
	if len(cell) == 0 {
		return false, true
	}
	if yes, known = truths[string(cell)]; known {
		return yes, true
	}
	if len(cell) > 64 {
		return false, false
	}
	yes, known = truths[string(bytes.TrimSpace(bytes.ToLower(norm.NFKC.Bytes(cell))))]
	return yes, known
}
