package config

import (
	"math"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

type (
	nets []netip.Prefix
	span time.Duration
)

// aNets is a key of networks or single addresses.
func aNets(name, example, doc string, of func(*Config) *nets) Key {
	return Key{Name: name, Doc: doc, Type: "array", List: true, Example: example, set: func(c *Config, text []string) (string, string) {
		var out nets
		for _, s := range text {
			p, err := netip.ParsePrefix(s)
			if a, aerr := netip.ParseAddr(s); aerr == nil && a.Zone() == "" {
				p, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
			if err != nil || p != p.Masked() {
				return "one of them is no network", "write an address, or its network as 10.0.0.0/8"
			}
			out = append(out, p)
		}
		*of(c) = out
		return "", ""
	}}
}

func aNumber(name, preset, example, doc string, low, high int64, put func(*Config, int64)) Key {
	return Key{Name: name, Doc: doc, Type: "integer", Example: example, preset: preset, set: func(c *Config, text []string) (string, string) {
		n, err := strconv.ParseInt(text[0], 10, 64)
		if err != nil || n < low || n > high {
			return "it is no whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10), "write one"
		}
		put(c, n)
		return "", ""
	}}
}

func aReal(name, preset, example, doc string, of func(*Config) *float64) Key {
	return Key{Name: name, Doc: doc, Type: "number", Example: example, preset: preset, set: func(c *Config, text []string) (string, string) {
		f, err := strconv.ParseFloat(text[0], 64)
		if err != nil || math.IsNaN(f) || f < 0.01 || f > 1_000_000 {
			return "it is no number from 0.01 to 1000000", "write one"
		}
		*of(c) = f
		return "", ""
	}}
}

var units = map[string]int64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

var sized = regexp.MustCompile(`^([0-9]{1,12})(B|KiB|MiB|GiB|TiB)?$`)

func aSize(name, preset, example, doc string, of func(*Config) *int64) Key {
	return Key{Name: name, Doc: doc, Type: "string", Example: example, preset: preset, set: func(c *Config, text []string) (string, string) {
		m := sized.FindStringSubmatch(text[0])
		if m == nil {
			return "it is no size", "write it as 64GiB, 512MiB or a number of bytes"
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/units[m[2]] {
			return "it is no size that there is", "write it as 64GiB, 512MiB or a number of bytes"
		}
		*of(c) = n * units[m[2]]
		return "", ""
	}}
}

func aSpan(name, preset, example, doc string, of func(*Config) *span) Key {
	return Key{Name: name, Doc: doc, Type: "string", Example: example, preset: preset, set: func(c *Config, text []string) (string, string) {
		d, err := time.ParseDuration(text[0])
		if err != nil || d < time.Minute || d > 366*24*time.Hour {
			return "it is no span of time from a minute to a year", "write it as 48h or 90m"
		}
		*of(c) = span(d)
		return "", ""
	}}
}

// aKeySource is where a vault key is kept.
func aKeySource(name, example, doc string, of func(*Config) *string) Key {
	k := aText(name, "", example, doc, of, func(s string) (string, string) {
		form, at, _ := strings.Cut(s, ":")
		if at == "" || form != "file" && form != "credential" && form != "command" {
			return "it names no place of a key", "write file:PATH, credential:NAME or command:LINE"
		}
		return "", ""
	})
	k.Secret, k.path, k.text = "form", true, of // a command may hold a secret
	return k
}

func wrongListen(s string) (string, string) {
	if s == NoFront {
		return "", ""
	}
	return wrongAt(s)
}

// wrongAt wants an address of a machine: a name would be looked up, and may come
// to mean another.
func wrongAt(s string) (string, string) {
	at, err := netip.ParseAddrPort(s)
	if err != nil || at.Addr().Zone() != "" {
		return "it is no address with a port", "write it as 127.0.0.1:8740 or [::1]:8740"
	}
	return "", ""
}

// Loopback tells whether an address of the configuration is this machine's alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

var anID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func wrongID(s string) (string, string) {
	if !anID.MatchString(s) {
		return "it is no id of a party", "write that of party.yaml: small letters, digits and hyphens"
	}
	return "", ""
}

func wrongWord(s string) (string, string) {
	if s == "" || len(s) > 255 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "it is no single word", "write it without spaces, in ASCII"
	}
	return "", ""
}

func wrongAddress(s string) (string, string) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return "it is no mail address", "write it as awase@example.jp"
	}
	return "", ""
}

// wrongURL wants https, or http to this machine; no user, query or fragment.
func wrongURL(s string) (string, string) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return "it is no address of a page", "write it as https://login.example.jp"
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	if local := host == "localhost" || ip != nil && ip.IsLoopback(); u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "it is not https", "write https://…; http:// is for this machine alone"
	}
	return "", ""
}

func publicURL(c *Config, text []string) (string, string) {
	s := strings.TrimSuffix(text[0], "/")
	if detail, mend := wrongURL(s); detail != "" {
		return detail, mend
	}
	if u, err := url.Parse(s); err != nil || u.Path != "" {
		return "it has a path", "the service answers at the root of a name: leave the path out"
	}
	c.PublicURL = s
	return "", ""
}
