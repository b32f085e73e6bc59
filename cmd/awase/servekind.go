package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"awase/enclave/vault"
	"awase/entrustment"
)

// settled looks at the vault that is there before anything is written: one in
// earnest gets no made-up people, and --dev makes no other of it. found is false
// where there is none yet.
func (s *serving) settled(ctx context.Context, logger *slog.Logger) (found bool, err error) {
	kind, err := vault.KindOf(s.vault)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return true, fileError(s.vault, err)
	case s.practice && !kind.Practice:
		return true, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "practice", Detail: vault.ErrPractice.Error() + ": " + s.vault + " is one in earnest, or a dev vault",
			Mend: "name a new directory with --data, or leave --practice out"}
	case s.dev && !kind.Dev:
		logger.LogAttrs(ctx, slog.LevelWarn, "--dev does nothing here: the vault was made for officers, who sign what widens what may leave, and stays so; for a dev vault name a new directory with --data")
	}
	return true, nil
}
