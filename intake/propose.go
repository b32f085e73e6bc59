package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"awase/crypto/identifier"
	"awase/entrustment"
	"awase/intake/table"
)

// headRows is how many rows a proposal looks at, and headMemory how many bytes
// of them it keeps.
const (
	headRows   = 1000
	headMemory = 16 << 20
)

// Certainty says how sure a guess is.
type Certainty string

// The certainties. A column that is unsure is dropped until somebody says what
// it is.
const (
	Certain Certainty = "certain" // header and values agree
	Likely  Certainty = "likely"  // one of them says so, the other nothing else
	Unsure  Certainty = "unsure"
)

// Ground is what a guess rests on.
type Ground string

// The grounds.
const (
	GroundConsent     Ground = "consent"       // the name speaks of it
	GroundConsentMore Ground = "consent-more"  // so does another column, and one counts
	GroundCookie      Ground = "cookie"        // a cookie without its namespace
	GroundLocated     Ground = "located"       // where somebody is
	GroundOwnNumber   Ground = "member-number" // the sender's own number of a person
	GroundDirect      Ground = "direct"        // a name, an address, a postcode
	GroundUnnamed     Ground = "unnamed"       // the column has no name
	GroundValues      Ground = "values"        // the name is unknown, the values show it
	GroundAgree       Ground = "agree"         // name and values agree
	GroundName        Ground = "name"          // the name says so; few or no values do
	GroundHashes      Ground = "hashes"        // of what, they don't show
	GroundFew         Ground = "few"           // few different values: it could be asked by
	GroundUnknown     Ground = "unknown"
	GroundDeclared    Ground = "declared" // list.yaml says so
)

// Guess is what a column seems to be.
type Guess struct {
	Position  int    // in the file, from 1
	Column    string // its name in the header
	Use       string // an identifier kind, "consent", "drop", or "open": undecided
	Holds     string // "raw", "sha256", "raw and sha256", "md5", "sha1", "other", "empty"
	Certainty Certainty
	Why       string
	Ground    Ground // Why, for a program
	Sent      string // what leaves the desk
	Filled    int    // of the rows looked at
	Hashed    int    // of those: whole SHA-256
	Spoilt    int    // of those: MD5, SHA-1 or a hash that is cut, which can't match
	YesNo     int    // of those: yes or no
	// Samples are three values, masked: for the screen of whoever owns the
	// file, and for nothing else.
	Samples []string
}

// Proposal is what the first rows of a list show.
type Proposal struct {
	// Schema is the list.yaml that these guesses make. It has no columns where
	// none holds an identifier, and says nothing of those that are open: no list
	// loads by it until somebody does.
	Schema    *entrustment.ListSchema
	Form      table.Form
	Packing   string // "gzip", "zstd" or "zip"
	Template  string // the platform's form that the file has, or ""
	Headless  bool   // the first line is a row: one identifier a line
	Headed    bool   // it is plainly a header: a name in it is known for what it identifies. Else it may be a person
	Columns   []Guess
	Warnings  []string // what to know before anything is sent
	Rows      int      // looked at: at most 1,000
	Total     int64    // rows of the file: counted, or estimated from the size of the first
	Counted   bool
	name      string
	norm      *identifier.Normaliser
	chunks    []*table.Chunk
	kinds     []string // by position
	headers   []bool   // by row: the header again
	hashOfOne bool

	least     int               // rows of a value that is suggested
	sensitive func(string) bool // names of what is not suggested
}

// Propose reads the head of a list and guesses what each column is, from its
// name and from the first 1,000 rows. o.Kind says what a file of bare hashes
// holds. Errors are those of OpenList; a proposal is not safe for concurrent
// use.
func Propose(ctx context.Context, r io.ReaderAt, size int64, o Options) (*Proposal, error) {
	o.defaults()
	src, packed, err := openSource(r, size, o)
	if err != nil {
		return nil, err
	}
	norm, err := identifier.New(entrustment.Home)
	if err != nil {
		return nil, fmt.Errorf("propose a schema: %w", err)
	}
	p := &Proposal{Packing: packed, name: o.Name, norm: norm, least: fewestRows, sensitive: entrustment.SensitiveName}
	if p.Headless, p.hashOfOne, err = headerless(src, o, norm, nil); err != nil {
		return nil, err
	}
	names := src.Columns()
	if !p.Headless {
		if err := wantHeader(o.Name, names, norm); err != nil {
			return nil, err
		}
		p.Template = templateOf(names)
		p.Headed = slices.ContainsFunc(names, func(n string) bool { return kindOf(n) != "" })
	}
	if err := p.read(ctx, src, len(names), size); err != nil {
		return nil, err
	}
	p.Form = src.Describe()
	p.guess(names)
	return p, nil
}

