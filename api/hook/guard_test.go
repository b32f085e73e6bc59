package hook

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"awase/internal/freeport"
)

// Which addresses may be reached, on the port that https has.
func TestAddresses(t *testing.T) {
	for _, row := range []struct {
		addr string
		is   bool
	}{
		{"93.184.215.14", true}, {"1.1.1.1", true}, {"2606:4700::1111", true}, {"2a00:1450:4001::1", true},
		{"::ffff:93.184.215.14", true}, {"64:ff9b::5db8:d70e", true}, // the same host by IPv6
		{"127.0.0.1", false}, {"127.9.9.9", false}, {"::1", false},
		{"0.0.0.0", false}, {"0.1.2.3", false}, {"::", false},
		{"10.0.0.1", false}, {"172.16.0.1", false}, {"172.31.255.255", false}, {"172.32.0.1", true}, {"192.168.1.1", false},
		{"100.64.0.1", false}, {"100.127.255.255", false}, {"100.128.0.1", true},
		{"169.254.169.254", false}, {"169.254.0.1", false}, // metadata of most clouds
		{"100.100.100.200", false}, {"192.0.0.192", false}, {"168.63.129.16", false}, {"fd00:ec2::254", false}, // of others
		{"224.0.0.1", false}, {"239.1.1.1", false}, {"ff02::1", false}, {"ff0e::1", false},
		{"255.255.255.255", false}, {"240.0.0.1", false}, {"192.0.2.1", false}, {"198.18.0.1", false}, {"198.51.100.1", false}, {"203.0.113.1", false}, {"192.88.99.1", false},
		{"fe80::1", false}, {"fe80::1%eth0", false}, {"fc00::1", false}, {"fd12::1", false}, {"fec0::1", false},
		{"::ffff:127.0.0.1", false}, {"::ffff:10.0.0.1", false}, {"::ffff:169.254.169.254", false}, {"::127.0.0.1", false},
		{"64:ff9b::7f00:1", false}, {"64:ff9b::a00:1", false}, {"64:ff9b::a9fe:a9fe", false}, {"64:ff9b:1::1", false}, // NAT64
		{"2002:7f00:1::", false}, {"2002:a00:1::1", false}, {"2002:5db8:d70e::1", false}, // 6to4
		{"2001::1", false}, {"2001:db8::1", false}, {"3fff::1", false}, {"100::1", false}, {"5f00::1", false}, {"4000::1", false},
	} {
		a := netip.MustParseAddr(row.addr)
		g := &Guard{}
		to := netip.AddrPortFrom(a, 443)
		if got := g.reach(to, false); got != row.is {
			t.Errorf("%s by https: %v", a, got)
		}
		if g.reach(to, true) {
			t.Errorf("%s is reached by http", a)
		}
		if err := g.control(false)("tcp6", to.String(), nil); (err == nil) != row.is {
			t.Errorf("dialling %s: %v", to, err)
		}
		for _, port := range []uint16{22, 25, 80, 6379, 9200} {
			if g.reach(netip.AddrPortFrom(a, port), false) {
				t.Errorf("%s is reached on port %d", a, port)
			}
		}
		// What the operator allows is reached however it is.
		if a.Zone() == "" {
			open := &Guard{Allow: []netip.Prefix{netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())}}
			if !open.reach(netip.AddrPortFrom(a, 8080), true) {
				t.Errorf("%s was allowed, and is not reached", a)
			}
		}
	}
	for _, network := range []string{"udp4", "unix", "ip4"} {
		if (&Guard{}).control(false)(network, "93.184.215.14:443", nil) == nil {
			t.Errorf("%s is dialled", network)
		}
	}
}

