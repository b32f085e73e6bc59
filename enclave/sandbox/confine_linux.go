package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// before is what was found before confinement, and what was done: a refusal
// afterwards proves something only beside it.
type before struct {
	o      Options
	abi    int
	parent int             // 0: it can't be signalled, so a refusal would prove nothing
	opened error           // opening the root directory
	bound  error           // binding a TCP socket
	failed map[Name]string // why a piece could not be put in force
	once   map[Name]Piece  // what can be tried only while confinement is under way
}

func newStatement() *Statement {
	s := &Statement{System: runtime.GOOS + "/" + runtime.GOARCH, Swap: swap()}
	// Zero where the kernel has none or it was not enabled at boot.
	s.LandlockABI, _ = llsys.LandlockGetABIVersion()
	return s
}

// swap reads the machine's swap spaces: a head line, then one a line.
func swap() Swap {
	b, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return Swap{}
	}
	return Swap{Known: true, InUse: strings.Count(strings.TrimSpace(string(b)), "\n") > 0}
}

// hooks are for tests alone: the zero value leaves nothing out.
type hooks struct {
	without []Name // pieces left out, to see what each one stops
	abi     int    // a Landlock older than the kernel's
}

func confine(o Options, h hooks) (*Statement, error) {
	without := h.without
	if err := o.checkNames(); err != nil {
		return nil, err
	}
	if err := o.checkDirs(); err != nil {
		return nil, err
	}
	_, _ = time.Now().Zone() // reads the zone's file while it can

	s := newStatement()
	if h.abi > 0 {
		s.LandlockABI = min(s.LandlockABI, h.abi)
	}
	b := &before{o: o, abi: s.LandlockABI, failed: map[Name]string{}, once: map[Name]Piece{}}
	s.before = b
	b.opened = openRoot()
	b.bound = bindTCP()
	if parent := os.Getppid(); parent > 1 && unix.Kill(parent, 0) == nil {
		b.parent = parent
	}
	b.once[Network] = emptyNetwork()
	beacon, errBeacon := listenAbstract()
	if errBeacon == nil {
		defer unix.Close(beacon.fd)
	}

	do := func(n Name, act func() error) {
		if slices.Contains(without, n) {
			b.failed[n] = "left out by a test"
		} else if err := act(); err != nil {
			b.failed[n] = err.Error()
		}
	}
	do(NoNewPrivs, func() error {
		runtime.LockOSThread() // Landlock and seccomp set it on the other threads
		defer runtime.UnlockOSThread()
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	})
	do(CoreLimit, func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) })
	do(NotDumpable, func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) })
	restrict(o, b, without)
	b.once[TCP] = b.tryTCP()
	b.once[Signals] = b.trySignals()
	b.once[AbstractUnix] = b.tryAbstract(beacon, errBeacon)
	do(SystemCalls, func() error { return filterCalls(o) })

	s.Pieces = b.pieces()
	return s, s.missingOf(slices.Concat(o.AllowMissing, without))
}

func (o Options) checkDirs() error {
	if o.Outward && len(o.Listen) > 0 {
		return errors.New("sandbox: a process that connects outward makes no socket to be asked at")
	}
	if !o.Outward && len(o.Ports) > 0 {
		return errors.New("sandbox: ports are for a process that connects outward")
	}
	for _, dir := range slices.Concat(o.ReadOnly, o.ReadWrite, o.Listen, o.Dial) {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("sandbox: a directory is given by its absolute path, not %q", dir)
		}
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return fmt.Errorf("sandbox: a directory to keep: %w", err)
		}
		if st, err := os.Stat(real); err != nil {
			return fmt.Errorf("sandbox: a directory to keep: %w", err)
		} else if !st.IsDir() {
			return fmt.Errorf("sandbox: %q is no directory", dir)
		}
		if real == "/" {
			return errors.New("sandbox: the root directory leaves nothing to confine")
		}
	}
	for _, file := range o.ReadFiles {
		if !filepath.IsAbs(file) {
			return fmt.Errorf("sandbox: a file is given by its absolute path, not %q", file)
		}
		if st, err := os.Stat(file); err != nil {
			return fmt.Errorf("sandbox: a file to keep: %w", err)
		} else if !st.Mode().IsRegular() {
			return fmt.Errorf("sandbox: %q is no file", file)
		}
	}
	return nil
}

