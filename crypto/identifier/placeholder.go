package identifier

import (
	"slices"
	"strings"
)

// placeholders are what people and databases write where there is no value.
var placeholders = []string{
	"-", "--", "---", "ー", "－", "―", "‐", "なし", "無し", "無", "ナシ", "不明", "未登録", "未設定", "該当なし",
	"n/a", "na", "#n/a", "null", "none", "nil", "(null)", "undefined", "unknown",
}

// longestPlaceholder is in bytes.
const longestPlaceholder = 12

// placeholder tells whether a trimmed email or phone cell says that there is
// none.
func placeholder(b []byte) bool {
	if len(b) > longestPlaceholder || b[0] >= '0' && b[0] <= '9' || b[0] == '+' {
		return false // nearly every value, without a look at the list
	}
	return slices.ContainsFunc(placeholders, func(p string) bool { return strings.EqualFold(p, string(b)) })
}
