package render

import (
	"encoding/json"
	"fmt"
	"math"

	"awase/enclave/wire"
	"awase/entrustment"
)

var (
	ages       = []string{"<20", "20-24", "25-29", "30-34", "35-39", "40-44", "45-49", "50-54", "55-59", "60-64", "65-69", ">=70", "unknown"}
	statement  = wire.Statement{JA: "各利用者の有無が結果に与える影響は、ε = 0.43 の差分プライバシーで抑えられています。", EN: "What any one person adds to this table is bounded by differential privacy with ε = 0.43."}
	receiptDoc = json.RawMessage(`{"z":"first","key":"ed25519:abc","checkpoint":{"size":12,"root":"q83v"},"rho":5.0e-3}`)
)

// profileSample is gender by age band, one number in three withheld.
func profileSample(index bool) *wire.Release {
	r := base("profile", wire.Dim{Name: "age_band", Domain: ages}, wire.Dim{Name: "gender", Domain: []string{"female", "male", "unknown"}})
	r.Question.Index = index
	for i, age := range ages {
		for j, g := range []string{"female", "male", "unknown"} {
			v := int64(4000*math.Exp(-math.Pow(float64(i)-3, 2)/8)) * int64(4-j) / 4
			if g == "unknown" {
				v /= 20
			}
			c := cell(v, "age_band", age, "gender", g)
			if index && c.Users != nil && i < 9 {
				x := 180 - 15*float64(i)
				c.Index = &wire.Ratio{Value: x, Low: x - 8, High: x + 8.5}
			}
			r.Cells = append(r.Cells, c)
		}
	}
	r.Other = &wire.Sum{Status: wire.Released, Users: number(310, 48)}
	if index {
		r.Base = &wire.Sum{Status: wire.Released, Users: number(912_345, 20)}
	}
	return finish(r)
}

// overlapSample is a table of one dimension, with a total.
func overlapSample() *wire.Release {
	r := base("overlap", wire.Dim{Name: "matched_by", Domain: []string{"email", "phone", "cookie", "maid"}})
	r.Cells = []wire.Cell{cell(81_234, "matched_by", "email"), cell(23_456, "matched_by", "phone"), cell(12, "matched_by", "cookie"), cell(0, "matched_by", "maid")}
	r.Other = &wire.Sum{Status: wire.Withheld}
	r.Total = &wire.Sum{Users: number(104_690, 28)}
	return finish(r)
}

// wideSample has more cells than a terminal shows.
func wideSample() *wire.Release {
	domain := make([]string, 64)
	for i := range domain {
		domain[i] = fmt.Sprintf("店舗%02d", i)
	}
	r := base("profile", wire.Dim{Name: "店舗", Domain: domain}, wire.Dim{Name: "tier", Domain: []string{"gold", "unknown"}})
	for i, d := range domain {
		r.Cells = append(r.Cells, cell(int64(i*37%64)*20, "店舗", d, "tier", "gold"), cell(int64(i), "店舗", d, "tier", "unknown"))
	}
	return finish(r)
}

// bareSample has no dimension at all, and hostile names.
func bareSample() *wire.Release {
	r := base("size")
	r.List = "spring\x1b[31m\u202e"
	r.Question.List = r.List
	r.Question.Where = &entrustment.Condition{All: []entrustment.Condition{
		{In: map[string][]string{"prefecture": {"東京都", "神奈川県"}}},
		{Not: &entrustment.Condition{List: "existing"}},
		{Any: []entrustment.Condition{{Between: map[string][]string{"age_band": {"25-29", "40-44"}}}, {Event: &entrustment.EventCondition{Category: "page_view", AtLeast: 2, Within: 30}}}},
	}}
	r.Question.Window = &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, To: entrustment.Date{Year: 2026, Month: 4, Day: 30}}
	r.Cells = []wire.Cell{{Key: map[string]string{}, Status: wire.Released, Users: number(8_123, 20)}}
	r.Total = &wire.Sum{Status: wire.Released, Users: number(8_123, 20)} // the same number
	r.Privacy.Dev = true
	r.Privacy.K, r.Privacy.Sigma, r.Privacy.Summed = 0, 20, 12
	r.ListRows = 200_000
	r.Receipt = nil
	return finish(r)
}

