package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/people"
	"awase/web"
)

// minDemoUsers makes a list above the floor.
const minDemoUsers = 5000

type demoOptions struct {
	users, rows int
	seed        uint64
	out         string
	adult       bool
	noProgress  bool
	brief       bool // of a room to rehearse in: nothing is compared
}

func demo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo [--users N] [--out DIR] [--adult] [--no-progress]",
		Short: "Run the main job end to end on made-up people",
		Long: "Makes a Japanese population, a client's lists and two event logs with a fixed seed, holds a key ceremony, has officers sign the contracts, loads all that, runs a client's analysis, the operator's own, one with an ad platform, one that another company does and a campaign of each flow that delivers, up to what came of it, " +
			"prints the reports and writes them to --out. The enclave is a confined process of its own, and says so; where none can be confined it is a dev vault that nobody signs for. Policy, locks, noise and budgets are the production ones; only the release tick is 1 s. A directory in which anything was added or changed since a demo ran there is left alone.",
		Args: exactArgs(),
	}
	cmd.Flags().IntVar(&o.users, "users", 1_000_000, "the operator's users")
	cmd.Flags().IntVar(&o.rows, "rows", 0, "rows of the client's list; 0: a fifth of the users")
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "another seed makes other people")
	cmd.Flags().StringVar(&o.out, "out", "demo-out", "the `directory` for files, documents, reports and the vault")
	cmd.Flags().BoolVar(&o.adult, "adult", false, "run on the 32,561 real people of UCI Adult instead, with made-up identifiers")
	cmd.Flags().BoolVar(&o.noProgress, "no-progress", false, "show no progress")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.users < minDemoUsers || o.rows < 0 {
			return usageError{fmt.Errorf("--users takes a number from %d, so that there is a report to show; --rows from 0", minDemoUsers)}
		}
		d := &demoRun{demoOptions: o, w: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr()}
		return d.run(cmd.Context())
	}
	return cmd
}

type demoRun struct {
	demoOptions
	w, errOut io.Writer
	step      int
	officers  []demoOfficer // nil: a dev vault, which nobody signs for
	vault     string        // its directory
}

// made are the options by which people are made.
func (d *demoRun) made() people.Options {
	return people.Options{Users: d.users, Rows: d.rows, Seed: d.seed}
}

// demoFile is a data file that the demo makes.
type demoFile struct {
	name  string
	write func(io.Writer) error
}

// demoList is a list that the demo loads.
type demoList struct {
	demoFile
	list, entrustment, schema string
	yaml                      []byte
}

// demoLog is an event log that the demo loads.
type demoLog struct {
	demoFile
	entrustment string // "": the operator's own
	schema      people.Doc
}

// cast is who plays: documents, base, lists and event logs of one demo.
type cast struct {
	docs     people.Docs
	baseYAML []byte
	base     demoFile
	lists    []demoList
	logs     []demoLog
	more     []demoFile // that the README's walk uses
	intro    string
}

func (d *demoRun) run(ctx context.Context) error {
	c, err := d.cast(ctx)
	if err != nil {
		return err
	}
	if err := prepareDemo(d.out); err != nil {
		return err
	}
	fmt.Fprintln(d.w, c.intro)
	began := time.Now()
	if err := d.receivers(c); err != nil {
		return err
	}
	if err := d.writeData(c); err != nil {
		return err
	}
	vault := filepath.Join(d.out, "vault")
	d.vault = vault
	if err := d.ceremony(ctx, vault, c); err != nil {
		return err
	}
	if err := d.serveAndAsk(ctx, vault, c, func(e wire.Enclave) error { return d.inVault(ctx, e, c) }); err != nil {
		return err
	}
	if err := closeDemo(d.out); err != nil {
		return err
	}
	fmt.Fprintf(d.w, "\nDone in %.1f s. Everything is in %s: files, documents, reports/, and the vault (its key beside it). Go on by hand:\n\n", time.Since(began).Seconds(), d.out)
	spec := d.doc(c.docs.Specs[1].Name)
	if d.officers == nil {
		fmt.Fprintf(d.w, "    %s report --vault %s --spec %s -n      # the price; charges nothing\n", os.Args[0], vault, spec)
		return d.offer()
	}
	fmt.Fprintf(d.w, "    export %s=%s\n"+
		"    %s serve --vault %s --socket $%[1]s &      # confined: a vault with officers opens in no other way\n"+
		"    %[3]s report --spec %[5]s -n      # the price; charges nothing\n", enclaveEnv, filepath.Join(d.out, "run", "awase.sock"), os.Args[0], vault, spec)
	return d.offer()
}

