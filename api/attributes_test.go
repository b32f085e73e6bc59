package api_test

import (
	"testing"

	"awase/api"
	"awase/entrustment"
	"awase/internal/apitest"
)

// TestAttributes: what may be asked by under a contract is what it names and the base
// has, and nothing else of the base; before a base is there it is nothing.
func TestAttributes(t *testing.T) {
	t.Parallel()
	asked := func(r *apitest.Room, who api.Principal, id string) (names []string) {
		var out struct{ Items []struct{ Name string } }
		r.As(who).Do("GET", "/v1/entrustments/"+id+"/attributes", nil).Want(200).JSON(&out)
		for _, a := range out.Items {
			names = append(names, a.Name)
		}
		return names
	}
	empty := furnished(t)
	if got := asked(empty, of("acme", api.Viewer), "acme-spring"); len(got) != 0 {
		t.Errorf("without a base: %q", got)
	}
	r := apitest.Start(t)
	r.Furnish()
	for attributes, want := range map[string]string{"[area]": "area", "[gender, height]": "gender"} {
		id := "of-" + want
		doc := contractDoc(id, apitest.Acme, "attributes: [age_band]", "attributes: "+attributes)
		terms, err := entrustment.ParseContract("contract.yaml", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Enclave.Entrust(t.Context(), terms); err != nil {
			t.Fatal(err)
		}
		if got := asked(r, of(apitest.Acme, api.Marketing), id); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", attributes, got)
		}
	}
}
