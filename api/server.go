package api

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"awase/api/account"
	"awase/web"
)

// Limits of the border.
const (
	maxBody    = 1 << 20 // bytes of a JSON body: a document may have that many
	maxHeader  = 16 << 10
	headerWait = 10 * time.Second
	bodyWait   = 30 * time.Second // for all of a JSON body
	answerWait = 60 * time.Second // for who asked to take an answer that is not a stream
	idleWait   = 2 * time.Minute
)

// Options is what a server is made of.
type Options struct {
	Enclave Enclave
	Store   Store
	Auth    Authenticator    // nil: the sessions and tokens of Store
	Logger  *slog.Logger     // nil: discards. It gets who asked what and how it ended, nothing of what was asked
	Now     func() time.Time // nil: time.Now
	Version string           // of the program, for people
	Metrics Metrics          // nil: nobody counts

	Rate RateOptions
	// TrustedProxies are whose word is taken on the address that a request came from
	// (X-Forwarded-For). None: the address is that of the connection.
	TrustedProxies []netip.Prefix
	BodyWait       time.Duration // for all of a JSON body; 0: 30 s

	OperatorParty string       // id of the party that runs the room; "": none does yet
	PublicURL     string       // how people reach the room, as https://room.example; "": as they ask
	Passwords     account.Cost // of one password hash; zero: RFC 9106's second recommendation
	OIDC          *OIDCOptions // nil: people sign in by password alone
	// Practice: the service was started to rehearse, and listens on the loopback alone.
	// Where the enclave says that the room's people are made up, too, the accounts of
	// MakeAccounts are entered without a password.
	Practice bool
	Page     *web.Site // what people see in a browser; nil: what this program holds

	Reports string // the directory of releases
	Jobs    JobOptions

	Inbox   string // the directory of uploads' files, where the enclave reads them
	Uploads UploadOptions

	Outbox      string        // the directory of deliveries' files, where the enclave writes them
	Watch       time.Duration // how often the room is asked whether a delivery's file may go on going out; 0: each second
	DeliverWait time.Duration // how long who asks for a delivery waits for it; 0: 45 s

	Hooks HookOptions

	without map[control]bool // tests take one out, to see the attack that it stops succeed
}

// control is something that stops an attack.
type control string

const (
	controlParty    control = "rows are of parties"
	controlAsk      control = "a party that is joined alone asks nothing"
	controlKeys     control = "keys once, in their letters"
	controlLength   control = "a body has an end"
	controlTime     control = "a body has its time"
	controlOnce     control = "a key is of one request"
	controlPath     control = "an address has one form"
	controlTogether control = "a person's tokens are one asker"
	controlSize     control = "a list's size is its party's"
	controlAway     control = "what was begun under a key is ended"
	controlShare    control = "a party's jobs do not fill the enclave"
	controlJobs     control = "a party's jobs are so many"
	controlState    control = "the way back is the browser's that began"
	controlNonce    control = "a token is of the sign-in that was begun"
	controlRead     control = "the room decides what is read of reports"
	controlReceiver control = "a delivery is its receiver's"
	controlPractice control = "a room in earnest is entered by who is somebody"
	controlFile     control = "the room decides while a delivery's file goes out"
)

func (o *Options) holds(c control) bool { return !o.without[c] }

// Metrics counts what the server answers.
type Metrics interface {
	// Observe is called once an answer: op is the operation's name, "none" where
	// there is none of that address.
	Observe(op string, status int, took time.Duration)
}

// Server answers /v1. It is safe for concurrent use.
type Server struct {
	Options
	engine  *gin.Engine
	access  map[string]access
	rates   *rates
	hub     *hub
	reports *reportFiles
	layouts chan struct{} // reports and evidence that are being laid out as files
	inbox   *inbox
	tus     *tusServer
	hooks   *hooks
	pages   pages
	begins  sync.Mutex // held from a look at a party's jobs to the beginning of another
	puts    sync.Mutex // held from If-Match to what it allows
	ready   readiness

	hasher  *account.Hasher
	origins *http.CrossOriginProtection
	oidc    *provider // nil: none
	swept   atomic.Int64
	began   time.Time
}

