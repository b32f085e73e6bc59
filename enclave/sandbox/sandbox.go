// Package sandbox confines the calling process and says what is in force.
//
//	supervisor ── Isolated() ──▶ a process in a user and network namespace of its own
//	                             │ opens its log, its listener, its key channel
//	                             ▼
//	                             Confine(Options{…})   before the first input
//	                             │ no_new_privs, limits → Landlock → seccomp
//	                             ▼
//	                             Statement: each piece was tried from inside
//
// It is the kernel that confines. Whoever administers the host can undo it from
// outside; docs/confinement.md says what each piece stops and what it does not.
//
// What is open when Confine is called stays open: a process opens its log, its
// pipes and the listener that answers it before, and the supervisor passes no
// descriptor that it does not mean to give. Time zones are loaded by Confine;
// other files of the system can't be read afterwards.
package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Name is the stable name of a piece of confinement, as it stands in
// GET /attestation and in receipts.
type Name string

// The pieces, in the order of Statement.Pieces.
const (
	NoNewPrivs   Name = "no_new_privs"  // no program started from here gains a privilege
	Capabilities Name = "capabilities"  // the process holds none
	Network      Name = "network"       // an empty network namespace: no interface but a loopback that is down
	Files        Name = "files"         // Landlock: the directories given and nothing else
	TCP          Name = "tcp"           // Landlock: no TCP bind or connect (multipath TCP: SystemCalls, Network)
	Signals      Name = "signals"       // Landlock: signals reach no other process
	AbstractUnix Name = "abstract_unix" // Landlock: no abstract unix socket made outside is reached
	SystemCalls  Name = "system_calls"  // seccomp: a list of system calls, on every thread
	UnixConnect  Name = "unix_connect"  // no unix socket made outside is connected to, but in Options.Dial
	CoreLimit    Name = "core_limit"    // RLIMIT_CORE is 0
	NotDumpable  Name = "not_dumpable"  // PR_SET_DUMPABLE is 0: no dump, and peers of the same user can't read the memory
)

// Names lists the pieces in the order of Statement.Pieces.
func Names() []Name {
	return []Name{NoNewPrivs, Capabilities, Network, Files, TCP, Signals, AbstractUnix, SystemCalls, UnixConnect, CoreLimit, NotDumpable}
}

// Options say what a confined process keeps. The zero value keeps no directory
// and no new socket.
type Options struct {
	// ReadOnly are directories whose files may be read. No file of any
	// directory can be executed.
	ReadOnly []string
	// ReadWrite are directories in which files and directories may be made,
	// written, renamed and removed. Links, devices, pipes and sockets can't.
	ReadWrite []string
	// Listen are directories in which unix stream sockets may be made and
	// removed after Confine. A listener that was open before needs none.
	Listen []string
	// Dial are directories whose unix stream sockets may be connected to.
	// Before Landlock ABI 9 the kernel can't tell directories apart: then every
	// unix socket that the user may open can be, and UnixConnect is missing.
	Dial []string
	// ReadFiles are single files that may be read: how names are looked up,
	// whom TLS trusts.
	ReadFiles []string
	// Outward lets the process make TCP connections, and UDP ones, by which it
	// looks names up. It still binds no port: TCP is in force as far as that.
	Outward bool
	// Ports are the TCP ports that it may connect to where it connects outward; none:
	// any. Landlock does not see addresses.
	Ports []uint16
	// Paths lets it make the calls by path that SQLite makes, older forms of
	// those that every process has. Files says what they reach.
	Paths bool
	// AllowMissing are pieces whose absence is no error. The statement names
	// them all the same.
	AllowMissing []Name
}

// Piece says of one piece whether it is in force.
type Piece struct {
	Name    Name `json:"name"`
	InForce bool `json:"in_force"`
	// Tried says that the process did what the piece forbids, and was refused;
	// or read the setting back. Without it InForce is the kernel's word alone.
	Tried bool `json:"tried"`
	// Reason says why a piece is missing or was not tried, or how far it
	// reaches. It names no path.
	Reason string `json:"reason,omitempty"`
}

// Swap says whether the machine may write memory to disk.
type Swap struct {
	// Known is false where it could not be read.
	Known bool `json:"known"`
	// InUse says that the machine has swap space switched on, so that pages
	// that are not locked may reach a disk.
	InUse bool `json:"in_use"`
}

// Statement says what confines the process. Its JSON names are stable. It
// holds no path, user or process id.
type Statement struct {
	System      string  `json:"system"`       // GOOS/GOARCH
	LandlockABI int     `json:"landlock_abi"` // 0: the kernel has none
	Pieces      []Piece `json:"pieces"`       // each of Names, in that order
	Swap        Swap    `json:"swap"`         // read before confinement

	before *before // what Verify compares with
}

// Piece returns what is said of one piece. The zero Piece is not in force.
func (s *Statement) Piece(n Name) Piece {
	if s != nil {
		for _, p := range s.Pieces {
			if p.Name == n {
				return p
			}
		}
	}
	return Piece{Name: n}
}

// Missing returns the pieces that are not in force.
func (s *Statement) Missing() []Piece {
	var out []Piece
	for _, n := range Names() {
		if p := s.Piece(n); !p.InForce {
			out = append(out, p)
		}
	}
	return out
}

// Short says in a word or two what is in force, as receipts do: "confined",
// "unconfined" where nothing is, or "without " and the names of what is missing.
func (s *Statement) Short() string {
	missing := s.Missing()
	switch len(missing) {
	case 0:
		return "confined"
	case len(Names()):
		return "unconfined"
	}
	out := "without"
	for _, p := range missing {
		out += " " + string(p.Name)
	}
	return out
}

// MissingError names the pieces that should be in force and are not.
type MissingError struct{ Pieces []Piece }

func (e *MissingError) Error() string {
	var b strings.Builder
	b.WriteString("not confined: ")
	for i, p := range e.Pieces {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s is missing", p.Name)
		if p.Reason != "" {
			fmt.Fprintf(&b, " (%s)", p.Reason)
		}
	}
	return b.String()
}

// Unconfined is the statement of a process that nothing confines; reason says
// why.
func Unconfined(reason string) *Statement {
	s := newStatement()
	for _, n := range Names() {
		s.Pieces = append(s.Pieces, Piece{Name: n, Reason: reason})
	}
	return s
}

// Confine confines the process, on all its threads and for good, tries from
// inside what each piece forbids, and says what is in force. Its error is a
// *MissingError if a piece is missing that o.AllowMissing does not list. After
// any error the process is confined in part, and has to end; the statement is
// nil only if o itself is wrong.
func Confine(o Options) (*Statement, error) { return confine(o, hooks{}) }

// missingOf returns an error unless all that is missing is allowed.
func (s *Statement) missingOf(allowed []Name) error {
	missing := slices.DeleteFunc(s.Missing(), func(p Piece) bool { return slices.Contains(allowed, p.Name) })
	if len(missing) > 0 {
		return &MissingError{Pieces: missing}
	}
	return nil
}

func (o Options) checkNames() error {
	for _, n := range o.AllowMissing {
		if !slices.Contains(Names(), n) {
			return fmt.Errorf("sandbox: no piece of confinement is called %q", n)
		}
	}
	return nil
}
