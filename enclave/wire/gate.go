package wire

// Gate is the release gate's parameters in force.
type Gate struct {
	Version  int           `json:"version"` // of gate.yaml; 0: none was set, the defaults hold
	Seq      int64         `json:"log_entry,omitempty"`
	Settings []GateSetting `json:"settings"` // in the order of docs/documents.md
}

// GateSetting is a key of gate.yaml with its value.
type GateSetting struct {
	Key     string `json:"key"`   // caps.clicks
	Value   string `json:"value"` // as gate.yaml writes it
	Default bool   `json:"default"`
}

// GateChange is a parameter that another gate.yaml changes.
type GateChange struct {
	Key  string      `json:"key"`
	From GateSetting `json:"from"`
	To   GateSetting `json:"to"`
}
