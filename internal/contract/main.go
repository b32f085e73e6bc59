// Command contract writes the contract of /v1 as it is served, for the page's types.
package main

import (
	"fmt"
	"os"

	"awase/api"
)

func main() {
	if _, err := os.Stdout.Write(api.Contract()); err != nil {
		fmt.Fprintln(os.Stderr, "writing the contract:", err)
		os.Exit(1)
	}
}
