package intake

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/entrustment"
)

// clockOf reads times as of 2026-11-23.
func clockOf(format entrustment.TimeFormat, zone string) *clock {
	t := entrustment.EventTime{Format: format}
	if err := t.Zone.UnmarshalText([]byte(zone)); err != nil {
		panic(err)
	}
	k := newClock(t, entrustment.Date{Year: 2026, Month: 11, Day: 23})
	return &k
}

func dayText(day int32) string {
	return time.Unix(int64(day)*daySeconds, 0).UTC().Format(time.DateOnly)
}

func TestEventTimes(t *testing.T) {
	for _, c := range []struct {
		format entrustment.TimeFormat
		zone   string
		cell   string
		want   string // a day, or a reason
	}{
		{"", "", "2026-11-23", "2026-11-23"},
		{"", "", "2026/11/23 14:05:06", "2026-11-23"},
		{"", "", "2026/1/3 4:05", "2026-01-03"},
		{"", "", "2026-11-23T14:05:06+09:00", "2026-11-23"},
		{"", "", "2026-11-23T14:59:59Z", "2026-11-23"},
		{"", "", "2026-11-22T15:00:00Z", "2026-11-23"},
		{"", "", "2026-11-22T14:59:59.999999Z", "2026-11-22"},
		{"", "", "2026-11-22 15:00:00 UTC", "2026-11-23"},
		{"", "", "2026-11-22 15:00:00.123456 UTC", "2026-11-23"},
		{"", "", "2026-11-22 14:59:59 GMT", "2026-11-22"},
		{"", "", "2026-11-23 00:00:00 JST", "2026-11-23"},
		{"", "", "2026-11-22 10:00:00-05", "2026-11-23"},
		{"", "", "2026-11-22T09:59:59-0500", "2026-11-22"},
		{"", "", "2026-11-23 04:59:59 +14:00", "2026-11-22"},
		{"", "", "20261123", "2026-11-23"},
		{"", "", "202611231405", "2026-11-23"},
		{"", "", "20261123140506", "2026-11-23"},
		{"", "", "20261122T150000Z", "2026-11-23"},
		{"", "", "20261122T1459Z", "2026-11-22"},
		{"", "", "2026.11.23 1:02:03", "2026-11-23"},
		{"", "", "2026-11-22 24:00", "2026-11-23"},
		{"", "", "2026-11-22 24:00:00", "2026-11-23"},
		{"", "", "2016-12-31T23:59:60Z", "2017-01-01"},
		{"", "", "2017-01-01 08:59:60", "2017-01-01"},
		{"", "", "2026-11-23 11:59 PM", "2026-11-23"},
		{"", "", "2026-11-22 12:00 AM", "2026-11-22"},
		{"", "UTC", "2026-11-22 3:00:00 pm", "2026-11-23"},
		{"", "UTC", "2026-11-22 12:30 AM", "2026-11-22"},
		{"", "", "2026年11月23日", "2026-11-23"},
		{"", "", "2026年11月23日 14時05分06秒", "2026-11-23"},
		{"", "", "2026年11月23日14時5分", "2026-11-23"},
		{"", "", "2026年11月23日 14時", "2026-11-23"},
		{"", "UTC", "2026年11月22日 午後3時05分", "2026-11-23"},
		{"", "UTC", "2026/11/22 午前11:59:59", "2026-11-22"},
		{"", "", "２０２６／１１／２３　１４：０５：０６", "2026-11-23"},
		{"", "", "2026/11/23(月) 14:05", "2026-11-23"},
		{"", "", "2026年11月23日（月）14:05", "2026-11-23"},
		{"", "", " 2026-11-23 14:05:06 ", "2026-11-23"},
		{"", "", "2024-02-29", "2024-02-29"},
		{"", "", "2000-01-01", "2000-01-01"},
		{"", "UTC", "2026-11-22 15:00:00", "2026-11-23"},
		{"", "UTC", "2026-11-22 14:59:59", "2026-11-22"},
		{"", "UTC", "2026-11-22 15:00:00+09:00", "2026-11-22"}, // the cell's zone goes first
		{"", "-08:00", "2026-11-22 06:59:59", "2026-11-22"},
		{"", "-08:00", "2026-11-22 07:00:00", "2026-11-23"},
		{"", "", "1795359600", "2026-11-23"}, // 2026-11-22T15:00:00Z
		{"", "", "1795359599", "2026-11-22"},
		{"", "", "1795359599.999", "2026-11-22"},
		{"", "", "1795359600000", "2026-11-23"},
		{"", "", "1795359599999", "2026-11-22"},
		{"", "", "1795359599999999", "2026-11-22"},
		{"", "", "1795359600000000000", "2026-11-23"},
		{"", "UTC", "1795359600", "2026-11-23"},
		{entrustment.TimeSeconds, "", "1795359600", "2026-11-23"},
		{entrustment.TimeSeconds, "", "981173106", "2001-02-03"},
		{entrustment.TimeMilliseconds, "", "981173106000", "2001-02-03"},
		{entrustment.TimeMilliseconds, "", "1795359600", reasonTimeOld},
		{entrustment.TimeSeconds, "", "1795359600000", reasonBadTime},
		{entrustment.TimeSeconds, "", "179535960000", reasonTimeFuture},
		{entrustment.TimeSeconds, "", "2026-11-23", reasonBadTime},
		{entrustment.TimeMilliseconds, "", "20261123", reasonTimeOld},
		{entrustment.TimeText, "", "1795359600", reasonBadTime},
		{entrustment.TimeText, "", "20261123", "2026-11-23"},
		{entrustment.TimeExcel, "", "46349", "2026-11-23"},
		{entrustment.TimeExcel, "", "46349.586875", "2026-11-23"},
		{entrustment.TimeExcel, "", "46348.99999999999", "2026-11-23"},
		{entrustment.TimeExcel, "", "46348.999988", "2026-11-22"}, // 23:59:58.96
		{entrustment.TimeExcel, "UTC", "46348.625", "2026-11-23"},
		{entrustment.TimeExcel, "UTC", "46348.62499", "2026-11-22"},
		{entrustment.TimeExcel, "UTC", "46348", reasonTimeDayAlone},
		{entrustment.TimeExcel, "", "2026/11/23 14:05", "2026-11-23"},
		{entrustment.TimeExcel, "", "0", reasonTimeOld},
		{entrustment.TimeExcel, "", "4.63E+04", reasonTimeRounded},
		{"", "", "46349.586875", reasonTimeSerial},
		{"", "", "46349", reasonTimeSerial},
		{"", "", "1.79536E+09", reasonTimeRounded},
		{"", "", "1.79536E+12", reasonTimeRounded},
		{"", "", "", reasonNoTime},
		{"", "", " \t", reasonNoTime},
		{"", "", "　", reasonNoTime},
		{"", "UTC", "2026-11-22", reasonTimeDayAlone},
		{"", "", "2026-11-24", "2026-11-24"}, // tomorrow
		{"", "", "2026-11-24 23:59:59", "2026-11-24"},
		{"", "", "2026-11-24 24:00:00", reasonTimeFuture},
		{"", "", "2026-11-25", reasonTimeFuture},
		{"", "", "2026-11-24T15:00:00Z", reasonTimeFuture},
		{"", "", "9999-12-31", reasonTimeFuture},
		{"", "", "2026112314", reasonTimeFuture}, // ten digits are seconds
		{"", "", "1999-12-31", reasonTimeOld},
		{"", "", "1970-01-01T00:00:00Z", reasonTimeOld},
		{"", "", "0001-01-01", reasonTimeOld},
		{"", "", "11/23/2026 14:05", reasonTimeOrder},
		{"", "", "23.11.2026", reasonTimeOrder},
		{"", "", "1-2-2026", reasonTimeOrder},
		{"", "", "2025-02-29", reasonBadTime},
		{"", "", "2100-02-29", reasonBadTime},
		{"", "", "2026-11-31", reasonBadTime},
		{"", "", "2026-13-01", reasonBadTime},
		{"", "", "2026-00-01", reasonBadTime},
		{"", "", "2026-11-00", reasonBadTime},
		{"", "", "0000-01-01", reasonBadTime},
		{"", "", "2026-11/23", reasonBadTime},
		{"", "", "2026-11-233", reasonBadTime},
		{"", "", "2026-11-23x", reasonBadTime},
		{"", "", "2026-11-23T", reasonBadTime},
		{"", "", "2026-11-23 14", reasonBadTime},
		{"", "", "2026-11-23 24:01", reasonBadTime},
		{"", "", "2026-11-23 25:00", reasonBadTime},
		{"", "", "2026-11-23 14:60", reasonBadTime},
		{"", "", "2026-11-23 14:05:61", reasonBadTime},
		{"", "", "2026-11-23 14:05:06:07", reasonBadTime},
		{"", "", "2026-11-23 13:05 PM", reasonBadTime},
		{"", "", "2026-11-23 14:05:06.", reasonBadTime},
		{"", "", "2026-11-23 14:05 CET", reasonBadTime},
		{"", "", "2026-11-23 14:05+9", reasonBadTime},
		{"", "", "2026-11-23 14:05+15:00", reasonBadTime},
		{"", "", "2026-11-23 14:05+09:0", reasonBadTime},
		{"", "", "2026-11", reasonBadTime},
		{"", "", "2026", reasonBadTime},
		{"", "", "yesterday", reasonBadTime},
		{"", "", "-1795359600", reasonBadTime},
		{"", "", "0", reasonBadTime},
		{"", "", "99999999999999999999", reasonBadTime},
		{"", "", "9999999999999999999", reasonBadTime},
		{"", "", "\xff\xfe", reasonBadTime},
		{"", "", strings.Repeat("0", 65), reasonBadTime},
	} {
		day, reason := clockOf(c.format, c.zone).day([]byte(c.cell))
		got := reason
		if reason == "" {
			got = dayText(day)
		}
		if got != c.want {
			t.Errorf("%q (%s %s) is %s, want %s", c.cell, c.format, c.zone, got, c.want)
		}
		if reason != "" && eventMends[reason] == "" {
			t.Errorf("%s has no mend", reason)
		}
	}
}

