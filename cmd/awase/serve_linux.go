package main

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from the child, which its parent ends; and
// ends it with a parent that was killed, so that two never serve one vault.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
