package intake

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"awase/entrustment"
)

// Suggestion is a column that could be asked by, if somebody says so: one of few
// values. The values are of the file, so they go into a file of the same desk and
// nowhere else.
type Suggestion struct {
	Column string
	Name   string
	Values []string // without unknown
	// Named: the header is the name of an attribute that the contract takes. Such a
	// column may be suggested without values, where those it has can't be proposed.
	Named bool
}

// Attribute is one that a contract takes of a list: its name there, and words for it
// that a header may say.
type Attribute struct {
	Name  string   `json:"name"`
	Words []string `json:"words,omitempty"`
}

// maxSuggested is the most values of a suggested column.
const maxSuggested = 12

// Suggest gives the columns that the proposal drops because nothing is known of
// them but that they have few values, each of several rows. Nothing that looks
// direct or sensitive or says where somebody is, by its header or by a value, is
// among them. A column whose header is the name of one of the contract's attributes is
// suggested under that name; no contract names a sensitive one.
func (p *Proposal) Suggest(attributes ...Attribute) (out []Suggestion) {
	taken := map[string]bool{}
	for i := range p.Columns {
		g := &p.Columns[i]
		if g.Use != useDrop || g.Certainty != Unsure || g.Column == "" || kindOf(g.Column) != "" || entrustment.LooksDirect(g.Column) || entrustment.LooksLocated(g.Column) || p.sensitive(g.Column) {
			continue
		}
		name := attributeOf(g.Column, attributes)
		named := name != "" && !taken[name]
		if !named {
			if name = suggestedName(g.Column); name == "" || taken[name] {
				name = fmt.Sprintf("column_%d", g.Position)
			}
		}
		if p.sensitive(name) {
			continue
		}
		values, ok := p.look(i).few(p.least)
		if ok = ok && entrustment.CheckDomain("values", name, append(slices.Clone(values), entrustment.Unknown)) == nil; !ok {
			values = nil
		}
		if !ok && !named {
			continue
		}
		taken[name] = true
		out = append(out, Suggestion{g.Column, name, values, named})
	}
	return out
}

// attributeOf gives the attribute whose name, or a word for which, a header is; "" of
// none.
func attributeOf(header string, attributes []Attribute) string {
	f := fold(header)
	for _, a := range attributes {
		if f == fold(a.Name) || slices.ContainsFunc(a.Words, func(w string) bool { return f == fold(w) }) {
			return a.Name
		}
	}
	return ""
}

// fewestRows is how many rows have a value that is proposed: what is proposed may
// become public with every release over it, and a value of one row alone, as a remark
// is, would be of one person.
const fewestRows = 2

// few gives the values of a column of a closed domain: few, short, each of so many
// rows or more, and none that may name a person.
func (st *stats) few(least int) (values []string, ok bool) {
	if n := len(st.distinct); n == 0 || n > maxSuggested || st.filled < 2*n || st.email+st.phone+st.uuid+st.sha+st.md5+st.sha1+st.other > 0 {
		return nil, false
	}
	rows := map[string]int{}
	for v, n := range st.distinct {
		rows[entrustment.FoldValue(strings.TrimSpace(v))] += n
	}
	seen := map[string]bool{}
	for _, v := range slices.Sorted(maps.Keys(st.distinct)) {
		v = strings.TrimSpace(v)
		if !entrustment.Showable(v) {
			return nil, false
		}
		if f := entrustment.FoldValue(v); !seen[f] && f != entrustment.Unknown && rows[f] >= least {
			seen[f] = true
			values = append(values, v)
		}
	}
	return values, len(values) > 0
}

// suggestedNames are names for what headers often say.
var suggestedNames = []struct{ part, name string }{
	{"ランク", "rank"}, {"会員種別", "member_type"}, {"会員区分", "member_type"}, {"性別", "gender"}, {"年代", "age_band"}, {"都道府県", "prefecture"}, {"地方", "region"},
	{"店舗", "store"}, {"支店", "branch"}, {"業種", "industry"}, {"職種", "occupation"}, {"プラン", "plan"}, {"コース", "course"}, {"商品", "product"}, {"ブランド", "brand"},
	{"経路", "channel"}, {"媒体", "medium"}, {"曜日", "weekday"}, {"カテゴリ", "category_of_product"}, {"ステータス", "status"}, {"状態", "status"},
}

var plainHeader = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 _-]{0,39}$`)

// suggestedName gives a name for a column, "" where its header tells none.
func suggestedName(header string) string {
	if plainHeader.MatchString(header) {
		return strings.ToLower(strings.Join(strings.FieldsFunc(header, func(r rune) bool { return r == ' ' || r == '-' || r == '_' }), "_"))
	}
	for _, s := range suggestedNames {
		if strings.Contains(header, s.part) {
			return s.name
		}
	}
	return ""
}

// Line gives the suggestion as an entry of columns: in list.yaml.
func (s *Suggestion) Line() string {
	values := make([]string, len(s.Values))
	for i, v := range s.Values {
		values[i] = yamlWord(v)
	}
	return fmt.Sprintf("- {column: %s, name: %s, values: [%s]}", yamlWord(s.Column), s.Name, strings.Join(values, ", "))
}

var plainWord = regexp.MustCompile(`^\pL[\pL\pN_]*$`)

// yamlWord writes a text as one YAML scalar on one line, quoted unless it is a
// plain word.
func yamlWord(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
	default:
		if plainWord.MatchString(s) {
			return s
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
