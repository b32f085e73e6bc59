package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/crypto/delivery"
	"awase/enclave/wire"
	"awase/entrustment"
)

// A directory of deliveries:
//
//	ENTRUSTMENT/CAMPAIGN-NUMBER.delivery          fetched whole
//	ENTRUSTMENT/CAMPAIGN-NUMBER.delivery.state    of awase courier send: what a platform took
//	ENTRUSTMENT/.CAMPAIGN-NUMBER.HASH.part        on its way; goes on where it broke off
//	ENTRUSTMENT/.CAMPAIGN.newest                  of awase courier run: nothing older is handed over after it
//	.lock                                         one courier at a time
//
// A file has its name only once it is whole, of the size and hash that the room says.

// deliveryDir is such a directory.
type deliveryDir struct{ dir string }

// openDeliveryDir makes the directory where there is none, and keeps other couriers out.
func openDeliveryDir(dir string) (*deliveryDir, func(), error) {
	if dir == "" {
		return nil, nil, usageError{errors.New("name the directory of deliveries with --dir")}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fileError(dir, err)
	}
	unlock, err := lockFile(filepath.Join(dir, ".lock"), "another awase courier has the directory")
	if err != nil {
		return nil, nil, err
	}
	return &deliveryDir{dir}, unlock, nil
}

// checkNames refuses a delivery whose names are none: they become names of files.
func checkNames(d *wire.Delivery) error {
	if entrustment.CheckID("entrustment", d.Entrustment) != nil || entrustment.CheckID("campaign", d.Campaign) != nil || d.Number < 1 || !hexDigest(d.SHA256) && d.SHA256 != "" || d.Bytes < 0 {
		return &entrustment.Error{Code: entrustment.CodeFile, Field: "server", Detail: "it lists a delivery that has no name", Mend: "is this the address of a room, of this version?"}
	}
	return nil
}

func hexDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size && strings.ToLower(s) == s
}

func (d *deliveryDir) path(of *wire.Delivery) string {
	return filepath.Join(d.dir, of.Entrustment, fmt.Sprintf("%s-%d.delivery", of.Campaign, of.Number))
}

// state is the file by which awase courier send goes on.
func (d *deliveryDir) state(of *wire.Delivery) string { return d.path(of) + ".state" }

func (d *deliveryDir) part(of *wire.Delivery) string {
	return filepath.Join(d.dir, of.Entrustment, fmt.Sprintf(".%s-%d.%s.part", of.Campaign, of.Number, of.SHA256[:16]))
}

// there tells whether the file of a delivery is fetched, as the room says it is.
func (d *deliveryDir) there(of *wire.Delivery) (bool, error) {
	f, err := os.Open(d.path(of))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fileError(d.path(of), err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, fileError(d.path(of), err)
	}
	return hex.EncodeToString(sum.Sum(nil)) == of.SHA256, nil
}

// fetch fetches a delivery unless it is there, and gives whether it did.
func (d *deliveryDir) fetch(ctx context.Context, r *client.Room, of *wire.Delivery) (bool, error) {
	is, err := d.there(of)
	if is || err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Join(d.dir, of.Entrustment), 0o700); err != nil {
		return false, fileError(d.dir, err)
	}
	f, err := os.OpenFile(d.part(of), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fileError(d.part(of), err)
	}
	err = r.Fetch(ctx, of, f)
	if err == nil {
		err = itsHeader(f, of)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	if _, err := os.Lstat(d.path(of)); err == nil { // another delivery of that name, before a restore of the room
		if err := os.Remove(d.state(of)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fileError(d.state(of), err)
		}
	}
	if err := os.Rename(d.part(of), d.path(of)); err != nil {
		return false, fileError(d.path(of), err)
	}
	return true, syncDir(filepath.Join(d.dir, of.Entrustment))
}

// itsHeader refuses a file that is another delivery than the one it was listed as. Who it
// is by, its signature tells when it is opened.
func itsHeader(f *os.File, of *wire.Delivery) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fileError(f.Name(), err)
	}
	h, err := delivery.ReadHeader(f)
	if err == nil && (h.Entrustment != of.Entrustment || h.Campaign != of.Campaign || h.Number != of.Number || h.Receiver != of.Receiver) {
		err = errors.New("it is another delivery than the room says")
	}
	if err != nil {
		return &entrustment.Error{Code: entrustment.CodeFile, Field: fmt.Sprintf("%s-%d.delivery", of.Campaign, of.Number), Detail: err.Error(), Mend: "hand nothing of it over, and tell the operator: something on the way changes it"}
	}
	return nil
}

