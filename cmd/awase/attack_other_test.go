//go:build !linux

package main

func plantAttacker() {}
