//go:build !linux

package vault

import "time"

// systemBoot: there is no boot clock that we know how to read; the wall clock
// stands in for it.
func systemBoot() (id string, since func() (time.Duration, error)) { return "", nil }
