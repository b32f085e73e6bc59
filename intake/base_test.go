package intake

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/entrustment"
)

// baseSchema is the base.yaml of FORMATS §8.
func baseSchema() *entrustment.BaseSchema {
	return &entrustment.BaseSchema{
		Schema: entrustment.SchemaBase, Region: "JP", UserKey: "user_id", Verified: "email_verified",
		Consent: entrustment.ConsentColumns{Version: "policy_version", Date: "agreed_on"},
		Identifiers: []entrustment.IdentifierColumn{
			{Column: "email", Kind: "email"}, {Column: "mobile", Kind: "phone"},
			{Column: "site_cookie", Kind: "cookie", Namespace: "career-site"},
		},
		Attributes: []entrustment.Attribute{
			{Column: "birth_date", Name: "age_band", Generalise: &entrustment.Generaliser{BirthDate: &entrustment.Band{Width: 5, From: 20, To: 70}}},
			{Column: "sex", Name: "gender", Values: []string{"female", "male", "unknown"}},
			{Column: "postcode", Name: "prefecture", Generalise: &entrustment.Generaliser{Prefecture: true}},
			{Column: "disability", Name: "disability", Class: entrustment.AttributeSensitive},
		},
		Restrictions: []entrustment.Restriction{
			{Column: "one_service_only", Kind: entrustment.ServiceLimited}, {Column: "from_enquiry", Kind: entrustment.EnquiryOnly}},
		Channels: []entrustment.Channel{{Column: "mail_ok", Channel: "mail"}, {Column: "sms_ok", Channel: "sms"}},
		Drop:     []string{"name"},
	}
}

const baseHead = "user_id,email_verified,policy_version,agreed_on,email,mobile,site_cookie,birth_date,sex,postcode,disability,one_service_only,from_enquiry,mail_ok,sms_ok,name\n"

func TestBase(t *testing.T) {
	content := baseHead +
		"u1,true,2024-01-29,2024-02-01,taro@example.jp,090-1234-5678,ck1,1996-04-01,male,100-0001,x,,,1,0,山田\n" +
		"u2,maybe,2019-04-01,45323,bad,090,,x,other,,,jobs,maybe,maybe,はい,鈴木\n" +
		",true,2024-01-29,,c@d.jp,,,,,,,,,,,\n" +
		"u4,0,,,,,,,,,,,0,,,\n"
	f, err := openBase(t, content, baseSchema())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := collect(f)
	if err != nil {
		t.Fatal(err)
	}
	domain := f.Header().Columns
	at := func(col int, value string) uint8 { return uint8(slices.Index(domain[col].Domain, value)) }
	people := []seal.Person{
		{Key: []byte("u1"), Verified: true, PolicyVersion: "2024-01-29", Channels: 1, Consent: 19754},
		{Key: []byte("u2"), PolicyVersion: "2019-04-01", Service: "jobs", EnquiryOnly: true, Channels: 2},
		{Key: []byte("u4")},
	}
	codes := [][]uint8{
		{at(0, "30-34"), at(1, "male"), at(2, "東京都")},
		{at(0, "unknown"), at(1, "unknown"), at(2, "unknown")},
		{at(0, "unknown"), at(1, "unknown"), at(2, "unknown")},
	}
	if len(rows) != 3 {
		t.Fatalf("got %d rows: %+v", len(rows), f.Report().ProblemList())
	}
	for i, r := range rows {
		if !reflect.DeepEqual(*r.Person, people[i]) || !slices.Equal(r.Codes, codes[i]) {
			t.Errorf("row %d: got %+v %v, want %+v %v", i, *r.Person, r.Codes, people[i], codes[i])
		}
	}
	for _, want := range []seal.Identifier{
		{Column: 0, Hash: sum("taro@example.jp")}, {Column: 1, Hash: sum("+819012345678")},
		{Column: 1, Hash: sum("819012345678")}, {Column: 2, Hash: sum("ck1")},
	} {
		if !slices.Contains(rows[0].Identifiers, want) {
			t.Errorf("row 0 lacks column %d, class %d", want.Column, want.Class)
		}
	}
	if len(rows[1].Identifiers) != 0 {
		t.Error("a bad identifier of the base is kept")
	}
	r := f.Report()
	if r.Rows != 4 || r.Accepted != 3 || r.Rejected != 1 || r.Problems != 9 {
		t.Errorf("counts are %+v", r)
	}
	want := []Problem{{3, "email_verified", "flag_unclear", ""}, {3, "agreed_on", "consent_day_unreadable", ""}, {3, "from_enquiry", "flag_unclear", ""}, {3, "mail_ok", "flag_unclear", ""}, {3, "email", "email_no_at", ""},
		{3, "mobile", "phone_too_short", ""}, {3, "birth_date", "value_unknown", ""}, {3, "sex", "value_unknown", ""}, {4, "user_id", "no_user_key", ""}}
	if len(r.ProblemList()) != len(want) {
		t.Fatalf("problems are %+v", r.ProblemList())
	}
	for i, p := range r.ProblemList() {
		if p.Mend == "" {
			t.Errorf("problem %+v has no mend", p)
		}
		p.Mend = ""
		if p != want[i] {
			t.Errorf("problem %d is %+v, want %+v", i, p, want[i])
		}
	}
	unreadable := map[string]int64{}
	for _, c := range r.Columns {
		if c.Unreadable > 0 {
			unreadable[c.Column] = c.Unreadable
		}
	}
	if want := map[string]int64{"email_verified": 1, "agreed_on": 1, "birth_date": 1, "sex": 1, "from_enquiry": 1, "mail_ok": 1}; !reflect.DeepEqual(unreadable, want) {
		t.Errorf("unreadable cells are %v, want %v", unreadable, want)
	}
	if !slices.Equal(r.Dropped, []string{"disability", "name"}) {
		t.Errorf("dropped %q: a sensitive attribute is never loaded", r.Dropped)
	}
	document, err := baseSchema().Digest()
	if err != nil || f.Header().Document != document {
		t.Errorf("the header's document is %q, want the schema's %q (%v)", f.Header().Document, document, err)
	}
	if !slices.Equal(f.Header().Channels, []string{"mail", "sms"}) || f.Header().Purpose != seal.Base || f.Schema() != nil {
		t.Errorf("header is %+v", f.Header())
	}
}

