package enclave

import (
	"slices"

	"awase/crypto/approval"
	"awase/entrustment"
)

// attempt is an officer's signature that came in.
type attempt struct {
	draft     *draft
	by        officer // whose key it is, or was
	known     bool
	signature approval.Signature
}

// control is one reason to refuse a signature. Tests take one out, to see the
// attack that it stops succeed.
type control struct {
	name   string
	refuse func(e *Enclave, a *attempt) *entrustment.Error
}

var approvalControls = []control{
	{"used once", func(_ *Enclave, a *attempt) *entrustment.Error {
		if a.draft.done {
			return approvalError("the draft was approved, and is used up", "awase drafts shows what waits")
		}
		return nil
	}},
	{"restored", func(e *Enclave, a *attempt) *entrustment.Error {
		if a.draft.void {
			return approvalError("the vault was restored, and does not know what became of this draft", "draft it again: run the command that made it")
		}
		if e.state.unconfirmed != nil && a.draft.Statement.Act != kindConfirm {
			return approvalError("the vault was restored, and that is not confirmed yet", "confirm that first: awase vault confirm")
		}
		return nil
	}},
	{"expires", func(e *Enclave, a *attempt) *entrustment.Error {
		if e.expired(a.draft) {
			return approvalError("the draft lapsed on "+japan(a.draft.expires), "draft it again: run the command that made it")
		}
		return nil
	}},
	{"desk key", func(e *Enclave, a *attempt) *entrustment.Error {
		if e.otherDesk(a.draft) {
			return otherDesk()
		}
		return nil
	}},
	{"predecessor", func(e *Enclave, a *attempt) *entrustment.Error {
		if !e.replaces(a.draft) {
			return approvalError("what the draft was to replace was changed meanwhile", "draft it again: run the command that made it, and read what it changes now")
		}
		return nil
	}},
	{"known", func(_ *Enclave, a *attempt) *entrustment.Error {
		if !a.known {
			return approvalError("the key is no officer's", "sign with the key that the party's party.yaml names")
		}
		return nil
	}},
	{"pinned", func(e *Enclave, a *attempt) *entrustment.Error {
		if !e.state.stands(a.by) {
			return approvalError("the key was replaced", "sign with the key that the party's party.yaml names now")
		}
		return nil
	}},
	{"concerned", func(e *Enclave, a *attempt) *entrustment.Error {
		if parties, err := e.concerns(a.draft.Statement.Act, a.draft.Document); err != nil || !slices.Contains(parties, a.by.party) {
			return approvalError("the act does not concern the officer's party", "officers of the parties that awase drafts names sign it")
		}
		return nil
	}},
	{"two people", func(e *Enclave, a *attempt) *entrustment.Error {
		for _, s := range e.counted(a.draft) {
			if s.by.party == a.by.party && s.by.Name == a.by.Name {
				return approvalError("this officer has signed already", "another officer signs too")
			}
		}
		return nil
	}},
	{"signature", func(e *Enclave, a *attempt) *entrustment.Error {
		message, err := e.message(&a.draft.Statement)
		if err != nil {
			return approvalError(err.Error(), "draft it again")
		}
		return verify(a.by, message, a.signature)
	}},
}

// verify checks an officer's signature over a message.
func verify(by officer, message []byte, s approval.Signature) *entrustment.Error {
	key, err := approval.ParseKey(by.Key, by.Origin)
	if err == nil {
		err = key.Verify(message, s)
	}
	if err != nil {
		return approvalError(err.Error(), "sign this draft with awase approve, in this vault")
	}
	return nil
}

func approvalError(detail, mend string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 9", Field: "approval", Detail: detail, Mend: mend}
}
