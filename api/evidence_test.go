package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// TestEvidenceFewAtOnce: evidence takes the memory of a large report while it is laid
// out, and whoever asks for it waits for a place among the few that there are.
func TestEvidenceFewAtOnce(t *testing.T) {
	t.Parallel()
	r := apitest.Start(t)
	r.Furnish()
	acme := r.As(of(apitest.Acme, api.Privacy))
	auth := acme.Authorization()
	const path = "/v1/entrustments/" + apitest.Entrustment + "/evidence"
	ask := func(wait time.Duration) error {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), wait)
		defer stop()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", auth)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		if res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
		return err
	}
	const long = time.Minute
	if err := ask(long); err != nil {
		t.Fatal(err)
	}
	done := r.Server.Layouts()
	// It is never answered, however long who asks would wait.
	if err := ask(time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with no place left it is laid out: %v", err)
	}
	done()
	if err := ask(long); err != nil {
		t.Fatal(err)
	}
}
