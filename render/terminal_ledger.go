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
		until := moment(h.Until)
		put(text{
			plain(fmt.Sprintf("  予約 %s：%s（%s の%s）、%s まで", h.Name, decimal(h.Rho), h.Entrustment, reportLabel(h.Report).ja, until.ja)),
			plain(fmt.Sprintf("  held as %s: %s (%s of %s) until %s", h.Name, decimal(h.Rho), reportLabel(h.Report).en, h.Entrustment, until.en)),
		}, normal)
	}
	if len(a.Charges) == 0 {
		return
	}
	day := short
	if !wide {
		day = func(rfc3339 string) string { d, _, _ := strings.Cut(short(rfc3339), " "); return d }
	}
	g := &grid{}
	column := func(head text, right, shown bool, of func(*wire.LedgerCharge) string) {
		if !shown {
			return
		}
		g.head(in(bold, s.label(head)), right)
		for i := range a.Charges {
			if len(g.rows) <= i {
				g.add()
			}
			g.rows[i] = append(g.rows[i], line{{s: plain(of(&a.Charges[i]))}})
		}
	}
	column(text{"日時", "when"}, false, true, func(c *wire.LedgerCharge) string { return day(c.At) })
	column(text{"委託", "entrustment"}, false, true, func(c *wire.LedgerCharge) string { return c.Entrustment })
	column(text{"集計", "report"}, false, true, func(c *wire.LedgerCharge) string { return reportLabel(c.Report).short(s.o.Lang) })
	column(text{"リスト", "list"}, false, true, func(c *wire.LedgerCharge) string { return c.List })
	column(text{"表", "table"}, false, wide, func(c *wire.LedgerCharge) string { return tableName(c.Table).short(s.o.Lang) })
	column(text{"ρ", ""}, true, true, func(c *wire.LedgerCharge) string { return decimal(c.Rho) })
	column(text{"δ", ""}, true, wide, func(c *wire.LedgerCharge) string { return decimal(c.Delta) })
	column(text{"30日枠に戻る日", "back in 30 d"}, false, true, func(c *wire.LedgerCharge) string { return day(c.Back30) })
	column(text{"365日枠", "365 d"}, false, wide, func(c *wire.LedgerCharge) string { return day(c.Back365) })
	s.grid(g)
}

// short writes a moment in JST for a column.
func short(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return plain(rfc3339)
	}
	return t.In(entrustment.JST).Format("2006-01-02 15:04")
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
