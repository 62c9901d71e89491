package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"kontor/bank/app"
	"kontor/bank/tpp"
)

func TestSoundRedirectURI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, uri string
		want      bool
	}{
		{"a web address", "https://tpp.example/cb", true},
		{"a web address without path", "https://www.xyztpp.si", true},
		{"one with query and port", "https://tpp.example:8443/cb?bank=lon", true},
		{"a loopback address", "http://127.0.0.1:9080/callback", true},
		{"an app's own scheme", "com.example.tpp:/oauth2redirect", true},
		{"nothing", "", false},
		{"a relative address", "/cb", false},
		{"an address without scheme", "//tpp.example/cb", false},
		{"a web address without host", "https:///cb", false},
		{"an opaque web address", "https:tpp.example", false},
		{"a fragment", "https://tpp.example/cb#x", false},
		{"an empty fragment", "https://tpp.example/cb#", false},
		{"user information", "https://bank.example@tpp.example/cb", false},
		{"a script", "javascript:alert(1)", false},
		{"a script in capitals", "JavaScript:alert(1)", false},
		{"data", "data:text/html,x", false},
		{"a line break", "https://tpp.example/cb\r\nSet-Cookie: a=b", false},
		{"a space", "https://tpp.example/c b", false},
		{"a backslash", `https://tpp.example\@evil.example/`, false},
		{"letters that are not ASCII", "https://tpp.example/ž", false},
		{"more than 2048 characters", "https://tpp.example/" + strings.Repeat("x", 2048), false},
	} {
		if got := app.SoundRedirectURI(tt.uri); got != tt.want {
			t.Errorf("%s: %.80q is %v, want %v", tt.name, tt.uri, got, tt.want)
		}
	}
}

type keep struct {
	app.Store
	kept *app.App
}

func (k keep) Put(_ context.Context, a app.App) error { *k.kept = a; return nil }

func TestRegister(t *testing.T) {
	t.Parallel()
	good := app.App{ClientID: "alpa-1", TPP: "PSDSI-BS-7402113", RedirectURIs: []string{"https://alpa.example/cb"}}
	for _, tt := range []struct {
		name   string
		secret string
		change func(*app.App)
		want   []error
	}{
		{"an app with a secret", app.NewSecret(), func(*app.App) {}, nil},
		{"an app with its TPP's certificate only", "", func(*app.App) {}, nil},
		{"a password for a secret", "letmein", func(*app.App) {}, []error{app.ErrSecret}},
		{"a client_id with a space", "", func(a *app.App) { a.ClientID = "a b" }, []error{app.ErrClientID}},
		{"everything wrong at once is said at once", "short", func(a *app.App) { *a = app.App{RedirectURIs: []string{"cb"}} },
			[]error{app.ErrSecret, app.ErrClientID, app.ErrRedirectURI, app.ErrTPP}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := good
			tt.change(&a)
			var kept app.App
			s := app.Service{Store: keep{kept: &kept}}
			err := s.Register(t.Context(), a, tt.secret)
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			}
			if len(tt.want) > 0 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := kept.HasSecret(tt.secret); got != (tt.secret != "") {
				t.Errorf("its secret: %v", got)
			}
			if kept.HasSecret(app.NewSecret()) || kept.HasSecret("") {
				t.Error("another secret is accepted")
			}
		})
	}
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	own := tpp.TPP{ID: "PSDSI-BS-7402113", Thumbprint: tpp.Thumbprint{1}}
	for _, tt := range []struct {
		name string
		app  app.App
		want bool
	}{
		{"any certificate of its TPP", app.App{TPP: own.ID}, true},
		{"the certificate that it named", app.App{TPP: own.ID, CertificateThumbprint: own.Thumbprint}, true},
		{"another certificate than it named", app.App{TPP: own.ID, CertificateThumbprint: tpp.Thumbprint{2}}, false},
		{"another TPP's", app.App{TPP: "PSDRO-NBR-0042", CertificateThumbprint: own.Thumbprint}, false},
	} {
		if got := tt.app.Accepts(own); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
