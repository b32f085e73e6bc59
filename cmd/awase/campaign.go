package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
	"awase/entrustment"
)

func campaignCommand() *cobra.Command {
	return group("campaign", "Campaigns: an audience, where it is delivered, and the results that are wanted",
		campaignCheck(), campaignSize(), campaignPrice(), campaignSubmit(), campaignList(), campaignShow(), campaignDeliver(), campaignResult(), campaignClose())
}

// readCampaign reads a campaign.yaml.
func readCampaign(path string) (*entrustment.Campaign, error) {
	name, data, err := document(path)
	if err != nil {
		return nil, err
	}
	return entrustment.ParseCampaign(name, data)
}

// campaignOf reads the name of a campaign, ENTRUSTMENT/CAMPAIGN.
func campaignOf(text string) (wire.CampaignRef, error) {
	of, id, ok := strings.Cut(text, "/")
	if !ok || entrustment.CheckID("entrustment", of) != nil || entrustment.CheckID("campaign", id) != nil {
		return wire.CampaignRef{}, usageError{fmt.Errorf("a campaign is named ENTRUSTMENT/CAMPAIGN, as awase campaign list shows it")}
	}
	return wire.CampaignRef{Entrustment: of, Campaign: id}, nil
}

func campaignCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check campaign.yaml",
		Short: "Read a campaign.yaml, without a room",
		Long:  "What its contract lets it say, and what it costs, the room tells: awase campaign price.",
		Args:  exactArgs("campaign.yaml"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := readCampaign(args[0])
		if err != nil {
			return err
		}
		return answer(cmd, m, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s/%s: list %s, %s to %s, from %s to %s, holdout %d %%, results %s: it reads well\n", m.Entrustment, m.ID, plain(m.List), m.Destination.Form, m.Destination.Receiver,
				m.From, m.Until, m.Holdout, orNone(strings.Join(m.Results, ", ")))
			return err
		})
	}
	return jsonFlag(cmd)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func campaignPrice() *cobra.Command {
	var expect int64
	cmd := &cobra.Command{
		Use:   "price --vault V campaign.yaml [--expect N]",
		Short: "What a campaign costs: its deliveries, and the results that it wants; charges nothing",
		Args:  exactArgs("campaign.yaml"),
	}
	cmd.Flags().Int64Var(&expect, "expect", 0, "how many people you think it reaches, held out or not: how sure a lift report can be")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		if expect < 0 {
			return usageError{errors.New("--expect is a number of people")}
		}
		m, err := readCampaign(args[0])
		if err != nil {
			return err
		}
		p, err := e.PriceCampaign(cmd.Context(), wire.CampaignRequest{Campaign: m, Expect: expect})
		if err != nil {
			return err
		}
		return answer(cmd, p, func(w io.Writer) error { return sayCampaignPrice(w, m, p) })
	})
}

