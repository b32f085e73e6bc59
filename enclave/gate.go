package enclave

import (
	"context"
	"maps"
	"slices"

	"awase/aggregator"
	"awase/enclave/wire"
)

// Gate gives the parameters in force.
func (e *Enclave) Gate(context.Context) (*wire.Gate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := kindGate + " "
	return &wire.Gate{Version: e.state.versions[key], Seq: e.state.acts[key], Settings: settings(e.gate.Policy())}, nil
}

// GateChanges says what SetGate would change.
func (e *Enclave) GateChanges(_ context.Context, file string, doc []byte) ([]wire.GateChange, error) {
	next, err := aggregator.ParsePolicy(file, doc)
	if err != nil {
		return nil, err
	}
	var out []wire.GateChange
	now, then := settings(e.gate.Policy()), settings(next)
	for i := range now {
		if now[i] != then[i] {
			out = append(out, wire.GateChange{Key: now[i].Key, From: now[i], To: then[i]})
		}
	}
	return out, nil
}

// settings writes a policy down, and which of it is the default.
func settings(p aggregator.Policy) []wire.GateSetting {
	usual := aggregator.DefaultPolicy().Settings()
	var out []wire.GateSetting
	for i, s := range p.Settings() {
		out = append(out, wire.GateSetting{Key: s.Key, Value: s.Value, Default: s == usual[i]})
	}
	return out
}

// Entrustments lists the ids of all entrustments that did not end.
func (e *Enclave) Entrustments(context.Context) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := slices.Sorted(maps.Keys(e.state.contracts))
	return slices.DeleteFunc(ids, func(id string) bool { return e.state.ended[id] != nil }), nil
}
