package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Fetch writes the sealed file of a delivery to part, going on after what is there of
// it, and gives it back whole: of the size and the SHA-256 that the room says. What is
// there and not of this file is thrown away. It is on the disk when Fetch returns.
func (r *Room) Fetch(ctx context.Context, d *wire.Delivery, part *os.File) error {
	ref := wire.DeliveryRef{Entrustment: d.Entrustment, Campaign: d.Campaign, Number: d.Number}
	for again := false; ; again = true {
		sum := sha256.New()
		have, err := sumOf(part, d.Bytes, sum)
		if err != nil {
			return err
		}
		if have < d.Bytes {
			if err := r.fetchOn(ctx, &ref, d, part, have, sum); err != nil {
				return err
			}
		}
		if hex.EncodeToString(sum.Sum(nil)) == d.SHA256 {
			if err := part.Sync(); err != nil {
				return fmt.Errorf("writing a delivery: %w", err)
			}
			return nil
		}
		if err := part.Truncate(0); err != nil {
			return fmt.Errorf("writing a delivery: %w", err)
		}
		if again {
			return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §7", Field: "delivery", Detail: "what came is not the file that the room speaks of", Mend: "fetch it again; if it stays so, tell the operator: something on the way changes it"}
		}
	}
}

// sumOf hashes what is there of a file, and places it at its end. What is longer than it
// can be is thrown away.
func sumOf(f *os.File, most int64, sum hash.Hash) (int64, error) {
	st, err := f.Stat()
	if err == nil && st.Size() > most {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	var n int64
	if err == nil {
		n, err = io.Copy(sum, f)
	}
	if err != nil {
		return 0, fmt.Errorf("reading what is there of a delivery: %w", err)
	}
	return n, nil
}

// errShort is that an answer broke off.
var errShort = errors.New("the answer broke off")

// fetchOn fetches the file from an offset on, again from where it broke off.
func (r *Room) fetchOn(ctx context.Context, ref *wire.DeliveryRef, d *wire.Delivery, part *os.File, have int64, sum hash.Hash) error {
	b := r.backoff()
	for have < d.Bytes {
		n, err := r.fetchSome(ctx, ref, d, part, have, sum)
		if have += n; n > 0 {
			b.further()
		}
		if r.progress != nil {
			r.progress("fetching", have, d.Bytes)
		}
		if have == d.Bytes {
			return nil
		}
		if err == nil {
			err = errShort
		}
		if _, local := errors.AsType[*writing](err); local {
			return err
		}
		if err := b.wait(ctx, noDelivery(err)); err != nil {
			return err
		}
	}
	return nil
}

// writing is that the receiver's own disk failed, which no other try mends.
type writing struct{ err error }

func (w *writing) Error() string { return "writing a delivery: " + w.err.Error() }
func (w *writing) Unwrap() error { return w.err }

// fetchSome asks for the file from an offset on, and gives how much of it came.
func (r *Room) fetchSome(ctx context.Context, ref *wire.DeliveryRef, d *wire.Delivery, part *os.File, have int64, sum hash.Hash) (int64, error) {
	header := http.Header{}
	if have > 0 {
		header.Set("Range", "bytes="+strconv.FormatInt(have, 10)+"-")
		header.Set("If-Range", `"`+d.SHA256+`"`)
	}
	res, err := r.send(ctx, http.MethodGet, deliveryPath(ref)+"/file", nil, 0, header)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if tag := res.Header.Get("ETag"); tag != `"`+d.SHA256+`"` || (have > 0) != (res.StatusCode == http.StatusPartialContent) {
		return 0, &unreachable{&entrustment.Error{Code: entrustment.CodeGone, Clause: "FORMATS §7", Field: "delivery", Detail: "the room has another file of that name by now", Mend: "fetch again: awase courier fetch"}}
	}
	var n int64
	buf := make([]byte, 256<<10)
	for {
		k, err := res.Body.Read(buf)
		if n+int64(k) > d.Bytes-have {
			return n, noRoom("its file is longer than it said")
		}
		if _, werr := part.Write(buf[:k]); werr != nil {
			return n, &writing{werr}
		}
		sum.Write(buf[:k])
		n += int64(k)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("reading the room's answer: %w", err)
		}
	}
}
