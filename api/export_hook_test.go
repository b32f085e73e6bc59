package api

import (
	"context"

	"awase/api/store"
)

// Tell tells of an event, as jobs and operations of the room do.
func (s *Server) Tell(ctx context.Context, e store.Event) error { return s.tell(ctx, e) }

// LookAtExpiries tells of what expires soon, as who watches the room does.
func (s *Server) LookAtExpiries(ctx context.Context) error {
	ctx = behalf(ctx, "")
	room, err := s.Enclave.Room(ctx)
	if err != nil {
		return err
	}
	return s.lookAtExpiries(ctx, &room)
}
