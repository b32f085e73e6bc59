package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"awase/enclave/wire"
	"awase/entrustment"
)

// What a withheld cell means, in one sentence and one act. It may not say
// which of the two reasons it was (PRIVACY §4.8).
var (
	withheldWord = text{"非表示", "withheld"}
	withheldFull = text{"非表示（少人数保護）", "withheld"}
	withheldWhy  = text{
		"非表示の区分は、人数が少ないか、雑音を加えた結果が基準に届かなかったものです。どちらかは、お答えできない仕組みです。",
		"A withheld cell holds few people, or fell below the threshold after noise was added. Which of the two can't be told, by design.",
	}
	// A size, and a planning cube, have the noisy threshold alone (PRIVACY rules 6, 7).
	withheldAlone = text{
		"雑音を加えた結果が基準に届かなかったものです。",
		"Its number fell below the threshold after noise was added.",
	}
	withheldMend = text{
		"表示を増やすには：集計の軸を減らす、区分の幅を広げる、リストを大きくする。",
		"To see more: fewer dimensions, wider bands, a larger list.",
	}
	practiceNote = text{
		"練習用の結果です。人は実在せず、数字は架空のものです。",
		"Practice: these people are made up, and so are the numbers.",
	}
	devNote = text{
		"開発用の保管庫による結果です。承認者の署名はありません。",
		"Made in a development vault: no officers signed for it.",
	}
)

// fact is one line of the panel "about these numbers".
type fact struct {
	name text
	is   text
}

// precision gives the 95 % half-width of one cell in people (PRIVACY §4.3,
// step 10).
func precision(deviation float64) int64 { return int64(math.Ceil(1.96 * deviation)) }

// facts says what protects the people counted and what the table cost, in a
// marketer's words; the parameters stand in the last lines alone.
func facts(r *wire.Release) []fact {
	p := &r.Privacy
	out := []fact{
		{text{"誤差範囲（95％）", "interval (95 %)"}, text{
			fmt.Sprintf("人数には雑音を加えています。1区分あたりおよそ ±%s 人です。範囲は雑音によるずれを表します。", thousands(precision(p.Deviation()))),
			fmt.Sprintf("Noise was added to each number: about ±%s people a cell. The interval covers that noise.", thousands(precision(p.Deviation()))),
		}},
		{withheldFull, text{
			fmt.Sprintf("%d 区分中 %d 区分。", p.Cells, p.Withheld),
			fmt.Sprintf("%d of %d cells.", p.Withheld, p.Cells),
		}},
	}
	if p.Withheld > 0 {
		why := withheldWhy
		if r.Report == entrustment.ReportSize || r.Report == entrustment.ReportCube {
			why = withheldAlone
		}
		out = append(out, fact{is: why}, fact{is: withheldMend})
	}
	if r.Other != nil && r.Other.Users != nil { // PRIVACY §4.3, step 9
		out = append(out, fact{text{"その他", "other"}, text{
			"非表示の区分をまとめた推計です。実際より少なめに出る傾向があります。",
			"An estimate of all withheld cells together; it tends to be low.",
		}})
	}
	for _, d := range r.Dims {
		if d.Name == entrustment.DimMatchedBy {
			kinds := join(labels(d.Name, d.Domain), "、", ", ")
			out = append(out, fact{text{"識別子", "identifier"}, text{
				"一人は一度だけ、" + plain(kinds.ja) + "の順で最初に一致した識別子に数えています。",
				"Each person counts once, under the first that matched: " + plain(kinds.en) + ".",
			}})
		}
	}
	switch r.Report {
	case entrustment.ReportDelivery:
		out = append(out, fact{text{"数え方", "counting"}, text{
			"利用者数は、配信した人のうち期間内に広告の表示があった人です。クリック・成果・広告費は、その人たちがそれをした区分（週・日）に数えています。",
			"Users are those to whom the campaign was delivered and who had an impression. What they clicked, what they did and what it cost counts in the cell (week or day) in which it happened.",
		}})
	case entrustment.ReportLift:
		out = append(out, fact{text{"読み方", "reading"}, text{
			"広告を見たかどうかにかかわらず、配信した人と、くじで配信から除いた人（ホールドアウト）を比べています。成果率・差・リフトの範囲は、偶然と雑音の両方によるずれを含みます。範囲が 0 をまたぐ差は、効果があったともなかったとも言えません。",
			"Those to whom it was delivered, whoever saw it, are compared with those whom chance held out. The intervals of shares, difference and lift hold both chance and the noise. Where that of the difference holds 0, there is neither an effect nor none to be told.",
		}})
	}
	price := text{decimal(p.Rho) + "（プライバシー予算から）", decimal(p.Rho) + " of the privacy budget"}
	switch {
	case p.Summed > 0:
		price = text{
			fmt.Sprintf("なし。計画用の集計（消費量 %s、支払い済み）の %s 区分の合計です。", decimal(p.Rho), thousands(int64(p.Summed))),
			fmt.Sprintf("nothing: the sum of %s cells of the planning cube, which is paid for (%s).", thousands(int64(p.Summed)), decimal(p.Rho)),
		}
	case r.Report == entrustment.ReportCube:
		price.ja += "。この軸での規模（size）は、これから何度でも消費なしで答えます。"
		price.en += "; every size over these dimensions now costs nothing."
	}
	out = append(out, fact{text{"消費量", "price"}, price})
	if p.Statement.JA != "" || p.Statement.EN != "" {
		out = append(out, fact{text{"保護", "protection"}, text{plain(p.Statement.JA), plain(p.Statement.EN)}})
	}
	if r.Base != nil {
		out = append(out, fact{text{"指数", "index"}, text{
			"100 は会員全体と同じ割合です。誤差範囲が 100 をまたぐ区分は、多いとも少ないとも言えません。",
			"100 is the share among all users. Where the interval holds 100, the cell is neither above nor below.",
		}})
	}
	return out
}

