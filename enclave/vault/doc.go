// Package vault keeps what the enclave must not lose and nobody else may read:
// keys, encrypted segments and the record log.
//
//	V/            0700
//	  keys        the root secret and the data keys, wrapped by the vault key;
//	              by the next one too while a rotation is under way
//	  log         the record log: append-only, each line under a MAC, hash-chained
//	  segments/   lists, base, finished reports: AES-256-GCM under data keys
//	  lock        held by the one process that has the vault open
//	V.key         the vault key, where Options name no other KeySource
//	V.checkpoint/ 0700
//	  checkpoint  how long the log is known to be, signed; kept outside V, so
//	              that a restored old log is noticed
//
// A confined process is given the two directories and, before, the key: it can
// write the checkpoint and can't read V.key, which lies in neither (Prepare).
//
// An act is one Append: it is durable (written, fsynced, checkpoint advanced)
// when Append returns. When Append fails, or the process dies in it, the act
// was not acknowledged; if its line reached the disk whole it stands at the next
// open, so a charge is never lost. Until then the vault takes nothing more:
// neither a record nor a file that might take the place of one the line names.
// What an act refers to is written and fsynced before the Append that names it;
// files that no record names are swept at the next open.
package vault
