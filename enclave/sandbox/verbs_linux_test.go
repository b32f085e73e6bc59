package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"awase/enclave/sandbox"
)

// prepared is what a verb opened before confinement.
type prepared struct {
	listener net.Listener
	threads  *threads
}

const theSecret = "a secret"

// kept is read by another process.
var kept = []byte(theSecret)

func prepare(j job) (*prepared, error) {
	p := &prepared{}
	switch j.Verb {
	case "work":
		l, err := net.Listen("unix", filepath.Join(j.Options.ReadWrite[0], "s"))
		p.listener = l
		return p, err
	case "threads":
		p.threads = startThreads(16)
	}
	return p, nil
}

// verbs are what a child tries once it is confined. An attack returns nil if
// it came through.
var verbs = map[string]func(job, *sandbox.Statement, *prepared) error{
	"open": func(job, *sandbox.Statement, *prepared) error {
		_, err := os.ReadFile("/etc/passwd")
		return err
	},
	"read the vault key": func(j job, _ *sandbox.Statement, _ *prepared) error {
		_, err := os.ReadFile(j.Key)
		return err
	},
	"read the vault": func(j job, _ *sandbox.Statement, _ *prepared) error {
		_, err := os.ReadFile(j.Sealed)
		return err
	},
	"write beside the vault": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return os.WriteFile(j.Key+".new", []byte("x"), 0o600)
	},
	"write outside": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return os.WriteFile(filepath.Join(j.Outside, "written"), []byte("x"), 0o600)
	},
	"write where it may read": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return os.WriteFile(filepath.Join(j.Options.ReadOnly[0], "written"), []byte("x"), 0o600)
	},
	"truncate outside": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return os.Truncate(filepath.Join(j.Outside, "long"), 0)
	},
	"symlink": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return os.Symlink("/etc/passwd", filepath.Join(j.Options.ReadWrite[0], "link"))
	},
	"tcp":                     func(j job, _ *sandbox.Statement, _ *prepared) error { return echo("tcp", j.TCP) },
	"udp":                     func(j job, _ *sandbox.Statement, _ *prepared) error { return echo("udp", j.UDP) },
	"abstract":                func(j job, _ *sandbox.Statement, _ *prepared) error { return echo("unix", j.Abstract) },
	"pathname":                func(j job, _ *sandbox.Statement, _ *prepared) error { return echo("unix", j.Pathname) },
	"listen":                  func(job, *sandbox.Statement, *prepared) error { return listenTCP(false) },
	"listen by multipath TCP": func(job, *sandbox.Statement, *prepared) error { return listenTCP(true) },
	"exec":                    func(job, *sandbox.Statement, *prepared) error { return exec.Command("/bin/true").Run() },
	"read the parent's memory": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return readMemory(j.Parent, j.Secret)
	},
	"trace the parent": func(j job, _ *sandbox.Statement, _ *prepared) error {
		runtime.LockOSThread()
		if _, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(j.Parent), 0, 0, 0, 0); e != 0 {
			return e
		}
		return nil // its end detaches it
	},
	"mount": func(j job, _ *sandbox.Statement, _ *prepared) error {
		return unix.Mount("none", j.Options.ReadWrite[0], "tmpfs", 0, "")
	},
	"unshare": func(job, *sandbox.Statement, *prepared) error {
		runtime.LockOSThread()
		return unix.Unshare(unix.CLONE_NEWUTS)
	},
	"signal the parent": func(j job, _ *sandbox.Statement, _ *prepared) error { return unix.Kill(j.Parent, unix.SIGUSR2) },
	"raise the core limit": func(job, *sandbox.Statement, *prepared) error {
		return unix.Prlimit(0, unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}, nil)
	},
	"run written memory": func(job, *sandbox.Statement, *prepared) error {
		page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return nil // not refused for what it is
		}
		return unix.Mprotect(page, unix.PROT_READ|unix.PROT_EXEC)
	},
	"run memory by another number": func(job, *sandbox.Statement, *prepared) error {
		// As kill's number and its one allowed argument: see restricted.
		page, _, e := unix.Syscall6(unix.SYS_MMAP, uintptr(os.Getpid()), uintptr(os.Getpagesize()), unix.SYS_KILL, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
		if e != 0 || page == 0 {
			return e
		}
		return nil
	},
	"io_uring": func(job, *sandbox.Statement, *prepared) error { return notRefused(unix.SYS_IO_URING_SETUP) },
	"take a descriptor": func(job, *sandbox.Statement, *prepared) error {
		_, _, _, _, err := unix.Recvmsg(-1, make([]byte, 1), make([]byte, 64), 0)
		if errors.Is(err, unix.EBADF) {
			return nil
		}
		return err
	},
	"threads":           func(_ job, _ *sandbox.Statement, p *prepared) error { return p.threads.try() },
	"work":              work,
	"listen and dial":   listenAndDial,
	"verify":            func(_ job, s *sandbox.Statement, _ *prepared) error { return s.Verify() },
	"lose and verify":   loseAndVerify,
	"no memory to lock": noMemoryToLock,
	"hold":              hold,
}

