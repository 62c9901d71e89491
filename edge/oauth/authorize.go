package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kontor/bank/app"
	"kontor/bank/core"
	"kontor/bank/journey"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/edge/page"
	"kontor/kit/eidas"
)

// extraWait is how long after its time for SCA a request is still answered: the bank may put
// off the end of its session by so much.
const extraWait = 30 * time.Minute

// cookieName is the browser's proof that it is the one that came with the request. The
// cookie's path is that of one session, so requests side by side do not disturb each other.
const cookieName = "kontor_authorize"

// A party is the client of an authorization request, which it has not proved yet to be.
type party struct {
	id           string // client_id
	tpp          tpp.ID
	name         string // shown at the bank
	redirectURIs []string
}

// authorize is the authorization endpoint.
//
// Source: RFC 6749 section 4.1.1
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	page.Secure(w.Header())
	// HEAD is what programs send to see where an address leads. It must not begin anything.
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		s.Pages.Error(w, r, http.StatusMethodNotAllowed, "error.method")
		return
	}
	q, wrong := parameters(r.URL.RawQuery)
	if wrong != nil && wrong.blocks {
		s.Pages.OAuth(w, r, http.StatusBadRequest, "", wrong.code)
		return
	}
	ctx := r.Context()
	var pushed token.Pushed
	if q["request_uri"] != "" {
		// Only what was pushed counts, whatever else stands in the address (RFC 9101, 5).
		var err error
		pushed, err = s.pushed(ctx, q["client_id"], q["request_uri"])
		if errors.Is(err, token.ErrPushed) {
			s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.expired", "invalid_request_uri")
			return
		}
		if err != nil {
			s.broken(w, r, "authorize: pushed request", err)
			return
		}
		q, wrong = pushed.Request, nil
	}
	p, err := s.propose(ctx, q)
	if err != nil {
		s.broken(w, r, "authorize", err)
		return
	}
	if wrong == nil || p.wrong != nil && p.wrong.blocks {
		wrong = p.wrong
	}
	if wrong == nil && s.Bank.OAuth.FAPI2 && pushed.Request == nil {
		wrong = &badRequest{code: "invalid_request", field: "request_uri", text: "the request must be pushed first"}
	}
	switch {
	case wrong != nil && wrong.blocks:
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth."+wrong.field, wrong.code)
		return
	case wrong != nil:
		to := answer{s, w, r, p.back, q["state"]}
		if wrong.field == "state" || !visible(q["state"], stateMax) {
			to.state = "" // what cannot be a state cannot be repeated
		}
		to.refuse(wrong.code, wrong.text)
		return
	}
	s.begin(answer{s, w, r, p.back, q["state"]}, p, pushed.Reference)
}

// A proposal is an authorization request after it was looked at. Nothing has begun yet.
type proposal struct {
	q        map[string]string // its parameters
	who      party
	scope    token.Scope
	resource journey.Resource // nothing for a log-in
	back     string           // redirect_uri, which is the client's, unless wrong blocks
	wrong    *badRequest      // nil: it is good
}

// propose looks at the parameters of an authorization request. An error is one of ours; what
// the client did wrong stands in the proposal.
func (s *Server) propose(ctx context.Context, q map[string]string) (p proposal, err error) {
	p.q = q
	p.who, err = s.party(ctx, q["client_id"])
	if errors.Is(err, app.ErrUnknown) {
		p.wrong = &badRequest{code: "invalid_client", field: "client", text: "the client is not known", blocks: true}
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("client: %w", err)
	}
	var scopeErr error
	if s.rich(q) {
		p.scope, scopeErr = token.ParseDetails(q["authorization_details"], q["scope"])
	} else {
		p.scope, scopeErr = token.ParseScope(s.Bank.OAuth, q["scope"])
	}
	if scopeErr == nil && !p.scope.Login() {
		p.resource, scopeErr = s.resource(ctx, p.who.tpp, p.scope)
		if scopeErr != nil && !errors.Is(scopeErr, journey.ErrResource) && !errors.Is(scopeErr, token.ErrScope) {
			return p, fmt.Errorf("resource: %w", scopeErr)
		}
	}
	// From here on the TPP is told what is wrong, if the address is its own. Without one that
	// is known, nothing could be compared, and the answer is a page as well.
	back := q["redirect_uri"]
	if !s.soundRedirectURI(back) || !slices.Contains(p.who.redirectURIs, back) && !slices.Contains(p.resource.RedirectURIs, back) {
		p.wrong = &badRequest{code: "invalid_request", field: "redirect", text: "redirect_uri is not one that the client has named", blocks: true}
		return p, nil
	}
	p.back, p.wrong = back, s.examine(q, scopeErr)
	return p, nil
}

