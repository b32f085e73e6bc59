//go:build noweb

package web

import "embed"

var built embed.FS // without the page
