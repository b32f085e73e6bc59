package api

import (
	"context"

	"awase/enclave/wire"
)

// behalf gives the context in which the enclave is asked for a person: its log
// names their id, which is nobody's name. "" is the service itself: who does not
// say who they are, and what falls due.
func behalf(ctx context.Context, person string) context.Context {
	if person == "" {
		return wire.WithCaller(ctx, wire.Service)
	}
	return wire.WithCaller(ctx, wire.OfPerson(person))
}