// notRefused makes a call with arguments that are wrong everywhere: any answer
// but EPERM comes from the kernel behind the filter.
func notRefused(number uintptr) error {
	_, _, e := unix.Syscall6(number, ^uintptr(0), 0, 0, 0, 0, 0)
	if e == unix.EPERM {
		return e
	}
	return nil
}

func echo(network, addr string) error {
	c, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 5))
	return err
}

func listenTCP(multipath bool) error {
	var c net.ListenConfig
	c.SetMultipathTCP(multipath)
	l, err := c.Listen(context.Background(), "tcp4", "0.0.0.0:0")
	if err == nil {
		_ = l.Close()
	}
	return err
}

func readMemory(pid int, at uintptr) error {
	got := make([]byte, len(theSecret))
	local := []unix.Iovec{{Base: &got[0], Len: uint64(len(got))}}
	if _, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: at, Len: len(got)}}, 0); err != nil {
		return err
	}
	if string(got) != theSecret {
		return fmt.Errorf("read %q", got)
	}
	return nil
}

// threads are there before confinement, and try after it.
type threads struct {
	start chan struct{}
	done  chan error
	n     int
}

func startThreads(n int) *threads {
	th := &threads{start: make(chan struct{}), done: make(chan error), n: n}
	var up sync.WaitGroup
	up.Add(n)
	for range n {
		go func() {
			runtime.LockOSThread()
			up.Done()
			<-th.start
			_, file := os.ReadFile("/etc/passwd")
			_, socket := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
			nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
			switch {
			case !errors.Is(file, unix.EACCES):
				th.done <- fmt.Errorf("a thread opened a file: %v", file)
			case !errors.Is(socket, unix.EPERM):
				th.done <- fmt.Errorf("a thread made a socket: %v", socket)
			case nnp != 1 || err != nil:
				th.done <- fmt.Errorf("a thread may gain privileges: %d, %v", nnp, err)
			default:
				th.done <- nil
			}
		}()
	}
	up.Wait()
	return th
}

func (th *threads) try() error {
	close(th.start)
	var all []error
	for range th.n {
		all = append(all, <-th.done)
	}
	return errors.Join(all...)
}

// work is what an enclave does all day.
func work(j job, s *sandbox.Statement, p *prepared) error {
	vault, inbox := j.Options.ReadWrite[0], j.Options.ReadOnly[0]
	if b, err := os.ReadFile(filepath.Join(inbox, "sealed")); err != nil || string(b) != "rows" {
		return fmt.Errorf("reading: %q, %w", b, err)
	}
	for _, dir := range []string{"a", "b"} {
		if err := os.MkdirAll(filepath.Join(vault, dir, "deeper"), 0o700); err != nil {
			return err
		}
	}
	if err := writeDurably(filepath.Join(vault, "a", "segment")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := os.Rename(filepath.Join(vault, "a", "segment"), filepath.Join(vault, "b", "deeper", "segment")); err != nil {
		return fmt.Errorf("renaming: %w", err)
	}
	if entries, err := os.ReadDir(filepath.Join(vault, "b")); err != nil || len(entries) != 1 {
		return fmt.Errorf("listing: %v, %w", entries, err)
	}
	if err := filepath.WalkDir(vault, func(_ string, _ os.DirEntry, err error) error { return err }); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(vault, "b")); err != nil {
		return err
	}
	page, err := sandbox.NewLockedPage(32)
	if err != nil {
		return err
	}
	if ok, why := page.Locked(); !ok {
		return fmt.Errorf("locking a page: %s", why)
	}
	if err := page.Close(); err != nil {
		return err
	}
	if err := busy(); err != nil {
		return err
	}
	if err := serve(p.listener); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return s.Verify()
}

func writeDurably(path string) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte("segment"), 10); err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(1<<16), f.Chmod(0o400), f.Sync(), os.Rename(path+".new", path)); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	copied, err := os.Create(path + ".copy")
	if err != nil {
		return err
	}
	defer copied.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if n, err := io.Copy(copied, f); err != nil || n != 1<<16 {
		return fmt.Errorf("copied %d: %w", n, err)
	}
	return errors.Join(dir.Sync(), os.Remove(path+".copy"))
}

