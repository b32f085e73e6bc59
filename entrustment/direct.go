package entrustment

import (
	"slices"
	"strings"
	"unicode"
)

// Words in a column's header that tell a direct identifier of a person. A list
// of this kind is never complete: it catches the usual mistake, and the closed
// domain of every column catches the rest.
var (
	directParts = []string{
		"氏名", "名前", "姓名", "苗字", "名字", "本名", "旧姓", "フリガナ", "ふりがな", "シメイ", "フルネーム",
		"者名", "会員名", "顧客名", "個人名", "世帯主", "住所", "番地", "丁目", "建物名", "マンション", "部屋番号",
		"郵便番号", "マイナンバー", "個人番号", "免許証", "旅券番号", "パスポート", "口座番号", "カード番号", "保険証",
	}
	directWhole  = []string{"姓", "名", "氏", "セイ", "メイ", "カナ", "かな", "姓カナ", "名カナ", "姓かな", "名かな", "〒", "郵便"}
	directTokens = []string{
		"surname", "fullname", "firstname", "lastname", "forename", "kana", "furigana",
		"address", "addr", "street", "zip", "zipcode", "postcode", "postal", "postalcode", "passport", "ssn", "fn", "ln",
	}
	// A name of these is not a person's.
	notPeople = []string{
		"company", "organization", "organisation", "org", "corporate", "corporation", "corp", "business", "employer",
		"product", "item", "store", "shop", "branch", "brand", "campaign", "category", "plan", "service", "event",
		"file", "table", "column", "department", "dept", "job", "occupation", "school", "university", "course",
		"city", "pref", "prefecture", "region", "area", "country", "state", "tier", "rank", "segment", "group",
		"site", "domain", "host", "device", "os", "browser", "app", "tag", "list", "industry", "station", "team",
	}
)

// LooksDirect tells whether a column's header says that it holds people's
// names, addresses, postcodes or numbers of documents, in Japanese or English.
// Such a column never enters raw; one with an address or a postcode may enter
// generalised to prefecture or region. Names of things (company_name) and
// identifiers to be hashed (email_address, 電話番号) are not direct.
func LooksDirect(column string) bool {
	tokens := headerTokens(column)
	whole := strings.Join(tokens, "")
	if slices.ContainsFunc(tokens, func(t string) bool { return slices.Contains(directWhole, t) }) { // 姓, 姓（漢字）
		return true
	}
	for _, part := range directParts {
		if strings.Contains(whole, part) {
			// メール住所 and メールアドレス名 are no addresses; メール会員氏名 is a name.
			return !strings.Contains(whole, "メール") || part != "住所" && part != "アドレス名"
		}
	}
	if slices.ContainsFunc(tokens, func(t string) bool { return t == "email" || t == "mail" }) {
		return false
	}
	for i, t := range tokens {
		t = strings.TrimRight(t, "0123456789") // address1, address2
		switch {
		case slices.Contains(directTokens, t):
			return true
		case t == "name" || t == "names":
			if i == 0 || !slices.Contains(notPeople, tokens[i-1]) {
				return true
			}
		}
	}
	return false
}

// Words of 要配慮個人情報 (APPI Art. 2(3) and its cabinet order, Art. 2) and of
// what the sector guidelines treat alike.
var (
	sensitiveParts = []string{
		"人種", "民族", "信条", "宗教", "信仰", "思想", "政治", "社会的身分", "門地", "部落", "病歴", "既往", "持病", "病名",
		"疾患", "疾病", "障害", "障がい", "障碍", "犯罪", "前科", "前歴", "犯歴", "逮捕", "健康診断", "健診", "検診", "診療", "診断",
		"調剤", "服薬", "投薬", "処方", "治療", "医療", "妊娠", "遺伝", "ゲノム", "性的指向", "性生活", "労働組合", "要配慮",
	}
	sensitiveTokens = []string{
		"race", "racial", "ethnic", "ethnicity", "tribe", "caste", "creed", "religion", "religious", "belief", "beliefs", "faith",
		"political", "politics", "disability", "disabilities", "disabled", "handicap", "handicapped", "impairment",
		"medical", "diagnosis", "diagnoses", "disease", "diseases", "illness", "medication", "prescription", "prescriptions", "healthcheck",
		"hiv", "pregnant", "pregnancy", "genetic", "genetics", "genome", "criminal", "crime", "crimes", "conviction", "convictions", "convicted",
		"felony", "arrest", "arrested", "sexuality", "sensitive",
	}
	sensitivePairs = [][2]string{
		{"health", "check"}, {"health", "status"}, {"health", "condition"}, {"health", "record"}, {"sexual", "orientation"},
		{"sex", "life"}, {"labor", "union"}, {"labour", "union"}, {"trade", "union"}, {"mental", "health"}, {"social", "status"},
	}
)

// SensitiveName tells whether an attribute's name means 要配慮個人情報: race,
// creed, social status, medical history, disability, criminal record and what
// is akin. Such an attribute is treated as sensitive even where nobody declared
// it so (PRIVACY §8).
func SensitiveName(name string) bool {
	tokens := headerTokens(name)
	whole := strings.Join(tokens, "")
	for _, part := range sensitiveParts {
		if strings.Contains(whole, part) {
			return true
		}
	}
	for i, t := range tokens {
		if slices.Contains(sensitiveTokens, t) || i > 0 && slices.Contains(sensitivePairs, [2]string{tokens[i-1], t}) {
			return true
		}
	}
	return false
}

// headerTokens splits a header into folded words: at blanks and marks, and
// where camelCase has an upper-case letter.
func headerTokens(s string) []string {
	var spaced strings.Builder
	var before rune
	for _, r := range s {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(r)
		before = r
	}
	return strings.FieldsFunc(fold(spaced.String()), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) && r != '〒'
	})
}
