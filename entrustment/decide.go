package entrustment

import "time"

// Facts is all that a decision depends on besides the act itself.
type Facts struct {
	Now      time.Time
	Contract *Contract
	Parties  map[string]*Party
	Policies *Policies   // nil: none added yet
	Base     *BaseSchema // nil: no base loaded yet
	// StatEffective is the configured day on which STAT_2026 is in force; zero:
	// off.
	StatEffective Date
}

// Load is the act of uploading a list under an entrustment.
type Load struct {
	Kinds   []string // identifier kinds of the list's columns
	Columns []string // declared value columns
}

// Match is the act of joining a list with the base.
type Match struct {
	ListEntrustment string // the entrustment that the list was uploaded under
}

// Ask is the act of asking for a report.
type Ask struct {
	Question    *Question
	ListColumns []string // declared value columns of the list asked about
}

// Deliver is the act of handing an audience over.
type Deliver struct {
	Receiver string
	Where    *Condition
	Kinds    []string // base identifiers to be sent
}