// busy runs threads, the collector and timers.
func busy() error {
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			runtime.LockOSThread() // a thread each, which ends with the goroutine
			b := bytes.Repeat([]byte{1}, 1<<18)
			time.Sleep(20 * time.Millisecond)
			runtime.KeepAlive(b)
		})
	}
	all.Wait()
	for range 3 {
		runtime.GC()
		debug.FreeOSMemory()
	}
	// Preemption of a loop without calls needs a signal of its own.
	end := time.Now().Add(30 * time.Millisecond)
	for x := 0; time.Now().Before(end); x++ {
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	if zone, _ := time.Now().Zone(); zone == "" {
		return errors.New("no time zone")
	}
	_, err := os.Hostname() // reads a file of /proc at worst: may fail, may not end the process
	_ = err
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	time.AfterFunc(time.Millisecond, func() { w.Close() })
	_, err = io.ReadAll(r)
	return err
}

// serve answers the parent's requests until it says stop.
func serve(l net.Listener) error {
	stop := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) { close(stop) })
	credentials := make(chan error, 1)
	server := &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			select {
			case credentials <- peer(c):
			default:
			}
			return ctx
		},
	}
	go func() {
		<-stop
		_ = server.Shutdown(context.Background())
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-credentials
}

// peer reads who is at the other end.
func peer(c net.Conn) error {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	if ctl := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); ctl != nil {
		return ctl
	}
	if err == nil && int(cred.Uid) != os.Getuid() {
		return fmt.Errorf("the peer's user is %d", cred.Uid)
	}
	return err
}

// listenAndDial makes a socket where it may, and reaches one where it may.
func listenAndDial(j job, _ *sandbox.Statement, _ *prepared) error {
	l, err := net.Listen("unix", filepath.Join(j.Options.Listen[0], "late"))
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.CopyN(c, c, 5)
			_ = c.Close()
		}
	}()
	if err := echo("unix", l.Addr().String()); err != nil {
		return fmt.Errorf("dialling itself: %w", err)
	}
	if err := l.Close(); err != nil {
		return err
	}
	if _, err := os.Stat(l.Addr().String()); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the socket is still there: %v", err)
	}
	if err := echo("unix", j.Pathname); err != nil {
		return fmt.Errorf("dialling: %w", err)
	}
	if fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0); err == nil {
		return fmt.Errorf("a datagram socket was made: %d", fd)
	}
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); err == nil {
		return fmt.Errorf("an internet socket was made: %d", fd)
	}
	return nil
}

// loseAndVerify takes a piece away that no filter holds in place.
func loseAndVerify(_ job, s *sandbox.Statement, _ *prepared) error {
	if err := s.Verify(); err != nil {
		return fmt.Errorf("at once: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return err
	}
	var missing *sandbox.MissingError
	if err := s.Verify(); !errors.As(err, &missing) || len(missing.Pieces) != 1 || missing.Pieces[0].Name != sandbox.NotDumpable {
		return fmt.Errorf("the loss came to %v", err)
	}
	return nil
}

func noMemoryToLock(job, *sandbox.Statement, *prepared) error {
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		return err
	}
	page, err := sandbox.NewLockedPage(32)
	if err != nil {
		return err
	}
	if ok, why := page.Locked(); ok || why == "" {
		return fmt.Errorf("the page is locked: %v, %q", ok, why)
	}
	copy(page.Bytes(), "works without")
	return page.Close()
}

// hold says where its secret is, and waits.
func hold(_ job, s *sandbox.Statement, _ *prepared) error {
	if err := json.NewEncoder(os.Stdout).Encode(told{Statement: s, Secret: address(kept)}); err != nil {
		return err
	}
	_, err := io.ReadAll(os.Stdin)
	return err
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

// household is a front: the same user beside the enclave, in the same
// namespaces, and reads the enclave's memory.
func household(j job) (out told) {
	j.Verb = "hold"
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := command(ctx, j, nil)
	if err != nil {
		return told{Failed: err.Error()}
	}
	stdin, errIn := c.StdinPipe()
	stdout, errOut := c.StdoutPipe()
	if err := errors.Join(errIn, errOut, c.Start()); err != nil {
		return told{Failed: err.Error()}
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &out)
	}
	if err == nil {
		err = readMemory(c.Process.Pid, out.Secret)
	}
	if err != nil {
		out.Failed = err.Error()
	}
	_ = stdin.Close()
	_, _ = io.Copy(io.Discard, stdout)
	_ = c.Wait()
	return out
}
