package sandbox

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// nobodyInside is what root is called inside: any user but root, so that the
// process has no capability in its own namespace either.
const nobodyInside = 1000

// Isolated returns how a supervisor starts a process that Confine will find in
// an empty network namespace: a user namespace in which the supervisor's own
// user and group are the only ones, and not root, and a network namespace
// without interfaces. Outside, files belong to the supervisor's user as before.
//
// A supervisor that is not root must be dumpable (the default): otherwise it
// may not write its child's maps.
func Isolated() (*syscall.SysProcAttr, error) { return isolated(os.Getuid(), os.Getgid()), nil }

func isolated(uid, gid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: inside(uid), HostID: uid, Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: inside(gid), HostID: gid, Size: 1}},
		GidMappingsEnableSetgroups: false,
	}
}

// inside is what a user or group is called inside. It is not what the kernel calls
// there whoever has no name: then every stranger at the socket would be its user.
func inside(id int) int {
	if id == 0 || id == stranger("uid") || id == stranger("gid") {
		return nobodyInside
	}
	return id
}

// stranger is what the kernel calls a user, or group, without a name in a namespace.
func stranger(kind string) int {
	text, err := os.ReadFile("/proc/sys/kernel/overflow" + kind)
	if id, nerr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && nerr == nil {
		return id
	}
	return 65534
}
