package intake

import "slices"

// template is the file form that a platform's help page describes.
type template struct {
	name string
	// all are the folded names that a header of it may have, and marks those of
	// which it has at least one.
	all, marks []string
	exact      []string // written so, not just alike
}

// templates, the one with the clearest marks first. Sources: Google Ads Help
// 7659867 and the header of its Customer Match template; Meta Business Help
// 2082575038703844; TikTok Ads Help, Customer File. LINE (LINE for Business,
// tracking_011) and Yahoo! JAPAN Ads (Help 37704) take one identifier a line
// without a header: see plainTemplate.
var templates = []template{
	{name: "TikTok Customer File",
		all: []string{"email", "phone", "maid", "idfa", "gaid", "emailsha256", "phonesha256", "maidsha256", "idfasha256", "gaidsha256",
			"emailmd5", "phonemd5", "maidmd5", "idfamd5", "gaidmd5"},
		marks: []string{"emailsha256", "phonesha256", "maidsha256", "idfasha256", "gaidsha256", "emailmd5", "phonemd5", "maidmd5", "idfamd5", "gaidmd5"}},
	{name: "Google Customer Match",
		all:   []string{"email", "phone", "firstname", "lastname", "country", "zip", "mobiledeviceid"},
		marks: []string{"firstname", "lastname", "zip", "mobiledeviceid"},
		exact: []string{"Email", "Phone", "First Name", "Last Name", "Country", "Zip", "Mobile Device ID"}},
	{name: "Meta customer list",
		all: []string{"email", "phone", "madid", "fn", "ln", "fi", "zip", "ct", "st", "country", "dob", "doby", "dobm", "dobd", "gen", "age",
			"uid", "value", "appuid", "pageuid", "externid"},
		marks: []string{"madid", "fn", "ln", "ct", "doby", "gen"}},
}

// templateOf names the template of a header, or gives "".
func templateOf(header []string) string {
	folded := make([]string, len(header))
	for i, h := range header {
		folded[i] = fold(h)
	}
	for _, t := range templates {
		marked, fits := false, true
		for i, f := range folded {
			if h := trimNumber(f); !slices.Contains(t.all, f) && !slices.Contains(t.all, h) || t.exact != nil && !slices.Contains(t.exact, header[i]) {
				fits = false
				break
			}
			marked = marked || slices.Contains(t.marks, f)
		}
		if fits && marked {
			return t.name
		}
	}
	return ""
}

// plainTemplate names what a file of one identifier a line may be: platforms
// that take one can't be told apart.
func plainTemplate(kind string, hashed bool) string {
	switch {
	case hashed, kind == "email", kind == "maid":
		return "LINE or Yahoo! JAPAN, one identifier a line"
	case kind == "phone":
		return "LINE, one identifier a line"
	}
	return ""
}

// metaDrops are columns of Meta's template that are not about matching.
var metaDrops = map[string]bool{"age": true, "uid": true, "value": true, "appuid": true, "pageuid": true, "externid": true}

// dropsOf tells whether a column of a template is left aside.
func dropsOf(template, column string) bool {
	return template == "Meta customer list" && metaDrops[fold(column)]
}
