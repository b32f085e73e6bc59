package clickhouse

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/internal/chtest"
	"awase/matcher/enginetest"
)

// A profile that cuts answers short cuts none of the engine's, which says itself that
// nothing is left out. Without that the numbers are wrong.
func TestProfileCuts(t *testing.T) {
	s, _ := setUp(t, func(_, text string) string {
		return strings.Replace(text, "<allow_ddl>1</allow_ddl>", "<allow_ddl>1</allow_ddl><limit>1</limit>", 1)
	})
	a := makeAll(t)
	e := open(t, asAccount(s))
	must(t, a.put(t.Context(), e))
	a.same(t, e)
	without(t, e, "limit")
	if got, err := e.Cells(t.Context(), a.questions()[0]); err != nil || reflect.DeepEqual(got, a.answers(t)[0]) {
		t.Errorf("without it: %v, %v: the test proves nothing", got.Users, err)
	}
}

// without has an engine ask its only shard without a setting.
func without(t *testing.T, e *Engine, setting string) {
	t.Helper()
	o := e.options(e.o.Shards[0])
	if _, ok := o.Settings[setting]; !ok {
		t.Fatal("there is no such setting:", setting)
	}
	delete(o.Settings, setting)
	conn, err := clickhouse.Open(o)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // nothing is under way
	e.shards[0] = conn
}

// Over its quota an account is told so, and what to do.
func TestQuota(t *testing.T) {
	s, _ := setUp(t, func(_, text string) string {
		return strings.Replace(text, "<queries>10000000</queries>", "<queries>3</queries>", 1)
	})
	e := open(t, asAccount(s))
	for range 5 {
		if _, err := e.Holds(t.Context()); err != nil {
			if shown := refused(t, err, 1); !strings.Contains(shown.Detail, "201 QUOTA_EXCEEDED") {
				t.Error(err)
			}
			return
		}
	}
	t.Error("nothing is refused")
}

// A profile by which a join gives the first of several rows alone, or an answer has
// rows that are of nobody, changes nothing.
func TestProfileJoins(t *testing.T) {
	servers := chtest.Start(t, 1, chtest.Options{Profile: "<join_default_strictness>ANY</join_default_strictness><extremes>1</extremes>"})
	w := enginetest.NewWorld(500, 7)
	want, err := w.Load(t.Context(), newEmbedded())
	must(t, err)
	differ := func(e *Engine) (n int) {
		t.Helper()
		got, err := w.Load(t.Context(), newRemote(e))
		must(t, err)
		for i := range 30 {
			a, err := want.Ask(t.Context(), i)
			must(t, err)
			b, err := got.Ask(t.Context(), i)
			must(t, err)
			if !enginetest.Same(a, b) {
				n++
			}
		}
		return n
	}
	if n := differ(open(t, database(t, servers))); n > 0 {
		t.Errorf("%d answers are wrong", n)
	}
	e := open(t, database(t, servers))
	without(t, e, "join_default_strictness")
	if differ(e) == 0 {
		t.Error("without it no answer is wrong: the test proves nothing")
	}
}
