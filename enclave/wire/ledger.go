package wire

import "awase/entrustment"

// ReserveRequest holds budget for a question.
type ReserveRequest struct {
	Name     string // an id; the entrustment's stands before it in what Reserve gives
	Question *entrustment.Question
	Until    entrustment.Date // the last JST day on which it is held
	Party    string           // as a WorkRequest's
}

// Reserved is what Reserve and Free did.
type Reserved struct {
	Name    string  `json:"name"` // entrustment/name: what Free and ReportReserved take
	Rho     float64 `json:"rho"`  // held; 0: the question is paid for already
	Delta   float64 `json:"delta"`
	Until   string  `json:"until"`   // RFC 3339, UTC: when it runs out
	Changed bool    `json:"changed"` // false: it was held, or given up, already
}

// LedgerRequest says whose accounts are asked about.
type LedgerRequest struct {
	Group   string `json:"group"`   // of the recipient; "": all, for officers
	Officer bool   `json:"officer"` // global accounts and alarms as well (PRIVACY rule 9)
}

// Ledger is the statement of the privacy budgets.
type Ledger struct {
	At       string          `json:"at"` // RFC 3339, UTC: the vault's time
	Accounts []LedgerAccount `json:"accounts"`
	Alarms   []LedgerAlarm   `json:"alarms,omitempty"` // for officers
	Clock    *ClockJump      `json:"clock,omitempty"`  // a jump that waits to be accepted: nothing new is released
}

// LedgerAccount is what one group spent of one owner's budget.
type LedgerAccount struct {
	Recipient string         `json:"recipient"` // group, "*": all groups together
	Owner     string         `json:"owner"`     // party whose users are counted
	Windows   []LedgerWindow `json:"windows"`
	Charges   []LedgerCharge `json:"charges"` // of the last 365 days, oldest first
	Held      []LedgerHold   `json:"held,omitempty"`
}

// LedgerHold is what is left of a reservation.
type LedgerHold struct {
	Name        string  `json:"name"`
	Entrustment string  `json:"entrustment"`
	Report      string  `json:"report"`
	Rho         float64 `json:"rho"`
	Delta       float64 `json:"delta"`
	Until       string  `json:"until"`
}

// LedgerWindow is the state of one sliding window.
type LedgerWindow struct {
	Window string  `json:"window"` // "30d" | "365d"
	Unit   string  `json:"unit"`   // "rho" | "delta"
	Spent  float64 `json:"spent"`
	Limit  float64 `json:"limit"`
	Held   float64 `json:"held,omitempty"` // by reservations
	Left   float64 `json:"left"`           // neither spent nor held
	// Back is when the oldest charge of the window slides out, RFC 3339, UTC; ""
	// where there is none.
	Back string `json:"back,omitempty"`
}

// LedgerCharge is one table that was paid for.
type LedgerCharge struct {
	At          string `json:"at"`
	Entrustment string `json:"entrustment"`
	Report      string `json:"report"`
	Campaign    string `json:"campaign,omitempty"`
	List        string `json:"list,omitempty"`
	Table       string `json:"table"`
	Spec        string `json:"spec"` // as in receipts
	// What was asked, as far as the charge says: older ones say less.
	Dims     []string               `json:"dims,omitempty"`
	Where    *entrustment.Condition `json:"where,omitempty"`
	Long     bool                   `json:"long_where,omitempty"` // a condition too long to repeat
	Window   *entrustment.Window    `json:"window,omitempty"`
	Measures []string               `json:"measures,omitempty"` // beside users
	Total    bool                   `json:"total,omitempty"`    // a separate total
	Rho      float64                `json:"rho"`
	Delta    float64                `json:"delta"`
	Back30   string                 `json:"back_30d"` // when it slides out of the window
	Back365  string                 `json:"back_365d"`
}

// LedgerAlarm is an alarm as officers see it.
type LedgerAlarm struct {
	At     string   `json:"at"`
	Kind   string   `json:"kind"`
	Owners []string `json:"owners"`
}

// ClockJump is a machine's clock that ran ahead of the vault's time.
type ClockJump struct {
	From string `json:"from"` // RFC 3339, UTC: the vault's time
	To   string `json:"to"`   // the machine's
}

// ClockState is what AcceptClock did.
type ClockState struct {
	Accepted *ClockJump `json:"accepted"`        // nil: nothing waited to be accepted
	Now      string     `json:"now"`             // RFC 3339, UTC: the vault's time
	Seq      int64      `json:"log_entry"`       // the entry of the record log, where one was written
	Waits    *Draft     `json:"waits,omitempty"` // it is a draft, and waits for officers
}