// rich says whether q asks by authorization_details. Where they are not offered they are like
// any other parameter that means nothing here.
func (s *Server) rich(q map[string]string) bool {
	return s.Bank.OAuth.RichRequests && q["authorization_details"] != ""
}

// soundRedirectURI says whether a code may travel to uri at all. FAPI 2.0 wants it encrypted
// on its way, unless it stays on the PSU's own machine (section 5.3.2.2).
func (s *Server) soundRedirectURI(uri string) bool {
	if !app.SoundRedirectURI(uri) {
		return false
	}
	if !s.Bank.OAuth.FAPI2 {
		return true
	}
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme != "http" || ip != nil && ip.IsLoopback()
}

// begin notes the request and leads the browser to the bank.
func (s *Server) begin(to answer, p proposal, pushed token.Hash) {
	ctx := to.r.Context()
	wait := s.Bank.SCATimeout + extraWait
	g, browser, err := s.Tokens.Begin(ctx, token.Request{
		Bank: s.Bank.Code, Client: p.who.id, TPP: p.who.tpp, Scope: p.scope, RedirectURI: to.uri, State: to.state, Challenge: p.q["code_challenge"],
		Pushed: pushed, Refreshable: s.Bank.OAuth.RefreshToken && p.resource.Recurring, EndsAt: p.resource.ValidUntil, Wait: wait,
	})
	if err != nil {
		s.Log.ErrorContext(ctx, "authorize: begin", "bank", s.Bank.Code, "err", err)
		to.refuse("server_error", "")
		return
	}
	var pageURL string
	if p.scope.Login() {
		pageURL, err = s.Journeys.BeginLogin(ctx, s.Bank.Code, p.who.tpp, p.who.name, strings.ReplaceAll(p.q["iban"], " ", ""), g.ID)
	} else {
		pageURL, err = s.Journeys.Begin(ctx, s.Bank.Code, p.resource, g.ID)
	}
	if err != nil {
		// The grant is not needed any more, even if the browser has gone away meanwhile.
		if err := s.Tokens.End(context.WithoutCancel(ctx), g); err != nil {
			s.Log.ErrorContext(ctx, "authorize: end", "bank", s.Bank.Code, "err", err)
		}
		s.refuseJourney(to, p.scope, err)
		return
	}
	http.SetCookie(to.w, s.cookie(g.ID, browser, int(wait/time.Second)))
	http.Redirect(to.w, to.r, pageURL, s.found())
}

// found is the status of a redirect. Both mean GET to every browser of today; the Berlin Group
// writes 302, and FAPI 2.0 recommends the one that means nothing else (section 5.3.2.2).
func (s *Server) found() int {
	if s.Bank.OAuth.FAPI2 {
		return http.StatusSeeOther
	}
	return http.StatusFound
}

const nothingToAuthorise = "there is nothing to authorise under this scope or these details"