func base(report string, dims ...wire.Dim) *wire.Release {
	q := &entrustment.Question{Schema: "awase.report/v1", Report: report, Entrustment: "acme-2026-spring", List: "spring", Sigma: 10}
	for _, d := range dims {
		q.Dims = append(q.Dims, d.Name)
	}
	return &wire.Release{
		Schema: wire.ReleaseSchema, Report: report, Entrustment: "acme-2026-spring", Version: 1, List: "spring", ListVersion: 2,
		Question: q, Dims: dims, ReleasedAt: "2026-11-23T05:05:00Z", Receipt: receiptDoc,
		Privacy: wire.Privacy{K: 50, Tau: 107, Sigma: 10, Rho: 0.005, Epsilon: 0.43, Delta: 1.02e-6, Statement: statement},
	}
}

func finish(r *wire.Release) *wire.Release {
	r.Privacy.Cells = len(r.Cells)
	for _, c := range r.Cells {
		if c.Status == wire.Withheld {
			r.Privacy.Withheld++
		}
	}
	return r
}

func number(v, half int64) *wire.Number {
	return &wire.Number{Value: v, Low: max(0, v-half), High: v + half}
}

// cell is released from 107 on, as the gate's default has it.
func cell(v int64, key ...string) wire.Cell {
	c := wire.Cell{Key: map[string]string{}, Status: wire.Withheld}
	for i := 0; i < len(key); i += 2 {
		c.Key[key[i]] = key[i+1]
	}
	if v >= 107 {
		c.Status, c.Users = wire.Released, number(v, 20)
	}
	return c
}

func priceSample() *wire.Price {
	return &wire.Price{
		Rho: 0.01, Charged: 0.005, Delta: 2e-8, Sigma: 10, Tau: 107, K: 50, Precision: 20, Cells: 39,
		Forecast: &wire.Forecast{People: 20000, Stated: true, Withheld: 7},
		Tables:   []wire.TablePrice{{Name: "table", Rho: 0.005, Paid: true}, {Name: "index", Rho: 0.005}},
		Accounts: []wire.AccountStatus{
			{Recipient: "acme", Owner: "operator", Window: "30d", Spent: 0.1, Limit: 0.25, Due: 0.005},
			{Recipient: "acme", Owner: "operator", Window: "365d", Spent: 1.995, Limit: 2, Due: 0.005},
		},
	}
}

// prefectureSample has one dimension of many values, with an index.
func prefectureSample() *wire.Release {
	domain := []string{"北海道", "青森県", "岩手県", "宮城県", "東京都", "神奈川県", "大阪府", "鹿児島県", "沖縄県", "unknown"}
	r := base("profile", wire.Dim{Name: "prefecture", Domain: domain})
	r.Question.Index = true
	for i, d := range domain {
		c := cell(int64(i*i*113), "prefecture", d)
		if c.Users != nil && i != 8 { // released, its index not steady
			c.Index = &wire.Ratio{Value: 60.5 + 70*float64(i), Low: 40 + 65*float64(i), High: 80 + 80*float64(i)}
		}
		r.Cells = append(r.Cells, c)
	}
	r.Base = &wire.Sum{Status: wire.Released, Users: number(912_345, 20)}
	return finish(r)
}

// behaviourSample has measures and rates, one cell withheld, one rate not
// steady enough, and no total of people.
func behaviourSample() *wire.Release {
	r := base("behaviour", wire.Dim{Name: "category", Domain: []string{"spring", "summer"}}, wire.Dim{Name: "gender", Domain: []string{"female", "male", "unknown"}})
	r.Measures, r.Rates = []string{"impressions", "clicks", "spend"}, []string{"average_frequency", "click_rate", "spend_per_user"}
	for i, c := range []string{"spring", "summer"} {
		for j, g := range []string{"female", "male", "unknown"} {
			v := int64(9000-4000*i) * int64(2-j) / 2
			one := cell(v, "category", c, "gender", g)
			if one.Users != nil {
				one.Sums = map[string]*wire.Number{"impressions": number(v*5/2, 832), "clicks": number(v/20, 139), "spend": number(v*125, 831_558)}
				one.Rates = map[string]*wire.Ratio{"average_frequency": {Value: 2.5, Low: 2.41, High: 2.59}, "spend_per_user": {Value: 125.5, Low: 33, High: 217.9}}
				if j == 0 {
					one.Rates["click_rate"] = &wire.Ratio{Value: 0.02, Low: 0.0139, High: 0.0262}
				}
			}
			r.Cells = append(r.Cells, one)
		}
	}
	r = finish(r)
	r.Privacy.CellsOfOne = 3
	r.Other = &wire.Sum{Status: wire.None}
	r.Total = &wire.Sum{Status: wire.None, Amounts: wire.Amounts{Sums: map[string]*wire.Number{"impressions": number(52_500, 1664)}}}
	return r
}

