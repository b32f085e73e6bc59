package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
	"awase/entrustment"
)

// asking are the flags of what asks a campaign's question.
type asking struct {
	out       outputs
	dry       bool
	sigma     int
	recipient string
}

func (a *asking) flags(cmd *cobra.Command) {
	a.out.flags(cmd)
	cmd.Flags().BoolVarP(&a.dry, "dry-run", "n", false, "show the price; charge nothing")
	cmd.Flags().IntVar(&a.sigma, "sigma", 0, "the noise, one of those that the gate offers; default: the usual one")
	cmd.Flags().StringVar(&a.recipient, "recipient", "", "the `party` that reads it, where the contract has several")
}

// ask asks q.
func (a *asking) ask(cmd *cobra.Command, e wire.Enclave, q *entrustment.Question) error {
	if a.sigma < 0 {
		return usageError{fmt.Errorf("--sigma is a number of people")}
	}
	if a.sigma > 0 {
		q.Sigma = a.sigma
	}
	q.Recipient = a.recipient
	if err := a.out.check(""); err != nil {
		return err
	}
	if !a.dry {
		return askOver(cmd, &a.out, func(ctx context.Context) (*wire.Release, error) { return e.Report(ctx, q) })
	}
	if len(a.out.files) > 0 {
		return usageError{fmt.Errorf("-n writes no file; leave --out away")}
	}
	p, err := e.Price(cmd.Context(), q, 0)
	if err != nil {
		return err
	}
	return answer(cmd, p, func(w io.Writer) error { return showPrice(w, "", &p) })
}

func campaignSize() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "size --vault V campaign.yaml [-n] [--recipient PARTY] [--out size.xlsx]…",
		Short: "How many people a campaign's list and condition are, held out or not",
		Long:  "It is asked and charged as a size report, at σ 50 unless --sigma says otherwise; free, where the recipient bought a planning cube that answers it.",
		Args:  exactArgs("campaign.yaml"),
	}
	a.flags(cmd)
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		m, err := readCampaign(args[0])
		if err != nil {
			return err
		}
		if err := deliverable(cmd.Context(), e, m); err != nil {
			return err
		}
		return a.ask(cmd, e, m.Sizing())
	})
}

// deliverable refuses a campaign by whose condition nothing may be delivered, before its
// size is paid for. What else its price is refused for can change until it is submitted.
func deliverable(ctx context.Context, e wire.Enclave, m *entrustment.Campaign) error {
	_, err := e.PriceCampaign(ctx, wire.CampaignRequest{Campaign: m})
	if told, ok := errors.AsType[*entrustment.Error](err); ok && told.Code == entrustment.CodeDimForbidden {
		return err
	}
	return nil
}

func campaignResult() *cobra.Command {
	var a asking
	var early bool
	cmd := &cobra.Command{
		Use:   "result --vault V ENTRUSTMENT/CAMPAIGN (delivery | lift | attribution) [-n] [--early] [--recipient PARTY] [--out result.pdf]…",
		Short: "Ask for a result of a campaign, paid for by what was put aside for it",
		Long: "The whole campaign, at its own sigma. Of what results: of campaign.yaml does not name nothing was put aside: it is paid for like any question. While it runs this takes --early: the same is another question once it is over, with more events to count, and what was put aside is used up by then. " +
			"Dimensions, days and measures of your choice: awase report --spec, with campaign: in the question.",
		Args: exactArgs("ENTRUSTMENT/CAMPAIGN", "report"),
	}
	a.flags(cmd)
	cmd.Flags().BoolVar(&early, "early", false, "ask while the campaign runs, with what was put aside for its end")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		ref, err := campaignOf(args[0])
		if err != nil {
			return err
		}
		if !entrustment.OfCampaign(args[1]) {
			return usageError{fmt.Errorf("a campaign's results are %s", strings.Join(entrustment.CampaignReports(), ", "))}
		}
		if !early && !a.dry {
			if err := isOver(cmd.Context(), e, ref, args[1]); err != nil {
				return err
			}
		}
		m := entrustment.Campaign{Entrustment: ref.Entrustment, ID: ref.Campaign}
		return a.ask(cmd, e, m.Result(args[1]))
	})
}

// isOver refuses to ask for a report of a campaign whose days are not over; one that is
// not there is the room's to refuse.
func isOver(ctx context.Context, e wire.Enclave, ref wire.CampaignRef, report string) error {
	all, err := e.Campaigns(ctx, ref.Entrustment)
	if err != nil {
		return err
	}
	for i := range all {
		c := &all[i]
		if c.ID != ref.Campaign || c.Version == 0 || c.State == wire.CampaignOver || c.State == wire.CampaignClosed {
			continue
		}
		return tooEarly(c.Document, report)
	}
	return nil
}

// tooEarly says what a report of a campaign that runs would use up. Something is put
// aside for its results: alone.
func tooEarly(m *entrustment.Campaign, report string) error {
	told := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: "campaign", Detail: fmt.Sprintf("it runs until %s: asked now, the result uses up what was put aside for it", m.Until),
		Mend: "ask when it is over or closed; -n shows the price, and --early asks all the same"}
	if !slices.Contains(m.Results, report) {
		told.Detail = fmt.Sprintf("it runs until %s, and %s is not among its results: nothing was put aside for it, and it is paid for like any question, now and once more at the end", m.Until, report)
	}
	return told
}
