//go:build js && wasm

// Command verify is the WASM module that checks a release in the page, as awase
// verify does on a machine of one's own (docs/verify.md). It links crypto/receipt
// alone, and sets one global, awaseVerify, with one function:
//
//	report(file, options?) → Promise of {…receipt.Examination, given, growth}
//
// file is a Uint8Array, the JSON of a release as it was downloaded. options may hold
// key, the line of awase log key, and growth, a list of {held?, proof}: a proof
// that the log only grew since a checkpoint held, or since the release's own. given is
// the fingerprint of the key of options; growth is what came of each proof. Without a
// key the proofs are checked by the receipt's own. A Promise is rejected where options
// are not as they should be; a file that is no release is a finding.
package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"syscall/js"

	"awase/crypto/receipt"
)

func main() {
	js.Global().Set("awaseVerify", map[string]any{
		"report": js.FuncOf(func(_ js.Value, args []js.Value) any {
			promise := js.Global().Get("Promise")
			answer, err := report(args)
			if err != nil {
				return promise.Call("reject", js.Global().Get("Error").New(err.Error()))
			}
			return promise.Call("resolve", js.Global().Get("JSON").Call("parse", string(answer)))
		}),
	})
	select {}
}

type options struct {
	Key    string `json:"key"`
	Growth []struct {
		Held  string `json:"held"`
		Proof string `json:"proof"`
	} `json:"growth"`
}

type answer struct {
	*receipt.Examination
	Given  string           `json:"given,omitempty"`
	Growth []receipt.Growth `json:"growth"`
}

func report(args []js.Value) ([]byte, error) {
	if len(args) == 0 || !args[0].InstanceOf(js.Global().Get("Uint8Array")) {
		return nil, errors.New("the file is no Uint8Array")
	}
	file := make([]byte, args[0].Length())
	js.CopyBytesToGo(file, args[0])
	var o options
	if len(args) > 1 && args[1].Type() == js.TypeObject {
		if err := json.Unmarshal([]byte(js.Global().Get("JSON").Call("stringify", args[1]).String()), &o); err != nil {
			return nil, errors.New("the options are not as they should be: {key, growth: [{held, proof}]}")
		}
	}
	a := answer{Growth: []receipt.Growth{}}
	var key ed25519.PublicKey
	if o.Key != "" {
		var err error
		if key, err = receipt.ParseVerifierKey(o.Key); err != nil {
			return nil, err
		}
		a.Given = receipt.Fingerprint(key)
	}
	a.Examination = receipt.Examine(file, key)
	if key == nil && a.Receipt != nil {
		key = a.Receipt.Key
	}
	for _, g := range o.Growth {
		if g.Held == "" && a.Receipt != nil {
			g.Held = a.Receipt.Log.Checkpoint
		}
		a.Growth = append(a.Growth, receipt.ExamineGrowth([]byte(g.Held), []byte(g.Proof), key))
	}
	return json.Marshal(a)
}
