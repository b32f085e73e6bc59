package render

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"awase/enclave/wire"
)

// What the law wants told or written down, item by item, with what the record knows of
// it and what it does not. The numbers are of the rules made under the APPI
// (施行規則, in the form in force since April 2022).

// reportDocket names the items of a report of a leak (rule 8(1)).
func reportDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"漏えい等の報告事項（施行規則第8条第1項）", "What a report has to tell (rule 8(1))"}, prose: true,
		note:  text{"各号について、記録ログが知ることと知らないことです。知らないことは報告者が書き加えます。", "Of each item what the record log knows, and what it does not, which who reports adds."},
		heads: []text{{"事項", "item"}, {"記録ログにあること", "what the log knows"}, {"書き加えること", "to be added"}}, wide: []float64{2.4, 4.4, 4.4}}
	n := map[string]int64{}
	for i := range f.Entries {
		n[f.Entries[i].Kind]++
	}
	recipients := map[string]bool{}
	for _, r := range f.Releases {
		recipients[r.Recipient] = true
	}
	people := peopleTold(f)
	d.add(text{"一 概要", "(i) outline"},
		text{fmt.Sprintf("期間 %s ～ %s、記録 %d 件、委託 %d 件、当事者 %d 者。内訳は下の各表。", f.From, f.To, len(f.Entries), len(concerned(f)), len(f.Parties)),
			fmt.Sprintf("The period %s to %s: entries %d, entrustments %d, parties %d, in the tables below.", f.From, f.To, len(f.Entries), len(concerned(f)), len(f.Parties))},
		text{"発生日・発覚日、第7条のどの号に当たるか、経緯。", "When it happened and came to be known, which item of rule 7 it is, how it went."})
	d.add(text{"二 個人データの項目", "(ii) items of personal data"}, itemWords(itemsConcerned(f)),
		text{"委託の対象でない基盤の項目（氏名・住所などは室内にない）。要配慮個人情報の有無。", "Items of the base outside these contracts (names and addresses are not in the room); whether any is sensitive."})
	d.add(text{"三 本人の数", "(iii) number of people"}, people,
		text{"行数は本人の数ではなく、同じ人が重なる。人数は元のファイルで数える。", "Rows are not people, and one person may be in several: count them in the original files."})
	d.add(text{"四 原因", "(iv) cause"},
		signs(n, []string{"alarm", "clock", "refusal", "restore", "lost", "engine"}),
		text{"原因そのもの。室外（端末、経路、ホスト、受領者）で起きたことは記録にない。", "The cause itself. What happened outside the room (desks, network, host, recipients) is not recorded."})
	d.add(text{"五 二次被害の有無と内容", "(v) secondary damage"},
		text{fmt.Sprintf("室から出た集計結果 %d 件、受領者 %d 者（個人データを含まない）。", len(f.Releases), len(recipients)),
			fmt.Sprintf("Tables that left the room: %d, recipients: %d (no personal data).", len(f.Releases), len(recipients))},
		text{"被害またはそのおそれの有無と内容。記録ログは知らない。", "Whether there is any, or may be, and what. The log does not know."})
	d.add(text{"六 本人への対応の実施状況", "(vi) measures towards the people"},
		signs(n, []string{"request"}),
		text{"本人への通知（法第26条第2項）の時期と方法。連絡先は室内にない。", "When and how they are told (article 26(2)). No address of theirs is in the room."})
	d.add(text{"七 公表の実施状況", "(vii) publication"}, text{"記録ログは知らない。", "The log does not know."}, text{"公表の有無、時期、方法。", "Whether, when and how."})
	d.add(text{"八 再発防止のための措置", "(viii) measures against recurrence"},
		signs(n, []string{"freeze", "lift", "rotation", "gate", "end", "backup"}),
		text{"これから行う措置、完了の時期。", "Measures to come, and by when."})
	d.add(text{"九 その他参考となる事項", "(ix) other"},
		text{"プログラム、隔離、公開基準、署名鍵（上の表）。委託元がある場合の委託先からの通知（法第26条第1項ただし書、規則第9条）は、下の当事者と契約の表を参照。", "Program, confinement, gate policy and key stand above. Where data was entrusted, the trustee may tell its principal instead (article 26(1), rule 9): see parties and contracts below."},
		text{"他の機関への届出など。", "What was filed with other bodies, and the like."})
	return d
}

