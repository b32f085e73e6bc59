package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/courier"
	"awase/crypto/delivery"
	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/entrustment"
)

// credentialsEnv holds a platform's credentials where no file does.
const credentialsEnv = "AWASE_COURIER_CREDENTIALS"

func courierCommand() *cobra.Command {
	return group("courier", "At the receiving party: fetch deliveries, open them, and hand them to platforms", courierKey(), courierFetch(), courierOpen(), courierSend(), courierRun())
}

// The heads of the files of private keys, so that no key is taken for another.
const (
	deliveryKeyHead = "awase.delivery-key/v1 "
	servingKeyHead  = "awase.serving-key/v1 "
)

func courierKey() *cobra.Command {
	var out string
	var serving bool
	cmd := &cobra.Command{
		Use:   "key --out delivery.key [--serving]",
		Short: "Make the key that deliveries are sealed to, or with --serving the one that labels are opened with",
		Long: "Writes the private key to the file, mode 0600, and the public one beside it, with .pub. Give the .pub to the operator, and the fingerprint by another way. " +
			"Who opens deliveries and who serves ads by labels may be two: each has a key of its own.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write the private key to; it must not be there yet")
	cmd.Flags().BoolVar(&serving, "serving", false, "the key of a partner that serves ads by labels")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if out == "" {
			return usageError{errors.New("name the key's file with --out")}
		}
		head, name := deliveryKeyHead, "delivery_key"
		if serving {
			head, name = servingKeyHead, "serving_key"
		}
		public, err := makeSealingKey(out, head)
		if err != nil {
			return err
		}
		return answer(cmd, map[string]string{name: public.String(), "fingerprint": public.Fingerprint()}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: %s\nfingerprint: %s\n", name, public, public.Fingerprint())
			return err
		})
	}
	return jsonFlag(cmd)
}

// makeSealingKey writes a private key that files are opened with, and the public one
// beside it.
func makeSealingKey(path, head string) (seal.PublicKey, error) {
	var seed [32]byte
	rand.Read(seed[:]) // never fails: crypto/rand ends the process instead
	key, err := seal.DeriveKey(seal.XWing, seed)
	if err != nil {
		return seal.PublicKey{}, err
	}
	if err := writeKey(path+".pub", key.Public().String()+"\n", 0o644); err != nil {
		return seal.PublicKey{}, err
	}
	if err := writeKey(path, fmt.Sprintf("%s%s %x\n", head, seal.XWing, seed), 0o600); err != nil {
		return seal.PublicKey{}, errors.Join(err, os.Remove(path+".pub"))
	}
	return key.Public(), nil
}

// readSealingKey reads a file of makeSealingKey.
func readSealingKey(path, head, made string) (seal.PrivateKey, error) {
	st, err := os.Stat(path)
	if err != nil {
		return seal.PrivateKey{}, fileError(path, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return seal.PrivateKey{}, fileError(path, err)
	}
	text := strings.TrimSpace(string(raw))
	if _, err := seal.ParsePublicKey(text); err == nil {
		return seal.PrivateKey{}, badFile(path, "it is the public key", "name with --key the file beside it, without .pub")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return seal.PrivateKey{}, badFile(path, "others than you can read it", "chmod 600 it, and think of it as known: make another key and give the operator its .pub")
	}
	body, ok := strings.CutPrefix(text, head+seal.XWing.String()+" ")
	seed, err := hex.DecodeString(body)
	if !ok || err != nil || len(seed) != 32 {
		return seal.PrivateKey{}, badFile(path, "it is not a key of "+made, "name with --key the file that "+made+" wrote")
	}
	return seal.DeriveKey(seal.XWing, [32]byte(seed))
}

var fingerprintForm = regexp.MustCompile(`^([0-9a-f]{4}-){7}[0-9a-f]{4}$`)

// roomKey gives the room's public key: of a file with the line of awase log key, or
// the one that a file shows, if its fingerprint is the one that was told.
func roomKey(told string, shown ed25519.PublicKey) (ed25519.PublicKey, error) {
	if !fingerprintForm.MatchString(told) {
		return readVerifierKey(told)
	}
	if got := receipt.Fingerprint(shown); got != told {
		return nil, &entrustment.Error{Code: entrustment.CodeFile, Field: "--room-key", Detail: "it is of a room with the key " + got, Mend: "use nothing of it; compare the fingerprint with the one that the operator tells you"}
	}
	return shown, nil
}

// deliveryFlags are how a delivery is opened.
type deliveryFlags struct{ key, room string }

func (d *deliveryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.key, "key", "", "the `file` that awase courier key wrote")
	cmd.Flags().StringVar(&d.room, "room-key", "", "the room's key: a `file` with the line of awase log key, or its fingerprint")
}

