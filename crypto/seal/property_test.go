package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"awase/crypto/seal"

	"pgregory.net/rapid"
)

var (
	drawID   = rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,63}`)
	drawText = rapid.StringMatching(`[a-zA-Z0-9 ,;"<>=金銀表ー髙🎌-]{1,40}`)
	drawRaw  = rapid.SliceOfN(rapid.Byte(), 0, 40)
	drawHash = rapid.Custom(func(t *rapid.T) [32]byte {
		return [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
	})
)

// drawHeader draws an address and a header that may be sealed.
func drawHeader(t *rapid.T) (a seal.Address, h seal.Header) {
	h.Purpose = rapid.SampledFrom([]seal.Purpose{seal.Base, seal.List, seal.Events, seal.Request}).Draw(t, "purpose")
	a = seal.Address{
		Entrustment: drawID.Draw(t, "entrustment"),
		Version:     rapid.IntRange(1, 1<<31-1).Draw(t, "version"),
		Party:       drawID.Draw(t, "party"),
		Name:        drawID.Draw(t, "name"),
	}
	copy(a.Upload[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "upload"))
	a.Upload[0] |= 1
	own := h.Purpose == seal.Base || h.Purpose == seal.Request || h.Purpose == seal.Events && rapid.Bool().Draw(t, "own log")
	if own {
		a.Entrustment, a.Version = seal.BaseEntrustment, 0
	}
	least := 0
	switch h.Purpose {
	case seal.Base:
		a.Name = seal.BaseName
		h.Document = hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "document"))
		h.Channels = rapid.SliceOfNDistinct(drawText, 0, 64, rapid.ID).Draw(t, "channels")
	case seal.List:
		least = 1
		h.Change = rapid.SampledFrom([]seal.Change{seal.Replace, seal.Add, seal.Remove}).Draw(t, "change")
		h.Keyed = h.Change != seal.Remove && rapid.Bool().Draw(t, "keyed")
	case seal.Events:
		a.Name = seal.EventsName
		event := rapid.Custom(func(t *rapid.T) seal.EventType {
			return seal.EventType{Kind: drawText.Draw(t, "kind"), Category: drawText.Draw(t, "category")}
		})
		h.Unit = rapid.OneOf(rapid.Just(""), drawText).Draw(t, "unit")
		h.Events = rapid.SliceOfNDistinct(event, 1, 64, rapid.ID).Draw(t, "events")
		h.Change = rapid.SampledFrom([]seal.Change{"", seal.Instead}).Draw(t, "change")
		if rapid.Bool().Draw(t, "of a period") {
			h.From = rapid.Int32Range(1, 30_000).Draw(t, "from")
			h.To = rapid.Int32Range(h.From, math.MaxInt32).Draw(t, "to")
		}
		if !own && rapid.Bool().Draw(t, "of a list") {
			h.List = drawID.Draw(t, "list")
		}
	}
	if h.Purpose == seal.Request {
		a.Name, h.Asks = seal.RequestName, rapid.SampledFrom(seal.RequestKinds()).Draw(t, "asks")
		return a, h
	}
	if rapid.Bool().Draw(t, "follows") {
		h.After = hex.EncodeToString(append(rapid.SliceOfN(rapid.Byte(), 15, 15).Draw(t, "after"), 1))
	}
	column := rapid.Custom(func(t *rapid.T) seal.IdentifierColumn {
		return seal.IdentifierColumn{
			Kind:      rapid.SampledFrom([]string{"email", "phone", "cookie", "maid"}).Draw(t, "kind"),
			Namespace: rapid.OneOf(rapid.Just(""), drawText).Draw(t, "namespace"),
		}
	})
	if h.List == "" {
		h.Identifiers = rapid.SliceOfNDistinct(column, least, 6, rapid.ID).Draw(t, "identifiers")
	}
	most := 5
	if h.Change == seal.Remove {
		most = 0
	}
	for i := range rapid.IntRange(0, most).Draw(t, "columns") {
		known := drawText.Filter(func(s string) bool { return s != "unknown" })
		domain := rapid.SliceOfNDistinct(known, 0, 9, rapid.ID).Draw(t, "domain")
		h.Columns = append(h.Columns, seal.Column{Name: fmt.Sprint("c", i), Domain: append(domain, "unknown")})
	}
	return a, h
}

