package sandbox

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// machines are the filters as programs; judge runs them as the kernel would.
type machines []*bpf.VM

func assemble(t *testing.T, o Options) machines {
	t.Helper()
	list, err := policies(o)
	if err != nil {
		t.Fatal(err)
	}
	var out machines
	for _, p := range list {
		code, err := p.Assemble()
		if err != nil {
			t.Fatal(err)
		}
		vm, err := bpf.NewVM(code)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, vm)
	}
	return out
}

// judge tells whether all filters allow a call. The VM reads big-endian words
// where the kernel reads its own.
func (m machines) judge(t rapid.TB, machine, number uint32, args [6]uint64) bool {
	data := binary.BigEndian.AppendUint32(nil, number)
	data = binary.BigEndian.AppendUint32(data, machine)
	data = append(data, make([]byte, 8)...)
	for _, a := range args {
		low, high := uint32(a), uint32(a>>32)
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			low, high = high, low
		}
		data = binary.BigEndian.AppendUint32(data, low)
		data = binary.BigEndian.AppendUint32(data, high)
	}
	ok := true
	for _, vm := range m {
		verdict, err := vm.Run(data)
		if err != nil {
			t.Fatal(err)
		}
		ok = ok && seccomp.Action(verdict) == seccomp.ActionAllow
	}
	return ok
}

// oracle is what the filters should say, read off the lists in another way.
func oracle(o Options, names map[int]string, number uint32, a [6]uint64) bool {
	self, sockets := uint64(os.Getpid()), len(o.Listen)+len(o.Dial) > 0
	switch name := names[int(number)]; name {
	case "mmap", "mprotect":
		return a[2]&unix.PROT_EXEC == 0
	case "kill", "tgkill":
		return a[0] == self
	case "prlimit64":
		return a[0] == 0 && a[2] == 0
	case "arch_prctl":
		return a[0] == 0x1002
	case "clone":
		return slices.Contains(threadFlags, a[0])
	case "prctl":
		return slices.Contains([]uint64{39, 3, 21, 15, 0x53564d41}, a[0])
	case "socket":
		if o.Outward && (a[0] == 2 || a[0] == 10) && a[1] == 0o2004002 && a[2] == 0 {
			return true
		}
		return (sockets && a[0] == 1 || o.Outward && (a[0] == 2 || a[0] == 10)) && a[1] == 0o2004001 && a[2] == 0
	case "setsockopt":
		if o.Outward {
			return a[1] == 1 && (a[2] == 9 || a[2] == 6) || a[1] == 6 && (a[2] == 1 || 4 <= a[2] && a[2] <= 6) || a[1] == 41 && a[2] == 26
		}
		return len(o.Listen) > 0 && a[1] == 1 && a[2] == 2
	case "bind", "listen":
		return len(o.Listen) > 0
	case "connect":
		return len(o.Dial) > 0 || o.Outward
	case "open", "unlink", "rmdir", "mkdir", "rename", "readlink", "chmod", "utime", "utimes", "fchown":
		return o.Paths
	case "":
		return false
	default:
		return slices.Contains(allowed, name)
	}
}

// TestPolicy: the programs say of any call with any arguments what the lists
// mean. Arguments are drawn from numbers that mean something: the library
// compares a call's number with what an argument left behind.
func TestPolicy(t *testing.T) {
	info, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []uint32
	pool := []uint64{0, 1, 2, 4, 5, uint64(os.Getpid()), streamSocket, packetSocket, 3, 6, 9, 10, 17, 26, 41, archSetFS, 1 << 32, 1<<32 | 1, ^uint64(0)}
	pool = append(pool, threadFlags...)
	for n := range info.SyscallNumbers {
		numbers = append(numbers, uint32(n))
		pool = append(pool, uint64(n))
	}
	slices.Sort(numbers)
	slices.Sort(pool)
	for _, o := range []Options{{}, {Listen: []string{"/l"}}, {Dial: []string{"/d"}}, {Outward: true}, ForRelay([]uint16{1}, nil), {Outward: true, Paths: true, Dial: []string{"/d"}}} {
		m := assemble(t, o)
		for _, n := range numbers {
			if got, want := m.judge(t, uint32(info.ID), n, [6]uint64{}), oracle(o, info.SyscallNumbers, n, [6]uint64{}); got != want {
				t.Errorf("%s(0, …): %v, want %v", info.SyscallNumbers[int(n)], got, want)
			}
		}
		var restrictedNumbers []uint32
		for name := range restricted(o) {
			if n, ok := info.SyscallNames[name]; ok {
				restrictedNumbers = append(restrictedNumbers, uint32(n))
			}
		}
		slices.Sort(restrictedNumbers)
		rapid.Check(t, func(t *rapid.T) {
			number := rapid.OneOf(rapid.SampledFrom(restrictedNumbers), rapid.SampledFrom(numbers)).Draw(t, "number")
			var args [6]uint64
			for i := range args {
				args[i] = rapid.OneOf(rapid.SampledFrom(pool), rapid.Uint64()).Draw(t, "argument")
			}
			if got, want := m.judge(t, uint32(info.ID), number, args), oracle(o, info.SyscallNumbers, number, args); got != want {
				t.Fatalf("%s%#x: %v, want %v", info.SyscallNumbers[int(number)], args, got, want)
			}
		})
	}
}