// Which URLs are taken as written.
func TestURLs(t *testing.T) {
	inside := &Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for _, row := range []struct {
		url   string
		guard *Guard
		is    bool
	}{
		{"https://example.com", nil, true}, {"https://example.com:8443/a/b?c=d", nil, true}, {"https://xn--r8jz45g.jp/%E3%81%82", nil, true},
		{"https://93.184.215.14/", nil, true}, {"https://[2606:4700::1111]/", nil, true}, {"https://example.com./", nil, true}, {"HTTPS://EXAMPLE.com/", nil, true},
		{"http://example.com/", nil, false}, {"ftp://example.com/", nil, false}, {"file:///etc/passwd", nil, false}, {"gopher://example.com/", nil, false}, {"//example.com/", nil, false}, {"example.com", nil, false}, {"https:example.com", nil, false}, {"https:///x", nil, false}, {"", nil, false},
		{"https://u:p@example.com/", nil, false}, {"https://example.com@127.0.0.1/", nil, false}, {"https://@example.com/", nil, false},
		{"https://example.com/#x", nil, false}, {"https://example.com/#", nil, false},
		{"https://example.com:22/", nil, false}, {"https://example.com:0/", nil, false}, {"https://example.com:65536/", nil, false}, {"https://example.com:/", nil, false}, {"https://example.com:443:1/", nil, false}, {"https://example.com:-1/", nil, false},
		{"https://127.0.0.1/", nil, false}, {"https://[::1]/", nil, false}, {"https://[::ffff:127.0.0.1]/", nil, false}, {"https://[64:ff9b::7f00:1]/", nil, false}, {"https://[fe80::1%25eth0]/", nil, false}, {"https://0/", nil, false},
		{"https://2130706433/", nil, false}, {"https://0x7f000001/", nil, false}, {"https://0x7f.1/", nil, false}, {"https://127.1/", nil, false}, {"https://0177.0.0.1/", nil, false}, {"https://127.0.0.1./", nil, false}, {"https://a.0x7f/", nil, false},
		{"https://１２７.０.０.１/", nil, false}, {"https://①②⑦.⓪.⓪.①/", nil, false}, {"https://例え.jp/", nil, false}, {"https://127。0。0。1/", nil, false},
		{"https://exa mple.com/", nil, false}, {"https://example.com/a b", nil, false}, {"https://example.com\\@127.0.0.1/", nil, false}, {"https://example.com/\r\nX: y", nil, false}, {"https://example.com/\x00", nil, false}, {"https://exa%6dple.com/", nil, false}, {"https://exam\tple.com/", nil, false},
		{"https://-a.com/", nil, false}, {"https://a..com/", nil, false}, {"https://" + strings.Repeat("a", 64) + ".com/", nil, false}, {"https://example.com/" + strings.Repeat("a", 2048), nil, false},
		{"http://10.1.2.3:8080/", inside, true}, {"https://10.1.2.3/", inside, true}, {"http://hooks.internal:8080/", inside, true}, // where the name leads is seen when it is dialled
		{"http://10.2.2.3/", inside, false}, {"http://93.184.215.14/", inside, false}, {"https://127.0.0.1/", inside, false}, {"https://169.254.169.254/", inside, false},
	} {
		g := row.guard
		if g == nil {
			g = &Guard{}
		}
		if _, err := g.Parse(row.url); (err == nil) != row.is {
			t.Errorf("%q: %v", row.url, err)
		}
	}
}

// names is a name server on the loopback.
type names struct {
	conn  net.PacketConn
	asked atomic.Int64
	// answer gives the addresses of a name; n counts the askings.
	answer func(name string, n int64) netip.Addr
}

func serveNames(t *testing.T, answer func(name string, n int64) netip.Addr) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn, answer: answer}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
		// IPv4 alone: one asking of a client is one answer that counts.
		if q.Type == dnsmessage.TypeA {
			a := n.answer(strings.TrimSuffix(q.Name.String(), "."), n.asked.Add(1))
			reply.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: a.As4()}}}
		}
		raw, err := reply.Pack()
		if err != nil {
			return
		}
		if _, err := n.conn.WriteTo(raw, from); err != nil {
			return
		}
	}
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// inside is a service of the room's own network: it trusts who reaches it.
func inside(t *testing.T, address string) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var hits atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	_ = srv.Listener.Close()
	srv.Listener = l
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv, &hits
}

// Each trick to get the room to reach its own network: refused by the guard, and
// without it, a service there is reached.
func TestTricks(t *testing.T) {
	// A loopback address of this test's own, so that the port is one that the guard
	// would let through.
	own := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(255)), byte(1 + rand.IntN(254))})
	_, hits := inside(t, netip.AddrPortFrom(own, 8443).String())
	six, hits6 := inside(t, "[::1]:0")
	_, port6, _ := net.SplitHostPort(six.Listener.Addr().String())
	any4, hits4 := inside(t, "0.0.0.0:0")
	_, port4, _ := net.SplitHostPort(any4.Listener.Addr().String())
	b := own.As4()
	wide := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, own.String())
	for _, row := range []struct {
		trick, url string
		hits       *atomic.Int64
		fault      Fault
	}{
		{"the address", "https://" + own.String() + ":8443/", hits, FaultURL},
		{"mapped to IPv6", "https://[::ffff:" + own.String() + "]:8443/", hits, FaultURL},
		{"mapped, in hex", fmt.Sprintf("https://[::ffff:%02x%02x:%02x%02x]:8443/", b[0], b[1], b[2], b[3]), hits, FaultURL},
		{"IPv6", "https://[::1]:" + port6 + "/", hits6, FaultURL},
		{"unspecified", "https://0.0.0.0:" + port4 + "/", hits4, FaultURL},
		{"unspecified, IPv6", "https://[::]:" + port4 + "/", hits4, FaultURL},
		{"another alphabet", "https://" + wide + ":8443/", hits, FaultURL},
		{"user name", "https://example.com@" + own.String() + ":8443/", hits, FaultURL},
		{"a name that leads there", "https://example.com:8443/", hits, FaultAddress},
		{"a name with a dot", "https://example.com.:8443/", hits, FaultAddress},
	} {
		n := serveNames(t, func(string, int64) netip.Addr { return own })
		o := Options{resolver: n.resolver()}
		if r := New(o).Send(t.Context(), Message{URL: row.url, ID: "evt-1", Secrets: [][]byte{NewSecret()}}); r.Fault != row.fault || r.Status != 0 {
			t.Errorf("%s: %+v, want the fault %s", row.trick, r, row.fault)
		}
		if row.hits.Load() != 0 {
			t.Errorf("%s: the inside was reached", row.trick)
		}
		// The twin: the same client without the guard.
		if err := post(t.Context(), unguarded(o), row.url); err != nil || row.hits.Load() == 0 {
			t.Errorf("%s: without the guard the inside is not reached (%v): the trick is none", row.trick, err)
		}
		row.hits.Store(0)
	}
}

