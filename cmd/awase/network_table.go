package main

import (
	"context"
	"net/http"

	"awase/api/client"
)

// nouns are what the service keeps beside the vault. Each row is an operation of
// openapi.yaml; which role each needs stands in api/access.yaml.
func nouns() []noun {
	get, post, patch, drop := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	kinds := option{name: "kind", key: "kinds", kind: "strings", usage: "what it is told of, as `report.ready`; may be given again. None: of everything"}
	description := option{name: "description", usage: "a `text` for people"}
	schedule := func(required bool) []option {
		return []option{
			{name: "name", usage: "a `name` for people", required: required},
			{name: "spec", key: "question", kind: "question", usage: "spec.yaml: the question (`file`)", required: required},
			{name: "cron", usage: "when, in Japan: `\"minute hour day month weekday\"`", required: required},
			{name: "days", kind: "int", usage: "so many whole `days` up to the day before each run; without it, the question's own"},
			{name: "format", key: "formats", kind: "strings", usage: "a file that is named when it is ready, as `xlsx`; may be given again"},
		}
	}
	return []noun{
		{name: "jobs", short: "What takes longer in the room: loads, reports", operations: []operation{
			{op: "listJobs", method: get, path: "/v1/jobs", show: []string{"id", "kind", "state", "created", "ended", "reason.code"}, flags: []option{
				{name: "state", query: true, usage: "of one `state`: waiting, running, done, failed, canceled"},
				{name: "kind", query: true, usage: "of one `kind`: list, base, events, report, cube, schedule, expire"}}},
			{op: "getJob", use: "JOB", method: get, path: "/v1/jobs/{job}", show: []string{"id", "kind", "state", "progress.read", "progress.of"}},
			{op: "cancelJob", use: "cancel JOB", short: "Cancel a job", method: post, path: "/v1/jobs/{job}/cancel", show: []string{"id", "kind", "state"}},
		}},
		{name: "uploads", short: "Sealed files that were sent", operations: []operation{
			{op: "listUploads", method: get, path: "/v1/uploads", show: []string{"id", "entrustment", "name", "state", "size", "created"}},
			{op: "getUpload", use: "UPLOAD", method: get, path: "/v1/uploads/{upload}", show: []string{"id", "entrustment", "name", "state"}},
			{op: "deleteUpload", use: "drop UPLOAD", short: "Take an upload back", method: drop, path: "/v1/uploads/{upload}", done: "is taken back",
				do: func(ctx context.Context, r *client.Room, args []string, _ map[string]any) (any, error) {
					return nil, r.DeleteUpload(ctx, args[0])
				}},
		}},
		{name: "schedules", short: "Questions that are asked again and again", operations: []operation{
			{op: "listSchedules", method: get, path: "/v1/schedules", show: []string{"id", "name", "entrustment", "cron", "state", "next"}},
			{op: "getSchedule", use: "SCHEDULE", method: get, path: "/v1/schedules/{schedule}", show: []string{"id", "name", "entrustment", "cron", "state", "next"}},
			{op: "addSchedule", use: "add", short: "Ask a question again and again; it charges nothing now, and says what it will", method: post, path: "/v1/schedules", flags: schedule(true),
				show: []string{"id", "name", "cron", "state", "next", "price.run.rho", "price.runs_30d", "price.bears_30d", "price.warning"}},
			{op: "changeSchedule", use: "change SCHEDULE", short: "Change a schedule, pause it, or go on with it", method: patch, path: "/v1/schedules/{schedule}",
				flags: append(schedule(false), option{name: "state", usage: "active or paused (`state`)"}), show: []string{"id", "name", "cron", "state", "next"}},
			{op: "dropSchedule", use: "drop SCHEDULE", short: "Take a schedule away; its reports stay", method: drop, path: "/v1/schedules/{schedule}", done: "is taken away"},
		}},
		{name: "people", short: "People of one's party", long: "People of one's party; with an id, that one alone. Who invites people, gives them roles or disables them is signed in, with curl (docs/people.md): " +
			"an API token can't, or it could make itself a person with more rights than it has.", operations: []operation{
			{op: "listPeople", method: get, path: "/v1/people", show: []string{"id", "name", "email", "roles", "disabled", "signed_in"}},
			{op: "getPerson", use: "PERSON", method: get, path: "/v1/people/{person}", show: []string{"id", "name", "email", "roles", "disabled"}},
			{op: "listInvitations", use: "invitations", short: "Invitations that were not used yet", method: get, path: "/v1/invitations", show: []string{"id", "party", "email", "roles", "ends"}},
			{op: "me", use: "me", short: "Who asks: whose the token is, their roles, its scopes", method: get, path: "/v1/me", show: []string{"id", "party", "name", "email", "roles", "scopes"}},
		}},
		{name: "tokens", short: "API tokens, without what they open with", long: "API tokens: one's own; for admins and auditors, the party's. " +
			"Tokens are made and revoked by people who are signed in, with curl (docs/people.md, API tokens): a token that was stolen can't make another.", operations: []operation{
			{op: "listTokens", method: get, path: "/v1/tokens", show: []string{"id", "person", "name", "scopes", "ends", "used", "revoked"}},
		}},
		{name: "webhooks", short: "Addresses that are told what happens", operations: []operation{
			{op: "listWebhooks", method: get, path: "/v1/webhooks", show: []string{"id", "url", "kinds", "enabled", "disabled_by"}},
			{op: "getWebhook", use: "WEBHOOK", method: get, path: "/v1/webhooks/{webhook}", show: []string{"id", "url", "kinds", "enabled"}},
			{op: "addWebhook", use: "add", short: "Add a webhook; its secret is shown once", method: post, path: "/v1/webhooks", show: []string{"id", "url", "secret"},
				flags: []option{{name: "url", usage: "the `address`: https, on the public internet", required: true}, kinds, description}},
			{op: "changeWebhook", use: "change WEBHOOK", short: "Change a webhook, or enable it again", method: patch, path: "/v1/webhooks/{webhook}", show: []string{"id", "url", "kinds", "enabled"},
				flags: []option{{name: "url", usage: "the `address`: https, on the public internet"}, kinds, description, {name: "enabled", kind: "bool", usage: "whether it is told anything; --enabled=false: nothing"}}},
			{op: "dropWebhook", use: "drop WEBHOOK", short: "Take a webhook away", method: drop, path: "/v1/webhooks/{webhook}", done: "is taken away"},
			{op: "rotateWebhook", use: "secret WEBHOOK", short: "Give it a new secret, shown once; the one before signs for a day, too", method: post, path: "/v1/webhooks/{webhook}/secret", show: []string{"id", "url", "secret"}},
			{op: "testWebhook", use: "test WEBHOOK", short: "Send it a test", method: post, path: "/v1/webhooks/{webhook}/test", show: []string{"event"}},
			{op: "listDeliveries", use: "deliveries WEBHOOK", short: "What it was sent, and what came of each", method: get, path: "/v1/webhooks/{webhook}/deliveries", show: []string{"id", "kind", "subject", "state", "created", "ended"},
				flags: []option{{name: "state", query: true, usage: "of one `state`: waiting, sent, failed, dropped"}}},
			{op: "resendDelivery", use: "resend WEBHOOK DELIVERY", short: "Send a delivery again", method: post, path: "/v1/webhooks/{webhook}/deliveries/{delivery}/resend", show: []string{"id", "kind", "state"}},
		}},
		{name: "notices", short: "What the room has to tell", operations: []operation{
			{op: "listNotices", method: get, path: "/v1/notices", show: []string{"id", "kind", "title.en", "subject", "at", "read"},
				flags: []option{{name: "unread", kind: "bool", query: true, usage: "those that were not read"}}},
			{op: "readNotice", use: "read NOTICE", short: "Mark a notice as read", method: post, path: "/v1/notices/{notice}/read", done: "is read"},
			{op: "readNotices", use: "read-all", short: "Mark all notices as read", method: post, path: "/v1/notices/read-all", done: "all are read"},
			{op: "getNoticeSettings", use: "settings", short: "What there is to be told of, and what comes by mail", method: get, path: "/v1/me/notices", show: []string{"mail", "can_mail"}},
			{op: "changeNoticeSettings", use: "mail", short: "Say what comes by mail", method: patch, path: "/v1/me/notices", show: []string{"mail", "can_mail"},
				flags: []option{{name: "kind", key: "mail", kind: "strings", required: true, usage: "a `kind`, as report.ready; may be given again. --kind '': nothing"}}},
		}},
	}
}
