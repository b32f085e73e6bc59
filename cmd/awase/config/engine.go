package config

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxShards are the most servers that a room may have.
const maxShards = 64

var aHost = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,253}$`)

// wrongServer wants a name or an address, and a port.
func wrongServer(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, perr := strconv.ParseUint(port, 10, 16)
	return err != nil || perr != nil || n == 0 || !aHost.MatchString(host) || strings.Contains(host, ":") && net.ParseIP(host) == nil
}

func engineShards(c *Config, text []string) (string, string) {
	const mend = "write each shard as [\"host:port\", …], one address each"
	if len(text) > maxShards {
		return "it has more than " + strconv.Itoa(maxShards) + " shards", "name fewer"
	}
	var out []string
	seen := map[string]bool{}
	for _, at := range text {
		at = strings.TrimSpace(at)
		if wrongServer(at) {
			return "one of them is no server with its port", mend
		}
		// What is counted twice is a wrong number.
		if seen[strings.ToLower(at)] {
			return "one server is there twice", "name each server once"
		}
		seen[strings.ToLower(at)] = true
		out = append(out, at)
	}
	c.Engine.Shards = out
	return "", ""
}

// engine checks what keys of the engine say together.
func (p *problems) engine(e *Effective, given func(string) bool) {
	at := func(name string) string { return e.Values[name].At }
	names := []string{"engine.database", "engine.user", "engine.password_file", "engine.ca_file", "engine.server_name", "engine.tls", "engine.memory", "engine.time"}
	if !given("engine.shards") {
		for _, name := range names {
			if given(name) {
				p.add(at(name), name, "it needs engine.shards", "give engine.shards too, or leave "+name+" out")
			}
		}
		return
	}
	if e.Engine.TLS == "none" {
		if !slices.ContainsFunc(e.Engine.Shards, func(a string) bool { return !Loopback(a) && !strings.HasPrefix(a, "localhost:") }) {
			for _, name := range []string{"engine.ca_file", "engine.server_name"} {
				if given(name) {
					p.add(at(name), name, "it is for TLS, and engine.tls is none", "leave one of the two out")
				}
			}
		} else {
			p.add(at("engine.tls"), "engine.tls", "what the servers hold would cross the network in the clear", "leave it out; none is for servers on this machine")
		}
		for name, other := range map[string]string{"engine.user": "engine.password_file", "engine.password_file": "engine.user"} {
			if given(name) && !given(other) {
				p.add(at(name), name, map[bool]string{true: "a user needs ", false: "a password needs "}[name == "engine.user"]+other, "give "+other+" too, or leave "+name+" out")
			}
		}
		return
	}
	for _, name := range []string{"engine.ca_file", "engine.user", "engine.password_file"} {
		if !given(name) {
			p.add(at("engine.shards"), "engine.shards", "TLS needs "+name, "give "+name)
		}
	}
}
