package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
)

// release is what differs reads of a released table: what its receipt, its log
// entry or its own statement say too.
type release struct {
	Entrustment string          `json:"entrustment"`
	Version     int             `json:"version"`
	ListVersion int             `json:"list_version"`
	Question    json.RawMessage `json:"question"`
	Cells       []struct {
		Status string `json:"status"`
	} `json:"cells"`
	Privacy struct {
		K        int64   `json:"k"`
		Tau      int64   `json:"tau"`
		Sigma    int64   `json:"sigma"`
		Rho      float64 `json:"rho"`
		Delta    float64 `json:"delta"`
		Withheld int     `json:"withheld"`
		Cells    int     `json:"cells"`
		Dev      bool    `json:"dev"`
		Practice bool    `json:"practice"`

		CellsOfOne int64 `json:"cells_of_one"`
		Summed     int64 `json:"cells_summed"`
		Statement  struct {
			JA string `json:"ja"`
			EN string `json:"en"`
		} `json:"statement"`
	} `json:"privacy"`
}

// differs says which part of a table whose hash is wrong is not the released
// one, as far as what the receipt says shows it. It decides nothing: the hash
// did. No value is named; a damaged file may hold anything.
func differs(s *shown) string {
	var r release
	if json.Unmarshal(s.table, &r) != nil {
		return "it is no table of awase report"
	}
	switch {
	case r.Entrustment != s.Entrustment:
		return "its entrustment differs from the receipt's"
	case r.Version != s.Version:
		return "its entrustment version differs from the receipt's"
	case questionKey(&r, &s.Claims) != s.entry.Body.Key:
		return "its question, or the version of the list, differs from what the log entry names"
	case !r.parameters(&s.Claims):
		return "its parameters (k, tau, sigma, rho, delta, counts of cells) differ from the receipt's, or from its own cells and statement"
	}
	return "its cells, totals, epsilon, statement, names or time differ"
}

// questionKey gives the name of a question as asked, which its log entry holds:
// package enclave makes it so.
func questionKey(r *release, c *Claims) string {
	specs, err := json.Marshal(c.Specs)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	b.WriteString("awase report v1\n{\"Question\":")
	b.Write(r.Question)
	b.WriteString(",\"Version\":" + strconv.Itoa(r.Version) + ",\"List\":" + strconv.Itoa(r.ListVersion) + ",\"Specs\":")
	b.Write(specs)
	b.WriteString(",\"Policy\":" + strconv.Quote(c.Policy) + ",\"Recipient\":" + strconv.Quote(c.Recipient) + "}")
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// reportDelta is δ′ of the statement: what a release's delta holds besides the
// mechanism's own (PRIVACY §4.5).
const reportDelta = 1e-6

var numbers = regexp.MustCompile(`[0-9]+`)

// parameters tells whether the parameters agree with the receipt, the cells and
// the statement in words.
func (r *release) parameters(c *Claims) bool {
	p, withheld := &r.Privacy, 0
	// The noise on a number of people, as the statement says it.
	deviation := int64(math.Round(float64(p.Sigma) * math.Sqrt(float64(max(1, p.CellsOfOne, p.Summed)))))
	for _, cell := range r.Cells {
		if cell.Status == "withheld" {
			withheld++
		}
	}
	for _, words := range []string{p.Statement.JA, p.Statement.EN} {
		said := numbers.FindAllString(words, -1)
		for _, n := range []int64{p.K, p.Tau, deviation} {
			if n != 0 && !slices.Contains(said, strconv.FormatInt(n, 10)) {
				return false
			}
		}
	}
	return p.Dev == c.Dev && p.Practice == c.Practice && math.Round(p.Rho*1e9) == float64(c.RhoNano) && p.Cells == len(r.Cells) && p.Withheld == withheld &&
		math.Abs(p.Delta-(reportDelta+float64(c.DeltaE15)/1e15)) < 1e-12
}
