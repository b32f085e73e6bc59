package enclave

import (
	"encoding/hex"
	"slices"
	"time"

	"awase/aggregator"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/entrustment"
)

// What a reader is told of an entry: no segment, key, signature, commitment or
// officer's name, and no number of another party.
type (
	shownParty struct {
		Class    entrustment.PartyClass `json:"class"`
		Group    string                 `json:"group"`
		Country  string                 `json:"country"`
		Officers int                    `json:"officers"`
		Delivery string                 `json:"delivery_fingerprint,omitempty"` // of the key, which is public, and long
		Serving  string                 `json:"serving_fingerprint,omitempty"`
	}
	shownBase struct {
		Version int   `json:"version"`
		Users   int64 `json:"users"`
	}
	shownList struct {
		Name    string      `json:"name"`
		Version int         `json:"version"`
		Under   int         `json:"entrustment_version"`
		Change  seal.Change `json:"change"`
		Rows    int64       `json:"rows,omitempty"`   // for its owner
		Tokens  int64       `json:"tokens,omitempty"` // likewise
	}
	shownEvents struct {
		Version int              `json:"version"`
		Under   int              `json:"entrustment_version,omitempty"`
		Rows    int64            `json:"rows,omitempty"` // for its owner, as all that follows
		From    entrustment.Date `json:"from,omitzero"`
		To      entrustment.Date `json:"to,omitzero"`
	}
	shownUpload struct {
		Became string `json:"became"`
		Under  int    `json:"entrustment_version,omitempty"`
	}
	shownCharge struct {
		AskedBy string `json:"asked_by,omitempty"`
		Report  string `json:"report"`
		List    string `json:"list,omitempty"`
		Table   string `json:"table"`
		*shownSpent
	}
	shownSpent struct { // for who paid, and officers
		Spec     string   `json:"spec"`
		RhoNano  int64    `json:"rho_nano"`
		DeltaE15 int64    `json:"delta_e15"`
		Owners   []string `json:"owners"`
		Dims     []string `json:"dims,omitempty"`
		Where    string   `json:"where,omitempty"`
	}
	shownTable struct {
		Spec    string `json:"spec"`
		Policy  string `json:"policy"`
		RhoNano int64  `json:"rho_nano"`
	}
	shownHold struct {
		Name     string                `json:"name"`
		Question *entrustment.Question `json:"question"`
		Until    string                `json:"until"`
	}
	shownReport struct {
		Version   int    `json:"version"`
		Recipient string `json:"recipient"`
		AskedBy   string `json:"asked_by,omitempty"`
		*shownRelease
	}
	shownRelease struct { // for its recipient
		Table       string `json:"table"`
		Policy      string `json:"policy"`
		RhoNano     int64  `json:"rho_nano"`
		DeltaE15    int64  `json:"delta_e15"`
		Confinement string `json:"confinement"`
	}
	shownCampaign struct {
		Campaign string                `json:"campaign"`
		Version  int                   `json:"version"`
		Document *entrustment.Campaign `json:"document"`
	}
	shownDelivery struct {
		Campaign string           `json:"campaign"`
		Number   int              `json:"number,omitempty"`
		Version  int              `json:"version"`
		Receiver string           `json:"receiver"`
		Form     entrustment.Form `json:"form,omitempty"`
		Act      string           `json:"act,omitempty"`
		Small    bool             `json:"too_small,omitempty"`
		Daily    bool             `json:"daily,omitempty"`
		Final    bool             `json:"final,omitempty"`
		Expires  string           `json:"expires,omitempty"`
		Sealed   string           `json:"sealed,omitempty"` // SHA-256 of the file, for its receiver
	}
	shownHanded struct {
		Campaign string `json:"campaign"`
		Number   int    `json:"number"`
		Receiver string `json:"receiver"`
		Status   string `json:"status"`
		Reason   string `json:"reason,omitempty"`
	}
	shownClosed struct {
		Campaign string `json:"campaign"`
		AskedBy  string `json:"asked_by,omitempty"`
	}
	shownEnd struct {
		Version int    `json:"version"`
		Backups string `json:"backups,omitempty"`
		Terms   bool   `json:"terms,omitempty"`
	}
	shownExpired struct {
		Version int       `json:"version"`
		What    string    `json:"what"`
		Things  []expired `json:"things"`
		Backups string    `json:"backups,omitempty"`
	}
	shownForget struct {
		Base    int      `json:"base"`
		Kinds   []string `json:"kinds"`
		Backups string   `json:"backups,omitempty"`
	}
	shownDraft struct {
		Act     string `json:"act"`
		ID      string `json:"id,omitempty"`
		Version int    `json:"version"`
		Expires string `json:"expires"`
	}
	shownApproval struct {
		Draft     string `json:"draft"`
		Effective bool   `json:"effective"`
		Act       string `json:"act,omitempty"` // where it is effective
	}
	shownWithdraw struct {
		Draft string `json:"draft"`
	}
	shownRotation struct {
		Generation int64 `json:"generation"`
	}
	shownEngine struct {
		Engine string `json:"engine"`
		Shards int    `json:"shards,omitempty"`
		Begun  bool   `json:"begun,omitempty"`
		Lost   bool   `json:"lost,omitempty"`
	}
	shownDropped struct {
		Engine string   `json:"engine"`
		Ends   []string `json:"entrustments,omitempty"`
		All    bool     `json:"all,omitempty"`
		Found  bool     `json:"found,omitempty"`
		// Expired is the entry of the expiry that it is of.
		Expired int64 `json:"expired,omitempty"`
	}
	shownBackup struct {
		Expires entrustment.Date `json:"expires"`
	}
	shownRequest struct {
		Number int64            `json:"number"`
		Kind   seal.RequestKind `json:"kind"`
	}
	shownDeskKey struct {
		Fingerprint string `json:"fingerprint"`
	}
	shownDisclosure struct {
		Number int64 `json:"number"`
	}
	shownRestore struct {
		Lost bool `json:"lost"`
	}
	shownLost struct {
		Segments int `json:"segments"`
	}
)

