package entrustment

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reference is the day that the tests take ages on.
var reference = Date{2026, time.April, 1}

func coderOf(t testing.TB, g *Generaliser, values ...string) (*Coder, []string) {
	t.Helper()
	domain := domainOf(g, values)
	c, err := NewCoder(g, domain, reference)
	if err != nil {
		t.Fatal(err)
	}
	return c, domain
}

// checkCells codes each cell; a want of "!" is a cell that can't be read.
func checkCells(t *testing.T, g *Generaliser, values []string, cells map[string]string) {
	t.Helper()
	c, domain := coderOf(t, g, values...)
	for cell, want := range cells {
		code, understood := c.Code([]byte(cell))
		got := domain[code]
		if !understood {
			if got != Unknown {
				t.Errorf("%q: not understood, and its code is that of %s", cell, got)
			}
			got = "!"
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", cell, got, want)
		}
	}
}

func TestDomains(t *testing.T) {
	base := mustParse(t, ParseBaseSchema, "base.yaml")
	for name, want := range map[string]string{
		"age_band":    "<20 20-24 25-29 30-34 35-39 40-44 45-49 50-54 55-59 60-64 65-69 >=70 unknown",
		"gender":      "female male unknown",
		"salary_band": "<3000000 3000000-4999999 5000000-7999999 8000000-11999999 >=12000000 unknown",
		"disability":  "unknown",
	} {
		a := base.Attribute(name)
		if got := strings.Join(a.Domain(), " "); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if a.Ordered() != strings.Contains(name, "band") {
			t.Errorf("%s: ordered is %v", name, a.Ordered())
		}
	}
	p := base.Attribute("prefecture").Domain()
	if len(p) != 48 || p[0] != "北海道" || p[12] != "東京都" || p[46] != "沖縄県" || p[47] != Unknown {
		t.Errorf("prefectures: %v", p)
	}
	if r := (&Generaliser{Region: true}).Domain(); len(r) != 9 || r[8] != Unknown {
		t.Errorf("regions: %v", r)
	}
	if got := valueDomain([]string{Unknown, "a", "b"}); !slices.Equal(got, []string{"a", "b", Unknown}) {
		t.Errorf("unknown declared first: %v", got)
	}
	if base.Attribute("nobody") != nil || (*BaseSchema)(nil).Attribute("a") != nil {
		t.Error("found an attribute that is not there")
	}
	list := mustParse(t, ParseListSchema, "list.yaml")
	if got := strings.Join(list.Columns[2].Domain(), " "); got != "gold silver bronze unknown" || list.Columns[0].Domain() != nil || list.Columns[2].Ordered() {
		t.Errorf("list: %s", got)
	}
}

func TestBirthDates(t *testing.T) {
	g := &Generaliser{BirthDate: &Band{Width: 5, From: 20, To: 70}}
	checkCells(t, g, nil, map[string]string{
		"1990-04-01": "35-39", "1990/4/1": "35-39", "1990.4.1": "35-39", "19900401": "35-39", "1990年4月1日": "35-39",
		"１９９０年４月１日": "35-39", "１９９０－０４－０１": "35-39", "  1990-04-01 ": "35-39", "1990-4-1": "35-39",
		"1990-04-01T00:00:00": "35-39", "1990/04/01 00:00:00": "35-39", "1990-04-01 00:00": "35-39",
		"1991-04-01": "35-39", "1991-04-02": "30-34", // 35 today, 35 tomorrow
		"1991-04-01T14:59:59Z": "35-39", "1991-04-01T15:00:00Z": "30-34", // the second is the second of April in Japan
		"1991-04-01T00:00:00+09:00": "35-39", "1991-04-01 00:00:00 +0900": "35-39",
		"昭和60年4月1日": "40-44", "S60.4.1": "40-44", "Ｓ６０／４／１": "40-44", "平成元年4月1日": "35-39", "令和2年4月1日": "<20", "大正10年1月1日": ">=70",
		"2006-04-01": "20-24", "2006-04-02": "<20", "1956-04-01": ">=70", "1956-04-02": "65-69", "2026-04-01": "<20",
		"": "unknown", "   ": "unknown", "unknown": "unknown",
		"2026-04-02": "!", "1890-01-01": "!", "1990-02-30": "!", "1990-13-01": "!", "1990-00-10": "!", "4/1/1990": "!", "1990": "!",
		"1990-04": "!", "199004011": "!", "1990-04/01": "!", "平成99年1月1日": "!", "平成": "!", "S": "!", "不明": "!", "abc": "!",
		strings.Repeat("1", 100): "!", "1990-04-01x": "!", "1990-04-": "!", "1990--1": "!", "19900401 ": "35-39", "1990040": "!",
	})
}

