package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/internal/chtest"
)

// clickhouseServers starts n servers with a database awase each, which share the cores
// of this machine. It gives them as --clickhouse takes them, and a connection to each.
func clickhouseServers(t *testing.T, n int) ([]*chtest.Server, string, []driver.Conn) {
	t.Helper()
	servers := chtest.Start(t, n, chtest.Options{Profile: fmt.Sprintf("<max_threads>%d</max_threads>", max(1, runtime.NumCPU()/n))})
	var at []string
	var conns []driver.Conn
	for _, s := range servers {
		conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{s.Addr}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.Exec(t.Context(), "CREATE DATABASE awase"); err != nil {
			t.Fatal(err)
		}
		at, conns = append(at, s.Addr), append(conns, conn)
	}
	return servers, strings.Join(at, ","), conns
}

// inProcess runs one in this process.
func inProcess(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func tablesLeft(t *testing.T, conns []driver.Conn) (n uint64) {
	t.Helper()
	for _, c := range conns {
		var here uint64
		if err := c.QueryRow(t.Context(), "SELECT count() FROM system.tables WHERE database = 'awase'").Scan(&here); err != nil {
			t.Fatal(err)
		}
		n += here
	}
	return n
}

// TestBenchBeside: both engines in one run, on one shard and on two, and nothing is
// left; a database that holds a room's tables is left alone.
func TestBenchBeside(t *testing.T) {
	for _, shards := range []int{1, 2} {
		_, at, conns := clickhouseServers(t, shards)
		args := []string{"bench", "--users", "20k", "--kinds", "3", "--runs", "1", "--engine", "clickhouse", "--clickhouse", at, "--clickhouse-user", "default"}
		code, out, errOut := inProcess(args...)
		if code != 0 {
			t.Fatal(code, errOut)
		}
		for _, want := range []string{"match + count ", "clickhouse: match + count ", "clickhouse ÷ ours", plural(shards, "shard"), "cells as they must be"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing:\n%s", want, out)
			}
		}
		if n := tablesLeft(t, conns); n != 0 {
			t.Errorf("%d tables are left", n)
		}
		if shards > 1 {
			continue
		}
		loadOther(t, at)
		before := tablesLeft(t, conns)
		if code, _, errOut := inProcess(args...); code != 1 || !strings.Contains(errOut, "tables of a room, and a measurement drops all") {
			t.Error(code, errOut)
		}
		if n := tablesLeft(t, conns); n != before || n == 0 {
			t.Errorf("%d tables of a room became %d", before, n)
		}
	}
}

// TestBenchFlags: what can't be is said before anything is made.
func TestBenchFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
	}{
		{"--engine duckdb", "takes embedded or clickhouse"},
		{"--clickhouse 127.0.0.1:9000", "goes with the latter"},
		{"--engine clickhouse", "takes the shards"},
		{"--engine clickhouse --clickhouse nowhere", "no HOST:PORT"},
		{"--engine clickhouse --clickhouse 192.0.2.1:9440", "--clickhouse-ca is needed"},
		{"--engine clickhouse --clickhouse LOCALHOST:9000,127.0.0.1:9000,localhost:9000", "one server twice"},
	} {
		if code, _, errOut := inProcess(append([]string{"bench", "--users", "10"}, strings.Fields(c.args)...)...); code != 2 || !strings.Contains(errOut, c.says) {
			t.Errorf("%s: %d %s", c.args, code, errOut)
		}
	}
}

// TestBenchOverTLS: with a CA the servers have to show a certificate of it, for the name.
func TestBenchOverTLS(t *testing.T) {
	servers, _, _ := clickhouseServers(t, 1)
	ours, _ := engineAuthority(t)
	other, err := chtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	at := chtest.Secure(t, servers[0].Addr, shows(t, ours, "shard.test", time.Hour))
	ca := func(a *chtest.Authority) string {
		path := filepath.Join(t.TempDir(), "ca.crt")
		if err := os.WriteFile(path, a.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		at, ca, name string
		code         int
	}{
		{at, ca(ours), "shard.test", 0},
		{at, ca(other), "shard.test", 1},
		{at, ca(ours), "another.test", 1},
		{servers[0].Addr, ca(ours), "shard.test", 1}, // it speaks no TLS there
	} {
		code, _, errOut := inProcess("bench", "--users", "2000", "--runs", "1", "--engine", "clickhouse", "--clickhouse", c.at, "--clickhouse-user", "default", "--clickhouse-ca", c.ca, "--clickhouse-name", c.name)
		if code != c.code {
			t.Errorf("%+v: %d %s", c, code, errOut)
		}
	}
}

// TestBenchClickHouse is make bench-clickhouse: both engines in one run, on one shard
// and on two of this machine. AWASE_BENCH_CLICKHOUSE has the flags of awase bench; without
// it there is little.
func TestBenchClickHouse(t *testing.T) {
	flags, ok := os.LookupEnv("AWASE_BENCH_CLICKHOUSE")
	if !ok {
		flags = "--users 100k --runs 1"
	}
	for _, shards := range []int{1, 2} {
		_, at, _ := clickhouseServers(t, shards)
		args := append([]string{"bench", "--engine", "clickhouse", "--clickhouse", at, "--clickhouse-user", "default"}, strings.Fields(flags)...)
		code, out, errOut := inProcess(args...)
		if code != 0 {
			t.Fatal(code, errOut)
		}
		fmt.Printf("awase %s\n%s\n", strings.Join(args, " "), out)
	}
}
