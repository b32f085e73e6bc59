package sandbox

// ForEnclave says what the enclave keeps: its vault, whose key file is in none of
// the directories, the inbox to read, and what it writes to others: the outbox and
// backups. It has no new socket:
// its listener is there before.
func ForEnclave(vault []string, inbox string, out ...string) Options {
	return Options{ReadOnly: []string{inbox}, ReadWrite: append(append([]string{}, vault...), out...)}
}

// ForRelay says what the relay keeps: TCP connections to the servers' ports and the
// files and directories by which their names are looked up. The channels that it
// carries for are there before: it can make no unix socket, and so reaches neither
// the socket at which the enclave is asked nor anybody else's.
func ForRelay(ports []uint16, dirs []string, files ...string) Options {
	return Options{ReadOnly: dirs, ReadFiles: files, Outward: true, Ports: ports, AllowMissing: []Name{Network}}
}

// FrontDirs are the directories of a front.
type FrontDirs struct {
	Sockets string   // the enclave's
	Write   []string // its control store, uploads, reports
	Read    []string // what the enclave hands out, the certificates that it shows
}

// ForFront says what the front keeps: its own directories, the way to the enclave's
// socket, and the network, by which it is asked and asks in turn (a sign-in
// provider, webhooks, mail). Its listener is there before: it can open no other.
// files are those that it has to read again while it runs.
func ForFront(d FrontDirs, files ...string) Options {
	return Options{ReadOnly: d.Read, ReadWrite: d.Write, ReadFiles: files, Dial: []string{d.Sockets}, Outward: true, Paths: true,
		AllowMissing: []Name{Network, UnixConnect}}
}