// open opens a fetched delivery and does with it, or with the error by which it did
// not open; h is what it says of itself.
func (d *deliveryFlags) open(path string, do func(h *delivery.Header, f *delivery.File, err error) error) error {
	if d.key == "" || d.room == "" {
		return usageError{errors.New("name the delivery key with --key and the room's key with --room-key")}
	}
	key, err := readSealingKey(d.key, deliveryKeyHead, "awase courier key")
	if err != nil {
		return err
	}
	return readFile(path, func(file *os.File, _ int64) error {
		h, err := delivery.ReadHeader(file)
		if err != nil {
			return courierError(path, err)
		}
		room, err := roomKey(d.room, h.Room)
		if err != nil {
			return err
		}
		f, err := delivery.Open(file, key, room, time.Now())
		return do(h, f, err)
	})
}

// courierError gives what is wrong with a file the form of a refusal, its code in
// front; what a platform or the network did is none.
func courierError(path string, err error) error {
	if err == nil {
		return nil
	}
	switch code := courier.CodeOf(err); code {
	case courier.NotOpened, courier.NotSigned, courier.Expired, courier.NothingAccepted:
		return &entrustment.Error{Code: entrustment.CodeFile, Field: filepath.Base(path), Detail: string(code) + ": " + err.Error()}
	}
	return fmt.Errorf("%s: %w", filepath.Base(path), err)
}

// openedDelivery is what awase courier open prints.
type openedDelivery struct {
	Delivery    string         `json:"delivery"`
	Campaign    string         `json:"campaign"`
	Number      int            `json:"number"`
	Entrustment string         `json:"entrustment"`
	Version     int            `json:"version"`
	Receiver    string         `json:"receiver"`
	Destination string         `json:"destination"`
	Channel     string         `json:"channel,omitempty"`
	Act         string         `json:"act"`
	Created     time.Time      `json:"created"`
	Expires     time.Time      `json:"expires"`
	Times       int            `json:"times,omitempty"`
	Days        int            `json:"days,omitempty"`
	Files       []string       `json:"files"`
	Counts      courier.Counts `json:"counts"`
}

func courierOpen() *cobra.Command {
	var d deliveryFlags
	var dir string
	cmd := &cobra.Command{
		Use:   "open --key delivery.key --room-key KEY --out DIR FILE",
		Short: "Open a fetched delivery into the files that its destination takes",
		Long: "Checks the room's signature over the whole file before anything is written, and writes files of mode 0600, all of them or none. " +
			"They hold hashes, user keys or labels in the clear: delete them when they were handed over.",
		Args: exactArgs("FILE"),
	}
	d.add(cmd)
	cmd.Flags().StringVar(&dir, "out", "", "the `directory` to write into; made where there is none")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return usageError{errors.New("name the directory with --out")}
		}
		return d.open(args[0], func(h *delivery.Header, f *delivery.File, err error) error {
			if err != nil {
				return courierError(args[0], err)
			}
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fileError(dir, err)
			}
			w, err := courier.Write(cmd.Context(), f, dir)
			if err != nil {
				return courierError(args[0], err)
			}
			return sayOpened(cmd, h, w, dir)
		})
	}
	return jsonFlag(cmd)
}