// shown decides whether a reader sees an entry, and what of it. It is the only
// place where that is decided: what it does not name is not shown, nor what does
// not decode.
func shown(v viewer, r *vault.Record, _ *place) (any, bool) {
	own, all := v.owner || v.officer, v.owner || v.role || v.spender || v.officer
	switch r.Kind {
	case kindParty, kindCeremony:
		return tell(own, r, func(p *entrustment.Party) shownParty {
			return shownParty{p.Class, p.Group, p.Country, len(p.Officers), keyPrint(p.DeliveryKey), keyPrint(p.ServingKey)}
		})
	case kindPolicies:
		return tell(own, r, func(p *entrustment.Policies) *entrustment.Policies { return p })
	case kindGate:
		return tell(own, r, func(g *gateRecord) *gateRecord { return g })
	case kindEntrust:
		return tell(all || v.sub, r, func(e *entrustRecord) *entrustRecord { return e })
	case kindBase:
		return tell(own, r, func(b *baseRecord) shownBase { return shownBase{b.Version, b.Users} })
	case kindList:
		return tell(all, r, func(l *listRecord) shownList {
			out := shownList{Name: l.Name, Version: l.Version, Under: l.Under, Change: l.Change}
			if v.owner {
				out.Rows, out.Tokens = l.Rows, l.Tokens
			}
			return out
		})
	case kindEvents:
		return tell(all, r, func(l *eventsRecord) shownEvents {
			out := shownEvents{Version: l.Version, Under: l.Under}
			if v.owner {
				out.Rows, out.From, out.To = l.Rows, l.From, l.To
			}
			return out
		})
	case kindUpload:
		return tell(own, r, func(u *upload) shownUpload { return shownUpload{u.Became, u.Under} })
	case kindCharge:
		return tell(all || v.asker, r, func(c *chargeRecord) []shownCharge { return charges(c, v.spender || v.officer) })
	case kindTable:
		return tell(v.officer, r, func(t *aggregator.Table) shownTable { return shownTable{t.Spec.String(), t.Policy.String(), t.RhoNano} })
	case kindAlarm:
		return tell(v.officer, r, func(a *aggregator.Alarm) *aggregator.Alarm { return a })
	case kindReserve:
		return tell(v.spender || v.officer, r, func(h *aggregator.Reservation) shownHold { return shownHold{h.Name, &h.Question, utc(h.Until)} })
	case kindFree:
		return tell(v.spender || v.officer, r, func(f *freeRecord) *freeRecord { return f })
	case kindRefusal:
		return tell(all || v.asker, r, func(f *refusalRecord) *refusalRecord { return f })
	case kindEnd:
		return tell(all || v.sub, r, func(e *endRecord) shownEnd { return shownEnd{e.Version, e.Backups, e.Terms} })
	case kindExpired:
		return tell(all, r, func(x *expiredRecord) shownExpired { return shownExpired{x.Version, x.What, x.Things, x.Backups} })
	case kindForget:
		return tell(own, r, func(f *forgetRecord) shownForget { return shownForget{f.Base, f.Kinds, f.Backups} })
	case kindReport:
		return tell(all || v.asker, r, func(p *reportRecord) shownReport {
			out := shownReport{Version: p.Version, Recipient: p.Recipient, AskedBy: p.AskedBy}
			if v.owner {
				out.shownRelease = &shownRelease{p.Table, p.Policy.String(), p.RhoNano, p.DeltaE15, p.Confinement}
			}
			return out
		})
	case kindCampaign:
		return tell(all, r, func(c *campaignRecord) shownCampaign { return shownCampaign{c.Campaign.ID, c.Version, c.Campaign} })
	case kindDelivery:
		return tell(all, r, func(d *deliveryRecord) shownDelivery {
			out := shownDelivery{Campaign: d.Campaign, Number: d.Number, Version: d.Version, Receiver: d.Receiver, Form: d.Form, Act: d.Act, Small: d.Small, Daily: d.Daily, Final: d.Final}
			if d.Small {
				out.Number = 0
				return out
			}
			out.Expires = utc(time.Unix(d.Expires, 0))
			if v.owner {
				out.Sealed = hex.EncodeToString(d.Sealed[:])
			}
			return out
		})
	case kindHanded:
		return tell(all, r, func(h *handedRecord) shownHanded {
			return shownHanded{h.Campaign, h.Number, h.Receiver, h.Status, h.Reason}
		})
	case kindClosed:
		return tell(all || v.asker, r, func(c *closedRecord) shownClosed { return shownClosed{c.Campaign, c.AskedBy} })
	case kindDraft:
		return tell(all, r, func(d *draftRecord) shownDraft {
			return shownDraft{d.Statement.Act, d.Statement.ID, d.Statement.Version, d.Statement.Expires}
		})
	case kindApproval:
		return tell(all || v.sub, r, func(a *approvalRecord) shownApproval {
			out := shownApproval{Draft: a.Draft}
			if a.Act != nil {
				out.Effective, out.Act = true, a.Act.Kind
			}
			return out
		})
	case kindWithdraw:
		return tell(all, r, func(w *withdrawRecord) shownWithdraw { return shownWithdraw{w.Draft} })
	case kindRotation:
		return tell(own, r, func(n *rotationRecord) shownRotation { return shownRotation{n.Generation} })
	case kindBackup:
		return tell(own, r, func(b *backupRecord) shownBackup { return shownBackup{b.Expires} })
	case kindRequest:
		return tell(own, r, func(q *requestRecord) shownRequest { return shownRequest{q.Number, q.Kind} })
	case kindDeskKey:
		return tell(own, r, func(k *deskKeyRecord) shownDeskKey { return shownDeskKey{k.Fingerprint} })
	case kindDisclosure: // of a vault where nobody signs: else it stands in an approval
		return tell(own, r, func(d *disclosureRecord) shownDisclosure { return shownDisclosure{d.Number} })
	case vault.KindRestore:
		return tell(own, r, func(b *vault.RestoreRecord) shownRestore { return shownRestore{b.Lost} })
	case kindLost:
		return tell(own, r, func(l *lostRecord) shownLost { return shownLost{len(l.Segments)} })
	case kindEngine:
		return tell(own, r, func(m *engineRecord) shownEngine { return shownEngine{m.Engine, m.Shards, m.Begun, m.Lost} })
	case kindDropped:
		return tell(all, r, func(d *droppedRecord) shownDropped { return shownDropped{d.Engine, d.Ends, d.All, d.Found, d.Expired} })
	case vault.KindClock, kindFreeze, kindLift, kindConfirm: // that it was done
		return nil, own
	}
	return nil, false
}

// tell gives what a reader who may see an entry is told of it.
func tell[B, S any](may bool, r *vault.Record, what func(*B) S) (any, bool) {
	if !may {
		return nil, false
	}
	b, err := body[B](r)
	if err != nil {
		return nil, false
	}
	return what(b), true
}

func charges(c *chargeRecord, spent bool) []shownCharge {
	out := make([]shownCharge, len(c.Charges))
	for i := range c.Charges {
		of := &c.Charges[i]
		out[i] = shownCharge{AskedBy: of.For.AskedBy, Report: of.For.Report, List: of.For.List, Table: of.For.Table}
		if spent {
			s := &shownSpent{Spec: of.Spec.String(), RhoNano: of.RhoNano, DeltaE15: of.DeltaE15, Dims: of.For.Dims, Where: of.For.Where}
			for _, a := range of.Accounts {
				if !slices.Contains(s.Owners, a.Owner) {
					s.Owners = append(s.Owners, a.Owner)
				}
			}
			out[i].shownSpent = s
		}
	}
	return out
}
