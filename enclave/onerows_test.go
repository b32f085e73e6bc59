package enclave

import "awase/crypto/seal"

// Contracts of the table, by what their id says: the flow that is run (a: 5-analysis,
// i: 5-improvement, p: 2-6-analysis), o: by a trustee. Service-limited people of jobs
// may be used under a, i and p, those of food under oi, of travel under op; oa is for no
// service.
const underAll = "a i p oa oi op"

// oneRows is the table. What is to be is written here from the policy (§2(6), §5, §7,
// §11(1)) and PRIVACY rules 1 to 3, and nowhere computed.
var oneRows = append([]oneRow{
	{who: "anybody", under: underAll},
	{who: "by phone", kind: "phone", under: underAll},
	{who: "by cookie", kind: "cookie", under: underAll},
	{who: "by maid", kind: "maid", under: underAll},

	// §11(1): promised to one service.
	{who: "service of the contract", is: limited("jobs"), under: "a i p"},
	{who: "another service", is: limited("food"), under: "oi"},
	{who: "a third", is: limited("travel"), under: "op"},
	{who: "service of none", is: limited("lodging"), under: ""},
	{who: "limited since", next: limited("jobs"), under: underAll, then: "a i p"},
	{who: "limited no more", is: limited("lodging"), next: limited(""), under: "", then: underAll},
	// §11(1): known from an enquiry alone.
	{who: "enquiry", is: enquired(true), under: "i oi"},
	{who: "enquiry since", next: enquired(true), under: underAll, then: "i oi"},
	{who: "enquiry no more", is: enquired(true), next: enquired(false), under: "i oi", then: underAll},
	{who: "enquiry of a service", is: both(enquired(true), limited("jobs")), under: "i"},

	// PRIVACY rule 1: the version of the policy that they agreed to.
	{who: "v2", is: agreedTo("v2"), under: underAll},
	{who: "improves", is: agreedTo("improves"), under: "i oi"},
	{who: "platforms", is: agreedTo("platforms"), under: "p op"},
	{who: "elsewhere", is: agreedTo("elsewhere"), under: ""},
	{who: "nothing", is: agreedTo("nothing"), under: ""},
	{who: "unknown version", is: agreedTo("v9"), under: ""},
	{who: "no version", is: agreedTo(""), under: ""},
	{who: "agreed since", is: agreedTo("nothing"), next: agreedTo("v2"), under: "", then: underAll},
	{who: "agreed no more", next: agreedTo(""), under: underAll, then: "-"},
	// And the consent that a list or a log has.
	{who: "no on the lists", list: [2]string{"no", "no"}, under: underAll, by: "BTUO"},
	{who: "unclear on the lists", list: [2]string{"perhaps", "perhaps"}, under: underAll, by: "BTUO"},
	{who: "no since", list: [2]string{"yes", "no"}, under: underAll, by: "BLTUO"},
	{who: "no longer no", list: [2]string{"no", "yes"}, under: underAll, by: "BMTUO"},
	{who: "no in the logs", log: [2]string{"no", "no"}, under: underAll, by: "BLMO"},
	{who: "no in the log since", log: [2]string{"yes", "no"}, under: underAll, by: "BLMTO"},

	// PRIVACY rule 3: only what is verified is indexed. What names them by their user
	// key names them.
	{who: "unverified", is: checked(false), under: underAll, by: "BO"},
	{who: "verified since", is: checked(false), next: checked(true), under: underAll, by: "BO", thenBy: everywhere},
	{who: "verified no more", next: checked(false), under: underAll, thenBy: "BO"},
	// And a token of two is nobody's, also when one of them is gone.
	{who: "twin", is: shares("twins"), under: underAll, by: "BO"},
	{who: "other twin", is: shares("twins"), under: underAll, by: "BO"},
	{who: "twin with a phone", is: both(shares("twins"), hasPhone), under: underAll},
	{who: "left alone", is: shares("leavers"), under: underAll, by: "BO"},
	{who: "leaver", is: shares("leavers"), away: "234", under: underAll, by: "BO", phases: "11000"},

	{who: "gone from the base", away: "234", under: underAll, phases: "11000"},
	{who: "gone, and back", away: "3", under: underAll, phases: "11101"},
}, oneRequests()...)

// oneKinds says of each kind of request whether who makes it is in use after it (§7):
// out until they agree again, or in as before.
var oneKinds = map[seal.RequestKind]bool{
	seal.Deletion:      false,
	seal.Stop:          false,
	seal.Correction:    true,
	seal.Addition:      true,
	seal.PurposeNotice: true,
	"disclosure":       true,
}

// oneRequests are the rows of who asks.
func oneRequests() (rows []oneRow) {
	for _, kind := range seal.RequestKinds() {
		add := func(what string, r oneRow) {
			if r.asks, r.who = kind, string(kind)+", "+what; r.under == "" {
				r.under = underAll
			}
			rows = append(rows, r)
		}
		if oneKinds[kind] {
			add("in", oneRow{})
			add("agreed again", oneRow{agreed: [3]string{"0", "1", "1"}})
			add("limited", oneRow{is: limited("food"), under: "oi"})
			continue
		}
		for _, by := range []string{"email", "phone", "cookie", "maid"} {
			add("by "+by, oneRow{kind: by, phases: "10000"})
		}
		// The day of the request is day 0; bases are loaded on days 0, 1 and 2.
		add("agreed the day before", oneRow{agreed: [3]string{"-1", "-1", "-1"}, phases: "10000"})
		add("agreed the same day", oneRow{agreed: [3]string{"0", "0", "0"}, phases: "10000"})
		add("agreed later", oneRow{agreed: [3]string{"0", "1", "1"}, phases: "10011"})
		add("agreed later, and by phone", oneRow{kind: "phone", agreed: [3]string{"1", "1", "1"}, phases: "10011"})
		add("agreed on a day to come", oneRow{agreed: [3]string{"1", "2", "2"}, phases: "10001"})
		add("agreed, and the base forgets", oneRow{agreed: [3]string{"0", "1", ""}, phases: "10010"})
		add("agreed to nothing", oneRow{next: agreedTo("nothing"), agreed: [3]string{"0", "1", "1"}, then: "-", phases: "10011"})
		add("agreed, limited", oneRow{is: limited("food"), agreed: [3]string{"0", "1", "1"}, under: "oi", phases: "10011"})
		add("agreed, from an enquiry", oneRow{is: enquired(true), agreed: [3]string{"0", "1", "1"}, under: "i oi", phases: "10011"})
		add("agreed, no on the lists", oneRow{list: [2]string{"no", "no"}, agreed: [3]string{"0", "1", "1"}, by: "BTUO", phases: "10011"})
		add("gone, and back", oneRow{away: "23", phases: "10000"})
	}
	return rows
}

func limited(to string) func(*oracleUser)           { return func(u *oracleUser) { u.service = to } }
func enquired(alone bool) func(*oracleUser)         { return func(u *oracleUser) { u.enquiry = alone } }
func agreedTo(version string) func(*oracleUser)     { return func(u *oracleUser) { u.version = version } }
func checked(yes bool) func(*oracleUser)            { return func(u *oracleUser) { u.verified = yes } }
func both(f, g func(*oracleUser)) func(*oracleUser) { return func(u *oracleUser) { f(u); g(u) } }

// shares gives somebody the address of others, and no other identifier.
func shares(address string) func(*oracleUser) {
	return func(u *oracleUser) { u.ids = []clean{{"email", address, "example.jp"}} }
}

func hasPhone(u *oracleUser) { u.ids = append(u.ids, clean{"phone", "8012345678", ""}) }
