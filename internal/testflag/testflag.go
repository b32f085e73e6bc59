// Package testflag gives a package's tests other defaults of go test's flags.
package testflag

import "flag"

// SideBySide is how many tests run at a time where most of what they do is wait: for
// ticks, processes that start, and disks.
const SideBySide = "6"

// Default sets a flag where the command line does not. TestMain calls it, before it
// runs the tests. It panics where there is no such flag.
func Default(name, value string) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == name })
	if asked {
		return
	}
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}
