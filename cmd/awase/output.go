package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/entrustment"
)

const jsonHelp = "print one JSON value; a refusal as JSON on standard error"

// jsonFlag gives a command its --json, unless it has one.
func jsonFlag(cmd *cobra.Command) *cobra.Command {
	if cmd.Flags().Lookup("json") == nil {
		cmd.Flags().Bool("json", false, jsonHelp)
	}
	return cmd
}

// asJSON tells whether a command is to print JSON.
func asJSON(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup("json")
	return f != nil && f.Value.String() == "true"
}

// answer prints what a command has to say: v with --json, else what text writes.
func answer(cmd *cobra.Command, v any, text func(w io.Writer) error) error {
	if !asJSON(cmd) {
		return text(cmd.OutOrStdout())
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// answerLines is answer of a value whose text is in lines that are said.
func answerLines(cmd *cobra.Command, v any, say func()) error {
	return answer(cmd, v, func(io.Writer) error { say(); return nil })
}

// answerExact is answer of what holds documents that are signed: they keep their
// bytes, so nothing is indented.
func answerExact(cmd *cobra.Command, v any, text func(w io.Writer) error) error {
	if !asJSON(cmd) {
		return text(cmd.OutOrStdout())
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// answerJSON prints what is JSON with and without --json, as it is: it is signed, or
// a file for another command.
func answerJSON(cmd *cobra.Command, raw []byte, err error) error {
	if err == nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
	}
	return err
}

// refusal is a refusal as the service writes it (RFC 9457), as far as a command
// knows it, and the exit status.
type refusal struct {
	Type     string           `json:"type"`
	Status   int              `json:"status,omitempty"`   // of HTTP, where a room refused
	Instance string           `json:"instance,omitempty"` // the room's id of the request
	Exit     int              `json:"exit"`
	Code     entrustment.Code `json:"code"`
	Clause   string           `json:"clause,omitempty"`
	Field    string           `json:"field,omitempty"`
	Detail   string           `json:"detail"`
	Mend     string           `json:"mend,omitempty"`

	Contract entrustment.ContractClause `json:"contract,omitzero"`
}

// wantsJSON tells whether a command line asks for JSON, one that was not
// understood too.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if cmd != nil && asJSON(cmd) {
		return true
	}
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// sayRefused writes why a command did not do what it was to do.
func sayRefused(w io.Writer, inJSON bool, exit int, err error) {
	if !inJSON {
		fmt.Fprintln(w, "awase:", err)
		return
	}
	out := refusal{Type: "urn:awase:refused", Exit: exit, Code: "E_FAILED", Detail: err.Error()}
	if _, ok := errors.AsType[usageError](err); ok {
		out.Code = "E_USAGE"
	} else if e, ok := errors.AsType[*entrustment.Error](err); ok {
		out.Code, out.Clause, out.Field, out.Detail, out.Mend, out.Contract = e.Code, e.Clause, e.Field, e.Detail, e.Mend, e.Contract
		// What was said around it, as which file it was about.
		if rest := strings.Replace(err.Error(), e.Error(), "", 1); strings.Trim(rest, " :;\n") != "" {
			out.Detail = err.Error()
		}
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		out.Status, out.Instance = e.Status, e.Request
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(out) // standard error that can't be written says nothing more
}
