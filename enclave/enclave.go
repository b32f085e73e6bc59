package enclave

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"awase/aggregator"
	"awase/crypto/approval"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/sandbox"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// hexID is a 32-byte name in the record log.
type hexID [32]byte

// MarshalText gives the id in hex.
func (h hexID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText reads the id from hex.
func (h *hexID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(h) {
		return errors.New("an id has 64 hex digits")
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Options says how the enclave is opened.
type Options struct {
	Logger *slog.Logger     // nil: discards. It sees no identifier, hash or token
	Now    func() time.Time // nil: time.Now
	Socket string           // where it will be served, for those who try to open the vault meanwhile; "": nowhere
	// Confined is what confines the process; nil: nothing does. A vault with officers
	// is then refused, and receipts of a dev vault say so.
	Confined *sandbox.Statement
	Prepared *vault.Prepared // what a confined process brought with it; nil: nothing
	Key      vault.KeySource // where the vault key is kept; nil: the file beside the vault
	Inbox    string          // where sealed files lie that StartWork names; "": nowhere
	Outbox   string          // where deliveries are written that the front gives out; "": nowhere, and none is made
	Backups  string          // where a confined process writes backups; "": nowhere
	// Officers: a vault made at first use waits for its key ceremony (Init), and until
	// then takes nothing that officers sign for; without it, it is a dev vault.
	Officers bool
	// Practice: a vault made at first use is a dev vault whose people are made up, for
	// ever; one that is there and is none is refused.
	Practice bool
	Build    string // SHA-256 of the program in hex, for Attestation
	// Remote gives the engine that is configured, opened; nil: none is. It is called
	// when that engine is needed, again where it failed, which a room outlives. owner,
	// hex, names the vault: by it an engine tells its tables from those of another room.
	Remote func(ctx context.Context, owner string) (Remote, error)
	Engine RemoteEngine // what is said of it
	// RemoteShards names its shards: the servers and the database of each. The record
	// log keeps a keyed digest of each name, and other servers are not taken for them.
	RemoteShards []string

	boot       func() (string, func() (time.Duration, error)) // nil: the machine's boot clock, or none where Now is set
	unconfined bool                                           // a vault with officers may be opened all the same
	fs         vault.FS                                       // nil: the disk; tests put one that fails here
	book       func(aggregator.Book) aggregator.Book          // nil: the record log; tests put one that is wrong here
	counts     func(matcher.Engine) matcher.Engine            // nil: the engine as it is; likewise
	byHand     bool                                           // tests: what is due, of campaigns and of retention, waits for who asks for it
}

// Enclave serves one vault. It is safe for concurrent use: acts that change the
// vault take turns, and no read waits for a load, nor for a count.
type Enclave struct {
	vault  *vault.Vault
	log    *slog.Logger
	gate   *aggregator.Gate
	engine *matcher.Embedded // counts, unless the room was moved to outer
	outer  *outer
	self   self
	tokens [32]byte
	lists  [32]byte
	bases  [32]byte
	opener seal.PrivateKey // what files are sealed to

	signs      bool                                                         // officers sign for what widens what may leave
	controls   []control                                                    // of signatures; tests take one out, here and below
	partyRules []partyRule                                                  // of parties' documents
	message    func(*approval.Statement) ([]byte, error)                    // what officers sign
	valid      func(officer) bool                                           // whose signatures count
	concerns   func(act string, document json.RawMessage) ([]string, error) // the parties that sign an act
	needed     func(parties []string, signed []signature) []string          // the parties whose officer has to sign yet
	address    func(wire.Terms, string) seal.Address                        // by which a sealed file is opened
	stopOf     func(party string) *freezeRecord                             // the freeze that a party's next one would be nothing beside
	stopped    func() error                                                 // what an answer is refused for that is ready
	again      func(d *demand) (*asked, *issued, error)                     // what a question is charged as
	asker      func(f entrustment.Facts, party string) error                // whose people may ask
	question   func(f entrustment.Facts, a entrustment.Ask) error           // what they may ask
	domain     func(field, name string, domain []string) error              // what a column of a list may hold
	lapsed     func(*asked) error                                           // what is refused whose contract's days are over
	keysOf     func(id, name string) *listRecord                            // the list under an entrustment by whose keys a log names its users
	ownerOfLog func(*eventsRecord) aggregator.Owner                         // who is charged for what is read of a party's log

	journal *journal // the log as people read it; has a lock of its own

	work *work // jobs; likewise

	loads   turns      // held by a load from its first byte on, so that loads take turns; taken before mu. Tests take it out
	mu      sync.Mutex // guards what follows, and the order of the log's acts
	state   *state
	loaded  map[hexID]bool    // populations and lists that the engine holds
	from    map[hexID]string  // of a population: the segment that the engine's base is of
	inUse   map[hexID]*pinned // what questions that run read
	retired map[hexID]bool    // held only for those
	bound   map[boundLog]bool
	ending  map[string]int // entrustments whose end waits for questions under way
	asking  map[string]int // by entrustment: questions that run
	letGo   chan struct{}  // closed when a question ends
	gone    []token.Token  // users under tombstones in the base; appended to, or another slice
	missing []int64        // numbers of requests that can't be read back
	unread  []int64        // likewise, of those for disclosure: nothing that is released hangs on them
	copying map[string]int // segments that backups copy, a load reads, and a delivery reads or writes

	suppressed map[token.Token]suppressed                          // who asked for deletion or a stop of use
	requestsOf map[token.Token][]int64                             // all their requests of that sort
	unlifted   bool                                                // whose requests the base lifts can't be read back
	agreed     func(consent int32, s suppressed, today int32) bool // whether a consent lifts; tests take it out, as what follows
	liftedID   func(lifts) hexID                                   // what a population has in its name of those whose requests it lifts
	pending    func(number int64) bool                             // whether what was pinned before a request is still to be charged

	finds       turns                       // held while a disclosure is looked up
	fitsDesk    func(*disclosureDraft) bool // whether a disclosure is to the key that is pinned; tests take it out, as what follows
	disclosedOn func(entrustment.Date) int  // how many were made on a day
	toldLogs    func() []*eventsRecord      // the event logs that a disclosure tells of

	retention retention

	disk           vault.FS                                         // of the outbox
	deliveries     turns                                            // held while a delivery is made
	campaignsDue   kicker                                           // wakes who makes them
	toldOf         func(*entrustment.Contract) []string             // groups that pay for a delivery beside its receiver's; tests take it out
	delivering     map[uploadID]bool                                // files of the outbox on their way
	deliveryFailed map[failing]*deliveryFailed                      // what was refused of campaigns
	paced          func(ctx context.Context, begun time.Time) error // waits for the tick at which a delivery is there; tests take it out
}

var _ wire.Enclave = (*Enclave)(nil)

// Open opens the vault at dir, or makes one there at first use, by default a dev
// vault.
func Open(ctx context.Context, dir string, o Options) (*Enclave, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Officers && !o.unconfined && !vault.Made(dir) { // before one is made that is of no use
		if err := o.enough(); err != nil {
			refusal := *entrustment.Public(err)
			refusal.Mend = "serve it where a process can be confined (docs/confinement.md), or make a dev vault with --dev"
			return nil, &refusal
		}
	}
	v, err := openVault(ctx, dir, o)
	if errors.Is(err, vault.ErrPractice) {
		return nil, there(vault.ErrPractice.Error())
	}
	if err != nil {
		return nil, err
	}
	if !v.Dev() && !o.unconfined {
		if err := o.enough(); err != nil {
			return nil, errors.Join(err, v.Close())
		}
	}
	e := &Enclave{
		vault: v, log: o.Logger, self: self{o.Confined, o.Build, o.Inbox, o.Outbox, o.Backups}, engine: matcher.NewEmbedded(), outer: newOuter(o, v.Subkey("engine servers")), tokens: v.Subkey("tokens"), lists: v.Subkey("list ids"),
		bases: v.Subkey("base digests"), signs: !v.Dev(), state: newState(), loaded: map[hexID]bool{}, from: map[hexID]string{}, inUse: map[hexID]*pinned{}, retired: map[hexID]bool{}, bound: map[boundLog]bool{},
		ending: map[string]int{}, asking: map[string]int{}, letGo: make(chan struct{}), journal: newJournal(), work: newWork(), loads: make(oneTurn, 1), copying: map[string]int{}, suppressed: map[token.Token]suppressed{},
		requestsOf: map[token.Token][]int64{}, finds: make(oneTurn, 1), disk: vault.Disk(o.fs), deliveries: make(oneTurn, 1), campaignsDue: make(kicker, 1), delivering: map[uploadID]bool{}, deliveryFailed: map[failing]*deliveryFailed{},
	}
	if e.opener, err = seal.DeriveKey(seal.XWing, v.Subkey("sealed files")); err != nil {
		return nil, errors.Join(fmt.Errorf("deriving the sealing key: %w", err), v.Close())
	}
	var records aggregator.Book = book{v.Log()}
	if o.book != nil {
		records = o.book(records)
	}
	counts := matcher.Opening(e.opened, e.uncounted)
	if o.counts != nil {
		counts = o.counts(counts)
	}
	e.gate = aggregator.New(counts, records, clock{v.Log()}, aggregator.Keys{Noise: v.Subkey("noise"), Digest: v.Subkey("cell digests")})
	log := v.Log().Records()
	for i := range log {
		if err := e.state.fold(&log[i], e.gate); err != nil {
			return nil, errors.Join(err, v.Close())
		}
	}
	e.address, e.concerns, e.needed = addressOf, e.concerned, e.needs
	e.agreed, e.liftedID, e.pending = agreedAgain, e.liftedDigest, e.pinnedBefore
	e.controls, e.partyRules, e.message, e.valid, e.stopped = approvalControls, partyRules, (*approval.Statement).Message, e.state.stands, e.frozen
	e.stopOf = e.state.stopOf
	e.again, e.lapsed, e.asker, e.question = e.decideReport, e.runsOut, entrustment.DecideAsker, entrustment.DecideAsk
	e.domain, e.keysOf, e.ownerOfLog = entrustment.CheckDomain, e.state.list, e.logOwner
	e.fitsDesk, e.disclosedOn, e.toldLogs = e.atDesk, e.state.madeOn, e.ownLogs
	e.paced = e.atTick
	e.toldOf = e.toldGroups
	e.retention = e.newRetention()
	if err := e.acceptApproved(); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	if err := e.settle(ctx); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	life := e.work.life
	if !o.byHand {
		e.work.all.Go(func() { e.keepTo(life) })
		e.work.all.Go(func() { e.keepDelivering(life) })
	}
	if o.Remote != nil { // the room opens whether it is there or not
		e.outer.kick()
		e.work.all.Go(func() { e.tending(life) })
	}
	return e, nil
}

// openVault opens a vault, or makes one where there is none.
func openVault(ctx context.Context, dir string, o Options) (*vault.Vault, error) {
	v, err := vault.Open(ctx, dir, vault.Options{Now: o.Now, Boot: o.boot, Logger: o.Logger, FS: o.fs, Production: o.Officers, Practice: o.Practice, Socket: o.Socket, Prepared: o.Prepared, Key: o.Key})
	if served, ok := errors.AsType[*vault.ServedError](err); ok {
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "vault", Detail: served.Error(),
			Mend: "use --enclave " + served.Socket + " in place of --vault, or end the service first"}
	}
	return v, err
}

// settle does, at an opening, what a process that died left to do.
func (e *Enclave) settle(ctx context.Context) error {
	if err := e.takeStock(); err != nil {
		return err
	}
	if err := e.expire(); err != nil {
		return err
	}
	if err := errors.Join(e.vault.Sweep(e.segments()), e.sweepOutbox()); err != nil {
		return err
	}
	e.readRequests()
	return e.finishEnds(ctx)
}

// Close ends the service: jobs that run are cancelled, and waited for.
func (e *Enclave) Close() error {
	e.work.end()
	return errors.Join(e.outer.disconnect(), e.vault.Close())
}

// append writes an act and folds it in.
func (e *Enclave) append(kind string, body any) (*vault.Record, error) {
	r, err := e.vault.Log().Append(kind, body)
	if err != nil {
		return nil, err
	}
	return r, e.state.fold(r, e.gate)
}

// refuse logs a refusal and gives it back. A fault of ours is no refusal.
func (e *Enclave) refuse(act, entrustmentID string, err error) error {
	return e.refuseTo("", act, entrustmentID, err)
}

// refuseTo is refuse, of a question that people of a party asked.
func (e *Enclave) refuseTo(party, act, entrustmentID string, err error) error {
	return e.refuseAs(refusalRecord{Act: act, AskedBy: party}, entrustmentID, err)
}

// refuseFile is refuse, of a file of a party, "": of that whose lists are joined.
func (e *Enclave) refuseFile(party, act, entrustmentID string, err error) error {
	switch t, terr := e.terms(entrustmentID); {
	case party == "" || terr == nil && t.Party == party:
		party = ""
	case e.inRoom(party) == "": // who brought it runs the room
		if op, operr := e.operator(); operr == nil {
			party = op.ID
		}
	}
	return e.refuseAs(refusalRecord{Act: act, Of: party}, entrustmentID, err)
}

// refuseAs logs a refusal, of what record says of the act.
func (e *Enclave) refuseAs(record refusalRecord, entrustmentID string, err error) error {
	refusal, ok := errors.AsType[*entrustment.Error](err)
	if reason, silent := aggregator.Reason(err); silent {
		refusal = &entrustment.Error{Code: entrustment.CodeInternal, Clause: reason}
	} else if !ok || refusal.Code == entrustment.CodeInternal || refusal.Code == entrustment.CodeEngine {
		return err
	}
	asker, of := record.AskedBy, record.Of
	record.Code, record.Clause, record.AskedBy, record.Of = refusal.Code, refusal.Clause, "", ""
	if _, ok := e.state.contracts[entrustmentID]; ok { // the log repeats no text that a stranger made up
		record.Entrustment, record.Contract = entrustmentID, refusal.Contract
		record.AskedBy, record.Of = e.inRoom(asker), e.inRoom(of)
	}
	_, logErr := e.append(kindRefusal, record)
	if logErr != nil {
		return fmt.Errorf("logging a refusal: %w", logErr)
	}
	return err
}

// inRoom gives a party of the room, "" of another: the log repeats no text that a
// stranger made up.
func (e *Enclave) inRoom(party string) string {
	if e.state.parties[party] == nil {
		return ""
	}
	return party
}

// facts gives what decisions depend on. c is nil for what is under no contract.
func (e *Enclave) facts(c *entrustRecord) entrustment.Facts {
	f := entrustment.Facts{Now: e.vault.Log().Now(), Parties: e.state.parties, Policies: e.state.policies}
	if c != nil {
		f.Contract, f.Version = c.Contract, c.Version
	}
	if e.state.base != nil {
		f.Base = e.state.base.Schema
	}
	return f
}

// contract finds an active entrustment.
func (e *Enclave) contract(id string) (*entrustRecord, error) {
	c, ok := e.state.contracts[id]
	if err := e.over(id); err != nil {
		return nil, err
	}
	if !ok {
		return nil, entrustment.NoEntrustment(id)
	}
	return c, nil
}

// operator gives the party that owns the base.
func (e *Enclave) operator() (*entrustment.Party, error) {
	if p := e.state.operator(); p != nil {
		return p, nil
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "party",
		Detail: "there is no operator yet", Mend: "add the party of class operator with awase party add"}
}

// operator gives the party that owns the base, nil: there is none yet.
func (s *state) operator() *entrustment.Party {
	for _, p := range s.parties {
		if p.Class == entrustment.ClassOperator {
			return p
		}
	}
	return nil
}

// book writes the gate's records.
type book struct{ log *vault.Log }

func (b book) Charge(_ context.Context, c []aggregator.Charge) (time.Time, error) {
	return b.append(kindCharge, chargeRecord{c})
}

func (b book) Store(_ context.Context, t *aggregator.Table) (time.Time, error) {
	return b.append(kindTable, t)
}

func (b book) Alarm(_ context.Context, a aggregator.Alarm) error {
	_, err := b.append(kindAlarm, a)
	return err
}

func (b book) Reserve(_ context.Context, r *aggregator.Reservation) error {
	_, err := b.append(kindReserve, r)
	return err
}

func (b book) Free(_ context.Context, name string) error {
	_, err := b.append(kindFree, freeRecord{name})
	return err
}

func (b book) append(kind string, body any) (time.Time, error) {
	r, err := b.log.Append(kind, body)
	if err != nil {
		return time.Time{}, err
	}
	return r.Time, nil
}

// clock is the log's time.
type clock struct{ log *vault.Log }

func (c clock) Now() time.Time { return c.log.Now() }

// SleepUntil measures the wait once, on the log's time, and sleeps it on the
// monotonic clock.
func (c clock) SleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(t.Sub(c.log.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
