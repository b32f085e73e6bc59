package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"awase/cmd/awase/config"
	"awase/enclave/vault"
	"awase/entrustment"
)

// configFlags are the flags of a command that is configured: --config, and one for
// each key.
type configFlags struct{ file string }

// configEnv names the file of the configuration where --config does not.
const configEnv = "AWASE_CONFIG"

func (f *configFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "config", "", "the configuration's `file` (docs/config.md); or set "+configEnv)
	registerKeys(cmd.Flags(), config.Keys())
}

// registerKeys makes a flag for each key.
func registerKeys(flags *pflag.FlagSet, keys []config.Key) {
	for _, k := range keys {
		help := k.Doc
		if k.Values != nil {
			help += " (" + strings.Join(k.Values, ", ") + ")"
		}
		switch {
		case k.List:
			flags.StringSlice(k.Flag(), nil, help)
		case k.Type == "boolean":
			flags.Bool(k.Flag(), false, help)
		default:
			flags.String(k.Flag(), "", help)
			if p := k.Preset(); p != "" {
				flags.Lookup(k.Flag()).Usage += " (default " + p + ")"
			}
		}
	}
}

// load reads the configuration.
func (f *configFlags) load(cmd *cobra.Command) (*config.Effective, error) {
	g := config.Given{File: f.file, Env: os.LookupEnv, Flags: map[string][]string{}}
	if g.File == "" {
		g.File = os.Getenv(configEnv)
	}
	if g.File != "" {
		var err error
		if g.Data, err = os.ReadFile(g.File); err != nil {
			return nil, fileError(g.File, err)
		}
	}
	given(cmd, g.Flags)
	e, err := config.Load(g)
	if err != nil {
		return nil, err
	}
	if e.Practice && e.Values["data"].Layer == config.Default {
		e.Data = "awase-practice"
	}
	return e, nil
}

// given writes down the flags of keys that were set.
func given(cmd *cobra.Command, flags map[string][]string) {
	keyed(cmd, func(flag *pflag.Flag) {
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			flags[flag.Name] = many.GetSlice()
		} else {
			flags[flag.Name] = []string{flag.Value.String()}
		}
	})
}

// keyed gives the flags of keys that were set.
func keyed(cmd *cobra.Command, yield func(*pflag.Flag)) {
	for _, k := range config.Keys() {
		if f := cmd.Flags().Lookup(k.Flag()); f != nil && f.Changed {
			yield(f)
		}
	}
}

// again writes the flags that were set, for a process that is configured likewise.
func (f *configFlags) again(cmd *cobra.Command) []string {
	var out []string
	if f.file != "" {
		out = append(out, "--config="+f.file)
	}
	keyed(cmd, func(flag *pflag.Flag) {
		text := flag.Value.String()
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			text = strings.Join(many.GetSlice(), ",")
		}
		out = append(out, "--"+flag.Name+"="+text)
	})
	return out
}

// places are where a configured service keeps what.
type places struct {
	data, vault, socket             string
	control, reports, inbox, outbox string
	key                             string // the vault key's file; "": it is kept elsewhere
}

// placesOf gives the places of a configuration, absolute.
func placesOf(c *config.Config) (places, error) {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return places{}, err
	}
	p := places{data: data, vault: filepath.Join(data, "vault"), socket: filepath.Join(data, "run", "awase.sock"), control: filepath.Join(data, "control"), reports: filepath.Join(data, "reports")}
	var errs []error
	for from, to := range map[string]*string{c.Vault: &p.vault, c.Socket: &p.socket} {
		if from != "" {
			*to, err = filepath.Abs(from)
			errs = append(errs, err)
		}
	}
	p.inbox, p.outbox, p.key = p.vault+".inbox", p.vault+vault.OutboxDir, p.vault+".key"
	if form, at, given := strings.Cut(c.VaultKey, ":"); given {
		if p.key = ""; form == "file" {
			p.key, err = filepath.Abs(at)
			errs = append(errs, err)
		}
	}
	return p, errors.Join(errs...)
}

// make makes the directories that the processes start from; those of the front
// alone where there is one.
func (p *places) make(front bool) error {
	dirs := []string{p.control, p.reports}
	if !front {
		dirs = nil
	}
	for _, at := range []string{p.vault, filepath.Dir(p.socket)} {
		if in, err := within(p.data, at); err == nil && in || front {
			dirs = append(dirs, p.data)
		}
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the service's directories: %w; name another place with --data", err)
		}
	}
	return nil
}

