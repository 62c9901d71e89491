package sdk

import (
	"context"
	"errors"
	"net/http"

	"kontor/connector/wire"
)

// A bank's Authorise returns these; the SDK answers the hub with the protocol's class and status.
var (
	ErrCredentials   = errors.New("credentials are wrong")          // 401 InvalidCredentials
	ErrCode          = errors.New("confirmation code is wrong")     // 400 InvalidConfirmationCode
	ErrMethodUnknown = errors.New("authentication method unknown")  // 404 AuthenticationMethodNotFound
	ErrStep          = errors.New("session does not take this now") // 400 SessionStepNotAllowed
)

// Authorisations is implemented by a bank whose customers can authenticate elsewhere than on
// its pages (extensions "embedded" and "decoupled"): each start may then say so in its
// SCAApproach, and Authorise takes the customer's next step.
//
// The answer says where the SCA stands: SCAStatus, and what the customer needs for the step
// after this one. That the session has succeeded or failed is reported by Hub.Success and
// Hub.Fail as ever, also where a step is what ends it. Nothing of a step may be logged, and no
// error may tell whether a customer of that name exists.
type Authorisations interface {
	Authorise(ctx context.Context, s wire.SessionAuthorise) (wire.Event, error)
}

// Multilevel is implemented by a bank some of whose accounts need the signatures of several
// customers (extension "multilevel"). Where another has to sign, the success of a session has
// the status PATC, or partiallyAuthorised for an access; then the hub may start the next
// signature, in a session of its own, which has its Update, Success and Fail as any other. The
// last success is that of what was signed: it has the token of an access and no status.
//
// Who may sign, and how many have to, the bank alone decides. ErrInvalid where r.Signs is no
// session that waits for a signature. A Fail of the class AccessDenied, or with a status, ends
// all of it; after any other one, the hub may start another signature.
type Multilevel interface {
	StartSignature(ctx context.Context, r wire.SignatureCreate) error
}

// signatures offers to sign what another customer has signed.
func (s *server) signatures(mux *http.ServeMux) {
	b, ok := s.bank.(Multilevel)
	if !ok {
		return
	}
	on(s, mux, "POST "+wire.PathSessions+"/{session}/signatures", func(ctx context.Context, c call, r wire.SignatureCreate) (any, error) {
		if string(r.Signs) != c.PathValue("session") || r.Signs == r.SessionSecret || len(r.Signs) > secretMax {
			return nil, errFormat
		}
		if err := errors.Join(c.needs(r.RedirectURL, r.AppName), s.elsewhere(c, &r.SCA)); err != nil {
			return nil, err
		}
		return nothing, s.starts.once(ctx, "signature", string(r.SessionSecret), func() error { return b.StartSignature(ctx, r) })
	})
}

// authorisations offers the steps of an SCA.
func (s *server) authorisations(mux *http.ServeMux) {
	b, ok := s.bank.(Authorisations)
	if !ok {
		return
	}
	on(s, mux, "POST "+wire.PathSessions+"/{session}/authorise", func(ctx context.Context, c call, r wire.SessionAuthorise) (any, error) {
		if string(r.SessionSecret) != c.PathValue("session") || !oneStep(r) {
			return nil, errFormat
		}
		e, err := b.Authorise(ctx, r)
		e.SessionSecret = r.SessionSecret
		return map[string]any{"data": e}, err
	})
}

// oneStep says whether r is exactly one step: a bank that looked at one part and not at another
// would take a step that nobody meant.
func oneStep(r wire.SessionAuthorise) bool {
	const longest = 4096 // an encrypted password in its envelope
	n := 0
	for _, part := range []bool{r.Password != "" || r.AdditionalPassword != "", r.EncryptedPassword != "" || r.AdditionalEncryptedPassword != "", r.AuthenticationMethodID != "", r.SCAAuthenticationData != ""} {
		if part {
			n++
		}
	}
	for _, text := range []wire.String{r.PSUID, r.Password, r.AdditionalPassword, r.EncryptedPassword, r.AdditionalEncryptedPassword, r.AuthenticationMethodID, r.SCAAuthenticationData} {
		if len(text) > longest {
			return false
		}
	}
	return n == 1 || n == 0 && r.PSUID != ""
}

// elsewhere refuses a start whose customer does not come to the bank's pages, where the bank
// knows no other way: it would wait for her there. So it does with one that has to be
// confirmed, where the bank would not wait for that.
func (s *server) elsewhere(c call, w *wire.SCA) error {
	w.PSUAcceptLanguage = c.language()
	if _, ok := s.bank.(Confirmations); w.ConfirmationRequired && !ok {
		return errRoute
	}
	switch w.SCAApproach {
	case "", "redirect":
		return nil
	case "embedded", "decoupled":
		if _, ok := s.bank.(Authorisations); ok {
			return nil
		}
	}
	return errRoute
}

// language is in which languages the customer reads, as her browser told the third party.
func (c call) language() wire.String {
	const longest = 200
	said := c.Header.Get(wire.HeaderLanguage)
	if len(said) > longest {
		return ""
	}
	return wire.String(said)
}

// Confirmations is implemented by a bank that can hold what a customer has approved on its
// pages until it is confirmed (extension "confirmation"). A start then says so in its
// ConfirmationRequired. After SCA the bank reports nothing but sca_status unconfirmed, with the
// SHA-256 of a code that it adds to redirect_url; it gives that code to the browser that has
// approved and to no other.
//
// Confirm lets it go on, or drop what it holds. Success and fail are reported as ever, also when
// Confirm is what brings them. Called again it answers as the first time; ErrStep where nothing
// is held.
type Confirmations interface {
	Confirm(ctx context.Context, c wire.SessionConfirm) (wire.Event, error)
}

// confirmations offers to go on with what is held.
func (s *server) confirmations(mux *http.ServeMux) {
	b, ok := s.bank.(Confirmations)
	if !ok {
		return
	}
	on(s, mux, "POST "+wire.PathSessions+"/{session}/confirm", func(ctx context.Context, c call, r wire.SessionConfirm) (any, error) {
		if string(r.SessionSecret) != c.PathValue("session") {
			return nil, errFormat
		}
		e, err := b.Confirm(ctx, r)
		e.SessionSecret = r.SessionSecret
		return map[string]any{"data": e}, err
	})
}
