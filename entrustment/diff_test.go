package entrustment

import (
	"encoding"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// leaf is a value of a contract that can be changed by itself.
type leaf struct {
	path, rule string
	value      reflect.Value
	set        func(reflect.Value)
}

// leaves gives every value of a contract, by reflection: a field that is added to it
// is among them.
func leaves(path, rule string, v reflect.Value, set func(reflect.Value)) (out []leaf) {
	name := func(i int) string {
		n, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		return n
	}
	_, text := v.Interface().(encoding.TextMarshaler)
	switch {
	case v.Kind() == reflect.Struct && !text:
		for i := range v.NumField() {
			out = append(out, leaves(join(path, name(i)), join(rule, name(i)), v.Field(i), func(x reflect.Value) {
				n := reflect.New(v.Type()).Elem()
				n.Set(v)
				n.Field(i).Set(x)
				set(n)
			})...)
		}
		return out
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			out = append(out, leaves(fmt.Sprintf("%s[%s]", path, v.Index(i).Field(0)), rule+"[]", v.Index(i), func(x reflect.Value) {
				n := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
				n.Index(i).Set(x)
				set(n)
			})...)
		}
	case v.Kind() == reflect.Map:
		for _, k := range v.MapKeys() {
			out = append(out, leaves(fmt.Sprintf("%s[%s]", path, k), rule+"[]", v.MapIndex(k), func(x reflect.Value) {
				n := reflect.MakeMap(v.Type())
				for _, k := range v.MapKeys() {
					n.SetMapIndex(k, v.MapIndex(k))
				}
				n.SetMapIndex(k, x)
				set(n)
			})...)
		}
	}
	return append(out, leaf{path, rule, v, set})
}

// drawn draws a value of a type. Words of a list differ.
func drawn(t *rapid.T, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	word := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	switch {
	case typ == reflect.TypeFor[Date]():
		if rapid.Bool().Draw(t, "given") {
			v.Set(reflect.ValueOf(Date{2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day")}))
		}
	case typ.Kind() == reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "word"))
	case typ.Kind() == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case v.CanInt():
		v.SetInt(rapid.Int64Range(0, 3).Draw(t, "number"))
	case typ.Kind() == reflect.Struct:
		for i := range v.NumField() {
			v.Field(i).Set(drawn(t, typ.Field(i).Type))
		}
	case typ.Kind() == reflect.Slice:
		for _, key := range rapid.SliceOfNDistinct(word, 0, 3, rapid.ID).Draw(t, "members") {
			e := reflect.New(typ.Elem()).Elem()
			if e.Kind() == reflect.Struct {
				e.Set(drawn(t, typ.Elem()))
				e.Field(0).SetString(key)
			} else {
				e.SetString(key)
			}
			v.Set(reflect.Append(v, e))
		}
	case typ.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(typ))
		for _, key := range rapid.SliceOfNDistinct(word, 0, 3, rapid.ID).Draw(t, "keys") {
			v.SetMapIndex(reflect.ValueOf(key), drawn(t, typ.Elem()))
		}
	}
	return v
}

// same compares as documents do, to which no list is an empty one.
func same(a, b reflect.Value) bool {
	return fmt.Sprintf("%+v", a.Interface()) == fmt.Sprintf("%+v", b.Interface())
}

// TestDiffFindsEveryChange: of two contracts that are the same there is no change,
// and of two that differ in any one value there is one at its place; backwards it
// has the opposite effect.
func TestDiffFindsEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawn(t, reflect.TypeFor[Contract]())
		before, _ := v.Interface().(Contract)
		if got := Diff(&before, &before); len(got) != 0 {
			t.Fatalf("of the same: %+v", got)
		}
		after := before
		all := leaves("", "", reflect.ValueOf(before), func(x reflect.Value) { after, _ = x.Interface().(Contract) })
		l := all[rapid.IntRange(0, len(all)-2).Draw(t, "which")] // the last is the whole
		to := rapid.Custom(func(t *rapid.T) reflect.Value { return drawn(t, l.value.Type()) }).Filter(func(x reflect.Value) bool {
			return !same(l.value, x) && !(strings.HasSuffix(l.rule, ".party") && x.String() == "")
		}).Draw(t, "to")
		l.set(to)
		there, back := Diff(&before, &after), Diff(&after, &before)
		key := strings.HasSuffix(l.rule, ".party") // what names an entry: another is there instead
		if !slices.ContainsFunc(there, func(c Change) bool {
			return strings.HasPrefix(c.Path, l.path) || key && c.Path+"[].party" == l.rule
		}) {
			t.Fatalf("%s: %+v", l.path, there)
		}
		for _, c := range there {
			if c.Before == c.After || c.Text.JA == "" || c.Text.EN == "" || effectWords[c.Effect].EN == "" {
				t.Errorf("%+v", c)
			}
			if !strings.HasPrefix(c.Path, l.path) && !key {
				t.Errorf("%s: %+v", l.path, c)
			}
		}
		opposite := map[Effect]Effect{Widens: Narrows, Narrows: Widens, Either: Either, Neither: Neither}
		if strings.Contains(l.path, "[") || l.rule == "basis" || l.rule == "sub_trustees" || l.rule == "countries" {
			return // of what is taken out, its fields are not listed
		}
		for _, c := range there {
			if !slices.ContainsFunc(back, func(b Change) bool {
				return b.Path == c.Path && b.Before == c.After && b.After == c.Before && b.Effect == opposite[c.Effect]
			}) {
				t.Errorf("%+v; backwards %+v", c, back)
			}
		}
	})
}

