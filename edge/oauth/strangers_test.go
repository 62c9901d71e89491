package oauth_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"kontor/bank/app"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// Clients that others wrote, with their own reading of the standards, use every endpoint.

// A visit is one way for a stranger to use the server.
type visit struct {
	name string
	bank func(testing.TB) profile.Bank
	job  job
	want summary
}

// A job is what the stranger's program is told.
type job struct {
	Issuer      string `json:"issuer"`
	CA          string `json:"ca"`
	Cert        string `json:"cert"` // empty: it comes without
	Key         string `json:"key"`
	ClientID    string `json:"clientId"`
	Secret      string `json:"secret"`
	Auth        string `json:"auth"` // TlsClientAuth, ClientSecretPost, ClientSecretBasic
	RedirectURI string `json:"redirectUri"`
	Scope       string `json:"scope"`
	Details     string `json:"details"` // authorization_details
	Push        bool   `json:"push"`
}

// A summary is what the stranger saw.
type summary struct {
	Scope     string `json:"scope"`
	Details   string `json:"details"`   // of the token answer
	Expires   int    `json:"expires"`   // seconds
	Active    string `json:"active"`    // of the first access token: at first, after refresh, after revocation
	Bound     bool   `json:"bound"`     // introspection names the certificate
	Refreshed bool   `json:"refreshed"` // there was a refresh token, and it was good
	Reuse     string `json:"reuse"`     // of a refresh token
	MixUp     string `json:"mixUp"`     // what its own library says to another issuer
	Verifier  string `json:"verifier"`  // the answer to a code with another verifier
	Replay    string `json:"replay"`    // the answer to a used code
}

var visits = []visit{
	{"in the address, by certificate", salt, job{Auth: "TlsClientAuth", ClientID: alpa, Scope: "AIS:c1 offline_access"}, summary{
		Scope: "AIS:c1 offline_access", Expires: 600, Active: "true true false", Bound: true, Refreshed: true, Reuse: "invalid_grant",
	}},
	{"pushed, under FAPI 2.0", fapi, job{Auth: "TlsClientAuth", ClientID: alpa, Scope: "AIS:c1", Push: true}, summary{
		Scope: "AIS:c1", Expires: 600, Active: "true true false", Bound: true, Refreshed: true, Reuse: "invalid_grant",
	}},
	{"pushed, by authorization_details", rich, job{Auth: "TlsClientAuth", ClientID: alpa, Details: detailsOfC1, Push: true}, summary{
		Details: detailsOfC1, Expires: 600, Active: "true true false", Bound: true, Refreshed: true, Reuse: "invalid_grant",
	}},
	{"a log-in, by secret in the form", lon, job{Auth: "ClientSecretPost", ClientID: "alpa-1", Scope: "psd2:acc"}, summary{
		Scope: "psd2:acc", Expires: 300, Active: "true true false",
	}},
	{"a pushed log-in, by secret in the header", lon, job{Auth: "ClientSecretBasic", ClientID: "alpa-1", Scope: "psd2:pay", Push: true}, summary{
		Scope: "psd2:pay", Expires: 300, Active: "true true false",
	}},
	{"a log-in, by certificate", lon, job{Auth: "TlsClientAuth", ClientID: "alpa-1", Scope: "psd2:acc"}, summary{
		Scope: "psd2:acc", Expires: 300, Active: "true true false", Bound: true,
	}},
}

