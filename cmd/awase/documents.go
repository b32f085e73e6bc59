package main

import (
	"context"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
	"awase/entrustment"
)

// documentCommand is a command that puts one document into the vault.
func documentCommand[T any](use, short, what string, parse func(file string, data []byte) (*T, error),
	put func(wire.Enclave, context.Context, *T) (wire.Ack, error)) *cobra.Command {
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
		ack, err := put(e, cmd.Context(), doc)
		if err != nil {
			return err
		}
		return said(cmd, what, ack)
	})
}

func partyAdd() *cobra.Command {
	return documentCommand("add --vault V party.yaml", "Add a party, or change one", "party", entrustment.ParseParty, wire.Enclave.AddParty)
}

func policyAdd() *cobra.Command {
	return documentCommand("add --vault V policies.yaml", "Say which policy version lets which flow use a user's data", "policies",
		entrustment.ParsePolicies, wire.Enclave.SetPolicies)
}

func entrust() *cobra.Command {
	return documentCommand("entrust --vault V contract.yaml", "Activate an entrustment, or its next version", "entrustment",
		entrustment.ParseContract, wire.Enclave.Entrust)
}
