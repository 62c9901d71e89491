package tokentest

import (
	"errors"
	"fmt"
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
	must(t, s.Pull(t.Context(), "other", p.Reference))
	_, err = s.Pushed(t.Context(), "lon", p.Reference)
	must(t, err)
	for range 2 { // a second time is no error
		must(t, s.Pull(t.Context(), "lon", p.Reference))
	}
	_, err = s.Pushed(t.Context(), "lon", p.Reference)
	wantErr(t, err, token.ErrUnknown)
}

func approveOnePushed(t *testing.T, s token.Store) {
	p := pushed("r")
	must(t, s.Push(t.Context(), p))
	grants := make([]token.Grant, 16)
	for i := range grants {
		g := grant(fmt.Sprintf("g%d", i))
		g.Pushed = p.Reference
		must(t, s.Create(t.Context(), g))
		kept, err := s.Get(t.Context(), "lon", g.ID)
		must(t, err)
		if kept.Pushed != p.Reference {
			t.Errorf("the grant came from %x, want %x", kept.Pushed, p.Reference)
		}
		grants[i] = kept
	}
	errs := make([]error, len(grants))
	var wg sync.WaitGroup
	for i, g := range grants {
		wg.Go(func() {
			g, err := g.Approve(at, "psu-1", token.HashOf("code-of-"+g.ID), time.Minute)
			if err == nil {
				err = s.Approve(t.Context(), g)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		g, getErr := s.Get(t.Context(), "lon", grants[i].ID)
		must(t, getErr)
		switch {
		case err == nil && g.Status == token.Approved:
			won++
		case !errors.Is(err, token.ErrUsed) || g.Status != token.Waiting:
			t.Errorf("got %v, and it is %s", err, g.Status)
		}
	}
	if won != 1 {
		t.Errorf("%d were approved", won)
	}
	_, err := s.Pushed(t.Context(), "lon", p.Reference)
	wantErr(t, err, token.ErrUnknown)
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