func sayOpened(cmd *cobra.Command, h *delivery.Header, w courier.Written, dir string) error {
	o := openedDelivery{
		Delivery: hex.EncodeToString(h.Delivery[:]), Campaign: h.Campaign, Number: h.Number, Entrustment: h.Entrustment, Version: h.Version, Receiver: h.Receiver,
		Destination: h.Destination.String(), Channel: h.Channel, Act: h.Act.String(), Created: time.Unix(h.Created, 0).UTC(), Expires: time.Unix(h.Expires, 0).UTC(),
		Times: h.Times, Days: h.Days, Files: w.Files, Counts: w.Counts,
	}
	return answer(cmd, o, func(out io.Writer) error {
		var b strings.Builder
		fmt.Fprintf(&b, "delivery %d of %s for %s, to %s; until %s\n", o.Number, o.Campaign, o.Destination, o.Act, o.Expires.Format(time.RFC3339))
		if o.Times > 0 {
			fmt.Fprintf(&b, "show it to a person at most %d times in %d days\n", o.Times, o.Days)
		}
		for _, name := range o.Files {
			fmt.Fprintln(&b, filepath.Join(dir, name))
		}
		if len(o.Files) == 0 {
			fmt.Fprintln(&b, "there is nobody in it: nothing to do")
		}
		if o.Counts.LeftOut > 0 {
			fmt.Fprintf(&b, "left out, as the destination takes none of their identifiers: %d people\n", o.Counts.LeftOut)
		}
		_, err := io.WriteString(out, b.String())
		return err
	})
}

func courierSend() *cobra.Command {
	var d deliveryFlags
	var o courier.Options
	var credentials string
	cmd := &cobra.Command{
		Use:   "send --key delivery.key --room-key KEY --audience A [--account ACCOUNT] [--credentials FILE] [--dry-run] FILE",
		Short: "Open a fetched delivery and hand it to its platform: google, meta or x",
		Long: "Sends in the platform's own batches, again where it can help, and goes on after the last batch that was accepted when it is run again. " +
			"Prints what the room is told, delivered or failed and why; counts and numbers of batches are its own log, on standard error. " +
			"Credentials are read from --credentials, or from " + credentialsEnv + ", before each request.",
		Args: exactArgs("FILE"),
	}
	d.add(cmd)
	t := &o.Target
	f := cmd.Flags()
	f.StringVar(&t.Audience, "audience", "", "the `id` of the audience at the platform")
	f.StringVar(&t.Account, "account", "", "google: the `number` of the account that the audience is of; x: the ads account's id")
	f.StringVar(&t.LoginAccount, "login-account", "", "google: the `number` of the account that calls, where it is another one")
	f.StringVar(&t.AccountType, "account-type", "", "google: the `type` of the accounts; by default GOOGLE_ADS")
	f.StringVar(&t.AdUserData, "ad-user-data", "", "google: whether the people agreed that their data is sent for ads: `granted or denied`")
	f.StringVar(&t.AdPersonalization, "ad-personalization", "", "google: whether they agreed to personalised ads: `granted or denied`")
	f.BoolVar(&t.AcceptTerms, "accept-terms", false, "google: you accept its terms of Customer Match")
	f.BoolVar(&t.Base64, "base64", false, "google: send hashes in Base64 instead of hex")
	f.StringVar(&t.Endpoint, "endpoint", "", "the `address` of the platform's API, instead of its own")
	f.StringVar(&credentials, "credentials", "", "the `file` with the platform's credentials, mode 0600")
	f.StringVar(&o.State, "state", "", "the `file` by which a later run goes on; by default FILE.state")
	f.Float64Var(&o.Rate, "rate", 0, "make `N` requests a second; 0: as many as the platform's documents allow")
	f.IntVar(&o.Attempts, "attempts", 0, "try a request `N` times; 0: 8")
	f.DurationVar(&o.Wait, "wait", 3*time.Hour, "google: the `time` to wait until it is done with a replacement; a later run goes on")
	f.BoolVar(&o.DryRun, "dry-run", false, "google only looks at the requests; to the others none is made")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.Rate < 0 || o.Attempts < 0 || o.Wait < 0 {
			return usageError{errors.New("--rate, --attempts and --wait are not below 0")}
		}
		o.Credentials = func() (courier.Credentials, error) { return readCredentials(credentials) }
		if _, err := o.Credentials(); err != nil {
			return err
		}
		if o.State == "" {
			o.State = args[0] + ".state"
		}
		o.Log = courierLog(cmd)
		return d.open(args[0], func(h *delivery.Header, f *delivery.File, err error) error {
			if wrong := courier.Check(h.Destination, &o.Target); wrong != nil {
				return usageError{wrong}
			}
			if err == nil {
				_, err = courier.Send(cmd.Context(), f, o)
			}
			if o.DryRun && err == nil {
				return answer(cmd, map[string]any{"delivery": hex.EncodeToString(h.Delivery[:]), "dry_run": true}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "a dry run: the audience is as it was")
					return err
				})
			}
			if o.DryRun {
				return courierError(args[0], err)
			}
			return errors.Join(sayReport(cmd, courier.ReportOf(h, err)), courierError(args[0], err))
		})
	}
	return jsonFlag(cmd)
}

