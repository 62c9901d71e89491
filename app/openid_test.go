package app_test

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"kontor/app/apptest"
	"kontor/ready"
)

// openidClient is a program around openid-client, which others wrote. It is told what the TPP
// knows, asks for what a PSU's browser does, and reads accounts with the token that it gets.
const openidClient = `
const https = require('https'), readline = require('readline'), { pathToFileURL } = require('url')
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = async question => { console.log(JSON.stringify(question)); return JSON.parse((await lines.next()).value) }

async function main() {
	const oidc = await import(pathToFileURL(require.resolve('openid-client')))
	const told = await ask({})
	const overTLS = (url, o) => new Promise((resolve, reject) => {
		const r = https.request(url, { method: o.method, headers: Object.fromEntries(new Headers(o.headers)), agent: false, ca: told.ca, cert: told.cert, key: told.key }, res => {
			const chunks = []
			res.on('data', c => chunks.push(c))
			res.on('end', () => resolve(new Response(res.statusCode === 204 ? null : Buffer.concat(chunks), { status: res.statusCode, headers: res.headers })))
		})
		r.on('error', reject)
		r.end(o.body == null ? undefined : String(o.body))
	})
	const config = await oidc.discovery(new URL(told.issuer), told.clientId, undefined, oidc.TlsClientAuth(), { algorithm: 'oauth2', [oidc.customFetch]: overTLS })
	const verifier = oidc.randomPKCECodeVerifier(), state = oidc.randomState()
	const url = await oidc.buildAuthorizationUrlWithPAR(config, {
		redirect_uri: told.redirectUri, scope: told.scope, state, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
	})
	const back = new URL(await ask({ visit: url.href }))
	const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state })
	const read = async () => {
		const answer = await oidc.fetchProtectedResource(config, tokens.access_token, new URL(told.accounts), 'GET', null, new Headers(told.headers)).catch(e => e.response || Promise.reject(e))
		return answer.status + ' ' + await answer.text()
	}
	const seen = { scope: tokens.scope, first: await read() }
	await oidc.tokenRevocation(config, tokens.access_token)
	seen.revoked = await read()
	console.log(JSON.stringify({ seen }))
	process.exit(0)
}
main().catch(e => { console.error(e, e.cause); process.exit(1) })
`

// openidClientReads has openid-client lead who through the consent at b, and read under it.
func openidClientReads(t *testing.T, s *apptest.Sandbox, b ready.Bank, tpp ready.TPP, who ready.Persona, consent string) {
	if exec.Command("node", "-e", "import(require('url').pathToFileURL(require.resolve('openid-client')).href).catch(() => process.exit(1))").Run() != nil {
		t.Skip("not installed: Node.js with openid-client (npm install openid-client, and NODE_PATH that leads to it)")
	}
	file := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var chain strings.Builder
	for _, der := range s.Certificate(tpp).Certificate {
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "node", "-e", openidClient)
	var said strings.Builder
	c.Stderr = &said
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer in.Close()
	answers := json.NewEncoder(in)
	var seen *struct{ Scope, First, Revoked string }
	for lines := bufio.NewScanner(out); seen == nil && lines.Scan(); {
		var line struct {
			Visit string
			Seen  *struct{ Scope, First, Revoked string }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		var err error
		switch {
		case line.Seen != nil:
			seen = line.Seen
		case line.Visit != "":
			err = answers.Encode(s.Follow(who, line.Visit))
		default:
			err = answers.Encode(map[string]any{
				"issuer": b.OAuth, "ca": file(s.Ready.CA), "cert": chain.String(), "key": file(tpp.QWACKey), "clientId": tpp.OrganizationIdentifier,
				"redirectUri": apptest.Redirect, "scope": "AIS:" + consent, "accounts": b.XS2A + "/v1/accounts",
				"headers": h{"Consent-ID": consent, "X-Request-ID": apptest.UUID(), "PSU-IP-Address": "192.0.2.7"},
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case seen == nil:
		t.Fatalf("it ended early: %v\n%s", c.Wait(), said.String())
	case seen.Scope != "AIS:"+consent:
		t.Errorf("the scope is %q", seen.Scope)
	case !strings.HasPrefix(seen.First, "200 ") || !strings.Contains(seen.First, who.Accounts[0].IBAN):
		t.Errorf("reading: %s", seen.First)
	case !strings.HasPrefix(seen.Revoked, "401 "):
		t.Errorf("reading with a token that was taken back: %s", seen.Revoked)
	}
}
