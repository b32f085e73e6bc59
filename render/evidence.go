package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"awase/enclave/wire"
	"awase/entrustment"
)

// dossier is evidence as people read it: the same in every form.
type dossier struct {
	title    text
	lead     []text
	facts    []fact
	sections []docket
}

// docket is one list of a dossier.
type docket struct {
	title text
	note  text // what it is, and under which article of the law it is kept
	heads []text
	wide  []float64 // shares of a printed line
	rows  [][]text
	prose bool // cells are sentences, which stand in both languages in print
}

func (d *docket) add(cells ...text) { d.rows = append(d.rows, cells) }

// asIs is a word that no language changes.
func asIs(s string) text { s = plain(s); return text{s, s} }

func count(n int64) text { return asIs(strconv.FormatInt(n, 10)) }

// or gives a dash for what is not there.
func or(s string) text {
	if s == "" {
		return text{"—", "—"}
	}
	return asIs(s)
}

// readEvidence reads evidence that was signed; whether it was, awase verify finds
// out.
func readEvidence(raw []byte) (*wire.EvidenceFile, error) {
	var f struct {
		wire.EvidenceFile
		Signature []byte `json:"signature"`
	}
	if err := json.Unmarshal(raw, &f); err != nil || f.Schema != wire.EvidenceSchema || len(f.Signature) == 0 {
		return nil, errors.New("it is no evidence that this version reads")
	}
	for i := range f.Contracts {
		if f.Contracts[i].Contract == nil {
			return nil, errors.New("a version of its contracts has no contract")
		}
	}
	return &f.EvidenceFile, nil
}

// dossierOf writes evidence for people.
func dossierOf(f *wire.EvidenceFile) *dossier {
	d := &dossier{}
	if f.Entrustment != "" {
		d.title = text{"監督記録：委託 " + plain(f.Entrustment), "Evidence of supervision: entrustment " + plain(f.Entrustment)}
		d.lead = append(d.lead, text{
			"委託先に対する必要かつ適切な監督（個人情報保護法第25条）の記録です。契約の各版と承認、行われたこと、提供された集計結果、予算、提供の記録（第29条・第30条）、破棄の証明書を含みます。",
			"Records of the necessary and appropriate supervision of a trustee (APPI article 25): versions of the contract with their approvals, who did what, releases, budgets, records of provision (articles 29 and 30) and certificates of destruction."})
	} else {
		d.title = text{"事故記録", "Incident export"}
		d.lead = append(d.lead, text{
			"漏えい等の報告（個人情報保護法第26条）のための記録です。速報は知った時からおおむね3～5日以内、確報は30日以内（不正の目的によるおそれがある場合は60日以内）に個人情報保護委員会へ行います。行数はアップロードされた行の数で、本人の数ではありません。",
			"Records for a report of a leak (APPI article 26): the preliminary report goes to the Personal Information Protection Commission within about 3 to 5 days, the full one within 30 (60 where the purpose may be wrongful). Rows are rows of uploads, not numbers of people."})
	}
	d.lead = append(d.lead, text{
		"このファイルは evidence.json の表示です。署名されているのは evidence.json です。識別子、そのハッシュ、トークンは含みません。",
		"This file is a rendering of evidence.json, and evidence.json is what is signed. It holds no identifier, no hash of one and no token."})
	if f.Practice {
		d.lead = append(d.lead, practiceNote)
	}
	if f.Dev {
		d.lead = append(d.lead, text{"開発用の金庫によるもので、責任者の承認はありません。", "Made by a development vault: no officers watch it."})
	}
	d.facts = evidenceFacts(f)
	d.sections = []docket{partiesDocket(f), contractsDocket(f), approvalsDocket(f), subTrusteesDocket(f), provisionsDocket(f), recordedDocket(f), uploadsDocket(f), asksDocket(f), releasesDocket(f), accountsDocket(f), endsDocket(f)}
	if f.Entrustment == "" {
		d.sections = append([]docket{reportDocket(f), kindsDocket(f), heldDocket(f)}, d.sections...)
	}
	d.sections = append(d.sections, entriesDocket(f))
	return d
}

