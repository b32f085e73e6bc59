package sandbox

// ConfineWithout confines with pieces left out, whose absence is no error.
func ConfineWithout(o Options, without ...Name) (*Statement, error) {
	return confine(o, hooks{without: without})
}

// ConfineOld confines as a kernel would whose Landlock is of that ABI.
func ConfineOld(o Options, abi int) (*Statement, error) { return confine(o, hooks{abi: abi}) }
