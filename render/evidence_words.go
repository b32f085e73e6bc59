package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"awase/entrustment"
)

// Words of evidence: who reads it reads contracts, not our documents. A code that has
// no words keeps its own.

var flowWords = map[entrustment.Flow]text{
	entrustment.FlowDelivery24: {"広告配信（§2(4)）", "delivery (§2(4))"}, entrustment.FlowAnalysis26: {"広告関連事業者との分析（§2(6)）", "analysis with an ad platform (§2(6))"},
	entrustment.FlowAnalysis5: {"参加企業の分析（§5）", "analysis for a client (§5)"}, entrustment.FlowDelivery5: {"参加企業の広告配信（§5）", "delivery for a client (§5)"},
	entrustment.FlowImprovement5: {"サービス改善（§5）", "service improvement (§5)"}, entrustment.FlowOutsourcing5: {"業務の委託（§5）", "outsourcing (§5)"},
}

var purposeWords = map[entrustment.Purpose]text{
	entrustment.PurposeStatistics: {"統計の作成", "statistics"}, entrustment.PurposeAdvertising: {"広告", "advertising"}, entrustment.PurposeImprovement: {"サービスの改善", "improvement"},
}

var basisNames = map[entrustment.BasisCode]text{
	entrustment.BasisConsentPolicy: {"プライバシーポリシーへの同意", "consent to the privacy policy"}, entrustment.BasisConsent27: {"第三者提供の同意（第27条第1項）", "consent to third-party provision (article 27(1))"},
	entrustment.BasisConsent31: {"個人関連情報の同意の確認（第31条）", "consent confirmed for informative data (article 31)"}, entrustment.BasisEntrust: {"委託（第27条第5項第1号）", "entrustment (article 27(5)(i))"},
	entrustment.BasisStat2026: {"統計作成等", "statistics only (2026 amendment)"},
}

var groundWords = map[entrustment.Ground]text{
	entrustment.GroundConsent: {"本人の同意", "consent"}, entrustment.GroundAdequate: {"同等の水準の国", "adequate country"}, entrustment.GroundMeasures: {"相当措置", "equivalent measures"},
}

var statusWords = map[string]text{
	"key-destroyed": {"鍵を破棄済み", "key destroyed"}, "rotation-pending": {"金庫の鍵の交換待ち", "rotation pending"}, "dropped": {"表を削除済み", "dropped"},
}

var confinementWords = map[string]text{
	"confined": {"隔離済み", "confined"}, "unconfined": {"隔離なし", "unconfined"}, "process confined": {"プロセス、隔離済み", "process, confined"}, "process unconfined": {"プロセス、隔離なし", "process, unconfined"},
}

// wordOf gives a code in words; "" is a dash.
func wordOf[K ~string](words map[K]text, code K) text {
	if t, ok := words[code]; ok {
		return t
	}
	return or(string(code))
}

// itemWords names categories of data: kinds of identifiers, attributes, columns,
// events.
func itemWords(items []string) text {
	return joined(items, func(name string) text {
		if t, ok := valueNames[entrustment.DimMatchedBy][name]; ok {
			return t
		}
		t := dimLabel(name)
		return text{plain(t.ja), plain(t.en)}
	})
}

func joined[T any](all []T, word func(T) text) text {
	var ja, en []string
	for _, one := range all {
		t := word(one)
		ja, en = append(ja, t.ja), append(en, t.en)
	}
	if len(all) == 0 {
		return or("")
	}
	return text{strings.Join(ja, "、"), strings.Join(en, ", ")}
}

