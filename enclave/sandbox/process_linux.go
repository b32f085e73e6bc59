package sandbox

import (
	"os"
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
func Isolated() (*syscall.SysProcAttr, error) {
	return &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: inside(os.Getuid()), HostID: os.Getuid(), Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: inside(os.Getgid()), HostID: os.Getgid(), Size: 1}},
		GidMappingsEnableSetgroups: false,
	}, nil
}

func inside(id int) int {
	if id == 0 {
		return nobodyInside
	}
	return id
}
