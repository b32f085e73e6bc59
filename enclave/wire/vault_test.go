package wire_test

import (
	"context"

	"awase/enclave/wire"
)

func (d *deaf) EndEntrustment(context.Context, string, wire.ByOfficer) ([]byte, error) {
	return nil, d.err
}
func (d *deaf) Certificate(context.Context, string) ([]byte, error) { return nil, d.err }
func (d *deaf) Backup(context.Context, wire.BackupRequest) (a wire.Backup, err error) {
	return a, d.err
}
func (d *deaf) ConfirmRestore(context.Context) (a wire.Ack, err error) { return a, d.err }
func (d *deaf) Rotate(context.Context, wire.ByOfficer) (a wire.Rotation, err error) {
	return a, d.err
}
func (d *deaf) ToSign(context.Context, string, string) (a wire.ToSign, err error) {
	return a, d.err
}

func (d *deaf) Engine(context.Context) (a wire.EngineState, err error) { return a, d.err }