// endpoint is one operation of the contract.
type endpoint struct {
	op     string // its operationId in openapi.yaml, and its row in access.yaml
	method string
	path   string // as gin writes it: /v1/lists/:list
	handle func(*call) (*answer, error)
}

// endpoints are all operations, by subject.
func (s *Server) endpoints() []endpoint {
	var all []endpoint
	for _, some := range [][]endpoint{
		s.contractEndpoints(), s.roomEndpoints(), s.peopleEndpoints(), s.uploadEndpoints(), s.dataEndpoints(), s.reportEndpoints(), s.jobEndpoints(), s.hookEndpoints(), s.campaignEndpoints(), s.deliveryEndpoints(),
	} {
		all = append(all, some...)
	}
	return all
}

// New makes a server.
func New(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.BodyWait == 0 {
		o.BodyWait = bodyWait
	}
	o.Watch, o.DeliverWait = cmp.Or(o.Watch, time.Second), cmp.Or(o.DeliverWait, deliverWait)
	s := &Server{Options: o, began: o.Now(), rates: newRates(o.Rate), hub: newHub(), layouts: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)/2))}
	s.hooks = newHooks(&s.Options)
	var err error
	if s.access, err = readAccess(); err != nil {
		return nil, err
	}
	if s.pages, err = makePages(); err != nil {
		return nil, err
	}
	if s.Page == nil {
		if s.Page, err = web.Embedded(); err != nil {
			return nil, err
		}
	}
	if err := s.openPeople(); err != nil {
		return nil, err
	}
	s.Jobs = s.Jobs.orDefault()
	if s.reports, err = openReports(o.Reports); err != nil {
		return nil, err
	}
	s.Uploads = s.Uploads.orDefault()
	if s.inbox, err = openInbox(o.Inbox); err != nil {
		return nil, err
	}
	if s.tus, err = s.newTus(); err != nil {
		return nil, fmt.Errorf("making the server: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.UseRawPath = false
	if err := s.engine.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("making the server: %w", err)
	}
	s.engine.NoRoute(s.site)
	s.engine.NoMethod(s.plain(errNoMethod))
	all := s.endpoints()
	for _, e := range all {
		row, ok := s.access[e.op]
		if !ok {
			return nil, fmt.Errorf("access.yaml has no row for %s", e.op)
		}
		s.engine.Handle(e.method, e.path, s.serve(e))
		// What can be read can be asked whether it changed. A stream has no end to
		// wait for, and a library that answers for itself says what it takes.
		if e.method == http.MethodGet && !row.Streams && !slices.ContainsFunc(all, func(o endpoint) bool { return o.method == http.MethodHead && o.path == e.path }) {
			s.engine.HEAD(e.path, s.serve(e))
		}
	}
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	// Of a connection that is used again: what the request before left does not
	// count, and a body that nobody reads is not waited for without end.
	_ = control.SetWriteDeadline(time.Time{}) // a recorder of a test has none, here and below
	if s.holds(controlTime) {
		_ = control.SetReadDeadline(time.Now().Add(s.BodyWait))
	}
	if s.holds(controlPath) && !plainPath(r.URL) {
		// None of our addresses is written so: what the router makes of it is not asked.
		nowhere := *r
		nowhere.URL = &url.URL{Path: "/-"}
		r = &nowhere
	}
	s.engine.ServeHTTP(w, r)
}

// HTTP gives the server that serves h with the limits of the border.
func HTTP(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		ErrorLog: log.New(io.Discard, "", 0)} // it repeats what strangers sent
}

// Authenticator tells who sends a request.
type Authenticator interface {
	// Authenticate gives who sends r; nil: nobody that it says. An error is that
	// what it shows is not, or no longer, good.
	Authenticate(ctx context.Context, r *http.Request) (*Principal, error)
}