// TestClauses: each field of a contract has a name in both languages and an effect,
// and nothing else has.
func TestClauses(t *testing.T) {
	var c Contract
	c.Basis, c.SubTrustees, c.Countries = []Basis{{}}, []SubTrustee{{}}, map[string]Country{"x": {}}
	known := map[string]bool{}
	for _, l := range leaves("", "", reflect.ValueOf(c), func(reflect.Value) {}) {
		if l.rule == "" || l.rule == "retention" || l.rule == "basis[]" || l.rule == "countries[]" || l.rule == "basis[].party" || l.rule == "sub_trustees[]" || l.rule == "sub_trustees[].party" {
			continue
		}
		known[l.rule] = true
		list := l.value.Kind() == reflect.Slice || l.value.Kind() == reflect.Map
		got := clauses[l.rule]
		if got.name.JA == "" || got.name.EN == "" || list && (got.added == "" || got.removed == "" || got.order == "") || list == (got.effect != nil) {
			t.Errorf("the field %s: %+v", l.rule, got)
		}
	}
	for rule := range clauses {
		if !known[rule] {
			t.Errorf("%s is no field", rule)
		}
	}
}

// TestDiffWords is a diff as people read it.
func TestDiffWords(t *testing.T) {
	doc, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, err := ParseContract("contract.yaml", doc)
	if err != nil {
		t.Fatal(err)
	}
	after, err := ParseContract("contract.yaml", doc)
	if err != nil {
		t.Fatal(err)
	}
	after.Attributes = append(slices.Clone(after.Attributes[1:]), "education")
	after.Until, after.Retention.Lists, after.Basis[1].Scope = after.Until.Add(30), after.Retention.Lists-30, "all"
	after.MaxListRows, after.HostTrustAccepted, after.Service = before.MaxListRows/2, true, "job-offers"
	after.Basis[0].Clauses = nil
	before.SubTrustees = []SubTrustee{{Party: "sub", Work: []Work{WorkAsk}, Consent: "sha256:…", Until: Date{2026, 8, 31}}, {Party: "host", Work: []Work{WorkOperate}, Consent: "sha256:…"}}
	after.SubTrustees = []SubTrustee{{Party: "sub", Work: []Work{WorkOperate}, Consent: "sha256:…", Until: Date{2026, 7, 31}}}
	var got []string
	for _, c := range Diff(before, after) {
		got = append(got, string(c.Effect)+" | "+c.Text.EN+" | "+c.Text.JA)
	}
	want := []string{
		"narrows | clauses relied on (operator): 5 taken out (less may leave) | 根拠とする条項（operator）：「5」を除く（出るものが狭まる）",
		"either | scope of the consent (acme): analysis by the operator becomes all (read what it means) | 同意の範囲（acme）：「analysis by the operator」を「all」に改める（内容による）",
		"narrows | attributes that may be read: age_band taken out (less may leave) | 読み取れる属性：「age_band」を除く（出るものが狭まる）",
		"widens | attributes that may be read: education added (more may leave) | 読み取れる属性：「education」を加える（出るものが広がる）",
		"narrows | work of the sub-trustee (sub): ask taken out (less may leave) | 再委託する業務（sub）：「ask」を除く（出るものが狭まる）",
		"widens | work of the sub-trustee (sub): operate added (more may leave) | 再委託する業務（sub）：「operate」を加える（出るものが広がる）",
		"narrows | last day of the sub-entrustment (sub): 2026-08-31 becomes 2026-07-31 (less may leave) | 再委託の終了日（sub）：「2026-08-31」を「2026-07-31」に改める（出るものが狭まる）",
		"narrows | sub-trustees: host taken out (less may leave) | 再委託先：「host」を除く（出るものが狭まる）",
		"widens | service whose users may be used: job-offers added (more may leave) | 対象サービス：「job-offers」を加える（出るものが広がる）",
		"widens | rows may lie on the other side's machine: false becomes true (more may leave) | 相手方の機器への保存の同意：「false」を「true」に改める（出るものが広がる）",
		"narrows | most rows of a list: 20000000 becomes 10000000 (less may leave) | リストの行数の上限：「20000000」を「10000000」に改める（出るものが狭まる）",
		"narrows | how long lists are kept: 90d becomes 60d (less may leave) | リストの保存期間：「90d」を「60d」に改める（出るものが狭まる）",
		"widens | last day: 2026-09-30 becomes 2026-10-30 (more may leave) | 終了日：「2026-09-30」を「2026-10-30」に改める（出るものが広がる）",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if added := Diff(nil, before); !slices.ContainsFunc(added, func(c Change) bool { return c.Path == "basis[acme].evidence" && c.Before == "" }) {
		t.Errorf("of none before: %+v", added)
	}
}
