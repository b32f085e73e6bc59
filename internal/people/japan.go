package people

// The population by five-year age group and sex, in ten thousands: the order
// of magnitude of the Statistics Bureau of Japan's population estimates as of
// 1 October 2023 (人口推計), total population. Youngest group 15–19, oldest
// 80–84.
const (
	youngest  = 15
	groupSpan = 5
)

var menByAge = [...]int{282, 321, 335, 329, 355, 393, 460, 481, 412, 371, 356, 409, 330, 242}

var womenByAge = [...]int{268, 303, 316, 312, 342, 383, 449, 474, 411, 378, 377, 453, 408, 348}

// prefecture is one of the 47: its population in thousands (population
// estimates as of 1 October 2023, rounded), a three-digit postcode prefix that
// lies in it alone, and whether it holds a large city, which the client of the
// demo sells in.
type prefecture struct {
	name   string
	people int
	prefix string
	urban  bool
}

var prefectures = [...]prefecture{
	{"北海道", 5092, "060", false}, {"青森県", 1184, "030", false}, {"岩手県", 1163, "020", false},
	{"宮城県", 2264, "980", false}, {"秋田県", 914, "010", false}, {"山形県", 1026, "990", false},
	{"福島県", 1767, "960", false}, {"茨城県", 2825, "310", false}, {"栃木県", 1897, "320", false},
	{"群馬県", 1902, "371", false}, {"埼玉県", 7331, "330", true}, {"千葉県", 6257, "260", true},
	{"東京都", 14086, "150", true}, {"神奈川県", 9229, "220", true}, {"新潟県", 2126, "950", false},
	{"富山県", 1007, "930", false}, {"石川県", 1109, "920", false}, {"福井県", 744, "910", false},
	{"山梨県", 796, "400", false}, {"長野県", 2004, "380", false}, {"岐阜県", 1931, "500", false},
	{"静岡県", 3555, "420", false}, {"愛知県", 7477, "460", true}, {"三重県", 1727, "514", false},
	{"滋賀県", 1407, "525", false}, {"京都府", 2535, "600", false}, {"大阪府", 8763, "530", true},
	{"兵庫県", 5370, "650", false}, {"奈良県", 1296, "630", false}, {"和歌山県", 892, "640", false},
	{"鳥取県", 537, "680", false}, {"島根県", 650, "690", false}, {"岡山県", 1847, "700", false},
	{"広島県", 2738, "730", false}, {"山口県", 1298, "753", false}, {"徳島県", 695, "770", false},
	{"香川県", 926, "760", false}, {"愛媛県", 1291, "790", false}, {"高知県", 666, "780", false},
	{"福岡県", 5103, "810", true}, {"佐賀県", 795, "840", false}, {"長崎県", 1267, "850", false},
	{"熊本県", 1709, "860", false}, {"大分県", 1096, "870", false}, {"宮崎県", 1042, "880", false},
	{"鹿児島県", 1549, "890", false}, {"沖縄県", 1468, "900", false},
}

// name is a common name: as written, as read, in Latin letters.
type name struct{ kanji, kana, latin string }