func (s *Server) refuseJourney(to answer, scope token.Scope, err error) {
	switch {
	case errors.Is(err, journey.ErrResource) && scope.Rich():
		to.refuse(detailsCode, nothingToAuthorise)
	case errors.Is(err, journey.ErrResource) && !scope.Login():
		to.refuse("invalid_scope", nothingToAuthorise)
	case errors.Is(err, journey.ErrResource), errors.Is(err, core.ErrRefused), errors.Is(err, core.ErrAccessDenied):
		to.refuse("access_denied", "the bank refused")
	case errors.Is(err, core.ErrUnavailable), errors.Is(err, core.ErrUnknownOutcome), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		to.refuse("temporarily_unavailable", "the bank cannot be reached at the moment")
	default:
		s.Log.ErrorContext(to.r.Context(), "authorize: journey", "bank", s.Bank.Code, "err", err)
		to.refuse("server_error", "")
	}
}

// party finds whom clientID stands for. Where it is an organizationIdentifier nobody has
// registered; whoever redeems the code will have to show that certificate.
func (s *Server) party(ctx context.Context, clientID string) (party, error) {
	if s.Bank.ClientIdentification == profile.ByPortalKey {
		a, err := s.Apps.ByClient(ctx, s.Bank.Code, clientID)
		if err == nil {
			return party{a.ClientID, a.TPP, a.Name, a.RedirectURIs}, nil
		}
		if !errors.Is(err, app.ErrUnknown) {
			return party{}, err
		}
	}
	if _, err := eidas.ParseOrganizationIdentifier(clientID); err != nil {
		return party{}, app.ErrUnknown
	}
	p := party{id: clientID, tpp: tpp.ID(clientID)}
	apps, err := s.Apps.OfTPP(ctx, s.Bank.Code, p.tpp)
	if err != nil {
		return party{}, err
	}
	if len(apps) == 0 && s.Bank.ClientIdentification == profile.ByPortalKey {
		return party{}, app.ErrUnknown
	}
	for _, a := range apps {
		p.redirectURIs = append(p.redirectURIs, a.RedirectURIs...)
	}
	if len(apps) > 0 {
		p.name = apps[0].Name
	}
	return p, nil
}

// resource finds what scope names, if it waits for its PSU and belongs to t.
func (s *Server) resource(ctx context.Context, t tpp.ID, scope token.Scope) (journey.Resource, error) {
	switch {
	case scope.Kind == token.SBS && s.Basket != nil && s.Bank.Baskets.Enabled:
		return s.Basket(ctx, s.Bank.Code, t, scope.Resource)
	case scope.Kind == token.SBS:
		return journey.Resource{}, token.ErrScope
	case scope.Kind == token.CancelPIS && s.Cancellation != nil:
		return s.Cancellation(ctx, s.Bank.Code, t, scope.Resource)
	case scope.Kind != token.PIS && scope.Kind != token.CancelPIS:
		r, err := s.Journeys.Consent(ctx, s.Bank.Code, t, scope.Resource)
		// Where a consent to confirm funds comes as any other, it has the scope of any other, too.
		if err == nil && (scope.Kind == token.PIIS && !r.Funds || scope.Kind == token.AIS && r.FundsOnly) {
			err = journey.ErrResource
		}
		return r, err
	case scope.Kind == token.PIS && s.Payment != nil:
		return s.Payment(ctx, s.Bank.Code, t, scope.Resource)
	}
	return journey.Resource{}, token.ErrScope
}

