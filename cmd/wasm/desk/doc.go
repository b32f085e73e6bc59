// Package desk is what both WASM modules do: check a file in the page, seal it,
// and show how one value is normalised. The rows never leave the page but sealed.
//
//	page ──read(offset, length)──▶ module ──write(chunk)──▶ page ──▶ upload
//	     ◀─────────────── report ─────────────────────────
//
// A file is read where it lies, in blocks, and what is sealed is handed on
// record by record: memory doesn't grow with the file. Each module sets one
// global, awaseText or awaseSheet, with these functions (js.go):
//
//	preview(source, options, on?) → Promise of a Preview: what the first rows show, masked
//	find(source, options, on)    → Promise of a Found: on.value in the first rows, and its forms
//	check(source, options, on?)  → Promise of a result
//	seal(source, options, on)    → Promise of a result
//	normalise(kind, value, region?) → what each profile makes of the value
//
// source is {size, read(offset, length)}, read giving a Uint8Array or a Promise
// of one; of a File f it is
//
//	{size: f.size, read: async (at, n) => new Uint8Array(await f.slice(at, at + n).arrayBuffer())}
//
// options are the fields of Options. on may have progress(rows, bytes), called
// as rows are read, signal, an AbortSignal, and, to seal, write(chunk), which
// may give a Promise that is waited for; to find, value and perhaps kind. A
// Promise is rejected with an Error with code, sort (of a file that is refused whole:
// intake/table.Sort), field, detail, mend and clause, none of which holds a
// cell of the file. Work takes the thread, so a page runs it in a Worker; no
// cell leaves that but masked.
package desk
