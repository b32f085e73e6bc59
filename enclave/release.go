package enclave

import (
	"fmt"
	"math"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
)

// release writes an answer in the form of DESIGN §8, without the receipt.
func (e *Enclave) release(a *asked, ans *aggregator.Answer) *wire.Release {
	eps, delta := ans.Epsilon()
	r := &wire.Release{
		Schema: wire.ReleaseSchema, Report: a.plan.Question.Report, Entrustment: a.contract.Contract.ID, Version: a.contract.Version,
		Question: &a.plan.Question, Dims: []wire.Dim{}, Measures: ans.Measures, Rates: ans.Rates, Cells: []wire.Cell{},
		Privacy: wire.Privacy{K: ans.K, Tau: ans.Tau, Sigma: int(ans.Sigma), Rho: unnano(ans.RhoNano), Epsilon: round(eps, 4), Delta: round(delta, 12),
			Withheld: ans.Withheld, Cells: len(ans.Rows), Dev: e.vault.Dev(), Practice: e.vault.Practice()},
		// Not the time of the tables: another recipient may have asked for them.
		ReleasedAt: e.vault.Log().Now().UTC().Format("2006-01-02T15:04:05Z"),
	}
	if a.list != nil {
		r.List, r.ListVersion = a.list.Name, a.list.Version
		if e.group(a.recipient) == a.owner {
			r.ListRows = a.list.Rows
		}
	}
	for _, d := range ans.Dims {
		r.Dims = append(r.Dims, wire.Dim{Name: d.Name, Domain: d.Domain})
	}
	for _, row := range ans.Rows {
		c := wire.Cell{Key: map[string]string{}, Status: wire.Withheld}
		for i, v := range row.Key {
			c.Key[ans.Dims[i].Name] = v
		}
		if row.Users != nil {
			c.Status, c.Users = wire.Released, number(row.Users)
		}
		if row.Index != nil {
			c.Index = &wire.Ratio{Value: round(row.Index.Value, 1), Low: round(row.Index.Low, 1), High: round(row.Index.High, 1)}
		}
		c.Amounts = amounts(ans, row.Sums, row.Rates)
		r.Cells = append(r.Cells, c)
	}
	r.Other = &wire.Sum{Status: wire.None}
	if ans.HasOther {
		r.Other = sum(ans.Other)
		r.Other.Amounts = amounts(ans, ans.OtherSums, nil)
	}
	r.Total = sum(ans.Total)
	if ans.Overlap {
		r.Total.Status = wire.None // a total of people is another question
	}
	r.Total.Amounts = amounts(ans, ans.TotalSums, ans.TotalRate)
	r.Total.Partial = !ans.Separate && ans.Total != nil && ans.Withheld > 0 && ans.Other == nil
	if ans.BaseTotal != nil {
		r.Base = sum(ans.BaseTotal)
	}
	if ans.Overlap {
		r.Privacy.CellsOfOne = ans.CellsOfOne
	}
	r.Campaign, r.Lift = campaignOf(ans.Campaign), liftOf(ans.Lift)
	r.Privacy.Summed = ans.Summed
	r.Privacy.Statement = statement(&r.Privacy, ans.Caps, r.Report)
	return r
}

// amounts names the measures and rates of a row.
func amounts(ans *aggregator.Answer, sums []*aggregator.Interval, rates []*aggregator.Ratio) (out wire.Amounts) {
	for i, s := range sums {
		if s != nil {
			if out.Sums == nil {
				out.Sums = map[string]*wire.Number{}
			}
			out.Sums[ans.Measures[i]] = number(s)
		}
	}
	for i, r := range rates {
		if r != nil {
			if out.Rates == nil {
				out.Rates = map[string]*wire.Ratio{}
			}
			out.Rates[ans.Rates[i]] = &wire.Ratio{Value: round(r.Value, 4), Low: round(r.Low, 4), High: round(r.High, 4)}
		}
	}
	return out
}

// campaignOf tells readers which campaign a report is on.
func campaignOf(m *entrustment.Campaign) *wire.ReportedCampaign {
	if m == nil {
		return nil
	}
	return &wire.ReportedCampaign{ID: m.ID, From: m.From, Until: m.Until, Where: m.Where, Holdout: m.Holdout}
}

// What makes a lift report say little, in words.
var (
	liftSmall = wire.Statement{
		JA: "配信対象から除いた人（ホールドアウト）の成果の見込みが、雑音の標準偏差の5倍に届きません。効果があっても見えにくく、この数字だけで判断しないでください。",
		EN: "Fewer people held out are expected to convert than five times the standard deviation of the noise. An effect may well not show: do not decide by these numbers alone.",
	}
	liftWithheld = wire.Statement{
		JA: "人数が表示の基準に届かないか、どちらかの群のほぼ全員に成果があったかなかったため、比較できません。配信対象かホールドアウトを大きくする、期間を延ばす、σ を小さくすると、出る見込みが上がります。",
		EN: "The arms can't be compared: a number fell below the release threshold, or in one of them nearly everybody or nobody converted. A larger audience or holdout, more days or a smaller sigma make it likelier.",
	}
)

