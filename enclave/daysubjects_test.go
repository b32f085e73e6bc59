package enclave

import (
	"bytes"
	"context"
	"io"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// subjectSteps are a stop of use by two users, and, a day later, a base that says that
// one of them agreed again.
func subjectSteps(users []byte) []step {
	return []step{{"a stop of use", func(d *day, ctx context.Context) error {
		file, err := d.files.get(d, "stop", func() *bytes.Reader {
			return bytes.NewReader(sealedRequest(d.t, d.e, seal.Stop, userKeys(1, 3)))
		})
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		if raw, err = d.ask.Request(ctx, wire.RightsRequest{Check: goodCheck(), Sealed: raw}); err != nil {
			return err
		}
		d.asked = true
		_, err = receipt.VerifyRequest(raw, d.e.vault.Signer().Public())
		return err
	}}, {"a base by which one agreed again", func(d *day, ctx context.Context) error {
		d.clock = d.clock.Add(24 * time.Hour)
		schema := parse(d.t, entrustment.ParseBaseSchema, oracleBase)
		file, err := d.files.get(d, "agreed", func() *bytes.Reader {
			data := bytes.Replace(users, []byte(`"user-1","true","v2","2024-02-01"`), []byte(`"user-1","true","v2","2026-11-05"`), 1)
			f, err := intake.OpenBase(ctx, bytes.NewReader(data), int64(len(data)), schema, intake.Options{Name: "users.csv"})
			if err != nil {
				d.t.Fatal(err)
			}
			return sealed(d.t, d.e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows())
		})
		if err != nil {
			return err
		}
		_, err = d.ask.LoadBase(ctx, schema, file)
		d.agreed = d.agreed || err == nil
		return err
	}}}
}
