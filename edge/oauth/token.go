package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
)

// A tokenResponse answers at the token endpoint.
//
// Source: RFC 6749 section 5.1
type tokenResponse struct {
	AccessToken  string          `json:"access_token"`
	TokenType    string          `json:"token_type"`
	ExpiresIn    int64           `json:"expires_in"` // seconds
	RefreshToken string          `json:"refresh_token,omitempty"`
	Scope        string          `json:"scope,omitempty"`
	Details      json.RawMessage `json:"authorization_details,omitempty"`
}

// token is the token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request, form map[string]string, c token.Client) error {
	var t token.Tokens
	var err error
	switch grant := form["grant_type"]; {
	case form["authorization_details"] != "" && s.Bank.OAuth.RichRequests:
		return refusal{http.StatusBadRequest, detailsCode, "a token is for what the PSU agreed to; it cannot be asked for again"}
	case grant == "":
		return refusal{http.StatusBadRequest, "invalid_request", "grant_type is missing"}
	case grant == "authorization_code":
		if form["code"] == "" {
			return refusal{http.StatusBadRequest, "invalid_request", "code is missing"}
		}
		t, err = s.Tokens.Redeem(r.Context(), token.Redemption{
			Bank: s.Bank.Code, Client: c, Code: form["code"], RedirectURI: form["redirect_uri"], Verifier: form["code_verifier"], TTL: s.tokenTTL(),
			// The portal's own example leaves it out. The code is bound to the client all the same.
			RedirectURIOptional: s.Bank.OAuth.Mode == profile.OAuthPreStep && !s.Bank.OAuth.FAPI2,
		})
	case grant == "refresh_token" && s.Bank.OAuth.RefreshToken:
		if form["refresh_token"] == "" {
			return refusal{http.StatusBadRequest, "invalid_request", "refresh_token is missing"}
		}
		t, err = s.Tokens.Refresh(r.Context(), token.Refresh{
			Bank: s.Bank.Code, Client: c, Token: form["refresh_token"], Scope: form["scope"], TTL: s.tokenTTL(),
		})
	default:
		return refusal{http.StatusBadRequest, "unsupported_grant_type", "grant_type is not offered here"}
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(tokenResponse{
		AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int64(t.ExpiresIn / time.Second), RefreshToken: t.Refresh, Scope: t.Scope, Details: t.Details,
	})
	if err != nil {
		return err
	}
	write(w, http.StatusOK, b)
	return nil
}

func (s *Server) tokenTTL() time.Duration {
	if ttl := s.Bank.OAuth.TokenTTL; ttl > 0 {
		return ttl
	}
	const fallback = 5 * time.Minute
	return fallback
}

// revoke takes back what a TPP no longer needs. Access and refresh token are of one grant,
// and end together. A token that is not the client's is answered like one that is over: the
// client learns nothing about others.
//
// Source: RFC 7009
func (s *Server) revoke(w http.ResponseWriter, r *http.Request, form map[string]string, c token.Client) error {
	if form["token"] == "" {
		return refusal{http.StatusBadRequest, "invalid_request", "token is missing"}
	}
	g, err := s.Tokens.Find(r.Context(), s.Bank.Code, form["token"], c)
	if err == nil {
		err = s.Tokens.End(r.Context(), g)
	}
	if err != nil && !errors.Is(err, token.ErrUnknown) {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// An introspection says what an access token is good for in the hands of its TPP.
//
// Source: RFC 7662 section 2.2
type introspection struct {
	Active    bool            `json:"active"`
	Scope     string          `json:"scope,omitempty"`
	Details   json.RawMessage `json:"authorization_details,omitempty"`
	ClientID  string          `json:"client_id,omitempty"`
	TokenType string          `json:"token_type,omitempty"`
	Expires   int64           `json:"exp,omitempty"`
	Issuer    string          `json:"iss,omitempty"`
	Confirm   *struct {
		Thumbprint string `json:"x5t#S256"`
	} `json:"cnf,omitempty"`
}

// introspect tells a TPP about its own access tokens. Everything else is not active: refresh
// tokens are nobody's business but the token endpoint's.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request, form map[string]string, c token.Client) error {
	if form["token"] == "" {
		return refusal{http.StatusBadRequest, "invalid_request", "token is missing"}
	}
	t, err := s.Tokens.Check(r.Context(), s.Bank.Code, form["token"], tpp.TPP{ID: c.TPP, Thumbprint: c.Thumbprint}, s.Now())
	if err != nil && !errors.Is(err, token.ErrUnknown) && !errors.Is(err, token.ErrInvalid) && !errors.Is(err, token.ErrExpired) {
		return err
	}
	var i introspection
	if err == nil && t.Client == c.ID {
		i = introspection{Active: true, Scope: t.Scope.Asked, Details: t.Scope.Details(), ClientID: t.Client, TokenType: "Bearer", Expires: t.ExpiresAt.Unix(), Issuer: s.Issuer}
		if t.Bound {
			i.Confirm = &struct {
				Thumbprint string `json:"x5t#S256"`
			}{c.Thumbprint.String()}
		}
	}
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, b)
	return nil
}
