package wire

import (
	"context"
	"slices"
)

// The engines.
const (
	EngineEmbedded   = "embedded"   // in the enclave's memory
	EngineClickHouse = "clickhouse" // in servers inside the trust boundary
)

// The steps of a move, once they are done.
const (
	StepPut      = "put"      // a base, population, list or event log is there, whole
	StepCompared = "compared" // both engines gave the same to one question
)

// EngineLost is the act of moving to the embedded engine from one that is lost, as
// ToSign names it: there is nothing to compare with.
const EngineLost = "embedded, without the cluster"

// Engines is how the engine that counts is told of.
type Engines interface {
	// Engine tells which engine counts, and what the one outside holds. An engine that
	// gives no answer is no error.
	Engine(ctx context.Context) (EngineState, error)
}

// EngineState is which engine counts, and how the one outside is. It holds numbers of
// things, none of people.
type EngineState struct {
	Engine     string            `json:"engine"`               // that counts
	Shards     int               `json:"shards,omitempty"`     // of an engine outside, when the room was moved there
	Servers    []string          `json:"servers,omitempty"`    // those that may hold data of the room: the beginnings of keyed digests of their names
	Lost       bool              `json:"lost,omitempty"`       // an officer declared them lost
	Seq        int64             `json:"log_entry,omitempty"`  // since when; 0: from the beginning
	Configured *EngineConfigured `json:"configured,omitempty"` // an engine outside; nil: none is
	Reachable  *bool             `json:"reachable,omitempty"`  // nil: it was not asked, for it has nothing of the room
	Holds      *EngineHolds      `json:"holds,omitempty"`
	Fault      *EngineFault      `json:"fault,omitempty"`      // why nothing can be counted there, or nothing be dropped
	Remains    bool              `json:"remains,omitempty"`    // the room counts here, and something may be left there
	Declarable bool              `json:"declarable,omitempty"` // that what is outside is lost can be declared: something may be there, and nobody did
	Undropped  []string          `json:"undropped,omitempty"`  // entrustments that ended and whose data it did not yet say to have dropped
}

// EngineConfigured is the engine outside that is configured.
type EngineConfigured struct {
	Engine  string   `json:"engine"`
	Shards  int      `json:"shards"`
	Servers []string `json:"servers,omitempty"` // likewise
	Others  bool     `json:"others,omitempty"`  // they are not those that may hold data of the room: none is asked
	// Order has the shards as they are configured.
	Order []EngineShard `json:"order,omitempty"`
}

// EngineShard is one shard of the configuration.
type EngineShard struct {
	Server string `json:"server"` // as in Servers
	// Name is its address and database. It crosses no border: the front has no use for
	// it, and asks by the same socket as who is at the machine.
	Name string `json:"name,omitempty"`
}

// EngineFault is what is wrong with an engine outside.
type EngineFault struct {
	Where  string `json:"where"` // which shard, by its place in the configuration, or which key
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

// EngineHolds is how many things an engine holds.
type EngineHolds struct {
	Bases       int `json:"bases"`
	Populations int `json:"populations"`
	Lists       int `json:"lists"`
	EventLogs   int `json:"event_logs"`
}

// MoveRequest is a WorkMove: to which engine. An officer of the operator signs for it.
type MoveRequest struct {
	To string `json:"to"`
	// Lost: the engine that counts is gone for good, and nothing is compared with it.
	Lost bool      `json:"lost,omitempty"`
	By   ByOfficer `json:"by"`
}

// Signs names the act, as ToSign does.
func (r *MoveRequest) Signs() string {
	if r.Lost {
		return EngineLost
	}
	return r.To
}

var engine = route[nothing, EngineState]{"engine", func(ctx context.Context, e Enclave, _ *nothing) (EngineState, error) {
	s, err := e.Engine(ctx)
	return s.sent(), err
}}

// sent gives a state as it crosses the border.
func (s EngineState) sent() EngineState {
	if s.Configured == nil {
		return s
	}
	c := *s.Configured
	c.Order = slices.Clone(c.Order)
	for i := range c.Order {
		c.Order[i].Name = ""
	}
	s.Configured = &c
	return s
}

func onEngines(h *handler) { on(h, engine) }

// Engine tells which engine counts.
func (c *Client) Engine(ctx context.Context) (EngineState, error) {
	return ask(ctx, c, engine, &nothing{})
}
