package render

import (
	"fmt"
	"io"
	"strings"

	"awase/enclave/wire"
)

// panel writes what the numbers mean and what they cost.
func (s *screen) panel(r *wire.Release) error {
	const names = 20
	var lines []line
	for _, f := range facts(r) {
		body := s.pick(f.is)
		more := s.field(f.name, names, body...)
		lines = append(lines, more...)
	}
	mark, err := fingerprint(r.Receipt)
	if err != nil {
		return err
	}
	if mark != "" {
		lines = append(lines, s.field(text{"受領証の指紋", "receipt"}, names, mark)...)
	}
	for _, l := range s.field(text{"詳細", "details"}, names, parameters(&r.Privacy)) {
		lines = append(lines, faint(l))
	}
	s.box(text{"この数字について", "About these numbers"}.in(s.o.Lang), lines)
	return nil
}

func faint(l line) line {
	for i := range l {
		l[i].st = dim
	}
	return l
}

// Price writes what a question costs, before anything is charged: this
// question, what was spent and what is left of each account and window.
func Price(w io.Writer, p *wire.Price, o TerminalOptions) error {
	if p == nil {
		return fmt.Errorf("render: no price")
	}
	const names = 20
	s := &screen{o: o}
	var lines []line
	add := func(name text, body text) {
		lines = append(lines, s.field(name, names, s.pick(body)...)...)
	}
	cost := text{decimal(p.Charged), ""}
	if p.Charged != p.Rho {
		cost = text{
			fmt.Sprintf("%s（全体では %s、残りは支払い済みです）", decimal(p.Charged), decimal(p.Rho)),
			fmt.Sprintf("%s (%s in all, the rest is paid for already)", decimal(p.Charged), decimal(p.Rho)),
		}
	}
	add(text{"消費量", "price"}, cost)
	for _, t := range p.Tables {
		paid := text{decimal(t.Rho), ""}
		if t.Paid {
			paid = text{decimal(t.Rho) + "：支払い済み、消費しません", decimal(t.Rho) + ", paid for already: free"}
		}
		lines = append(lines, s.field(indented(tableName(t.Name)), names, s.pick(paid)...)...)
	}
	add(text{"誤差範囲（95％）", "interval (95 %)"}, text{
		fmt.Sprintf("1区分あたり ±%s 人", thousands(p.Precision)),
		fmt.Sprintf("±%s people a cell", thousands(p.Precision)),
	})
	add(text{"区分の数", "cells"}, text{thousands(int64(p.Cells)), ""})
	shown := text{
		fmt.Sprintf("%s 人に満たない区分と、雑音を加えて %s 人に届かない区分は表示しません。", thousands(p.K), thousands(p.Tau)),
		fmt.Sprintf("Cells of fewer than %s people, or below %s after noise, are not shown.", thousands(p.K), thousands(p.Tau)),
	}
	if p.K == 0 {
		shown = text{
			fmt.Sprintf("雑音を加えて %s 人に届かない人数は表示しません。", thousands(p.Tau)),
			fmt.Sprintf("A number below %s after noise is not shown.", thousands(p.Tau)),
		}
	}
	add(withheldFull, shown)
	if p.Forecast != nil {
		add(text{"見込み", "forecast"}, forecast(p))
	}
	for _, n := range p.Notes {
		if t, ok := notes[n]; ok {
			add(text{"ご注意", "please note"}, t)
		}
	}
	lines = append(lines, line{})
	lines = append(lines, in(bold, text{"プライバシー予算", "Privacy budget"}.in(o.Lang)))
	for _, a := range p.Accounts {
		lines = append(lines, s.account(&a)...)
	}
	lines = append(lines, in(dim, text{"█ 使用済み ▓ この質問 ░ 残り", "█ spent ▓ this question ░ left"}.in(o.Lang)))
	lines = append(lines, line{})
	for _, l := range s.field(text{"詳細", "details"}, names,
		fmt.Sprintf("%sτ %d · σ %s · ρ %s · δ %s", leastPeople(p.K), p.Tau, noise(p.Sigma, p.Terms), decimal(p.Rho), decimal(p.Delta))) {
		lines = append(lines, faint(l))
	}
	s.box(text{"この質問の消費量", "Price of this question"}.in(o.Lang), lines)
	for _, part := range s.pick(text{"まだ何も消費していません。", "Nothing has been charged."}) {
		s.put(of(part))
	}
	if _, err := io.WriteString(w, s.b.String()); err != nil {
		return fmt.Errorf("writing the price: %w", err)
	}
	return nil
}

