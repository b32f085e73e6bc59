package enginetest

import (
	"crypto/sha256"
	"slices"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/matcher"
)

// everybody makes all users eligible whose data is not bound to a service.
var everybody = matcher.Eligibility{Enquiry: true}

var (
	baseColumns = []matcher.Column{
		{Name: "sex", Domain: []string{"f", "m", "unknown"}},
		{Name: "age", Domain: []string{"<20", "20-29", "30-39", ">=40", "unknown"}},
	}
	listColumns = []matcher.Column{
		{Name: "tier", Domain: []string{"gold", "silver", "unknown"}},
		{Name: "sex", Domain: []string{"f", "unknown"}}, // a name the base has too
	}
)

func tok(kind matcher.Kind, name string) matcher.KindToken {
	sum := sha256.Sum256([]byte(name))
	sum[0] ^= byte(kind)
	return matcher.KindToken{Kind: kind, Token: token.Token(sum[:token.Size])}
}

func email(name string) matcher.KindToken { return tok(matcher.Email, name) }
func phone(name string) matcher.KindToken { return tok(matcher.Phone, name) }

func user(name string) token.Token { return tok(matcher.Kinds, "user "+name).Token }

func person(name string, tokens ...matcher.KindToken) matcher.Person {
	return matcher.Person{User: user(name), Tokens: tokens}
}

func row(tokens ...matcher.KindToken) matcher.ListRow { return matcher.ListRow{Tokens: tokens} }

// The worlds are small so that tokens collide: ambiguity, several hits and
// several rows a person are the rule. Some tokens share their first 8 bytes or
// lie at the ends of the range, which hashes never do.
func anyToken(t *rapid.T) matcher.KindToken {
	k := matcher.Kind(rapid.IntRange(0, int(matcher.Kinds)-1).Draw(t, "kind"))
	n := rapid.IntRange(0, 15).Draw(t, "token")
	switch {
	case n == 0:
		return matcher.KindToken{Kind: k}
	case n == 1:
		return matcher.KindToken{Kind: k, Token: token.Token(slices.Repeat([]byte{255}, token.Size))}
	case n < 6:
		out := matcher.KindToken{Kind: k, Token: token.Token{7, 7, 7, 7, 7, 7, 7, 7}}
		out.Token[token.Size-1] = byte(n)
		return out
	}
	return tok(k, string(rune('a'+n)))
}

func anyTokens(t *rapid.T, most int) []matcher.KindToken {
	out := make([]matcher.KindToken, rapid.IntRange(0, most).Draw(t, "tokens"))
	for i := range out {
		out[i] = anyToken(t)
	}
	return out
}

func codes(t *rapid.T, columns []matcher.Column) []uint8 {
	out := make([]uint8, len(columns))
	for i, c := range columns {
		out[i] = uint8(rapid.IntRange(0, len(c.Domain)-1).Draw(t, "code"))
	}
	return out
}

// people gives distinct users out of 24, so that versions of a base overlap.
func people(t *rapid.T, label string) []matcher.Person {
	ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 23), 0, 24, rapid.ID[int]).Draw(t, label)
	out := make([]matcher.Person, 0, len(ids))
	for _, id := range ids {
		out = append(out, matcher.Person{
			User:          user(string(rune('a' + id))),
			Tokens:        anyTokens(t, 4),
			Codes:         codes(t, baseColumns),
			PolicyVersion: rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(t, "version"),
			Service:       rapid.SampledFrom([]string{"", "", "mail", "shop"}).Draw(t, "service"),
			EnquiryOnly:   rapid.IntRange(0, 3).Draw(t, "enquiry") == 0,
		})
	}
	return out
}

func listRows(t *rapid.T, label string) []matcher.ListRow {
	out := make([]matcher.ListRow, rapid.IntRange(0, 20).Draw(t, label))
	for i := range out {
		if i > 0 && rapid.IntRange(0, 4).Draw(t, "repeat") == 0 {
			out[i] = out[i-1]
			continue
		}
		out[i] = matcher.ListRow{Tokens: anyTokens(t, 3), Codes: codes(t, listColumns)}
	}
	return out
}

