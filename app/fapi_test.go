package app_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/kit/eidas"
	"kontor/xs2aclient"
)

// TestABankUnderFAPI2 takes the way of a consent through a bank that holds third parties to the
// FAPI 2.0 security profile: over real TLS, from the pushed request to an account that opens
// only to the certificate that the token was issued to.
func TestABankUnderFAPI2(t *testing.T) {
	t.Parallel()
	s := world(t, func(c *app.Config) {
		for i := range c.Banks {
			if c.Banks[i].Code() == "isar" {
				c.Banks[i].Profile().OAuth.FAPI2 = true
			}
		}
	})
	isar, ana, alpa := s.Bank("standard"), s.Personas[0], s.TPPs[0]
	client, stranger := s.XS2A(isar, s.Certificate(alpa)), s.XS2A(isar, s.Certificate(s.TPPs[1]))
	// The same TPP with another key: who has stolen a token has not stolen that.
	renewed := s.XS2A(isar, apptest.Issue(t, s.CA(), func(r *eidas.Request) {
		r.Organization, r.OrganizationIdentifier, r.DNSNames = alpa.Name, alpa.OrganizationIdentifier, []string{"alpa.example", "localhost"}
	}))
	everything := xs2aclient.ConsentRequest{Access: xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts}, RecurringIndicator: true, ValidUntil: "9999-12-31", FrequencyPerDay: 4}
	created, err := client.CreateConsent(t.Context(), everything, xs2aclient.Redirects{URI: apptest.Redirect})
	if err != nil {
		t.Fatal(err)
	}
	m, err := client.Metadata(t.Context(), created.Links["scaOAuth"])
	if err != nil {
		t.Fatal(err)
	}
	if !m.PushRequired || !m.CertificateBoundTokens || !m.IssuerInResponse || len(m.TokenAuthMethods) != 1 || m.TokenAuthMethods[0] != "tls_client_auth" {
		t.Errorf("the metadata: %+v", m)
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: alpa.OrganizationIdentifier, RedirectURI: apptest.Redirect}
	begin := func() xs2aclient.Flow {
		t.Helper()
		flow, err := o.Begin(xs2aclient.ScopeOfConsent(created.ConsentID), nil)
		if err != nil {
			t.Fatal(err)
		}
		return flow
	}
	refused := func(what string, err error, codes ...string) {
		t.Helper()
		e, ok := errors.AsType[*xs2aclient.Error](err)
		if !ok {
			t.Errorf("%s: %v, not a refusal", what, err)
			return
		}
		for _, code := range codes {
			if e.OAuth == code || e.Code() == code {
				return
			}
		}
		t.Errorf("%s: %v, not %v", what, err, codes)
	}

	// Not pushed: the answer is to the TPP, and nobody is asked to log in.
	flow := begin()
	open := s.Ask(s.Client(nil), http.MethodGet, flow.URL, nil, "")
	_, err = flow.Code(open.Header.Get("Location"))
	if refused("a request in the address", err, "invalid_request"); open.Status != http.StatusSeeOther {
		t.Errorf("answered by %s", open)
	}
	// Pushed, but not with her certificate.
	_, err = stranger.Push(t.Context(), o, flow)
	refused("pushed by another TPP", err, "invalid_client")
	_, err = s.XS2A(isar, nil).Push(t.Context(), o, flow)
	refused("pushed by nobody", err, "invalid_client")
	withSecret := o
	withSecret.ClientID, withSecret.ClientSecret, withSecret.Metadata.TokenAuthMethods = alpa.ClientID, alpa.ClientSecret, []string{"client_secret_post"}
	_, err = client.Push(t.Context(), withSecret, flow)
	refused("pushed with a secret", err, "invalid_client")

	// The way through, up to the code.
	through := func() (xs2aclient.Flow, string) {
		t.Helper()
		pushed, err := client.Push(t.Context(), o, begin())
		if err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(pushed.URL); err != nil || u.Query().Has("scope") || u.Query().Has("code_challenge") || !strings.HasPrefix(u.Query().Get("request_uri"), "urn:ietf:params:oauth:request_uri:") {
			t.Fatalf("the address tells too much: %s", pushed.URL)
		}
		code, err := pushed.Code(s.Follow(ana, pushed.URL))
		if err != nil {
			t.Fatal(err)
		}
		return pushed, code
	}
	pushed, code := through()
	other := o
	other.ClientID = s.TPPs[1].OrganizationIdentifier
	_, err = stranger.Exchange(t.Context(), other, pushed, code)
	refused("the code in the hands of another TPP", err, "invalid_grant")
	_, err = s.XS2A(isar, nil).Exchange(t.Context(), o, pushed, code)
	refused("the code in the hands of nobody", err, "invalid_client")
	wrong := pushed
	wrong.Verifier = strings.Repeat("x", 43)
	_, err = client.Exchange(t.Context(), o, wrong, code)
	refused("the code without what goes with it", err, "invalid_grant")
	token, err := client.Exchange(t.Context(), o, pushed, code)
	if err != nil {
		t.Fatalf("the code, after what others tried: %v", err)
	}

	read := func(c *xs2aclient.Client, token string) error {
		_, err := c.WithConsent(created.ConsentID).WithToken(token).Accounts(t.Context(), false)
		return err
	}
	if err := read(client, token.AccessToken); err != nil {
		t.Errorf("with her certificate: %v", err)
	}
	refused("with another key of hers", read(renewed, token.AccessToken), "TOKEN_INVALID", "TOKEN_UNKNOWN")
	refused("with another TPP's certificate", read(stranger, token.AccessToken), "TOKEN_INVALID", "TOKEN_UNKNOWN")
	refused("without a certificate", read(s.XS2A(isar, nil), token.AccessToken), "CERTIFICATE_MISSING")
	refused("without a token", read(client, ""), "TOKEN_INVALID", "TOKEN_UNKNOWN")

	_, err = stranger.Refresh(t.Context(), other, token.RefreshToken)
	refused("refreshed by another TPP", err, "invalid_grant")
	fresh, err := client.Refresh(t.Context(), o, token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := read(client, fresh.AccessToken); err != nil {
		t.Errorf("after a refresh: %v", err)
	}
	// The code once more: whoever has it, it was taken; what it brought is taken back.
	_, err = client.Exchange(t.Context(), o, pushed, code)
	refused("the code once more", err, "invalid_grant")
	refused("what it brought", read(client, fresh.AccessToken), "TOKEN_INVALID", "TOKEN_UNKNOWN")

	t.Run("a client that others wrote goes the same way", func(t *testing.T) {
		again, err := client.CreateConsent(t.Context(), everything, xs2aclient.Redirects{URI: apptest.Redirect})
		if err != nil {
			t.Fatal(err)
		}
		openidClientReads(t, s, isar, alpa, ana, again.ConsentID)
	})
}
