//go:build !linux

package chtest

import "syscall"

func diesWithParent() *syscall.SysProcAttr { return nil }
