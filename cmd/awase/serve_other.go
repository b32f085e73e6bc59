//go:build !linux

package main

import "syscall"

func ownGroup(apart namespaces) (*syscall.SysProcAttr, error) {
	if apart.users {
		return nil, errNamespaces
	}
	return nil, nil
}

func closeOnExec() {}
