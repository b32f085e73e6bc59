package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// documentCommand is a command that puts one document into the vault.
func documentCommand[T any](use, short, what string, parse func(file string, data []byte) (*T, error),
	put func(wire.Enclave, *cobra.Command, *T) (wire.Ack, error), more ...func(w io.Writer, doc *T) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: exactArgs("document")}
	return withVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		name, data, err := document(args[0])
		if err != nil {
			return err
		}
		doc, err := parse(name, data)
		if err != nil {
			return err
		}
		ack, err := put(e, cmd, doc)
		if err != nil {
			return err
		}
		return answerExact(cmd, ack, func(w io.Writer) error {
			err := sayAck(w, what, ack)
			for _, say := range more {
				err = errors.Join(err, say(w, doc))
			}
			return err
		})
	})
}

func partyAdd() *cobra.Command {
	cmd := documentCommand("add --vault V party.yaml", "Add a party, or change one", "party", entrustment.ParseParty,
		func(e wire.Enclave, cmd *cobra.Command, p *entrustment.Party) (wire.Ack, error) {
			return e.AddParty(cmd.Context(), p)
		}, sayPartyKeys)
	cmd.Long = "What it pins, officers' keys, upload_key, delivery_key and serving_key, is signed by officers of the operator and, where it has some, of the party. " +
		"delivery_key and serving_key are the lines of the .pub files of awase courier key: compare the fingerprint that is printed with the party, by another way than the file came."
	return cmd
}

// sayPartyKeys says by which keys a party receives, as people compare them.
func sayPartyKeys(w io.Writer, p *entrustment.Party) error {
	for _, k := range []struct{ name, key string }{{"delivery_key", p.DeliveryKey}, {"serving_key", p.ServingKey}} {
		if k.key == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "  %s: fingerprint %s\n", k.name, keyPrint(k.key)); err != nil {
			return err
		}
	}
	return nil
}

// keyPrint writes a key of a document as people compare it: keys that are sealed to by
// their fingerprint, others, which are short, as they are.
func keyPrint(text string) string {
	if key, err := seal.ParsePublicKey(text); err == nil {
		return key.Fingerprint()
	}
	return plain(text)
}

func policyAdd() *cobra.Command {
	return documentCommand("add --vault V policies.yaml", "Say which policy version lets which flow use a user's data", "policies",
		entrustment.ParsePolicies, func(e wire.Enclave, cmd *cobra.Command, p *entrustment.Policies) (wire.Ack, error) {
			return e.SetPolicies(cmd.Context(), p)
		})
}

func entrust() *cobra.Command {
	return documentCommand("entrust --vault V contract.yaml", "Activate an entrustment, or its next version", "entrustment",
		entrustment.ParseContract, func(e wire.Enclave, cmd *cobra.Command, c *entrustment.Contract) (wire.Ack, error) {
			ack, err := e.Entrust(cmd.Context(), c)
			if err == nil {
				warnAttributes(cmd, e, c)
			}
			return ack, err
		})
}

// warnAttributes says which attributes of a contract the base that stands has not. It is
// no refusal, for the next base may have them. Over the network people of the operator
// alone are told of the base; to others, and where there is none yet, nothing is said.
func warnAttributes(cmd *cobra.Command, e wire.Enclave, c *entrustment.Contract) {
	bases, err := e.Bases(cmd.Context())
	if err != nil || len(bases) == 0 || bases[0].Schema == nil {
		return
	}
	schema := bases[0].Schema
	var names []string
	for i := range schema.Attributes {
		names = append(names, schema.Attributes[i].Name)
	}
	for i, name := range c.Attributes {
		if schema.Attribute(name) != nil {
			continue
		}
		near := ""
		if n := entrustment.Nearest(name, names); len(n) > 0 {
			near = "; did you mean " + plain(n[0]) + "?"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "awase: the base has no attribute %s (attributes[%d])%s Nothing can be asked by it before a base has it.\n", entrustment.Quote(name), i, cmp.Or(near, "."))
	}
}
