package api

import (
	"reflect"
	"testing"

	"awase/entrustment"
)

// TestReadable: of the attributes that a contract names those alone are given that the
// base has and that are not sensitive, in its order, with all that they may be.
func TestReadable(t *testing.T) {
	t.Parallel()
	base, err := entrustment.ParseBaseSchema("base.yaml", []byte(`schema: awase.base/v1
region: JP
user_key: id
verified: all
consent: {version: v, date: d}
identifiers: [{column: mail, kind: email}]
attributes:
  - {column: sex, name: gender, values: [female, male]}
  - {column: age, name: age_band, generalise: {age: {width: 40, from: 20, to: 60}}}
  - {column: card, name: disability, values: ["yes", "no"], class: sensitive}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := readable([]string{"disability", "age_band", "height", "gender"}, base)
	want := []attribute{{"age_band", []string{"<20", "20-59", ">=60", "unknown"}, true}, {"gender", []string{"female", "male", "unknown"}, false}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