// reachSample has cells of the number of impressions, whose sum stands in the
// total alone.
func reachSample() *wire.Release {
	r := base("reach-frequency", wire.Dim{Name: "frequency", Domain: []string{"1", "2", "3", "4", "5", "6-9", "10-19", ">=20"}})
	r.Measures, r.Rates = []string{"impressions", "clicks"}, []string{"average_frequency", "click_rate"}
	r.Question.Window = &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, To: entrustment.Date{Year: 2026, Month: 4, Day: 30}}
	r.Question.Categories = []string{"new_arrivals", "spring_sale"}
	for i, f := range r.Dims[0].Domain {
		v := int64(8000 >> i)
		c := cell(v, "frequency", f)
		if c.Users != nil {
			c.Sums = map[string]*wire.Number{"clicks": number(v/10, 98)}
		}
		r.Cells = append(r.Cells, c)
	}
	r.Other = &wire.Sum{Status: wire.None}
	r.Total = &wire.Sum{Status: wire.Released, Users: number(15_875, 56), Amounts: wire.Amounts{
		Sums:  map[string]*wire.Number{"impressions": number(31_500, 1_663), "clicks": number(1_587, 277)},
		Rates: map[string]*wire.Ratio{"average_frequency": {Value: 1.98, Low: 1.88, High: 2.09}, "click_rate": {Value: 0.0504, Low: 0.0412, High: 0.06}},
	}}
	return finish(r)
}

// attributionSample has credits in thousandths, with decimals in every form, a cell
// withheld, and no total of people.
func attributionSample() *wire.Release {
	r := base("attribution", wire.Dim{Name: "touch", Domain: []string{"click/spring", "click/夏", "impression/spring", "impression/夏", "unattributed"}})
	r.Measures = []string{"credits"}
	r.Question.Window = &entrustment.Window{From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, To: entrustment.Date{Year: 2026, Month: 4, Day: 30}}
	r.Question.Categories = []string{"shop", "spring", "夏"}
	r.Question.Attribution = &entrustment.Attribution{Model: entrustment.TimeDecay, Click: 30, View: 7, HalfLife: 7}
	for i, touch := range r.Dims[0].Domain {
		c := cell([]int64{1_893, 744, 2_310, 12, 5_004}[i], "touch", touch)
		if c.Users != nil {
			c.Sums = map[string]*wire.Number{"credits": number([]int64{1_701_333, 50_250, 2_122_040, 0, 6_021_000}[i], 58_800)}
		}
		r.Cells = append(r.Cells, c)
	}
	r = finish(r)
	r.Privacy.CellsOfOne = 5
	r.Other = &wire.Sum{Status: wire.None}
	r.Total = &wire.Sum{Status: wire.None, Amounts: wire.Amounts{Sums: map[string]*wire.Number{"credits": number(9_894_623, 117_600)}}}
	return r
}

// prices are forecasts that can't be made, what a planning cube costs, and an
// index that its own condition leaves empty.
func prices() map[string]*wire.Price {
	cube := priceSample()
	cube.K, cube.Terms, cube.Forecast, cube.Tables = 0, 1, nil, cube.Tables[:1]
	list := priceSample()
	list.Forecast = &wire.Forecast{People: 0, Unknown: []string{wire.UnknownList}}
	list.Notes, list.Terms = []string{wire.NoteIndexAlone}, 3
	shares := priceSample()
	shares.Forecast = &wire.Forecast{Missing: []string{"prefecture"}, Unknown: []string{"tier", wire.UnknownEvents}}
	shares.Notes = []string{wire.NoteIndexPart}
	lift := priceSample()
	lift.Forecast, lift.Notes = &wire.Forecast{Unknown: []string{wire.UnknownReached}}, []string{wire.NoteLiftUnknown, wire.NoteLiftWithheld, wire.NoteLiftSmall}
	lift.Tables = []wire.TablePrice{{Name: "table", Rho: 0.005}, {Name: "converters", Rho: 0.005}}
	return map[string]*wire.Price{"": priceSample(), "cube-": cube, "list-": list, "shares-": shares, "lift-": lift}
}