// concerned gives the entrustments whose contracts stand in evidence.
func concerned(f *wire.EvidenceFile) []string {
	ids := map[string]bool{}
	for i := range f.Contracts {
		ids[f.Contracts[i].Entrustment] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// itemsConcerned gives the categories that the contracts declare.
func itemsConcerned(f *wire.EvidenceFile) []string {
	var all []string
	for i := range f.Contracts {
		c := f.Contracts[i].Contract
		for _, item := range slices.Concat(c.Identifiers, c.Attributes, c.ListColumns, c.Events) {
			if !slices.Contains(all, item) {
				all = append(all, item)
			}
		}
	}
	return all
}

// peopleTold counts what was there at some time of the period: of the base, and of
// each list, its largest version.
func peopleTold(f *wire.EvidenceFile) text {
	type thing struct {
		kind, entrustment, party, name string
		seq                            int64 // of an event log: each is one of its own
	}
	largest := map[thing]int64{}
	for _, u := range slices.Concat(f.Held, f.Uploads) {
		t := thing{kind: u.Kind, entrustment: u.Entrustment, party: u.Party, name: u.Name}
		if u.Kind == "events" {
			t.seq = u.Seq
		}
		largest[t] = max(largest[t], u.Rows)
	}
	rows, files := map[string]int64{}, map[string]int64{}
	for t, n := range largest {
		rows[t.kind] += n
		files[t.kind]++
	}
	return text{fmt.Sprintf("利用者基盤 %s 人、ユーザーリスト %d 件 %s 行、行動履歴 %d 件 %s 行（期間中に室内にあったもの。同じリストは最大の版）。", thousands(rows["base"]), files["list"], thousands(rows["list"]), files["events"], thousands(rows["events"])),
		fmt.Sprintf("Users in the base %s; lists: %d, of %s rows; event logs: %d, of %s rows (in the room at some time of the period; of a list its largest version).", thousands(rows["base"]), files["list"], thousands(rows["list"]), files["events"], thousands(rows["events"]))}
}

// signs counts the entries of some kinds, those without any among them: that the log
// has none of a kind is told too.
func signs(n map[string]int64, kinds []string) text {
	return joined(kinds, func(kind string) text {
		t := kindWord(kind)
		many := strconv.FormatInt(n[kind], 10)
		return text{t.ja + " " + many + " 件", t.en + " " + many}
	})
}

// heldDocket is what the room held when the period of an incident began.
func heldDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"期間の初めに室内にあったもの", "Held when the period began"},
		note:  text{"期間より前に読み込まれ、終了も満了もしていなかったものです。ユーザーリストと利用者基盤は最新の版です。これらの記録は期間の外にあり、このファイルに証明はありません。", "Loaded before the period, and neither ended nor expired by then; of a list and of the base the newest version. Their entries are outside the period, and no proof of them is in this file."},
		heads: fileHeads, wide: fileWide}
	d.files(f.Held)
	return d
}

// recordedDocket names what a record of a provision has to have (rules 20, 24), and
// where it is.
func recordedDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"提供の記録事項（施行規則第20条・第24条）", "What a record of provision has to have (rules 20, 24)"}, prose: true,
		heads: []text{{"事項", "item"}, {"この記録", "in this record"}, {"別に保存するもの", "to be kept beside it"}}, wide: []float64{2.4, 4.4, 4.4}}
	if len(f.Provisions) == 0 {
		return d
	}
	d.add(text{"提供した・提供を受けた年月日", "date"}, text{"「日時」。室が受け取った、または提供した時。", "“time”: when the room took it, or gave it."}, or(""))
	d.add(text{"第三者の氏名・名称、住所、代表者の氏名", "name and address of the other party, and of its representative"},
		text{"「提供者」「受領者」は当事者の識別名。", "“from” and “to” are the ids of parties."}, text{"名称、住所、代表者：契約書で。", "Name, address and representative: with the contract."})
	d.add(text{"本人の氏名その他本人を特定するに足りる事項", "what identifies the people"},
		text{"ない。室の記録に識別子は残らない。「種類」のリスト名と版、記録番号で、どのファイルかが分かる。", "None: no identifier stays in the room's records. The list's name and version, and the log entry, tell which file it was."},
		text{"提供したファイルそのもの：提供者が同じ期間保存する。", "The file itself: who gave it keeps it for as long."})
	d.add(text{"個人データの項目", "items of personal data"}, text{"「項目」。その版の契約で定めた種類。", "“items”: the categories that the contract of that version declares."}, or(""))
	d.add(text{"本人の同意を得ている旨", "that the people consented"}, text{"「根拠」。証拠書類のハッシュは provisions.csv と evidence.json に。「委託」は第三者提供に当たらない（法第27条第5項第1号）。", "“basis”; the hash of the document that shows it is in provisions.csv and evidence.json. An entrustment is no third-party provision (article 27(5)(i))."},
		text{"証拠書類。", "The document."})
	d.add(text{"取得の経緯（第30条第1項第2号）", "how the giver came by it (article 30(1)(ii))"}, text{"ない。", "None."}, text{"受領者が提供者に確認した記録。", "The receiver's record of having asked the giver."})
	d.add(text{"外国にある第三者（第28条）", "a party abroad (article 28)"}, text{"「国」。外国の場合は根拠も。", "“country”, and abroad the ground."}, text{"本人に提供した情報、相当措置の確認。", "What the people were told, and the checks of equivalent measures."})
	d.add(text{"保存期間（規則第21条・第25条）", "how long (rules 21, 25)"}, text{"3年：「保存期限」まで。", "Three years: to “kept until”."}, text{"このファイル、または金庫。", "This file, or the vault."})
	return d
}
