package oauth

import (
	"context"
	"errors"
	"net/http"

	"kontor/bank/app"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/kit/eidas"
)

func unauthorized(text string) error {
	return refusal{http.StatusUnauthorized, "invalid_client", text}
}

// authenticate says which client sent form. A certificate that is presented must be good,
// and so must a secret; where there are both, both count. One of them there must be.
func (s *Server) authenticate(r *http.Request, form map[string]string) (token.Client, error) {
	id, secret := form["client_id"], form["client_secret"]
	if r.Header.Get("Authorization") != "" {
		basicID, basicSecret, ok := basic(r)
		switch {
		case !ok:
			return token.Client{}, unauthorized("the Authorization header is not Basic with client_id and secret")
		case secret != "":
			return token.Client{}, refusal{http.StatusBadRequest, "invalid_request", "the client secret is sent in two ways"}
		case id != "" && id != basicID:
			return token.Client{}, refusal{http.StatusBadRequest, "invalid_request", "there are two different client_id"}
		}
		id, secret = basicID, basicSecret
	}
	if id == "" {
		return token.Client{}, refusal{http.StatusBadRequest, "invalid_request", "client_id is missing"}
	}
	t, err := s.Identify(r)
	presented := err == nil
	if err != nil && !errors.Is(err, tpp.ErrCertificateMissing) {
		return token.Client{}, certificateRefusal(err)
	}
	if !presented && secret == "" {
		return token.Client{}, unauthorized("neither a client certificate nor a client secret was sent")
	}
	// A secret can be stolen where a key stays where it is (FAPI 2.0, 5.3.2.1).
	if s.Bank.OAuth.FAPI2 && (!presented || secret != "") {
		return token.Client{}, unauthorized("clients prove themselves by their certificate here, and by nothing else")
	}
	if s.Bank.ClientIdentification == profile.ByPortalKey {
		return s.authenticateApp(r.Context(), id, secret, t, presented)
	}
	switch {
	case secret != "":
		return token.Client{}, unauthorized("clients have no secret here: the certificate says who they are")
	case tpp.ID(id) != t.ID:
		return token.Client{}, unauthorized("client_id is not the organizationIdentifier of the certificate")
	}
	return token.Client{ID: id, TPP: t.ID, Thumbprint: t.Thumbprint}, nil
}

// authenticateApp proves a registered client, by its TPP's certificate or by its secret. A
// TPP with an app may use its organizationIdentifier instead, but only with its certificate.
func (s *Server) authenticateApp(ctx context.Context, id, secret string, t tpp.TPP, presented bool) (token.Client, error) {
	// One text for all that is wrong: nobody learns which client_id exist.
	wrong := unauthorized("the client is not known, or what it sent does not prove it")
	a, err := s.Apps.ByClient(ctx, s.Bank.Code, id)
	if errors.Is(err, app.ErrUnknown) && presented && secret == "" && tpp.ID(id) == t.ID {
		apps, err := s.Apps.OfTPP(ctx, s.Bank.Code, t.ID)
		if err != nil {
			return token.Client{}, err
		}
		for _, a := range apps {
			if a.Accepts(t) {
				return token.Client{ID: id, TPP: t.ID, Thumbprint: t.Thumbprint}, nil
			}
		}
		return token.Client{}, wrong
	}
	if errors.Is(err, app.ErrUnknown) {
		return token.Client{}, wrong
	}
	if err != nil {
		return token.Client{}, err
	}
	if presented && !a.Accepts(t) || secret != "" && !a.HasSecret(secret) {
		return token.Client{}, wrong
	}
	return token.Client{ID: id, TPP: a.TPP, Thumbprint: t.Thumbprint}, nil
}

// certificateRefusal tells what is wrong with a certificate; what it cannot tell is ours.
func certificateRefusal(err error) error {
	for _, known := range []error{
		tpp.ErrCertificateInvalid, tpp.ErrCertificateExpired, tpp.ErrCertificateBlocked, tpp.ErrCertificateRevoked,
		tpp.ErrRole, eidas.ErrOrganizationIdentifier,
	} {
		if errors.Is(err, known) {
			return unauthorized(known.Error())
		}
	}
	return err
}
