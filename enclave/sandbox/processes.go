package sandbox

// ForEnclave says what the enclave keeps: its vault, whose key file is in none of
// the directories, the inbox to read and the outbox to write. It has no new socket:
// its listener is there before.
func ForEnclave(vault []string, inbox, outbox string) Options {
	return Options{ReadOnly: []string{inbox}, ReadWrite: append(append([]string{}, vault...), outbox)}
}

// ForFront says what the front keeps: the way to sockets in one directory, the
// enclave's. It keeps its network, by which it is asked; its listener is there
// before, and it makes no connection but to unix sockets.
func ForFront(sockets string) Options {
	return Options{Dial: []string{sockets}, AllowMissing: []Name{Network, UnixConnect}}
}