// forecast says what is likely to be withheld, or why nobody can tell and what
// would help.
func forecast(p *wire.Price) text {
	f := p.Forecast
	if len(f.Missing)+len(f.Unknown) > 0 {
		return noForecast(f)
	}
	people := counted(f.People)
	given := text{"リストの全員が突合できて " + people.ja + "なら", "if all of the list match, " + people.en}
	other := text{"。見込み人数は --expect で示せます", "; --expect makes it for another number of people"}
	if f.Stated {
		given, other = text{people.ja + "なら", "with " + people.en}, text{}
	}
	return text{
		fmt.Sprintf("%s、%s 区分中およそ %s 区分が非表示です（公開の構成比による目安%s）。", given.ja, thousands(int64(p.Cells)), thousands(int64(f.Withheld)), other.ja),
		fmt.Sprintf("%s, about %s of %s cells are withheld (a guess from public shares%s).", given.en, thousands(int64(f.Withheld)), thousands(int64(p.Cells)), other.en),
	}
}

var unknownNames = map[string]text{
	wire.UnknownList:    {"条件の中のリスト", "a list in the condition"},
	wire.UnknownEvents:  {"条件の中の行動", "events in the condition"},
	wire.UnknownReached: {"広告の表示がある人の割合", "how many of them will be reached"},
	wire.UnknownMany:    {"値の組み合わせの数（多すぎます）", "so many combinations of values"},
}

// noForecast names what no public shares are known of. Shares can be declared of
// the base's attributes alone; a condition on anything else can be left to the
// asker, who may say how many people are expected.
func noForecast(f *wire.Forecast) text {
	t := text{"立てられません。", "none."}
	if len(f.Missing) > 0 {
		names := make([]text, len(f.Missing))
		for i, name := range f.Missing {
			names[i] = dimLabel(name)
		}
		what := join(names, "、", ", ")
		t.ja += "公開の構成比のない属性：" + plain(what.ja) + "（運営者が base.yaml の shares: に書けます）。"
		t.en += " No public shares of " + plain(what.en) + " (the operator can declare them: shares: in base.yaml)."
	}
	if len(f.Unknown) > 0 {
		names, condition := make([]text, len(f.Unknown)), true
		for i, name := range f.Unknown {
			known, ok := unknownNames[name]
			if !ok {
				known = dimLabel(name)
			}
			names[i] = known
			condition = condition && (name == wire.UnknownList || name == wire.UnknownEvents || name == wire.UnknownReached)
		}
		what := join(names, "、", ", ")
		t.ja += "構成比を前もって知りえないもの：" + plain(what.ja) + "。"
		t.en += " Nobody can know the shares of " + plain(what.en) + " beforehand."
		if condition && len(f.Missing) == 0 {
			t.ja += "答えの人数の見当がつくなら --expect で示すと立てられます。"
			t.en += " Say how many people you expect with --expect, and there is one."
		}
	}
	return t
}

