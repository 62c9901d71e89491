package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"kontor/bank/token"
)

// pushedLife is how long a pushed request waits for its browser: the TPP sends her at once,
// and what lies about for longer only helps who steals it.
const pushedLife = 90 * time.Second

// requestURN is what a request_uri begins with; the secret of the request follows.
//
// Source: RFC 9126 section 2.2
const requestURN = "urn:ietf:params:oauth:request_uri:"

// requestParameters are those of an authorization request that mean something here. Nothing
// else of a form is kept, least of all what proves the client.
var requestParameters = []string{
	"response_type", "response_mode", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "request", "iban", "authorization_details",
}

// push takes an authorization request from its client, before the PSU's browser comes with the
// reference to it. It is looked at as the authorization endpoint would, and again when it is
// used: a consent may have ended in between.
//
// Source: RFC 9126
func (s *Server) push(w http.ResponseWriter, r *http.Request, form map[string]string, c token.Client) error {
	if form["request_uri"] != "" {
		return refusal{http.StatusBadRequest, "invalid_request", "request_uri cannot be pushed itself"}
	}
	q := map[string]string{"client_id": c.ID}
	size := 0
	for _, name := range requestParameters {
		if value := form[name]; value != "" {
			q[name] = value
			size += len(value)
		}
	}
	if size > queryMax {
		return refusal{http.StatusRequestEntityTooLarge, "invalid_request", "the request is too large"}
	}
	p, err := s.propose(r.Context(), q)
	if err != nil {
		return err
	}
	if p.wrong != nil {
		return refusal{http.StatusBadRequest, p.wrong.code, p.wrong.text}
	}
	reference, err := s.Tokens.Push(r.Context(), s.Bank.Code, c.ID, q, pushedLife)
	if err != nil {
		return err
	}
	b, err := json.Marshal(struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int64  `json:"expires_in"` // seconds
	}{requestURN + reference, int64(pushedLife / time.Second)})
	if err != nil {
		return err
	}
	write(w, http.StatusCreated, b)
	return nil
}

// pushed returns the request behind requestURI, for the client that pushed it.
func (s *Server) pushed(ctx context.Context, clientID, requestURI string) (token.Pushed, error) {
	reference, ok := strings.CutPrefix(requestURI, requestURN)
	if !ok || !isChallenge(reference) { // a secret has the same shape
		return token.Pushed{}, token.ErrPushed
	}
	return s.Tokens.Pushed(ctx, s.Bank.Code, clientID, reference)
}
