package main

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"awase/courier"
	"awase/crypto/delivery"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/people"
)

// Keys of the demo's receivers, and where what is delivered to them lies.
const (
	demoKeys      = "keys"
	demoDelivered = "delivered"
)

// demoKey is the name of a receiver's key in the directory of a demo.
func (d *demoRun) demoKey(party, of string) string {
	return filepath.Join(d.out, demoKeys, party+"-"+of+".key")
}

// receivers makes the keys of those who receive deliveries, and names them in the
// documents of their parties.
func (d *demoRun) receivers(c *cast) error {
	if len(c.docs.Deliveries) == 0 {
		return nil
	}
	if err := os.Mkdir(filepath.Join(d.out, demoKeys), 0o700); err != nil {
		return fmt.Errorf("making a directory for the receivers' keys: %w", err)
	}
	for i := range c.docs.Parties {
		doc := &c.docs.Parties[i]
		p, err := entrustment.ParseParty(doc.Name, doc.YAML)
		if err != nil {
			return err
		}
		heads := map[string]string{}
		switch p.Class {
		case entrustment.ClassOperator:
			heads["delivery"] = deliveryKeyHead
		case entrustment.ClassAdPlatform:
			heads["delivery"], heads["serving"] = deliveryKeyHead, servingKeyHead
		}
		for _, of := range []string{"delivery", "serving"} {
			if heads[of] == "" {
				continue
			}
			key, err := makeSealingKey(d.demoKey(p.ID, of), heads[of])
			if err != nil {
				return err
			}
			doc.YAML = fmt.Appendf(doc.YAML, "%s_key: %s\n", of, key)
		}
	}
	return nil
}

// demoCampaign is a campaign of the demo: from its document to its results.
type demoCampaign struct {
	words string
	specs []string
	after func(ctx context.Context, e wire.Enclave, files []string) error // what becomes of what was delivered
}

