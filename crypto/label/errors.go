package label

// Reason says why a label or a set is refused. Reasons are errors, so that
// errors.Is(err, label.Expired) asks for one.
type Reason string

// The reasons.
const (
	Malformed Reason = "malformed"
	Expired   Reason = "expired"
	NotOpened Reason = "does not open"
)

// Error gives the reason.
func (r Reason) Error() string { return "label: " + string(r) }

// Error is a refusal. It holds no user key and no label.
type Error struct {
	Reason Reason
	Detail string // the part it is about; may be ""
}

// Error gives one line: reason, detail, mend.
func (e *Error) Error() string {
	s := e.Reason.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	switch e.Reason {
	case Expired:
		s += "; ask for a new delivery"
	case NotOpened:
		s += "; compare the serving key's fingerprint, and keep each row as it came"
	}
	return s
}

// Unwrap gives the Reason.
func (e *Error) Unwrap() error { return e.Reason }

func refuse(r Reason, detail string) error { return &Error{r, detail} }
