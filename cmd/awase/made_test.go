package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
)

// A report that others read is an answer, not a refusal, in words and in JSON.
func TestSaysWhoReads(t *testing.T) {
	t.Parallel()
	for _, inJSON := range []bool{false, true} {
		var said bytes.Buffer
		cmd := jsonFlag(&cobra.Command{})
		cmd.SetOut(&said)
		if err := cmd.Flags().Set("json", fmt.Sprint(inJSON)); err != nil {
			t.Fatal(err)
		}
		cmd.SetContext(t.Context())
		err := askOver(cmd, &outputs{files: []string{"a.csv"}}, func(context.Context) (*wire.Release, error) {
			return nil, &client.Made{Report: "rep-1", Recipient: "acme"}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !inJSON {
			if got := said.String(); !strings.Contains(got, "the table is made, and people of acme read it (awase reports rep-1); no file is written here") {
				t.Errorf("%s", got)
			}
			continue
		}
		var made client.Made
		if err := json.Unmarshal(said.Bytes(), &made); err != nil || made.Report != "rep-1" || made.Recipient != "acme" {
			t.Errorf("%s, %v", &said, err)
		}
	}
}
