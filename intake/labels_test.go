package intake_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/intake"
	"awase/intake/formats"
)

// labelSet are labels of four letters, and the keys that they stand for.
type labelSet map[string]string

func (s labelSet) Key(cell []byte) ([]byte, bool) {
	if len(cell) != 4 {
		return nil, false
	}
	return []byte(s[string(cell)]), true
}

const keyLog = `schema: awase.events/v1
time: {column: at}
list_key: {list: members, column: 会員番号}
kind: impression
category: {column: campaign, values: [spring-2026, summer-2026]}
`

var labelLog = strings.Replace(keyLog, "list_key: {list: members, column: 会員番号}", "label: {list: members, column: label}", 1)

// TestEventsByListKeys: a log by its party's own keys is sealed with the keys as the
// list has them and with the list's name, and with no identifier.
func TestEventsByListKeys(t *testing.T) {
	s := eventSchema(t, keyLog)
	rows, f := readEvents(t, "at,会員番号,campaign\n2026-11-01,p-1,spring-2026\n2026-11-02, p-2 ,summer-2026\n2026-11-03,,spring-2026\n2026-11-03,"+strings.Repeat("k", 513)+",spring-2026\n2026-11-04,p-1,winter\n", s)
	checkEvents(t, f, rows)
	if h := f.Header(); h.List != "members" || len(h.Identifiers) > 0 || fmt.Sprint(h.Events) != "[{impression spring-2026} {impression summer-2026}]" {
		t.Errorf("%+v", h)
	}
	if got := keysOf(rows); got != "p-1 0, p-2 1" {
		t.Errorf("the rows are of %s", got)
	}
	if got := reasons(f); got != "event_category_unknown 1, no_list_key 1, user_key_too_long 1" {
		t.Errorf("rejected were %s", got)
	}
	if use := f.Report().Columns; !slices.ContainsFunc(use, func(c intake.ColumnReport) bool { return c.Column == "会員番号" && c.Use == "key of members" }) {
		t.Errorf("%+v", use)
	}
	for _, p := range f.Report().ProblemList() {
		if p.Mend == "" || strings.Contains(p.Mend, "operator") {
			t.Errorf("%s: %q", p.Reason, p.Mend)
		}
	}
}

// TestEventsByLabels: each label becomes its key before anything is sealed; one of
// no delivery, and what is no label, are rejected rows with reasons of their own, and
// no message holds either.
func TestEventsByLabels(t *testing.T) {
	s := eventSchema(t, labelLog)
	const log = "at,label,campaign\n2026-11-01,aaaa,spring-2026\n2026-11-02, bbbb ,summer-2026\n2026-11-02,bbbb,summer-2026\n2026-11-03,,spring-2026\n2026-11-03,cccc,spring-2026\n2026-11-03,canary-no-label,spring-2026\n"
	open := func(labels intake.Labels) (*intake.File, error) {
		return intake.OpenEvents(t.Context(), strings.NewReader(log), int64(len(log)), s, intake.Options{Name: "log.csv", Today: loadDay, Labels: labels, Formats: formats.All()})
	}
	_, err := open(nil)
	wantEventFault(t, err, "log.csv", "no labels are given")
	f, err := open(labelSet{"aaaa": "p-1", "bbbb": "p-2"})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := eventRows(f)
	if err != nil {
		t.Fatal(err)
	}
	checkEvents(t, f, rows)
	if got := keysOf(rows); got != "p-1 0, p-2 1, p-2 1" || f.Header().List != "members" {
		t.Errorf("the rows are of %s, keys of the list %q", got, f.Header().List)
	}
	if got := reasons(f); got != "label_unknown 1, label_unreadable 1, no_label 1" {
		t.Errorf("rejected were %s", got)
	}
	var csv strings.Builder
	if err := f.Report().WriteProblems(&csv); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{csv.String(), fmt.Sprintf("%+v", f.Report())} {
		for _, canary := range []string{"canary", "cccc", "aaaa", "p-1"} {
			if strings.Contains(said, canary) {
				t.Errorf("a report holds %q", canary)
			}
		}
	}
	if n := strings.Count(csv.String(), "label"); n < 6 {
		t.Errorf("the problems don't say what is wrong:\n%s", csv.String())
	}
}

func keysOf(rows []seal.Row) string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s %d", r.Event.Key, r.Event.Type))
	}
	return strings.Join(out, ", ")
}

func reasons(f *intake.File) string {
	var out []string
	for fault, n := range maps.All(f.Report().Faults) {
		out = append(out, fmt.Sprintf("%s %d", fault.Reason, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
