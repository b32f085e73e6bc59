package entrustment

import (
	"errors"
	"fmt"
	"time"
)

// Zone is the zone of times that name none: a fixed distance from UTC. The zero
// Zone is JST. Zones with summer time are not taken: an hour of theirs comes
// twice a year, and which of the two is meant a log can't say.
type Zone struct {
	given   bool
	seconds int
}

// maxZone is the furthest distance from UTC that a zone has on Earth.
const maxZone = 14 * 60 * 60

var errZone = errors.New("a zone is Asia/Tokyo, UTC, or a fixed distance from UTC like +09:00")

// ParseZone reads "Asia/Tokyo", "JST", "UTC", "Z", or a distance like "+09:00".
func ParseZone(s string) (Zone, error) {
	switch s {
	case "Asia/Tokyo", "JST":
		return Zone{true, 9 * 60 * 60}, nil
	case "UTC", "Z":
		return Zone{true, 0}, nil
	}
	t, err := time.Parse("-07:00", s)
	if err != nil || len(s) != len("+09:00") || s[4] > '5' { // time.Parse takes 60 minutes
		return Zone{}, errZone
	}
	_, seconds := t.Zone()
	if seconds < -maxZone || seconds > maxZone {
		return Zone{}, errZone
	}
	return Zone{true, seconds}, nil
}

// Offset gives the seconds east of UTC.
func (z Zone) Offset() int {
	if !z.given {
		return 9 * 60 * 60
	}
	return z.seconds
}

// IsZero tells whether no zone was given.
func (z Zone) IsZero() bool { return !z.given }

// String gives the form that documents are written in, "" for the zero Zone.
func (z Zone) String() string {
	sign, m := '+', z.seconds/60
	if m < 0 {
		sign, m = '-', -m
	}
	switch {
	case !z.given:
		return ""
	case z.seconds == 9*60*60:
		return "Asia/Tokyo"
	case z.seconds == 0:
		return "UTC"
	}
	return fmt.Sprintf("%c%02d:%02d", sign, m/60, m%60)
}

// MarshalText gives the form that documents are written in.
func (z Zone) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// UnmarshalText reads the form that documents are written in; an empty text is
// the zero Zone.
func (z *Zone) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*z = Zone{}
		return nil
	}
	v, err := ParseZone(string(b))
	if err == nil {
		*z = v
	}
	return err
}

// fromDocument marks that errors repeat nothing of what was read.
func (*Zone) fromDocument() {}