// offer says where the same is seen in a browser.
func (d *demoRun) offer() error {
	site, err := web.Embedded()
	if err != nil {
		return err
	}
	first := ""
	if !site.Built() {
		first = "    make web build      # this program was built without the page\n"
	}
	fmt.Fprintf(d.w, "\nOr in the page, in a room of its own to rehearse in: open the address that it prints, and enter as each role with one click; lists, reports and budgets are there.\n\n"+
		"%s    %s serve --practice\n", first, os.Args[0])
	return nil
}

func (d *demoRun) cast(ctx context.Context) (*cast, error) {
	if d.adult {
		return &cast{
			docs: people.AdultDocs(), baseYAML: people.AdultBaseYAML(), base: demoFile{"users.csv", people.WriteAdultBase},
			lists: []demoList{{demoFile{"study.csv", people.WriteAdultList}, people.AdultList, people.AdultAnalysis, "list.yaml", people.AdultListYAML()}},
			intro: "32,561 people of the 1994 US census (UCI Adult, CC BY 4.0) with made-up identifiers.",
		}, nil
	}
	o := d.made()
	c := &cast{
		docs: people.DemoDocs(), baseYAML: people.BaseYAML(),
		base: demoFile{"users.parquet", func(w io.Writer) error {
			p := newProgress(d.errOut, "making users", int64(d.users), d.noProgress)
			defer p.done()
			return people.WriteBaseParquet(w, o, func(n int64) { p.to(n, thousands(n)+" users made") })
		}},
		intro: fmt.Sprintf("%s made-up people in Japan (seed %d). Any likeness to a real person is chance.", thousands(int64(d.users)), d.seed),
	}
	for _, l := range []struct {
		form               people.ListForm
		file, schema, name string
		entrustment        string
	}{
		{people.ListMessy, "spring.csv", "list.yaml", people.DemoList, people.DemoAnalysis},
		{people.ListGoogle, "spring-google.csv", "list-google.yaml", people.DemoList + "-google", people.DemoAnalysis},
		{people.ListMeta, "spring-meta.csv", "list-meta.yaml", people.DemoList + "-meta", people.DemoAnalysis},
		{people.ListMessy, "spring.csv", "list.yaml", people.DemoList, people.DemoImprovement},
		{people.ListMessy, "spring.csv", "list.yaml", people.DemoList, people.DemoOutsourced},
		{people.ListMessy, "spring.csv", "list.yaml", people.DemoList, people.DemoDelivery},
	} {
		yaml, err := people.ListYAML(l.form)
		if err != nil {
			return nil, err
		}
		c.lists = append(c.lists, demoList{demoFile{l.file, func(w io.Writer) error { return people.WriteList(w, o, l.form) }},
			l.name, l.entrustment, l.schema, yaml})
	}
	partner := demoFile{"partner-list.csv", func(w io.Writer) error { return people.WritePartnerList(w, o) }}
	c.lists = append(c.lists, demoList{partner, people.DemoPlatform, people.DemoPartner, c.docs.PartnerList.Name, c.docs.PartnerList.YAML},
		demoList{partner, people.DemoPlatform, people.DemoLabels, c.docs.DeliveryList.Name, c.docs.DeliveryList.YAML})
	c.logs = []demoLog{
		{demoFile{"own-log.csv", func(w io.Writer) error { return people.WriteOwnEvents(w, o) }}, "", c.docs.OwnEvents},
		{demoFile{"ad-log.csv", func(w io.Writer) error { return people.WriteAdEvents(w, o) }}, people.DemoAnalysis, c.docs.AdEvents},
		{demoFile{"partner-log.csv", func(w io.Writer) error { return people.WritePartnerEvents(w, o) }}, people.DemoPartner, c.docs.PartnerEvents},
	}
	c.more = []demoFile{
		{"left.csv", func(w io.Writer) error { return people.WriteLeft(w, o) }},
		{"new.csv", func(w io.Writer) error { return people.WriteNew(w, o) }},
	}
	return c, ctx.Err()
}

