package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/delivery"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

func baseLoad() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{Use: "load --vault V --schema base.yaml users.csv|users.parquet", Short: "Load the operator's users", Args: exactArgs("file")}
	f.add(cmd, "base.yaml: how the table becomes the identity base")
	f.addSign(cmd)
	return withVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		if f.schema == "" {
			return usageError{errors.New("name the base's schema with --schema")}
		}
		f.json = asJSON(cmd)
		return loadBase(cmd.Context(), e, args[0], &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
}

func loadBase(ctx context.Context, e wire.Enclave, path string, f *loadFlags, out, errOut io.Writer) error {
	schema, err := readBaseSchema(f.schema)
	if err != nil {
		return err
	}
	put := func(sealed io.Reader) (string, error) {
		loaded, err := e.LoadBase(ctx, schema, sealed)
		return f.says(loaded, baseText(loaded)), err
	}
	f.repeated = func(err error, file io.ReaderAt, size int64, o intake.Options, report *intake.Report) (error, bool) {
		return nameRepeated(ctx, err, file, size, schema, o, report)
	}
	f.sends(e, errOut)
	to := destination{seal.BaseName, func() (wire.Terms, error) { return e.Terms(ctx, seal.BaseEntrustment) }}
	open := func() (opener, error) { return f.opener(ctx, true) }
	return f.loadOrOpen(path, "loading users", out, errOut, open, to, put, func(in *intake.File) (string, error) {
		terms, err := to.terms()
		if err != nil {
			return "", err
		}
		sealed := f.sealing(ctx, terms, to.name, in)
		defer sealed.Close()
		return put(sealed)
	})
}

// nameRepeated says in which rows of the table the user keys stand that the room refused
// it for; false: it was refused for something else, or no row can be named.
func nameRepeated(ctx context.Context, err error, file io.ReaderAt, size int64, schema *entrustment.BaseSchema, o intake.Options, report *intake.Report) (error, bool) {
	refused, ok := errors.AsType[*entrustment.Error](err)
	if !ok || refused.Code != entrustment.CodeFile || refused.Field != "user_key" {
		return err, false
	}
	first, rerr := intake.NameRepeated(ctx, file, size, schema, o, report)
	if rerr != nil || len(first) == 0 {
		return errors.Join(err, rerr), false
	}
	rows := make([]string, len(first))
	for i, row := range first {
		rows[i] = strconv.FormatInt(row, 10)
	}
	told := *refused
	told.Detail += "; the first of them in rows " + strings.Join(rows, ", ")
	return &told, true
}

func baseText(l wire.BaseLoaded) string {
	text := fmt.Sprintf("base %s: %s, version %d, log entry %d\n", loadedWord(l.Ack), entrustment.Count(l.Users, "user", "users"), l.Version, l.Seq)
	if l.LongKeys {
		text += fmt.Sprintf("nothing can be delivered to its channels: there are user keys of more than %d bytes\n", delivery.MaxUserKey)
	}
	return text
}

func readBaseSchema(path string) (*entrustment.BaseSchema, error) {
	name, data, err := document(path)
	if err != nil {
		return nil, err
	}
	return entrustment.ParseBaseSchema(name, data)
}