// jstDay is the day of an instant as package time has it, with a zone from
// outside this package.
func jstDay(at time.Time) int32 {
	y, m, d := at.In(time.FixedZone("", 9*3600)).Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Whatever form an instant is written in, and in whatever zone, it has the day
// that it has in Japan.
func TestEventDaysAreJapans(t *testing.T) {
	from, to := time.Date(2000, 1, 1, 15, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(from.Unix(), to.Unix()-1).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds"))
		if rapid.Bool().Draw(t, "at a day's edge") {
			midnight := time.Unix(at.Unix()/86400*86400+15*3600, 0)
			at = midnight.Add(rapid.SampledFrom([]time.Duration{-time.Second, -1, 0, 1, time.Second}).Draw(t, "off"))
			if at.Before(from) || !at.Before(to) {
				at = from
			}
		}
		minutes := rapid.IntRange(-14*60, 14*60).Draw(t, "zone")
		there := at.In(time.FixedZone("", minutes*60))
		day, zoneText := jstDay(at), there.Format("-07:00")
		check := func(format entrustment.TimeFormat, zone, cell string) {
			t.Helper()
			if got, reason := clockOf(format, zone).day([]byte(cell)); reason != "" || got != day {
				t.Fatalf("%q of %q is %s %s, want %s", cell, zone, dayText(got), reason, dayText(day))
			}
		}
		for _, form := range []string{time.RFC3339, time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "20060102T150405-0700", "2006/1/2 3:04:05 PM -07:00", "2006-01-02 15:04:05.000-07:00"} {
			check("", "", there.Format(form))
			check("", "UTC", there.Format(form))
			check(entrustment.TimeText, "", there.Format(form))
		}
		for _, form := range []string{"2006-01-02 15:04:05", "2006/01/02 15:04:05.999999", "2006/1/2 3:04:05 PM", "20060102150405", "200601021504", "2006年1月2日 15時04分05秒", "2006/01/02 PM3:04", "2006-01-02T15:04"} {
			cell := there.Format(form)
			if strings.Contains(form, " PM3") {
				cell = there.Format("2006/01/02 ") + there.Format("PM3:04")
			}
			check("", zoneText, cell)
		}
		here := at.In(entrustment.JST)
		check("", "", here.Format("2006-01-02 15:04:05"))
		check("", "", here.Format("2006-01-02"))
		if at.Unix() > 1e9 {
			check("", "", fmt.Sprint(at.Unix()))
			check("", "", fmt.Sprint(at.UnixMilli()))
			check("", "", fmt.Sprint(at.UnixMicro()))
			check("", "", fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()))
		}
		check(entrustment.TimeSeconds, "", fmt.Sprint(at.Unix()))
		check(entrustment.TimeMilliseconds, "", fmt.Sprint(at.UnixMilli()))
		whole := here.Truncate(time.Second)
		serial := float64(whole.Unix()+9*3600)/86400 + 25569
		check(entrustment.TimeExcel, "", fmt.Sprintf("%.10f", serial))
	})
}

