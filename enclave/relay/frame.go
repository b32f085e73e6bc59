package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
)

// The kinds of frames.
const (
	kindHello  = 'H' // and an id of the relay's run, and the secret
	kindOpen   = 'O' // and the number of an address
	kindOpened = 'Y'
	kindFailed = 'F' // and a reason
	kindData   = 'D' // and what is carried
	kindEnd    = 'E' // this side says no more
	kindGone   = 'X' // neither says nor reads more
)

const (
	headSize   = 3
	maxPayload = 32 << 10 // of a frame
	idSize     = 16
	helloSize  = idSize + SecretSize
	readAhead  = 64 << 10 // that a channel reads at once
)

var errFrame = errors.New("what came is no frame of the relay")

// sizeOf gives what a frame of a kind holds.
func sizeOf(kind byte) (low, high int) {
	switch kind {
	case kindHello:
		return helloSize, helloSize
	case kindOpen:
		return 2, 2
	case kindFailed:
		return 1, 1
	case kindData:
		return 1, maxPayload
	case kindOpened, kindEnd, kindGone:
		return 0, 0
	}
	return 1, 0 // nothing is right
}

func appendHead(b []byte, kind byte, size int) []byte {
	return binary.BigEndian.AppendUint16(append(b, kind), uint16(size))
}

// readHead reads the head of a frame. Where reading ends early, at a deadline, it
// can be read again.
func readHead(r *bufio.Reader) (kind byte, size int, err error) {
	head, err := r.Peek(headSize)
	if err != nil {
		return 0, 0, err
	}
	kind, size = head[0], int(binary.BigEndian.Uint16(head[1:]))
	if low, high := sizeOf(kind); size < low || size > high {
		return 0, 0, errFrame
	}
	_, err = r.Discard(headSize)
	return kind, size, err
}

// Reason says why an address could not be dialed, as far as a relay is believed.
type Reason byte

// The reasons.
const (
	Other Reason = iota
	NoName
	Refused
	TimedOut
	Unreachable
	Forbidden // by what confines the relay
	NoNumber  // the relay was started with another list
	reasons
)

func (r Reason) String() string {
	switch r {
	case NoName:
		return "its name is not found"
	case Refused:
		return "nothing listens there"
	case TimedOut:
		return "nothing answers there"
	case Unreachable:
		return "there is no way to it"
	case Forbidden:
		return "the relay may not connect to it"
	case NoNumber:
		return "the relay was started with other addresses"
	}
	return "it can't be reached"
}

// DialError is that the relay could not reach an address.
type DialError struct {
	Address string
	Reason  Reason
}

func (e *DialError) Error() string { return fmt.Sprintf("%s: %s", e.Address, e.Reason) }
