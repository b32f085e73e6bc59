package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"

	"awase/entrustment"
)

//go:embed openapi.yaml
var contract []byte

// Contract is the contract of /v1: openapi.yaml, with who may ask for what out of
// access.yaml and what every operation has beside. It is nil where these files
// contradict themselves, which New refuses.
func Contract() []byte {
	p, err := makePages()
	if err != nil {
		return nil
	}
	return p.yaml
}

// pages are what the service says of itself.
type pages struct{ yaml, json, docs []byte }

// makePages makes them of the two files, once.
var makePages = sync.OnceValues(func() (p pages, err error) {
	rows, err := readAccess()
	if err != nil {
		return p, err
	}
	t, err := readTree(contract)
	if err != nil {
		return p, fmt.Errorf("reading openapi.yaml: %w", err)
	}
	doc, err := complete(t, rows)
	if err != nil {
		return p, fmt.Errorf("openapi.yaml: %w", err)
	}
	if doc, err = describe(doc); err != nil {
		return p, err
	}
	if p.yaml, err = yaml.MarshalWithOptions(doc.value, yaml.UseLiteralStyleIfMultiline(true)); err != nil {
		return p, fmt.Errorf("writing the contract: %w", err)
	}
	if p.json, err = doc.json(); err != nil {
		return p, fmt.Errorf("writing the contract: %w", err)
	}
	p.docs, err = docsPage(doc, rows)
	return p, err
})

var methods = []string{"get", "head", "options", "put", "post", "patch", "delete"}

// complete puts into the contract what follows from the rest: who may ask, the
// Idempotency-Key of POSTs, the refusal that every operation may give.
func complete(doc tree, rows map[string]access) (tree, error) {
	paths := doc.get("paths")
	for _, path := range paths.keys() {
		item := paths.get(path)
		for _, method := range item.keys() {
			if !slices.Contains(methods, method) {
				continue
			}
			op := item.get(method)
			id := op.get("operationId").text()
			row, ok := rows[id]
			if !ok {
				return doc, fmt.Errorf("%s %s: access.yaml has no row for its operationId %q", method, path, id)
			}
			op = op.set("security", securityOf(&row)).set("x-awase-access", accessOf(&row))
			if method == "post" && !row.Open && !row.Streams && !row.Secret && !row.Fresh && !op.has("parameters", idempotencyRef) {
				op = op.add("parameters", idempotencyRef)
			}
			if op.get("responses").get("default").value == nil {
				op = op.set("responses", op.get("responses").set("default", problemRef).value)
			}
			item = item.set(method, op.value)
		}
		paths = paths.set(path, item.value)
	}
	return doc.set("paths", paths.value), nil
}

// documentSchemas are the documents whose JSON Schemas the contract holds, each in
// place of the name that openapi.yaml has for it.
var documentSchemas = [][2]string{{"Party", "party"}, {"Policies", "policies"}, {"GateDocument", "gate"}, {"Contract", "entrustment"}, {"Question", "report"}, {"CampaignDocument", "campaign"}, {"BaseDocument", "base"}}

// describe puts the JSON Schemas of documents into the contract: they are in one
// place alone.
func describe(doc tree) (tree, error) {
	components := doc.get("components")
	all := components.get("schemas")
	for _, d := range documentSchemas {
		raw, err := entrustment.JSONSchema(d[1])
		if err != nil {
			return doc, err
		}
		// What a document's schema calls its own gets the document's name before it.
		raw = bytes.ReplaceAll(raw, []byte(`"#/$defs/`), []byte(`"#/components/schemas/`+d[0]+"."))
		s, err := readTree(raw)
		if err != nil {
			return doc, fmt.Errorf("reading the schema of a document: %w", err)
		}
		if all.get(d[0]).value == nil {
			return doc, fmt.Errorf("openapi.yaml has no schema %s", d[0])
		}
		for _, name := range s.get("$defs").keys() {
			all = all.set(d[0]+"."+name, s.get("$defs").get(name).value)
		}
		all = all.set(d[0], s.drop("$defs").drop("$schema").drop("title").set("description", s.get("title").value).value)
	}
	return doc.set("components", components.set("schemas", all.value).value), nil
}

var (
	idempotencyRef = yaml.MapSlice{{Key: "$ref", Value: "#/components/parameters/idempotencyKey"}}
	problemRef     = yaml.MapSlice{{Key: "$ref", Value: "#/components/responses/Problem"}}
)

// securityOf says how an operation asks who it is.
func securityOf(row *access) any {
	if row.Open {
		return []any{}
	}
	if row.Session {
		return []any{yaml.MapSlice{{Key: "session", Value: []any{}}}}
	}
	return []any{yaml.MapSlice{{Key: "token", Value: []any{row.Scope}}}, yaml.MapSlice{{Key: "session", Value: []any{}}}}
}

// accessOf says who may ask.
func accessOf(row *access) any {
	if row.Open {
		return yaml.MapSlice{{Key: "open", Value: true}}
	}
	var roles []any
	for _, r := range row.Roles {
		roles = append(roles, string(r))
	}
	out := yaml.MapSlice{{Key: "roles", Value: roles}}
	if row.Session {
		out = append(out, yaml.MapItem{Key: "session", Value: true})
	} else {
		out = append(out, yaml.MapItem{Key: "scope", Value: row.Scope})
	}
	if row.Operator {
		out = append(out, yaml.MapItem{Key: "operator", Value: true})
	}
	return out
}

// contractEndpoints are what the service says of itself.
func (s *Server) contractEndpoints() []endpoint {
	page := func(media string, raw []byte, more http.Header) func(*call) (*answer, error) {
		return func(*call) (*answer, error) {
			a := file(media, raw)
			// It is the same for everybody and says nothing of anybody.
			a.header.Set("Cache-Control", "public, no-cache")
			for k, v := range more {
				a.header[k] = v
			}
			return a, nil
		}
	}
	style := http.Header{"Content-Security-Policy": {"default-src 'none'; style-src '" + styleHash() + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}}
	return []endpoint{
		{"top", http.MethodGet, "/", s.top},
		{"health", http.MethodGet, "/healthz", s.health},
		{"ready", http.MethodGet, "/readyz", s.isReady},
		{"contractYAML", http.MethodGet, "/openapi.yaml", page("application/yaml", s.pages.yaml, nil)},
		{"contractJSON", http.MethodGet, "/openapi.json", page("application/json", s.pages.json, nil)},
		{"docs", http.MethodGet, "/docs", page("text/html; charset=utf-8", s.pages.docs, style)},
	}
}
