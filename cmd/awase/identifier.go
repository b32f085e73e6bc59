package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"awase/crypto/identifier"
)

// maxValue is the longest line that can hold an identifier; longer ones are
// refused without being kept in memory.
const maxValue = 1 << 16

func identifierCommand() *cobra.Command {
	var kind, profile, region string
	cmd := &cobra.Command{
		Use:   "identifier --kind email|phone|cookie|maid [--profile P] [--region JP] < lines",
		Short: "Show normal form and hash of identifiers, one a line",
		Long: "For each line on standard input one line comes out: the input, the normal form and its SHA-256 in hex, separated by tabs; " +
			"or the input, the word error, and the reason.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&kind, "kind", "", "email, phone, cookie or maid")
	cmd.Flags().StringVar(&profile, "profile", "awase", "whose rules: "+profileNames())
	cmd.Flags().StringVar(&region, "region", "JP", "the `country` of phone numbers without a country code")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		k, err := identifier.ParseKind(kind)
		if err != nil {
			return usageError{fmt.Errorf("--kind: %w", err)}
		}
		p, err := identifier.ParseProfile(profile)
		if err != nil {
			return usageError{fmt.Errorf("--profile: %w", err)}
		}
		n, err := identifier.New(region)
		if err != nil {
			return usageError{fmt.Errorf("--region: %w", err)}
		}
		return identifiers(cmd.InOrStdin(), cmd.OutOrStdout(), func(raw []byte) ([]byte, error) {
			text, _, err := n.Normalise(p, k, raw)
			return text, err
		})
	}
	return cmd
}

func profileNames() string {
	var b bytes.Buffer
	for i, p := range identifier.Profiles() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// identifiers writes one line for each line in.
func identifiers(in io.Reader, out io.Writer, normalise func([]byte) ([]byte, error)) error {
	r := bufio.NewReaderSize(in, maxValue)
	w := bufio.NewWriter(out)
	for {
		line, err := r.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if len(line) == 0 && err != nil {
			if err != io.EOF {
				return errors.Join(fmt.Errorf("reading identifiers: %w", err), w.Flush())
			}
			return w.Flush()
		}
		value := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if long {
			fmt.Fprintf(w, "%s…\terror\ttoo long to be an identifier\n", value[:64])
			for long {
				_, err = r.ReadSlice('\n')
				long = errors.Is(err, bufio.ErrBufferFull)
			}
		} else if text, nerr := normalise(value); nerr != nil {
			fmt.Fprintf(w, "%s\terror\t%s\n", value, reason(nerr))
		} else {
			hash := sha256.Sum256(text)
			fmt.Fprintf(w, "%s\t%s\t%s\n", value, text, hex.EncodeToString(hash[:]))
		}
		if err != nil && err != io.EOF {
			return errors.Join(fmt.Errorf("reading identifiers: %w", err), w.Flush())
		}
	}
}

// reason gives a refusal in one line: code and mend.
func reason(err error) string {
	if e, ok := errors.AsType[*identifier.Error](err); ok {
		return string(e.Reason) + ": " + e.Mend
	}
	return err.Error()
}
