package main

import (
	"errors"
	"fmt"
	"os"

	"awase/enclave/relay"
)

// hand makes what a child gets from descriptor 3 on and this process does not keep
// (lent), and the other end of the key's channel (ours; empty: it gets no key).
func (c *child) hand() (ours, lent []*os.File, err error) {
	if c.key != nil {
		here, there, err := socketPair()
		if err != nil {
			return nil, nil, fmt.Errorf("passing the vault key on: %w", err)
		}
		ours, lent = []*os.File{here}, []*os.File{there}
	}
	if c.secret != nil {
		said, err := saying(c.secret)
		if err != nil {
			return nil, nil, fmt.Errorf("passing the relay's secret on: %w", errors.Join(err, closeFiles(ours), closeFiles(lent)))
		}
		lent = append(lent, said)
	}
	return ours, lent, nil
}

// saying gives a pipe that says something short, once.
func saying(what []byte) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = w.Write(what) // a pipe holds more, so this waits for nobody
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func closeFiles(files []*os.File) (err error) {
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// relaySecretAt reads the secret that the supervisor lent at a descriptor. Without a
// supervisor there is none: only a process that nothing confines goes on so.
func relaySecretAt(fd int, unconfined bool) (relay.Secret, error) {
	if fd == 0 {
		if !unconfined {
			return relay.Secret{}, usageError{errors.New("awase serve starts it and hands it the relay's secret; name the descriptor with --relay-secret-fd, or, for a dev vault, use --unconfined")}
		}
		return relay.Secret{}, nil
	}
	f := os.NewFile(uintptr(fd), "the relay's secret")
	if f == nil {
		return relay.Secret{}, usageError{fmt.Errorf("--relay-secret-fd %d is no descriptor", fd)}
	}
	s, err := relay.ReadSecret(f)
	return s, errors.Join(err, f.Close())
}
