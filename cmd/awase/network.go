package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"awase/api/client"
)

// operation is an operation of the API (openapi.yaml) as a command: what has no
// part in the vault, and is kept by the service alone.
type operation struct {
	op     string // its operationId
	use    string // verb and arguments; "": the noun alone lists
	short  string
	method string
	path   string // {…} are the arguments, in their order
	flags  []option
	show   []string // what of an answer is shown, in this order
	done   string   // of an operation without an answer: what is said, of the last argument
	do     func(ctx context.Context, r *client.Room, args []string, in map[string]any) (any, error)
}

// option is a flag that becomes a member of the request.
type option struct {
	name, usage string
	key         string // of the request; "": as the flag
	kind        string // string | strings | int | bool | question
	query       bool   // it stands in the address
	required    bool
}

func (o *option) member() string {
	if o.key != "" {
		return o.key
	}
	return o.name
}

// noun is what operations are about, as awase jobs.
type noun struct {
	name, short string
	long        string
	operations  []operation
}

// networkCommand gives a command that only a room on the network can do its flags.
func networkCommand(cmd *cobra.Command, do func(cmd *cobra.Command, args []string, r *client.Room) error) *cobra.Command {
	var server serverFlags
	server.register(cmd)
	cmd.Flags().Lookup("server").Usage = "the `address` of the room's service, as https://room.example; or set " + serverEnv
	jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !server.named() && os.Getenv(serverEnv) == "" {
			return usageError{fmt.Errorf("only a room's service knows that: name its address with --server, or in %s", serverEnv)}
		}
		c, err := server.client(patienceOf(cmd))
		if err != nil {
			return err
		}
		r := c.Room("", nil)
		return errors.Join(do(cmd, args, r), r.Close())
	}
	return cmd
}

// command gives the commands of a noun.
func (n *noun) command() *cobra.Command {
	var list, one *operation
	parent := &cobra.Command{Use: n.name, Short: n.short, Long: n.long}
	for i := range n.operations {
		o := &n.operations[i]
		verb, rest, _ := strings.Cut(o.use, " ")
		switch {
		case o.use == "":
			list = o
		case verb == strings.ToUpper(verb):
			one = o
		default:
			parent.AddCommand(o.command(verb, rest))
		}
	}
	if list == nil && one == nil {
		parent.Args, parent.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		return parent
	}
	if one != nil {
		parent.Use += " [" + one.use + "]"
	}
	if n.long == "" && one != nil {
		parent.Long = n.short + ". With an id, that one alone."
	}
	var ask asker
	ask.register(parent, list)
	if one != nil && list != nil {
		for _, f := range one.flags { // of one alone
			ask.flag(parent, &f)
		}
	}
	parent.Args = func(cmd *cobra.Command, args []string) error {
		if most := 1; len(args) > most || one == nil && len(args) > 0 {
			return unknownCommand(cmd, args)
		}
		return nil
	}
	networkCommand(parent, func(cmd *cobra.Command, args []string, r *client.Room) error {
		if len(args) > 0 {
			return ask.run(cmd, one, args, r)
		}
		return ask.run(cmd, list, args, r)
	})
	if one != nil {
		parent.ValidArgsFunction = completeIDs(list)
	}
	return parent
}

func (o *operation) command(verb, args string) *cobra.Command {
	cmd := &cobra.Command{Use: strings.TrimSpace(verb + " " + args), Short: o.short, Args: exactArgs(strings.Fields(args)...)}
	var ask asker
	ask.register(cmd, o)
	return networkCommand(cmd, func(cmd *cobra.Command, args []string, r *client.Room) error { return ask.run(cmd, o, args, r) })
}

// asker holds the flags of one command.
type asker struct {
	limit int
}

func (a *asker) register(cmd *cobra.Command, o *operation) {
	if o == nil {
		return
	}
	for i := range o.flags {
		a.flag(cmd, &o.flags[i])
	}
	if o.lists() {
		cmd.Flags().IntVar(&a.limit, "limit", 50, "at most so `many`, the newest")
	}
}

func (a *asker) flag(cmd *cobra.Command, f *option) {
	switch f.kind {
	case "strings":
		cmd.Flags().StringArray(f.name, nil, f.usage)
	case "int":
		cmd.Flags().Int(f.name, 0, f.usage)
	case "bool":
		cmd.Flags().Bool(f.name, false, f.usage)
	default:
		cmd.Flags().String(f.name, "", f.usage)
	}
}

// lists tells whether an operation gives pages.
func (o *operation) lists() bool {
	return o.method == http.MethodGet && o.do == nil && !strings.HasSuffix(o.path, "}") && !slices.Contains([]string{"/v1/me", "/v1/me/notices"}, o.path)
}

