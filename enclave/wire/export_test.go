package wire

import "time"

// ShortDrain is options of a service that cancels answers early when it ends.
func ShortDrain(d time.Duration) Options { return Options{drain: d} }

// SmallUpload is options of a service that takes sealed files of so many bytes,
// and waits so long for the next of them.
func SmallUpload(n int64, wait time.Duration) Options { return Options{maxUpload: n, senderWait: wait} }

// Conns is options of a service that answers so many connections at once.
func Conns(n int) Options { return Options{conns: n} }

// What a test needs to know of the wire.
const (
	Prefix      = prefix
	CallerField = callerField
	JSONType    = jsonType
	SealedType  = sealedType
	MaxRequest  = maxRequest
	MaxConns    = maxConns
)

// ReadAnswer reads an answer as a client does.
func ReadAnswer[A any](status int, kind string, raw []byte) (a A, err error) {
	err = (&Client{}).read(status, kind, raw, &a)
	return a, err
}