// The calendar agrees with package time on every day, leap days too.
func TestEventCalendar(t *testing.T) {
	k := clockOf("", "")
	for d := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2027; d = d.AddDate(0, 0, 1) {
		day, reason := k.day([]byte(d.Format(time.DateOnly)))
		if d.After(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) {
			if reason != reasonTimeFuture {
				t.Fatalf("%s: %q", d.Format(time.DateOnly), reason)
			}
		} else if reason != "" || int64(day) != d.Unix()/86400 {
			t.Fatalf("%s is day %d, %q", d.Format(time.DateOnly), day, reason)
		}
	}
	for _, no := range []string{"2023-02-29", "2100-02-29", "2024-02-30", "2026-04-31"} {
		if _, reason := k.day([]byte(no)); reason != reasonBadTime {
			t.Errorf("%s: %q", no, reason)
		}
	}
}

// FuzzEventTime: any cell has a day within the bounds or a reason with a mend,
// and one that package time reads has its day.
func FuzzEventTime(f *testing.F) {
	for _, s := range []string{"2026-11-23", "2026-11-23T14:05:06Z", "2026-11-23T23:59:60+09:00", "2026/11/23 2:05:06 PM", "2026年11月23日（月）14時05分", "1795359600", "1795359600000",
		"46349.586875", "1.7E+09", "20261123140506", "11/23/2026", "２０２６", "0001-01-01T00:00:00Z", "2024-02-29 24:00", "9223372036854775807", "\xff", "AM", "2026-11-23 12:00 AM -14:00"} {
		for _, format := range []string{"", "text", "excel", "epoch_seconds", "epoch_milliseconds"} {
			f.Add(s, format)
		}
	}
	f.Fuzz(func(t *testing.T, cell, format string) {
		k := clockOf(entrustment.TimeFormat(format), "")
		day, reason := k.day([]byte(cell))
		if reason != "" {
			if eventMends[reason] == "" || day != 0 {
				t.Fatalf("reason %q, day %d", reason, day)
			}
		} else if day < firstDay || day > k.last {
			t.Fatalf("day %d", day)
		}
		if at, err := time.Parse(time.RFC3339Nano, cell); err == nil && (format == "" || format == "text") && len(cell) <= longestTime {
			_, offset := at.Zone()
			switch want := jstDay(at); {
			case offset > 14*3600+59*60 || offset < -14*3600-59*60:
			case want >= firstDay && want <= k.last && (reason != "" || day != want):
				t.Fatalf("%q is %s %s, want %s", cell, dayText(day), reason, dayText(want))
			case (want < firstDay || want > k.last) && reason == "":
				t.Fatalf("%q is taken", cell)
			}
		}
	})
}

