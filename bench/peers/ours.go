package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/internal/rss"
	"awase/matcher"
	"awase/matcher/matchbench"
)

const oursLayout = "package matcher, in the child's own memory: index sorted by token, one a kind"

// runOurs measures the product's matcher. It reads the same files as
// ClickHouse.
func runOurs(ctx context.Context, j *job) (*outcome, error) {
	lists, err := j.lists()
	if err != nil {
		return nil, err
	}
	b := &bench{runs: j.Runs, warm: j.warmBytes(), pid: rss.Self, out: outcome{Layout: oursLayout}}
	s := lists[0].source
	var base *matcher.Base
	build := func() ([]int64, error) {
		base = nil // not two at a time
		var err error
		base, err = readBase(ctx, j.Dir, s)
		return nil, err
	}
	if j.Ingest > 0 {
		if err := b.repeat(figureIngest, "files → sorted base in memory → encrypted segment on disk, synced", 0, j.Ingest, func() ([]int64, error) {
			if _, err := build(); err != nil {
				return nil, err
			}
			return nil, keep(ctx, filepath.Join(j.Dir, "vault"), base)
		}); err != nil {
			return nil, err
		}
	} else if _, err := build(); err != nil {
		return nil, err
	}
	engine := matcher.NewEmbedded()
	count := func(l *matcher.List) ([]int64, error) {
		q := matchbench.Query(engine, base, l)
		defer engine.DropList(q.List)
		got, err := engine.Cells(ctx, q)
		return got.Users, err
	}
	for _, l := range lists {
		ready, err := readList(ctx, j.Dir, l)
		if err != nil {
			return nil, err
		}
		if err := b.measure(l.figure, "list sorted", func() ([]int64, error) { return count(ready) }); err != nil {
			return nil, err
		}
	}
	err = b.measure(figureLoad, "file → list sorted in memory → match", func() ([]int64, error) {
		l, err := readList(ctx, j.Dir, lists[0])
		if err != nil {
			return nil, err
		}
		return count(l)
	})
	return &b.out, err
}

func readBase(ctx context.Context, dir string, s *matchbench.Source) (*matcher.Base, error) {
	b := matcher.NewBaseBuilder(matchbench.Columns())
	var g errgroup.Group
	for part := range parts {
		to, err := b.Part()
		if err != nil {
			return nil, errors.Join(err, g.Wait())
		}
		g.Go(func() error { return addPart(to, dir, part, s) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return b.Build(ctx, nil)
}

// addPart adds the users of one part, each with its token of every kind.
func addPart(b *matcher.BasePart, dir string, part int, s *matchbench.Source) error {
	paths := make([]string, s.Kinds)
	for kind := range paths {
		paths[kind] = baseFile(dir, kind, part)
	}
	r, err := openRecords(baseRecord, paths...)
	if err != nil {
		return err
	}
	defer r.close()
	tokens := make([]matcher.KindToken, s.Kinds)
	var codes [3]uint8
	for user, to := partOf(s.Users, part); user < to; user++ {
		if err := r.next(func(kind int, rec []byte) {
			tokens[kind].Kind, tokens[kind].Token = matcher.Kind(kind), token.Token(rec)
		}); err != nil {
			return err
		}
		codes = s.Codes(user)
		if err := b.Add(&matcher.Person{User: s.UserToken(user), Tokens: tokens, Codes: codes[:], PolicyVersion: matchbench.Policy}); err != nil {
			return err
		}
	}
	return nil
}

// readList reads a list, each part of its rows on a goroutine of its own.
func readList(ctx context.Context, dir string, l list) (*matcher.List, error) {
	b := matcher.NewListBuilder(nil, [32]byte{1})
	var g errgroup.Group
	for part := range parts {
		to, err := b.Part()
		if err != nil {
			return nil, errors.Join(err, g.Wait())
		}
		g.Go(func() error { return addRows(to, dir, part, l) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return b.Build(ctx)
}

func addRows(b *matcher.ListPart, dir string, part int, l list) error {
	paths := make([]string, l.source.Kinds)
	for kind := range paths {
		paths[kind] = listFile(dir, l.name, kind)
	}
	r, err := openRecords(listRecord, paths...)
	if err != nil {
		return err
	}
	defer r.close()
	from, to := partOf(l.source.List, part)
	if err := r.skip(from); err != nil {
		return err
	}
	tokens := make([]matcher.KindToken, l.source.Kinds)
	for ; from < to; from++ {
		if err := r.next(func(kind int, rec []byte) {
			tokens[kind].Kind, tokens[kind].Token = matcher.Kind(kind), token.Token(rec)
		}); err != nil {
			return err
		}
		if err := b.Add(&matcher.ListRow{Tokens: tokens}); err != nil {
			return err
		}
	}
	return nil
}

// keep writes the base as the vault keeps it, durable and encrypted, and takes
// it away again.
func keep(ctx context.Context, dir string, base *matcher.Base) (err error) {
	v, err := vault.Open(ctx, dir, vault.Options{})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, v.Close(), os.RemoveAll(dir), os.RemoveAll(dir+".key"), os.RemoveAll(dir+".checkpoint"))
	}()
	const key = "base"
	if err := v.MakeDataKey(key); err != nil {
		return err
	}
	w, err := v.NewSegment(key)
	if err != nil {
		return err
	}
	for name, column := range base.Columns() {
		if err := w.Put(name, column); err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	_, err = w.Commit()
	return err
}
