package entrustment

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The tests of all documents take events.yaml too. What it may say beside a
// mapping, TestEventSchemaDescribesTheType compares.
func init() {
	parsers["events.yaml"] = reading(ParseEventSchema)
	schemaOf["events.json"] = struct {
		doc string
		typ reflect.Type
	}{"events.yaml", nil}
}

func TestEventSchemaDescribesTheType(t *testing.T) {
	root := loadSchema(t, "events.json")
	ofOwnForm := []reflect.Type{reflect.TypeFor[EventKindOf](), reflect.TypeFor[EventCategoryOf](), reflect.TypeFor[Zone]()}
	seen := map[reflect.Type]bool{}
	for _, typ := range ofOwnForm {
		seen[typ] = true
	}
	compareSchema(t, "events.json", root, root, reflect.TypeFor[EventSchema](), seen)
	for key, typ := range map[string]reflect.Type{"kind": ofOwnForm[0], "category": ofOwnForm[1]} {
		mapping := root["properties"].(map[string]any)[key].(map[string]any)["oneOf"].([]any)[1].(map[string]any)
		// The constant is the other form: what is written as a mapping has two keys.
		if got := slices.Sorted(maps.Keys(mapping["properties"].(map[string]any))); !slices.Equal(got, []string{"column", "values"}) || len(fieldsOf(typ)) != 2 {
			t.Errorf("%s has the keys %v", key, got)
		}
	}
	for _, zone := range []string{"Asia/Tokyo", "JST", "UTC", "Z", "+09:00", "-03:30", "+14:00"} {
		schema := root["properties"].(map[string]any)["time"].(map[string]any)
		if err := satisfies(root, schema, map[string]any{"column": "t", "zone": zone}); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
		if _, err := ParseZone(zone); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
	}
}

func TestEventSchemaExample(t *testing.T) {
	s := mustParse(t, ParseEventSchema, "events.yaml")
	types := s.Types()
	if len(types) != 10 || types[0] != (EventType{EventImpression, "spring"}) || types[9] != (EventType{EventLocation, "autumn"}) {
		t.Errorf("types are %v", types)
	}
	if s.Time.Zone.Offset() != 9*60*60 || s.Value.Unit != UnitYen || s.Columns[0].Domain()[46] != "沖縄県" {
		t.Errorf("read wrongly: %+v", s)
	}
	l := s.Load("adco", false)
	if l.Party != "adco" || l.UserKey || l.Own || !slices.Equal(l.Kinds, []string{"email", "maid", "cookie"}) || len(l.Columns) != 2 || !l.Columns[0].place() || l.Columns[1].place() {
		t.Errorf("the load is %+v", l)
	}
}

