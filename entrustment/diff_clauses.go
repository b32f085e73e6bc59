package entrustment

import (
	"cmp"
	"reflect"
	"strings"
)

// clause is a field of the contract: what people call it, and what its changes do
// to what may leave.
type clause struct {
	name                  Words
	effect                func(before, after reflect.Value) Effect // of a value
	added, removed, order Effect                                   // of a list's members
}

// clauses are the fields of a contract, by their path without parties. A test
// finds a field that is not among them.
var clauses = map[string]clause{
	"schema":              one(Neither, "書式", "form of the document"),
	"id":                  one(Either, "委託の名前", "name of the entrustment"),
	"flow":                one(Either, "委託の種類", "flow"),
	"principal":           one(Either, "委託元", "principal"),
	"trustee":             one(Either, "委託先", "trustee"),
	"purpose":             one(Either, "利用目的", "purpose"),
	"basis":               {name: Words{"法的根拠を示す当事者", "parties with a legal basis"}, added: Widens, removed: Narrows, order: Either},
	"basis[].code":        one(Either, "法的根拠", "legal basis"),
	"basis[].policy":      one(Either, "同意されたポリシーの版", "policy version agreed to"),
	"basis[].clauses":     set("根拠とする条項", "clauses relied on"),
	"basis[].scope":       one(Either, "同意の範囲", "scope of the consent"),
	"basis[].evidence":    one(Neither, "根拠の証拠書類", "evidence of the basis"),
	"basis[].from":        up(false, "根拠の開始日", "first day of the basis"),
	"basis[].until":       up(true, "根拠の終了日", "last day of the basis"),
	"basis[].notice":      one(Neither, "公表の場所", "address of the notice"),
	"basis[].notice_hash": one(Neither, "公表文の証拠", "evidence of the notice"),
	"basis[].agreement":   one(Neither, "契約書の番号", "id of the written agreement"),
	"basis[].no_onward_use": flag(Narrows, "目的外利用・再提供の禁止",
		"no other use and no onward provision"),
	"identifiers":         set("突合に使う識別子", "identifiers that may be matched"),
	"attributes":          set("読み取れる属性", "attributes that may be read"),
	"list_columns":        set("リストの列", "list columns that may be read"),
	"events":              set("読み取れる行動履歴", "events that may be read"),
	"outputs":             set("求められる集計", "reports that may be asked for"),
	"recipients":          set("受け取る当事者", "recipients"),
	"sub_trustees":        set("再委託先", "sub-trustees"),
	"sub_trustees[].work": set("再委託する業務", "work of the sub-trustee"),
	"sub_trustees[].consent": one(Neither, "再委託への同意の証拠書類",
		"evidence of the consent to the sub-entrustment"),
	"sub_trustees[].from":  up(false, "再委託の開始日", "first day of the sub-entrustment"),
	"sub_trustees[].until": up(true, "再委託の終了日", "last day of the sub-entrustment"),
	"deliver_attributes":   set("配信の条件に使える属性", "attributes in conditions of deliveries"),
	"deliver_identifiers":  set("配信に含める識別子", "identifiers in deliveries"),
	"service":              {name: Words{"対象サービス", "service whose users may be used"}, effect: given},
	"runs":                 one(Either, "再委託される委託の種類", "flow that is run"),
	"host_trust_accepted":  flag(Widens, "相手方の機器への保存の同意", "rows may lie on the other side's machine"),
	"max_list_rows":        up(true, "リストの行数の上限", "most rows of a list"),
	"countries":            {name: Words{"国を記録した当事者", "parties whose country is on record"}, added: Widens, removed: Narrows, order: Neither},
	"countries[].country":  one(Either, "所在国", "country"),
	"countries[].ground":   one(Either, "外国にある者への提供の根拠", "ground for provision abroad"),
	"countries[].evidence": one(Neither, "外国提供の証拠書類",
		"evidence of the ground abroad"),
	"retention.lists":      up(true, "リストの保存期間", "how long lists are kept"),
	"retention.events":     up(true, "行動履歴の保存期間", "how long event logs are kept"),
	"retention.reports":    up(true, "集計結果の保存期間", "how long reports are kept"),
	"retention.deliveries": up(true, "配信の保存期間", "how long deliveries are kept"),
	"from":                 up(false, "開始日", "first day"),
	"until":                up(true, "終了日", "last day"),
}

// one is a value whose every change has the same effect.
func one(effect Effect, ja, en string) clause {
	return clause{name: Words{ja, en}, effect: func(_, _ reflect.Value) Effect { return effect }}
}

// set is a list of what may be used.
func set(ja, en string) clause {
	return clause{name: Words{ja, en}, added: Widens, removed: Narrows, order: Neither}
}

// flag is a switch, by what turning it on does.
func flag(on Effect, ja, en string) clause {
	return clause{name: Words{ja, en}, effect: func(_, after reflect.Value) Effect {
		if after.Bool() == (on == Widens) {
			return Widens
		}
		return Narrows
	}}
}

// up is a day, a span or a limit that widens as it grows, or as it shrinks. What is not given
// is as something else is.
func up(grows bool, ja, en string) clause {
	return clause{name: Words{ja, en}, effect: func(before, after reflect.Value) Effect {
		if before.IsZero() || after.IsZero() {
			return Either
		}
		if later(before, after) == grows {
			return Widens
		}
		return Narrows
	}}
}

// later tells whether a day, a span or a limit became a larger one.
func later(before, after reflect.Value) bool {
	if d, ok := before.Interface().(Date); ok {
		to, _ := after.Interface().(Date)
		return d.Before(to)
	}
	return cmp.Less(before.Int(), after.Int())
}

// given is the effect of naming one more, or another.
func given(before, after reflect.Value) Effect {
	switch {
	case before.IsZero():
		return Widens
	case after.IsZero():
		return Narrows
	}
	return Either
}

// effectWords say an effect.
var effectWords = map[Effect]Words{
	Widens:  {"出るものが広がる", "more may leave"},
	Narrows: {"出るものが狭まる", "less may leave"},
	Either:  {"内容による", "read what it means"},
	Neither: {"出るものは変わらない", "what may leave stays"},
}

// words says a change of what is called name.
func (c *Change) words(name Words) Words {
	effect := effectWords[c.Effect]
	_, where, _ := strings.Cut(c.Path, "[")
	where, _, _ = strings.Cut(where, "]")
	var w Words
	switch {
	case c.Before == "":
		w = Words{"「" + c.After + "」を加える", c.After + " added"}
	case c.After == "":
		w = Words{"「" + c.Before + "」を除く", c.Before + " taken out"}
	default:
		w = Words{"「" + c.Before + "」を「" + c.After + "」に改める", c.Before + " becomes " + c.After}
	}
	ja, en := name.JA, name.EN
	if where != "" {
		ja, en = ja+"（"+where+"）", en+" ("+where+")"
	}
	return Words{ja + "：" + w.JA + "（" + effect.JA + "）", en + ": " + w.EN + " (" + effect.EN + ")"}
}
