package oauth

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"kontor/bank/token"
	"kontor/edge/page"
)

// endWait is how long a browser is kept that comes back before the bank has told the end.
// After that it gets a page that asks again.
const endWait = 3 * time.Second

// backParameter proves that a browser comes from the bank.
const backParameter = "back"

// continueAuthorize is where the browser comes from the bank. It answers the request once:
// with a code, or with the PSU's refusal.
//
// Source: RFC 6749 section 4.1.2
func (s *Server) continueAuthorize(w http.ResponseWriter, r *http.Request) {
	page.Secure(w.Header())
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		s.Pages.Error(w, r, http.StatusMethodNotAllowed, "error.method")
		return
	}
	ctx, session := r.Context(), r.PathValue("session")
	g, err := s.pending(r, session)
	switch {
	case errors.Is(err, token.ErrUnknown):
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.expired", "")
		return
	case err != nil:
		s.broken(w, r, "continue: grant", err)
		return
	case g.Status != token.Waiting:
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.used", "")
		return
	case !s.Now().Before(g.WaitUntil):
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.expired", "")
		return
	}
	outcome, err := s.Journeys.Outcome(ctx, s.Bank.Code, session, endWait)
	if err != nil {
		s.broken(w, r, "continue: outcome", err)
		return
	}
	if !outcome.Over {
		s.Pages.Waiting(w, r)
		return
	}
	// Whoever began has the cookie; whoever was at the bank has this. They are one browser, or
	// somebody was talked into approving what another one began.
	if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get(backParameter)), []byte(outcome.Back)) != 1 {
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.expired", "")
		return
	}
	to := answer{s, w, r, g.RedirectURI, g.State}
	if !outcome.OK {
		if err := s.Tokens.End(ctx, g); err != nil {
			s.broken(w, r, "continue: end", err)
			return
		}
		http.SetCookie(w, s.cookie(session, "", -1))
		to.refuse("access_denied", "the PSU or the bank refused")
		return
	}
	code, err := s.Tokens.Approve(ctx, g, outcome.PSU, s.codeTTL())
	switch {
	case errors.Is(err, token.ErrUsed):
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.used", "")
	case errors.Is(err, token.ErrOver):
		s.Pages.OAuth(w, r, http.StatusBadRequest, "oauth.expired", "")
	case err != nil:
		s.broken(w, r, "continue: approve", err)
	default:
		http.SetCookie(w, s.cookie(session, "", -1))
		to.send(url.Values{"code": {code}})
	}
}

// pending finds the grant of session for this browser.
func (s *Server) pending(r *http.Request, session string) (token.Grant, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil || !isChallenge(session) { // a session has the same shape
		return token.Grant{}, token.ErrUnknown
	}
	return s.Tokens.Get(r.Context(), s.Bank.Code, session, cookie.Value)
}

// codeTTL is a minute unless the profile says less.
func (s *Server) codeTTL() time.Duration {
	if ttl := s.Bank.OAuth.CodeTTL; ttl > 0 && ttl < time.Minute {
		return ttl
	}
	return time.Minute
}