// parameters gives the figures behind the words.
func parameters(p *wire.Privacy) string {
	return fmt.Sprintf("%sτ %d · σ %s · ρ %s · ε %s · δ %s",
		leastPeople(p.K), p.Tau, noise(p.Sigma, max(1, p.CellsOfOne, p.Summed)), decimal(p.Rho), decimal(p.Epsilon), decimal(p.Delta))
}

// parameter is one figure behind the words.
type parameter struct {
	name   string
	figure any    // as a spreadsheet has it
	value  string // as it is written
	means  text
}

// parameterFacts gives the parameters of a release with what each is.
func parameterFacts(p *wire.Privacy) []parameter {
	var out []parameter
	add := func(name string, figure any, value string, means text) {
		out = append(out, parameter{name, figure, value, means})
	}
	if p.K > 0 {
		add("k", p.K, fmt.Sprint(p.K), text{"1区分に必要な最少人数", "least people in a cell"})
	}
	add("τ", p.Tau, fmt.Sprint(p.Tau), text{"雑音を加えた後の基準値", "threshold after noise"})
	sigma := noise(p.Sigma, max(1, p.CellsOfOne, p.Summed))
	var figure any = p.Sigma
	if sigma != fmt.Sprint(p.Sigma) {
		figure = sigma
	}
	add("σ", figure, sigma, text{"1区分の人数に加えた雑音の標準偏差（人）", "standard deviation of the noise on a number of people"})
	add("ρ", p.Rho, decimal(p.Rho), text{"消費したプライバシー予算（zCDP）", "privacy budget spent (zCDP)"})
	add("ε", p.Epsilon, decimal(p.Epsilon), text{"δ における ε", "ε at δ"})
	add("δ", p.Delta, decimal(p.Delta), text{"ε が成り立たない確率の上限", "bound on the probability that ε fails"})
	return out
}

// leastPeople gives the exact lock, where there is one.
func leastPeople(k int64) string {
	if k == 0 {
		return ""
	}
	return fmt.Sprintf("k %d · ", k)
}

// noise gives σ and, where the number of a cell carries more noise than that,
// how much: 20 × √12 = 69.
func noise(sigma, terms int) string {
	if terms <= 1 {
		return fmt.Sprint(sigma)
	}
	return fmt.Sprintf("%d × √%d = %.0f", sigma, terms, float64(sigma)*math.Sqrt(float64(terms)))
}

// fingerprint gives the first 16 bytes of the SHA-256 of the receipt's compact
// JSON, in groups a person can compare; "" without a receipt.
func fingerprint(receipt json.RawMessage) (string, error) {
	if len(receipt) == 0 || string(receipt) == "null" {
		return "", nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, receipt); err != nil {
		return "", fmt.Errorf("reading the receipt: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	return grouped(hex.EncodeToString(sum[:16])), nil
}
