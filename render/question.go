package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"awase/enclave/wire"
	"awase/entrustment"
)

// title says what was asked, in a sentence.
func title(r *wire.Release) text {
	names := make([]text, len(r.Dims))
	for i, d := range r.Dims {
		names[i] = dimLabel(d.Name)
	}
	who := text{"会員", "users"}
	switch {
	case r.Campaign != nil && r.Lift != nil:
		who = text{fmt.Sprintf("キャンペーン「%s」の対象者", r.Campaign.ID), fmt.Sprintf("the audience of campaign %q", r.Campaign.ID)}
	case r.Campaign != nil:
		who = text{fmt.Sprintf("キャンペーン「%s」の接触者", r.Campaign.ID), fmt.Sprintf("people reached by campaign %q", r.Campaign.ID)}
	case r.List != "":
		who = text{fmt.Sprintf("リスト「%s」の突合済みの人", r.List), fmt.Sprintf("people matched from list %q", r.List)}
	}
	t := text{who.ja, who.en}
	if len(names) > 0 {
		by := join(names, "・", " × ")
		t = text{t.ja + "を" + by.ja + "別に", t.en + " by " + by.en}
	}
	report := reportLabel(r.Report)
	return text{plain(report.ja + "：" + t.ja), plain(report.en + ": " + t.en)}
}

// documentTitle is what a program shows in its window of a file.
func documentTitle(r *wire.Release) string {
	if r.Privacy.Practice {
		return "【練習 PRACTICE】" + title(r).ja
	}
	return title(r).ja
}

// details gives the question's further terms in words: its campaign's audience,
// condition, categories of events that no dimension shows, window.
func details(r *wire.Release) []text {
	q := r.Question
	if q == nil {
		return nil
	}
	var out []text
	if m := r.Campaign; m != nil {
		t := text{fmt.Sprintf("対象：リスト「%s」", r.List), fmt.Sprintf("audience: list %q", r.List)}
		if m.Where != nil {
			c := condition(m.Where)
			t = text{t.ja + "、" + c.ja, t.en + ", " + c.en}
		}
		if m.Holdout > 0 {
			t = text{fmt.Sprintf("%s。ホールドアウト %d%%", t.ja, m.Holdout), fmt.Sprintf("%s; %d%% held out", t.en, m.Holdout)}
		}
		out = append(out, text{plain(t.ja), plain(t.en)})
	}
	if q.Where != nil {
		c := condition(q.Where)
		out = append(out, text{plain("条件：" + c.ja), plain("where " + c.en)})
	}
	if len(q.Categories) > 0 && !slices.Contains(q.Dims, entrustment.DimCategory) {
		c := join(labels(entrustment.DimCategory, q.Categories), "・", ", ")
		out = append(out, text{plain("行動：" + c.ja), plain("events: " + c.en)})
	}
	if q.Attribution != nil {
		out = append(out, attribution(q.Attribution))
	}
	if q.Window != nil {
		out = append(out, text{
			fmt.Sprintf("期間：%s 〜 %s", q.Window.From, q.Window.To),
			fmt.Sprintf("from %s to %s", q.Window.From, q.Window.To),
		})
	}
	return out
}

var modelNames = map[entrustment.AttributionModel]text{
	entrustment.LastTouch: {"最後の接触", "to the last touch"},
	entrustment.FirstLast: {"最初と最後の接触に半分ずつ", "half to the first touch, half to the last"},
	entrustment.EvenTouch: {"すべての接触に均等", "to all touches alike"},
	entrustment.TimeDecay: {"新しい接触ほど多く", "more to later touches"},
}

// attribution says in words how conversions are credited.
func attribution(a *entrustment.Attribution) text {
	model, ok := modelNames[a.Model]
	if !ok {
		model = text{string(a.Model), string(a.Model)}
	}
	if a.HalfLife > 0 {
		model.ja += fmt.Sprintf("（半減期%d日）", int(a.HalfLife))
		model.en += fmt.Sprintf(" (half as much for each %s)", entrustment.Count(int(a.HalfLife), "day", "days"))
	}
	return text{
		plain(fmt.Sprintf("成果の割当：%s。当日までの%d日間のクリック、なければ%d日間の表示", model.ja, int(a.Click), int(a.View))),
		plain(fmt.Sprintf("credited %s: clicks within %s, or else impressions within %s", model.en,
			entrustment.Count(int(a.Click), "day", "days"), entrustment.Count(int(a.View), "day", "days"))),
	}
}

// condition puts a condition in words.
func condition(c *entrustment.Condition) text {
	t, _ := phrase(c)
	return t
}

// phrase is condition; joined tells that the English or the Japanese words hold
// an "and" or "or" of their own, so that they need brackets among others.
func phrase(c *entrustment.Condition) (t text, joined bool) {
	switch {
	case c.Not != nil:
		if c.Not.List != "" {
			return text{"リスト「" + c.Not.List + "」にいない", fmt.Sprintf("not on list %q", c.Not.List)}, false
		}
		t, _ := phrase(c.Not)
		return text{"（" + t.ja + "）でない", "not (" + t.en + ")"}, false
	case len(c.In) > 0:
		for name, values := range c.In {
			d, v := dimLabel(name), join(labels(name, values), "・", " or ")
			return text{d.ja + "が" + v.ja, d.en + " is " + v.en}, len(values) > 1
		}
	case len(c.Between) > 0:
		for name, bounds := range c.Between {
			d, v := dimLabel(name), join(labels(name, bounds), "から", " to ")
			return text{d.ja + "が" + v.ja + "まで", d.en + " from " + v.en}, false
		}
	case c.List != "":
		return text{"リスト「" + c.List + "」にいる", fmt.Sprintf("on list %q", c.List)}, false
	case c.Event != nil:
		e := c.Event
		return text{
			fmt.Sprintf("%d日以内に%sが%d回以上", int(e.Within), e.Category, e.AtLeast),
			fmt.Sprintf("%s at least %s within %s", e.Category, entrustment.Count(e.AtLeast, "time", "times"), entrustment.Count(int(e.Within), "day", "days")),
		}, false
	case c.Any != nil:
		return group(c.Any, "、または ", " or ", text{"だれも該当しない", "nobody"})
	}
	return group(c.All, "、かつ ", " and ", text{"すべての人", "everyone"})
}

func labels(dim string, values []string) []text {
	out := make([]text, len(values))
	for i, v := range values {
		out[i] = valueLabel(dim, v)
	}
	return out
}

func group(cs []entrustment.Condition, ja, en string, none text) (t text, joined bool) {
	if len(cs) == 0 {
		return none, false
	}
	if len(cs) == 1 {
		return phrase(&cs[0])
	}
	ts := make([]text, len(cs))
	for i := range cs {
		t, joined := phrase(&cs[i])
		if joined {
			t.en = "(" + t.en + ")"
			if len(cs[i].In) == 0 { // 東京都・神奈川県 needs none
				t.ja = "（" + t.ja + "）"
			}
		}
		ts[i] = t
	}
	return join(ts, ja, en), true
}

// asked gives the question as one line of JSON, as it was priced and signed.
func asked(q *entrustment.Question) (string, error) {
	if q == nil {
		return "", nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(q); err != nil {
		return "", fmt.Errorf("writing the question: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

func join(ts []text, ja, en string) text {
	a, b := make([]string, len(ts)), make([]string, len(ts))
	for i, t := range ts {
		a[i], b[i] = t.ja, t.en
	}
	return text{strings.Join(a, ja), strings.Join(b, en)}
}
