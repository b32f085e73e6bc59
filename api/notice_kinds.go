package api

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"awase/api/store"
)

// words is what people read, in both languages of the room.
type words struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// eventKind is a kind of event: who is told, and in what words. The words are a
// mail's subject, too: they say nothing of what it is about.
type eventKind struct {
	name  string
	roles []Role // none: nobody gets a notice
	words words
}

// eventKinds are all kinds.
func eventKinds() []eventKind {
	work := []Role{AdOps, Marketing}
	return []eventKind{
		{store.EventJobDone, work, words{"ジョブが完了しました", "A job is done"}},
		{store.EventJobFailed, work, words{"ジョブが失敗しました", "A job failed"}},
		{store.EventReportReady, []Role{Marketing, Viewer}, words{"レポートができました", "A report is ready"}},
		{store.EventDraftWaits, []Role{Privacy}, words{"承認待ちの文書があります", "A document waits for approval"}},
		{store.EventSchedulePaused, []Role{Marketing, Privacy}, words{"定期レポートが停止しました", "A schedule was paused"}},
		{store.EventFreeze, Roles(), words{"集計結果の提供が停止されました", "Releases were stopped"}},
		{store.EventUnfreeze, Roles(), words{"集計結果の提供が再開されました", "Releases go on"}},
		{store.EventUploadExpired, []Role{AdOps}, words{"アップロードの期限が切れました", "An upload expired"}},
		{store.EventUploadLost, []Role{AdOps}, words{"アップロードが失われました", "An upload was lost"}},
		{store.EventDataExpires, []Role{AdOps, Privacy}, words{"まもなく保存期間が満了するデータがあります", "Data is kept no longer soon"}},
		{store.EventContractExpires, []Role{Marketing, Privacy}, words{"契約の最終日が近づいています", "A contract's last day comes"}},
		{store.EventContractEnds, []Role{Marketing, Privacy}, words{"契約がまもなく終了し、データが破棄されます", "A contract ends soon, and its data is destroyed"}},
		{store.EventDeliveryReady, []Role{AdOps}, words{"配信ファイルを受け取れます", "A delivery can be fetched"}},
		{store.EventDeliveryFailed, work, words{"配信が完了しませんでした", "A delivery failed"}},
		{store.EventCampaignSmall, []Role{Marketing}, words{"配信対象が最小人数に届きませんでした", "An audience was too small"}},
		{store.EventWebhookDisabled, []Role{Admin}, words{"Webhook が無効になりました", "A webhook was disabled"}},
		{store.EventWebhookTest, nil, words{"Webhook のテスト", "A test of a webhook"}},
	}
}

func kindOf(name string) (eventKind, bool) {
	all := eventKinds()
	i := slices.IndexFunc(all, func(k eventKind) bool { return k.name == name })
	if i < 0 {
		return eventKind{}, false
	}
	return all[i], true
}

// toldTo tells whether people with any of roles are told of the kind.
func (k eventKind) toldTo(roles []Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(k.roles, r) })
}

// Limits of what an event says.
const (
	maxWord  = 128
	maxRun   = 40 // letters and digits on end: a SHA-256 in hex has 64, in base64 43
	maxWords = 8
)

// tame gives of an event's data the ids, words and paths, and leaves out the rest:
// webhooks carry it out of the room, and no gate stands in between. A number is
// what a release would be made of; text with an @, a + or a space, nine digits
// without a letter and a long run are what identifiers and their hashes look like.
// It leaves out rather than fails, for what told of it must not fail.
func tame(data json.RawMessage) (json.RawMessage, error) {
	var said map[string]any
	if err := json.Unmarshal(data, &said); err != nil || len(said) > maxWords {
		return nil, errors.New("an event's data is not an object of a few words")
	}
	for k, v := range said {
		if !word(k) || !tameValue(v) {
			delete(said, k)
		}
	}
	if len(said) == 0 {
		return nil, nil
	}
	return json.Marshal(said)
}

func tameValue(v any) bool {
	if list, ok := v.([]any); ok {
		return len(list) <= maxWords && !slices.ContainsFunc(list, func(v any) bool { text, ok := v.(string); return !ok || !word(text) })
	}
	text, ok := v.(string)
	return ok && word(text)
}

// word tells whether text is an id, a word or a path of the room.
func word(text string) bool {
	digits, letters, run := 0, 0, 0
	for _, r := range text {
		run++
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letters++
		case strings.ContainsRune("._-:/", r):
			run = 0
		default:
			return false
		}
		if run > maxRun {
			return false
		}
	}
	return text != "" && len(text) <= maxWord && (letters > 0 || digits < 9)
}
