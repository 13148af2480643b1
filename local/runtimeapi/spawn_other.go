//go:build !linux

package runtimeapi

import "syscall"

// attributes put a process in a group of its own. Where the kernel cannot tie
// its life to ours, it ends when its poll loses the connection.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
