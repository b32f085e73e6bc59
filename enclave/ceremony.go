package enclave

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"awase/enclave/vault"
	"awase/entrustment"
)

// Init holds the key ceremony: it makes a vault whose acts officers sign for, or
// makes one of a vault that waits for it (Options.Officers), whose service has to
// be ended meanwhile: whoever holds the vault's key names its officers, not whoever
// reaches its service first. The operator's document, with its officers, is the
// first act of its log, under the MAC that only the root secret makes; every later
// key is signed for by those before it. A ceremony that was cut short is held again.
// It does not open the vault.
func Init(ctx context.Context, dir string, op *entrustment.Party, o Options) (id string, err error) {
	if op.Class != entrustment.ClassOperator {
		return "", officersError("the vault's first party is its operator", "name a party.yaml of class operator")
	}
	if len(op.Officers) < leastOperators {
		return "", officersError("a vault has two officers of its operator at least", "name each with --officer NAME=PUBLIC-KEY-FILE")
	}
	for i := range op.Officers {
		if err := checkKey(&op.Officers[i]); err != nil {
			return "", err
		}
	}
	for _, check := range []func(*entrustment.Party) *entrustment.Error{checkSealingKeys, checkServingKey} {
		if err := check(op); err != nil {
			return "", err
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Officers, o.Practice = true, false
	v, err := openVault(ctx, dir, o)
	if refusal, ok := errors.AsType[*entrustment.Error](err); ok && refusal.Code == entrustment.CodeForbidden {
		refusal.Mend = "end its service, hold the ceremony, and start it again"
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	// Before the ceremony nothing takes effect (initialised), so what else stands in
	// the log, refusals or rotations, is no matter.
	if v.Dev() || slices.ContainsFunc(v.Log().Records(), func(r vault.Record) bool { return r.Kind == kindCeremony }) {
		return "", there("there is a vault already, and what it is was settled when it was made")
	}
	if _, err := v.Log().Append(kindCeremony, op); err != nil {
		return "", fmt.Errorf("writing the key ceremony down: %w", err)
	}
	return v.ID(), nil
}

func there(detail string) error {
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "vault", Detail: detail, Mend: "name a new directory"}
}

// errCeremony refuses what is asked of a vault before its key ceremony.
var errCeremony = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "vault",
	Detail: "nobody can sign for anything in this room yet: its key ceremony was not held", Mend: "end the service, hold it with awase init --vault V --officer … operator.yaml, and start the service again"}

// initialised refuses while nobody can sign for anything, as officers will: until
// the key ceremony nothing that widens what may leave is taken, from anybody.
func (e *Enclave) initialised() error {
	if !e.signs || e.state.ceremony {
		return nil
	}
	return errCeremony
}
