package entrustment

import (
	"fmt"
	"strings"
	"testing"
)

func TestLooksLocated(t *testing.T) {
	for _, c := range []string{"市区町村", "お住まいの市区町村", "町名", "最寄り駅", "位置情報", "位置", "市", "city", "City", "home_city", "緯度", "lat", "GPS", "cityName", "ward", "municipality", "location", "last location"} {
		if !LooksLocated(c) {
			t.Errorf("%s is not seen", c)
		}
	}
	for _, c := range []string{"都道府県", "prefecture", "居住地域", "region", "area", "velocity", "capacity", "reward", "会員区分", "地方", "allocation", "業種", "町内会費", "tier", ""} {
		if LooksLocated(c) {
			t.Errorf("%s is taken for a place", c)
		}
	}
}

// A column that places people more finely than by prefecture is refused where it is
// declared and, by whoever sealed it, where it arrives; a prefecture and a region
// are taken.
func TestPlacesAreBanded(t *testing.T) {
	list := func(column string) error {
		_, err := ParseListSchema("list.yaml", fmt.Appendf(nil, "schema: awase.list/v1\ncolumns:\n  - {column: mail, kind: email}\n  - {%s}\n", column))
		return err
	}
	for column, want := range map[string]string{
		"column: 市区町村, name: area, values: [渋谷区, 新宿区]":              "more finely than by prefecture",
		"column: x, name: city, values: [東京都, 渋谷区]":                 "more finely than by prefecture",
		"column: 緯度, name: north, values: [a]":                      "coordinate",
		"column: x, name: lat, values: [a]":                         "coordinate",
		"column: 緯度, name: north, generalise: prefecture":           "coordinate",
		"column: x, name: area, values: [東京都渋谷区, 大阪府大阪市]":           "is an address, a postcode or a position",
		`column: x, name: area, values: ["100-0001"]`:               "is an address, a postcode or a position",
		`column: x, name: area, values: ["〒530-8201"]`:              "is an address, a postcode or a position",
		`column: x, name: area, values: ["35.68, 139.76"]`:          "is an address, a postcode or a position",
		"column: 住所, name: area, generalise: prefecture":            "",
		"column: 市区町村, name: area, generalise: region":              "",
		"column: 位置, name: location, values: [東京都, 大阪府]":            "",
		"column: x, name: area, values: [関東, 近畿]":                   "",
		"column: x, name: area, values: [北海道・東北, 東京都以外]":            "",
		`column: x, name: band, values: ["100-2000", "2000-10000"]`: "",
	} {
		err := list(column)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "(columns[1].")) {
			t.Errorf("%s: %v, want %q", column, err, want)
		}
	}

	prefectures, regions := (&Generaliser{Prefecture: true}).Domain(), (&Generaliser{Region: true}).Domain()
	for _, c := range []struct {
		name   string
		domain []string
		taken  bool
	}{
		{"area", prefectures, true}, {"city", regions, true}, {"tier", []string{"gold", Unknown}, true},
		{"city", []string{"渋谷区", Unknown}, false}, {"city", []string{Unknown}, false}, {"lat", []string{"35", Unknown}, false},
		{"area", []string{"東京都千代田区", Unknown}, false}, {"area", []string{"100-0001", Unknown}, false},
	} {
		if err := CheckDomain("columns", c.name, c.domain); (err == nil) != c.taken {
			t.Errorf("a list's header with %s %.3q: %v", c.name, c.domain, err)
		} else if err != nil {
			wantRefusal(t, "a list's header", err, CodeDomain, clauseNamed)
		}
		w, l := eventWorld(FlowAnalysis26, "")
		w.c().ListColumns = []string{c.name}
		l.Columns = []EventDimension{{c.name, c.domain}}
		if err := DecideEvents(w.facts, *l); (err == nil) != c.taken {
			t.Errorf("a log's header with %s %.3q: %v", c.name, c.domain, err)
		}
	}
}
