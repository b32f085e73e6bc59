package matchbench

import (
	"context"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/matcher"
)

// keeping is an engine that opens no base while it holds one, as those do that keep
// their data elsewhere.
type keeping struct {
	matcher.Engine
	memory *matcher.Embedded
	base   *matcher.Base
}

func (k *keeping) PutBase(_ context.Context, _ matcher.BuildID, _ []matcher.Column, open func() (*matcher.Base, error)) (err error) {
	if k.base == nil {
		k.base, err = open()
	}
	return err
}

func (k *keeping) PutPopulation(_ context.Context, pop matcher.PopulationID, _ matcher.BuildID, _ func() (*matcher.Standings, error), _ []token.Token) error {
	k.memory.PutBase(pop, k.base)
	return nil
}

func (k *keeping) PutList(_ context.Context, _ matcher.ListID, _ []matcher.Column, open func() (*matcher.List, error), _ time.Time) error {
	list, err := open()
	if err == nil {
		k.memory.PutList(list)
	}
	return err
}

func (k *keeping) Keep(context.Context, matcher.Holding) error {
	k.base = nil
	return nil
}

// What a measurement left that was killed is of other data: it is not measured in place
// of this one's. Nothing is left by one that ended.
func TestAfterOneThatWasKilled(t *testing.T) {
	left, err := source(t, Data{Users: 3000, List: 10, Kinds: 1, Overlap: 1, Seed: 2}).buildBase(t.Context(), &Report{})
	if err != nil {
		t.Fatal(err)
	}
	memory := matcher.NewEmbedded()
	k := &keeping{memory, memory, left}
	r, err := Run(t.Context(), source(t, Data{Users: 2000, List: 200, Kinds: 1, Overlap: 0.5, Seed: 1}), 1, k)
	if err != nil || r.Beside == nil || k.base != nil {
		t.Errorf("%+v, %v, a base is left: %v", r, err, k.base != nil)
	}
}