// TestPolicyOfOtherABIs: the numbers of i386 and x32, by which the same
// process could call the same kernel, are refused, all of them.
func TestPolicyOfOtherABIs(t *testing.T) {
	m := assemble(t, Options{Listen: []string{"/l"}, Dial: []string{"/d"}})
	for n := range uint32(1000) {
		for _, other := range []arch.AuditArch{arch.I386.ID, arch.ARM.ID} {
			if m.judge(t, uint32(other), n, [6]uint64{}) {
				t.Fatalf("call %d of %v is allowed", n, other)
			}
		}
		if m.judge(t, uint32(arch.X86_64.ID), n|uint32(arch.X32.SeccompMask), [6]uint64{}) {
			t.Fatalf("call %d of x32 is allowed", n)
		}
	}
}

// TestPolicyNever: what no option may bring back.
func TestPolicyNever(t *testing.T) {
	for _, o := range []Options{{Listen: []string{"/l"}, Dial: []string{"/d"}}, {Dial: []string{"/d"}, Outward: true, Paths: true}, ForRelay([]uint16{1}, nil)} {
		never(t, o)
	}
}

func never(t *testing.T, o Options) {
	t.Helper()
	info, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	m := assemble(t, o)
	for _, name := range []string{
		"execve", "execveat", "fork", "vfork", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
		"pidfd_open", "pidfd_getfd", "pidfd_send_signal", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
		"mount", "umount2", "pivot_root", "chroot", "fsopen", "fsmount", "move_mount", "open_tree", "mount_setattr", "unshare", "setns",
		"bpf", "keyctl", "add_key", "request_key", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
		"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "memfd_create", "memfd_secret",
		"socketpair", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "accept",
		"ioctl", "seccomp", "setuid", "setresuid", "capset", "symlinkat", "linkat", "mknodat", "truncate", "open_by_handle_at",
		"setrlimit", "pkey_mprotect", "remap_file_pages", "shmget", "msgget", "mq_open", "landlock_create_ruleset", "modify_ldt", "personality",
	} {
		if n, ok := info.SyscallNames[name]; ok && m.judge(t, uint32(info.ID), uint32(n), [6]uint64{}) {
			t.Errorf("%s is allowed", name)
		}
	}
}

// TestOneListWouldLeak is the twin of a filter for each restricted call: with
// conditions of allowance in one list, memory of a kind that is refused is allowed
// under the number of kill. On amd64 that number asks for executable memory.
func TestOneListWouldLeak(t *testing.T) {
	info, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	self, kill := uint64(os.Getpid()), uint64(info.SyscallNames["kill"])
	refused := uint64(unix.PROT_EXEC)
	if kill&refused == 0 {
		refused = kill & -kill
	}
	p := seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{{
		Action: seccomp.ActionAllow,
		NamesWithCondtions: []seccomp.NameWithConditions{
			{Name: "mmap", Conditions: seccomp.ArgumentConditions{{Argument: 2, Operation: seccomp.BitsNotSet, Value: refused}}},
			{Name: "kill", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: self}}},
		},
	}}}
	code, err := p.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(code)
	if err != nil {
		t.Fatal(err)
	}
	mmap, args := uint32(info.SyscallNames["mmap"]), [6]uint64{self, 4096, kill}
	if !(machines{vm}).judge(t, uint32(info.ID), mmap, args) {
		t.Error("the library loads the number again: one list would do now")
	}
	if kill&unix.PROT_EXEC != 0 && assemble(t, Options{}).judge(t, uint32(info.ID), mmap, args) {
		t.Error("our filters leak it too")
	}
}
