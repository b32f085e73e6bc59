package entrustment

import "testing"

func TestLooksDirect(t *testing.T) {
	direct := []string{
		"氏名", "お名前", "名前", "姓", "名", "氏", "姓（漢字）", "氏名（カナ）", "氏名カナ", "フリガナ", "ﾌﾘｶﾞﾅ", "ふりがな", "カナ", "セイ", "メイ", "契約者名", "会員名", "担当者氏名",
		"住所", "住所1", "住所２", "現住所", "ご住所", "番地", "建物名", "郵便番号", "〒", "マイナンバー", "運転免許証番号",
		"name", "Name", "NAME", "name_kana", "first_name", "First Name", "firstName", "last-name", "fullName", "customer_name", "user.name", "fn", "ln",
		"address", "Address 1", "address2", "address_line", "homeAddress", "street", "zip", "ZIP code", "zip_code", "postcode", "postal_code", "passport_no", "ip_address",
	}
	for _, c := range direct {
		if !LooksDirect(c) {
			t.Errorf("%s is not seen", c)
		}
	}
	fine := []string{
		"company_name", "会社名", "商品名", "product name", "campaignName", "prefecture", "都道府県", "性別", "年齢", "生年月日", "email", "email_address", "E-mail Address", "mail_address",
		"メールアドレス", "電話番号", "携帯番号", "会員番号", "会員ランク", "tier", "gender", "rename", "username_hash", "unnamed", "salary", "mobile", "streetwear", "named", "",
	}
	for _, c := range fine {
		if LooksDirect(c) {
			t.Errorf("%s is taken for a direct identifier", c)
		}
	}
}

func TestSensitiveName(t *testing.T) {
	for _, n := range []string{
		"race", "Race", "ethnicity", "religion", "religious_belief", "creed", "disability", "hasDisability", "medical_history", "health_check", "criminal_record", "sexual_orientation",
		"人種", "信条", "宗教", "病歴", "既往歴", "障害", "障がい者手帳", "犯罪歴", "前科", "健康診断結果", "社会的身分", "政治的関心", "ＲＡＣＥ", "trade-union",
	} {
		if !SensitiveName(n) {
			t.Errorf("%s is not seen", n)
		}
	}
	for _, n := range []string{"age_band", "gender", "sex", "prefecture", "tier", "salary_band", "education", "trace", "embrace", "occupation", "性別", "年代", "会員ランク", "page_view", "users", "health_food", ""} {
		if SensitiveName(n) {
			t.Errorf("%s is taken for sensitive", n)
		}
	}
	// Undeclared, it is sensitive all the same.
	if a := (&Attribute{Column: "x", Name: "religion", Values: []string{"a"}}); !a.Sensitive() {
		t.Error("an attribute named religion is not sensitive")
	}
	if a := (&Attribute{Column: "病歴コード", Name: "code7", Values: []string{"a"}}); !a.Sensitive() {
		t.Error("an attribute of the column 病歴コード is not sensitive")
	}
}