func TestAges(t *testing.T) {
	checkCells(t, &Generaliser{Age: &Band{Width: 10, From: 20, To: 70}}, nil, map[string]string{
		"0": "<20", "19": "<20", "20": "20-29", "29": "20-29", "69": "60-69", "70": ">=70", "130": ">=70", "35.0": "30-39", "35歳": "30-39", "３５才": "30-39", "035": "30-39",
		"131": "!", "-1": "!", "35.5": "!", "35.": "!", "三十五": "!", "35 years": "!", "1e1": "!", "9999999999": "!", "": "unknown",
	})
	if got := (&Generaliser{Age: &Band{Width: 1, From: 0, To: 2}}).Domain(); !slices.Equal(got, []string{"0", "1", ">=2", Unknown}) {
		t.Errorf("bands of a year from birth: %v", got)
	}
}

func TestAmounts(t *testing.T) {
	checkCells(t, &Generaliser{Amount: []int64{3_000_000, 5_000_000, 8_000_000, 12_000_000}}, nil, map[string]string{
		"0": "<3000000", "2999999": "<3000000", "3000000": "3000000-4999999", "4999999.99": "3000000-4999999", "5,000,000": "5000000-7999999",
		"500万円": "5000000-7999999", "５００万円": "5000000-7999999", "¥5000000": "5000000-7999999", "￥5,000,000": "5000000-7999999", `\5,000,000`: "5000000-7999999",
		"5000000円": "5000000-7999999", "450.5万": "3000000-4999999", "1億2000万円": ">=12000000", "1億": ">=12000000", "499万9999円": "3000000-4999999",
		"12000000": ">=12000000", "5000000 yen": "5000000-7999999", "": "unknown",
		"-1": "!", "5,00,000": "!", "5000,000": "!", "five": "!", "万": "!", "1万2万": "!", "1.23456万": "!", "円": "!", "5.": "!", "99999999999999999999": "!", "¥": "!", ",500": "!", "500,": "!",
	})
}

func TestPrefectureCells(t *testing.T) {
	g := &Generaliser{Prefecture: true}
	checkCells(t, g, nil, map[string]string{
		"東京都": "東京都", "東京": "東京都", "Tokyo": "東京都", "TOKYO-TO": "東京都", "Tōkyō": "東京都", "tokyo": "東京都", "13": "東京都", "JP-13": "東京都", "jp-01": "北海道", "1": "北海道", "01": "北海道",
		"北海道": "北海道", "Hokkaidō": "北海道", "京都": "京都府", "京都府京都市上京区": "京都府", "大阪": "大阪府", "Osaka-fu": "大阪府", "Kanagawa Prefecture": "神奈川県", "Ōita": "大分県", "gumma": "群馬県", "鹿児島": "鹿児島県",
		"150-0001": "東京都", "1500001": "東京都", "〒150-0001": "東京都", "〒 １５０－０００１": "東京都", "150ー0001": "東京都", "150": "東京都", "600001": "北海道", "0600001": "北海道",
		"〒150-0001 東京都渋谷区神宮前1-2-3": "東京都", "神奈川県横浜市西区1-1": "神奈川県", "１３": "東京都", "231-0023神奈川県": "神奈川県",
		"":  "unknown",
		"0": "!", "48": "!", "東": "!", "渋谷区": "!", "000-0000": "!", "15000": "!", "150-000": "!", "15-00001": "!", "1-2-3": "!", "Springfield": "!", "JP-99": "!", "150000112": "!", "福島区": "!",
	})
	checkCells(t, &Generaliser{Region: true}, nil, map[string]string{
		"東京都": "関東", "060-0001": "北海道", "Osaka": "近畿", "関東": "関東", "九州": "九州・沖縄", "九州･沖縄": "九州・沖縄", "47": "九州・沖縄", "関西": "近畿", "": "unknown", "x": "!",
	})
}

