package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"kontor/bank/token"
)

// Limits of what is read. An authorization request has at most a few long parameters.
const (
	queryMax = 16 << 10
	formMax  = 64 << 10
	stateMax = 2048
)

// A badRequest is what is wrong with an authorization request.
type badRequest struct {
	code, field, text string
	// blocks: it cannot be known where to answer. Then field is the page's reason.
	blocks bool
}

// parameters reads a query. A parameter that stands there twice is an error (RFC 6749, 3.1),
// since two readers could take different ones for true. Empty ones are as good as none.
func parameters(raw string) (map[string]string, *badRequest) {
	if len(raw) > queryMax {
		return nil, &badRequest{code: "invalid_request", blocks: true}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &badRequest{code: "invalid_request", blocks: true}
	}
	var wrong *badRequest
	q := make(map[string]string, len(values))
	for name, all := range values {
		q[name] = all[0]
		if len(all) == 1 {
			continue
		}
		if name == "client_id" || name == "redirect_uri" || name == "request_uri" {
			return nil, &badRequest{code: "invalid_request", blocks: true}
		}
		if wrong == nil || name == "state" {
			wrong = &badRequest{code: "invalid_request", field: name, text: "a parameter stands in the request more than once"}
		}
	}
	return q, wrong
}

// A refusal answers a TPP at the token endpoint or beside it.
//
// Source: RFC 6749 section 5.2
type refusal struct {
	status     int
	code, text string
}

func (r refusal) Error() string { return r.code + ": " + r.text }

// detailsCode says that authorization_details are wrong (RFC 9396, 5).
const detailsCode = "invalid_authorization_details"

// refusals is the one place where an error of the rules gets an OAuth code.
var refusals = []struct {
	err    error
	status int
	code   string
}{
	{token.ErrCode, http.StatusBadRequest, "invalid_grant"},
	{token.ErrScope, http.StatusBadRequest, "invalid_scope"},
}

// post serves an endpoint that clients call with a form, after they proved who they are.
func (s *Server) post(serve func(http.ResponseWriter, *http.Request, map[string]string, token.Client) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		form, err := readForm(w, r)
		var c token.Client
		if err == nil {
			c, err = s.authenticate(r, form)
		}
		if err == nil {
			err = serve(w, r, form, c)
		}
		if err != nil {
			s.refuse(w, r, c, err)
		}
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, c token.Client, err error) {
	var answer refusal
	if !errors.As(err, &answer) {
		answer = refusal{http.StatusInternalServerError, "server_error", ""}
		for _, known := range refusals {
			if errors.Is(err, known.err) {
				answer = refusal{known.status, known.code, err.Error()}
			}
		}
	}
	switch {
	case errors.Is(err, token.ErrUsed):
		s.Log.WarnContext(r.Context(), "a code or refresh token was used twice; its grant has ended", "bank", s.Bank.Code, "client", c.ID)
	case answer.status == http.StatusInternalServerError && r.Context().Err() == nil:
		s.Log.ErrorContext(r.Context(), "token endpoint", "bank", s.Bank.Code, "client", c.ID, "err", err)
	}
	if answer.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="token endpoint"`)
	}
	if answer.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	b, err := json.Marshal(struct {
		Error string `json:"error"`
		Text  string `json:"error_description,omitempty"`
	}{answer.code, answer.text})
	if err != nil {
		panic(err) // two texts
	}
	write(w, answer.status, b)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

const formType = "application/x-www-form-urlencoded"

// readForm reads the body only: what stands in the address could have been logged on the way.
func readForm(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	invalid := func(status int, text string) error { return refusal{status, "invalid_request", text} }
	if r.Method != http.MethodPost {
		return nil, invalid(http.StatusMethodNotAllowed, "the method must be POST")
	}
	if ct := r.Header.Get("Content-Type"); ct != formType {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != formType {
			return nil, invalid(http.StatusBadRequest, "the content type must be "+formType)
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, formMax))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, invalid(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	if err != nil {
		return nil, invalid(http.StatusBadRequest, "the body could not be read")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid(http.StatusBadRequest, "the body is not a form")
	}
	form := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) != 1 {
			return nil, invalid(http.StatusBadRequest, "a parameter stands in the request more than once")
		}
		form[name] = all[0]
	}
	return form, nil
}

// basic reads client_id and secret from the Authorization header, where both are form-encoded
// (RFC 6749, 2.3.1).
func basic(r *http.Request) (id, secret string, ok bool) {
	if id, secret, ok = r.BasicAuth(); !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	return id, secret, err1 == nil && err2 == nil && strings.TrimSpace(id) != ""
}
