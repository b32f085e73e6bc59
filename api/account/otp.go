package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	codeStep   = 30 * time.Second
	codeDigits = otp.DigitsSix
)

// NewTOTP gives a new second factor of 160 bits, as authenticators read it.
func NewTOTP() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// TOTPAddress gives the otpauth address of a second factor, for an authenticator
// to scan.
func TOTPAddress(secret, issuer, account string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {codeDigits.String()}, "period": {"30"}}
	return (&url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account, RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20")}).String()
}

// CheckTOTP tells whether code is that of the time step of now, or of the one
// before or after, for clocks that differ; step is which. Who calls it uses a step
// once (RFC 6238 §5.2).
func CheckTOTP(secret, code string, now time.Time) (step int64, ok bool) {
	at := now.Unix() / int64(codeStep/time.Second)
	for _, s := range []int64{at, at - 1, at + 1} {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// IsTOTP tells whether a code is of six digits; a recovery code is not.
func IsTOTP(code string) bool {
	return len(code) == codeDigits.Length() && strings.Trim(code, "0123456789") == ""
}

const recoveryCodes = 10

// NewRecovery gives new recovery codes, of 100 bits each, and the hashes to keep.
func NewRecovery() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		t := strings.ToLower(rand.Text())[:20]
		code := fmt.Sprintf("%s-%s-%s-%s", t[:5], t[5:10], t[10:15], t[15:])
		codes, hashes = append(codes, code), append(hashes, RecoveryHash(code))
	}
	return codes, hashes
}

// RecoveryHash gives the hash of a recovery code, however it was typed.
func RecoveryHash(code string) []byte {
	return Hash(strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(code)))
}