// say begins a step.
func (d *demoRun) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.w, "\n── %d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demoRun) writeData(c *cast) error {
	d.say("The files: what each party has")
	made := map[string]bool{}
	files := []demoFile{c.base}
	for _, l := range c.lists {
		files = append(files, l.demoFile)
	}
	for _, l := range c.logs {
		files = append(files, l.demoFile)
	}
	files = append(files, c.more...)
	for _, f := range files {
		if made[f.name] {
			continue
		}
		made[f.name] = true
		path := filepath.Join(d.out, f.name)
		if err := writeFile(path, f.write); err != nil {
			return err
		}
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		size, unit := float64(st.Size())/1e6, "MB"
		if size < 0.1 {
			size, unit = size*1e3, "kB"
		}
		fmt.Fprintf(d.w, "  %-20s %7.1f %s\n", f.name, size, unit)
	}
	docs := append(append([]people.Doc{}, c.docs.Parties...), c.docs.Policies, c.docs.Gate)
	docs = slices.Concat(docs, c.docs.Contracts, c.docs.Deliveries, c.docs.Specs, c.docs.MoreSpecs, c.docs.CampaignSpecs)
	if len(c.docs.Deliveries) > 0 {
		docs = append(docs, c.docs.LabelEvents, c.docs.ShopEvents)
	}
	docs = append(docs, people.Doc{Name: "base.yaml", YAML: c.baseYAML})
	for _, l := range c.lists {
		docs = append(docs, people.Doc{Name: l.schema, YAML: l.yaml})
	}
	for _, l := range c.logs {
		docs = append(docs, l.schema)
	}
	return d.writeDocs(docs...)
}

func (d *demoRun) writeDocs(docs ...people.Doc) error {
	for _, doc := range docs {
		if err := os.WriteFile(d.doc(doc.Name), doc.YAML, 0o644); err != nil {
			return fmt.Errorf("writing a document: %w", err)
		}
	}
	return nil
}

func (d *demoRun) doc(name string) string { return filepath.Join(d.out, name) }

func (d *demoRun) inVault(ctx context.Context, e wire.Enclave, c *cast) error {
	what := "The room: parties, policy versions, the gate, the contracts"
	if d.officers != nil {
		what += "; each a draft until officers signed it"
	}
	d.say("%s", what)
	if err := d.open(ctx, e, c); err != nil {
		return err
	}
	d.say("The operator loads its users")
	load := &loadFlags{schema: d.doc("base.yaml"), noProgress: d.noProgress}
	if err := loadBase(ctx, e, filepath.Join(d.out, c.base.name), load, d.w, d.errOut); err != nil {
		return err
	}
	what = "The client loads its list, as it is"
	if !d.adult {
		what += ", under each contract; the ad platform its own"
	}
	d.say("%s", what)
	for _, l := range c.lists {
		load := &loadFlags{schema: d.doc(l.schema), noProgress: d.noProgress}
		req := wire.ListRequest{Entrustment: l.entrustment, Name: l.list}
		if err := loadList(ctx, e, req, filepath.Join(d.out, l.name), load, d.w, d.errOut); err != nil {
			return err
		}
	}
	if len(c.logs) > 0 {
		d.say("The event logs: what the operator's users looked at, what the client's campaigns did, what the platform's people watched")
	}
	for _, l := range c.logs {
		load := &loadFlags{schema: d.doc(l.schema.Name), noProgress: d.noProgress}
		if err := loadEvents(ctx, e, wire.EventsRequest{Entrustment: l.entrustment}, filepath.Join(d.out, l.name), load, d.w, d.errOut); err != nil {
			return err
		}
	}
	for _, spec := range c.docs.Specs {
		if err := d.ask(ctx, e, spec.Name); err != nil {
			return err
		}
	}
	if len(c.docs.MoreSpecs) > 0 {
		d.say("The other flows, each in a line or two: with an ad platform (2-6-analysis), and done by another company (5-outsourcing)")
	}
	for _, spec := range c.docs.MoreSpecs {
		if err := d.askShort(ctx, e, spec.Name); err != nil {
			return err
		}
	}
	if len(c.docs.Deliveries) > 0 {
		if err := d.campaigns(ctx, e, c); err != nil {
			return err
		}
	}
	if !d.adult && !d.brief {
		return d.hashed(ctx, e)
	}
	return nil
}

// priced reads a question and its price.
func (d *demoRun) priced(ctx context.Context, e wire.Enclave, spec string) (*entrustment.Question, wire.Price, error) {
	q, err := readQuestion(d.doc(spec))
	if err != nil {
		return nil, wire.Price{}, err
	}
	price, err := e.Price(ctx, q, 0)
	return q, price, err
}