func sayCampaignPrice(w io.Writer, m *entrustment.Campaign, p *wire.CampaignPrice) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s: at most %s, each an audience counted at σ %d: ρ %.4g; one of an audience that did not change costs nothing\n", m.Entrustment, m.ID,
		entrustment.Count(int64(p.Deliveries), "delivery", "deliveries"), p.Delivery.Sigma, p.Delivery.Rho)
	for _, r := range p.Results {
		fmt.Fprintf(&b, "  result %s: ρ %.4g at σ %d, put aside when it is submitted\n", plain(r.Report), r.Price.Rho, r.Price.Sigma)
	}
	if l := p.Lift; l != nil {
		enough := "enough for a lift report"
		if !l.Enough {
			enough = fmt.Sprintf("too few for a lift report, which wants %d: hold out more, or run it longer", l.Least)
		}
		fmt.Fprintf(&b, "  converters expected among who is held out: %.0f, %s\n", l.Converters, enough)
	}
	for _, s := range p.Short {
		fmt.Fprintf(&b, "It can't be paid for now, %s: %s.\n  %s\n", plain(s.What), s.Detail, strings.ReplaceAll(s.Mend, "; ", "\n  "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func campaignSubmit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit --vault V campaign.yaml",
		Short: "Submit a campaign, or its next version, for the officers of its contract's parties to sign",
		Long: "The price of its results is put aside; one that can't be paid for is refused, with what to change. It is delivered on its days, once officers signed it (awase drafts, awase approve). " +
			"Once an audience was delivered, list, condition, destination and holdout stay.",
		Args: exactArgs("campaign.yaml"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		m, err := readCampaign(args[0])
		if err != nil {
			return err
		}
		ack, err := e.SubmitCampaign(cmd.Context(), wire.CampaignRequest{Campaign: m})
		if err != nil {
			return err
		}
		return said(cmd, "campaign", ack)
	})
}

// campaignRow is a campaign as a line.
type campaignRow struct {
	Campaign string `json:"campaign"`
	State    string `json:"state"`
	Version  string `json:"version"` // in force, and what waits
	Step     string `json:"step"`    // the last that it reached
	From     string `json:"from"`
	Until    string `json:"until"`
	Receiver string `json:"receiver"`
	Form     string `json:"form"`
	Next     string `json:"next"`
}

func campaignList() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use:   "list --vault V [--entrustment E]",
		Short: "The campaigns of the room; over the network, those of one's own contracts",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&of, "entrustment", "", "those under one `entrustment`")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		ids := []string{of}
		if of == "" {
			var err error
			if ids, err = e.Entrustments(cmd.Context()); err != nil {
				return err
			}
		}
		all := []wire.Campaign{}
		for _, id := range ids {
			some, err := e.Campaigns(cmd.Context(), id)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return answerExact(cmd, all, func(w io.Writer) error {
			rows := []campaignRow{}
			for i := range all {
				m := &all[i]
				row := campaignRow{Campaign: m.Entrustment + "/" + m.ID, State: m.State, Version: versions(m), Step: lastStep(m), Next: m.Next}
				if d := m.Document; d != nil {
					row.From, row.Until, row.Receiver, row.Form = d.From.String(), d.Until.String(), d.Destination.Receiver, string(d.Destination.Form)
				}
				rows = append(rows, row)
			}
			return showTyped(w, rows, []string{"campaign", "state", "step", "version", "from", "until", "receiver", "form", "next"})
		})
	})
}

// versions says which version of a campaign is in force, and which waits for signatures.
func versions(m *wire.Campaign) string {
	switch {
	case m.Draft == nil:
		return strconv.Itoa(m.Version)
	case m.Version == 0:
		return fmt.Sprintf("%d waits", m.Draft.Statement.Version)
	}
	return fmt.Sprintf("%d, %d waits", m.Version, m.Draft.Statement.Version)
}

// lastStep gives the last step that a campaign reached.
func lastStep(m *wire.Campaign) string {
	for _, s := range slices.Backward(m.Steps) {
		if s.At != "" {
			return s.Step
		}
	}
	return ""
}

func campaignShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show --vault V ENTRUSTMENT/CAMPAIGN",
		Short: "How a campaign stands: its steps, its deliveries and what their receiver says of them",
		Args:  exactArgs("ENTRUSTMENT/CAMPAIGN"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		ref, err := campaignOf(args[0])
		if err != nil {
			return err
		}
		m, err := campaignIn(cmd, e, ref)
		if err != nil {
			return err
		}
		return answerExact(cmd, m, func(w io.Writer) error { return sayCampaign(w, m) })
	})
}

// campaignIn gives one campaign with its deliveries, wherever the room is.
func campaignIn(cmd *cobra.Command, e wire.Enclave, ref wire.CampaignRef) (*wire.Campaign, error) {
	if r, network := e.(*client.Room); network {
		return r.Campaign(cmd.Context(), ref)
	}
	all, err := e.Campaigns(cmd.Context(), ref.Entrustment)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == ref.Campaign {
			return &all[i], nil
		}
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "campaign", Detail: "there is no campaign " + entrustment.Quote(ref.Campaign) + " under the entrustment", Mend: "awase campaign list shows them"}
}