// wantHeader refuses a file whose first line is a person.
func wantHeader(file string, names []string, norm *identifier.Normaliser) error {
	for _, n := range names {
		if kindOf(n) == "" && plainKind([]byte(n), norm) != "" {
			return fault(table.SortNoHeader, file+" row 1", "the first line holds an identifier, so the file has no header", "add a header line, such as: email,phone")
		}
	}
	return nil
}

// read keeps the first rows, and counts on.
func (p *Proposal) read(ctx context.Context, src table.Source, columns int, size int64) error {
	all := make([]int, columns)
	for i := range all {
		all[i] = i
	}
	if err := src.Pick(all); err != nil {
		return err
	}
	read := int64(0)
	for kept := 0; p.Rows < headRows && kept < headMemory; {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := &table.Chunk{}
		if err := src.Next(c); errors.Is(err, io.EOF) {
			p.Counted = true
			break
		} else if err != nil {
			return err
		}
		p.chunks = append(p.chunks, c)
		p.Rows += c.Rows()
		kept += len(c.Data)
		read = c.Read
	}
	p.Total = int64(p.Rows)
	if !p.Counted {
		p.count(ctx, src, read, size)
	}
	p.Rows = min(p.Rows, headRows)
	p.headers = make([]bool, 0, p.Rows)
	for _, c := range p.chunks {
		for r := range min(c.Rows(), p.Rows-len(p.headers)) {
			p.headers = append(p.headers, isHeader(c, r, src.Columns()))
		}
	}
	if p.Rows == 0 {
		return fault(table.SortNoRows, p.name, "the file has a header and no rows", "export it again with its rows")
	}
	return nil
}

// countedBytes is how much of a text is read to tell its rows: so much that what
// the readers read ahead hardly counts.
const countedBytes = 4 << 20

// count tells how many rows the file has, of which some were read. A fault is
// left to who reads the rows.
func (p *Proposal) count(ctx context.Context, src table.Source, read, size int64) {
	if _, ok := src.(*textSource); ok {
		c := &table.Chunk{}
		for read < countedBytes && ctx.Err() == nil {
			if err := src.Next(c); err != nil {
				p.Counted = errors.Is(err, io.EOF)
				break
			}
			p.Total += int64(c.Rows())
			read = c.Read
		}
		read = max(read-scanBlock/2, 1)
	}
	if !p.Counted && read < size {
		p.Total = int64(float64(p.Total) * float64(size) / float64(max(read, 1)))
	}
}

// cells ranges over the cells of a column in the first rows, without headers
// that are repeated there.
func (p *Proposal) cells(col int, do func(line int64, cell []byte)) {
	at := 0
	for _, c := range p.chunks {
		for r := range min(c.Rows(), p.Rows-at) {
			if !p.headers[at] {
				do(c.Lines[r], c.Cell(r, col))
			}
			at++
		}
	}
}

// guess fills the proposal.
func (p *Proposal) guess(names []string) {
	s := &entrustment.ListSchema{Schema: entrustment.SchemaList, Region: entrustment.Home}
	p.kinds = make([]string, len(names))
	hashed := 0
	look := make([]*stats, len(names))
	for i := range names {
		look[i] = p.look(i)
	}
	consent := p.consentColumn(names, look)
	for i, name := range names {
		st := look[i]
		g := p.guessOne(name, st, i == consent)
		g.Position, g.Column, g.Filled, g.Samples, g.Holds = i+1, name, st.filled, st.samples, st.holds(g.Use)
		g.Hashed, g.Spoilt, g.YesNo = st.sha, st.md5+st.sha1+st.other, st.truth
		switch g.Use {
		case useDrop:
			g.Sent = "nothing"
			if g.Certainty == Certain {
				g.Samples = nil // names and addresses need no showing
			}
			if name == "" && st.filled > 0 {
				p.Warnings = append(p.Warnings, fmt.Sprintf("column %d has values and no name: name it in the header, or delete it", i+1))
			} else if name != "" && !slices.Contains(s.Drop, name) {
				s.Drop = append(s.Drop, name)
			}
		case useConsent:
			g.Sent = "nothing; rows without consent stay here"
			s.Consent = &entrustment.ListConsent{Column: name}
			if g.Certainty == Unsure {
				p.Warnings = append(p.Warnings, fmt.Sprintf("column %d (%s) speaks of consent: a row whose value is no plain yes stays here; write what you mean as yes and no", i+1, show(name)))
			}
		case useOpen:
			g.Sent = "nothing, and the list does not load before that is said"
			p.Warnings = append(p.Warnings, fmt.Sprintf("column %d (%s) speaks of consent, too: name the one that counts under consent: of list.yaml and the other under drop:; until then the list does not load", i+1, show(name)))
		default:
			p.kinds[i] = g.Use
			g.Sent = st.sent(g.Use)
			hashed += st.sha
			s.Columns = append(s.Columns, entrustment.ListColumn{Column: name, Kind: g.Use})
			p.warn(&g, st)
		}
		p.Columns = append(p.Columns, g)
	}
	if p.Headless && len(p.Columns) == 1 {
		p.Template = plainTemplate(p.Columns[0].Use, p.hashOfOne)
	}
	if hashed > 0 {
		p.Warnings = append(p.Warnings, "a hash of a hash, a salted hash, and one of a value that was not normalised look like any other, and match nothing: "+
			"try --value with an address that is in the list")
	}
	if len(s.Columns) == 0 {
		p.Warnings = append(p.Warnings, "no column holds an identifier: name one email, phone or maid in the header, or declare it in a list.yaml")
	}
	// A name used and dropped under two positions is used.
	s.Drop = slices.DeleteFunc(s.Drop, func(d string) bool {
		return slices.ContainsFunc(s.Columns, func(c entrustment.ListColumn) bool { return fold(c.Column) == fold(d) })
	})
	p.Schema = s
}