// campaigns plays the flows that deliver.
func (d *demoRun) campaigns(ctx context.Context, e wire.Enclave, c *cast) error {
	today := entrustment.DateOf(time.Now()).Start()
	docs := people.DemoCampaigns(today)
	for i, m := range []demoCampaign{
		{"2-4-delivery: the operator advertises to people of an ad platform, which serves them by labels", []string{"labels-delivery.yaml", "labels-lift.yaml"}, func(ctx context.Context, e wire.Enclave, files []string) error {
			return d.served(ctx, e, c, files, today)
		}},
		{"5-delivery: the client advertises to those of its members who are of age, on a platform that takes a file of hashes", []string{"shop-delivery.yaml", "shop-lift.yaml", "shop-attribution.yaml"}, func(ctx context.Context, e wire.Enclave, files []string) error {
			return d.shown(ctx, e, c, files, today)
		}},
	} {
		d.say("%s", m.words)
		if err := d.writeDocs(docs[i]); err != nil {
			return err
		}
		if err := d.campaign(ctx, e, &m, docs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *demoRun) campaign(ctx context.Context, e wire.Enclave, m *demoCampaign, doc people.Doc) error {
	of, err := entrustment.ParseCampaign(doc.Name, doc.YAML)
	if err != nil {
		return err
	}
	p, err := e.PriceCampaign(ctx, wire.CampaignRequest{Campaign: of})
	if err != nil {
		return err
	}
	if err := sayCampaignPrice(d.w, of, p); err != nil {
		return err
	}
	ack, err := e.SubmitCampaign(ctx, wire.CampaignRequest{Campaign: of})
	if err != nil {
		return err
	}
	if err := d.sign(ctx, e, "campaign "+of.Entrustment+"/"+of.ID, ack); err != nil {
		return err
	}
	stands, err := e.DeliverCampaign(ctx, wire.CampaignRef{Entrustment: of.Entrustment, Campaign: of.ID})
	if err != nil {
		return err
	}
	if len(stands.Deliveries) == 0 {
		_, err := fmt.Fprintf(d.w, "  nothing is delivered: its audience did not pass the least size of %s people. Of more users (--users) there is one that does\n", thousands(entrustment.LeastAudience))
		return err
	}
	files, err := d.receives(ctx, e, &stands.Deliveries[0])
	if err != nil {
		return err
	}
	if err := m.after(ctx, e, files); err != nil {
		return err
	}
	if !d.brief {
		for _, spec := range m.specs {
			if err := d.askShort(ctx, e, spec); err != nil {
				return err
			}
		}
	}
	all, err := e.Campaigns(ctx, of.Entrustment)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == of.ID {
			return sayCampaign(d.w, &all[i])
		}
	}
	return nil
}

// receives opens a delivery as its receiver does, and gives the files that came of it.
func (d *demoRun) receives(ctx context.Context, e wire.Enclave, of *wire.Delivery) ([]string, error) {
	ref := wire.DeliveryRef{Entrustment: of.Entrustment, Campaign: of.Campaign, Number: of.Number, Receiver: of.Receiver}
	got, err := e.Delivery(ctx, ref)
	if err != nil {
		return nil, err
	}
	room, err := e.LogKey(ctx)
	if err != nil {
		return nil, err
	}
	roomFile, to := filepath.Join(d.out, "room.key"), filepath.Join(d.out, demoDelivered, of.Campaign)
	if err := errors.Join(os.MkdirAll(to, 0o700), os.WriteFile(roomFile, []byte(room+"\n"), 0o644)); err != nil {
		return nil, fmt.Errorf("making a place for what is delivered: %w", err)
	}
	name := filepath.Join(to, fmt.Sprintf("%s-%d.delivery", of.Campaign, of.Number))
	if err := writeFile(name, func(w io.Writer) error {
		return readFile(filepath.Join(d.vault+vault.OutboxDir, got.File), func(f *os.File, _ int64) error { _, err := io.Copy(w, f); return err })
	}); err != nil {
		return nil, err
	}
	var files []string
	open := deliveryFlags{key: d.demoKey(of.Receiver, "delivery"), room: roomFile}
	if err := open.open(name, func(_ *delivery.Header, f *delivery.File, err error) error {
		if err != nil {
			return courierError(name, err)
		}
		w, err := courier.Write(ctx, f, to)
		for _, file := range w.Files {
			files = append(files, filepath.Join(to, file))
		}
		return err
	}); err != nil {
		return nil, err
	}
	if _, err := e.ReportDelivery(ctx, wire.DeliveryReport{DeliveryRef: ref, Status: wire.DeliveryDone}); err != nil {
		return nil, err
	}
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(d.w, "  sealed to %s: %s, %s kB whoever is in it; opened with its key:\n", of.Receiver, name, thousands(st.Size()/1000))
	for _, file := range files {
		fmt.Fprintln(d.w, "    "+file)
	}
	return files, nil
}

// served: the platform opens its labels with its serving key, serves by them, and its log
// comes back by them.
func (d *demoRun) served(ctx context.Context, e wire.Enclave, c *cast, files []string, today time.Time) error {
	labels := files[0]
	members := filepath.Join(filepath.Dir(labels), "members.csv")
	key, err := readSealingKey(d.demoKey("adco", "serving"), servingKeyHead, "awase courier key --serving")
	if err != nil {
		return err
	}
	if _, err := openLabels(labels, labelSetOf(labels), filepath.Join(d.out, "room.key"), members, key); err != nil {
		return err
	}
	fmt.Fprintf(d.w, "    %s: who is a member, which its serving key alone tells\n", members)
	log := filepath.Join(d.out, "served-log.csv")
	if err := writeFile(log, func(w io.Writer) error {
		var failed error
		return errors.Join(people.WriteLabelEvents(w, d.made(), today, labelRows(labels, members, &failed)), failed)
	}); err != nil {
		return err
	}
	return d.back(ctx, e, people.DemoLabels, c.docs.LabelEvents, log, labels)
}

// labelRows gives the labels of a file with whether each is a member's, by the file of
// members beside it, row by row.
func labelRows(labels, members string, failed *error) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		*failed = readFile(labels, func(a *os.File, _ int64) error {
			return readFile(members, func(b *os.File, _ int64) error {
				one, other := csv.NewReader(a), csv.NewReader(b)
				for n := 0; ; n++ {
					l, err := one.Read()
					if errors.Is(err, io.EOF) {
						return nil
					}
					m, merr := other.Read()
					if err = errors.Join(err, merr); err != nil {
						return err
					}
					if n > 0 && !yield(l[1], m[1] == "true") {
						return nil
					}
				}
			})
		})
	}
}

// shown: the platform shows it to whose hashes are in the file, and the client's log says
// what they did.
func (d *demoRun) shown(ctx context.Context, e wire.Enclave, c *cast, files []string, today time.Time) error {
	delivered := map[string]bool{}
	if err := readFile(files[0], func(f *os.File, _ int64) error {
		rows, err := csv.NewReader(f).ReadAll()
		for _, r := range rows {
			for _, hash := range r {
				delivered[hash] = true
			}
		}
		return err
	}); err != nil {
		return err
	}
	log := filepath.Join(d.out, "shop-log.csv")
	if err := writeFile(log, func(w io.Writer) error {
		return people.WriteShopEvents(w, d.made(), today, func(hash [sha256.Size]byte) bool { return delivered[hex.EncodeToString(hash[:])] })
	}); err != nil {
		return err
	}
	return d.back(ctx, e, people.DemoDelivery, c.docs.ShopEvents, log)
}

// back loads the log of what came of a campaign.
func (d *demoRun) back(ctx context.Context, e wire.Enclave, id string, schema people.Doc, log string, labels ...string) error {
	load := &loadFlags{schema: d.doc(schema.Name), noProgress: d.noProgress, labels: labels}
	return loadEvents(ctx, e, wire.EventsRequest{Entrustment: id}, log, load, d.w, d.errOut)
}
