// Package config reads how awase serve is configured: one file, the environment
// and flags, by one table of keys.
//
//	default < file (awase.config/v1) < environment (AWASE_…) < flag
//
// It does no I/O: who calls it reads the file. Everything that is wrong is told at
// once, each with its place: file:line:column, the variable, or the flag. No error
// repeats a value.
package config
