// Package callback is what the hub serves to banks' connectors: they report here how a
// session goes on and ends, and which access a customer withdrew; and they ask what she gave to
// third parties, to show it on the bank's own pages.
//
// Who calls is known by its pair of App-Id and App-Secret, what it says by its signature;
// both are checked before a session is looked at. Everything stands at the root of the host,
// because known connectors drop any path before it. Some cannot send PATCH and say so by
// X-HTTP-Method-Override. Bodies are empty and never read.
//
// What a report means is decided by core.Events. A bank's report that cannot be understood
// is refused whole: half an understood grant would be a wrong grant.
//
// Source: connector protocol v2, sections 2 and 4.3.
package callback

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"kontor/bank/core"
	"kontor/bank/dashboard"
	"kontor/connector/jws"
	"kontor/connector/wire"
)

// A Config says which banks may call and who listens.
type Config struct {
	Banks  []Bank
	Events core.Events
	// Dashboard is what banks show their customers of it on their own pages; nil: nothing.
	Dashboard *dashboard.Service
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: discarded
}

// A Bank is one that may call.
type Bank struct {
	Code      string
	AppID     string
	AppSecret string
	Keys      []jws.PublicKey
	Enabled   bool
	// Multilevel: a success may be one of several signatures. Such a success of any other bank
	// is refused.
	Multilevel bool
}

// leeway is how far a connector's clock may be behind: known ones give their tokens a minute.
const leeway = 60 * time.Second

// New returns the handler of /api/connectors/v2/…
func New(c Config) http.Handler {
	h := &hub{events: c.Events, dashboard: c.Dashboard, now: c.Now, log: c.Log, banks: map[string]*bank{}}
	if h.now == nil {
		h.now = time.Now
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	for _, b := range c.Banks {
		h.banks[b.AppID] = &bank{
			code: b.Code, secret: sha256.Sum256([]byte(b.AppSecret)), enabled: b.Enabled, multilevel: b.Multilevel,
			// A bank without a secret or without a key is not yet set up: anybody could speak for it.
			secretSet: b.AppSecret != "", keySet: len(b.Keys) > 0,
			verifier: jws.Verifier{Keys: b.Keys, Leeway: leeway, Now: h.now},
		}
	}
	on := func(pattern string, do operation) {
		method, path, _ := strings.Cut(pattern, " ")
		h.mux.HandleFunc(method+" "+wire.HubBase+path, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, do) })
	}
	on("PATCH /sessions/{secret}/update", h.update)
	on("PATCH /sessions/{secret}/success", h.success)
	on("PATCH /sessions/{secret}/fail", h.fail)
	on("GET /tokens", h.tokens)
	on("PATCH /tokens/revoke", h.revoke(false))
	on("PATCH /funds_confirmations/tokens/revoke", h.revoke(true))
	if c.Dashboard != nil {
		on("GET /accesses", h.accesses)
		on("GET /accesses/{id}", h.access)
		on("DELETE /accesses/{id}", h.endAccess)
		on("DELETE /accesses", h.endAccesses)
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.refuse(w, r, nil, errRoute) })
	return h
}

// KeySet returns the handler of the hub's public keys as a JWK set.
func KeySet(keys ...*rsa.PublicKey) http.Handler {
	set := jws.JWKS(keys...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Write(set)
	})
}

type hub struct {
	mux       http.ServeMux
	banks     map[string]*bank // by App-Id
	events    core.Events
	dashboard *dashboard.Service
	now       func() time.Time
	log       *slog.Logger
}

type bank struct {
	code              string
	secret            [sha256.Size]byte
	enabled           bool
	multilevel        bool
	secretSet, keySet bool
	verifier          jws.Verifier
}

// An operation is told the bank and the data it signed. Its answer is data and, for lists,
// the ID of the next page.
type operation func(r *http.Request, b *bank, data json.RawMessage) (answer any, next string, err error)

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && strings.EqualFold(r.Header.Get(wire.HeaderOverride), http.MethodPatch) {
		r2 := *r
		r2.Method = http.MethodPatch
		r = &r2
	}
	h.mux.ServeHTTP(w, r)
}

