// Package enclave is the isolated service: the one place that sees hashes,
// tokens and attributes of both sides, and the only door out.
//
//	wire.Enclave ──request──▶ decide (entrustment) ─▶ vault, matcher ─▶ gate ──▶ Release
//	                              │ refused: coded, logged
//
// What is true is what the record log says: every act is one record, and the
// state in memory is a fold over them (state.go). A crash at any moment loses
// nothing acknowledged; the same request again goes on where it stopped.
//
// It is a process of its own, confined by the kernel (docs/confinement.md), that
// is asked over enclave/wire; commands open a dev vault in their own process too,
// and its receipts say that nothing confined it.
package enclave
