package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// The pace of restarts: the first soon, then ever slower, until the enclave served
// for a while.
const (
	firstPause  = 100 * time.Millisecond
	longPause   = 30 * time.Second
	steady      = time.Minute
	endOfAnswer = 75 * time.Second // more than an enclave takes to end
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve --vault V --socket S",
		Short: "Keep an enclave serving: start it, and start it again when it dies",
		Long: "Starts awase enclave with the same vault and socket as a process of its own, and again when that ends, ever slower while it does not last a minute. " +
			"It reads no input and opens no vault. SIGTERM or Ctrl-C ends the enclave, then it.",
		Args: exactArgs(),
	}
	return serving(cmd, func(ctx context.Context, dir, socket string, key keyFlags, out, errOut io.Writer) error {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding this program: %w", err)
		}
		args := []string{"enclave", "--vault", dir, "--socket", socket}
		if key.now != "" {
			args = append(args, "--vault-key", key.now)
		}
		return keep(ctx, out, errOut, self, args...)
	})
}

// keep keeps a process running until ctx ends, and then ends it.
func keep(ctx context.Context, out, errOut io.Writer, name string, args ...string) error {
	for pause := firstPause; ; {
		start := time.Now()
		err := runChild(ctx, out, errOut, name, args...)
		if ctx.Err() != nil {
			return err
		}
		if time.Since(start) > steady {
			pause = firstPause
		}
		if _, err := fmt.Fprintf(errOut, "awase: the enclave ended (%s); it is started again in %s\n", ended(err), pause); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

func ended(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// runChild runs a process until it ends. When ctx ends it is told to, by its pid
// alone, and killed where it does not.
func runChild(ctx context.Context, out, errOut io.Writer, name string, args ...string) error {
	// The kernel ends the child with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, errOut
	if f, ok := fileOf(out); ok {
		cmd.Stdout = f // no goroutine between
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endOfAnswer
	cmd.SysProcAttr = ownGroup()
	err := cmd.Run()
	if ctx.Err() != nil && cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return nil // it ended as it was told
	}
	return err
}
