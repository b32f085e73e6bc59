package entrustment

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// JST is Asia/Tokyo: the days of documents and conditions are its days. Japan
// keeps no summer time, so the zone is fixed and needs no tz database.
var JST = time.FixedZone("Asia/Tokyo", 9*60*60)

// Date is a JST calendar day. The zero Date is "not given".
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// written is how a date is written.
var written = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// ParseDate reads YYYY-MM-DD and refuses a day that the calendar does not have.
func ParseDate(s string) (Date, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, JST)
	if err != nil && written.MatchString(s) {
		return Date{}, errors.New("there is no such day")
	}
	if err != nil {
		return Date{}, errors.New("a date is written YYYY-MM-DD")
	}
	return DateOf(t), nil
}

// Moment writes a time for people: in Japan, 24 Nov 2026, 14:00 JST.
func Moment(t time.Time) string { return t.In(JST).Format("2 Jan 2006, 15:04 JST") }

// DateOf gives the JST day of t.
func DateOf(t time.Time) Date {
	y, m, d := t.In(JST).Date()
	return Date{y, m, d}
}

// Add gives the day n days later.
func (d Date) Add(n int) Date { return DateOf(time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, JST)) }

// Number counts the days from 1970-01-01, as events do.
func (d Date) Number() int32 {
	return int32(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// DateOfNumber is the day of a Number.
func DateOfNumber(n int32) Date { return Date{1970, 1, 1}.Add(int(n)) }

// IsZero tells whether no date was given.
func (d Date) IsZero() bool { return d == Date{} }

// Start gives the first moment of the day.
func (d Date) Start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, JST) }

// End gives the first moment after the day.
func (d Date) End() time.Time { return time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, JST) }

// String gives YYYY-MM-DD, or "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText gives YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD; an empty text is the zero Date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	if err == nil {
		*d = v
	}
	return err
}

// Days is a whole number of days, written "90d".
type Days int

// fromDocument marks types whose errors repeat nothing of what they read.
func (*Date) fromDocument() {}
func (*Days) fromDocument() {}

// String gives "90d".
func (d Days) String() string { return strconv.Itoa(int(d)) + "d" }

// MarshalText gives "90d".
func (d Days) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "90d".
func (d *Days) UnmarshalText(b []byte) error {
	n, ok := strings.CutSuffix(string(b), "d")
	v, err := strconv.Atoi(n)
	if !ok || err != nil || v < 1 || v > 36500 {
		return fmt.Errorf("a span is written as whole days from 1d to 36500d, like 90d")
	}
	*d = Days(v)
	return nil
}

// Compare orders two days: -1 where d is earlier, 0 where they are the same, 1
// where it is later.
func (d Date) Compare(o Date) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

// Before tells whether d is an earlier day than o.
func (d Date) Before(o Date) bool { return d.Compare(o) < 0 }

// After tells whether d is a later day than o.
func (d Date) After(o Date) bool { return d.Compare(o) > 0 }

// Age gives the whole years from birth to d. Who was born on 29 February is a
// year older from 1 March on in years that have no such day. It is negative
// where birth is later than d.
func (d Date) Age(birth Date) int {
	age := d.Year - birth.Year
	if d.Month < birth.Month || d.Month == birth.Month && d.Day < birth.Day {
		age--
	}
	return age
}