// openidClient is a program around openid-client. What a PSU's browser does is asked of the
// test, line by line.
const openidClient = `
const https = require('https'), readline = require('readline'), { pathToFileURL } = require('url')
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = async question => { console.log(JSON.stringify(question)); return JSON.parse((await lines.next()).value) }

async function main() {
	const oidc = await import(pathToFileURL(require.resolve('openid-client')))
	const job = await ask({})
	const overTLS = (url, o) => new Promise((resolve, reject) => {
		const r = https.request(url, {
			method: o.method, headers: Object.fromEntries(new Headers(o.headers)), agent: false,
			ca: job.ca, cert: job.cert || undefined, key: job.key || undefined,
		}, res => {
			const chunks = []
			res.on('data', c => chunks.push(c))
			res.on('end', () => resolve(new Response(Buffer.concat(chunks), { status: res.statusCode, headers: res.headers })))
		})
		r.on('error', reject)
		r.end(o.body == null ? undefined : String(o.body))
	})
	const config = await oidc.discovery(new URL(job.issuer), job.clientId, undefined, oidc[job.auth](job.secret || undefined),
		{ algorithm: 'oauth2', [oidc.customFetch]: overTLS })

	const begin = async () => {
		const verifier = oidc.randomPKCECodeVerifier(), state = oidc.randomState()
		const parameters = {
			redirect_uri: job.redirectUri, scope: job.scope, state,
			code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
		}
		if (job.details) parameters.authorization_details = job.details
		if (!job.scope) delete parameters.scope
		const url = job.push ? await oidc.buildAuthorizationUrlWithPAR(config, parameters) : oidc.buildAuthorizationUrl(config, parameters)
		const back = new URL(await ask({ visit: url.href }))
		return { back, checks: { pkceCodeVerifier: verifier, expectedState: state } }
	}
	const code = async p => { try { await p; return '' } catch (e) { return e.error || e.code || String(e) } }
	const active = async token => (await oidc.tokenIntrospection(config, token)).active

	const flow = await begin()
	const elsewhere = new URL(flow.back)
	elsewhere.searchParams.set('iss', 'https://evil.example/oauth')
	const seen = { mixUp: await code(oidc.authorizationCodeGrant(config, elsewhere, flow.checks)) }
	seen.verifier = await code(oidc.authorizationCodeGrant(config, flow.back, { ...flow.checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }))

	let tokens = await oidc.authorizationCodeGrant(config, flow.back, flow.checks)
	const first = tokens.access_token
	Object.assign(seen, { scope: tokens.scope || '', expires: tokens.expires_in, details: tokens.authorization_details ? JSON.stringify(tokens.authorization_details) : '' })
	const is = await oidc.tokenIntrospection(config, first)
	seen.bound = !!(is.cnf && is.cnf['x5t#S256'])
	seen.active = String(is.active)
	const spent = tokens.refresh_token
	if (spent) {
		tokens = await oidc.refreshTokenGrant(config, spent)
		seen.refreshed = await active(tokens.access_token) && tokens.refresh_token !== spent && tokens.access_token !== first
	}
	seen.active += ' ' + await active(first)
	await oidc.tokenRevocation(config, tokens.access_token)
	seen.active += ' ' + await active(first)

	const again = await begin()
	const other = await oidc.authorizationCodeGrant(config, again.back, again.checks)
	if (other.refresh_token) {
		await oidc.refreshTokenGrant(config, other.refresh_token)
		seen.reuse = await code(oidc.refreshTokenGrant(config, other.refresh_token))
	}
	seen.replay = await code(oidc.authorizationCodeGrant(config, again.back, again.checks))
	console.log(JSON.stringify({ seen }))
	process.exit(0)
}
main().catch(e => { console.error(e, e.cause); process.exit(1) })
`

// prepared returns a world for v, and the job in it.
func (v visit) prepared(t *testing.T, db *sqldb.DB) (*world, job, *http.Client) {
	t.Helper()
	w := newWorldOn(t, v.bank(t), db)
	j := v.job
	j.Issuer, j.RedirectURI = w.issuer, back
	if j.ClientID != alpa {
		secret := app.NewSecret()
		must(t, w.apps.Register(t.Context(), app.App{ClientID: j.ClientID, TPP: alpa, Name: "Alpa App", RedirectURIs: []string{back}}, secret))
		if j.Auth != "TlsClientAuth" {
			j.Secret = secret
		}
	}
	client := w.client()
	if j.Secret == "" {
		qwac := w.certificate(alpa, "")
		client = w.client(qwac)
		key, err := x509.MarshalPKCS8PrivateKey(qwac.PrivateKey)
		must(t, err)
		j.Cert, j.Key = chainPEM(qwac), pemOf("PRIVATE KEY", key)
	}
	j.CA = pemOf("CERTIFICATE", w.ca.Root.Raw) + pemOf("CERTIFICATE", w.ca.Issuing.Raw)
	return w, j, client
}

func chainPEM(c tls.Certificate) (text string) {
	for _, der := range c.Certificate {
		text += pemOf("CERTIFICATE", der)
	}
	return text
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// visitBy leads a PSU's browser through from address, and returns where it ends.
func (w *world) visitBy(address string) string {
	w.t.Helper()
	browser := w.client()
	r := w.get(browser, address)
	if !strings.HasPrefix(r.Header.Get("Location"), "https://bank.example/") {
		w.t.Fatalf("authorize: %d to %q\n%s", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	return w.goBack(browser).Header.Get("Location")
}

func TestOpenIDClientUsesEveryEndpoint(t *testing.T) {
	t.Parallel()
	if exec.Command("node", "-e", "import(require('url').pathToFileURL(require.resolve('openid-client')).href).catch(() => process.exit(1))").Run() != nil {
		t.Skip("not installed: Node.js with openid-client (npm install openid-client, and NODE_PATH that leads to it)")
	}
	for _, v := range visits {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
				w, j, _ := v.prepared(t, db)
				want := v.want
				want.MixUp, want.Verifier, want.Replay = "OAUTH_INVALID_RESPONSE", "invalid_grant", "invalid_grant"
				if got := w.openidClient(j); got != want {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			})
		})
	}
}

