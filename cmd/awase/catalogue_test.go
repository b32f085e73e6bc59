package main

import (
	"reflect"
	"testing"

	"awase/api"
	"awase/entrustment"
	"awase/internal/apitest"
)

// What awase entrustments ID prints is the contract of the newest version, whole: it
// reads as what the room has.
func TestEntrustmentIsPrintedWhole(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Acme, api.Viewer)))
	code, out, errOut := command(t, "entrustments", apitest.Entrustment)
	if code != 0 {
		t.Fatalf("status %d\n%s%s", code, out, errOut)
	}
	has(t, out, "# spring: active; version 1 of ")
	got, err := entrustment.ParseContract("contract.yaml", []byte(out))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in, err := room.Enclave.Entrustment(t.Context(), apitest.Entrustment)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, in.Versions[0].Contract) {
		t.Errorf("it prints\n%+v\nand the room has\n%+v", got, in.Versions[0].Contract)
	}
}