func sayCampaign(w io.Writer, m *wire.Campaign) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	version := m.Version
	if version == 0 && m.Draft != nil {
		version = m.Draft.Statement.Version
	}
	fmt.Fprintf(t, "campaign %s/%s, version %d: %s\n", plain(m.Entrustment), plain(m.ID), version, plain(m.State))
	if m.State == wire.CampaignSmall {
		fmt.Fprintf(t, "  its audience did not pass the least size: %s people, and what the noise may add\n  make it larger, by wider conditions in a new version of campaign.yaml or a longer list; each count of another audience is charged\n", thousands(entrustment.LeastAudience))
	}
	for _, s := range m.Steps {
		at := "not yet"
		if s.At != "" {
			at = fmt.Sprintf("%s, log entry %d", japan(s.At), s.Entry)
		}
		fmt.Fprintf(t, "  %s\t%s\n", plain(s.Step), at)
	}
	if m.Draft != nil {
		fmt.Fprintf(t, "version %d waits for the signatures of officers of %s: draft %s\n", m.Draft.Statement.Version, strings.Join(plainly(m.Draft.Needs), " and "), plain(m.Draft.Hash))
	}
	if m.Stopped != nil {
		fmt.Fprintf(t, "the last delivery was not made: %s; %s\n", plain(m.Stopped.Detail), plain(m.Stopped.Mend))
	}
	if m.Next != "" {
		fmt.Fprintf(t, "next: %s\n", japan(m.Next))
	}
	for _, d := range m.Deliveries {
		what := strings.TrimSpace(d.Status + " " + d.Reason)
		fmt.Fprintf(t, "delivery %d\t%s for %s to %s\tof %s, until %s\t%s\n", d.Number, plain(d.Act), plain(d.Form), plain(d.Receiver), japan(d.Created), japan(d.Expires), plain(what))
	}
	if len(m.Held) > 0 {
		fmt.Fprintf(t, "put aside for results: %s\n", strings.Join(plainly(m.Held), ", "))
	}
	return t.Flush()
}

func campaignDeliver() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deliver --enclave S ENTRUSTMENT/CAMPAIGN",
		Short: "Make what is due of a campaign now, instead of within a minute of when it is due",
		Long: "Counts again an audience that was too small, or whose list has another version since; each count of other data is charged. " +
			"Deliveries lie in the outbox of a room that is served (awase serve), where their receivers fetch them: awase courier fetch.",
		Args: exactArgs("ENTRUSTMENT/CAMPAIGN"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		ref, err := campaignOf(args[0])
		if err != nil {
			return err
		}
		m, err := e.DeliverCampaign(cmd.Context(), ref)
		if err != nil {
			return err
		}
		return answerExact(cmd, m, func(w io.Writer) error { return sayCampaign(w, m) })
	})
}

func campaignClose() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "close --vault V --yes ENTRUSTMENT/CAMPAIGN",
		Short: "End a campaign before its last day, for good",
		Long: "Nothing is delivered after it but the removal of everybody who was delivered to. What was put aside for its results stays until they are asked for, or its day. " +
			"A campaign of the same id does not begin again, so it takes --yes.",
		Args: exactArgs("ENTRUSTMENT/CAMPAIGN"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "close it: it stays closed")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		ref, err := campaignOf(args[0])
		if err != nil {
			return err
		}
		if !yes {
			return usageError{fmt.Errorf("a campaign that is closed stays so, and everybody it was delivered for is taken off: say --yes")}
		}
		ack, err := e.CloseCampaign(cmd.Context(), ref)
		if err != nil {
			return err
		}
		return answer(cmd, ack, func(w io.Writer) error {
			state := "closed"
			if !ack.Changed {
				state = "closed already"
			}
			_, err := fmt.Fprintf(w, "campaign %s: %s, log entry %d\n", args[0], state, ack.Seq)
			return err
		})
	})
}
