package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Ledger writes the statement of the privacy budgets: for each account what is
// spent and left, and every charge with the moment at which it slides back.
func Ledger(w io.Writer, l *wire.Ledger, o TerminalOptions) error {
	if l == nil {
		return fmt.Errorf("render: no statement")
	}
	s := &screen{o: o}
	put := func(t text, st style) {
		for i, part := range s.pick(t) {
			if i > 0 && st == normal {
				st = dim
			}
			for _, piece := range wrap(part, s.o.width()) {
				s.put(in(st, piece))
			}
		}
	}
	at := moment(l.At)
	put(text{"プライバシー予算の明細：" + at.ja + " 現在", "Statement of the privacy budgets at " + at.en}, bold)
	if c := l.Clock; c != nil {
		from, to := moment(c.From), moment(c.To)
		put(text{
			fmt.Sprintf("この機械の時計は %s、保管庫の時刻は %s です。時刻が確認されるまで、新しい集計は出せません（awase admin accept-clock）。", to.ja, from.ja),
			fmt.Sprintf("The machine's clock says %s, the vault's time is %s. Nothing new is released until that is accepted (awase admin accept-clock).", to.en, from.en),
		}, orange)
	}
	for _, a := range l.Alarms {
		at, kind := moment(a.At), alarmName(a.Kind)
		who := strings.Join(a.Owners, ", ")
		put(text{plain(fmt.Sprintf("警報 %s：%s（%s）", at.ja, kind.ja, who)), plain(fmt.Sprintf("Alarm of %s: %s (%s)", at.en, kind.en, who))}, orange)
	}
	if len(l.Accounts) == 0 {
		put(text{"まだ何も消費していません。", "Nothing has been charged yet."}, normal)
	}
	for i := range l.Accounts {
		s.put(nil)
		s.statement(&l.Accounts[i], put)
	}
	if _, err := io.WriteString(w, s.b.String()); err != nil {
		return fmt.Errorf("writing the statement: %w", err)
	}
	return nil
}

// statement writes one account.
func (s *screen) statement(a *wire.LedgerAccount, put func(text, style)) {
	if a.Recipient == "*" {
		put(text{plain(a.Owner + " の利用者について、全員の合計"), plain("all groups together about users of " + a.Owner)}, bold)
	} else {
		put(text{plain(fmt.Sprintf("%s が見る %s の利用者", a.Recipient, a.Owner)), plain(fmt.Sprintf("%s about users of %s", a.Recipient, a.Owner))}, bold)
	}
	const n = 24
	wide := s.o.width() >= 120
	for _, w := range a.Windows {
		used, held := 0, 0
		if w.Limit > 0 {
			used = min(n, int(w.Spent/w.Limit*n+0.5))
			held = min(n-used, int(w.Held/w.Limit*n+0.5))
		}
		unit := map[string]string{"rho": "ρ", "delta": "δ"}[w.Unit]
		t := text{
			fmt.Sprintf("%s %s日間：使用済み %s／%s、残り %s", unit, strings.TrimSuffix(w.Window, "d"), decimal(clean(w.Spent)), decimal(w.Limit), decimal(clean(w.Left))),
			fmt.Sprintf("%s in %s days: spent %s of %s, left %s", unit, strings.TrimSuffix(w.Window, "d"), decimal(clean(w.Spent)), decimal(w.Limit), decimal(clean(w.Left))),
		}
		if w.Held > 0 {
			t.ja += "、予約 " + decimal(clean(w.Held))
			t.en += ", held " + decimal(clean(w.Held))
		}
		if w.Back != "" && wide {
			back := moment(w.Back)
			t.ja += "。次に戻るのは " + back.ja
			t.en += ". The next comes back on " + back.en
		}
		for i, part := range s.pick(t) {
			if i == 0 {
				s.put(line{{"  " + strings.Repeat("█", used), blue}, {strings.Repeat("▓", held), orange}, {strings.Repeat("░", n-used-held), dim}, {s: "  " + part}})
				continue
			}
			s.put(in(dim, strings.Repeat(" ", n+4)+part))
		}
	}
	for _, h := range a.Held {
		until := ending(h.Until)
		s.under("  ", normal, text{
			plain(fmt.Sprintf("予約 %s：%s（%s の%s）、%s", h.Name, decimal(h.Rho), h.Entrustment, reportLabel(h.Report).ja, until.ja)),
			plain(fmt.Sprintf("held as %s: %s (%s of %s) %s", h.Name, decimal(h.Rho), reportLabel(h.Report).en, h.Entrustment, until.en)),
		})
	}
	s.charges(a.Charges, wide)
}