func drawRow(t *rapid.T, h *seal.Header) (r seal.Row) {
	least := 0
	if h.Purpose == seal.List {
		least = 1
	}
	if n := len(h.Identifiers); n > 0 {
		identifier := rapid.Custom(func(t *rapid.T) seal.Identifier {
			return seal.Identifier{Column: uint8(rapid.IntRange(0, n-1).Draw(t, "column")), Class: rapid.Uint8().Draw(t, "class"), Hash: drawHash.Draw(t, "hash")}
		})
		r.Identifiers = rapid.SliceOfN(identifier, least, 5).Draw(t, "identifiers")
	}
	for _, c := range h.Columns {
		r.Codes = append(r.Codes, uint8(rapid.IntRange(0, len(c.Domain)-1).Draw(t, "code")))
	}
	switch h.Purpose {
	case seal.Base:
		r.Person = &seal.Person{
			Key:           rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "key"),
			Verified:      rapid.Bool().Draw(t, "verified"),
			PolicyVersion: string(drawRaw.Draw(t, "policy")),
			Service:       rapid.OneOf(rapid.Just(""), drawText).Draw(t, "service"),
			EnquiryOnly:   rapid.Bool().Draw(t, "enquiry"),
			Channels:      rapid.Uint64().Draw(t, "channels") & (1<<len(h.Channels) - 1),
			Consent:       rapid.Int32Min(0).Draw(t, "consent"),
		}
	case seal.Events:
		day := rapid.Int32()
		if h.From != 0 {
			day = rapid.Int32Range(h.From, h.To)
		}
		r.Event = &seal.Event{
			Key:   drawRaw.Draw(t, "key"),
			Day:   day.Draw(t, "day"),
			Type:  uint8(rapid.IntRange(0, len(h.Events)-1).Draw(t, "type")),
			Value: rapid.Int64().Draw(t, "value"),
		}
		if len(r.Identifiers) == 0 && len(r.Event.Key) == 0 {
			r.Event.Key = []byte{0}
		}
	case seal.List:
		if h.Keyed {
			r.User = rapid.SliceOfN(rapid.Byte(), 1, 512).Draw(t, "user")
		}
	case seal.Request:
		r.User = rapid.SliceOfN(rapid.Byte(), 0, 512).Draw(t, "user")
	}
	return r
}

// What is sealed comes out again, whatever it is.
func TestRoundTrip(t *testing.T) {
	keys := map[seal.Suite]seal.PrivateKey{seal.XWing: testKey(t, seal.XWing), seal.X25519: testKey(t, seal.X25519)}
	rapid.Check(t, func(t *rapid.T) {
		key := keys[rapid.SampledFrom([]seal.Suite{seal.XWing, seal.X25519}).Draw(t, "suite")]
		a, h := drawHeader(t)
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) seal.Row { return drawRow(t, &h) }), 0, 8).Draw(t, "rows")
		sign := uploadKey(5)
		pin := sign.Public().(ed25519.PublicKey)
		if rapid.Bool().Draw(t, "unsigned") {
			sign, pin = nil, nil
		}
		var file bytes.Buffer
		w, err := seal.NewWriter(&file, key.Public(), a, h, seal.WriterOptions{Sign: sign})
		if err != nil {
			t.Fatal(err)
		}
		for part := rows; len(part) > 0; {
			n := rapid.IntRange(1, len(part)).Draw(t, "batch")
			if err := w.Write(part[:n]); err != nil {
				t.Fatal(err)
			}
			part = part[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := seal.Open(&file, key, a, &h, pin)
		if err != nil {
			t.Fatal(err)
		}
		if head := f.Head(); head.Address != a || head.Signed != (pin != nil) || head.Suite != key.Public().Suite() {
			t.Fatalf("head %+v", head)
		}
		// Field by field: Open compares encodings, and what is in neither is equal.
		if got, want := fmt.Sprintf("%+v", f.Head().Header), fmt.Sprintf("%+v", h); got != want {
			t.Fatalf("the header %s became %s", want, got)
		}
		got, err := allRows(f)
		if err != nil {
			t.Fatal(err)
		}
		sameRows(t, got, rows)
	})
}