// detailKeys name what an entry's detail says.
var detailKeys = map[string]text{
	"act": {"行為", "act"}, "agent": {"代理人", "agent"}, "all": {"すべて", "all"}, "backups": {"バックアップの期限", "backups until"}, "became": {"なったもの", "became"}, "begun": {"開始", "begun"},
	"change": {"変更", "change"}, "check": {"本人確認", "identity check"}, "class": {"種別", "class"}, "clause": {"条項", "clause"}, "code": {"コード", "code"}, "confinement": {"隔離", "confinement"},
	"country": {"国", "country"}, "days": {"日数", "days"}, "delivery_fingerprint": {"配信を開く鍵の指紋", "delivery key's fingerprint"}, "delta_e15": {"δ", "delta"}, "detail": {"内容", "detail"}, "dims": {"集計の軸", "dimensions"}, "draft": {"草案", "draft"}, "due": {"期限", "due"},
	"effective": {"発効", "effective"}, "engine": {"集計エンジン", "engine"}, "entrustment": {"委託", "entrustment"}, "entrustment_version": {"契約の版", "contract version"}, "entrustments": {"委託", "entrustments"}, "entry": {"記録番号", "entry"},
	"expires": {"失効", "expires"}, "field": {"項目", "field"}, "found": {"見つかった件数", "found"}, "from": {"開始", "from"}, "generation": {"鍵の世代", "generation"}, "group": {"グループ", "group"}, "id": {"名前", "id"},
	"kind": {"種類", "kind"}, "list": {"ユーザーリスト", "list"}, "lost": {"失われたもの", "lost"}, "method": {"方法", "method"}, "name": {"名前", "name"}, "number": {"番号", "number"}, "officers": {"責任者の人数", "officers"}, "on": {"日", "on"},
	"owners": {"データの持ち主", "owners"}, "party": {"当事者", "party"}, "policy": {"公開基準", "gate policy"}, "question": {"問い", "question"}, "recipient": {"受領者", "recipient"}, "report": {"集計", "report"}, "rho_nano": {"ρ", "rho"},
	"rows": {"行数", "rows"}, "segments": {"保存単位", "segments"}, "serving_fingerprint": {"ラベルを開く鍵の指紋", "serving key's fingerprint"}, "shards": {"シャード", "shards"}, "since": {"起算", "since"}, "spec": {"問いのハッシュ", "question's hash"}, "table": {"表", "table"}, "things": {"対象", "things"}, "to": {"終了", "to"},
	"tokens": {"トークン数", "tokens"}, "until": {"期限", "until"}, "users": {"利用者数", "users"}, "version": {"版", "version"}, "what": {"種類", "what"}, "where": {"場所", "where"},
}

// detailWords writes what an entry says as names and values, in the order in which
// they stand. A long hash is cut: it stands whole in evidence.json.
func detailWords(raw json.RawMessage) text {
	if len(raw) == 0 {
		return or("")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	t, err := valueWords(d, "", 0)
	if _, more := d.Token(); err != nil || !errors.Is(more, io.EOF) {
		return asIs(string(raw))
	}
	return t
}

// maxDetail is how deep a detail is read; what is deeper is shown as it stands.
const maxDetail = 8

var hashed = regexp.MustCompile(`^[0-9a-f]{32,}$`)

// valueWords reads one value, the member of a name.
func valueWords(d *json.Decoder, name string, deep int) (text, error) {
	tok, err := d.Token()
	if err == nil && deep > maxDetail {
		err = errors.New("it is nested too deeply")
	}
	if err != nil {
		return text{}, err
	}
	switch v := tok.(type) {
	case json.Delim:
		return membersWords(d, v, name, deep)
	case string:
		return stringWords(name, v), nil
	case json.Number:
		n, err := v.Int64()
		switch {
		case err != nil:
			return asIs(v.String()), nil
		case name == "rho_nano":
			return asIs(decimal(float64(n) / 1e9)), nil
		case name == "delta_e15":
			return asIs(decimal(float64(n) / 1e15)), nil
		}
		return asIs(thousands(n)), nil
	case bool:
		if v {
			return text{"はい", "yes"}, nil
		}
		return text{"いいえ", "no"}, nil
	}
	return or(""), nil
}

// membersWords reads an object, whose members of nothing are left out, or a list.
func membersWords(d *json.Decoder, opened json.Delim, name string, deep int) (text, error) {
	var ja, en []string
	for d.More() {
		of := name
		if opened == '{' {
			tok, err := d.Token()
			if err != nil {
				return text{}, err
			}
			of, _ = tok.(string)
		}
		one, err := valueWords(d, of, deep+1)
		if err != nil {
			return text{}, err
		}
		if opened == '{' {
			if one == or("") {
				continue
			}
			key := asIs(of)
			if t, ok := detailKeys[of]; ok {
				key = t
			}
			one = text{key.ja + "：" + one.ja, key.en + ": " + one.en}
		}
		ja, en = append(ja, one.ja), append(en, one.en)
	}
	if _, err := d.Token(); err != nil {
		return text{}, err
	}
	out := text{strings.Join(ja, "、"), strings.Join(en, ", ")}
	switch {
	case len(ja) == 0:
		out = or("")
	case opened == '{' && deep > 0:
		out = text{"（" + out.ja + "）", "(" + out.en + ")"}
	}
	return out, nil
}

func stringWords(name, v string) text {
	switch {
	case hashed.MatchString(v):
		return asIs(v[:16] + "…")
	case name == "act" || name == "what":
		return wordOf(kindWords, v)
	case name == "class":
		return wordOf(classWords, entrustment.PartyClass(v))
	case name == "report":
		return reportLabel(v)
	case name == "dims":
		t := dimLabel(v)
		return text{plain(t.ja), plain(t.en)}
	case name == "confinement":
		return wordOf(confinementWords, v)
	case len(v) == len(time.RFC3339)-5 && v != "":
		if at := moment(v); at.ja != v {
			return at
		}
	}
	return or(v)
}
