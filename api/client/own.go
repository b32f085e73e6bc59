package client

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Me is who asks, as the room knows them.
type Me struct {
	ID       string   `json:"id"`
	Party    string   `json:"party"`
	Roles    []string `json:"roles"`
	Operator bool     `json:"operator"`
}

// Me tells who asks.
func (r *Room) Me(ctx context.Context) (Me, error) { return get[Me](ctx, r, "/v1/me") }

// Ledger gives the statement of the privacy budgets: of the asker's own group, and
// for officers of the operator of any, or of all.
func (r *Room) Ledger(ctx context.Context, req wire.LedgerRequest) (*wire.Ledger, error) {
	if req.Group == "" {
		path := "/v1/ledger"
		if req.Officer {
			path += "?officer=true"
		}
		return get[*wire.Ledger](ctx, r, path)
	}
	own, err := r.group(ctx)
	if err != nil {
		return nil, err
	}
	if own == req.Group && !req.Officer {
		return get[*wire.Ledger](ctx, r, "/v1/ledger")
	}
	l, err := get[*wire.Ledger](ctx, r, "/v1/ledger?officer=true")
	if err != nil {
		return nil, err
	}
	l.Accounts = slices.DeleteFunc(l.Accounts, func(a wire.LedgerAccount) bool { return a.Recipient != req.Group })
	if !req.Officer {
		l.Alarms = nil
	}
	if len(l.Accounts) > 0 {
		return l, nil
	}
	all, err := r.Parties(ctx)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(all, func(p wire.PartyInfo) bool { return p.Party.Group == req.Group }) {
		return l, nil
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "group", Detail: "there is no recipient group " + entrustment.Quote(req.Group),
		Mend: "awase ledger without --group shows all accounts; a party's group stands in its party.yaml"}
}

// group gives the group of the asker's party.
func (r *Room) group(ctx context.Context) (string, error) {
	me, err := r.Me(ctx)
	if err != nil {
		return "", err
	}
	p, err := get[wire.PartyInfo](ctx, r, "/v1/parties/"+url.PathEscape(me.Party))
	if err != nil || p.Party == nil {
		return "", unknown(err, "party", "your party is not in the room yet", "ask the operator to add it: awase party add")
	}
	return p.Party.Group, nil
}

// logLimit is how many entries are given where nobody says how many.
const logLimit = 500

// Log gives entries of the record log that the asker's party may read; all, for
// officers of the operator.
func (r *Room) Log(ctx context.Context, req wire.LogRequest) (wire.LogPage, error) {
	want := req.Limit
	if want == 0 {
		want = logLimit
	}
	if want < 0 || want > logLimit || req.From < 0 {
		return wire.LogPage{}, &entrustment.Error{Code: entrustment.CodeLimit, Field: "log", Detail: "entries are counted from 0, and a page has at most 500", Mend: "ask for another page"}
	}
	q := url.Values{"from": {strconv.FormatInt(req.From, 10)}}
	if req.Party == "" {
		q.Set("all", "true")
	} else if me, err := r.Me(ctx); err != nil {
		return wire.LogPage{}, err
	} else if me.Party != req.Party {
		return wire.LogPage{}, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: "party", Detail: "a party's view of the log is for its own people", Mend: "leave it out for your own party's; officers of the operator ask for all"}
	}
	out := wire.LogPage{Entries: []wire.LogEntry{}}
	for {
		q.Set("limit", strconv.Itoa(min(want-len(out.Entries), 200)))
		page, err := get[struct {
			Items []wire.LogEntry `json:"items"`
			Size  int64           `json:"size"`
			Next  string          `json:"next"`
		}](ctx, r, "/v1/log?"+q.Encode())
		if err != nil {
			return wire.LogPage{}, err
		}
		out.Entries, out.Size = append(out.Entries, page.Items...), page.Size
		if page.Next == "" || len(page.Items) == 0 {
			return out, nil
		}
		if len(out.Entries) >= want {
			out.Next = page.Items[len(page.Items)-1].Seq + 1
			return out, nil
		}
		q.Set("cursor", page.Next)
	}
}