func evidenceFacts(f *wire.EvidenceFile) []fact {
	from, to := text{"最初から", "the beginning"}, text{"現在まで", "now"}
	if !f.From.IsZero() {
		from = asIs(f.From.String())
	}
	if !f.To.IsZero() {
		to = asIs(f.To.String())
	}
	reader := text{"当社（運営者）の責任者・監査担当", "the operator's privacy officers and auditors"}
	if f.Party != "" {
		reader = asIs(f.Party)
	}
	at := moment(f.At)
	origin, size := logOf(f.Checkpoint)
	sum := sha256.Sum256(f.Key)
	var a struct {
		Build       string `json:"build"`
		Policy      string `json:"policy"`
		Mode        string `json:"mode"`
		Confinement struct {
			Short string `json:"short"`
		} `json:"confinement"`
	}
	if json.Unmarshal([]byte(f.Attestation), &a) != nil {
		a.Mode = "" // shown as not there
	}
	return []fact{
		{text{"期間（日本時間）", "period (days in Japan)"}, text{from.ja + " ～ " + to.ja, from.en + " to " + to.en}},
		{text{"閲覧者", "for"}, reader},
		{text{"当社（運営者）", "operator"}, or(f.Operator)},
		{text{"記録ログ", "record log"}, text{plain(origin) + "、" + plain(size) + " 件、最後の記録 " + at.ja, plain(origin) + ", " + plain(size) + " entries, the last of " + at.en}},
		{text{"署名鍵", "signed by key"}, asIs(strings.ReplaceAll(grouped(hex.EncodeToString(sum[:16])), " ", "-"))},
		{text{"隔離", "confinement"}, wordOf(confinementWords, strings.TrimSpace(a.Mode+" "+a.Confinement.Short))},
		{text{"プログラム（SHA-256）", "program (SHA-256)"}, or(a.Build)},
		{text{"公開基準（ハッシュ）", "gate policy (hash)"}, or(a.Policy)},
		{text{"検証", "to verify"}, asIs("awase verify --key awase.key FILE.zip")},
	}
}

var classWords = map[entrustment.PartyClass]text{
	entrustment.ClassOperator: {"当社（運営者）", "operator"}, entrustment.ClassClient: {"参加企業", "client"},
	entrustment.ClassAdPlatform: {"広告関連事業者", "ad platform"}, entrustment.ClassTrustee: {"委託先", "trustee"},
}

func partiesDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"当事者", "Parties"}, heads: []text{{"当事者", "party"}, {"種別", "class"}, {"国", "country"}, {"配信を開く鍵の指紋", "delivery key, fingerprint"}, {"ラベルを開く鍵の指紋", "serving key, fingerprint"}},
		wide: []float64{3, 2, 1, 4, 4}}
	for _, p := range f.Parties {
		class, ok := classWords[p.Class]
		if !ok {
			class = asIs(string(p.Class))
		}
		d.add(asIs(p.ID), class, asIs(p.Country), or(p.Delivery), or(p.Serving))
	}
	return d
}

func contractsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"契約の版", "Versions of contracts"},
		note:  text{"SHA-256 は契約文書の正規形のハッシュです。全文は evidence.json にあります。", "SHA-256 is of the contract's canonical form; the whole of it is in evidence.json."},
		heads: []text{{"委託", "entrustment"}, {"版", "version"}, {"委託元 → 委託先", "principal → trustee"}, {"業務・目的", "flow, purpose"}, {"受領者", "recipients"}, {"期間", "term"}, {"発効", "effective"}, {"SHA-256", "SHA-256"}},
		wide:  []float64{3, 1, 3, 3, 2, 2.4, 3, 4}}
	for i := range f.Contracts {
		v := &f.Contracts[i]
		c := v.Contract
		flow := wordOf(flowWords, c.Flow)
		if c.Runs != "" {
			runs := wordOf(flowWords, c.Runs)
			flow = text{flow.ja + "：" + runs.ja, flow.en + ": " + runs.en}
		}
		purpose := wordOf(purposeWords, c.Purpose)
		d.add(asIs(v.Entrustment), count(int64(v.Version)), asIs(c.Principal+" → "+c.Trustee), text{flow.ja + "、" + purpose.ja, flow.en + ", " + purpose.en}, asIs(strings.Join(c.Recipients, ", ")),
			asIs(c.From.String()+" – "+c.Until.String()), moment(v.At), asIs(v.Document))
	}
	return d
}

func approvalsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"承認", "Approvals"}, note: text{"各版を発効させた責任者の署名です。署名と、署名された文は evidence.json にあります。", "Officers' signatures that made each version effective. The signatures and what they sign are in evidence.json."},
		heads: []text{{"委託", "entrustment"}, {"版", "version"}, {"当事者", "party"}, {"責任者", "officer"}, {"鍵", "key"}, {"日時", "time"}, {"記録番号", "log entry"}}, wide: []float64{3, 1, 2, 2, 5, 3, 1.4}}
	for i := range f.Contracts {
		for _, a := range f.Contracts[i].Approvals {
			d.add(asIs(f.Contracts[i].Entrustment), count(int64(f.Contracts[i].Version)), asIs(a.Party), asIs(a.Officer), asIs(a.Key), moment(a.At), count(a.Seq))
		}
	}
	return d
}

var workWords = map[entrustment.Work]text{
	entrustment.WorkAsk: {"集計の依頼", "asks"}, entrustment.WorkOperate: {"運用・保守", "operates"},
}

func workText(all []entrustment.Work) (out text) {
	for i, w := range all {
		t, ok := workWords[w]
		if !ok {
			t = asIs(string(w))
		}
		if i > 0 {
			out.ja, out.en = out.ja+"、", out.en+", "
		}
		out.ja, out.en = out.ja+t.ja, out.en+t.en
	}
	return out
}

func subTrusteesDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"再委託先", "Sub-trustees"},
		note:  text{"委託先が業務の一部を再委託した者です。同意は委託元の同意書のハッシュです。件数は、この期間にその版のもとで閲覧者に示されるものです。", "Parties to which the trustee entrusted a part of its work. Consent is the hash of the principal's consent. Counts are of the period, under that version, as far as the reader is shown them."},
		heads: []text{{"委託・版", "entrustment, version"}, {"再委託先", "sub-trustee"}, {"業務", "work"}, {"国", "country"}, {"期間", "term"}, {"同意（SHA-256）", "consent (SHA-256)"}, {"支出", "charges"}, {"公開", "releases"}, {"拒否", "refusals"}},
		wide:  []float64{2.6, 2, 2, 1.8, 2.4, 4, 1, 1, 1}}
	for i := range f.SubTrustees {
		s := &f.SubTrustees[i]
		d.add(asIs(fmt.Sprintf("%s v%d", s.Entrustment, s.Version)), asIs(s.Party), workText(s.Work), countryWords(s.Country), asIs(s.From.String()+" – "+s.Until.String()),
			asIs(strings.TrimPrefix(s.Consent, "sha256:")), count(int64(s.Charges)), count(int64(s.Releases)), count(int64(s.Refusals)))
	}
	return d
}

var askWords = map[string]text{"charge": {"支出", "charged"}, "release": {"公開", "released"}, "refusal": {"拒否", "refused"}}

func asksDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"集計の依頼", "Questions asked"}, note: text{"どの当事者の担当者が依頼し、どうなったかです。同じ依頼の繰り返しは、無料で新たな公開がないため記録されません。", "Whose people asked, and what came of it. The same question again is free and releases nothing new, so it is no entry."},
		heads: []text{{"日時", "time"}, {"依頼した当事者", "asked by"}, {"委託", "entrustment"}, {"結果", "outcome"}, {"受領者", "recipient"}, {"拒否の理由", "refused for"}, {"記録番号", "log entry"}}, wide: []float64{3, 2, 3, 1.6, 2, 4, 1.4}}
	for _, a := range f.Asks {
		act, ok := askWords[a.Act]
		if !ok {
			act = asIs(a.Act)
		}
		d.add(moment(a.At), asIs(a.Party), asIs(a.Entrustment), act, or(a.Recipient), or(strings.TrimSpace(string(a.Code)+" "+a.Clause)), count(a.Seq))
	}
	return d
}

var uploadKinds = map[string]text{"list": {"ユーザーリスト", "list"}, "events": {"行動履歴", "event log"}, "base": {"利用者基盤", "identity base"}, "release": {"集計結果", "released table"}, "delivery": {"配信", "delivery"}}

func uploadKind(kind string) text {
	if t, ok := uploadKinds[kind]; ok {
		return t
	}
	return asIs(kind)
}

func uploadsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"アップロード", "Uploads"}, note: text{"行数は、記録ログにある重複を除いた行の数です。閲覧者のものでないものは示しません。", "Rows are distinct rows as the record log has them; those that are not the reader's own are not shown."},
		heads: fileHeads, wide: fileWide}
	if f.Entrustment == "" {
		d.note = text{"行数は、記録ログにある重複を除いた行の数です。", "Rows are distinct rows as the record log has them."}
	}
	d.files(f.Uploads)
	return d
}

var fileHeads = []text{{"日時", "time"}, {"当事者", "party"}, {"委託", "entrustment"}, {"種類", "kind"}, {"名前", "name"}, {"版", "version"}, {"行数", "rows"}, {"記録番号", "log entry"}}

var fileWide = []float64{3, 2, 3, 2, 2, 1, 2, 1.4}

// files adds what was loaded.
func (d *docket) files(all []wire.EvidenceUpload) {
	for _, u := range all {
		rows := or("")
		if u.Rows > 0 {
			rows = asIs(thousands(u.Rows))
		}
		d.add(moment(u.At), asIs(u.Party), or(u.Entrustment), uploadKind(u.Kind), or(u.Name), count(int64(u.Version)), rows, count(u.Seq))
	}
}

func releasesDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"提供された集計結果", "Releases"}, note: text{"表のハッシュと費用は受領者にのみ示します。", "A table's hash and cost are shown to its recipient alone."},
		heads: []text{{"日時", "time"}, {"委託", "entrustment"}, {"版", "version"}, {"受領者", "recipient"}, {"表（SHA-256）", "table (SHA-256)"}, {"ρ", "rho"}, {"隔離", "confinement"}, {"記録番号", "log entry"}}, wide: []float64{3, 3, 1, 2, 5, 1.4, 2, 1.4}}
	for _, r := range f.Releases {
		rho := or("")
		if r.Table != "" {
			rho = asIs(decimal(float64(r.RhoNano) / 1e9))
		}
		d.add(moment(r.At), asIs(r.Entrustment), count(int64(r.Version)), asIs(r.Recipient), or(r.Table), rho, wordOf(confinementWords, r.Confinement), count(r.Seq))
	}
	return d
}

func accountsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"予算の支出", "Budgets spent"}, note: text{"この期間の支出の合計です。", "Sums of what was charged in the period."},
		heads: []text{{"受領グループ", "recipient group"}, {"データの持ち主", "owner of the data"}, {"件数", "charges"}, {"ρ", "rho"}, {"δ", "delta"}}, wide: []float64{3, 3, 1, 1.5, 1.5}}
	for _, a := range f.Accounts {
		d.add(asIs(a.Recipient), asIs(a.Owner), count(int64(a.Charges)), asIs(decimal(float64(a.RhoNano)/1e9)), asIs(decimal(float64(a.DeltaE15)/1e15)))
	}
	return d
}