// serve does for every operation what comes before it.
func (h *hub) serve(w http.ResponseWriter, r *http.Request, do operation) {
	b, err := h.caller(r)
	var data json.RawMessage
	if err == nil {
		data, err = b.verifier.Bearer(r.Header.Get("Authorization"))
	}
	var answer any = struct{}{}
	var next string
	if err == nil {
		answer, next, err = do(r, b, data)
	}
	if err != nil {
		h.refuse(w, r, b, err)
		return
	}
	write(w, http.StatusOK, struct {
		Data any       `json:"data"`
		Meta wire.Meta `json:"meta"`
	}{answer, wire.Meta{Time: h.time(), NextID: wire.String(next)}})
}

// caller says which bank calls. Whether the ID or the secret is wrong cannot be told from
// outside, neither by the answer nor by its time.
func (h *hub) caller(r *http.Request) (*bank, error) {
	b, known := h.banks[r.Header.Get(wire.HeaderAppID)]
	if !known {
		b = &bank{}
	}
	secret := sha256.Sum256([]byte(r.Header.Get(wire.HeaderAppSecret)))
	same := subtle.ConstantTimeCompare(secret[:], b.secret[:]) == 1
	switch {
	case !known || b.secretSet && !same:
		return nil, errBank
	case !b.enabled:
		return b, errDisabled
	case !b.secretSet || !b.keySet:
		return b, errConfiguration
	}
	return b, nil
}

var (
	errRoute         = errors.New("no such operation")
	errBank          = errors.New("no bank has this App-Id and App-Secret")
	errDisabled      = errors.New("bank is switched off")
	errConfiguration = errors.New("settings of this bank are not complete")
)

// classes is the one place where an error gets a class of the protocol.
var classes = []struct {
	err    error
	status int
	class  string
}{
	{errRoute, http.StatusNotFound, "RouteNotFound"},
	{errBank, http.StatusNotFound, "ProviderNotFound"},
	{errDisabled, http.StatusNotAcceptable, "ProviderDisabled"},
	{errConfiguration, http.StatusBadRequest, "ConfigurationError"},
	{jws.ErrMissing, http.StatusUnauthorized, "AuthorizationMissing"},
	{jws.ErrDecode, http.StatusBadRequest, "JWTDecodeError"},
	{jws.ErrAlgorithm, http.StatusBadRequest, "JWTIncorrectAlgorithm"},
	{jws.ErrSignature, http.StatusBadRequest, "JWTVerificationError"},
	{jws.ErrExpired, http.StatusBadRequest, "JWTExpiredSignature"},
	{core.ErrEvent, http.StatusBadRequest, "RequestFormatInvalid"},
	{core.ErrSessionUnknown, http.StatusNotFound, "SessionNotFound"},
	{core.ErrSessionFinalised, http.StatusForbidden, "SessionFinalised"},
	{core.ErrSessionClosed, http.StatusBadRequest, "SessionClosed"},
	{core.ErrSessionExpired, http.StatusUnauthorized, "SessionExpired"},
	{dashboard.ErrUnknown, http.StatusNotFound, "AccessNotFound"},
	{core.ErrTokenUnknown, http.StatusNotFound, "TokenNotFound"},
}

func (h *hub) refuse(w http.ResponseWriter, r *http.Request, b *bank, err error) {
	code := ""
	if b != nil {
		code = b.code
	}
	meta := &wire.Meta{Time: h.time(), Version: "V2"}
	for _, c := range classes {
		if !errors.Is(err, c.err) {
			continue
		}
		message := c.err.Error()
		if c.err == core.ErrEvent || c.err == jws.ErrDecode {
			message = err.Error() // says what of it
		}
		h.log.InfoContext(r.Context(), "report of a bank refused", "bank", code, "operation", r.Pattern, "class", c.class)
		write(w, c.status, wire.ErrorAnswer{ErrorClass: wire.String(c.class), ErrorMessage: wire.String(message), Meta: meta})
		return
	}
	h.log.ErrorContext(r.Context(), "report of a bank could not be taken", "bank", code, "operation", r.Pattern, "error", err)
	write(w, http.StatusInternalServerError, wire.ErrorAnswer{ErrorClass: "InternalServerError", ErrorMessage: "the hub could not take this; try again", Meta: meta})
}

func (h *hub) time() string { return h.now().UTC().Format(time.RFC3339) }

func write(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic("a wire type cannot be written: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b)
}
