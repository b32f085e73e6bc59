package entrustment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// The schemas of the documents this package reads.
const (
	SchemaParty       = "awase.party/v1"
	SchemaPolicies    = "awase.policies/v1"
	SchemaBase        = "awase.base/v1"
	SchemaList        = "awase.list/v1"
	SchemaEntrustment = "awase.entrustment/v1"
	SchemaReport      = "awase.report/v1"
	SchemaCampaign    = "awase.campaign/v1"
)

// Home is the country whose law the rules are; a party elsewhere is "abroad"
// (policy §6).
const Home = "JP"

// The kinds of identifier (FORMATS §1).
const (
	KindEmail  = "email"
	KindPhone  = "phone"
	KindCookie = "cookie"
	KindMAID   = "maid"
)

// Kinds gives the kinds of identifier in their fixed order (PRIVACY rule 2).
func Kinds() []string { return []string{KindEmail, KindPhone, KindCookie, KindMAID} }

// Reports gives the kinds of report a question may name, in the order of
// DESIGN §8. AnsweredReports are those that this version has.
func Reports() []string {
	return []string{ReportOverlap, ReportProfile, ReportBehaviour, ReportReachFrequency,
		ReportDelivery, ReportLift, ReportAttribution, ReportSize, ReportCube}
}

// AnsweredReports gives the kinds of report that this version answers.
func AnsweredReports() []string {
	return []string{ReportOverlap, ReportProfile, ReportSize, ReportCube, ReportBehaviour, ReportReachFrequency, ReportDelivery, ReportLift, ReportAttribution}
}

// Flows gives the six flows in the order of DESIGN §2.
func Flows() []Flow {
	return []Flow{FlowDelivery24, FlowAnalysis26, FlowAnalysis5, FlowDelivery5, FlowImprovement5, FlowOutsourcing5}
}

// sorted gives a map's keys in order, so that of two faults the same one is
// told each time.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func words[T ~string](ts ...T) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = string(t)
	}
	return out
}

// Allowed gives the classes that a party document may name.
func (PartyClass) Allowed() []string {
	return words(ClassOperator, ClassClient, ClassAdPlatform, ClassTrustee)
}

// Allowed gives the flows that a document may name.
func (Flow) Allowed() []string { return words(Flows()...) }

// Allowed gives the purposes that a contract may name.
func (Purpose) Allowed() []string {
	return words(PurposeStatistics, PurposeAdvertising, PurposeImprovement)
}

// Allowed gives the bases that a contract may name.
func (BasisCode) Allowed() []string {
	return words(BasisConsentPolicy, BasisConsent27, BasisConsent31, BasisEntrust, BasisStat2026)
}

// Allowed gives the grounds that a contract may name.
func (Ground) Allowed() []string { return words(GroundConsent, GroundAdequate, GroundMeasures) }

// Allowed gives the kinds of work that a contract may name.
func (Work) Allowed() []string { return words(WorkAsk, WorkOperate) }

// designated are the countries whose protection the Personal Information Protection
// Commission holds to be equal to Japan's (個人情報保護委員会告示, 2019, with its
// amendments): the EEA and the United Kingdom.
const designated = "AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"

// Allowed gives the class that an attribute may name; left out, it is ordinary.
func (AttributeClass) Allowed() []string { return words(AttributeSensitive) }

// checker holds a decoded document against the rules that its types can't say.
// It keeps the first fault.
type checker struct {
	at  *places
	err *Error
}

// done gives v, or the first fault found.
func done[T any](v *T, c *checker) (*T, error) {
	if c.err != nil {
		return nil, c.err
	}
	return v, nil
}

func (c *checker) fail(path, detail, mend string) {
	if c.err == nil {
		c.err = c.at.refuse(path, detail, mend)
	}
}

func (c *checker) failAs(code Code, path, detail, mend string) {
	if c.err == nil {
		c.err = c.at.refuseAs(code, path, detail, mend)
	}
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// CheckID gives an *Error of CodeDocument at field unless s is an id: 1 to 64 of
// a-z 0-9 . _ -, beginning with a letter or digit. Parties, entrustments and
// lists are named by ids.
func CheckID(field, s string) error {
	if idPattern.MatchString(s) {
		return nil
	}
	return &Error{Code: CodeDocument, Clause: clauseDoc, Field: field, Detail: idDetail, Mend: idMend}
}

const (
	idDetail = "must be an id"
	idMend   = "write 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"
)

// id checks the name of a party or an entrustment: it becomes part of file
// names and headers.
func (c *checker) id(path, s string) {
	if !idPattern.MatchString(s) {
		c.fail(path, idDetail, idMend)
	}
}

// name checks a name that people see: of an attribute, a list, a category.
func (c *checker) name(path, s string) {
	n := utf8.RuneCountInString(s)
	odd := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`/\"'`, r) }
	if n < 1 || n > 64 || strings.TrimSpace(s) != s || strings.HasPrefix(s, ".") || strings.ContainsFunc(s, odd) {
		c.fail(path, "must be a name", `write 1 to 64 printable characters without / \ or quotes`)
	}
}

// dimension checks the name of something that a report may be broken down by.
func (c *checker) dimension(path, s string) {
	c.name(path, s)
	if s == DimMatchedBy {
		c.fail(path, echo(s)+" is a reserved name", "choose another")
	}
}

// column checks the header of a column: whatever a file can hold on one line.
func (c *checker) column(path, s string) {
	if n := utf8.RuneCountInString(s); n < 1 || n > 256 || strings.ContainsFunc(s, unicode.IsControl) {
		c.fail(path, "must be a column's header", "write it as it stands in the file, at most 256 characters")
	}
}

func (c *checker) country(path, s string) {
	r, err := language.ParseRegion(s)
	if len(s) != 2 || err != nil || !r.IsCountry() || r.String() != s {
		c.fail(path, "must be a country", "write its two capital letters of ISO 3166, like JP")
	}
}

var hashPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// namesEvidence tells whether s names a document by its SHA-256. One digit more or
// less, or one that is none, and nobody finds the document that was meant: the record
// log would hold a proof of nothing for good. Whether it is that document's digest is
// compared where the document is, by people.
func namesEvidence(s string) bool { return hashPattern.MatchString(s) }

// evidence checks the name of an evidence document.
func (c *checker) evidence(path, s string) {
	if !namesEvidence(s) {
		c.fail(path, "must name the evidence document by its hash", mendEvidence)
	}
}

const mendEvidence = "write sha256: and the 64 hex digits, in lower case, of the document's SHA-256 (sha256sum FILE prints them)"

func (c *checker) span(path string, from, until Date) {
	if !from.IsZero() && !until.IsZero() && until.Before(from) {
		c.fail(path, "ends before it begins", "put the earlier day first")
	}
}

func (c *checker) oneOf(path, s string, allowed []string) {
	if !slices.Contains(allowed, s) {
		c.fail(path, echo(s)+" is not a value of this key", "allowed: "+strings.Join(allowed, ", "))
	}
}

// distinct refuses a list that names something twice.
func (c *checker) distinct(path string, list []string) {
	seen := map[string]bool{}
	for i, s := range list {
		if seen[s] {
			c.fail(item(path, i), "is named twice", "keep one")
		}
		seen[s] = true
	}
}

func (c *checker) each(path string, list []string, check func(path, s string)) {
	for i, s := range list {
		check(item(path, i), s)
	}
	c.distinct(path, list)
}

func (c *checker) atMost(path string, n, limit int) {
	if n > limit {
		c.fail(path, fmt.Sprintf("holds more than %d entries", limit), "shorten it")
	}
}