func eligibility(t *rapid.T) matcher.Eligibility {
	return matcher.Eligibility{
		ByPolicy: rapid.Bool().Draw(t, "by policy"),
		Versions: rapid.SampledFrom([][]string{nil, {"v1"}, {"", "v2"}, {"v1", "v2", "v3"}}).Draw(t, "versions"),
		Service:  rapid.SampledFrom([]string{"", "mail", "shop", "other"}).Draw(t, "for service"),
		Enquiry:  rapid.Bool().Draw(t, "for enquiry"),
	}
}

func condition(t *rapid.T, lists []matcher.ListID, withList bool, depth int) matcher.Where {
	kids := func() []matcher.Where {
		out := make([]matcher.Where, rapid.IntRange(0, 3).Draw(t, "conditions"))
		for i := range out {
			out[i] = condition(t, lists, withList, depth-1)
		}
		return out
	}
	first := 0
	if depth == 0 {
		first = 3
	}
	switch rapid.IntRange(first, 5).Draw(t, "condition") {
	case 0:
		return matcher.Where{All: kids()}
	case 1:
		return matcher.Where{Any: kids()}
	case 2:
		kid := condition(t, lists, withList, depth-1)
		return matcher.Where{Not: &kid}
	case 3:
		id := rapid.SampledFrom(lists).Draw(t, "on list")
		return matcher.Where{List: &id}
	}
	source, columns := matcher.BaseColumn, baseColumns
	if withList && rapid.Bool().Draw(t, "list column") {
		source, columns = matcher.ListColumn, listColumns
	}
	column := rapid.SampledFrom(columns).Draw(t, "column")
	in := &matcher.InCodes{Source: source, Column: column.Name}
	for code := range column.Domain {
		if rapid.Bool().Draw(t, "in") {
			in.Codes = append(in.Codes, uint8(code))
		}
	}
	return matcher.Where{In: in}
}

// query draws everything but the population.
func query(t *rapid.T, lists []matcher.ListID) matcher.Query {
	q := matcher.Query{Eligible: eligibility(t)}
	withList := rapid.IntRange(0, 3).Draw(t, "with list") > 0
	if withList {
		q.List = rapid.SampledFrom(lists).Draw(t, "list")
	}
	if rapid.Bool().Draw(t, "where") {
		w := condition(t, lists, withList, 3)
		q.Where = &w
	}
	for range rapid.IntRange(0, 3).Draw(t, "dims") {
		q.Dims = append(q.Dims, dimension(t, withList))
	}
	return q
}

// share puts a share into a question: the oracle knows no ids, two engines that hold
// one base have the same.
func share(t *rapid.T, q *matcher.Query) {
	s := &matcher.Share{Key: [16]byte{1, 2, 3}, To: matcher.Shares}
	s.Key[15] = byte(rapid.IntRange(1, 3).Draw(t, "key"))
	s.From = uint16(rapid.IntRange(0, matcher.Shares).Draw(t, "from"))
	if len(q.Dims) > 0 && q.Dims[0].Source != matcher.Touch && rapid.Bool().Draw(t, "assignment") {
		q.Dims[0] = matcher.Dim{Source: matcher.Assigned, Name: "assignment", Size: 2, Share: s}
		return
	}
	in := matcher.Where{Share: s}
	if q.Where == nil {
		q.Where = &in
		return
	}
	q.Where = &matcher.Where{All: []matcher.Where{*q.Where, {Not: &in}}}
}

func dimension(t *rapid.T, withList bool) matcher.Dim {
	source := matcher.BaseColumn
	if withList {
		source = matcher.DimSource(rapid.IntRange(0, 2).Draw(t, "source"))
	}
	columns := baseColumns
	switch source {
	case matcher.MatchedBy:
		return matcher.Dim{Source: source, Size: int(matcher.Kinds)}
	case matcher.ListColumn:
		columns = listColumns
	}
	column := rapid.SampledFrom(columns).Draw(t, "dimension")
	return matcher.Dim{Source: source, Name: column.Name, Size: len(column.Domain)}
}