// A name that leads to the internet when it is checked and inside when it is
// dialled gains nothing.
func TestRebinding(t *testing.T) {
	own := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(255)), byte(1 + rand.IntN(254))})
	_, hits := inside(t, netip.AddrPortFrom(own, 8443).String())
	n := serveNames(t, func(_ string, n int64) netip.Addr {
		if n%2 == 1 {
			return netip.MustParseAddr("93.184.215.14")
		}
		return own
	})
	o := Options{resolver: n.resolver()}
	const at = "https://example.com:8443/"
	checked := func() bool {
		u, err := o.Guard.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		all, err := o.resolver.LookupNetIP(t.Context(), "ip4", u.Hostname())
		if err != nil {
			t.Fatal(err)
		}
		return o.Guard.reach(netip.AddrPortFrom(all[0], 8443), false)
	}
	if !checked() { // the first asking: the internet
		t.Fatal("the name does not lead to the internet at first")
	}
	if r := New(o).Send(t.Context(), Message{URL: at, ID: "evt-1", Secrets: [][]byte{NewSecret()}}); r.Fault != FaultAddress || hits.Load() != 0 {
		t.Fatalf("%+v, %d hits: want the fault address", r, hits.Load())
	}
	// The twin checks before it dials, as many do.
	if !checked() {
		t.Fatal("the third asking does not lead to the internet")
	}
	if err := post(t.Context(), unguarded(o), at); err != nil || hits.Load() != 1 {
		t.Fatalf("%v, %d hits: a check before dialling would have held", err, hits.Load())
	}
}

// A redirect leads nowhere, and no proxy of the environment is asked.
func TestRedirectAndProxy(t *testing.T) {
	var hits atomic.Int64
	loopback := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		hop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) }))
		m := Message{URL: hop.URL, ID: "evt-1", Secrets: [][]byte{NewSecret()}}
		if r := New(Options{Guard: loopback}).Send(t.Context(), m); r.Fault != FaultRedirect || r.Status != status || hits.Load() != 0 {
			t.Errorf("%d: %+v, %d hits", status, r, hits.Load())
		}
		if err := post(t.Context(), &http.Client{}, hop.URL); err != nil || hits.Load() != 1 {
			t.Errorf("%d: a client that follows is not led there (%v)", status, err)
		}
		hits.Store(0)
		hop.Close()
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer proxy.Close()
	// Not of the loopback, which proxies of the environment are never asked for.
	n := serveNames(t, func(string, int64) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	at := "http://" + strings.Replace(freeport.Address(t), "127.0.0.1", "example.com", 1)
	if r := New(Options{Guard: loopback, resolver: n.resolver()}).Send(t.Context(), Message{URL: at, ID: "evt-1", Secrets: [][]byte{NewSecret()}}); r.Fault != FaultConnect || hits.Load() != 0 {
		t.Errorf("%+v, %d hits: a proxy was asked", r, hits.Load())
	}
	// net/http reads the environment once a process: the twin is told of it.
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := post(t.Context(), &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u)}}, at); err != nil || hits.Load() != 1 {
		t.Errorf("a client with the proxy does not ask it (%v)", err)
	}
}

// unguarded is the sender's client with a dialer that has no guard, which trusts any
// server.
func unguarded(o Options) *http.Client {
	c := o.client(false)
	tr := c.Transport.(*http.Transport)
	tr.DialContext = (&net.Dialer{Resolver: o.resolver}).DialContext
	tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the twin of a test: what it reaches is what counts
	return c
}

func post(ctx context.Context, c *http.Client, at string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// What is taken can be sent to: it is https, to a host, a port and nobody else, and
// means the same when it is read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://example.com/a?b", "https://93.184.215.14:8443", "https://[2606:4700::1111]/", "https://u@example.com", "https://127.1/", "http://a/", "https://a.b:443/%41", "https://[::ffff:1.1.1.1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g := &Guard{}
		u, err := g.Parse(text)
		if err != nil {
			return
		}
		if u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Port() != "" && u.Port() != "443" && u.Port() != "8443" {
			t.Fatalf("%q was taken as %v", text, u)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !public(a) {
			t.Fatalf("%q: %v is not public", text, a)
		}
		again, err := g.Parse(u.String())
		if err != nil || again.Host != u.Host || again.Path != u.Path || again.RawQuery != u.RawQuery {
			t.Fatalf("%q was taken as %v, and then as %v (%v)", text, u, again, err)
		}
	})
}
