// Package apptest says in tests what every app.Store must do.
package apptest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"kontor/bank/app"
	"kontor/bank/tpp"
)

// Exercise runs the suite on empty stores.
func Exercise(t *testing.T, open func(t *testing.T) app.Store) {
	const alpa, other = tpp.ID("PSDSI-BS-7402113"), tpp.ID("PSDRO-NBR-0042")
	whole := app.App{
		ClientID: "alpa-1", SecretHash: [32]byte{1}, TPP: alpa, Name: "Alpa Plačila",
		RedirectURIs: []string{"https://alpa.example/cb", "alpa:/cb"}, CertificateThumbprint: tpp.Thumbprint{2},
	}
	put := func(t *testing.T, s app.Store, apps ...app.App) {
		t.Helper()
		for _, a := range apps {
			if err := s.Put(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("an app comes back as it was kept", func(t *testing.T) {
		s := open(t)
		bare := app.App{Bank: "lon", ClientID: "bare", TPP: other}
		put(t, s, whole, bare)
		for _, want := range []app.App{whole, bare} {
			if got, err := s.ByClient(t.Context(), "lon", want.ClientID); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
			}
		}
	})
	t.Run("an app of one bank is unknown to others, an app of the hub to none", func(t *testing.T) {
		s := open(t)
		put(t, s, whole, app.App{Bank: "lon", ClientID: "lon-only", TPP: alpa})
		for _, tt := range []struct {
			bank, id string
			want     error
		}{{"lon", "lon-only", nil}, {"salt", "lon-only", app.ErrUnknown}, {"salt", "alpa-1", nil}, {"lon", "nobody", app.ErrUnknown}} {
			if _, err := s.ByClient(t.Context(), tt.bank, tt.id); !errors.Is(err, tt.want) {
				t.Errorf("%s at %s: got %v, want %v", tt.id, tt.bank, err, tt.want)
			}
		}
	})
	t.Run("a bank's own app goes before the hub's with the same client_id", func(t *testing.T) {
		s := open(t)
		put(t, s, app.App{Bank: "lon", ClientID: "same", TPP: alpa, Name: "of the bank"}, app.App{ClientID: "same", TPP: alpa, Name: "of the hub"})
		for bank, want := range map[string]string{"lon": "of the bank", "salt": "of the hub"} {
			a, err := s.ByClient(t.Context(), bank, "same")
			if err != nil || a.Name != want {
				t.Errorf("%s: got %q, %v", bank, a.Name, err)
			}
			all, err := s.OfTPP(t.Context(), bank, alpa)
			if err != nil || len(all) != 1 || all[0].Name != want {
				t.Errorf("%s: got %+v, %v", bank, all, err)
			}
		}
	})
	t.Run("putting an app again replaces it whole", func(t *testing.T) {
		s := open(t)
		next := app.App{ClientID: whole.ClientID, TPP: other, RedirectURIs: []string{"https://other.example/"}}
		put(t, s, whole, next)
		if got, err := s.ByClient(t.Context(), "lon", whole.ClientID); err != nil || !reflect.DeepEqual(got, next) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, next)
		}
	})
	t.Run("the apps of a TPP are listed by client_id, and nobody else's", func(t *testing.T) {
		s := open(t)
		put(t, s, app.App{ClientID: "b", TPP: alpa}, app.App{Bank: "lon", ClientID: "a", TPP: alpa}, app.App{ClientID: "c", TPP: other}, app.App{Bank: "salt", ClientID: "d", TPP: alpa})
		all, err := s.OfTPP(t.Context(), "lon", alpa)
		var ids []string
		for _, a := range all {
			ids = append(ids, a.ClientID)
		}
		if err != nil || fmt.Sprint(ids) != "[a b]" {
			t.Errorf("got %v, %v", ids, err)
		}
	})
}
