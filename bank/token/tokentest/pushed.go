package tokentest

import (
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"kontor/bank/token"
)

func pushed(name string) token.Pushed {
	return token.Pushed{
		Bank: "lon", Reference: token.HashOf(name), Client: "PSDSI-BS-1234567", ExpiresAt: at.Add(time.Minute),
		Request: map[string]string{"scope": "AIS:c1", "state": `"š\` + "\n", "redirect_uri": "https://tpp.example/cb?x=1&y=%22"},
	}
}

func pushedRoundTrip(t *testing.T, s token.Store) {
	p := pushed("r")
	must(t, s.Push(t.Context(), p))
	got, err := s.Pushed(t.Context(), "lon", p.Reference)
	must(t, err)
	if got.Client != p.Client || !got.ExpiresAt.Equal(p.ExpiresAt) || got.Bank != p.Bank || got.Reference != p.Reference || !maps.Equal(got.Request, p.Request) {
		t.Errorf("got %+v, want %+v", got, p)
	}
	_, err = s.Pushed(t.Context(), "other", p.Reference)
	wantErr(t, err, token.ErrUnknown)
	wantErr(t, s.Pull(t.Context(), "other", p.Reference), token.ErrUsed)
	must(t, s.Pull(t.Context(), "lon", p.Reference))
	_, err = s.Pushed(t.Context(), "lon", p.Reference)
	wantErr(t, err, token.ErrUnknown)
}

func pullOnce(t *testing.T, s token.Store) {
	p := pushed("r")
	must(t, s.Push(t.Context(), p))
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.Pull(t.Context(), "lon", p.Reference) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, token.ErrUsed) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d succeeded", won)
	}
}

func sweepPushed(t *testing.T, s token.Store) {
	p := pushed("r")
	must(t, s.Push(t.Context(), p))
	must(t, s.Sweep(t.Context(), p.ExpiresAt))
	_, err := s.Pushed(t.Context(), "lon", p.Reference)
	must(t, err)
	must(t, s.Sweep(t.Context(), p.ExpiresAt.Add(time.Second)))
	_, err = s.Pushed(t.Context(), "lon", p.Reference)
	wantErr(t, err, token.ErrUnknown)
}