// campaignSample makes a release one on a campaign.
func campaignSample(r *wire.Release) *wire.Release {
	from, to := entrustment.Date{Year: 2026, Month: 5, Day: 1}, entrustment.Date{Year: 2026, Month: 5, Day: 28}
	r.Campaign = &wire.ReportedCampaign{ID: "spring-2026", From: from, Until: to, Where: &entrustment.Condition{In: map[string][]string{"prefecture": {"東京都", "神奈川県"}}}, Holdout: 10}
	r.Question.Campaign, r.Question.Window, r.Question.Categories = "spring-2026", &entrustment.Window{From: from, To: to}, []string{"purchase", "spring-2026"}
	return r
}

// deliverySample is a delivery report by week and gender, one cell withheld, and one in
// which a result can't be told from none.
func deliverySample() *wire.Release {
	weeks := []string{"2026-05-01", "2026-05-08", "2026-05-15", "2026-05-22"}
	r := campaignSample(base("delivery", wire.Dim{Name: "week", Domain: weeks}, wire.Dim{Name: "gender", Domain: []string{"female", "male", "unknown"}}))
	r.Measures = []string{"impressions", "clicks", "conversions", "cost"}
	r.Rates = []string{"average_frequency", "click_rate", "conversion_rate", "cost_per_click", "cost_per_result"}
	for i, w := range weeks {
		for j, g := range []string{"female", "male", "unknown"} {
			v := int64(24_000-5_000*i) * int64(2-j) / 2
			c := cell(v, "week", w, "gender", g)
			if c.Users != nil {
				c.Sums = map[string]*wire.Number{"impressions": number(v*2, 1176), "clicks": number(v/8, 196), "conversions": number(v/40, 118), "cost": number(v*6, 11_760)}
				c.Rates = map[string]*wire.Ratio{"average_frequency": {Value: 2, Low: 1.93, High: 2.07}, "click_rate": {Value: 0.0625, Low: 0.056, High: 0.069}, "cost_per_click": {Value: 48, Low: 43.1, High: 53.4}}
				if i < 3 {
					c.Rates["conversion_rate"] = &wire.Ratio{Value: 0.2, Low: 0.158, High: 0.243}
					c.Rates["cost_per_result"] = &wire.Ratio{Value: 240, Low: 199.6, High: 301.2}
				}
			}
			r.Cells = append(r.Cells, c)
		}
	}
	r = finish(r)
	r.Privacy.CellsOfOne = 4
	r.Other, r.Total = &wire.Sum{Status: wire.None}, &wire.Sum{Status: wire.None}
	return r
}

// liftSample is a lift report.
func liftSample() *wire.Release {
	r := campaignSample(base("lift", wire.Dim{Name: "assignment", Domain: []string{"treated", "holdout"}}))
	r.Measures, r.Question.Dims = []string{"converters"}, nil
	r.Cells = []wire.Cell{cell(90_120, "assignment", "treated"), cell(9_980, "assignment", "holdout")}
	r.Cells[0].Sums = map[string]*wire.Number{"converters": number(2_253, 20)}
	r.Cells[1].Sums = map[string]*wire.Number{"converters": number(199, 20)}
	r.Other = &wire.Sum{Status: wire.None}
	r.Total = &wire.Sum{Status: wire.Released, Users: number(100_100, 28), Amounts: wire.Amounts{Sums: map[string]*wire.Number{"converters": number(2_452, 28)}}}
	p := 0.001234
	r.Lift = &wire.Lift{Status: wire.Released, Treated: &wire.Ratio{Value: 0.025, Low: 0.02396, High: 0.02604}, Holdout: &wire.Ratio{Value: 0.01994, Low: 0.01655, High: 0.02333},
		Difference: &wire.Ratio{Value: 0.00506, Low: 0.00151, High: 0.00861}, Relative: &wire.Ratio{Value: 0.25376, Low: 0.066, High: 0.512}, P: &p,
		Warning: &wire.Statement{JA: "ホールドアウトの成果が少なく、効果は見えにくくなっています。", EN: "Few of those held out convert: an effect may not show."}}
	return finish(r)
}

// unliftedSample is one that compares nothing, for a number of it is withheld.
func unliftedSample() *wire.Release {
	r := liftSample()
	r.Cells[1].Sums = nil
	r.Total.Sums = nil
	r.Lift = &wire.Lift{Status: wire.Withheld, Warning: &wire.Statement{JA: "比較できません。", EN: "The arms can't be compared."}}
	return r
}
