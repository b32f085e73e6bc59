package vault

import "path/filepath"

// Kind is what a vault says of itself without its key. Its root secret is bound to
// it: one whose keys file says another thing does not open.
type Kind struct {
	Dev      bool // it asks no officers
	Practice bool // its people are made up
}

// KindOf gives what the vault in a directory is; fs.ErrNotExist: there is none. It
// writes nothing.
func KindOf(dir string) (Kind, error) {
	k, err := readKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return Kind{}, err
	}
	return Kind{k.Dev, k.Practice}, nil
}
