package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"awase/enclave/relay"
	"awase/enclave/sandbox"
)

// enclaveComes is how long an enclave may take to listen.
const enclaveComes = time.Minute

// domainPort is that of name servers, which are asked by TCP where an answer is long.
const domainPort = 53

func relayCommand() *cobra.Command {
	var s serving
	var channels, secretFD int
	cmd := &cobra.Command{
		Use:   "relay --socket S --channels N ADDRESS…",
		Short: "Carry bytes between an enclave and the servers of a fixed list",
		Long: "The process that awase serve starts where a ClickHouse is configured: the enclave has no network. It connects to the enclave's socket, confines itself, dials none but the addresses given, and carries bytes. " +
			"It has no key and no file but a secret by which the enclave knows it, and sees TLS that ends in the enclave and in the server.",
		Args: cobra.MinimumNArgs(1),
	}
	s.registerSocket(cmd)
	cmd.Flags().IntVar(&channels, "channels", 0, "how many connections it keeps to the enclave (`number`)")
	cmd.Flags().IntVar(&secretFD, "relay-secret-fd", 0, "the `descriptor` at which it reads what it shows the enclave")
	cmd.RunE = func(cmd *cobra.Command, addresses []string) error {
		if s.socket == "" || channels < 1 {
			return usageError{errors.New("awase serve starts it: name the socket with --socket and how many connections it keeps with --channels")}
		}
		if err := s.checkAllowed(); err != nil {
			return err
		}
		ports, err := portsOf(addresses)
		if err != nil {
			return usageError{err}
		}
		secret, err := relaySecretAt(secretFD, s.unconfined)
		if err != nil {
			return err
		}
		return s.carry(cmd.Context(), secret, channels, addresses, ports, cmd.ErrOrStderr())
	}
	return cmd
}

// portsOf gives the ports that addresses are reached at, and names are asked at.
func portsOf(addresses []string) (out []uint16, err error) {
	for _, a := range addresses {
		host, text, err := net.SplitHostPort(a)
		port, perr := strconv.ParseUint(text, 10, 16)
		if err != nil || perr != nil || port == 0 {
			return nil, errors.New("an address is written as host:port")
		}
		out = append(out, uint16(port))
		if _, err := netip.ParseAddr(host); err != nil {
			out = append(out, domainPort)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// carry confines the process and carries until ctx ends.
func (s *serving) carry(ctx context.Context, secret relay.Secret, channels int, addresses []string, ports []uint16, errOut io.Writer) error {
	logger := s.log.logger("relay", errOut)
	wait, cancel := context.WithTimeout(ctx, enclaveComes)
	defer cancel()
	conns, err := relay.Connect(wait, s.socket, secret, channels)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	net.DefaultResolver.PreferGo = true // a C library opens more than is left
	if !s.unconfined {
		files, dirs := lookups()
		keep := sandbox.ForRelay(ports, dirs, files...)
		keep.AllowMissing = s.allowed(keep.AllowMissing...)
		if _, err := sandbox.Confine(keep); err != nil {
			return fmt.Errorf("the relay: %w", err)
		}
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "the relay carries", slog.Int("servers", len(addresses)), slog.Int("connections", channels))
	if err := (&relay.Carrier{Addresses: addresses, Logger: logger}).Carry(ctx, conns); err != nil {
		// It is started again, or ends with the enclave that was told to.
		logger.LogAttrs(ctx, slog.LevelInfo, "the relay ends", slog.String("why", err.Error()))
	}
	return nil
}
