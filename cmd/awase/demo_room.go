package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/people"
)

// demoOfficer is an officer of the demo, who signs with a key file as awase
// approve does.
type demoOfficer struct{ name, party, key string }

// demoOfficers are the people of the ceremony: two of the operator, and one of
// each other party.
var demoOfficers = []demoOfficer{{name: "yuki", party: "operator"}, {name: "ken", party: "operator"}, {name: "hana", party: "acme"},
	{name: "rin", party: "adco"}, {name: "sora", party: "worker"}}

// ceremony makes the officers' keys and, with those of the operator, the vault. A
// party's officers go into its document.
func (d *demoRun) ceremony(ctx context.Context, at string, c *cast) error {
	d.say("The key ceremony: the operator's two officers make the vault")
	dir := filepath.Join(d.out, "officers")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making a directory for the officers' keys: %w", err)
	}
	for _, p := range c.docs.Parties {
		party, err := entrustment.ParseParty(p.Name, p.YAML)
		if err != nil {
			return err
		}
		var files, lines []string
		for _, o := range demoOfficers {
			if o.party != party.ID {
				continue
			}
			o.key = filepath.Join(dir, o.name+".key")
			key, err := makeOfficerKey(o.key)
			if err != nil {
				return err
			}
			d.officers = append(d.officers, o)
			files = append(files, o.name+"="+o.key+".pub")
			lines = append(lines, fmt.Sprintf("{name: %s, key: %q}", o.name, key))
		}
		if party.Class == entrustment.ClassOperator {
			err = holdCeremony(ctx, d.w, d.errOut, at, &keyFlags{}, party, files)
		} else {
			err = d.writeDocs(people.Doc{Name: p.Name, YAML: fmt.Appendf(nil, "%sofficers: [%s]\n", p.YAML, strings.Join(lines, ", "))})
		}
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(d.w, "  The demo plays all officers: their keys are in %s. In earnest each stays with its officer.\n", dir)
	return err
}

// noCeremony takes away what the ceremony made, for a dev vault in its place.
func (d *demoRun) noCeremony(at string, c *cast) error {
	for _, path := range append(vault.Dirs(at), at+".key", filepath.Join(d.out, "officers")) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("taking the demo's first vault away: %w", err)
		}
	}
	d.officers = nil
	return d.writeDocs(c.docs.Parties...)
}

// open brings in who is in the room and what holds there.
func (d *demoRun) open(ctx context.Context, e wire.Enclave, c *cast) error {
	stands := func(what string, ack wire.Ack, err error) error {
		if err != nil {
			return err
		}
		return d.sign(ctx, e, strings.TrimSpace(what+" "+ack.ID), ack)
	}
	for _, doc := range c.docs.Parties {
		name, text, err := document(d.doc(doc.Name))
		if err != nil {
			return err
		}
		p, err := entrustment.ParseParty(name, text)
		if err != nil {
			return err
		}
		if p.Class == entrustment.ClassOperator && d.officers != nil {
			continue // it came in by the ceremony
		}
		ack, err := e.AddParty(ctx, p)
		if err := stands("party", ack, err); err != nil {
			return err
		}
	}
	policies, err := entrustment.ParsePolicies(c.docs.Policies.Name, c.docs.Policies.YAML)
	if err != nil {
		return err
	}
	ack, err := e.SetPolicies(ctx, policies)
	if err := stands("policies", ack, err); err != nil {
		return err
	}
	ack, err = e.SetGate(ctx, c.docs.Gate.Name, c.docs.Gate.YAML)
	if err := stands("gate", ack, err); err != nil {
		return err
	}
	for _, doc := range slices.Concat(c.docs.Contracts, c.docs.Deliveries) {
		contract, err := entrustment.ParseContract(doc.Name, doc.YAML)
		if err != nil {
			return err
		}
		ack, err := e.Entrust(ctx, contract)
		if err := stands("entrustment", ack, err); err != nil {
			return err
		}
	}
	return nil
}

// sign has the officers sign an act that waits for them, until it is in force.
func (d *demoRun) sign(ctx context.Context, e wire.Enclave, what string, ack wire.Ack) error {
	if ack.Waits == nil {
		_, err := fmt.Fprintf(d.w, "  %s: log entry %d\n", what, ack.Seq)
		return err
	}
	needs, signed, last := ack.Waits.Needs, "signed", ""
	for _, o := range d.officers {
		if !slices.Contains(needs, o.party) {
			continue
		}
		key, err := readOfficerKey(o.key)
		if err != nil {
			return err
		}
		a, err := signWaiting(ctx, io.Discard, e, ack.Waits.Hash, key)
		if err != nil {
			return err
		}
		got, err := e.Approve(ctx, a)
		if err != nil {
			return err
		}
		switch last {
		case o.party:
			signed += " and " + o.name
		case "":
			signed += " for " + o.party + " by " + o.name
		default:
			signed += ", for " + o.party + " by " + o.name
		}
		last = o.party
		if got.Effective {
			_, err = fmt.Fprintf(d.w, "  %s: %s; log entry %d\n", what, signed, got.Seq)
			return err
		}
		needs = got.Needs
	}
	return fmt.Errorf("%s: an officer of %s has to sign, and the demo has none", what, strings.Join(needs, " and one of "))
}
