package enclave

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"awase/enclave/vault"
	"awase/entrustment"
)

// Init makes a vault whose acts officers sign for: the key ceremony. The
// operator's document, with its officers, is the first record of its log, under
// the MAC that only the root secret makes; every later key is signed for by
// those before it. A ceremony that was cut short is done again. It does not open
// the vault.
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
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	v, err := openVault(ctx, dir, o, true)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	for _, r := range v.Log().Records() {
		if r.Kind != vault.KindClock {
			return "", there()
		}
	}
	if v.Dev() {
		return "", there()
	}
	if _, err := v.Log().Append(kindCeremony, op); err != nil {
		return "", fmt.Errorf("writing the key ceremony down: %w", err)
	}
	return v.ID(), nil
}

func there() error {
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "vault",
		Detail: "there is a vault already, and what it is was settled when it was made", Mend: "name a new directory"}
}

// errCeremony refuses a vault that officers sign for and that has none yet.
var errCeremony = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "vault",
	Detail: "its key ceremony was cut short", Mend: "run the same awase init again"}
