package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"awase/courier"
	"awase/entrustment"
	"awase/intake"
)

// addLabels adds the flag of the commands that read event logs.
func (f *loadFlags) addLabels(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.labels, "labels", nil, "of a log that names its users by labels: the `file` of key,label that awase courier open wrote; once for each delivery that the log is of")
}

// needsLabels decides whether the files of labels go with events.yaml, and are there.
func (f *loadFlags) needsLabels(s *entrustment.EventSchema) error {
	switch {
	case s.Label == nil && len(f.labels) > 0:
		return usageError{errors.New("--labels is of a log that names its users by labels: events.yaml has no label")}
	case s.Label != nil && len(f.labels) == 0:
		return usageError{errors.New("events.yaml names users by labels: name the files of key,label with --labels")}
	}
	for _, path := range f.labels {
		if _, err := os.Stat(path); err != nil {
			return fileError(path, err)
		}
	}
	return nil
}

// readLabels reads the files of labels; nil where none is named.
func (f *loadFlags) readLabels() (intake.Labels, error) {
	if len(f.labels) == 0 {
		return nil, nil
	}
	keys := &courier.LabelKeys{}
	refuse := func(path string, err error) error {
		bad, ok := errors.AsType[*courier.Error](err)
		if !ok || bad.Detail == "" {
			return err
		}
		return badFile(path, bad.Detail, "name the file of key,label as awase courier open wrote it")
	}
	for _, path := range f.labels {
		if err := readFile(path, func(file *os.File, _ int64) error {
			if err := keys.Add(file); err != nil {
				return refuse(path, err)
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if err := keys.Sort(); err != nil {
		return nil, refuse(f.labels[len(f.labels)-1], err)
	}
	return keys, nil
}