// liftOf writes what a lift report says.
func liftOf(l *aggregator.LiftAnswer) *wire.Lift {
	switch {
	case l == nil:
		return nil
	case l.Lift == nil:
		return &wire.Lift{Status: wire.Withheld, Warning: &liftWithheld}
	}
	p := round(l.P, 6)
	out := &wire.Lift{Status: wire.Released, Treated: estimate(&l.Treated), Holdout: estimate(&l.Holdout), Difference: estimate(&l.Difference), P: &p}
	if l.Relative != nil {
		out.Relative = estimate(l.Relative)
	}
	if l.Small {
		out.Warning = &liftSmall
	}
	return out
}

func estimate(e *aggregator.Estimate) *wire.Ratio {
	return &wire.Ratio{Value: round(e.Value, 6), Low: round(e.Low, 6), High: round(e.High, 6)}
}

func number(i *aggregator.Interval) *wire.Number {
	return &wire.Number{Value: i.Value, Low: i.Low, High: i.High}
}

func sum(i *aggregator.Interval) *wire.Sum {
	if i == nil {
		return &wire.Sum{Status: wire.Withheld}
	}
	return &wire.Sum{Status: wire.Released, Users: number(i)}
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// measureJA names measures as readers of Japanese do.
var measureJA = map[string]string{"events": "行動数", "impressions": "表示回数", "clicks": "クリック数", "conversions": "成果数", "spend": "購入額（円）",
	"cost": "広告費（円）", aggregator.TableConverters: "成果のあった人数"}

// statement says in words what protects the people counted. It speaks of
// parameters alone, never of the data.
func statement(p *wire.Privacy, caps []aggregator.Cap, report string) wire.Statement {
	// PRIVACY §1: advantage ≤ √(ρ/2), rigorous for any ρ-zCDP mechanism; a guess
	// is right with probability at most (1+advantage)/2.
	advantage := math.Ceil(10*(100*math.Sqrt(p.Rho/2)/2+100*p.Delta)) / 10
	var s wire.Statement
	if report == entrustment.ReportSize || report == entrustment.ReportCube { // the noisy lock alone
		s.JA = fmt.Sprintf("人数には標準偏差 %.0f 人の雑音を加えています。雑音を加えた値が %d 以上の人数だけを表示します。", p.Deviation(), p.Tau)
		s.EN = fmt.Sprintf("Every number of people carries noise of standard deviation %.0f. A number is shown only if it is at least %d after that. ", p.Deviation(), p.Tau)
	} else {
		s.JA = fmt.Sprintf("各区分の人数には標準偏差 %.0f 人の雑音を加えています。%d 人以上が含まれ、雑音を加えた値が %d 以上の区分だけを表示します。"+
			"非表示の区分は、人数が少ないか、雑音を加えた結果が基準に届かなかったものです。どちらかは、お答えできない仕組みです。", p.Deviation(), p.K, p.Tau)
		s.EN = fmt.Sprintf("Every number of people carries noise of standard deviation %.0f. A cell is shown only if it holds at least %d people and its noised number is at least %d. "+
			"A withheld cell was small, or its noised number fell short; which of the two can't be told. ", p.Deviation(), p.K, p.Tau)
	}
	s.JA += fmt.Sprintf("ある一人が含まれるかどうかをこの表から言い当てる確率の上積みは、最大 %.1f ポイントです。", advantage)
	s.EN += fmt.Sprintf("This table makes a guess whether any one person is in it better by %.1f percentage points at most.", advantage)
	if report == entrustment.ReportCube || p.Summed > 0 {
		s.JA += "この上積みは、同じ計画用の集計からお答えするすべての規模を合わせたものです。"
		s.EN += " That bound holds for all sizes answered from the planning cube together."
	}
	for _, c := range caps {
		if c.Across { // in all cells together: the noise of a cell is of that
			most, sd := float64(c.Most)/1000, float64(p.Sigma)*float64(c.Most)/1000
			s.JA += fmt.Sprintf("成果は一人につき最大 %.0f 件を数え、千分の一の整数に分けて接触に割り当て、各区分に標準偏差 %.0f 件の雑音を加えています。", most, sd)
			s.EN += fmt.Sprintf(" Of conversions at most %.0f count for one person, divided among touches in whole thousandths, and the noise in each cell has standard deviation %.0f.", most, sd)
			continue
		}
		// A sum's noise is σ times what one person may add at most.
		s.JA += fmt.Sprintf("%sは一人につき最大 %d までを数え、標準偏差 %.0f の雑音を加えています。", measureJA[c.Measure], c.Most, p.Deviation()*float64(c.Most))
		s.EN += fmt.Sprintf(" Of %s at most %d count for one person, and the noise has standard deviation %.0f.", c.Measure, c.Most, p.Deviation()*float64(c.Most))
	}
	switch {
	case p.Practice:
		s.JA += "練習用の部屋（practice）で、架空の人を数えたものです。承認者の署名はありません。"
		s.EN += " Made in a practice room, of made-up people: no officer signed for it."
	case p.Dev:
		s.JA += "開発用の保管庫（dev）で作成しました。承認者の署名はありません。"
		s.EN += " Made in a dev vault: no officer signed for it."
	}
	return s
}
