package enclave

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// backupRecord says that a backup is made. It stands before the copying begins: a
// certificate may name a backup that was cut short, and leaves none out.
type backupRecord struct {
	Expires  entrustment.Date `json:"expires"` // the last day on which it is kept
	Segments int              `json:"segments"`
}

// backedUp is a backup as the log has it.
type backedUp struct {
	backupRecord
	seq int64
}

// maxKept is how many days a backup may be kept.
const maxKept = 3660

// Backup copies the vault as it is now to a new directory. Others are served
// while it copies.
func (e *Enclave) Backup(ctx context.Context, req wire.BackupRequest) (wire.Backup, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	today := entrustment.DateOf(e.vault.Log().Now())
	if req.Expires.Start().Before(today.Start()) || req.Expires.Start().After(today.Add(maxKept).Start()) {
		return wire.Backup{}, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "DESIGN §5", Field: "expires", Detail: fmt.Sprintf("a backup is kept until a day from today on, at most %d days", maxKept),
			Mend: "write another day"}
	}
	dir, err := e.place(req.Dir)
	if err != nil {
		return wire.Backup{}, err
	}
	segments := e.state.segments()
	for _, n := range slices.Concat(e.missing, e.unread) { // which no copy can bring back
		delete(segments, (&requestRecord{Number: n}).segment().ID)
	}
	ids := slices.Sorted(maps.Keys(segments))
	logged, err := e.append(kindBackup, backupRecord{req.Expires, len(ids)})
	if err != nil {
		return wire.Backup{}, err
	}
	snapshot, err := e.vault.Snapshot(ids, req.Expires.String(), logged)
	if err != nil {
		return wire.Backup{}, err
	}
	for _, id := range ids {
		e.copying[id]++
	}
	e.mu.Unlock()
	n, err := snapshot.WriteTo(ctx, dir)
	e.mu.Lock()
	for _, id := range ids {
		e.copied(id)
	}
	if errors.Is(err, vault.ErrPlace) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return wire.Backup{}, &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: "backup", Detail: "its directory can't be made or holds something, or a segment went meanwhile",
			Mend: "name a new directory outside the vault that the enclave may write to, and make the backup again"}
	}
	if err != nil {
		return wire.Backup{}, fmt.Errorf("the backup is not whole (entry %d of the log says that it was begun): %w", logged.Seq, err)
	}
	return wire.Backup{Seq: logged.Seq, Dir: dir, Segments: len(ids), Bytes: n, Expires: req.Expires}, nil
}

// place gives the directory of a backup: a name is one in the directory by which all
// files go that leave a confined process.
func (e *Enclave) place(dir string) (string, error) {
	refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "backup", Detail: "a served enclave writes backups to one directory alone",
		Mend: "name a new directory there, without a path, and move it from there"}
	if filepath.IsAbs(dir) {
		if e.self.confined != nil {
			return "", refused
		}
		return dir, nil
	}
	if e.self.backups == "" || !filepath.IsLocal(dir) || dir != filepath.Base(dir) || dir == "." {
		return "", refused
	}
	return filepath.Join(e.self.backups, dir), nil
}

// copied lets a segment go that was read. The room's lock is held.
func (e *Enclave) copied(id string) {
	if e.copying[id]--; e.copying[id] == 0 {
		delete(e.copying, id)
	}
}

// backupsOf gives the last day of the backups that may hold an entrustment, "" of
// none.
func (s *state) backupsOf(id string, today entrustment.Date) string {
	last := today.Add(-1)
	for _, b := range s.backups {
		if b.seq > s.since[id] && b.Expires.Start().After(last.Start()) {
			last = b.Expires
		}
	}
	if last.Start().Before(today.Start()) {
		return ""
	}
	return last.String()
}