// The fixture has, of Japan Post's list, the first and last postcode of every
// three-digit head, and both sides of every range that is an exception.
func TestPostcodesOfTheWholeCountry(t *testing.T) {
	f, err := os.Open("testdata/postcodes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2000 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	c, domain := coderOf(t, &Generaliser{Prefecture: true})
	seen := map[uint8]bool{}
	for _, r := range rows[1:] {
		want, _ := strconv.Atoi(r[1])
		for _, form := range []string{r[0], r[0][:3] + "-" + r[0][3:]} {
			code, ok := c.Code([]byte(form))
			if !ok || int(code) != want-1 {
				t.Errorf("%s: got %s, want %s", form, domain[code], domain[want-1])
			}
			seen[code] = true
		}
	}
	if len(seen) != 47 {
		t.Errorf("the fixture names %d prefectures", len(seen))
	}
}

func TestValues(t *testing.T) {
	checkCells(t, nil, []string{"Gold", "silver", "一般会員", "ﾌﾟﾗﾁﾅ", "unknown", "10万"}, map[string]string{
		"Gold": "Gold", "gold": "Gold", "ＧＯＬＤ": "Gold", " silver ": "silver", "一般会員": "一般会員", "　一般会員　": "一般会員", "プラチナ": "ﾌﾟﾗﾁﾅ", "１０万": "10万",
		"unknown": "unknown", "": "unknown", "gol": "!", "gold gold": "!", strings.Repeat("x", 1000): "!", "ÉCLAIR": "!",
	})
}

func TestNewCoderRefuses(t *testing.T) {
	band := &Band{Width: 5, From: 20, To: 70}
	for name, c := range map[string]struct {
		g      *Generaliser
		domain []string
		ref    Date
	}{
		"no domain":            {nil, nil, reference},
		"unknown not last":     {nil, []string{Unknown, "a"}, reference},
		"too many values":      {nil, append(make([]string, MaxDomain), Unknown), reference},
		"no reference day":     {&Generaliser{BirthDate: band}, (&Generaliser{BirthDate: band}).Domain(), Date{}},
		"another's domain":     {&Generaliser{BirthDate: band}, []string{"a", Unknown}, reference},
		"a day":                {&Generaliser{Day: true}, []string{Unknown}, reference},
		"bands that don't fit": {&Generaliser{Age: &Band{Width: 0, From: 1, To: 2}}, []string{Unknown}, reference},
		"nothing":              {&Generaliser{}, []string{Unknown}, reference},
	} {
		if _, err := NewCoder(c.g, c.domain, c.ref); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Every cell has a code inside the domain, and what is not understood has the
// last.
func TestEveryCodeIsInItsDomain(t *testing.T) {
	base := mustParse(t, ParseBaseSchema, "base.yaml")
	gs := []*Generaliser{{Age: &Band{Width: 10, From: 20, To: 70}}, {Region: true}, nil}
	for _, a := range base.Attributes {
		if a.Generalise != nil {
			gs = append(gs, a.Generalise)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		g := rapid.SampledFrom(gs).Draw(rt, "generaliser")
		c, domain := coderOf(t, g, "a", "b")
		cell := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.StringMatching(`[0-9０-９年月日,.¥万億円SHR〒 -]{0,20}`), func(s string) []byte { return []byte(s) })).Draw(rt, "cell")
		before := slices.Clone(cell)
		code, understood := c.Code(cell)
		if int(code) >= len(domain) || !understood && int(code) != len(domain)-1 {
			rt.Fatalf("code %d of %d, understood %v", code, len(domain), understood)
		}
		if !slices.Equal(cell, before) {
			rt.Fatal("the cell was changed")
		}
	})
}

// A band's label says exactly the ages that get it.
func TestBandsHoldWhatTheySay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(1, 20).Draw(rt, "width")
		from := rapid.IntRange(0, 60).Draw(rt, "from")
		n := rapid.IntRange(1, min(60, (maxAge-from)/width)).Draw(rt, "bands")
		g := &Generaliser{Age: &Band{Width: width, From: from, To: from + n*width}}
		if detail, _ := g.fault(); detail != "" {
			rt.Fatalf("a good band is refused: %s", detail)
		}
		c, domain := coderOf(t, g)
		age := rapid.IntRange(0, maxAge).Draw(rt, "age")
		code, ok := c.Code([]byte(strconv.Itoa(age)))
		if label := domain[code]; !ok || !says(label, int64(age)) {
			rt.Fatalf("age %d has the band %s", age, label)
		}
	})
}

