package token_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
)

var (
	now      = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	verifier = strings.Repeat("v", 43)
	client   = token.Client{ID: "PSDSI-BS-1", TPP: "PSDSI-BS-1", Thumbprint: tpp.Thumbprint{1}}
	holder   = tpp.TPP{ID: "PSDSI-BS-1", Thumbprint: tpp.Thumbprint{1}}
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func grant(status token.Status) token.Grant {
	return token.Grant{
		Bank: "salt", ID: "g1", Client: client.ID, TPP: client.TPP, Scope: token.Scope{Kind: token.AIS, Resource: "c1", Asked: "AIS:c1"},
		RedirectURI: "https://tpp.example/cb", Challenge: challenge(verifier), Refreshable: true, EndsAt: now.Add(24 * time.Hour),
		CreatedAt: now, WaitUntil: now.Add(time.Hour), Status: status, PSU: "psu-1", CodeExpiresAt: now.Add(time.Minute),
	}
}

func check(t *testing.T, name string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || want == nil && got != nil {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

func TestApprove(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status token.Status
		after  time.Duration
		want   error
	}{
		{"a grant that waits gets its code", token.Waiting, 0, nil},
		{"to the last moment", token.Waiting, time.Hour - 1, nil},
		{"but not after it", token.Waiting, time.Hour, token.ErrOver},
		{"a second code is not given", token.Approved, 0, token.ErrUsed},
		{"nor after the code was redeemed", token.Redeemed, 0, token.ErrUsed},
		{"nor after a refusal", token.Ended, 0, token.ErrUsed},
	} {
		g, err := grant(tt.status).Approve(now.Add(tt.after), "psu-2", token.HashOf("code"), time.Minute)
		check(t, tt.name, err, tt.want)
		if err == nil && (g.Status != token.Approved || g.PSU != "psu-2" || !g.CodeExpiresAt.Equal(now.Add(tt.after+time.Minute))) {
			t.Errorf("%s: got %+v", tt.name, g)
		}
	}
}

func TestRedeem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*token.Grant, *token.Redemption)
		after  time.Duration
		want   error
	}{
		{"a code with everything right is good", func(*token.Grant, *token.Redemption) {}, 0, nil},
		{"to the last moment of its minute", func(*token.Grant, *token.Redemption) {}, time.Minute - 1, nil},
		{"and not after it", func(*token.Grant, *token.Redemption) {}, time.Minute, token.ErrCode},
		{"a code that was used says so", func(g *token.Grant, _ *token.Redemption) { g.Status = token.Redeemed }, 0, token.ErrUsed},
		{"to its own client only", func(g *token.Grant, r *token.Redemption) {
			g.Status, r.Client.ID, r.TPP = token.Redeemed, "PSDSI-BS-2", "PSDSI-BS-2"
		}, 0, token.ErrCode},
		{"a code of an ended grant is dead", func(g *token.Grant, _ *token.Redemption) { g.Status = token.Ended }, 0, token.ErrCode},
		{"a code of a grant that waits is none", func(g *token.Grant, _ *token.Redemption) { g.Status = token.Waiting }, 0, token.ErrCode},
		{"another client of the same TPP", func(_ *token.Grant, r *token.Redemption) { r.Client.ID = "app-2" }, 0, token.ErrCode},
		{"the same client_id of another TPP", func(_ *token.Grant, r *token.Redemption) { r.TPP = "PSDSI-BS-2" }, 0, token.ErrCode},
		{"another redirect_uri", func(_ *token.Grant, r *token.Redemption) { r.RedirectURI += "/" }, 0, token.ErrCode},
		{"no redirect_uri", func(_ *token.Grant, r *token.Redemption) { r.RedirectURI = "" }, 0, token.ErrCode},
		{"no redirect_uri where it is optional", func(_ *token.Grant, r *token.Redemption) { r.RedirectURI, r.RedirectURIOptional = "", true }, 0, nil},
		{"another one even there", func(_ *token.Grant, r *token.Redemption) {
			r.RedirectURI, r.RedirectURIOptional = "https://evil.example", true
		}, 0, token.ErrCode},
		{"another verifier", func(_ *token.Grant, r *token.Redemption) { r.Verifier = strings.Repeat("w", 43) }, 0, token.ErrCode},
		{"the challenge for a verifier", func(g *token.Grant, r *token.Redemption) { r.Verifier = g.Challenge }, 0, token.ErrCode},
		{"no verifier", func(_ *token.Grant, r *token.Redemption) { r.Verifier = "" }, 0, token.ErrCode},
		{"a verifier that is too short, though it fits", func(g *token.Grant, r *token.Redemption) { r.Verifier, g.Challenge = "short", challenge("short") }, 0, token.ErrCode},
		{"a verifier where there was no challenge", func(g *token.Grant, _ *token.Redemption) { g.Challenge = "" }, 0, token.ErrCode},
		{"neither challenge nor verifier", func(g *token.Grant, r *token.Redemption) { g.Challenge, r.Verifier = "", "" }, 0, nil},
	} {
		g := grant(token.Approved)
		r := token.Redemption{Bank: "salt", Client: client, RedirectURI: g.RedirectURI, Verifier: verifier, TTL: time.Minute}
		tt.change(&g, &r)
		after, err := g.Redeem(now.Add(tt.after), r)
		check(t, tt.name, err, tt.want)
		if err == nil && after.Status != token.Redeemed {
			t.Errorf("%s: it is %s", tt.name, after.Status)
		}
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*token.Grant, *token.Pair, *token.Refresh)
		after  time.Duration
		want   error
	}{
		{"a refresh token is good until the consent ends", func(*token.Grant, *token.Pair, *token.Refresh) {}, 24*time.Hour - 1, nil},
		{"and not longer", func(*token.Grant, *token.Pair, *token.Refresh) {}, 24 * time.Hour, token.ErrCode},
		{"a renewed certificate of the same TPP is fine", func(_ *token.Grant, _ *token.Pair, r *token.Refresh) { r.Thumbprint = tpp.Thumbprint{9} }, 0, nil},
		{"no certificate after one is not", func(_ *token.Grant, _ *token.Pair, r *token.Refresh) { r.Thumbprint = tpp.Thumbprint{} }, 0, token.ErrCode},
		{"another TPP", func(_ *token.Grant, _ *token.Pair, r *token.Refresh) { r.Client = token.Client{ID: "x", TPP: "x"} }, 0, token.ErrCode},
		{"an ended grant", func(g *token.Grant, _ *token.Pair, _ *token.Refresh) { g.Status = token.Ended }, 0, token.ErrCode},
		{"the same scope again", func(_ *token.Grant, _ *token.Pair, r *token.Refresh) { r.Scope = " AIS:c1 " }, 0, nil},
		{"another scope", func(_ *token.Grant, _ *token.Pair, r *token.Refresh) { r.Scope = "AIS:c2" }, 0, token.ErrScope},
	} {
		g, r := grant(token.Redeemed), token.Refresh{Bank: "salt", Client: client}
		p := token.Pair{Thumbprint: client.Thumbprint}
		tt.change(&g, &p, &r)
		check(t, tt.name, g.Refresh(now.Add(tt.after), p, r), tt.want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*token.Grant, *token.Pair, *tpp.TPP)
		after  time.Duration
		want   error
	}{
		{"a token is good to the last moment", func(*token.Grant, *token.Pair, *tpp.TPP) {}, 10*time.Minute - 1, nil},
		{"and not longer", func(*token.Grant, *token.Pair, *tpp.TPP) {}, 10 * time.Minute, token.ErrExpired},
		{"nor longer than the consent", func(g *token.Grant, _ *token.Pair, _ *tpp.TPP) { g.EndsAt = now.Add(time.Minute) }, time.Minute, token.ErrExpired},
		{"another TPP's", func(_ *token.Grant, _ *token.Pair, t *tpp.TPP) { t.ID = "PSDSI-BS-2" }, 0, token.ErrInvalid},
		{"with a renewed certificate", func(_ *token.Grant, _ *token.Pair, t *tpp.TPP) { t.Thumbprint = tpp.Thumbprint{9} }, 0, token.ErrInvalid},
		{"with any certificate where it is bound to none", func(_ *token.Grant, p *token.Pair, _ *tpp.TPP) { p.Thumbprint = tpp.Thumbprint{} }, 0, nil},
		{"revoked", func(g *token.Grant, _ *token.Pair, _ *tpp.TPP) { g.Status = token.Ended }, 0, token.ErrInvalid},
		{"revoked long ago is still called invalid", func(g *token.Grant, _ *token.Pair, _ *tpp.TPP) { g.Status = token.Ended }, time.Hour, token.ErrInvalid},
	} {
		g, p, who := grant(token.Redeemed), token.Pair{Thumbprint: holder.Thumbprint, ExpiresAt: now.Add(10 * time.Minute)}, holder
		tt.change(&g, &p, &who)
		got, err := g.Check(now.Add(tt.after), p, who)
		check(t, tt.name, err, tt.want)
		if err == nil && (got.PSU != "psu-1" || got.Scope.Resource != "c1" || got.TPP != holder.ID) {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

func TestParseScope(t *testing.T) {
	t.Parallel()
	integrated := profile.OAuth{Mode: profile.OAuthIntegrated}
	preStep := profile.OAuth{Mode: profile.OAuthPreStep, Scopes: profile.PreStepScopes{Accounts: "psd2:acc", Payments: "psd2:pay"}}
	for _, tt := range []struct {
		name  string
		oauth profile.OAuth
		text  string
		want  token.Scope // zero: ErrScope
	}{
		{"a consent", integrated, "AIS:c-1", token.Scope{Kind: token.AIS, Resource: "c-1", Asked: "AIS:c-1"}},
		{"a prefix in lower case", integrated, "ais:c-1", token.Scope{Kind: token.AIS, Resource: "c-1", Asked: "ais:c-1"}},
		{"a space after the colon", integrated, "AIS: c-1", token.Scope{Kind: token.AIS, Resource: "c-1", Asked: "AIS: c-1"}},
		{"offline access behind it", integrated, "AIS:c-1 offline_access", token.Scope{Kind: token.AIS, Resource: "c-1", Offline: true, Asked: "AIS:c-1 offline_access"}},
		{"offline access before it", integrated, " offline_access  AIS: c-1", token.Scope{Kind: token.AIS, Resource: "c-1", Offline: true, Asked: "offline_access AIS: c-1"}},
		{"a payment", integrated, "PIS:p", token.Scope{Kind: token.PIS, Resource: "p", Asked: "PIS:p"}},
		{"the cancellation of a payment", integrated, "Cancel-PIS:p", token.Scope{Kind: token.CancelPIS, Resource: "p", Asked: "Cancel-PIS:p"}},
		{"a payment and its cancellation", integrated, "PIS:p Cancel-PIS:p", token.Scope{}},
		{"a confirmation of funds", integrated, "PIIS:c", token.Scope{Kind: token.PIIS, Resource: "c", Asked: "PIIS:c"}},
		{"an ID with colons", integrated, "AIS:urn:c:1", token.Scope{Kind: token.AIS, Resource: "urn:c:1", Asked: "AIS:urn:c:1"}},
		{"two resources", integrated, "AIS:c1 AIS:c2", token.Scope{}},
		{"a consent and a payment", integrated, "AIS:c1 PIS:p1", token.Scope{}},
		{"no resource", integrated, "AIS:", token.Scope{}},
		{"only a prefix", integrated, "AIS", token.Scope{}},
		{"offline access alone", integrated, "offline_access", token.Scope{}},
		{"nothing", integrated, "", token.Scope{}},
		{"a word of others", integrated, "openid AIS:c1", token.Scope{}},
		{"a log-in where it is no step of its own", integrated, "psd2:acc", token.Scope{}},
		{"a quote", integrated, `AIS:"c1"`, token.Scope{}},
		{"a line break", integrated, "AIS:c1\nAIS:c2", token.Scope{}},
		{"what is not ASCII", integrated, "AIS:č", token.Scope{}},
		{"more than 256 characters", integrated, "AIS:" + strings.Repeat("c", 256), token.Scope{}},
		{"a log-in for accounts", preStep, "psd2:acc", token.Scope{Kind: token.LoginAccounts, Asked: "psd2:acc"}},
		{"a log-in for payments", preStep, "psd2:pay", token.Scope{Kind: token.LoginPayments, Asked: "psd2:pay"}},
		{"both at once", preStep, "psd2:acc psd2:pay", token.Scope{}},
		{"a resource where the log-in comes first", preStep, "AIS:c1", token.Scope{}},
		{"anything where there is no OAuth", profile.OAuth{}, "AIS:c1", token.Scope{}},
	} {
		got, err := token.ParseScope(tt.oauth, tt.text)
		want := error(nil)
		if tt.want == (token.Scope{}) {
			want = token.ErrScope
		}
		check(t, tt.name, err, want)
		if err == nil && got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
