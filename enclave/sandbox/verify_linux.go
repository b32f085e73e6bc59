package sandbox

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Verify tries again what each piece forbids, and returns a *MissingError of
// those that the statement calls in force and that are not. What only the way
// into confinement could try (an interface list, a TCP and an abstract socket)
// stands: the kernel lifts no Landlock domain, and no system call is left that
// would change the namespace.
func (s *Statement) Verify() error {
	if s == nil || s.before == nil {
		return errors.New("not confined: nothing was put in force")
	}
	now := &Statement{Pieces: s.before.pieces()}
	var lost []Piece
	for _, n := range Names() {
		if p := now.Piece(n); s.Piece(n).InForce && !p.InForce {
			lost = append(lost, p)
		}
	}
	if len(lost) > 0 {
		return &MissingError{Pieces: lost}
	}
	return nil
}

// pieces tries each piece and says what came of it.
func (b *before) pieces() []Piece {
	try := map[Name]func() Piece{
		NoNewPrivs:   func() Piece { return readBack(unix.PR_GET_NO_NEW_PRIVS, 1) },
		Capabilities: noCapabilities,
		Network:      func() Piece { return b.once[Network] },
		Files:        b.tryFiles,
		TCP:          func() Piece { return b.once[TCP] },
		Signals:      func() Piece { return b.once[Signals] },
		AbstractUnix: func() Piece { return b.once[AbstractUnix] },
		SystemCalls:  b.tryCalls,
		UnixConnect:  b.tryConnect,
		CoreLimit:    noCore,
		NotDumpable:  func() Piece { return readBack(unix.PR_GET_DUMPABLE, 0) },
	}
	var out []Piece
	for _, n := range Names() {
		p := try[n]()
		p.Name = n
		if why := b.failed[n]; why != "" && !p.InForce {
			p.Reason = why
		}
		out = append(out, p)
	}
	return out
}

// refused is a piece whose forbidden act was tried; err has to be one of the
// kernel's refusals.
func refused(what string, err error, with ...unix.Errno) Piece {
	for _, e := range with {
		if errors.Is(err, e) {
			return Piece{InForce: true, Tried: true}
		}
	}
	if err == nil {
		return Piece{Tried: true, Reason: what + " was not refused"}
	}
	return Piece{Tried: true, Reason: fmt.Sprintf("%s came to %q, which is no refusal", what, errno(err))}
}

// readBack reads a setting of the process by prctl.
func readBack(option, want int) Piece {
	got, err := unix.PrctlRetInt(option, 0, 0, 0, 0)
	if err != nil {
		return Piece{Reason: "it can't be read back: " + errno(err)}
	}
	if got != want {
		return Piece{Tried: true, Reason: fmt.Sprintf("it reads %d", got)}
	}
	return Piece{InForce: true, Tried: true}
}

func noCapabilities() Piece {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&head, &sets[0]); err != nil {
		return Piece{Reason: "they can't be read: " + errno(err)}
	}
	for _, s := range sets {
		if s.Effective|s.Permitted|s.Inheritable != 0 {
			return Piece{Tried: true, Reason: "it holds some: started as root, or not by Isolated"}
		}
	}
	return Piece{InForce: true, Tried: true}
}

func noCore() Piece {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
		return Piece{Reason: "it can't be read: " + errno(err)}
	}
	if l.Cur != 0 || l.Max != 0 {
		return Piece{Tried: true, Reason: "it is not 0"}
	}
	return Piece{InForce: true, Tried: true}
}

// openRoot opens the directory that every other one is in, which no option can
// give.
func openRoot() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func (b *before) tryFiles() Piece {
	if b.opened != nil {
		return Piece{InForce: b.failed[Files] == "", Reason: "not tried: the root directory could not be opened before either"}
	}
	if p := refused("opening the root directory", openRoot(), unix.EACCES); !p.InForce {
		return p
	}
	for _, dir := range b.o.ReadOnly {
		path := filepath.Join(dir, ".confined-"+rand.Text())
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600); err == nil {
			unix.Close(fd)
			_ = unix.Unlink(path)
			if !b.writable(dir) {
				return Piece{Tried: true, Reason: "making a file in a read-only directory was not refused"}
			}
		}
	}
	return Piece{InForce: true, Tried: true}
}

// writable tells whether dir, given to be read, is inside one given to be
// written.
func (b *before) writable(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil { // the way to it is closed: compare the names as given
		real = dir
	}
	for _, w := range b.o.ReadWrite {
		for _, d := range []string{dir, real} {
			if rel, err := filepath.Rel(w, d); err == nil && filepath.IsLocal(rel) {
				return true
			}
		}
	}
	return false
}

// bindTCP binds a TCP socket to a port of the kernel's choice and closes it.
func bindTCP() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{})
}

