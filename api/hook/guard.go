package hook

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"awase/entrustment"
)

// maxURL is how long a webhook's address may be.
const maxURL = 2048

// ports that a receiver on the internet may have. Others belong to other protocols
// or to nobody, and would make the room a scanner of ports.
var ports = []uint16{443, 8443}

// ErrAddress is that the guard does not let an address be reached.
var ErrAddress = errors.New("the address is not one that webhooks may reach")

// Guard says where webhooks may go. The zero Guard allows https on the public
// internet, ports 443 and 8443.
type Guard struct {
	Allow []netip.Prefix // addresses that may be reached whatever they are, by http too and on any port
}

// special are blocks inside what is otherwise unicast that lead to no public host
// (IANA's special-purpose registries), or to the machine below this one.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),         // this network: Linux connects it to itself
	netip.MustParsePrefix("100.64.0.0/10"),     // carrier-grade NAT; a cloud's metadata is in it
	netip.MustParsePrefix("168.63.129.16/32"),  // a cloud's host agent, at an address that looks public
	netip.MustParsePrefix("192.0.0.0/24"),      // protocol assignments; a cloud's metadata is in it
	netip.MustParsePrefix("192.0.2.0/24"),      // documentation
	netip.MustParsePrefix("192.31.196.0/24"),   // AS112
	netip.MustParsePrefix("192.52.193.0/24"),   // AMT
	netip.MustParsePrefix("192.88.99.0/24"),    // 6to4 relays
	netip.MustParsePrefix("192.175.48.0/24"),   // AS112
	netip.MustParsePrefix("198.18.0.0/15"),     // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),   // documentation
	netip.MustParsePrefix("203.0.113.0/24"),    // documentation
	netip.MustParsePrefix("240.0.0.0/4"),       // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),         // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),     // documentation
	netip.MustParsePrefix("2002::/16"),         // 6to4: holds any IPv4 address, and is retired
	netip.MustParsePrefix("2620:4f:8000::/48"), // AS112
	netip.MustParsePrefix("3fff::/20"),         // documentation
}

var (
	global6 = netip.MustParsePrefix("2000::/3")     // all of IPv6 that is handed out
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // ends in an IPv4 address
)

// public tells whether an address is a host's on the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	if a.Zone() != "" {
		return false
	}
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !global6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// allowed tells whether the operator named an address.
func (g *Guard) allowed(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// reach tells whether an address may be connected to; plain: by http.
func (g *Guard) reach(to netip.AddrPort, plain bool) bool {
	if g.allowed(to.Addr()) {
		return true
	}
	return !plain && slices.Contains(ports, to.Port()) && public(to.Addr())
}

// control is a net.Dialer's Control: it sees each address after it was resolved
// and before it is connected to, so a name that resolves otherwise at the second
// asking gains nothing.
func (g *Guard) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" || !g.reach(to, plain) {
			return ErrAddress // not which: who wrote the URL learns nothing of what it resolves to here
		}
		return nil
	}
}

// Parse reads a webhook's URL as a person wrote it. What can be seen to be
// unreachable is refused at once; a name is only judged when it is dialled.
func (g *Guard) Parse(text string) (*url.URL, error) {
	refused := func(detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Field: "url", Detail: detail, Mend: mend}
	}
	const write = "write it as https://host/path"
	if text == "" || len(text) > maxURL {
		return nil, refused("it is empty, or longer than 2048 bytes", write)
	}
	for _, r := range text {
		// Other alphabets, too: a fullwidth 127.0.0.1 is mapped to the plain one on its way to a resolver.
		if r <= ' ' || r >= 0x7f || r == '\\' {
			return nil, refused("it holds a space, a backslash, or a character that is not ASCII", "encode paths with %, and host names with xn--")
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return nil, refused("it is not a whole URL", write)
	}
	plain := u.Scheme == "http"
	if !plain && u.Scheme != "https" || plain && len(g.Allow) == 0 {
		return nil, refused("its scheme is not https", write)
	}
	if u.User != nil {
		return nil, refused("it holds a user name or password", "webhooks are signed: the receiver checks the signature")
	}
	if u.Fragment != "" || strings.Contains(text, "#") {
		return nil, refused("it has a fragment, which is never sent", "leave out # and what follows")
	}
	port := uint64(443)
	if plain {
		port = 80
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 || p[0] == '0' {
			return nil, refused("its port is not one", write)
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return nil, refused("its port is not one", write)
	}
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		if !g.reach(netip.AddrPortFrom(a, uint16(port)), plain) {
			return nil, refused("it is not an address that webhooks may reach", "it must be https on the public internet, port 443 or 8443; the operator can allow others (webhooks.allow)")
		}
		return u, nil
	}
	if !name(host) {
		return nil, refused("its host is neither a name nor an address", write)
	}
	if len(g.Allow) == 0 && !slices.Contains(ports, uint16(port)) {
		return nil, refused("its port is neither 443 nor 8443", "put the receiver behind one of them; the operator can allow others (webhooks.allow)")
	}
	return u, nil
}

// name tells whether a host is a DNS name. One whose last label is a number is
// none: resolvers of the C library read 2130706433, 0x7f.1 and 0177.0.0.1 as
// 127.0.0.1.
func name(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := range len(l) {
			switch c := l[i]; {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x") && !strings.HasPrefix(last, "0X")
}