// courierLog is the receiver's own log: lines, in JSON with --json.
func courierLog(cmd *cobra.Command) *slog.Logger {
	if asJSON(cmd) {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
}

// sayReport prints what the room is told.
func sayReport(cmd *cobra.Command, r courier.Report) error {
	return answer(cmd, r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, strings.TrimSpace(r.Status+" "+string(r.Code)))
		return err
	})
}

// readCredentials reads a platform's credentials. They are no flag's value: other
// users of the machine read those.
func readCredentials(path string) (courier.Credentials, error) {
	if path != "" {
		return courier.ReadCredentials(path)
	}
	text, ok := os.LookupEnv(credentialsEnv)
	if !ok {
		return courier.Credentials{}, usageError{errors.New("name the file of the platform's credentials with --credentials, or set " + credentialsEnv)}
	}
	return courier.ParseCredentials([]byte(text))
}

func labelCommand() *cobra.Command {
	return group("label", "At the partner: what a label says", labelOpen())
}

// openedLabels is what awase label open says of its file.
type openedLabels struct {
	Delivery string    `json:"delivery"`
	Campaign string    `json:"campaign"`
	Number   int       `json:"number"`
	Expires  time.Time `json:"expires"`
	Times    int       `json:"times,omitempty"`
	Days     int       `json:"days,omitempty"`
	Rows     int64     `json:"rows"`
	Members  int64     `json:"members"`
	File     string    `json:"file"`
}

func labelOpen() *cobra.Command {
	var keyFile, room, setFile, out string
	cmd := &cobra.Command{
		Use:   "open --key serving.key --room-key KEY [--set labels.json] --out members.csv labels.csv",
		Short: "Open labels with the serving key: key, label becomes key, member",
		Long: "Checks the room's signature over the set and every row in its order before it opens one, so that a carrier can't leave rows out, add or exchange some. " +
			"The set is the .json that awase courier open wrote beside the .csv.",
		Args: exactArgs("labels.csv"),
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the `file` that awase courier key --serving wrote")
	cmd.Flags().StringVar(&room, "room-key", "", "the room's key: a `file` with the line of awase log key, or its fingerprint")
	cmd.Flags().StringVar(&setFile, "set", "", "the `file` of the label set; by default the one beside labels.csv, with .json")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if keyFile == "" || room == "" || out == "" {
			return usageError{errors.New("name the serving key with --key, the room's key with --room-key and the file to write with --out")}
		}
		if setFile == "" {
			setFile = labelSetOf(args[0])
		}
		if err := checkTarget(out, args[0], setFile, keyFile); err != nil {
			return err
		}
		key, err := readSealingKey(keyFile, servingKeyHead, "awase courier key --serving")
		if err != nil {
			return err
		}
		said, err := openLabels(args[0], setFile, room, out, key)
		if err != nil {
			return err
		}
		return answer(cmd, said, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: %d keys, %d of them members; until %s\n", out, said.Rows, said.Members, said.Expires.Format(time.RFC3339))
			return err
		})
	}
	return jsonFlag(cmd)
}

// labelSetOf names the set beside a file of labels.
func labelSetOf(labels string) string {
	return strings.TrimSuffix(labels, filepath.Ext(labels)) + ".json"
}

// openLabels opens the labels of a file with a serving key, and writes who is a member.
func openLabels(labels, setFile, room, out string, key seal.PrivateKey) (*openedLabels, error) {
	raw, err := os.ReadFile(setFile)
	if err != nil {
		return nil, fileError(setFile, err)
	}
	set, err := courier.ParseLabelSet(bytes.TrimSpace(raw))
	if err != nil {
		return nil, courierError(setFile, err)
	}
	pinned, err := roomKey(room, set.Room)
	if err != nil {
		return nil, err
	}
	said := &openedLabels{Delivery: set.Delivery, Campaign: set.Campaign, Number: set.Number, Expires: set.Expires, Times: set.Times, Days: set.Days, File: out}
	return said, courierError(labels, readFile(labels, func(file *os.File, _ int64) error {
		return courier.WriteMembers(out, courier.OpenLabels(file, set, key, pinned, time.Now()), &said.Rows, &said.Members)
	}))
}