// run asks, and prints the answer.
func (a *asker) run(cmd *cobra.Command, o *operation, args []string, r *client.Room) error {
	in, query, err := o.request(cmd)
	if err != nil {
		return err
	}
	path := o.at(args)
	var out any
	switch {
	case o.do != nil:
		out, err = o.do(cmd.Context(), r, args, in)
	case o.lists():
		if a.limit < 1 {
			return usageError{errors.New("--limit is a number from 1")}
		}
		out, err = r.List(cmd.Context(), path, query, a.limit)
	default:
		var body, into any
		if in != nil {
			body = in
		}
		if o.done == "" {
			into = &out
		}
		if o.method == http.MethodPost {
			err = r.Post(cmd.Context(), path, client.NewKey(), body, into)
		} else {
			err = r.Ask(cmd.Context(), o.method, path, body, into)
		}
	}
	if err != nil {
		return err
	}
	if o.done != "" {
		return answer(cmd, map[string]any{"done": o.op, "of": args}, func(w io.Writer) error {
			what := strings.Join(args[max(0, len(args)-1):], "")
			_, err := fmt.Fprintln(w, strings.TrimSpace(plain(what)+" "+o.done))
			return err
		})
	}
	return answerExact(cmd, out, func(w io.Writer) error { return showAnswer(w, out, o.show) })
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// at gives the address with the arguments in it.
func (o *operation) at(args []string) string {
	i := -1
	return placeholder.ReplaceAllStringFunc(o.path, func(string) string {
		if i++; i < len(args) {
			return url.PathEscape(args[i])
		}
		return ""
	})
}

// request reads the flags that were given: of the body, and of the address.
func (o *operation) request(cmd *cobra.Command) (in map[string]any, query url.Values, err error) {
	query = url.Values{}
	for i := range o.flags {
		f := &o.flags[i]
		flag := cmd.Flags().Lookup(f.name)
		if !flag.Changed {
			if f.required {
				return nil, nil, usageError{fmt.Errorf("--%s is missing: %s", f.name, strings.ReplaceAll(f.usage, "`", ""))}
			}
			continue
		}
		var v any = flag.Value.String()
		switch f.kind {
		case "strings":
			var words []string
			words, err = cmd.Flags().GetStringArray(f.name)
			v = slices.DeleteFunc(words, func(s string) bool { return s == "" })
		case "int":
			v, err = cmd.Flags().GetInt(f.name)
		case "bool":
			v = flag.Value.String() == "true"
		case "question":
			v, err = readQuestion(flag.Value.String())
		}
		if err != nil {
			return nil, nil, err
		}
		if f.query {
			query.Set(f.member(), fmt.Sprint(v))
			continue
		}
		if in == nil {
			in = map[string]any{}
		}
		in[f.member()] = v
	}
	if in == nil && o.method == http.MethodPatch {
		return nil, nil, usageError{errors.New("say what is to change; see --help")}
	}
	return in, query, nil
}

// showAnswer writes an answer for a person: a list as a table, one thing as lines.
func showAnswer(w io.Writer, v any, keys []string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			_, err := fmt.Fprintln(w, "there are none")
			return err
		}
		fmt.Fprintln(t, strings.Join(keys, "\t"))
		for _, row := range v {
			cells := make([]string, len(keys))
			for i, k := range keys {
				cells[i] = word(member(row, k))
			}
			fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t "))
		}
	case map[string]any:
		shown := keys
		for _, k := range sortedKeys(v) {
			if !slices.ContainsFunc(shown, func(s string) bool { return s == k || strings.HasPrefix(s, k+".") }) {
				shown = append(slices.Clip(shown), k)
			}
		}
		for _, k := range shown {
			if text := word(member(v, k)); text != "" {
				fmt.Fprintf(t, "%s\t%s\n", k, text)
			}
		}
	default:
		fmt.Fprintln(t, word(v))
	}
	return t.Flush()
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// member gives what stands at a.b of an answer.
func member(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// longestWord is how much of a value a table shows.
const longestWord = 100

// word writes a value in a cell. Whoever answers wrote it: it gets no hold of the
// terminal.
func word(v any) string {
	text := ""
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		text = japan(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		text = strconv.FormatBool(v)
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = word(v[i])
		}
		return strings.Join(words, ", ")
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		text = string(raw)
	}
	text = plain(text)
	if utf8.RuneCountInString(text) > longestWord && strings.HasPrefix(text, "{") {
		text = string([]rune(text)[:longestWord]) + "…"
	}
	return text
}