const (
	readRights  = llsys.AccessFSReadFile | llsys.AccessFSReadDir
	writeRights = llsys.AccessFSWriteFile | llsys.AccessFSTruncate | llsys.AccessFSMakeReg | llsys.AccessFSMakeDir | llsys.AccessFSRemoveFile | llsys.AccessFSRemoveDir | llsys.AccessFSRefer
)

// needs are the Landlock ABIs that brought what a piece is made of.
var needs = map[Name]int{Files: 1, TCP: 4, Signals: 6, AbstractUnix: 6}

// domains are all that each Landlock ABI can restrict.
var domains = []landlock.Config{
	{}, landlock.V1, landlock.V2, landlock.V3, landlock.V4, landlock.V5, landlock.V6, landlock.V7, landlock.V8, landlock.V9, landlock.V10, landlock.V11,
}

// restrict puts the Landlock pieces in force, all that the kernel has in one
// domain.
func restrict(o Options, b *before, without []Name) {
	c := domains[min(b.abi, len(domains)-1)]
	use := func(n Name) bool {
		switch {
		case slices.Contains(without, n):
			b.failed[n] = "left out by a test"
		case b.abi == 0:
			b.failed[n] = "the kernel has no Landlock, or it was not enabled at boot"
		case b.abi < needs[n]:
			b.failed[n] = fmt.Sprintf("the kernel's Landlock ABI is %d, this needs %d", b.abi, needs[n])
		default:
			return true
		}
		return false
	}
	var rules []landlock.Rule
	if use(Files) {
		// What a kernel does not know it neither restricts nor grants. "refer",
		// renaming from one directory to another, comes with ABI 2.
		for _, r := range []struct {
			rights landlock.AccessFSSet
			dirs   []string
		}{
			{readRights, o.ReadOnly},
			{readRights | writeRights, o.ReadWrite},
			{llsys.AccessFSMakeSock | llsys.AccessFSRemoveFile, o.Listen},
			{llsys.AccessFSResolveUnix, o.Dial},
		} {
			if rights := r.rights & c.HandledAccessFS; rights != 0 && len(r.dirs) > 0 {
				rules = append(rules, landlock.PathAccess(rights, r.dirs...))
			}
		}
		if len(o.ReadFiles) > 0 {
			rules = append(rules, landlock.PathAccess(llsys.AccessFSReadFile, o.ReadFiles...))
		}
	} else {
		c.HandledAccessFS = 0
	}
	if !use(TCP) {
		c.HandledAccessNet = 0
	} else if o.Outward && len(o.Ports) == 0 {
		c.HandledAccessNet &= llsys.AccessNetBindTCP
	} else if o.Outward {
		c.HandledAccessNet &= llsys.AccessNetBindTCP | llsys.AccessNetConnectTCP
		for _, port := range o.Ports {
			rules = append(rules, landlock.ConnectTCP(port))
		}
	}
	if !use(Signals) {
		c.Scoped &^= llsys.ScopeSignal
	}
	if !use(AbstractUnix) {
		c.Scoped &^= llsys.ScopeAbstractUnixSocket
	}
	if err := c.BestEffort().Restrict(rules...); err != nil {
		for n := range needs {
			if b.failed[n] == "" {
				b.failed[n] = "Landlock refused: " + errno(err)
			}
		}
	}
}

// errno is what the kernel said, without the path that a library puts in.
func errno(err error) string {
	var e unix.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return "no reason given"
}