// sweep removes what is left of deliveries that the room does not give out any more.
func (d *deliveryDir) sweep(all []wire.Delivery) error {
	keep := map[string]bool{}
	for i := range all {
		if all[i].SHA256 != "" {
			keep[d.part(&all[i])] = true
		}
	}
	parts, err := filepath.Glob(filepath.Join(globEscape(d.dir), "*", ".*.part"))
	if err != nil {
		return fmt.Errorf("looking for what is left of deliveries: %w", err)
	}
	for _, p := range parts {
		if !keep[p] {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fileError(p, err)
			}
		}
	}
	return nil
}

// globEscape writes a path as a pattern that means it alone.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// listed asks the room for the party's deliveries, oldest first.
func listed(ctx context.Context, r *client.Room) ([]wire.Delivery, error) {
	all, err := r.Deliveries(ctx, wire.DeliveriesRequest{})
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := checkNames(&all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// errStopped is that the room gives out no files now.
var errStopped = &entrustment.Error{Code: entrustment.CodeFrozen, Clause: "DESIGN §7", Field: "delivery", Detail: "the room gives out no deliveries now", Mend: "ask its operator; fetch again once its officers let releases out"}

// fetchedDelivery is what awase courier fetch prints of one.
type fetchedDelivery struct {
	Entrustment string `json:"entrustment"`
	Campaign    string `json:"campaign"`
	Number      int    `json:"number"`
	Form        string `json:"form"`
	Act         string `json:"act"`
	Expires     string `json:"expires"`
	Status      string `json:"status"`
	Bytes       int64  `json:"bytes,omitempty"`
	File        string `json:"file,omitempty"`
	New         bool   `json:"new"` // it was fetched now
}

func courierFetch() *cobra.Command {
	var dir string
	var dry, all bool
	cmd := &cobra.Command{
		Use:   "fetch --server URL --dir DIR [-n] [--all]",
		Short: "Fetch the deliveries that are made out to one's party, from the room",
		Long: "Fetches what is not there yet into DIR/ENTRUSTMENT/CAMPAIGN-NUMBER.delivery, mode 0600, for awase courier open and send. A file has its name once it is whole, of the size and hash that the room says; " +
			"what broke off or was killed goes on where it was, when it is run again. What the party said is delivered is not fetched again but with --all. The token needs the scope deliveries:read, of somebody with the role adops.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `directory` of deliveries; made where there is none")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "list what there is, and fetch nothing")
	cmd.Flags().BoolVar(&all, "all", false, "fetch what was delivered, too")
	return networkCommand(cmd, func(cmd *cobra.Command, _ []string, r *client.Room) error {
		at := &deliveryDir{dir}
		if !dry {
			made, unlock, err := openDeliveryDir(dir)
			if err != nil {
				return err
			}
			defer unlock()
			at = made
		}
		ds, err := listed(cmd.Context(), r)
		if err != nil {
			return err
		}
		out := []fetchedDelivery{}
		var failed error
		for i := range ds {
			d := &ds[i]
			f := fetchedDelivery{Entrustment: d.Entrustment, Campaign: d.Campaign, Number: d.Number, Form: d.Form, Act: d.Act, Expires: d.Expires, Status: d.Status, Bytes: d.Bytes}
			switch {
			case dry || d.Status == wire.DeliveryDone && !all:
			case d.SHA256 == "":
				failed = errStopped
			default:
				if f.New, err = at.fetch(cmd.Context(), r, d); err != nil {
					failed = err
				} else {
					f.File = at.path(d)
				}
			}
			if out = append(out, f); failed != nil {
				break
			}
		}
		if failed == nil && !dry {
			failed = at.sweep(ds)
		}
		return errors.Join(answer(cmd, map[string]any{"deliveries": out}, func(w io.Writer) error { return sayFetched(w, out) }), failed)
	})
}

func sayFetched(w io.Writer, all []fetchedDelivery) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "there are no deliveries for your party")
		return err
	}
	for _, f := range all {
		what := fmt.Sprintf("%s/%s %d, %s for %s, until %s: %s", plain(f.Entrustment), plain(f.Campaign), f.Number, plain(f.Act), plain(f.Form), japan(f.Expires), plain(f.Status))
		switch {
		case f.New:
			what += ", fetched: " + f.File
		case f.File != "":
			what += ", there already: " + f.File
		}
		if _, err := fmt.Fprintln(w, what); err != nil {
			return err
		}
	}
	return nil
}
