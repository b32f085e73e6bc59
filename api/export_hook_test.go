package api

import (
	"context"

	"awase/api/store"
)

// Tell tells of an event, as jobs and operations of the room do.
func (s *Server) Tell(ctx context.Context, e store.Event) error { return s.tell(ctx, e) }
