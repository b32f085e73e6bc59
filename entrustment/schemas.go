package entrustment

import (
	"embed"
	"fmt"
)

//go:embed schemas/*.json
var schemas embed.FS

// JSONSchema gives the JSON Schema of a document by its short name: party, policies,
// gate, base, list, events, entrustment, report, campaign.
func JSONSchema(name string) ([]byte, error) {
	raw, err := schemas.ReadFile("schemas/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema of a document %q: %w", name, err)
	}
	return raw, nil
}
