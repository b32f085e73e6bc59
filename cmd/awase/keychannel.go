package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"awase/enclave/vault"
)

// The supervisor keeps the vault key, the enclave uses it. Between the two there
// is a pair of connected sockets without a name:
//
//	enclave                          supervisor
//	key, may it be made? ──────────▶ reads the file or credential, or runs the command
//	the next key ──────────────────▶ likewise, or makes one
//	replace by this key ───────────▶ replaces the file, or looks whether its operator did
//
// A request is a byte and, for a replacement, the key; an answer a byte and a key
// or a text. The key in force is given once: what took the enclave over later can
// still ask for what it knows already, a key to come, and no more.
const (
	askKey     = 'k' // a key that is there
	askNewKey  = 'm' // the same, made where there is none
	askNext    = 'n'
	askReplace = 'r' // and the key

	answerKey   = 'K' // and the key
	answerDone  = 'D'
	answerLater = 'L' // the operator has to put it in place
	answerNone  = 'N' // there is no next key
	answerError = 'E' // and two bytes of length and a text
)

const maxKeyText = 4 << 10

var errAsked = errors.New("the supervisor gives no more than a key in force, once, and the next one")

// keyChannel is the enclave's end, a source of its vault key.
type keyChannel struct {
	mu sync.Mutex
	f  *os.File
}

var _ vault.KeySource = (*keyChannel)(nil)

// openKeyChannel takes the descriptor that the supervisor passed.
func openKeyChannel(fd int) (*keyChannel, error) {
	f := os.NewFile(uintptr(fd), "the vault key's channel")
	if f == nil {
		return nil, usageError{fmt.Errorf("--key-fd %d is no descriptor", fd)}
	}
	return &keyChannel{f: f}, nil
}

// Key asks for the key in force.
func (c *keyChannel) Key(_ context.Context, mayMake bool) (vault.Key, error) {
	op := byte(askKey)
	if mayMake {
		op = askNewKey
	}
	_, key, err := c.ask(op, nil)
	return key, err
}

// Next asks for the key that a rotation goes to.
func (c *keyChannel) Next(context.Context) (vault.Key, error) {
	_, key, err := c.ask(askNext, nil)
	return key, err
}

// Replace has the key replaced.
func (c *keyChannel) Replace(_ context.Context, next vault.Key) (bool, error) {
	answer, _, err := c.ask(askReplace, next[:])
	return answer == answerDone, err
}

func (c *keyChannel) ask(op byte, with []byte) (answer byte, key vault.Key, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	request := append([]byte{op}, with...)
	defer clear(request)
	if _, err := c.f.Write(request); err != nil {
		return 0, key, fmt.Errorf("asking the supervisor for the vault key: %w", err)
	}
	if answer, err = readByte(c.f); err != nil {
		return 0, key, fmt.Errorf("taking the vault key from the supervisor: %w", err)
	}
	switch answer {
	case answerKey:
		_, err = io.ReadFull(c.f, key[:])
	case answerDone, answerLater:
	case answerNone:
		err = vault.ErrNextKey
	case answerError:
		err = readRefusal(c.f)
	default:
		err = errors.New("the supervisor's answer is none")
	}
	return answer, key, err
}

func readByte(r io.Reader) (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}

func readRefusal(r io.Reader) error {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return err
	}
	text := make([]byte, min(binary.BigEndian.Uint16(n[:]), maxKeyText))
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return errors.New(string(text))
}

// answerKeys is the supervisor's end: it answers for source until the enclave ends.
func answerKeys(ctx context.Context, f io.ReadWriter, source vault.KeySource) error {
	for given := false; ; {
		op, err := readByte(f)
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := []byte{answerError}
		var key vault.Key
		switch {
		case (op == askKey || op == askNewKey) && !given:
			if key, err = source.Key(ctx, op == askNewKey); err == nil {
				given, answer = true, append([]byte{answerKey}, key[:]...)
			}
		case op == askNext:
			if key, err = source.Next(ctx); err == nil {
				answer = append([]byte{answerKey}, key[:]...)
			}
		case op == askReplace:
			if _, err = io.ReadFull(f, key[:]); err != nil {
				return err
			}
			var done bool
			if done, err = source.Replace(ctx, key); err == nil {
				answer = []byte{answerLater}
				if done {
					answer = []byte{answerDone}
				}
			}
		default:
			err = errAsked
		}
		clear(key[:])
		if errors.Is(err, vault.ErrNextKey) {
			answer = []byte{answerNone}
		} else if err != nil { // no error of a source holds a key
			text := err.Error()
			text = text[:min(len(text), maxKeyText)]
			answer = append(binary.BigEndian.AppendUint16([]byte{answerError}, uint16(len(text))), text...)
		}
		_, err = f.Write(answer)
		clear(answer)
		if errors.Is(err, syscall.EPIPE) { // it ended meanwhile
			return nil
		}
		if err != nil {
			return err
		}
	}
}
