package store

import (
	"encoding/json"
	"time"
)

// Event is something that people and machines of a party are told of: it becomes
// a notice and a delivery to each webhook of the party that wants its kind. It
// holds ids and words, nothing of anybody's data and no number of a release.
type Event struct {
	ID      string // "": a new one. The same id is told once, so who may have to say it again after a crash gives one
	Party   string
	Kind    string          // one of the kinds below
	Subject string          // id of what it is about
	Data    json.RawMessage // an object of words, or lists of words, by word; nil: none. What is none is left out
	At      time.Time       // zero: now
}

// The kinds of events.
const (
	EventJobDone         = "job.done"
	EventJobFailed       = "job.failed"
	EventReportReady     = "report.ready"
	EventDraftWaits      = "draft.waits"      // for an officer's signature
	EventSchedulePaused  = "schedule.paused"  // its next report can't be paid, or asked
	EventFreeze          = "freeze"           // an officer stopped all releases
	EventUnfreeze        = "unfreeze"         // officers let them out again
	EventUploadExpired   = "upload.expired"   // it was not loaded in time, and is gone
	EventUploadLost      = "upload.lost"      // its file is not there any more
	EventDataExpires     = "data.expires"     // a list or an event log is destroyed soon
	EventContractExpires = "contract.expires" // its last day comes
	EventContractEnds    = "contract.ends"    // by its own terms, and its key is destroyed
	EventDeliveryReady   = "delivery.ready"   // made out to the party, and can be fetched
	EventDeliveryFailed  = "delivery.failed"  // its receiver says so
	EventCampaignSmall   = "campaign.small"   // its audience did not pass the least size
	EventWebhookDisabled = "webhook.disabled" // its receiver is gone, or failed for long
	EventWebhookTest     = "webhook.test"     // somebody asked for it
)

// Telling is an event with whom it goes to.
type Telling struct {
	Event
	Body    []byte   // what webhooks are sent, byte for byte at every try
	Roles   []string // people of the party with any of them get a notice
	But     []string // and none of these
	Mail    bool     // and a mail, where they want the kind by mail: there is a server for it
	Webhook string   // the one webhook that is told; "": each of the party that wants the kind
	NewID   func(prefix string) string
}

// Webhook is an address of a party that is told of events. Its secrets are read by
// who sends alone.
type Webhook struct {
	ID          string
	Party       string
	URL         string
	Kinds       []string // that it wants; none: all
	Description string
	Enabled     bool
	Why         string    // it is not enabled: DisabledBy…
	Failing     time.Time // since when nothing was taken; zero: the last was
	OldUntil    time.Time // until when the secret before this one signs too
	Version     int64
	Created     time.Time
	Changed     time.Time
}

// Why a webhook is not enabled.
const (
	DisabledByPerson  = "person"
	DisabledByGone    = "gone"
	DisabledByFailing = "failing"
)

// DeliveryState is how a delivery stands.
type DeliveryState string

// The states.
const (
	DeliveryWaits   DeliveryState = "waiting" // for its first or next try
	DeliverySent    DeliveryState = "sent"
	DeliveryFailed  DeliveryState = "failed"  // its tries are used up
	DeliveryDropped DeliveryState = "dropped" // the webhook was disabled
)

// Delivery is an event on its way to a webhook.
type Delivery struct {
	ID      string
	Webhook string
	Party   string
	Event   string // id: the webhook-id of every try
	Kind    string
	Subject string
	State   DeliveryState
	Tries   int // since it was made, or sent again by a person
	Next    time.Time
	Job     string // that drives it
	Created time.Time
	Ended   time.Time
	History []Try // the last 20, oldest first
}

// Try is one sending.
type Try struct {
	At     time.Time
	Status int    // of the answer; 0: there was none
	Fault  string // hook.Fault; "": it was taken
	Took   time.Duration
}

// Sending is what one try needs.
type Sending struct {
	Delivery
	URL     string
	Enabled bool
	Failing time.Time
	Body    []byte
	Secrets [][]byte // those that sign now
}

// Tried is what came of a try.
type Tried struct {
	Delivery string
	Webhook  string
	Job      string // that drove it: where another drives it by now, its state is not touched
	Try      Try
	State    DeliveryState
	Next     time.Time
	Disable  string   // DisabledBy…: the webhook is disabled; "": not
	Telling  *Telling // what is told where it was not disabled before
}

// Errand is the subject of a job that sends something: one of the two.
type Errand struct {
	Delivery string `json:"delivery,omitempty"`
	Notice   string `json:"notice,omitempty"`
}