// apart refuses directories of the front in which the vault, its key or the engine's
// password lies, or that lie in it: what confines the front would let it read them.
// Whom the engine's TLS trusts is no secret, but is not to lie where the front writes.
func (p *places) apart(e *config.Effective) error {
	written := map[string]string{p.control: "data", p.reports: "data", p.inbox: "vault"}
	dirs := maps.Clone(written)
	dirs[p.outbox] = "vault"
	certs, err := certificateDirs(e.TLS)
	if err != nil {
		return err
	}
	for _, dir := range certs {
		dirs[dir] = "tls.cert_file, tls.key_file"
	}
	kept := append(vault.Dirs(p.vault), p.vault+vault.BackupsDir, p.key, e.Engine.PasswordFile)
	if err := noneWithin(dirs, kept, "the vault or its key, or the engine's password"); err != nil {
		return err
	}
	return noneWithin(written, []string{e.Engine.CAFile}, "what says whom the engine's TLS trusts")
}

// noneWithin refuses directories in which one of the paths lies, or that lie in it, by
// their own names and by those that links lead to. Each has the key that it is given by.
func noneWithin(dirs map[string]string, kept []string, what string) error {
	kept = slices.DeleteFunc(kept, func(path string) bool { return path == "" })
	for _, path := range kept {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			kept = append(kept, real)
		}
	}
	for dir, key := range maps.Clone(dirs) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dirs[real] = key
		}
	}
	for dir, key := range dirs {
		for _, path := range kept {
			inside, err := within(dir, path)
			around, err2 := within(path, dir)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			if inside || around {
				return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: key, Detail: "the process that answers HTTP may use the directory, and " + what + " would lie in it",
					Mend: "keep certificates, the service's data, the vault and the engine's password and CA in directories of their own"}
			}
		}
	}
	return nil
}

// placeOf says where a key was given.
func placeOf(e *config.Effective, key string) string {
	at := e.Values[key].At
	if e.Values[key].Layer == config.File {
		at += " (" + key + ")"
	}
	return at
}

// secret reads a secret out of the file that a key names.
func secret(e *config.Effective, key, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	refused := func(detail, mend string) (string, error) {
		return "", &entrustment.Error{Code: entrustment.CodeFile, Field: placeOf(e, key), Detail: detail, Mend: mend}
	}
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() > 4096 {
		return refused("there is no such file, or it holds more than a secret", "check the name")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return refused("others than this user can read the file", "chmod 600 it, and think of what it holds as known")
	}
	raw, err := os.ReadFile(path)
	text := strings.TrimSpace(string(raw))
	if err != nil || text == "" {
		return refused("the file can't be read, or is empty", "write the secret into it")
	}
	return text, nil
}

// secrets are what the front is handed out of files. That of mail is read where it
// is used.
type secrets struct{ oidc string }

// opened checks what a configuration names on this machine, and reads its secrets.
func opened(e *config.Effective) (places, secrets, error) {
	p, err := placesOf(&e.Config)
	if err != nil {
		return p, secrets{}, err
	}
	var s secrets
	errs := []error{p.apart(e)}
	s.oidc, err = secret(e, "oidc.client_secret_file", e.OIDC.ClientSecretFile)
	errs = append(errs, err)
	_, err = secret(e, "smtp.password_file", e.SMTP.PasswordFile)
	errs = append(errs, err)
	if e.TLS.CertFile != "" {
		_, err := loadCertificate(e.TLS)
		errs = append(errs, err)
	}
	return p, s, errors.Join(errs...)
}

func configCommand() *cobra.Command {
	return group("config", "How awase serve is configured (docs/config.md)", configCheck(), configShow())
}

func configCheck() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say all that is wrong in a configuration, each with its place",
		Long:  "Reads the file, the environment and the flags as awase serve does, and the certificate and the secrets that they name. It starts nothing.",
		Args:  cobra.MaximumNArgs(1),
	}
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			if f.file != "" {
				return usageError{errors.New("name the file once, as FILE or with --config")}
			}
			f.file = args[0]
		}
		e, err := f.load(cmd)
		if err != nil {
			return err
		}
		_, _, err = opened(e)
		if _, _, eerr := engineSecrets(e); eerr != nil {
			err = errors.Join(err, eerr)
		}
		if err != nil {
			return err
		}
		return answer(cmd, map[string]bool{"good": true}, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, "nothing is wrong")
			return err
		})
	}
	return jsonFlag(cmd)
}

func configShow() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what holds, and where each value is from",
		Long:  "One key a line: what it has, and the place in the file, the variable or the flag that says so. Secrets are files, and stay in them.",
		Args:  exactArgs(),
	}
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		e, err := f.load(cmd)
		if err != nil {
			return err
		}
		type setting struct {
			Key   string `json:"key"`
			Value string `json:"value"`
			From  string `json:"from"`
		}
		all := []setting{}
		for _, k := range config.Keys() {
			v := e.Values[k.Name]
			at := v.At
			if v.Layer == config.Default {
				at = string(config.Default)
			}
			text := k.Shown(v)
			if k.Name == "data" {
				text = e.Data // that of a room to rehearse in is another
			}
			all = append(all, setting{k.Name, text, at})
		}
		return answer(cmd, all, func(out io.Writer) error {
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			for _, s := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.Key, s.Value, s.From)
			}
			return w.Flush()
		})
	}
	return jsonFlag(cmd)
}
