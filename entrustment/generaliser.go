package entrustment

import (
	"encoding/json"
	"errors"
)

// generaliserDoc is the mapping form of a Generaliser.
type generaliserDoc struct {
	BirthDate *Band   `yaml:"birth_date" json:"birth_date,omitempty"`
	Age       *Band   `yaml:"age" json:"age,omitempty"`
	Amount    []int64 `yaml:"amount" json:"amount,omitempty"`
}

const generaliserForms = "prefecture, region, day, {birth_date: {width, from, to}}, {age: {width, from, to}}, {amount: [bounds]}"

// bindNode reads a word or a mapping of one key.
func (g *Generaliser) bindNode(b *binder, n *node, path string) *Error {
	if n.kind == scalarNode {
		if !g.setWord(n.text) {
			return b.at.refuse(path, echo(n.text)+" is not a generaliser", "allowed: "+generaliserForms)
		}
		return nil
	}
	var doc generaliserDoc
	if err := b.bindInto(&doc, n, path); err != nil {
		return err
	}
	if len(n.keys) != 1 || !g.setDoc(doc) {
		return b.at.refuse(path, "must be one generaliser", "allowed: "+generaliserForms)
	}
	return nil
}

func (g *Generaliser) setWord(word string) bool {
	*g = Generaliser{Prefecture: word == "prefecture", Region: word == "region", Day: word == "day"}
	return g.Prefecture || g.Region || g.Day
}

func (g *Generaliser) setDoc(doc generaliserDoc) bool {
	*g = Generaliser{BirthDate: doc.BirthDate, Age: doc.Age, Amount: doc.Amount}
	given := 0
	for _, is := range []bool{g.BirthDate != nil, g.Age != nil, g.Amount != nil} {
		if is {
			given++
		}
	}
	return given == 1
}

// value gives the document form: a word or a mapping.
func (g Generaliser) value() any {
	switch {
	case g.Prefecture:
		return "prefecture"
	case g.Region:
		return "region"
	case g.Day:
		return "day"
	}
	return generaliserDoc{g.BirthDate, g.Age, g.Amount}
}

// MarshalJSON gives the form that documents are written in.
func (g Generaliser) MarshalJSON() ([]byte, error) { return json.Marshal(g.value()) }

// MarshalYAML gives the form that documents are written in. JSON is YAML.
func (g Generaliser) MarshalYAML() ([]byte, error) { return g.MarshalJSON() }

// UnmarshalJSON reads the form that documents are written in.
func (g *Generaliser) UnmarshalJSON(data []byte) error {
	var word string
	var doc generaliserDoc
	if json.Unmarshal(data, &word) == nil && g.setWord(word) {
		return nil
	}
	if err := json.Unmarshal(data, &doc); err == nil && g.setDoc(doc) {
		return nil
	}
	return errors.New("not a generaliser; allowed: " + generaliserForms)
}
