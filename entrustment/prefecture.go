package entrustment

import (
	"slices"
	"strings"
)

// prefecture is one of the 47, in the order of its JIS X 0401 code.
type prefecture struct {
	name   string // 東京都
	romaji string // tokyo
	region uint8  // position in regionNames
}

var regionNames = [...]string{"北海道", "東北", "関東", "中部", "近畿", "中国", "四国", "九州・沖縄"}

var prefectures = [...]prefecture{
	{"北海道", "hokkaido", 0},
	{"青森県", "aomori", 1}, {"岩手県", "iwate", 1}, {"宮城県", "miyagi", 1},
	{"秋田県", "akita", 1}, {"山形県", "yamagata", 1}, {"福島県", "fukushima", 1},
	{"茨城県", "ibaraki", 2}, {"栃木県", "tochigi", 2}, {"群馬県", "gunma", 2}, {"埼玉県", "saitama", 2},
	{"千葉県", "chiba", 2}, {"東京都", "tokyo", 2}, {"神奈川県", "kanagawa", 2},
	{"新潟県", "niigata", 3}, {"富山県", "toyama", 3}, {"石川県", "ishikawa", 3}, {"福井県", "fukui", 3},
	{"山梨県", "yamanashi", 3}, {"長野県", "nagano", 3}, {"岐阜県", "gifu", 3}, {"静岡県", "shizuoka", 3}, {"愛知県", "aichi", 3},
	{"三重県", "mie", 4}, {"滋賀県", "shiga", 4}, {"京都府", "kyoto", 4}, {"大阪府", "osaka", 4},
	{"兵庫県", "hyogo", 4}, {"奈良県", "nara", 4}, {"和歌山県", "wakayama", 4},
	{"鳥取県", "tottori", 5}, {"島根県", "shimane", 5}, {"岡山県", "okayama", 5}, {"広島県", "hiroshima", 5}, {"山口県", "yamaguchi", 5},
	{"徳島県", "tokushima", 6}, {"香川県", "kagawa", 6}, {"愛媛県", "ehime", 6}, {"高知県", "kochi", 6},
	{"福岡県", "fukuoka", 7}, {"佐賀県", "saga", 7}, {"長崎県", "nagasaki", 7}, {"熊本県", "kumamoto", 7},
	{"大分県", "oita", 7}, {"宮崎県", "miyazaki", 7}, {"鹿児島県", "kagoshima", 7}, {"沖縄県", "okinawa", 7},
}

// Prefectures gives the 47 prefectures in the order of their JIS X 0401 codes.
func Prefectures() []string {
	out := make([]string, len(prefectures))
	for i, p := range prefectures {
		out[i] = p.name
	}
	return out
}

// Regions gives the eight regions, north to south.
func Regions() []string { return slices.Clone(regionNames[:]) }

// byPostcode gives the prefecture (JIS code) from which a postcode's first
// three digits up to the next row are delivered. Source: Japan Post's postcode
// list (KEN_ALL), on which no copyright is claimed.
var byPostcode = [...]struct {
	from uint16
	jis  uint8
}{
	{1, 1}, {10, 5}, {20, 3}, {30, 2}, {40, 1}, {100, 13}, {210, 14}, {260, 12}, {300, 8}, {320, 9},
	{330, 11}, {370, 10}, {380, 20}, {400, 19}, {410, 22}, {440, 23}, {500, 21}, {510, 24}, {520, 25}, {530, 27},
	{600, 26}, {618, 27}, {619, 26}, {630, 29}, {640, 30}, {650, 28}, {680, 31}, {685, 32}, {689, 31}, {690, 32},
	{700, 33}, {720, 34}, {740, 35}, {760, 37}, {770, 36}, {780, 39}, {790, 38}, {800, 40}, {817, 42}, {818, 40},
	{840, 41}, {850, 42}, {860, 43}, {870, 44}, {880, 45}, {890, 46}, {900, 47}, {910, 18}, {920, 17}, {930, 16},
	{940, 15}, {960, 7}, {980, 4}, {990, 6},
}

// postcodeExceptions are the ranges of whole postcodes that lie in another
// prefecture than their first three digits say: places that a post office
// across the border serves, and business numbers held there. 618-0000 and
// 871-0000 stand for two prefectures each and keep that of their three digits,
// as does a postcode of which only three digits are given.
var postcodeExceptions = [...]struct {
	from, to uint32
	jis      uint8
}{
	{185501, 185501, 2},
	{1008620, 1008620, 11},
	{1008639, 1008639, 11},
	{1008677, 1008677, 12},
	{1218729, 1218729, 11},
	{1748741, 1748743, 11},
	{2208604, 2208604, 13},
	{3114411, 3114411, 9},
	{3491221, 3491221, 9},
	{3701507, 3701507, 11},
	{3708686, 3708686, 13},
	{3840097, 3840097, 10},
	{3890121, 3890121, 10},
	{3892261, 3892261, 15},
	{4314121, 4314121, 23},
	{4980000, 4980000, 24}, // 桑名郡木曽岬町
	{4980801, 4980824, 24},
	{4988503, 4988503, 24},
	{5200461, 5200465, 26}, // 京都市左京区北部
	{5398794, 5398794, 28},
	{5630801, 5630801, 28},
	{6180071, 6188501, 26}, // 乙訓郡大山崎町
	{6188511, 6188511, 26},
	{6188525, 6188525, 26},
	{6188558, 6188567, 26},
	{6300271, 6300272, 27},
	{6471271, 6471271, 29},
	{6471321, 6471325, 24},
	{6471581, 6471584, 29},
	{6480300, 6480392, 29}, // 吉野郡野迫川村
	{6840100, 6840413, 32}, // 隠岐郡
	{8115100, 8115757, 42}, // 壱岐市
	{8391421, 8391421, 44},
	{8480401, 8480492, 42},
	{8710226, 8710226, 40},
	{8710801, 8710993, 40}, // 築上郡
	{8718585, 8718585, 40},
	{9220679, 9220679, 18},
	{9390171, 9390171, 17},
	{9498321, 9498321, 20},
}

