//go:build js && wasm

package desk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"syscall/js"

	"awase/intake/table"
)

// Serve sets the global of that name and serves its functions until the page is
// gone.
func Serve(name string, formats ...table.Format) {
	js.Global().Set(name, map[string]any{
		"preview": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return promise(func() (any, error) { return run(formats, args, preview) })
		}),
		"find": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return promise(func() (any, error) { return run(formats, args, find) })
		}),
		"check": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return promise(func() (any, error) { return run(formats, args, check) })
		}),
		"seal": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return promise(func() (any, error) { return run(formats, args, sealed) })
		}),
		"normalise": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return promise(func() (any, error) { return Normalise(text(args, 0), text(args, 1), text(args, 2)) })
		}),
	})
	select {}
}

// work is one thing that is done with a file; on is the page's object of that name.
type work func(ctx context.Context, d *Desk, r io.ReaderAt, size int64, o Options, on js.Value) (any, error)

func preview(ctx context.Context, d *Desk, r io.ReaderAt, size int64, o Options, _ js.Value) (any, error) {
	return d.Preview(ctx, r, size, o)
}

func find(ctx context.Context, d *Desk, r io.ReaderAt, size int64, o Options, on js.Value) (any, error) {
	of := func(name string) string { return text([]js.Value{on.Get(name)}, 0) }
	return d.Find(ctx, r, size, o, of("kind"), of("value"))
}

func check(ctx context.Context, d *Desk, r io.ReaderAt, size int64, o Options, _ js.Value) (any, error) {
	return d.Check(ctx, r, size, o)
}

func sealed(ctx context.Context, d *Desk, r io.ReaderAt, size int64, o Options, on js.Value) (any, error) {
	write := on.Get("write")
	if write.Type() != js.TypeFunction {
		return nil, option("write", "is none", "give a function that takes a Uint8Array")
	}
	return d.Seal(ctx, r, size, o, &chunks{ctx, write})
}

func run(formats []table.Format, args []js.Value, do work) (any, error) {
	source, on := arg(args, 0), arg(args, 2)
	if source.Type() != js.TypeObject || source.Get("read").Type() != js.TypeFunction || source.Get("size").Type() != js.TypeNumber {
		return nil, option("source", "is none", "give {size, read(offset, length)}")
	}
	if on.Type() != js.TypeObject {
		on = js.Global().Get("Object").New()
	}
	o, err := ParseOptions([]byte(js.Global().Get("JSON").Call("stringify", arg(args, 1)).String()))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if signal := on.Get("signal"); signal.Type() == js.TypeObject {
		if signal.Get("aborted").Truthy() {
			cancel()
		}
		stop := js.FuncOf(func(js.Value, []js.Value) any { cancel(); return nil })
		defer stop.Release()
		signal.Call("addEventListener", "abort", stop)
		defer signal.Call("removeEventListener", "abort", stop)
	}
	d := &Desk{Formats: formats}
	if progress := on.Get("progress"); progress.Type() == js.TypeFunction {
		d.Progress = func(rows, bytes int64) {
			// A page that fails to show progress doesn't stop the work.
			_, _ = call(func() js.Value { return progress.Invoke(rows, bytes) })
		}
	}
	size := int64(source.Get("size").Float())
	r := NewBlocks(size, func(at int64, n int) ([]byte, error) { return fetch(ctx, source, at, n) })
	return do(ctx, d, r, size, o, on)
}

// fetch reads n bytes of the page's file.
func fetch(ctx context.Context, source js.Value, at int64, n int) ([]byte, error) {
	v, err := await(ctx, func() js.Value { return source.Call("read", at, n) })
	if err != nil {
		return nil, err
	}
	if !v.InstanceOf(js.Global().Get("Uint8Array")) || v.Length() != n {
		return nil, io.ErrUnexpectedEOF
	}
	b := make([]byte, n)
	js.CopyBytesToGo(b, v)
	return b, nil
}

// chunks hands what is written to the page, and waits where it is told to.
type chunks struct {
	ctx   context.Context
	write js.Value
}

func (c *chunks) Write(b []byte) (int, error) {
	chunk := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(chunk, b)
	if _, err := await(c.ctx, func() js.Value { return c.write.Invoke(chunk) }); err != nil {
		return 0, err
	}
	return len(b), nil
}

// errPage is all that is said of an error of the page's own functions: what they
// throw may hold anything.
var errPage = errors.New("the page's own function failed")

// call runs a function of the page. What that throws arrives as a panic.
func call(f func() js.Value) (v js.Value, err error) {
	defer func() {
		if e := recover(); e != nil {
			if _, thrown := e.(js.Error); !thrown {
				panic(e)
			}
			err = errPage
		}
	}()
	return f(), nil
}

// await is call and, where the function gives a Promise, waits for it. The
// page's event loop runs meanwhile.
func await(ctx context.Context, f func() js.Value) (js.Value, error) {
	v, err := call(f)
	if err != nil {
		return v, err
	}
	if v.Type() != js.TypeObject || v.Get("then").Type() != js.TypeFunction {
		return v, ctx.Err()
	}
	type answer struct {
		v   js.Value
		err error
	}
	answers := make(chan answer, 1)
	kept := js.FuncOf(func(_ js.Value, args []js.Value) any { answers <- answer{v: arg(args, 0)}; return nil })
	broken := js.FuncOf(func(js.Value, []js.Value) any { answers <- answer{err: errPage}; return nil })
	v.Call("then", kept, broken)
	// Waits even when stopped: the page still holds both functions.
	a := <-answers
	kept.Release()
	broken.Release()
	if a.err == nil {
		a.err = ctx.Err()
	}
	return a.v, a.err
}

// promise runs f on a goroutine and gives the Promise of what it returns, as a
// JavaScript value.
func promise(f func() (any, error)) js.Value {
	var start js.Func
	start = js.FuncOf(func(_ js.Value, args []js.Value) any {
		resolve, reject := args[0], args[1]
		go func() {
			defer start.Release()
			v, err := f()
			var data []byte
			if err == nil {
				data, err = json.Marshal(v)
			}
			if err != nil {
				said := Shown(err)
				e := js.Global().Get("Error").New(said.Line)
				for name, value := range map[string]string{"code": said.Code, "sort": string(said.Sort), "field": said.Field, "detail": said.Detail, "mend": said.Mend, "clause": said.Clause} {
					e.Set(name, value)
				}
				reject.Invoke(e)
				return
			}
			resolve.Invoke(js.Global().Get("JSON").Call("parse", string(data)))
		}()
		return nil
	})
	return js.Global().Get("Promise").New(start)
}

func arg(args []js.Value, i int) js.Value {
	if i < len(args) {
		return args[i]
	}
	return js.Undefined()
}

func text(args []js.Value, i int) string {
	if v := arg(args, i); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}