var provisionHeads = []text{{"日時", "time"}, {"提供者", "from"}, {"受領者", "to"}, {"国", "country"}, {"種類", "kind"}, {"項目", "items"}, {"根拠", "basis"}, {"委託・版", "entrustment, version"}, {"保存期限", "kept until"}, {"記録番号", "log entry"}}

func provisionsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"提供の記録", "Records of provision"},
		note:  text{"提供者は第29条、受領者は第30条の記録として3年間保存します。集計結果は個人データではありませんが、あわせて記録します。項目は契約で定めた種類です。", "Who gives keeps them under article 29, who gets under article 30, for three years. A released table is no personal data, and is recorded beside. Items are the categories that the contract declares."},
		heads: provisionHeads, wide: []float64{2.6, 1.8, 1.8, 1.6, 1.8, 3, 4, 2.6, 2, 1.2}}
	files := map[int64]string{} // lists, which alone have names
	for _, u := range f.Uploads {
		if u.Name != "" {
			files[u.Seq] = fmt.Sprintf("%s v%d", u.Name, u.Version)
		}
	}
	for i := range f.Provisions {
		p := &f.Provisions[i]
		d.add(moment(p.At), asIs(p.From), asIs(p.To), countryWords(p.Country), named(uploadKind(p.Kind), files[p.Seq]), itemWords(p.Items), basisWords(p.Basis),
			asIs(fmt.Sprintf("%s v%d", p.Entrustment, p.Version)), asIs(p.Keep.String()), count(p.Seq))
	}
	return d
}

// named adds the name of what is of a kind, where it has one.
func named(kind text, name string) text {
	if name == "" {
		return kind
	}
	return text{kind.ja + " " + plain(name), kind.en + " " + plain(name)}
}

// countryWords gives where a party sits and, abroad, on which ground it receives.
func countryWords(c entrustment.Country) text {
	at := asIs(c.Country)
	if c.Ground == "" {
		return at
	}
	ground := wordOf(groundWords, c.Ground)
	return text{at.ja + "（" + ground.ja + "）", at.en + " (" + ground.en + ")"}
}

// basisWords gives on which ground each party's people are joined.
func basisWords(all []entrustment.Basis) text {
	return joined(all, func(b entrustment.Basis) text {
		of := wordOf(basisNames, b.Code)
		more := ""
		if b.Policy != "" {
			more += " " + plain(b.Policy)
		}
		if len(b.Clauses) > 0 {
			more += " §" + plain(strings.Join(b.Clauses, ", §"))
		}
		party := plain(b.Party)
		return text{party + "：" + of.ja + more, party + ": " + of.en + more}
	})
}

func endsDocket(f *wire.EvidenceFile) docket {
	d := docket{title: text{"破棄の証明書", "Certificates of destruction"}, heads: []text{{"委託", "entrustment"}, {"版", "version"}, {"状態", "status"}, {"終了", "ended"}, {"バックアップの期限", "backups until"}, {"記録番号", "log entry"}}, wide: []float64{3, 1, 2, 3, 2, 1.4}}
	for _, e := range f.Ends {
		var c struct {
			Version int    `json:"version"`
			Status  string `json:"status"`
			EndedAt string `json:"ended_at"`
			Backups string `json:"backups"`
			End     struct {
				Index int64 `json:"index"`
			} `json:"end"`
		}
		if json.Unmarshal([]byte(e.Certificate), &c) != nil {
			c.Status = "" // shown as not there
		}
		d.add(asIs(e.Entrustment), count(int64(c.Version)), wordOf(statusWords, c.Status), moment(c.EndedAt), or(c.Backups), count(c.End.Index))
	}
	return d
}
