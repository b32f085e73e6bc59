package wire

import (
	"log/slog"
	"testing"
)

// What a person asks is logged where people look, and so is what the front asks of
// its own where something may follow from it.
func TestPollsAreQuiet(t *testing.T) {
	person := OfPerson("per-abc")
	for _, c := range []struct {
		act    string
		caller Caller
		want   slog.Level
	}{
		{room.name, Service, slog.LevelDebug},
		{room.name, person, slog.LevelInfo},
		{pollWork.name, person, slog.LevelDebug},
		{startWork.name, person, slog.LevelInfo},
		{drafts.name, Service, slog.LevelInfo},
		{report.name, Service, slog.LevelInfo},
		{price.name, Service, slog.LevelInfo},
	} {
		if got := answered(c.act, c.caller); got != c.want {
			t.Errorf("%s of %s is logged at %v", c.act, c.caller, got)
		}
	}
}