// postcodePrefecture gives the JIS code of the prefecture of a seven-digit
// postcode, 0 where there is none.
func postcodePrefecture(code uint32) uint8 {
	for _, e := range postcodeExceptions {
		if e.from <= code && code <= e.to {
			return e.jis
		}
	}
	return prefixPrefecture(uint16(code / 10000))
}

func prefixPrefecture(prefix uint16) uint8 {
	jis := uint8(0)
	for _, r := range byPostcode {
		if prefix < r.from {
			break
		}
		jis = r.jis
	}
	return jis
}

// prefectureNames maps every spelling that names a whole prefecture to its JIS
// code: 東京都, 東京, tokyo, tokyo-to, 13, JP-13. Keys are folded.
func prefectureNames() map[string]uint8 {
	m := make(map[string]uint8, 8*len(prefectures))
	for i, p := range prefectures {
		jis := uint8(i + 1)
		m[p.name] = jis
		short, suffix := p.name, ""
		for kanji, latin := range map[string]string{"都": "to", "府": "fu", "県": "ken"} {
			if s, ok := strings.CutSuffix(p.name, kanji); ok {
				short, suffix = s, latin
			}
		}
		m[short] = jis
		m[p.romaji] = jis
		for _, tail := range []string{"-" + suffix, " " + suffix, suffix, " prefecture", " pref", " pref."} {
			if suffix != "" {
				m[p.romaji+tail] = jis
			}
		}
	}
	m["gumma"] = 10
	return m
}

// plainVowels writes the long vowels of romaji without their marks.
var plainVowels = strings.NewReplacer("ō", "o", "Ō", "o", "ū", "u", "Ū", "u", "ô", "o", "û", "u")

// prefectureOf gives the JIS code of what a cell says, 0 where it says none: a
// name, a code, a postcode, or an address or postcode with an address behind
// it. cell is trimmed and not empty.
func prefectureOf(cell []byte, names map[string]uint8) uint8 {
	if jis := names[string(cell)]; jis != 0 {
		return jis
	}
	if jis, digits := numberPrefecture(cell); jis != 0 || digits && isASCII(cell) {
		return jis
	}
	// The slow way: full-width digits, other dashes, upper case, marks, addresses.
	s := plainVowels.Replace(fold(string(cell)))
	s = strings.TrimSpace(strings.TrimPrefix(s, "〒"))
	if jis := names[s]; jis != 0 {
		return jis
	}
	s = strings.TrimPrefix(s, "jp-")
	if jis, digits := numberPrefecture([]byte(dashes.Replace(s))); digits {
		return jis
	}
	for i, p := range prefectures {
		if strings.HasPrefix(s, p.name) {
			return uint8(i + 1)
		}
	}
	return 0
}

// dashes writes as hyphen-minus every dash that stands in Japanese postcodes
// and dates; U+30FC is the long vowel mark that keyboards give.
var dashes = strings.NewReplacer("\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2014", "-", "\u2015", "-", "\u2212", "-", "\u30fc", "-")

// numberPrefecture reads what begins with digits: 1 or 2 are a JIS code, 3 the
// head of a postcode, NNN-NNNN and NNNNNNN a postcode, behind which an address
// may follow after a blank or a letter. Six digits are a postcode whose leading
// 0 a spreadsheet took. digits tells whether the cell begins with a digit.
func numberPrefecture(cell []byte) (jis uint8, digits bool) {
	n, count, i := uint32(0), 0, 0
	for ; i < len(cell) && count < 8; i++ {
		if c := cell[i]; '0' <= c && c <= '9' {
			n, count = n*10+uint32(c-'0'), count+1
		} else if c != '-' || count != 3 {
			break
		}
	}
	if count == 0 {
		return 0, false
	}
	rest := cell[i:]
	switch {
	case count == 7:
		return postcodePrefecture(n), true
	case len(rest) > 0: // an address that begins with a number, or a typing error
		return 0, true
	case count == 6 && cell[len(cell)-4] != '-' && len(cell) == 6:
		return postcodePrefecture(n), true
	case count == 3 && len(cell) == 3:
		return prefixPrefecture(uint16(n)), true
	case count <= 2 && 1 <= n && n <= uint32(len(prefectures)):
		return uint8(n), true
	}
	return 0, true
}
