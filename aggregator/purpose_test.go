package aggregator

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"awase/entrustment"
)

// A charge says what it was for: the condition reads back as it was asked where
// it is short, and a long one is told to be there. No purpose grows with the
// question.
func TestPurposeTellsTheQuestion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := &entrustment.Question{Entrustment: "e", Report: entrustment.ReportProfile, List: "l", Dims: []string{"gender"},
			Measures: []string{MeasureUsers, "clicks"}, Total: rapid.Bool().Draw(t, "total")}
		if n := rapid.IntRange(0, 40).Draw(t, "parts"); n > 0 {
			q.Where = &entrustment.Condition{Any: []entrustment.Condition{}}
			for range n {
				q.Where.Any = append(q.Where.Any, entrustment.Condition{In: map[string][]string{"gender": {"female"}}})
			}
		}
		p := purpose(q, TableMain)
		if p.Total != q.Total || !reflect.DeepEqual(p.Measures, []string{"clicks"}) || !reflect.DeepEqual(p.Dims, q.Dims) || p.List != "l" {
			t.Fatalf("%+v", p)
		}
		if (p.Where != "" || p.Long) != (q.Where != nil) || p.Where != "" && p.Long {
			t.Fatalf("a condition of %v: %+v", q.Where, p)
		}
		if p.Where != "" {
			again := &entrustment.Condition{}
			if err := json.Unmarshal([]byte(p.Where), again); err != nil || !reflect.DeepEqual(again, q.Where) {
				t.Fatalf("%s, %v", p.Where, err)
			}
		}
		if raw, err := json.Marshal(p); err != nil || len(raw) > 2*maxWhere+300 {
			t.Fatalf("%d bytes, %v", len(raw), err)
		}
		if index := purpose(q, TableIndex); index.Where != "" || index.Long || index.Total || index.Table != TableIndex {
			t.Fatalf("the index: %+v", index)
		}
	})
}

// A charge of before these fields reads as it did, and is written so again.
func TestPurposeOfOldCharges(t *testing.T) {
	const old = `{"entrustment":"e","report":"profile","list":"l","table":"table"}`
	var p Purpose
	if err := json.Unmarshal([]byte(old), &p); err != nil {
		t.Fatal(err)
	}
	if raw, err := json.Marshal(p); err != nil || strings.TrimSpace(string(raw)) != old {
		t.Errorf("%s, %v", raw, err)
	}
}