func TestBaseFileFaults(t *testing.T) {
	for _, tc := range []struct {
		name          string
		edit          func(*entrustment.BaseSchema)
		place, detail string
	}{
		{"undeclared", func(s *entrustment.BaseSchema) { s.Drop = nil }, "column name", "not declared"},
		{"direct", func(s *entrustment.BaseSchema) {
			s.Attributes[2].Generalise, s.Attributes[2].Values = nil, []string{"1000001"}
		}, "column postcode", "looks like"},
		{"no policy date", func(s *entrustment.BaseSchema) { s.Consent.Date = "when" }, "column when", "doesn't have it"},
		{"no key", func(s *entrustment.BaseSchema) { s.UserKey = "id" }, "column id", "doesn't have it"},
		{"direct key", func(s *entrustment.BaseSchema) { s.UserKey, s.Drop = "name", []string{"user_id"} }, "column name", "looks like"},
		{"open domain", func(s *entrustment.BaseSchema) {
			s.Attributes[0].Generalise = &entrustment.Generaliser{Day: true}
		}, "column birth_date", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := baseSchema()
			tc.edit(s)
			_, err := openBase(t, baseHead+strings.Repeat(",", 15)+"\n", s)
			wantFault(t, err, tc.place, tc.detail)
		})
	}
}

func TestNoReferenceDay(t *testing.T) {
	content := baseHead + strings.Repeat(",", 15) + "\n"
	_, err := OpenBase(t.Context(), strings.NewReader(content), int64(len(content)), baseSchema(), Options{})
	wantFault(t, err, "column birth_date", "")
}

func TestTruth(t *testing.T) {
	for cell, want := range map[string][2]bool{
		"true": {true, true}, "TRUE ": {true, true}, "1": {true, true}, "１": {true, true}, "ＹＥＳ": {true, true}, "はい": {true, true},
		"同意": {true, true}, "○": {true, true}, "〇": {true, true}, "✔": {true, true}, "1.0": {true, true},
		"": {false, true}, " ": {false, true}, "false": {false, true}, "0": {false, true}, "いいえ": {false, true}, "×": {false, true}, "No": {false, true},
		"maybe": {false, false}, "2024-01-01": {false, false}, "2": {false, false}, "\xff": {false, false}, strings.Repeat("y", 99): {false, false},
	} {
		if yes, known := truth([]byte(cell)); yes != want[0] || known != want[1] {
			t.Errorf("truth(%q) = %v, %v, want %v, %v", cell, yes, known, want[0], want[1])
		}
	}
}

// TestOverlongVersionAndService: what no version or service can be counts
// against use, and does not refuse the file when it is sealed.
func TestOverlongVersionAndService(t *testing.T) {
	long := strings.Repeat("x", 600)
	f, err := openBase(t, baseHead+"u1,true,"+long+",2024-02-01,taro@example.jp,,,,,,,"+long+",,,,\n", baseSchema())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := collect(f)
	if err != nil {
		t.Fatal(err)
	}
	p := rows[0].Person
	if p.PolicyVersion != "" || p.Service == "" || len(p.Service) > 255 {
		t.Errorf("version of %d bytes, service of %d", len(p.PolicyVersion), len(p.Service))
	}
}

// TestConsentDay: a day is JST's, in the forms that systems write it; what can't be
// one is none, and the row stays.
func TestConsentDay(t *testing.T) {
	today := entrustment.Date{Year: 2026, Month: 11, Day: 26}
	for cell, want := range map[string]int32{
		"2024-02-01": 19754, "2024/2/1": 19754, "２０２４年２月１日": 19754, "20240201": 19754, "2024-02-01 23:59:59": 19754,
		"2024-01-31T15:00:00Z": 19754, "1706713200": 19754, // the JST day of a moment
		"2026-11-27": 20784, "2026-11-28": 0, // a clock may be ahead by a zone, not more
		"": 0, " ": 0, "1999-12-31": 0, "02/01/2024": 0, "45323": 0, "yesterday": 0, "\xff": 0,
	} {
		content := baseHead + "u1,true,2024-01-29," + cell + ",taro@example.jp,,,,,,,,,,,\n"
		f, err := OpenBase(t.Context(), strings.NewReader(content), int64(len(content)), baseSchema(), Options{Today: today})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := collect(f)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q: %d rows, %v", cell, len(rows), err)
		}
		if got := rows[0].Person.Consent; got != want {
			t.Errorf("%q is day %d, want %d", cell, got, want)
		}
		unread := want == 0 && strings.TrimSpace(cell) != ""
		if n := f.Report().Problems; unread != (n == 1) {
			t.Errorf("%q: %d problems", cell, n)
		}
	}
}