// openidClient runs j and returns what it saw.
func (w *world) openidClient(j job) summary {
	w.t.Helper()
	c := exec.CommandContext(w.t.Context(), "node", "-e", openidClient)
	var said strings.Builder
	c.Stderr = &said
	in, err := c.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	defer c.Wait()
	defer in.Close()
	answers := json.NewEncoder(in)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct {
			Visit string   `json:"visit"`
			Seen  *summary `json:"seen"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			w.t.Fatalf("%q: %v", lines.Text(), err)
		}
		var err error
		switch {
		case line.Seen != nil:
			return *line.Seen
		case line.Visit != "":
			err = answers.Encode(w.visitBy(line.Visit))
		default:
			err = answers.Encode(j)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	err = c.Wait()
	w.t.Fatalf("it ended early: %v %v\n%s", lines.Err(), err, said.String())
	return summary{}
}

func TestXOAuth2UsesEveryGrant(t *testing.T) {
	t.Parallel()
	for _, v := range visits {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
				w, j, client := v.prepared(t, db)
				var m struct {
					Authorize string `json:"authorization_endpoint"`
					Token     string `json:"token_endpoint"`
					Push      string `json:"pushed_authorization_request_endpoint"`
				}
				must(t, json.Unmarshal([]byte(w.get(client, w.server.URL+"/.well-known/oauth-authorization-server"+strings.TrimPrefix(w.issuer, w.server.URL)).body), &m))
				style := oauth2.AuthStyleInParams
				if j.Auth == "ClientSecretBasic" {
					style = oauth2.AuthStyleInHeader
				}
				conf := oauth2.Config{
					ClientID: j.ClientID, ClientSecret: j.Secret, RedirectURL: j.RedirectURI, Scopes: strings.Fields(j.Scope),
					Endpoint: oauth2.Endpoint{AuthURL: m.Authorize, TokenURL: m.Token, AuthStyle: style},
				}
				ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client)
				code := func() (code, verifier string) {
					verifier = oauth2.GenerateVerifier()
					address := conf.AuthCodeURL("state of x", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("authorization_details", j.Details))
					if j.Push {
						address = pushAddress(t, w, client, j, m.Push, m.Authorize, address)
					}
					u, err := url.Parse(w.visitBy(address))
					must(t, err)
					if u.Query().Get("state") != "state of x" || u.Query().Get("iss") != w.issuer {
						t.Errorf("came back to %s", u)
					}
					return u.Query().Get("code"), verifier
				}
				secret, verifier := code()
				_, err := conf.Exchange(ctx, secret, oauth2.VerifierOption(oauth2.GenerateVerifier()))
				wantRetrieve(t, err, "invalid_grant")
				tok, err := conf.Exchange(ctx, secret, oauth2.VerifierOption(verifier))
				must(t, err)
				if life := time.Until(tok.Expiry).Round(5 * time.Second); tok.Type() != "Bearer" || int(life.Seconds()) != v.want.Expires || scopeOf(tok) != v.want.Scope ||
					(tok.RefreshToken != "") != v.want.Refreshed {
					t.Errorf("got %+v, for %s", tok, life)
				}
				if tok.RefreshToken != "" {
					spent := &oauth2.Token{RefreshToken: tok.RefreshToken}
					next, err := conf.TokenSource(ctx, spent).Token()
					must(t, err)
					if next.AccessToken == tok.AccessToken || next.RefreshToken == tok.RefreshToken || next.RefreshToken == "" {
						t.Errorf("got %+v after %+v", next, tok)
					}
					_, err = conf.TokenSource(ctx, spent).Token()
					wantRetrieve(t, err, "invalid_grant")
					_, err = conf.TokenSource(ctx, &oauth2.Token{RefreshToken: next.RefreshToken}).Token()
					wantRetrieve(t, err, "invalid_grant") // the whole family has ended
				}
				secret, verifier = code()
				tok, err = conf.Exchange(ctx, secret, oauth2.VerifierOption(verifier))
				must(t, err)
				_, err = conf.Exchange(ctx, secret, oauth2.VerifierOption(verifier))
				wantRetrieve(t, err, "invalid_grant")
				g, _, err := w.tokens.Store.ByAccess(t.Context(), v.bank(t).Code, token.HashOf(tok.AccessToken))
				if err != nil || g.Status != token.Ended {
					t.Errorf("after a replay of its code, its grant is %s, %v", g.Status, err)
				}
			})
		})
	}
}

// scopeOf is the scope of an answer, which has none where details were asked for.
func scopeOf(t *oauth2.Token) string {
	scope, _ := t.Extra("scope").(string)
	return scope
}

// pushAddress pushes what x/oauth2 has put into address, which it cannot do by itself, and
// returns the address with the reference.
func pushAddress(t *testing.T, w *world, client *http.Client, j job, push, authorize, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	form := u.Query()
	var header []string
	if j.Secret != "" {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(url.QueryEscape(j.ClientID), url.QueryEscape(j.Secret))
		header = []string{"Authorization", r.Header.Get("Authorization")}
	}
	if push != w.issuer+"/par" {
		t.Fatalf("pushed_authorization_request_endpoint is %s", push)
	}
	r := w.post(client, "/par", form.Encode(), header...)
	var got struct {
		RequestURI string `json:"request_uri"`
	}
	must(t, json.Unmarshal([]byte(r.body), &got))
	return authorize + "?" + url.Values{"client_id": {j.ClientID}, "request_uri": {got.RequestURI}}.Encode()
}

func wantRetrieve(t *testing.T, err error, code string) {
	t.Helper()
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.ErrorCode != code {
		t.Errorf("got %v, want %s", err, code)
	}
}
