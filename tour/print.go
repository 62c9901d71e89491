package tour

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"kontor/xs2aclient"
)

// A printer tells the tour to a reader.
type printer struct {
	out     io.Writer
	verbose bool
	last    string // an exchange that is told as soon as another line comes
	times   int    // how often it happened
}

func (p *printer) line(format string, args ...any) {
	p.flush()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// again tells an exchange; the same one several times in a row is told once.
func (p *printer) again(line string) {
	if line == p.last {
		p.times++
		return
	}
	p.flush()
	p.last, p.times = line, 1
}

func (p *printer) flush() {
	line, times := p.last, p.times
	if p.last, p.times = "", 0; times == 0 {
		return
	}
	if times > 1 {
		line += fmt.Sprintf(" (%d times)", times)
	}
	fmt.Fprintln(p.out, line)
}

func (p *printer) begins(g *guide) {
	p.line("A tour of Kontor. Who takes part:")
	p.line("  TPP   %s, %s (%s)", g.tpp.Name, g.tpp.OrganizationIdentifier, strings.Join(g.tpp.Roles, ", "))
	p.line("  bank  %s, profile %s: %s", g.salt.Code, g.salt.Profile, g.salt.XS2A)
	p.line("  bank  %s, profile %s: %s", g.bankart.Code, g.bankart.Profile, g.bankart.XS2A)
	p.line("  PSU   %s and %s, in their browsers at %s", g.payer.Name, g.payee.Name, g.ready.Bank)
}

func (p *printer) chapter(n int, title string) { p.line("\n\n== Chapter %d: %s", n, title) }

func (p *printer) step(n int, name string) { p.line("\n%2d. %s", n, name) }

func (p *printer) held(s Step) { p.line("    ok: %s (%d ms)", s.Detail, s.Millis) }

func (p *printer) failed(s Step) { p.line("    DOES NOT HOLD: %s", s.Detail) }

// ends prints the line that says how it went.
func (p *printer) ends(r Report) {
	ok := 0
	for _, s := range r.Steps {
		if s.OK {
			ok++
		}
	}
	p.line("\ntour: %d steps, %d ok", len(r.Steps), ok)
}

// exchanged tells one exchange of the TPP with the bank's interface.
func (p *printer) exchanged(who string, e xs2aclient.Exchange) {
	u, err := url.Parse(e.URL)
	if err != nil {
		u = &url.URL{Path: e.URL}
	}
	at := p.place(u)
	if e.RequestHeader.Get("Consent-ID") != "" && e.RequestHeader.Get("PSU-IP-Address") == "" {
		at += " (without the PSU)"
	}
	if accept := e.RequestHeader.Get("Accept"); accept != "" && accept != xs2aclient.AcceptJSON {
		at += " as " + accept
	}
	if kind := mediaType(e.RequestHeader.Get("Content-Type")); strings.HasPrefix(kind, "multipart/") || kind == "application/xml" {
		at += " (" + kind + ")"
	}
	if e.RequestHeader.Get("Signature") != "" {
		at += " (signed)"
	}
	if e.Err != nil {
		p.line("    %-9s %s %s → %v", who, e.Method, at, e.Err)
		return
	}
	told := gist(e.ResponseBody)
	if kind := mediaType(e.ResponseHeader.Get("Content-Type")); e.ResponseBody == nil || strings.HasPrefix(kind, "multipart/") || kind == "application/xml" {
		told = kind // a report, which is read as it comes, or a document
	}
	p.again(strings.TrimRight(fmt.Sprintf("    %-9s %s %s → %d %s", who, e.Method, at, e.Status, told), " "))
	if !p.verbose {
		return
	}
	p.line("           > %s %s", e.Method, e.URL)
	p.headers(">", e.RequestHeader)
	p.body(">", e.RequestBody)
	p.line("           < %d %s", e.Status, http.StatusText(e.Status))
	p.headers("<", e.ResponseHeader)
	p.body("<", e.ResponseBody)
}

// mediaType is what a Content-Type names, without its parameters.
func mediaType(contentType string) string {
	name, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(name)
}

// place names what is called. IDs and cursors are cut: a reader compares, and does not type.
func (p *printer) place(u *url.URL) string {
	const long = 32
	q := u.Query()
	switch {
	case q.Has("pageIndex"):
		q = url.Values{"pageIndex": q["pageIndex"]}
	case q.Has("cursor"):
		q = url.Values{"cursor": {"…"}}
	}
	if q.Has("account-id") {
		q.Set("account-id", q.Get("account-id")[:min(6, len(q.Get("account-id")))]+"…")
	}
	parts := strings.Split(u.Path, "/")
	if i := slices.Index(parts, "v1"); i > 0 {
		parts = append([]string{"…"}, parts[i:]...)
	}
	for i, s := range parts {
		if len(s) >= 20 && (len(s) <= long && !strings.Contains(s, "-") || len(s) > 2*long) {
			parts[i] = s[:6] + "…"
		}
	}
	at := strings.Join(parts, "/")
	if len(q) > 0 {
		at += "?" + strings.ReplaceAll(q.Encode(), url.QueryEscape("…"), "…")
	}
	return at
}

func (p *printer) headers(mark string, h http.Header) {
	var lines []string
	for name, values := range h {
		lines = append(lines, spelled(name)+": "+shorten(strings.Join(values, ", ")))
	}
	slices.Sort(lines)
	for _, l := range lines {
		p.line("           %s %s", mark, l)
	}
}

// spelled writes the name of a header as the standard does.
func spelled(name string) string {
	words := strings.Split(name, "-")
	for i, w := range words {
		if u := strings.ToUpper(w); slices.Contains([]string{"PSU", "TPP", "ASPSP", "SCA", "ID", "IP", "URI"}, u) {
			words[i] = u
		}
	}
	return strings.Join(words, "-")
}

func (p *printer) body(mark string, b []byte) {
	if len(b) == 0 {
		return
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, b, "", "  ") == nil {
		b = pretty.Bytes()
	}
	for l := range strings.Lines(shorten(string(b))) {
		p.line("           %s   %s", mark, strings.TrimRight(l, "\r\n"))
	}
}

// visited tells, to those who want everything, one page that a browser fetched.
func (p *printer) visited(method string, u *url.URL, body url.Values, got *page, location string) {
	if !p.verbose {
		return
	}
	p.line("           browser > %s %s", method, shorten(u.String()))
	if len(body) > 0 {
		p.line("           browser >   %s", shorten(body.Encode()))
	}
	if location != "" {
		p.line("           browser < %d to %s", got.status, shorten(location))
		return
	}
	p.line("           browser < %d %q: %s", got.status, got.title, got.text)
}

// browsed tells which pages a PSU saw, and where she went then.
func (p *printer) browsed(login string, titles []string, left string) {
	shown := make([]string, len(titles))
	for i, t := range titles {
		shown[i] = fmt.Sprintf("%q", t)
	}
	if left != "" {
		shown = append(shown, "back to "+p.brief(left))
	}
	if len(shown) == 0 {
		return
	}
	p.line("    %-9s %s", login, strings.Join(shown, " → "))
}

// brief names an address and what it says; those who want everything see all of it.
func (p *printer) brief(address string) string {
	u, err := url.Parse(address)
	if err != nil || p.verbose {
		return shorten(address)
	}
	at, _, _ := strings.Cut(address, "?")
	q := u.Query()
	for _, name := range []string{"code", "error", "way"} {
		if v := q.Get(name); v != "" {
			return at + "?" + shorten(name+"="+v)
		}
	}
	return at
}

// read tells that a PSU read a text message.
func (p *printer) read(login string, m message) { p.line("    %-9s reads: %s", login, m.Text) }

// gist tells an answer in a few words.
func gist(body []byte) string {
	var w map[string]json.RawMessage
	if json.Unmarshal(body, &w) != nil {
		return ""
	}
	var words []string
	for _, name := range []string{"transactionStatus", "consentStatus", "scaStatus", "fundsAvailable", "error", "token_type", "expires_in", "issuer"} {
		if raw, ok := w[name]; ok {
			words = append(words, name+" "+strings.Trim(string(raw), `"`))
		}
	}
	for _, name := range []string{"accounts", "cardAccounts", "balances", "trustedBeneficiaries", "authorisationIds"} {
		var list []json.RawMessage
		if raw, ok := w[name]; ok && json.Unmarshal(raw, &list) == nil {
			words = append(words, fmt.Sprintf("%d %s", len(list), name))
		}
	}
	for _, name := range []string{"transactions", "cardTransactions"} {
		var report struct{ Booked, Pending, Information *[]json.RawMessage }
		if raw, ok := w[name]; !ok || json.Unmarshal(raw, &report) != nil {
			continue
		}
		for _, list := range []struct {
			entries *[]json.RawMessage
			name    string
		}{{report.Booked, "booked"}, {report.Pending, "pending"}, {report.Information, "standing orders"}} {
			if list.entries != nil {
				words = append(words, fmt.Sprintf("%d %s", len(*list.entries), list.name))
			}
		}
	}
	var messages []xs2aclient.Message
	if raw, ok := w["tppMessages"]; ok && json.Unmarshal(raw, &messages) == nil {
		for _, m := range messages {
			if m.Path != "" {
				m.Code += " at " + m.Path + ":"
			}
			words = append(words, strings.TrimSpace(m.Code+" "+m.Text))
		}
	}
	var links xs2aclient.Links
	if raw, ok := w["_links"]; ok && json.Unmarshal(raw, &links) == nil {
		for _, name := range []string{
			"scaOAuth", "scaRedirect", "startAuthorisation", "startAuthorisationWithPsuIdentification", "startAuthorisationWithPsuAuthentication",
			"updatePsuIdentification", "updatePsuAuthentication", "selectAuthenticationMethod", "authoriseTransaction", "confirmation",
		} {
			if links[name] != "" {
				words = append(words, "next: "+name)
			}
		}
	}
	return strings.Join(words, ", ")
}

// secrets are what is shortened wherever it stands.
var secrets = regexp.MustCompile(`((?:^|[?&])(?:code|code_verifier|client_secret|refresh_token|access_token|password|csrf)=|"(?:access_token|refresh_token|client_secret|password)":\s*"|Bearer |Basic )([A-Za-z0-9._~+/%=-]{9,})`)

// shorten leaves enough of a secret to recognise it.
func shorten(s string) string {
	return secrets.ReplaceAllStringFunc(s, func(m string) string {
		parts := secrets.FindStringSubmatch(m)
		return parts[1] + parts[2][:6] + "…"
	})
}
