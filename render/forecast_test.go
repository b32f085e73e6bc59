package render

import (
	"strings"
	"testing"

	"awase/enclave/wire"
)

// A forecast that nobody's number of people was given for says how to give one.
func TestForecastOfAnotherNumber(t *testing.T) {
	t.Parallel()
	p := priceSample()
	for _, stated := range []bool{false, true} {
		p.Forecast = &wire.Forecast{People: 20000, Stated: stated, Withheld: 7}
		said := forecast(p)
		if strings.Contains(said.en, "--expect") == stated || strings.Contains(said.ja, "--expect") == stated || strings.Contains(said.en, "if all of the list match") == stated {
			t.Errorf("stated %t: %+v", stated, said)
		}
	}
}