func connectTCP(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

func (b *before) tryTCP() Piece {
	if b.bound != nil {
		return Piece{InForce: b.failed[TCP] == "", Reason: "not tried: no TCP socket could be bound before either"}
	}
	if p := refused("binding a TCP socket", bindTCP(), unix.EACCES); !p.InForce {
		return p
	} else if b.o.Outward && len(b.o.Ports) == 0 {
		p.Reason = "as far as listening: it connects outward"
		return p
	}
	port := 9
	for slices.Contains(b.o.Ports, uint16(port)) {
		port++
	}
	p := refused("connecting a TCP socket", connectTCP(port), unix.EACCES)
	if b.o.Outward && p.InForce {
		p.Reason = "but to the ports that it is there for"
	}
	return p
}

func (b *before) trySignals() Piece {
	if b.parent == 0 {
		return Piece{InForce: b.failed[Signals] == "", Reason: "not tried: the parent process could not be signalled before either"}
	}
	return refused("signalling the parent process", unix.Kill(b.parent, 0), unix.EPERM)
}

// beacon is an abstract unix socket that was made outside the Landlock domain,
// by this process itself.
type beacon struct {
	fd   int
	addr *unix.SockaddrUnix
}

func listenAbstract() (beacon, error) {
	fd, err := unix.Socket(unix.AF_UNIX, streamSocket, 0)
	if err != nil {
		return beacon{}, err
	}
	b := beacon{fd: fd, addr: &unix.SockaddrUnix{Name: "@awase-" + rand.Text()}}
	if err := errors.Join(unix.Bind(fd, b.addr), unix.Listen(fd, 1)); err != nil {
		unix.Close(fd)
		return beacon{}, err
	}
	return b, nil
}

func (b *before) tryAbstract(to beacon, before error) Piece {
	if before != nil {
		return Piece{InForce: b.failed[AbstractUnix] == "", Reason: "not tried: no abstract socket could be made before either"}
	}
	fd, err := unix.Socket(unix.AF_UNIX, streamSocket, 0)
	if err != nil {
		return Piece{Reason: "no socket to try with: " + errno(err)}
	}
	defer unix.Close(fd)
	return refused("connecting to an abstract socket", unix.Connect(fd, to.addr), unix.EPERM)
}

// tryConnect: a filter that knows no connect, or a Landlock that sees by path.
func (b *before) tryConnect() Piece {
	if len(b.o.Dial) == 0 && b.o.Outward && b.failed[SystemCalls] == "" { // it connects, and can make no unix socket
		return refused("making a unix socket", opened(unix.Socket(unix.AF_UNIX, streamSocket, 0)), unix.EPERM)
	}
	byPath := b.abi >= 9 && b.failed[Files] == ""
	if len(b.o.Dial) > 0 || b.o.Outward || b.failed[SystemCalls] != "" {
		if byPath {
			return Piece{InForce: true, Reason: "by Landlock, directory by directory; not tried"}
		}
		return Piece{Reason: fmt.Sprintf("the kernel's Landlock ABI is %d and does not see them, ABI 9 does", b.abi)}
	}
	return refused("connecting a socket", unix.Connect(-1, &unix.SockaddrUnix{Name: "/"}), unix.EPERM)
}

// tryCalls makes system calls that do no harm where they are not refused: each
// would fail with another error, or change nothing.
func (b *before) tryCalls() Piece {
	raw := func(number, a1, a2, a3 uintptr) error {
		if _, _, e := syscall.RawSyscall(number, a1, a2, a3); e != 0 {
			return e
		}
		return nil
	}
	if p := readBack(unix.PR_GET_SECCOMP, unix.SECCOMP_MODE_FILTER); !p.InForce {
		return p
	}
	for _, t := range []struct {
		what string
		call func() error
	}{
		{"execve", func() error { return raw(unix.SYS_EXECVE, 0, 0, 0) }},
		{"unshare", func() error { return unix.Unshare(0) }},
		{"ptrace", func() error { return raw(unix.SYS_PTRACE, unix.PTRACE_DETACH, 0, 0) }},
		{"process_vm_readv", func() error { return raw(unix.SYS_PROCESS_VM_READV, 0, 0, 0) }},
		{"keyctl", func() error { return raw(unix.SYS_KEYCTL, 1<<30, 0, 0) }},
		{"memfd_create", func() error { return opened(unix.MemfdCreate("confined", unix.MFD_CLOEXEC)) }},
		{"socket", func() error { return opened(unix.Socket(unix.AF_INET, b.foreignSocket(), 0)) }},
		{"socket", func() error { return opened(unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)) }},
		{"prlimit64", func() error { return unix.Prlimit(0, unix.RLIMIT_CORE, &unix.Rlimit{}, nil) }},
		{"executable memory", executable},
	} {
		if p := refused(t.what, t.call(), unix.EPERM); !p.InForce {
			return p
		}
	}
	return Piece{InForce: true, Tried: true}
}

// foreignSocket is a type of internet socket that this process may not make.
func (b *before) foreignSocket() int {
	if b.o.Outward {
		return unix.SOCK_RAW | unix.SOCK_CLOEXEC
	}
	return unix.SOCK_STREAM | unix.SOCK_CLOEXEC
}

// opened closes a descriptor that should not have been given.
func opened(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func executable() error {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		_ = unix.Munmap(page)
	}
	return err
}

// quiet are the types of interface that a new network namespace is born with:
// the loopback, and on some kernels the ends of tunnels to nowhere.
var quiet = map[uint16]bool{
	unix.ARPHRD_LOOPBACK: true,
	unix.ARPHRD_TUNNEL:   true, unix.ARPHRD_TUNNEL6: true, unix.ARPHRD_SIT: true, unix.ARPHRD_IPGRE: true, unix.ARPHRD_IP6GRE: true,
}

// emptyNetwork reads the interfaces of the process's own namespace from the
// kernel: whatever /sys shows may be of another.
func emptyNetwork() Piece {
	table, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return Piece{Reason: "interfaces can't be read: " + errno(err)}
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return Piece{Reason: "interfaces can't be read: " + errno(err)}
	}
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWLINK {
			continue
		}
		// struct ifinfomsg: family, padding, type (2), index (4), flags (4), change (4)
		if len(m.Data) < unix.SizeofIfInfomsg {
			return Piece{Reason: "interfaces can't be read: a short message"}
		}
		kind, flags := binary.NativeEndian.Uint16(m.Data[2:]), binary.NativeEndian.Uint32(m.Data[8:])
		if !quiet[kind] || flags&unix.IFF_UP != 0 {
			return Piece{Tried: true, Reason: "the network namespace has an interface: not started by Isolated, or user namespaces are not permitted"}
		}
	}
	return Piece{InForce: true, Tried: true}
}
