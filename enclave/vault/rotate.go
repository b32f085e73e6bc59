package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// A rotation puts another vault key in the place of the one in force. Data keys,
// root secret, and so tokens, noise and receipts stay as they are: they are only
// wrapped anew.
//
//	begin    keys file: Now under the key in force, Next under the one to come
//	replace  the source holds the next key
//	finish   keys file: what was Next is Now
//
// Each step is one file replaced whole, and either key opens the vault between
// begin and finish. The next key stands in Next under the one in force, so that
// whoever opens with that can go on.

// unlock opens the keys file by the key of the source, and finishes a rotation
// that was begun.
func (v *Vault) unlock(ctx context.Context, logger *slog.Logger) error {
	key, err := v.source.Key(ctx, false)
	if err != nil {
		return err
	}
	defer clear(key[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	*v.page.now() = key
	v.root, err = unwrap(&key, v.keys.rootLabel(), v.keys.Now.Root)
	if v.keys.Next == nil {
		return err
	}
	if err == nil {
		if *v.page.next(), err = unwrap(&key, nextLabel, v.keys.Next.Key); err != nil {
			return err
		}
		if _, err := v.settle(ctx); err != nil {
			logger.Warn("a rotation of the vault key was begun and can't be finished; both keys open the vault", "error", err)
		}
		return nil
	}
	*v.page.next() = key
	if v.root, err = unwrap(&key, v.keys.rootLabel(), v.keys.Next.Root); err != nil {
		return err
	}
	// The source may say what a power cut takes back.
	done, err := v.settle(ctx)
	if err == nil && !done {
		err = errors.New("the vault key's source gives another key each time it is asked")
	}
	return err
}

const nextLabel = "awase next vault key"

// Generation tells how often the vault key was replaced, counted from 1, and the
// newest generation that any key of the keys file is of: a greater one while a
// rotation waits to be finished.
func (v *Vault) Generation() (now, newest int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, newest = v.keys.Now.Generation, v.keys.Now.Generation
	if v.keys.Next != nil {
		newest = v.keys.Next.Generation
	}
	return now, newest
}

// Rotate replaces the vault key. Where the operator keeps it, a rotation is only
// begun until the next key stands in the source: then done is false, either key
// opens the vault, and Rotate again or the next opening finishes it. It fails
// with ErrNextKey where there is no next key.
func (v *Vault) Rotate(ctx context.Context) (done bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page.now() == nil {
		return false, errClosed
	}
	if v.keys.Next != nil {
		done, err := v.settle(ctx)
		if err != nil {
			return false, err
		}
		next, err := v.source.Next(ctx)
		switch {
		case err == nil && done && next == *v.page.now(), errors.Is(err, ErrNextKey), err == nil && !done && next == *v.page.next():
			return done, nil
		case err != nil:
			return false, err
		}
		return v.rotateTo(ctx, next)
	}
	next, err := v.source.Next(ctx)
	if err != nil {
		return false, err
	}
	if next == *v.page.now() {
		return false, fmt.Errorf("the next vault key is the one in force: %w", ErrNextKey)
	}
	return v.rotateTo(ctx, next)
}

func (v *Vault) rotateTo(ctx context.Context, next Key) (bool, error) {
	if err := v.begin(next); err != nil {
		return false, fmt.Errorf("beginning a rotation of the vault key: %w", err)
	}
	return v.settle(ctx)
}

// begin wraps everything under the next key too.
func (v *Vault) begin(next Key) error {
	err := v.change(func(k *keyFile) (err error) {
		s := &slot{Generation: k.Now.Generation + 1, Data: map[string][]byte{}}
		if k.Next != nil { // the operator chose another key to come
			s.Generation = k.Next.Generation + 1
		}
		if s.Key, err = wrap(v.page.now(), nextLabel, next[:]); err != nil {
			return err
		}
		if s.Root, err = wrap(&next, k.rootLabel(), v.root[:]); err != nil {
			return err
		}
		for id, wrapped := range k.Now.Data {
			data, err := unwrap(v.page.now(), dataLabel(id), wrapped)
			if err != nil {
				return fmt.Errorf("data key %q: %w", id, err)
			}
			if s.Data[id], err = wrap(&next, dataLabel(id), data[:]); err != nil {
				return err
			}
		}
		k.Next = s
		return nil
	})
	if err == nil {
		*v.page.next() = next
	}
	return err
}

// settle finishes a rotation that was begun, if the source holds the next key or
// can be made to.
func (v *Vault) settle(ctx context.Context) (bool, error) {
	done, err := v.source.Replace(ctx, *v.page.next())
	if err != nil || !done {
		return false, err
	}
	err = v.change(func(k *keyFile) error {
		k.Now, k.Next = *k.Next, nil
		k.Now.Key = nil
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("dropping the vault key before: %w", err)
	}
	*v.page.now(), *v.page.next() = *v.page.next(), Key{}
	return true, nil
}
