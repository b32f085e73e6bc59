package identifier

import (
	"fmt"
	"strings"
)

// Profile is a platform's rule for normalising before hashing: FORMATS §1.
type Profile uint8

// The profiles. Awase is the canonical form.
const (
	Awase          Profile = iota
	Google                 // inner spaces removed; gmail.com, googlemail.com: no dots, no +suffix
	UID2                   // also The Trade Desk; gmail.com: no dots, no +suffix; phones already E.164
	Meta                   // phones as digits
	Snap                   // phones as digits
	TikTok                 // +suffix kept; phones with +
	TikTokNoSuffix         // +suffix dropped everywhere: lossy
	TikTokNoPlus           // as TikTok, phones without +
	X                      // phones with +
	Line                   // emails of A-Z a-z 0-9 _ - . @ only, at most 120 characters
	YahooJapan             // half-width; phones without +
	AMC                    // Amazon Marketing Cloud; emails of a-z 0-9 . @ - only: lossy
	Pair                   // IAB PAIR: trim and ASCII lower-case only
	profileCount
)

var profileNames = [profileCount]string{
	"awase", "google", "uid2", "meta", "snap", "tiktok", "tiktok-nosuffix",
	"tiktok-noplus", "x", "line", "yahoo-japan", "amc", "pair",
}

// Profiles gives all profiles, Awase first.
func Profiles() []Profile {
	all := make([]Profile, profileCount)
	for i := range all {
		all[i] = Profile(i)
	}
	return all
}

// String gives the name used in documents and on the command line.
func (p Profile) String() string {
	if p < profileCount {
		return profileNames[p]
	}
	return fmt.Sprintf("profile(%d)", uint8(p))
}

// ParseProfile reads a name such as "google" or "yahoo-japan".
func ParseProfile(name string) (Profile, error) {
	for p, n := range profileNames {
		if n == name {
			return Profile(p), nil
		}
	}
	return 0, fmt.Errorf("no such profile; use one of %s", strings.Join(profileNames[:], ", "))
}

// Class gives the index that hashes of kind k under p belong in. Only emails
// have lossy rules: amc's digits of a phone are those of E.164.
func (p Profile) Class(k Kind) Class {
	if k == Email {
		switch p {
		case AMC:
			return ClassAMC
		case TikTokNoSuffix:
			return ClassTikTokNoSuffix
		}
	}
	return Common
}

// plus tells whether the profile's phone numbers start with +.
func (p Profile) plus() bool {
	switch p {
	case Meta, Snap, TikTokNoPlus, YahooJapan, AMC:
		return false
	}
	return true
}