var familyNames = [...]name{
	{"佐藤", "サトウ", "sato"}, {"鈴木", "スズキ", "suzuki"}, {"高橋", "タカハシ", "takahashi"}, {"田中", "タナカ", "tanaka"},
	{"伊藤", "イトウ", "ito"}, {"渡辺", "ワタナベ", "watanabe"}, {"山本", "ヤマモト", "yamamoto"}, {"中村", "ナカムラ", "nakamura"},
	{"小林", "コバヤシ", "kobayashi"}, {"加藤", "カトウ", "kato"}, {"吉田", "ヨシダ", "yoshida"}, {"山田", "ヤマダ", "yamada"},
	{"佐々木", "ササキ", "sasaki"}, {"山口", "ヤマグチ", "yamaguchi"}, {"松本", "マツモト", "matsumoto"}, {"井上", "イノウエ", "inoue"},
	{"木村", "キムラ", "kimura"}, {"林", "ハヤシ", "hayashi"}, {"斎藤", "サイトウ", "saito"}, {"清水", "シミズ", "shimizu"},
	{"山崎", "ヤマザキ", "yamazaki"}, {"森", "モリ", "mori"}, {"池田", "イケダ", "ikeda"}, {"橋本", "ハシモト", "hashimoto"},
	{"阿部", "アベ", "abe"}, {"石川", "イシカワ", "ishikawa"}, {"山下", "ヤマシタ", "yamashita"}, {"中島", "ナカジマ", "nakajima"},
	{"石井", "イシイ", "ishii"}, {"小川", "オガワ", "ogawa"}, {"前田", "マエダ", "maeda"}, {"岡田", "オカダ", "okada"},
	{"長谷川", "ハセガワ", "hasegawa"}, {"藤田", "フジタ", "fujita"}, {"後藤", "ゴトウ", "goto"}, {"近藤", "コンドウ", "kondo"},
	{"村上", "ムラカミ", "murakami"}, {"遠藤", "エンドウ", "endo"}, {"青木", "アオキ", "aoki"}, {"坂本", "サカモト", "sakamoto"},
	// Two of the many whose usual form lies outside JIS X 0208: files meant to
	// be Shift_JIS are CP932 because of them.
	{"髙橋", "タカハシ", "takahashi"}, {"山﨑", "ヤマサキ", "yamasaki"},
}

var womensNames = [...]name{
	{"陽子", "ヨウコ", "yoko"}, {"久美子", "クミコ", "kumiko"}, {"由美子", "ユミコ", "yumiko"}, {"恵子", "ケイコ", "keiko"},
	{"美咲", "ミサキ", "misaki"}, {"さくら", "サクラ", "sakura"}, {"愛", "アイ", "ai"}, {"彩", "アヤ", "aya"},
	{"葵", "アオイ", "aoi"}, {"結衣", "ユイ", "yui"}, {"智子", "トモコ", "tomoko"}, {"裕子", "ユウコ", "yuko"},
	{"直美", "ナオミ", "naomi"}, {"舞", "マイ", "mai"}, {"麻衣", "マイ", "mai"}, {"幸子", "サチコ", "sachiko"},
	{"和子", "カズコ", "kazuko"}, {"真由美", "マユミ", "mayumi"}, {"凛", "リン", "rin"}, {"遥", "ハルカ", "haruka"},
}

var mensNames = [...]name{
	{"誠", "マコト", "makoto"}, {"浩", "ヒロシ", "hiroshi"}, {"直樹", "ナオキ", "naoki"}, {"健一", "ケンイチ", "kenichi"},
	{"大輔", "ダイスケ", "daisuke"}, {"翔太", "ショウタ", "shota"}, {"拓也", "タクヤ", "takuya"}, {"蓮", "レン", "ren"},
	{"陽翔", "ハルト", "haruto"}, {"達也", "タツヤ", "tatsuya"}, {"哲也", "テツヤ", "tetsuya"}, {"学", "マナブ", "manabu"},
	{"隆", "タカシ", "takashi"}, {"茂", "シゲル", "shigeru"}, {"実", "ミノル", "minoru"}, {"大樹", "ダイキ", "daiki"},
	{"健太", "ケンタ", "kenta"}, {"亮", "リョウ", "ryo"}, {"修", "オサム", "osamu"}, {"悠人", "ユウト", "yuto"},
}

// Mail domains. Those of companies are reserved for examples (RFC 2606, JPRS);
// the others are real providers, and the local parts are made up.
var (
	privateDomains = [...]string{"gmail.com", "yahoo.co.jp", "docomo.ne.jp", "icloud.com", "ezweb.ne.jp", "softbank.ne.jp", "outlook.jp", "example.jp"}
	workDomains    = [...]string{"example.co.jp", "example.com", "mail.example.jp", "example.ne.jp"}
	privateWeights = newWeights(44, 18, 12, 11, 6, 4, 3, 2)
)

var (
	sexWeights        = newWeights(sum(menByAge[:]), sum(womenByAge[:]))
	ageWeights        = [2]weights{newWeights(menByAge[:]...), newWeights(womenByAge[:]...)}
	prefectureWeights = func() weights {
		ws := make([]int, len(prefectures))
		for i, p := range prefectures {
			ws[i] = p.people
		}
		return newWeights(ws...)
	}()
)

func sum(xs []int) int {
	n := 0
	for _, x := range xs {
		n += x
	}
	return n
}
