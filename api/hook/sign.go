package hook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretSize is how long a secret is, in bytes; the scheme has 24 to 64.
const secretSize = 32

// prefix tells a person, and a scanner of leaked secrets, what it is.
const prefix = "whsec_"

// NewSecret makes a secret.
func NewSecret() []byte {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program first
	return b
}

// Secret gives a secret as people copy it.
func Secret(raw []byte) string { return prefix + base64.StdEncoding.EncodeToString(raw) }

// signatures gives the header webhook-signature: one signature a secret, so that a
// receiver may have either while a secret is replaced.
func signatures(secrets [][]byte, id string, at time.Time, body []byte) string {
	var all []string
	for _, s := range secrets {
		mac := hmac.New(sha256.New, s)
		fmt.Fprintf(mac, "%s.%s.", id, stamp(at))
		mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// stamp gives the header webhook-timestamp.
func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
