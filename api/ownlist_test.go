package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// TestSizeOfAListIsItsPartys: a list that is under the floor is refused to everybody,
// and how large it is said to its party alone, wherever a question goes. The
// twin shows that the enclave says it for the recipient's group, whoever asks.
func TestSizeOfAListIsItsPartys(t *testing.T) {
	const tiny = 812
	for name, held := range map[string]bool{"as built": true, "without the control": false} {
		t.Run(name, func(t *testing.T) {
			c := &setTime{}
			c.set(time.Now())
			var change []func(*api.Options)
			if change = append(change, c.option); !held {
				change = append(change, api.Without(api.ControlSize))
			}
			r := apitest.Start(t, change...)
			r.Furnish()
			if _, err := r.Enclave.LoadList(t.Context(), wire.ListRequest{Entrustment: apitest.Entrustment, Name: "tiny"}, bytes.NewReader(r.SealedList("tiny", tiny))); err != nil {
				t.Fatal(err)
			}
			question := strings.Replace(apitest.Question("profile", `"dims": ["gender"]`), apitest.List, "tiny", 1)
			until := entrustment.DateOf(c.now()).Add(5).String()
			for party, may := range map[string]bool{apitest.Acme: true, apitest.Operator: !held} {
				as := marketing(r, party)
				said := map[string]string{
					"a price":       string(as.Do(http.MethodPost, "/v1/prices", asked(question)).Want(http.StatusUnprocessableEntity).Body),
					"a reservation": string(as.Do(http.MethodPost, "/v1/reservations", `{"name": "r", "until": "`+until+`", "question": `+question+`}`).Want(http.StatusUnprocessableEntity).Body),
					"a schedule":    string(as.Do(http.MethodPost, "/v1/schedules", `{"name": "n", "cron": "0 9 * * *", "question": `+question+`}`).Want(http.StatusUnprocessableEntity).Body),
				}
				j := ask(t, as, "/v1/reports", asked(question))
				said["a report"] = j.Reason.Code + j.Reason.Detail
				said["its job"] = string(as.Do(http.MethodGet, "/v1/jobs/"+j.ID, nil).Want(http.StatusOK).Body)
				for what, text := range said {
					if !strings.Contains(text, "E_LIST_SMALL") || number(tiny).MatchString(text) != may {
						t.Errorf("%s, to %s: %s", what, party, text)
					}
				}
			}
		})
	}
}