// askShort asks a question, and says in two lines what came of it.
func (d *demoRun) askShort(ctx context.Context, e wire.Enclave, spec string) error {
	q, price, err := d.priced(ctx, e, spec)
	if err != nil {
		return err
	}
	r, err := e.Report(ctx, q)
	if err != nil {
		return err
	}
	if _, err := d.reportFiles(spec).write(r); err != nil {
		return err
	}
	shown := 0
	for _, c := range r.Cells {
		if c.Users != nil {
			shown++
		}
	}
	who := price.Accounts[0]
	fmt.Fprintf(d.w, "  %s, for %s: %s; %d of %d cells are shown to %s\n    price %.4g, of the budget of %s about users of %s; reports/%s.xlsx .pdf .csv .json\n",
		q.Report, q.Entrustment, questionWords(q), shown, len(r.Cells), r.Question.Recipient, price.Charged, who.Recipient, who.Owner, strings.TrimSuffix(spec, ".yaml"))
	if l := r.Lift; l != nil && l.Status == wire.Released {
		fmt.Fprintf(d.w, "    of those it was delivered for %.1f %% converted, of those held out %.1f %%: a difference of %.1f points (95 %% between %.1f and %.1f)\n",
			100*l.Treated.Value, 100*l.Holdout.Value, 100*l.Difference.Value, 100*l.Difference.Low, 100*l.Difference.High)
	}
	return nil
}

// reportFiles are the files that the demo writes of a report.
func (d *demoRun) reportFiles(spec string) *outputs {
	base, out := strings.TrimSuffix(spec, ".yaml"), &outputs{}
	for _, ext := range []string{".xlsx", ".pdf", ".csv", ".json"} {
		out.files = append(out.files, filepath.Join(d.out, "reports", base+ext))
	}
	return out
}

// ask prices a question, then asks it.
func (d *demoRun) ask(ctx context.Context, e wire.Enclave, spec string) error {
	q, price, err := d.priced(ctx, e, spec)
	if err != nil {
		return err
	}
	d.say("%s, for %s: %s", q.Report, q.Entrustment, questionWords(q))
	paid := ""
	if price.Charged == 0 { // a size that a planning cube answers
		paid = ", paid for already"
	}
	for _, a := range price.Accounts {
		fmt.Fprintf(d.w, "  price %.4g%s; budget of %s about users of %s in %s: %.4g of %.4g spent\n", price.Charged, paid, a.Recipient, a.Owner, a.Window, a.Spent, a.Limit)
	}
	if f := price.Forecast; f != nil && len(f.Missing)+len(f.Unknown) == 0 {
		fmt.Fprintf(d.w, "  forecast from public shares: if all of the list match, about %s of %s cells are withheld\n", thousands(int64(f.Withheld)), thousands(int64(price.Cells)))
	}
	fmt.Fprintln(d.w)
	return ask(ctx, func(ctx context.Context) (*wire.Release, error) { return e.Report(ctx, q) }, d.reportFiles(spec), d.w)
}

func questionWords(q *entrustment.Question) string {
	words := "list " + q.List
	switch {
	case q.Campaign != "":
		words = "campaign " + q.Campaign
	case q.List == "":
		words = "all users"
	}
	if len(q.Dims) > 0 {
		words += " by " + strings.Join(q.Dims, " and ")
	}
	if q.Where != nil {
		words += ", of a part of it"
	}
	if q.Index {
		words += ", against all users"
	}
	return words
}

// hashed asks how many match of the lists that came hashed by two platforms'
// rules: the same people, so the same number within its noise.
func (d *demoRun) hashed(ctx context.Context, e wire.Enclave) error {
	d.say("The same list, hashed beforehand by Google's and by Meta's rules")
	for _, name := range []string{people.DemoList, people.DemoList + "-google", people.DemoList + "-meta"} {
		q := &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportOverlap, Entrustment: people.DemoAnalysis, List: name}
		r, err := e.Report(ctx, q)
		if err != nil {
			return err
		}
		if u := r.Cells[0].Users; u != nil {
			fmt.Fprintf(d.w, "  %-16s %s matched (95 %% between %s and %s), of %s rows\n", name, thousands(u.Value), thousands(u.Low), thousands(u.High), thousands(r.ListRows))
		} else {
			fmt.Fprintf(d.w, "  %-16s withheld\n", name)
		}
	}
	return nil
}
