package main

import (
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"sync"

	"awase/crypto/token"
	"awase/internal/rss"
	"awase/matcher"
	"awase/matcher/matchbench"
)

// mapBytes is about what an entry of the map takes, at worst.
const (
	mapBytes = 45
	mapLimit = 12 << 30
)

const mapLayout = "map[token]user number, ready-built, and a cell a user; the list is looked up on all cores, a bitmap a core"

// runMap looks the list up in a Go map of the base.
func runMap(ctx context.Context, j *job) (*outcome, error) {
	lists, err := j.lists()
	if err != nil {
		return nil, err
	}
	s := lists[0].source
	entries := s.Users * s.Kinds
	if int64(entries)*mapBytes > mapLimit {
		return &outcome{NotRun: fmt.Sprintf("its map would need about %d GB", entries*mapBytes>>30)}, nil
	}
	base := make(map[token.Token]uint32, entries)
	cellOf := make([]uint16, s.Users)
	for user := range s.Users {
		for kind := range matcher.Kind(s.Kinds) {
			base[s.Token(kind, user)] = uint32(user)
		}
		cellOf[user] = s.Cell(user)
	}
	b := &bench{runs: j.Runs, pid: rss.Self, out: outcome{Layout: mapLayout}}
	for _, l := range lists {
		tokens := make([]token.Token, 0, l.source.List*s.Kinds)
		for row := range l.source.List {
			for kind := range matcher.Kind(s.Kinds) {
				tokens = append(tokens, l.source.ListToken(kind, row))
			}
		}
		if err := b.measure(l.figure, "look the list up", func() ([]int64, error) { return lookUp(base, cellOf, tokens), ctx.Err() }); err != nil {
			return nil, err
		}
	}
	return &b.out, nil
}

func lookUp(base map[token.Token]uint32, cellOf []uint16, tokens []token.Token) []int64 {
	workers := runtime.GOMAXPROCS(0)
	matched := make([][]uint64, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			set := make([]uint64, len(cellOf)/64+1)
			for _, t := range tokens[len(tokens)*w/workers : len(tokens)*(w+1)/workers] {
				if user, ok := base[t]; ok {
					set[user/64] |= 1 << (user % 64)
				}
			}
			matched[w] = set
		})
	}
	wg.Wait()
	cells := make([]int64, matchbench.Cells)
	for i := range matched[0] {
		var word uint64
		for _, set := range matched {
			word |= set[i]
		}
		for ; word != 0; word &= word - 1 {
			cells[cellOf[i*64+bits.TrailingZeros64(word)]]++
		}
	}
	return cells
}

// runStream reads as many bytes as a match needs, once, on all cores.
func runStream(ctx context.Context, j *job) (*outcome, error) {
	lists, err := j.lists()
	if err != nil {
		return nil, err
	}
	b := &bench{runs: j.Runs, pid: rss.Self, out: outcome{Layout: "a buffer of at most 1 GiB, read as often as it takes"}}
	for _, l := range lists {
		need := l.source.NeedBytes()
		stream := matchbench.NewStreamer(need)
		plan := fmt.Sprintf("%.2f GB: tokens and cells", float64(need)/1e9)
		if err := b.measure(l.figure, plan, func() ([]int64, error) { stream.Read(); return nil, ctx.Err() }); err != nil {
			return nil, err
		}
	}
	return &b.out, nil
}
