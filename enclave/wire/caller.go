package wire

import "context"

// Later gives a client of the enclave that serves at a socket, now or at some time:
// each call looks for it.
func Later(socket string) *Client { return newClient(socket) }

// Service is who asks where the front asks for nobody: what falls due, and whether
// something happened.
const Service Caller = "service"

type callerKey struct{}

// WithCaller gives a context in which a client asks for somebody else than its own
// caller.
func WithCaller(ctx context.Context, who Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// callerIn gives who a call is for.
func (c *Client) callerIn(ctx context.Context) Caller {
	if who, ok := ctx.Value(callerKey{}).(Caller); ok {
		return who
	}
	return c.caller
}

// OfPerson names an account of the front by its id, which is nobody's name: "person
// ID", with apostrophes in it where it would look like a phone number.
func OfPerson(id string) Caller {
	if who := Caller("person " + id); who.OK() {
		return who
	}
	out := []byte("person ")
	for i := range len(id) {
		if i > 0 && i%maxDigits == 0 {
			out = append(out, '\'')
		}
		out = append(out, id[i])
	}
	return Caller(out)
}