// notes are what is worth knowing before the question is charged.
var notes = map[string]text{
	wire.NoteIndexAlone: {
		"条件を満たす区分が一つしかないため、指数はどの区分にも出ません。その分も消費します。index: を外すか、条件から集計の軸の属性を外してください。",
		"The condition leaves people in one cell at most, so no index will be shown, and it is charged. Leave index: out, or take the attribute of the dimension out of the condition.",
	},
	wire.NoteIndexPart: {
		"条件が集計の軸の属性を絞っているため、残る区分の指数は、条件に合わない人も含む会員全体との比較になります。",
		"The condition keeps some values of a dimension only: their index compares with all users, those left out by the condition included.",
	},
	wire.NoteEventsExpired: {
		"保存期間が満了した行動履歴は含まれません。残っている行動履歴だけで集計します。契約のどの条項でいつ満了したかは awase retention で確認できます。",
		"Event logs that this question could have read are kept no longer: it is answered from those that are there. awase retention shows which expired when, and by which clause of the contract.",
	},
	wire.NoteLiftUnknown: {
		"効果がどれだけ見えるかは、まだ分かりません。campaign.yaml の conversion_rate と、--expect（対象の見込み人数）から見積もれます。",
		"How much of an effect will show can't be told yet: it follows from conversion_rate in campaign.yaml and from --expect, the people in the audience.",
	},
	wire.NoteLiftWithheld: {
		"ホールドアウトの成果の見込みが表示の基準に届かず、非表示になるおそれがあります。対象かホールドアウトを大きくする、期間を延ばす、σ を小さくするなどを検討してください。",
		"So few of those held out are expected to convert that their number may be withheld, and nothing is compared then. A larger audience or holdout, more days or a smaller sigma help.",
	},
	wire.NoteLiftSmall: {
		"ホールドアウトの成果の見込みが、雑音の標準偏差の5倍に届きません。この報告からは、効果があってもほとんど分かりません。対象かホールドアウトを大きくする、期間を延ばす、σ を小さくするなどを検討してください。",
		"Fewer of those held out are expected to convert than five times the standard deviation of the noise: this report will say little. A larger audience or holdout, more days or a smaller sigma help.",
	},
}

func indented(t text) text { return text{"  " + t.ja, "  " + t.en} }

func tableName(name string) text {
	switch name {
	case "table":
		return text{"集計表", "table"}
	case "cube":
		return text{"計画用の集計", "planning cube"}
	case "index":
		return text{"指数の分母", "index base"}
	case "converters":
		return text{"成果のあった人数", "converters"}
	}
	return text{plain(name), plain(name)}
}

// account writes one budget account: who asks about whose users, a bar, and
// spent, this and left in figures.
func (s *screen) account(a *wire.AccountStatus) []line {
	window := text{strings.TrimSuffix(a.Window, "d") + "日間", strings.TrimSuffix(a.Window, "d") + " days"}
	who := text{
		fmt.Sprintf("%s が見る %s の利用者、%s", a.Recipient, a.Owner, window.ja),
		fmt.Sprintf("%s about users of %s, %s", a.Recipient, a.Owner, window.en),
	}
	const n = 24
	this := a.Due // an account that owes nothing for the question is not short of it
	spent, asked := 0, 0
	if a.Limit > 0 {
		spent = min(n, int(a.Spent/a.Limit*n+0.5))
		asked = min(n-spent, int(this/a.Limit*n+0.5))
		if this > 0 && asked == 0 && spent < n {
			asked = 1
		}
	}
	left := round(a.Limit - a.Spent - this)
	figures := text{
		fmt.Sprintf("使用済み %s · この質問 %s · 残り %s／%s", decimal(round(a.Spent)), decimal(round(this)), decimal(max(left, 0)), decimal(a.Limit)),
		fmt.Sprintf("spent %s · this %s · left %s of %s", decimal(round(a.Spent)), decimal(round(this)), decimal(max(left, 0)), decimal(a.Limit)),
	}
	drawn := line{
		{"  " + strings.Repeat("█", spent), blue}, {strings.Repeat("▓", asked), orange},
		{strings.Repeat("░", n-spent-asked), dim},
	}
	var out []line
	for i, part := range s.pick(who) {
		l := of("  " + plain(part))
		if i > 0 {
			l = faint(l)
		}
		out = append(out, l)
	}
	for i, part := range s.pick(figures) {
		if i == 0 {
			out = append(out, drawn.and(span{s: "  " + part}))
			continue
		}
		out = append(out, in(dim, strings.Repeat(" ", n+4)+part))
	}
	if left < 0 && this > 0 {
		out = append(out, in(orange, "  "+text{
			"残りが " + decimal(-left) + " 足りません。", decimal(-left) + " short.",
		}.in(s.o.Lang)))
	}
	return out
}
