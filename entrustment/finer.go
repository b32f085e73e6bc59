package entrustment

import (
	"regexp"
	"slices"
	"strings"
)

// Words in a column's header that say where somebody lives or was, more finely
// than by prefecture. As with LooksDirect the list is never complete.
var (
	locatedParts  = []string{"市区町村", "市町村", "市区", "町村", "町名", "町丁", "地番", "最寄", "位置情報"}
	locatedWhole  = []string{"市", "区", "町", "位置"}
	locatedTokens = []string{"city", "cities", "ward", "municipality", "neighborhood", "neighbourhood", "location", "whereabouts"}
	coordinates   = []string{"lat", "lng", "lon", "latitude", "longitude", "緯度", "経度", "緯度経度", "座標", "coordinate", "coordinates", "geohash", "gps"}
)

// LooksLocated tells whether a column's header says where somebody lives or was
// by town, station or position. A place enters as a prefecture or a region alone
// (DESIGN §2 rule 2).
func LooksLocated(column string) bool { return looksTown(column) || looksCoordinate(column) }

// looksTown tells whether it does in words.
func looksTown(column string) bool {
	tokens := headerTokens(column)
	whole := strings.Join(tokens, "")
	return slices.ContainsFunc(tokens, func(t string) bool { return slices.Contains(locatedTokens, t) }) || slices.Contains(locatedWhole, whole) ||
		slices.ContainsFunc(locatedParts, func(part string) bool { return strings.Contains(whole, part) })
}

// looksCoordinate tells whether a column's header says latitude or longitude.
func looksCoordinate(column string) bool {
	return slices.ContainsFunc(headerTokens(column), func(t string) bool { return slices.Contains(coordinates, t) })
}

// isPlaces tells whether a domain says where somebody was: each of its values but
// Unknown is a whole prefecture or region.
func isPlaces(domain []string) bool {
	n := 0
	for _, v := range domain {
		if v == Unknown {
			continue
		}
		if n++; !slices.Contains(regionNames[:], v) && !slices.ContainsFunc(prefectures[:], func(p prefecture) bool { return p.name == v }) {
			return false
		}
	}
	return n > 0
}

// finePlace tells a value that says where somebody is more finely than by
// prefecture: a postcode, an address with its municipality, a position. A number
// with a hyphen is a band of amounts unless its second part begins with 0.
func finePlace(folded string) bool {
	if fine.MatchString(folded) {
		return true
	}
	for _, p := range prefectures {
		if rest, ok := strings.CutPrefix(folded, p.name); ok && strings.ContainsAny(rest, "市区町村郡") {
			return true
		}
	}
	return false
}

var fine = regexp.MustCompile(`^〒|^[0-9]{3}-0[0-9]{3}$|^-?[0-9]{1,3}\.[0-9]{2,} ?[,/] ?-?[0-9]{1,3}\.[0-9]{2,}$`)

// tooFine tells what of a declared column places somebody more finely than by
// prefecture: "" where nothing does.
func tooFine(name string, domain []string) string {
	switch {
	case looksCoordinate(name), looksTown(name) && !isPlaces(domain):
		return named(name) + " says where somebody is more finely than by prefecture"
	case slices.ContainsFunc(domain, func(v string) bool { return finePlace(fold(v)) }):
		return named(name) + " has a value that is an address, a postcode or a position"
	}
	return ""
}

const mendFine = "generalise it to prefecture or region, or drop it"
