package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"awase/entrustment"
)

// fileError gives what the file system says about a file of the desk the form of
// a refusal: which file, what, and what to do.
func fileError(path string, err error) error {
	detail, mend := "", ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		detail, mend = "there is no such file", "check its name, and the directory it is in"
	case errors.Is(err, fs.ErrPermission):
		detail, mend = "it may not be read or written by this user", "have its owner allow it, or name another file"
	case errors.Is(err, syscall.EISDIR):
		detail, mend = "it is a directory", "name a file in it"
	case errors.Is(err, syscall.ENOTDIR):
		detail, mend = "what stands before it in its path is no directory", "check the path"
	default:
		return err
	}
	return badFile(path, detail, mend)
}

// badFile refuses a file of the desk.
func badFile(path, detail, mend string) error {
	return &entrustment.Error{Code: entrustment.CodeFile, Field: filepath.Base(path), Detail: detail, Mend: mend}
}
