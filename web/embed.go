//go:build !noweb

package web

import "embed"

//go:embed all:dist
var built embed.FS