// charges writes what was spent as a bank statement does: when, how much and when
// it comes back, and below what for.
func (s *screen) charges(list []wire.LedgerCharge, wide bool) {
	if len(list) == 0 {
		return
	}
	columns := []struct {
		head  text
		right bool
		of    func(*wire.LedgerCharge) string
	}{
		{text{"日時", "when (JST)"}, false, func(c *wire.LedgerCharge) string { return short(c.At) }},
		{text{"ρ", ""}, true, func(c *wire.LedgerCharge) string { return decimal(c.Rho) }},
		{text{"δ", ""}, true, func(c *wire.LedgerCharge) string { return decimal(c.Delta) }},
		{text{"30日枠に戻る日", "back in 30 d"}, false, func(c *wire.LedgerCharge) string { return day(c.Back30) }},
		{text{"365日枠に戻る日", "back in 365 d"}, false, func(c *wire.LedgerCharge) string { return day(c.Back365) }},
	}
	rows := make([]line, len(list)+1)
	for i, column := range columns {
		if i == 2 && !wide {
			continue
		}
		cells := []line{in(bold, s.label(column.head))}
		for k := range list {
			cells = append(cells, of(plain(column.of(&list[k]))))
		}
		most := 0
		for _, c := range cells {
			most = max(most, c.width())
		}
		for k, c := range cells {
			if i < len(columns)-1 {
				c = c.pad(most, column.right)
			}
			rows[k] = append(append(rows[k], span{s: "  "}), c...)
		}
	}
	s.put(rows[0])
	for k := range list {
		s.put(rows[k+1])
		s.under("      ", dim, purpose(&list[k]))
	}
}

// under writes a text indented, wrapped.
func (s *screen) under(indent string, st style, t text) {
	for i, part := range s.pick(t) {
		if i > 0 {
			st = dim
		}
		for _, piece := range wrap(part, s.o.width()-len(indent)) {
			s.put(in(st, indent+piece))
		}
	}
}

// mostWords is the widest condition that is put in words.
const mostWords = 72

// purpose says in words what a charge was for: the question, as far as it is
// short, and the digits that its receipt names it by.
func purpose(c *wire.LedgerCharge) text {
	ja, en := []string{reportLabel(c.Report).ja}, []string{reportLabel(c.Report).en}
	add := func(t text) { ja, en = append(ja, t.ja), append(en, t.en) }
	if c.Campaign != "" {
		add(text{"キャンペーン「" + c.Campaign + "」", fmt.Sprintf("on campaign %q", c.Campaign)})
	} else if c.List != "" {
		add(text{"リスト「" + c.List + "」", fmt.Sprintf("of list %q", c.List)})
	}
	if len(c.Dims) > 0 {
		names := make([]text, len(c.Dims))
		for i, d := range c.Dims {
			names[i] = dimLabel(d)
		}
		by := join(names, "・", " × ")
		add(text{by.ja + "別", "by " + by.en})
	}
	long := c.Long
	if c.Where != nil {
		w := condition(c.Where)
		if long = width(w.en) > mostWords || width(w.ja) > mostWords; !long {
			add(text{"条件：" + w.ja, "where " + w.en})
		}
	}
	if long {
		add(text{"長い条件つき", "under a long condition"})
	}
	if c.Window != nil {
		add(text{fmt.Sprintf("期間：%s 〜 %s", c.Window.From, c.Window.To), fmt.Sprintf("from %s to %s", c.Window.From, c.Window.To)})
	}
	if len(c.Measures) > 0 {
		names := make([]text, len(c.Measures))
		for i, m := range c.Measures {
			names[i] = measureLabel(m)
		}
		m := join(names, "・", ", ")
		add(text{"指標：" + m.ja, "with " + m.en})
	}
	switch {
	case c.Table == "index":
		ja[0], en[0] = ja[0]+"の指数の分母", "Index base of "+en[0]
	case c.Table == "converters":
		ja[0], en[0] = ja[0]+"の成果のあった人数", "Converters of "+en[0]
	case c.Total:
		add(text{"別計上の合計つき", "with a separate total"})
	}
	tail := text{c.Entrustment, c.Entrustment}
	if len(c.Spec) > 8 {
		tail = text{tail.ja + "、質問 " + c.Spec[:8], tail.en + ", spec " + c.Spec[:8]}
	}
	return text{plain(strings.Join(ja, "、") + "（" + tail.ja + "）"), plain(strings.Join(en, " ") + " (" + tail.en + ")")}
}

// short writes a moment in JST for a column.
func short(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return plain(rfc3339)
	}
	return t.In(entrustment.JST).Format("2006-01-02 15:04")
}

// day writes the JST day of a moment.
func day(rfc3339 string) string {
	d, _, _ := strings.Cut(short(rfc3339), " ")
	return d
}

// ending says until when something is held: the end of a day in Japan, where it
// is one.
func ending(rfc3339 string) text {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return text{rfc3339, rfc3339}
	}
	if last := entrustment.DateOf(t).Add(-1); last.End().Equal(t) {
		return text{last.String() + " の終わりまで", "until the end of " + last.String()}
	}
	at := moment(rfc3339)
	return text{at.ja + " まで", "until " + at.en}
}

// clean is round for numbers as small as a δ.
func clean(x float64) float64 {
	if x < 1e-6 {
		return round(x*1e9) / 1e9
	}
	return round(x)
}

func alarmName(kind string) text {
	switch kind {
	case "global-budget":
		return text{"全員の合計が警報の水準を超えました", "all groups together passed the alarm level"}
	case "same-seed-different-input":
		return text{"同じ質問のデータが入れ替わっていました。このデータからは何も出せません", "one question met different data; nothing more is released of it"}
	}
	return text{kind, kind}
}