// Open gives the names of the columns that the proposal leaves open.
func (p *Proposal) Open() (names []string) {
	for i := range p.Columns {
		if p.Columns[i].Use == useOpen {
			names = append(names, p.Columns[i].Column)
		}
	}
	return names
}

// Declare puts what a list.yaml says in place of the guesses that it covers.
func (p *Proposal) Declare(s *entrustment.ListSchema) {
	p.Schema = s
	for i := range p.Columns {
		g := &p.Columns[i]
		is := func(name string) bool { return fold(name) == fold(g.Column) }
		if s.Consent != nil && is(s.Consent.Column) {
			g.Use, g.Sent = useConsent, "nothing; rows without consent stay here"
			g.declared()
		}
		if slices.ContainsFunc(s.Drop, is) {
			g.Use, g.Sent, g.Samples = useDrop, "nothing", nil
			g.declared()
		}
		for _, c := range s.Columns {
			switch {
			case !is(c.Column):
			case c.Kind != "":
				st := p.look(i)
				p.kinds[i] = c.Kind
				g.Use, g.Holds, g.Sent = c.Kind, st.holds(c.Kind), st.sent(c.Kind)
				g.declared()
			default:
				g.Use, g.Sent = "value "+c.Name, "its position among the declared values"
				g.declared()
			}
		}
	}
}

func (g *Guess) declared() {
	g.Certainty, g.Why, g.Ground = Certain, "list.yaml says so", GroundDeclared
}

// warn tells of hashes that can't match.
func (p *Proposal) warn(g *Guess, st *stats) {
	place := fmt.Sprintf("column %d (%s)", g.Position, show(g.Column))
	for _, bad := range []struct {
		n    int
		what string
	}{{st.md5, "MD5"}, {st.sha1, "SHA-1"}, {st.other, "a hash that is cut or of another sort"}} {
		if bad.n > 0 && !(g.Use == entrustment.KindMAID && bad.what == "MD5") {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: %d of %d values look like %s, which can't match: hash them with SHA-256, or give the values themselves",
				place, bad.n, st.filled, bad.what))
		}
	}
	if st.sha > 0 && st.sha < st.filled && st.filled-st.sha > st.md5+st.sha1+st.other {
		p.Warnings = append(p.Warnings, place+" holds raw values and hashes; each row is read as what it is")
	}
}

// Sighting is a place where a value was found, and in what form.
type Sighting struct {
	Row    int64
	Column string
	Form   string // "raw", or "hash" and the profiles that give it
}

// Find looks for one value of a kind in the first rows: raw, in any writing
// that has the same normal form, or hashed under any profile.
func (p *Proposal) Find(kind identifier.Kind, value []byte) ([]Sighting, error) {
	want, _, err := p.norm.Canonical(kind, value)
	if err != nil {
		return nil, err
	}
	canonical := string(want)
	hashes := map[identifier.Hash]string{}
	for _, profile := range identifier.Profiles() {
		text, _, err := p.norm.Normalise(profile, kind, value)
		if err != nil {
			continue
		}
		h := sumOf(text)
		if hashes[h] != "" {
			hashes[h] += ", "
		}
		hashes[h] += profile.String()
	}
	var found []Sighting
	for i, k := range p.kinds {
		if k != kind.String() && k != "" {
			continue
		}
		p.cells(i, func(line int64, cell []byte) {
			form := ""
			if h, err := identifier.ParseHash(cell); err == nil {
				if names := hashes[h]; names != "" {
					form = "hash of " + names
				}
			} else if text, _, err := p.norm.Canonical(kind, cell); err == nil && string(text) == canonical {
				form = "raw"
			}
			if form != "" {
				found = append(found, Sighting{line, p.Columns[i].Column, form})
			}
		})
	}
	return found, nil
}

// KindOf tells what one value that somebody types is: "email", "phone" or
// "maid"; "" where it can't be told.
func (p *Proposal) KindOf(value []byte) string {
	if k := plainKind(value, p.norm); k != "hash" {
		return k
	}
	return ""
}