// The examples of the documentation are documents.
func TestEventDocumentationParses(t *testing.T) {
	page, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```")
	n := 0
	for i := 1; i < len(blocks); i += 2 {
		doc, ok := strings.CutPrefix(blocks[i], "yaml\n")
		if !ok || !strings.Contains(doc, SchemaEvents) {
			continue
		}
		n++
		s, err := ParseEventSchema("events.yaml", []byte(doc))
		if err != nil {
			t.Errorf("%v\n%s", err, doc)
			continue
		}
		if n == 1 && !reflect.DeepEqual(s, mustParse(t, ParseEventSchema, "events.yaml")) {
			t.Error("the first example is not that of testdata")
		}
	}
	if n != 5 {
		t.Errorf("%d examples", n)
	}
}

const ownLog = `schema: awase.events/v1
time: {column: at}
user_key: user_id
kind: page_view
`

func TestEventTypes(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{ownLog, "[{page_view page_view}]"},
		{ownLog + "category: 求人詳細\n", "[{page_view 求人詳細}]"},
		{ownLog + "category: {column: page, values: [job, company]}\n", "[{page_view job} {page_view company}]"},
		{swapKind("{column: k, values: {c: click, i: impression, I2: impression}}"), "[{impression impression} {click click}]"},
		{swapKind("{column: k, values: {c: click, i: impression}}") + "category: spring\n", "[{impression spring} {click spring}]"},
		// One column tells both: no click of an imp.
		{swapKind("{column: k, values: {imp: impression, CLK: click}}") + "category: {column: k, values: [clk, imp]}\n", "[{click clk} {impression imp}]"},
	} {
		s, err := ParseEventSchema("events.yaml", []byte(c.doc))
		if err != nil {
			t.Errorf("%s\n%v", c.doc, err)
			continue
		}
		if got := fmt.Sprint(s.Types()); got != c.want {
			t.Errorf("%s\n%s, want %s", c.doc, got, c.want)
		}
	}
}

func swapKind(kind string) string {
	return strings.Replace(ownLog, "kind: page_view", "kind: "+kind, 1)
}

func swapUser(user string) string { return strings.Replace(ownLog, "user_key: user_id", user, 1) }

// A log by a list's keys, or by their labels, is loaded as one of that list.
func TestEventsOfAList(t *testing.T) {
	for way, doc := range map[string]string{
		"list_key": swapUser("list_key: {list: members, column: member_no}"),
		"label":    swapUser("label: {list: members, column: member_no}"),
	} {
		s, err := ParseEventSchema("events.yaml", []byte(doc))
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if k := s.OfList(); k == nil || *k != (EventListKey{"members", "member_no"}) {
			t.Errorf("%s: %+v", way, k)
		}
		if l := s.Load("adco", false); l.List != "members" || l.UserKey || l.Kinds != nil {
			t.Errorf("%s: %+v", way, l)
		}
	}
	if s, err := ParseEventSchema("events.yaml", []byte(ownLog)); err != nil || s.OfList() != nil || s.Load("operator", true).List != "" {
		t.Errorf("the operator's: %v", err)
	}
}

func TestEventSchemaRefusals(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("x%d, ", 33), ", ")
	nums := make([]any, 33)
	for i := range nums {
		nums[i] = i
	}
	full := string(example(t, "events.yaml"))
	for _, c := range []struct{ name, doc, field, says string }{
		{"no user", strings.Replace(ownLog, "user_key: user_id\n", "", 1), "(identifiers)", "nothing names the user"},
		{"two ways to name the user", ownLog + "identifiers: [{column: e, kind: email}]\n", "events.yaml:3:11 (user_key)", "keep one"},
		{"identifiers and a list's keys", swapUser("identifiers: [{column: e, kind: email}]\nlist_key: {list: members, column: k}"), "(identifiers)", "by identifiers and by list_key"},
		{"a list's keys and labels", swapUser("list_key: {list: members, column: k}\nlabel: {list: members, column: l}"), "(list_key)", "by list_key and by label"},
		{"the operator's keys and labels", ownLog + "label: {list: members, column: l}\n", "(user_key)", "by user_key and by label"},
		{"keys of no list", swapUser("list_key: {column: k}"), "(list_key.list)", "missing"},
		{"keys of what is no list", swapUser("list_key: {list: 会員, column: k}"), "(list_key.list)", "must be an id"},
		{"no column of keys", swapUser("list_key: {list: members}"), "(list_key.column)", "missing"},
		{"keys that look like a name", swapUser("list_key: {list: members, column: 氏名}"), "(list_key.column)", "looks like a name"},
		{"labels that are the time", swapUser("label: {list: members, column: at}"), "(label.column)", "used above as time.column"},
		{"dropped keys", swapUser("list_key: {list: members, column: k}") + "drop: [k]\n", "(drop[0])", "used"},
		{"unknown kind", swapKind("view"), "events.yaml:4:7 (kind)", `"view" is no kind of event; allowed: impression, click, conversion, page_view, location, or column: and values:`},
		{"unknown kind of a value", swapKind("{column: k, values: {a: view}}"), "(kind.values.a)", `"view" is not a value of this key`},
		{"kind without values", swapKind("{column: k}"), "(kind.values)", "missing"},
		{"kind with no values", swapKind("{column: k, values: {}}"), "(kind.values)", "must not be empty"},
		{"values that are one", swapKind("{column: k, values: {Imp: impression, ＩＭＰ: click}}"), "kind.values", "the same value as another"},
		{"kind is a list", swapKind("[click]"), "(kind)", "must be a mapping"},
		{"key of a kind", swapKind("{column: k, values: {a: click}, default: click}"), "(kind)", `"default" is not known here; allowed: column, values`},
		{"kind is empty", swapKind(`""`), "(kind)", "is no kind of event"},
		{"category is empty", ownLog + `category: ""` + "\n", "(category)", "must be a name"},
		{"category without values", ownLog + "category: {column: c}\n", "(category.values)", "missing"},
		{"category twice", ownLog + "category: {column: c, values: [a, A]}\n", "(category.values[1])", "the same value"},
		{"category unknown", ownLog + "category: {column: c, values: [a, unknown]}\n", "(category.values[1])", "rejected"},
		{"sensitive category", ownLog + "category: 病歴\n", "(category)", "E_DIM_FORBIDDEN"},
		{"sensitive value", ownLog + "category: {column: c, values: [job, 障害者雇用]}\n", "(category.values[1])", "要配慮"},
		{"sensitive column", ownLog + "columns: [{column: r, name: religion, values: [a]}]\n", "(columns[0].name)", "要配慮"},
		{"sensitive header", ownLog + "columns: [{column: 病歴, name: history, values: [a]}]\n", "(columns[0].column)", "要配慮"},
		{"sensitive measure", ownLog + "value: {column: 医療費, unit: yen}\n", "(value.column)", "E_DIM_FORBIDDEN"},
		{"somebody as a category", ownLog + "category: taro@example.jp\n", "(category)", "a person"},
		{"somebody among the categories", ownLog + "category: {column: c, values: [a, taro@example.jp]}\n", "(category.values[1])", "a person"},
		{"somebody as a kind's value", swapKind("{column: k, values: {090-1234-5678: click}}"), "(kind.values[key])", "a person"},
		{"one column that disagrees", swapKind("{column: k, values: {a: click, b: click}}") + "category: {column: k, values: [a]}\n", "kind.values.b", "category.values"},
		{"one column that disagrees, the other way", swapKind("{column: k, values: {a: click}}") + "category: {column: k, values: [a, b]}\n", "(category.values[1])", "kind.values"},
		{"too many types", swapKind("{column: k, values: {a: click, b: impression}}") + "category: {column: c, values: [" + fmt.Sprintf(many, nums...) + "]}\n", "(category)", "66 sorts of event, more than 64"},
		{"location without a place", swapKind("location"), "(columns)", "no column does"},
		{"location by a list of places", swapKind("location") + "columns: [{column: p, name: p, values: [東京都]}]\n", "(columns)", "no column does"},
		{"coordinate", ownLog + "columns: [{column: 緯度, name: lat, values: [a]}]\n", "(columns[0].column)", "coordinate"},
		{"address that is not generalised", ownLog + "columns: [{column: 住所, name: p, values: [a]}]\n", "(columns[0].column)", "never enter"},
		{"day has no domain", ownLog + "columns: [{column: d, name: d, generalise: day}]\n", "(columns[0].generalise)", "no closed domain"},
		{"no domain", ownLog + "columns: [{column: d, name: d}]\n", "(columns[0])", "no closed domain"},
		{"two columns of a name", ownLog + "columns: [{column: d, name: d, values: [a]}, {column: e, name: d, values: [a]}]\n", "(columns[1].name)", "two columns"},
		{"matched_by", ownLog + "columns: [{column: d, name: matched_by, values: [a]}]\n", "(columns[0].name)", "reserved"},
		{"a column used twice", ownLog + "value: {column: at, unit: yen}\n", "(value.column)", "used above as time.column"},
		{"a value column used twice", ownLog + "columns: [{column: user_id, name: d, values: [a]}]\n", "(columns[0].column)", "used above as user_key"},
		{"an identifier used twice", strings.Replace(full, "column: 広告ID", "column: 日時", 1), "(identifiers[1].column)", "used above as time.column"},
		{"drop what is used", ownLog + "drop: [at]\n", "(drop[0])", "used above"},
		{"a direct key", strings.Replace(ownLog, "user_id", "氏名", 1), "(user_key)", "looks like a name"},
		{"cookie without namespace", strings.Replace(full, ", namespace: career-site", "", 1), "(identifiers[2].namespace)", "names its namespace"},
		{"unit", ownLog + "value: {column: v, unit: dollar}\n", "(value.unit)", "allowed: yen, count"},
		{"no unit", ownLog + "value: {column: v}\n", "(value.unit)", "missing"},
		{"format", strings.Replace(ownLog, "{column: at}", "{column: at, format: unix}", 1), "(time.format)", "allowed: text, epoch_seconds, epoch_milliseconds, excel"},
		{"zone with summer time", strings.Replace(ownLog, "{column: at}", "{column: at, zone: Europe/Berlin}", 1), "(time.zone)", "a fixed distance"},
		{"zone off the Earth", strings.Replace(ownLog, "{column: at}", `{column: at, zone: "+15:00"}`, 1), "(time.zone)", "a fixed distance"},
		{"zone of Unix time", strings.Replace(ownLog, "{column: at}", "{column: at, format: epoch_seconds, zone: UTC}", 1), "(time.zone)", "the same in every zone"},
		{"no time", strings.Replace(ownLog, "time: {column: at}\n", "", 1), "(time)", "missing"},
		{"unknown key", ownLog + "categories: a\n", "events.yaml:5:1", `"categories" is not known here`},
		{"region", ownLog + "region: Japan\n", "(region)", "ISO 3166"},
	} {
		s, err := ParseEventSchema("events.yaml", []byte(c.doc))
		if err == nil || s != nil {
			t.Errorf("%s: taken", c.name)
			continue
		}
		if e, ok := err.(*Error); !ok || !strings.Contains(e.Field, c.field) || !strings.Contains(err.Error(), c.says) || e.Mend == "" {
			t.Errorf("%s: got %v\nwant %s … %s", c.name, err, c.field, c.says)
		}
	}
}

func TestEventCoder(t *testing.T) {
	coder := func(doc string) (*EventSchema, *EventCoder) {
		s, err := ParseEventSchema("events.yaml", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewEventCoder(s)
		if err != nil {
			t.Fatal(err)
		}
		return s, c
	}
	for _, tc := range []struct {
		doc, kind, category string
		want                EventType
		fault               EventFault
	}{
		{ownLog, "", "", EventType{EventPageView, "page_view"}, EventGood},
		{ownLog + "category: c\n", "x", "y", EventType{EventPageView, "c"}, EventGood},
		{string(example(t, "events.yaml")), "クリック", "autumn", EventType{EventClick, "autumn"}, EventGood},
		{string(example(t, "events.yaml")), " ｸﾘｯｸ ", "ＡＵＴＵＭＮ", EventType{EventClick, "autumn"}, EventGood},
		{string(example(t, "events.yaml")), "IMP", " Spring", EventType{EventImpression, "spring"}, EventGood},
		{string(example(t, "events.yaml")), "", "spring", EventType{}, EventNoKind},
		{string(example(t, "events.yaml")), "impression", "spring", EventType{}, EventNoKind},
		{string(example(t, "events.yaml")), "unknown", "spring", EventType{}, EventNoKind},
		{string(example(t, "events.yaml")), "cv", "", EventType{}, EventNoCategory},
		{string(example(t, "events.yaml")), "cv", "winter", EventType{}, EventNoCategory},
		{swapKind("{column: k, values: {imp: impression, clk: click}}") + "category: {column: k, values: [clk, imp]}\n", "CLK", "CLK", EventType{EventClick, "clk"}, EventGood},
		{swapKind("{column: k, values: {imp: impression, clk: click}}") + "category: {column: k, values: [clk, imp]}\n", "x", "x", EventType{}, EventNoKind},
	} {
		s, c := coder(tc.doc)
		code, fault := c.Code([]byte(tc.kind), []byte(tc.category))
		if fault != tc.fault || fault == EventGood && s.Types()[code] != tc.want {
			t.Errorf("%q %q: %d, fault %d, want %v, %d", tc.kind, tc.category, code, fault, tc.want, tc.fault)
		}
	}
	if _, err := NewEventCoder(&EventSchema{}); err == nil {
		t.Error("a coder of nothing")
	}
}

// Every pair of a declared kind and category has the code that Types gives it.
func TestEventCodesAreTypes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := genEvents(rt)
		c, err := NewEventCoder(s)
		if err != nil {
			rt.Fatal(err)
		}
		kinds, categories := map[string]EventKind{"": s.Kind.Constant}, []string{""}
		if s.Kind.Column != "" {
			kinds = s.Kind.Values
		}
		if s.Category != nil && s.Category.Column != "" {
			categories = s.Category.Values
		}
		hit := map[uint8]bool{}
		for cell, kind := range kinds {
			for _, category := range categories {
				code, fault := c.Code([]byte(cell), []byte(category))
				want := EventType{kind, category}
				if s.Category == nil {
					want.Category = string(kind)
				} else if s.Category.Constant != "" {
					want.Category = s.Category.Constant
				}
				if fault != EventGood || s.Types()[code] != want {
					rt.Fatalf("%q %q: %d, %d, want %v of %v", cell, category, code, fault, want, s.Types())
				}
				hit[code] = true
			}
		}
		if len(hit) != len(s.Types()) {
			rt.Fatalf("%d of %d types are ever met", len(hit), len(s.Types()))
		}
	})
}

// genValue gives what a column of groups may hold.
var genValue = genName.Filter(func(s string) bool { return !isPersonal(fold(s)) })

func genEvents(t *rapid.T) *EventSchema {
	s := &EventSchema{Schema: SchemaEvents, Time: EventTime{Column: "日時"}, Drop: []string{"ip"}}
	if rapid.Bool().Draw(t, "zone") {
		s.Time.Zone = Zone{true, 60 * rapid.IntRange(-maxZone/60, maxZone/60).Draw(t, "minutes")}
	}
	s.UserKey = "会員番号"
	switch rapid.SampledFrom([]string{"user key", "identifiers", "list key", "label"}).Draw(t, "user") {
	case "list key":
		s.UserKey, s.ListKey = "", &EventListKey{genID.Draw(t, "list"), "会員番号"}
	case "label":
		s.UserKey, s.Label = "", &EventListKey{genID.Draw(t, "list"), "ラベル"}
	case "identifiers":
		s.UserKey, s.Identifiers = "", []IdentifierColumn{{Column: "m", Kind: KindEmail, Profile: "amc"}, {Column: "c", Kind: KindCookie, Namespace: genName.Draw(t, "namespace")}}
	}
	kind := rapid.SampledFrom(EventKinds())
	if s.Kind.Constant = kind.Draw(t, "kind"); rapid.Bool().Draw(t, "kinds") {
		s.Kind = EventKindOf{Column: "種別", Values: map[string]EventKind{}}
		for _, v := range rapid.SliceOfNDistinct(genValue, 1, 6, fold).Draw(t, "kind values") {
			s.Kind.Values[v] = kind.Draw(t, "kind")
		}
	}
	switch rapid.IntRange(0, 2).Draw(t, "category") {
	case 1:
		s.Category = &EventCategoryOf{Constant: genValue.Draw(t, "category")}
	case 2:
		s.Category = &EventCategoryOf{Column: "区分", Values: rapid.SliceOfNDistinct(genValue, 1, 12, fold).Draw(t, "categories")}
	}
	if rapid.Bool().Draw(t, "value") {
		s.Value = &EventValue{"金額", UnitYen}
	}
	s.Columns = []EventColumn{{Column: "現在地", Name: "現在地", Generalise: &Generaliser{Region: true}}, {Column: "x", Name: "x", Values: rapid.SliceOfNDistinct(genValue, 1, 6, fold).Draw(t, "values")}}
	return s
}

func TestEventsSurviveTheRecordLog(t *testing.T) { checkRoundTrip(t, genEvents, ParseEventSchema) }
func FuzzParseEventSchema(f *testing.F)          { fuzzDocument(f, SchemaEvents, ParseEventSchema) }

func TestZone(t *testing.T) {
	for in, want := range map[string]string{"JST": "Asia/Tokyo", "+09:00": "Asia/Tokyo", "Z": "UTC", "+00:00": "UTC", "-00:00": "UTC", "-03:30": "-03:30", "+14:00": "+14:00"} {
		z, err := ParseZone(in)
		if err != nil || z.String() != want {
			t.Errorf("%s is %s, %v; want %s", in, z, err, want)
			continue
		}
		var back Zone
		if data, err := json.Marshal(z); err != nil || json.Unmarshal(data, &back) != nil || back != z {
			t.Errorf("%s became %v through JSON", in, back)
		}
	}
	for _, in := range []string{"", "tokyo", "+9:00", "+0900", "+14:01", "-15:00", "+09:60", "America/New_York", "Local"} {
		if _, err := ParseZone(in); err == nil {
			t.Errorf("%q is a zone", in)
		}
	}
	if (Zone{}).Offset() != 9*60*60 || (Zone{given: true}).Offset() != 0 {
		t.Error("the zero Zone is JST, and UTC is not")
	}
}
