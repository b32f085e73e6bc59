package matcher_test

import (
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/token"
	"awase/matcher"
)

// TestHolds: a token is a user's where it stands in that user's row and, in this base
// and the one before, in nobody else's; by a tombstone it stays theirs.
func TestHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		held, shared := map[matcher.KindToken]token.Token{}, map[matcher.KindToken]bool{}
		note := func(people []matcher.Person) {
			clear(held)
			for _, p := range people {
				for _, id := range p.Tokens {
					if other, ok := held[id]; ok && other != p.User {
						shared[id] = true
					}
					held[id] = p.User
				}
			}
		}
		people := anyPeople(rt)
		note(people)
		base := mustBase(rt, people, nil)
		if rapid.Bool().Draw(rt, "refreshed") {
			people = anyPeople(rt)
			note(people)
			base = mustBase(rt, people, base)
		}
		if len(people) > 0 {
			base = base.WithTombstones([]token.Token{people[0].User})
		}
		users := []token.Token{benchToken(matcher.Kinds, 1000)} // of nobody
		for _, p := range people {
			users = append(users, p.User)
		}
		for _, u := range users {
			for k := range matcher.Kinds + 1 {
				for i := range 31 {
					id := matcher.KindToken{Kind: k, Token: benchToken(k, i)}
					if want := held[id] == u && u != users[0] && !shared[id]; base.Holds(u, id) != want {
						rt.Fatalf("kind %d, token %d: %v, want %v", k, i, !want, want)
					}
				}
			}
		}
	})
}