func TestAmountBandsHoldWhatTheySay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bounds := rapid.SliceOfNDistinct(rapid.Int64Range(1, maxAmount), 1, 20, rapid.ID[int64]).Draw(rt, "bounds")
		slices.Sort(bounds)
		c, domain := coderOf(t, &Generaliser{Amount: bounds})
		v := rapid.OneOf(rapid.Int64Range(0, maxAmount), rapid.Map(rapid.SampledFrom(bounds), func(b int64) int64 { return b - 1 }), rapid.SampledFrom(bounds)).Draw(rt, "amount")
		code, ok := c.Code([]byte(strconv.FormatInt(v, 10)))
		if label := domain[code]; !ok || !says(label, v) {
			rt.Fatalf("%d has the band %s", v, label)
		}
	})
}

// says reads a label as a person does.
func says(label string, v int64) bool {
	var lo, hi int64
	switch {
	case strings.HasPrefix(label, "<"):
		fmt.Sscanf(label, "<%d", &hi)
		return v < hi
	case strings.HasPrefix(label, ">="):
		fmt.Sscanf(label, ">=%d", &lo)
		return v >= lo
	case strings.Contains(label, "-"):
		fmt.Sscanf(label, "%d-%d", &lo, &hi)
		return lo <= v && v <= hi
	}
	fmt.Sscanf(label, "%d", &lo)
	return v == lo
}

// Every way to write a day gives the same band.
func TestBirthDateFormsAgree(t *testing.T) {
	c, _ := coderOf(t, &Generaliser{BirthDate: &Band{Width: 5, From: 20, To: 70}})
	rapid.Check(t, func(rt *rapid.T) {
		d := DateOf(time.Date(1927, 1, 1, 0, 0, 0, 0, JST).AddDate(0, 0, rapid.IntRange(0, 36000).Draw(rt, "day")))
		want, ok := c.Code([]byte(d.String()))
		if !ok {
			rt.Fatalf("%s is not understood", d)
		}
		for _, form := range []string{"%d/%d/%d", "%d.%02d.%02d", "%04d%02d%02d", "%d年%d月%d日", "%04d-%02d-%02d 12:00:00", "%04d-%02d-%02dT00:00:00+09:00"} {
			s := fmt.Sprintf(form, d.Year, d.Month, d.Day)
			if got, ok := c.Code([]byte(s)); !ok || got != want {
				rt.Fatalf("%s: %d, and %s is %d", s, got, d, want)
			}
		}
	})
}

func TestUsualCellsDoNotAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		g    *Generaliser
		cell string
	}{
		"birth date": {&Generaliser{BirthDate: &Band{Width: 5, From: 20, To: 70}}, "1990-04-01"},
		"age":        {&Generaliser{Age: &Band{Width: 5, From: 20, To: 70}}, "35"},
		"postcode":   {&Generaliser{Prefecture: true}, "150-0001"},
		"prefecture": {&Generaliser{Prefecture: true}, "東京都"},
		"amount":     {&Generaliser{Amount: []int64{3_000_000}}, "5,000,000"},
		"value":      {nil, "GOLD"},
	} {
		coder, _ := coderOf(t, c.g, "gold", "silver")
		cell := []byte(c.cell)
		if n := testing.AllocsPerRun(100, func() { coder.Code(cell) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAgeAgainstACountOfBirthdays(t *testing.T) {
	if (Date{2023, 2, 28}).Age(Date{2000, 2, 29}) != 22 || (Date{2023, 3, 1}).Age(Date{2000, 2, 29}) != 23 || (Date{2024, 2, 29}).Age(Date{2000, 2, 29}) != 24 {
		t.Error("29 February")
	}
	rapid.Check(t, func(rt *rapid.T) {
		start := time.Date(1900, 1, 1, 0, 0, 0, 0, JST)
		birth := DateOf(start.AddDate(0, 0, rapid.IntRange(0, 40000).Draw(rt, "birth")))
		day := DateOf(birth.Start().AddDate(0, 0, rapid.IntRange(0, 40000).Draw(rt, "later")))
		birthdays := 0
		for y := birth.Year + 1; y <= day.Year; y++ {
			// time.Date brings 29 February of a common year to 1 March.
			if !DateOf(time.Date(y, birth.Month, birth.Day, 0, 0, 0, 0, JST)).After(day) {
				birthdays++
			}
		}
		if got := day.Age(birth); got != birthdays {
			rt.Fatalf("born %s, on %s: age %d, %d birthdays", birth, day, got, birthdays)
		}
	})
}

func TestDates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := DateOf(time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(rt, "a"), 0))
		b := DateOf(time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(rt, "b"), 0))
		if back, err := ParseDate(a.String()); err != nil || back != a {
			rt.Fatalf("%s reads as %s: %v", a, back, err)
		}
		if a.Compare(b) != a.Start().Compare(b.Start()) || a.Before(b) != a.Start().Before(b.Start()) || a.After(b) != b.Before(a) {
			rt.Fatalf("the order of %s and %s", a, b)
		}
		if a.End() != DateOf(a.End()).Start() || DateOf(a.End().Add(-1)) != a {
			rt.Fatalf("%s ends at %s", a, a.End())
		}
	})
	for _, s := range []string{"2026-02-29", "2026-2-1", "26-02-01", "2026-02-01 ", "x"} {
		if _, err := ParseDate(s); err == nil {
			t.Errorf("%q is taken for a day", s)
		}
	}
	// 15:00 UTC is midnight in Japan.
	if got := DateOf(time.Date(2026, 3, 31, 15, 0, 0, 0, time.UTC)); got != reference {
		t.Errorf("got %s", got)
	}
	for _, s := range []string{"0d", "90", "d", "-1d", "36501d", "1.5d"} {
		if err := new(Days).UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is taken for days", s)
		}
	}
}

func FuzzCode(f *testing.F) {
	for _, s := range []string{"1990-04-01", "昭和60年4月1日", "35", "150-0001", "東京都渋谷区", "500万円", "1億2000万", "ＧＯＬＤ", "\xff\xfe", "〒"} {
		f.Add([]byte(s))
	}
	var coders []*Coder
	var sizes []int
	for _, g := range []*Generaliser{nil, {BirthDate: &Band{5, 20, 70}}, {Age: &Band{10, 20, 70}}, {Prefecture: true}, {Region: true}, {Amount: []int64{1, 5, 1e9}}} {
		c, domain := coderOf(f, g, "gold", "silver")
		coders, sizes = append(coders, c), append(sizes, len(domain))
	}
	f.Fuzz(func(t *testing.T, cell []byte) {
		for i, c := range coders {
			code, understood := c.Code(cell)
			if int(code) >= sizes[i] || !understood && int(code) != sizes[i]-1 {
				t.Errorf("coder %d: code %d of %d, understood %v", i, code, sizes[i], understood)
			}
		}
	})
}

func BenchmarkCode(b *testing.B) {
	for name, c := range map[string]struct {
		g    *Generaliser
		cell string
	}{
		"birth":    {&Generaliser{BirthDate: &Band{5, 20, 70}}, "1990-04-01"},
		"postcode": {&Generaliser{Prefecture: true}, "871-0801"},
		"amount":   {&Generaliser{Amount: []int64{3_000_000, 5_000_000}}, "5,000,000"},
		"value":    {nil, "Gold"},
	} {
		b.Run(name, func(b *testing.B) {
			coder, _ := coderOf(b, c.g, "gold", "silver")
			cell := []byte(c.cell)
			for b.Loop() {
				coder.Code(cell)
			}
		})
	}
}
