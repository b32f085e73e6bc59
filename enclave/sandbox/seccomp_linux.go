package sandbox

import (
	"fmt"
	"os"
	"runtime"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// allowed are the system calls of a Go program that serves a listener it has
// and works on files it may open. What is not here is refused with EPERM:
// programs (execve), other processes (ptrace, process_vm_*, pidfd_*), mounts
// and namespaces, keys, bpf, io_uring, modules, memfd, devices (ioctl), links,
// and sendmsg and recvmsg, by which descriptors are handed over: a front that
// was taken over can't pass a connection in.
//
// A name that an architecture does not have is left out there.
var allowed = []string{
	// Files. truncate takes a path, which Landlock sees from ABI 3 on only.
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "close", "close_range", "lseek",
	"openat", "fstat", "stat", "lstat", "newfstatat", "fstatat", "statx", "fstatfs", "access", "faccessat", "faccessat2", "readlinkat",
	"getdents64", "fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate", "fadvise64",
	"renameat", "renameat2", "unlinkat", "mkdirat", "fchmod", "fchmodat", "utimensat", "getcwd",
	"fcntl", "flock", "dup", "dup2", "dup3", "pipe2", "copy_file_range", "sendfile", "splice",

	// Memory; mmap and mprotect below.
	"munmap", "mremap", "madvise", "mincore", "brk", "mlock", "mlock2", "munlock", "membarrier",

	// Threads, time, signals of its own; clone, kill and tgkill below.
	"futex", "futex_wait", "futex_wake", "futex_requeue", "set_robust_list", "set_tid_address", "rseq", "gettid", "getpid", "getppid",
	"getuid", "geteuid", "getgid", "getegid", "sched_yield", "sched_getaffinity", "getcpu", "exit", "exit_group", "restart_syscall",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "setitimer",
	"timer_create", "timer_settime", "timer_delete", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"getrandom", "uname", "sysinfo", "getrusage", "times", "capget",

	// Waiting, and connections that a listener accepted.
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "poll", "ppoll",
	"accept4", "getsockname", "getpeername", "getsockopt", "shutdown",
}

// goThread are the flags with which Go makes a thread when it does so itself;
// runtime/os_linux.go, cloneFlags.
const goThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD

// streamSocket is the one type of socket that Go's net makes for "unix". A
// datagram socket could send to any address without connect.
const streamSocket = unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK

type condition = seccomp.Condition

func equal(argument uint32, value uint64) condition {
	return condition{Argument: argument, Operation: seccomp.Equal, Value: value}
}

func when(name string, conditions ...condition) seccomp.NameWithConditions {
	return seccomp.NameWithConditions{Name: name, Conditions: conditions}
}

// conditional are the system calls that are allowed with some arguments.
func conditional(o Options) []seccomp.NameWithConditions {
	self := uint64(os.Getpid())
	noExec := condition{Argument: 2, Operation: seccomp.BitsNotSet, Value: unix.PROT_EXEC}
	out := []seccomp.NameWithConditions{
		when("mmap", noExec), // no memory that was written can be run
		when("mprotect", noExec),
		when("kill", equal(0, self)),
		when("tgkill", equal(0, self)),
		when("prlimit64", equal(0, 0), equal(2, 0)), // its own, and only read
		when("arch_prctl", equal(0, archSetFS)),
	}
	for _, flags := range threadFlags {
		out = append(out, when("clone", equal(0, flags)))
	}
	for _, option := range []uint64{unix.PR_GET_NO_NEW_PRIVS, unix.PR_GET_DUMPABLE, unix.PR_GET_SECCOMP, unix.PR_SET_NAME, unix.PR_SET_VMA} {
		out = append(out, when("prctl", equal(0, option)))
	}
	if len(o.Listen)+len(o.Dial) > 0 {
		out = append(out, when("socket", equal(0, unix.AF_UNIX), equal(1, streamSocket), equal(2, 0)))
	}
	return out
}

// archSetFS is ARCH_SET_FS: a new thread's own register on amd64.
const archSetFS = 0x1002

func policy(o Options) (seccomp.Policy, error) {
	names := allowed
	if len(o.Listen) > 0 {
		names = append(append([]string{}, names...), "bind", "listen")
	}
	if len(o.Dial) > 0 {
		names = append(append([]string{}, names...), "connect")
	}
	machine, err := arch.GetInfo("")
	if err != nil {
		return seccomp.Policy{}, fmt.Errorf("no list of system calls for this architecture: %w", err)
	}
	group := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, n := range names {
		if _, ok := machine.SyscallNames[n]; ok {
			group.Names = append(group.Names, n)
		}
	}
	for _, c := range conditional(o) {
		if _, ok := machine.SyscallNames[c.Name]; ok {
			group.NamesWithCondtions = append(group.NamesWithCondtions, c)
		}
	}
	return seccomp.Policy{
		// EPERM, and for another machine's numbers (i386) too.
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			group,
			// C libraries make threads by clone where the kernel says that it
			// has no clone3, whose flags a filter can't read.
			{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
		},
	}, nil
}

// filterCalls installs the filter on every thread.
func filterCalls(o Options) error {
	p, err := policy(o)
	if err != nil {
		return err
	}
	if !seccomp.Supported() {
		return fmt.Errorf("the kernel has no seccomp filters")
	}
	// no_new_privs is a thread's until the filter is on all of them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: p})
}
