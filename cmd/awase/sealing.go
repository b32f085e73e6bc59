package main

import (
	"bufio"
	"context"
	"io"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// sealing gives a file's rows as the sealed file that they become, while they
// are read: nothing of it is kept. What the reading fails with is what the
// reader of the sealed file is told. Close ends the reading early.
func (f *loadFlags) sealing(ctx context.Context, terms wire.Terms, name string, in *intake.File) io.ReadCloser {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		out := bufio.NewWriterSize(w, 1<<20)
		err := f.sealRows(ctx, out, terms, name, in)
		if err == nil {
			err = out.Flush()
		}
		w.CloseWithError(err) // nil is the end of the file
	}()
	return &sealedRows{r, done}
}

// sealedRows is a sealed file being made. After Close nothing reads the file or
// its report any more.
type sealedRows struct {
	*io.PipeReader
	done <-chan struct{}
}

// Close ends the reading early and waits for it.
func (s *sealedRows) Close() error {
	err := s.PipeReader.Close()
	<-s.done
	return err
}

// sealRows writes the sealed file.
func (f *loadFlags) sealRows(ctx context.Context, w io.Writer, terms wire.Terms, name string, in *intake.File) error {
	if name != seal.BaseName && name != seal.EventsName {
		if err := entrustment.CheckID("name", name); err != nil {
			return err
		}
	}
	a := seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: name, Upload: seal.NewUpload()}
	var o seal.WriterOptions
	if f.signKey != "" {
		var err error
		if o.Sign, err = readSealKey(f.signKey); err != nil {
			return err
		}
	}
	header := in.Header()
	header.After = f.after
	if header.List != "" && terms.Entrustment == seal.BaseEntrustment {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "list_key", Detail: "the operator's own log names nobody by a list's keys", Mend: "name users by user_key, or name the entrustment of the list"}
	}
	s, err := seal.NewWriter(w, terms.Key, a, header, o)
	if err != nil {
		return err
	}
	for batch, err := range in.Rows() {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.Write(batch); err != nil {
			return err
		}
	}
	return s.Close()
}
