package entrustment

import "strings"

// PrefectureEnglish gives the English name of one of the 47 prefectures (東京都:
// Tokyo); ok is false for any other text.
func PrefectureEnglish(name string) (english string, ok bool) {
	for _, p := range prefectures {
		if p.name == name {
			return strings.ToUpper(p.romaji[:1]) + p.romaji[1:], true
		}
	}
	return "", false
}

// RegionEnglish gives the English name of one of the eight regions (関東: Kanto).
func RegionEnglish(name string) (english string, ok bool) {
	for i, r := range regionNames {
		if r == name {
			return regionsEnglish[i], true
		}
	}
	return "", false
}

var regionsEnglish = [len(regionNames)]string{"Hokkaido", "Tohoku", "Kanto", "Chubu", "Kinki", "Chugoku", "Shikoku", "Kyushu and Okinawa"}
