package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

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
	"getrandom", "getrlimit", "uname", "sysinfo", "getrusage", "times", "capget",

	// Waiting, and connections that a listener accepted.
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "poll", "ppoll",
	"accept4", "getsockname", "getpeername", "getsockopt", "shutdown",
}

// goThread are the flags with which Go makes a thread when it does so itself;
// runtime/os_linux.go, cloneFlags. On amd64 it adds CLONE_SETTLS.
const goThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD

// streamSocket is the one type of socket that Go's net makes for "unix". A
// datagram socket could send to any address without connect.
const streamSocket = unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK

// archSetFS is ARCH_SET_FS: a thread's own register on amd64.
const archSetFS = 0x1002

// packetSocket is the one that it makes for "udp", by which names are looked up.
const packetSocket = unix.SOCK_DGRAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK

// byPath are the forms of calls on paths that SQLite makes (modernc.org/libc).
// Landlock sees a path in each as in its newer form.
var byPath = []string{"open", "unlink", "rmdir", "mkdir", "rename", "readlink", "chmod", "utime", "utimes", "fchown"}

// tuned are the options that Go's net sets on a connection, by level. None
// attaches a filter to it.
var tuned = map[uint64][]uint64{
	unix.SOL_SOCKET:   {unix.SO_KEEPALIVE, unix.SO_BROADCAST},
	unix.IPPROTO_TCP:  {unix.TCP_NODELAY, unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT},
	unix.IPPROTO_IPV6: {unix.IPV6_V6ONLY},
}

// restricted are the system calls that are allowed with some arguments only.
// Each has the conditions under which it is refused.
//
// They are conditions of refusal, and a filter for each call, because the
// library does not load the call's number again after it compared an argument:
// in one list, mmap with a protection of 62 would go on as call 62, which is
// kill, and be allowed if its address is the process's id.
func restricted(o Options) map[string][]seccomp.ArgumentConditions {
	self := uint64(os.Getpid())
	out := map[string][]seccomp.ArgumentConditions{
		"mmap":       {{executableMemory}}, // no memory that was written can be run
		"mprotect":   {{executableMemory}},
		"kill":       {unless(0, self)},
		"tgkill":     {unless(0, self)},
		"prlimit64":  {unless(0, 0), unless(2, 0)}, // its own, and only read
		"arch_prctl": {unless(0, archSetFS)},
		"clone":      {unless(0, threadFlags...)},
		"prctl":      {unless(0, unix.PR_GET_NO_NEW_PRIVS, unix.PR_GET_DUMPABLE, unix.PR_GET_SECCOMP, unix.PR_SET_NAME, unix.PR_SET_VMA)},
	}
	if len(o.Listen)+len(o.Dial) > 0 {
		out["socket"] = []seccomp.ArgumentConditions{unless(0, unix.AF_UNIX), unless(1, streamSocket), unless(2, 0)}
	}
	if o.Outward {
		both := []seccomp.ArgumentConditions{unless(0, unix.AF_UNIX, unix.AF_INET, unix.AF_INET6), unless(1, streamSocket, packetSocket), unless(2, 0)}
		// No datagrams to unix sockets, which need no connect.
		both = append(both, seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_UNIX}, {Argument: 1, Operation: seccomp.NotEqual, Value: streamSocket}})
		if len(o.Listen)+len(o.Dial) == 0 {
			both = append(both, seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_UNIX}})
		}
		out["socket"] = both
		var levels []uint64
		for level, options := range tuned {
			levels = append(levels, level)
			out["setsockopt"] = append(out["setsockopt"], append(seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.Equal, Value: level}}, unless(2, options...)...))
		}
		out["setsockopt"] = append(out["setsockopt"], unless(1, levels...))
	}
	if len(o.Listen) > 0 && !o.Outward { // what net.Listen sets, and no filter on a socket
		out["setsockopt"] = []seccomp.ArgumentConditions{unless(1, unix.SOL_SOCKET), unless(2, unix.SO_REUSEADDR)}
	}
	return out
}

var executableMemory = seccomp.Condition{Argument: 2, Operation: seccomp.BitsSet, Value: unix.PROT_EXEC}

// unless is true of an argument that is none of the values.
func unless(argument uint32, values ...uint64) seccomp.ArgumentConditions {
	var out seccomp.ArgumentConditions
	for _, v := range values {
		out = append(out, seccomp.Condition{Argument: argument, Operation: seccomp.NotEqual, Value: v})
	}
	return out
}

// policies returns the filters in the order in which they are installed: the
// list of calls is last, since it refuses further filters. The kernel does
// what the strictest of them says.
func policies(o Options) ([]seccomp.Policy, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("no list of system calls for this architecture: %w", err)
	}
	names := slices.Clone(allowed)
	if len(o.Listen) > 0 {
		names = append(names, "bind", "listen")
	}
	if len(o.Dial) > 0 || o.Outward {
		names = append(names, "connect")
	}
	if o.Paths {
		names = append(names, byPath...)
	}
	var out []seccomp.Policy
	for name, conditions := range restricted(o) {
		if _, ok := machine.SyscallNames[name]; !ok {
			continue
		}
		names = append(names, name)
		group := seccomp.SyscallGroup{Action: seccomp.ActionErrno}
		for _, c := range conditions {
			group.NamesWithCondtions = append(group.NamesWithCondtions, seccomp.NameWithConditions{Name: name, Conditions: c})
		}
		out = append(out, seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{group}})
	}
	names = slices.DeleteFunc(names, func(n string) bool { _, ok := machine.SyscallNames[n]; return !ok })
	return append(out, seccomp.Policy{
		// EPERM, and for another machine's numbers (i386) too.
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			{Names: names, Action: seccomp.ActionAllow},
			// C libraries make threads by clone where the kernel says that it
			// has no clone3, whose flags a filter can't read.
			{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
		},
	}), nil
}

// filterCalls installs the filters on every thread.
func filterCalls(o Options) error {
	list, err := policies(o)
	if err != nil {
		return err
	}
	if !seccomp.Supported() {
		return errors.New("the kernel has no seccomp filters")
	}
	// no_new_privs is a thread's until the filter is on all of them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i, p := range list {
		// The first sets no_new_privs; after the last nothing sets it any more.
		if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: i == 0, Flag: seccomp.FilterFlagTSync, Policy: p}); err != nil {
			return err
		}
	}
	return nil
}
