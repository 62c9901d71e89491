package main

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"log"
	"net/http"
	"time"

	"kontor/bench/seed"
)

// fundsAccess is what a consent to confirm funds asks for here.
const fundsAccess = `{"funds":true}`

const selectGiven = `SELECT c.id, c.access, c.valid_until, c.iban, c.savings_iban, c.last_action, COALESCE((SELECT MAX(u.day) FROM used u WHERE u.consent = c.id), '')
	FROM visit v JOIN consent c ON c.psu = v.psu WHERE v.secret = $1 AND v.expires_at > $2 AND c.status = 'valid' ORDER BY c.id DESC LIMIT 21`

// web is what the bank and browsers ask.
func (f *floor) web() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", f.callbacks())
	mux.HandleFunc("GET /my", f.dashboard)
	return mux
}

// A given is a consent as its PSU sees it.
type given struct{ ID, Access, Until, IBAN, Savings, Since, Used string }

func (g given) Funds() bool { return g.Access == fundsAccess }

// dashboard shows a PSU what she gave.
func (f *floor) dashboard(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie("visit")
	if err != nil {
		http.Error(w, "log in", http.StatusForbidden)
		return
	}
	secret := sha256.Sum256([]byte(c.Value))
	token := sha256.Sum256([]byte("form " + c.Value))
	p := struct {
		TPP, Token string
		Given      []given
	}{TPP: seed.TPPName, Token: hex.EncodeToString(token[:])}
	var g given
	err = f.db.Rows([]any{&g.ID, &g.Access, &g.Until, &g.IBAN, &g.Savings, &g.Since, &g.Used}, func() { p.Given = append(p.Given, g) }, selectGiven, secret[:], time.Now().UnixMicro())
	if err != nil {
		log.Print("floor: ", err)
		http.Error(w, "failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'")
	if err := dashboardPage.Execute(w, p); err != nil {
		log.Print("floor: ", err)
	}
}

var dashboardPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Third parties with access to your accounts</title>
<link rel="stylesheet" href="/style.css"></head><body><main><h1>Third parties with access to your accounts</h1>
<p>Here you see which third parties may see your accounts or make payments for you, and you can end that at any time.</p>
{{range .Given}}<section class="card" aria-labelledby="{{.ID}}"><h2 id="{{.ID}}">{{$.TPP}}</h2>
<p>{{if .Funds}}May ask whether an amount is available{{else}}May see your accounts{{end}}</p>
<dl><dt>Accounts</dt><dd>{{.IBAN}} {{.Savings}}</dd>{{if not .Funds}}<dt>It sees</dt><dd><ul><li>Your accounts, with their names and numbers</li><li>How much money is on them</li><li>What comes in and goes out</li></ul></dd>{{end}}
<dt>Given on</dt><dd>{{.Since}}</dd><dt>Last used</dt><dd>{{with .Used}}{{.}}{{else}}Not yet{{end}}</dd><dt>Ends on</dt><dd>{{.Until}}</dd><dt>State</dt><dd>In force</dd></dl>
<p><a href="/my/consents/{{.ID}}">Details and history</a> <a href="/my/consents/{{.ID}}/end">Cancel access</a></p></section>
{{end}}<p><a href="/my/end">Cancel everything</a></p>
<form method="post" action="/my/logout"><input type="hidden" name="token" value="{{.Token}}"><p><button>Log out</button></p></form></main></body></html>
`))
