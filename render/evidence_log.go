package render

import (
	"slices"

	"awase/enclave/wire"
)

// kindWords say what the entries of the record log are. A kind without words keeps
// its own name.
var kindWords = map[string]text{
	"party": {"当事者の登録", "party"}, "ceremony": {"鍵の儀式", "key ceremony"}, "policies": {"プライバシーポリシー", "privacy policy"}, "gate": {"公開基準", "gate policy"},
	"entrust": {"契約の発効", "contract effective"}, "base": {"利用者基盤の読込", "base loaded"}, "list": {"ユーザーリストの読込", "list loaded"}, "events": {"行動履歴の読込", "event log loaded"},
	"upload": {"同じ内容のファイル", "file of the same content"}, "charge": {"予算の支出", "charge"}, "table": {"表の作成", "table made"}, "alarm": {"警報", "alarm"},
	"reserve": {"予算の予約", "reservation"}, "free": {"予約の取消", "reservation given up"}, "refusal": {"拒否", "refusal"}, "report": {"集計結果の提供", "release"},
	"end": {"委託の終了", "entrustment ended"}, "rotation": {"金庫の鍵の交換", "vault key replaced"}, "request": {"本人からの請求", "data subject's request"}, "backup": {"バックアップ", "backup"},
	"restore": {"復元", "restore"}, "lost": {"失われたデータ", "data lost"}, "confirm": {"復元の確認", "restore confirmed"}, "clock": {"時計の記録", "clock"},
	"draft": {"承認待ち", "draft"}, "withdraw": {"草案の取下げ", "draft withdrawn"}, "expired": {"保存期間の満了", "kept no longer"}, "forget": {"配信用の識別子の消去", "identifiers kept for deliveries destroyed"}, "approval": {"承認", "approval"}, "freeze": {"集計結果の提供の停止", "freeze"}, "lift": {"停止の解除", "freeze lifted"},
	"engine": {"集計エンジン", "engine"}, "dropped": {"外部の表の削除", "tables dropped"},
	"campaign": {"広告配信", "campaign"}, "campaign-closed": {"広告配信の終了", "campaign closed"}, "delivery": {"配信", "delivery"}, "handed-over": {"配信の結果", "what became of a delivery"},
	"desk-key": {"窓口の鍵の登録", "privacy desk's key"}, "disclosure": {"本人への開示", "disclosure to a data subject"},
}

func kindWord(kind string) text {
	if t, ok := kindWords[kind]; ok {
		return t
	}
	return asIs(kind)
}

// kindsDocket counts what happened, by kind: what a report of an incident begins
// with.
func kindsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"記録された出来事", "What the log recorded"}, heads: []text{{"行われたこと", "what happened"}, {"件数", "entries"}}, wide: []float64{4, 1}}
	n := map[string]int64{}
	var kinds []string
	for i := range f.Entries {
		k := f.Entries[i].Kind
		if n[k]++; n[k] == 1 {
			kinds = append(kinds, k)
		}
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		d.add(kindWord(k), count(n[k]))
	}
	return d
}

// entriesDocket is who did what.
func entriesDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"記録ログ", "Entries of the record log"},
		note:  text{"閲覧者に示される記録です。ハッシュは先頭のみ示します。全文と、記録ログの中の位置の証明は evidence.json にあります。", "As its reader may read it. Of a hash the beginning is shown; the whole of each entry, and the proof of its place in the log, are in evidence.json."},
		heads: []text{{"番号", "entry"}, {"日時", "time"}, {"種類", "kind"}, {"当事者", "party"}, {"委託", "entrustment"}, {"内容", "detail"}}, wide: []float64{1, 2.6, 2.4, 2, 2.6, 8}}
	for i := range f.Entries {
		e := &f.Entries[i]
		d.add(count(e.Seq), moment(e.At), kindWord(e.Kind), or(e.Party), or(e.Entrustment), detailWords(e.Detail))
	}
	return d
}
