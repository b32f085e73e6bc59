package matcher

import (
	"errors"
	"sync/atomic"
)

// errHanding stands for the error of put until that is asked for.
var errHanding = errors.New("a column could not be handed out")

// handOut hands columns to a function on a goroutine of its own.
type handOut struct {
	columns chan handed
	done    chan struct{}
	err     error // of put; read after done
	failed  atomic.Bool
}

type handed struct {
	name string
	data []byte
}

// handOut begins to hand out what give is given.
func (b *BaseBuilder) handOut() *handOut {
	if b.put == nil {
		return nil
	}
	// As many as a base has: give waits for nobody.
	o := &handOut{columns: make(chan handed, 4+len(b.columns)+2*int(Kinds)), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		for c := range o.columns {
			if o.err == nil {
				o.err = b.put(c.name, c.data)
				o.failed.Store(o.err != nil)
			}
		}
	}()
	return o
}

// give takes a column; false: an earlier one could not be handed out.
func (o *handOut) give(name string, data []byte) bool {
	if o == nil {
		return true
	}
	o.columns <- handed{name, data}
	return !o.failed.Load()
}

// end waits until all is handed out, and gives the first error of put.
func (o *handOut) end() error {
	if o == nil {
		return nil
	}
	close(o.columns)
	<-o.done
	return o.err
}
