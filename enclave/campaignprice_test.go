package enclave

import (
	"fmt"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestCampaignPriceIsItsSubmission: what a price says of the budget is what a submission
// does: it is short where that is refused, and nowhere else, whether one result is too
// dear or all of them are together.
func TestCampaignPriceIsItsSubmission(t *testing.T) {
	t.Parallel()
	short, fits, alone := 0, 0, 0
	for i, budget := range []string{"0.01", "0.03", "0.06", "0.12", "0.25"} {
		r := newAdRoom(t, Options{})
		r.gate(t, "budget: {30d: "+budget+", 365d: 2.0, delta_30d: 4e-6}\n")
		m := r.campaignOf(t, "acme-5", fmt.Sprint("c", i), entrustment.FormGoogle, "holdout: 10\nconversion_rate: 2%\nresults: [delivery, lift]\nsigma: 10\n")
		p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
		if err != nil {
			t.Fatal(err)
		}
		before := len(r.state.reserved)
		_, err = r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
		if len(p.Short) > 0 {
			short++
			if e := wantCode(t, budget, err, entrustment.CodeBudget); e.Mend == "" || p.Short[0].Mend == "" {
				t.Errorf("nothing mends it: %+v, %v", p.Short, e)
			}
			if len(r.state.reserved) != before {
				t.Errorf("refused it holds %d reservations", len(r.state.reserved)-before)
			}
			if p.Short[0].What == "lift" {
				alone++
			}
		} else if fits++; err != nil {
			t.Errorf("with %s the price is not short, and the submission is refused: %v", budget, err)
		}
	}
	if short == 0 || fits == 0 || alone == 0 {
		t.Errorf("%d short, of them %d by the second result alone, %d fit: the test shows little", short, alone, fits)
	}
}