// examine looks at everything about a request that its TPP may be told by redirect.
func (s *Server) examine(q map[string]string, scopeErr error) *badRequest {
	invalid := func(field, text string) *badRequest {
		return &badRequest{code: "invalid_request", field: field, text: text}
	}
	challenge, method := q["code_challenge"], q["code_challenge_method"]
	switch {
	case !visible(q["state"], stateMax):
		return invalid("state", "state has characters that it cannot have, or is too long")
	case q["request"] != "":
		return &badRequest{code: "request_not_supported"}
	case q["response_type"] == "":
		return invalid("response_type", "response_type is missing")
	case q["response_type"] != "code":
		return &badRequest{code: "unsupported_response_type", text: "response_type must be code"}
	case q["response_mode"] != "" && q["response_mode"] != "query":
		return invalid("response_mode", "response_mode must be query")
	case errors.Is(scopeErr, token.ErrDetails):
		return &badRequest{code: detailsCode, text: scopeErr.Error()}
	case s.rich(q) && errors.Is(scopeErr, journey.ErrResource):
		return &badRequest{code: detailsCode, text: nothingToAuthorise}
	case q["scope"] == "" && !s.rich(q):
		return &badRequest{code: "invalid_scope", text: "scope is missing"}
	case errors.Is(scopeErr, journey.ErrResource):
		return &badRequest{code: "invalid_scope", text: nothingToAuthorise}
	case scopeErr != nil:
		return &badRequest{code: "invalid_scope", text: scopeErr.Error()}
	case challenge == "" && method != "":
		return invalid("code_challenge", "code_challenge is missing")
	case challenge == "" && s.Bank.OAuth.PKCERequired:
		return invalid("code_challenge", "code_challenge is missing; PKCE with S256 is required")
	case challenge != "" && method != "S256": // none means plain (RFC 7636, 4.3)
		return invalid("code_challenge_method", "code_challenge_method must be S256")
	case challenge != "" && !isChallenge(challenge):
		return invalid("code_challenge", "code_challenge is not the base64url of a SHA-256")
	case !isIBAN(strings.ReplaceAll(q["iban"], " ", "")):
		return invalid("iban", "iban has characters that it cannot have, or is too long")
	}
	return nil
}

// isIBAN is lenient about everything but what can be stored and sent: the bank knows its
// own numbers. None is fine.
func isIBAN(s string) bool {
	const longest = 34
	return len(s) <= longest && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// isChallenge says whether s is what 32 bytes are in base64url without padding.
func isChallenge(s string) bool {
	const length = 43
	return len(s) == length && !strings.ContainsFunc(s, func(r rune) bool { return !isBase64URL(r) })
}

func isBase64URL(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_'
}

// visible says whether s has only characters that OAuth calls VSCHAR, and at most longest.
func visible(s string, longest int) bool {
	return len(s) <= longest && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// An answer goes to an address that is known to be the client's.
type answer struct {
	s          *Server
	w          http.ResponseWriter
	r          *http.Request
	uri, state string
}

// refuse tells the TPP why not (RFC 6749, 4.1.2.1). A text must not quote the request: it
// becomes part of an address.
func (a answer) refuse(code, text string) {
	values := url.Values{"error": {code}}
	if text != "" {
		values.Set("error_description", text)
	}
	a.send(values)
}

// send adds values to the address, and the issuer to them, so that a TPP that uses many
// servers knows which one is speaking (RFC 9207).
func (a answer) send(values url.Values) {
	if a.state != "" {
		values.Set("state", a.state)
	}
	values.Set("iss", a.s.Issuer)
	join := "?"
	if strings.Contains(a.uri, "?") {
		join = "&"
	}
	to := a.uri + join + values.Encode()
	if u, err := url.Parse(a.uri); err == nil && u.Scheme != "https" && u.Scheme != "http" {
		// Browsers go to an app by themselves only where somebody has just clicked: the page
		// that leaves has a link for it.
		a.s.Pages.Leave(a.w, a.r, to)
		return
	}
	http.Redirect(a.w, a.r, to, a.s.found())
}

func (s *Server) cookie(session, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: s.authorizeURL.EscapedPath() + "/continue/" + session, MaxAge: maxAge,
		HttpOnly: true, Secure: s.authorizeURL.Scheme == "https",
		// Lax, not Strict: the browser comes back from the bank's site.
		SameSite: http.SameSiteLaxMode,
	}
}

// broken shows that something of ours failed.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, doing string, err error) {
	if r.Context().Err() == nil {
		s.Log.ErrorContext(r.Context(), doing, "bank", s.Bank.Code, "err", err)
	}
	s.Pages.Error(w, r, http.StatusInternalServerError, "error.internal")
}
