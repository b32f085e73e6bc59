package enclave

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"awase/entrustment"
)

// demand is a question as it is asked.
type demand struct {
	question    *entrustment.Question
	reservation string // that it is drawn from, "": none
	party       string // whose people ask, "": who keeps the vault
}

// refused logs what a demand is refused for.
func (e *Enclave) refused(d *demand, err error) error {
	return e.refuseTo(d.party, "report", d.question.Entrustment, err)
}

// readable gives the entry of what was released last for a demand of a contract whose
// days are over: nothing new can be asked, and released bytes stay readable until
// their retention takes them (PRIVACY rule 4), as they do for who polls the job that
// brought them. The room's lock is held.
func (e *Enclave) readable(d *demand) (int64, bool) {
	c, err := e.contract(d.question.Entrustment)
	if err != nil || e.vault.Log().Now().Before(c.Contract.Until.End()) || e.retention.before() != nil {
		return 0, false
	}
	if d.party != "" && (!c.Contract.MayAsk(d.party) || !slices.Contains(c.Contract.Sides(), d.party)) {
		return 0, false
	}
	facts := e.facts(c)
	recipient, err := facts.Recipient(d.question)
	if err != nil {
		return 0, false
	}
	name, err := answers(d.question, recipient)
	if err != nil {
		return 0, false
	}
	seq, ok := e.state.newestOf[name]
	return seq, ok && e.state.reportTable[seq] != nil
}

// answers names a question and its reader, as the question is written.
func answers(q *entrustment.Question, recipient string) (hexID, error) {
	raw, err := json.Marshal(struct {
		Question  *entrustment.Question
		Recipient string
	}{q, recipient})
	if err != nil {
		return hexID{}, fmt.Errorf("encoding the question: %w", err)
	}
	return sha256.Sum256(append([]byte("awase answered v1\n"), raw...)), nil
}