func TestEventValues(t *testing.T) {
	const most = 1<<63 - 1
	for _, c := range []struct {
		cell   string
		unit   entrustment.EventUnit
		want   int64
		reason string
	}{
		{"", "yen", 0, ""}, {" ", "yen", 0, ""}, {"0", "yen", 0, ""}, {"1200", "yen", 1200, ""}, {"1,200", "yen", 1200, ""}, {"1,234,567", "count", 1234567, ""},
		{"¥1,200", "yen", 1200, ""}, {"￥１，２００", "yen", 1200, ""}, {`\1200`, "yen", 1200, ""}, {"1200円", "yen", 1200, ""}, {"1200 円", "yen", 1200, ""}, {"1200.00", "yen", 1200, ""},
		{"3.0", "count", 3, ""}, {"-500", "yen", -500, ""}, {"−500", "yen", -500, ""}, {"▲500", "yen", -500, ""}, {"¥-500", "yen", -500, ""}, {"-¥500", "yen", -500, ""}, {"+5", "yen", 5, ""},
		{"9223372036854775807", "yen", most, ""}, {"9223372036854775808", "yen", most, ""}, {strings.Repeat("9", 60), "yen", most, ""}, {"-99999999999999999999", "yen", -most, ""},
		{"-0", "count", 0, ""}, {"007", "count", 7, ""},
		{"-1", "count", 0, reasonValueNegative}, {"1.5", "yen", 0, reasonValueFraction}, {"0.1", "yen", 0, reasonValueFraction}, {"1,200.50", "yen", 0, reasonValueFraction},
		{"1.2E+05", "yen", 0, reasonValueRounded}, {"1E5", "yen", 0, reasonValueRounded}, {"12E-1", "yen", 0, reasonBadValue},
		{"1,20", "yen", 0, reasonBadValue}, {"1,2000", "yen", 0, reasonBadValue}, {",200", "yen", 0, reasonBadValue}, {"1.", "yen", 0, reasonBadValue}, {".5", "yen", 0, reasonBadValue},
		{"1.2.3", "yen", 0, reasonBadValue}, {"--5", "yen", 0, reasonBadValue}, {"five", "yen", 0, reasonBadValue}, {"1 200", "yen", 0, reasonBadValue}, {"¥", "yen", 0, reasonBadValue},
		{"5円", "count", 0, reasonBadValue}, {"NaN", "yen", 0, reasonBadValue}, {"0x10", "yen", 0, reasonBadValue}, {strings.Repeat("1", 65), "yen", 0, reasonBadValue}, {"\xff", "yen", 0, reasonBadValue},
	} {
		if got, reason := parseValue([]byte(c.cell), c.unit); got != c.want || reason != c.reason {
			t.Errorf("%q in %s is %d %s, want %d %s", c.cell, c.unit, got, reason, c.want, c.reason)
		}
		if c.reason != "" && eventMends[c.reason] == "" {
			t.Errorf("%s has no mend", c.reason)
		}
	}
}

func FuzzEventValue(f *testing.F) {
	for _, s := range []string{"1200", "1,200.00", "¥1,200", "▲１２円", "-5", "1E5", "9223372036854775808", "\xff", "1.5"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, cell string, yen bool) {
		unit := entrustment.UnitCount
		if yen {
			unit = entrustment.UnitYen
		}
		v, reason := parseValue([]byte(cell), unit)
		switch {
		case reason != "" && (v != 0 || eventMends[reason] == ""):
			t.Fatalf("%d, %s", v, reason)
		case reason == "" && !yen && v < 0:
			t.Fatalf("a count of %d", v)
		case reason == "":
			if again, reason := parseValue(fmt.Append(nil, v), unit); again != v || reason != "" {
				t.Fatalf("%d became %d, %s", v, again, reason)
			}
		}
	})
}
