package identifier

import (
	"bytes"
	"slices"
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
	return len(b) <= longestPlaceholder && slices.Contains(placeholders, string(bytes.ToLower(b)))
}
