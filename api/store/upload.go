package store

import (
	"errors"
	"time"
)

// UploadState is how an upload stands.
type UploadState string

// The states. Open and complete ones have a file in the inbox, and count against
// the quota of their party.
const (
	UploadOpen     UploadState = "open"     // bytes come
	UploadComplete UploadState = "complete" // its file is whole, and on disk
	UploadLoaded   UploadState = "loaded"   // the enclave took it; its file is removed
	UploadExpired  UploadState = "expired"  // nobody went on with it; its file is removed
	UploadLost     UploadState = "lost"     // it was complete, and its file is not there any more
)

// Upload is a sealed file on its way. It belongs to the party of who created it.
type Upload struct {
	ID          string // and its name in the inbox
	Party       string
	Person      string
	Entrustment string // that it is for; @base: the operator's own data
	Name        string // of a list; @base, @events
	Size        int64  // in bytes, declared
	State       UploadState
	Created     time.Time
	Completed   time.Time
	Ended       time.Time // loaded, expired or lost
}

// UploadQuota is what a party may have in the inbox.
type UploadQuota struct {
	Bytes int64 // declared, of all files together
	Files int
}

// ErrQuota is that a party has in the inbox what it may have.
var ErrQuota = errors.New("the party's quota is used up")
