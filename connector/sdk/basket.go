package sdk

import (
	"context"
	"errors"
	"net/http"

	"kontor/connector/wire"
)

// baskets offers what the bank takes together.
func (s *server) baskets(mux *http.ServeMux) {
	bank, ok := s.bank.(Baskets)
	if !ok {
		return
	}
	services := s.paymentServices()
	handle(s, mux, "POST "+wire.PathBaskets, carries{body: true}, func(ctx context.Context, c call, b wire.BasketCreate) (any, error) {
		if err := errors.Join(c.needs(b.RedirectURL, b.AppName), s.elsewhere(c, &b.SCA)); err != nil {
			return nil, err
		}
		members, err := complete(c, &b, services)
		if err != nil {
			return nil, err
		}
		return nothing, s.starts.together(ctx, "basket", string(b.SessionSecret), members, func() error { return bank.StartBasket(ctx, b) })
	})
}

// complete gives every member what the basket says for all of them, and says which there are.
// A member that brings such a thing itself is refused: nobody could say which of both counts.
func complete(c call, b *wire.BasketCreate, services []string) ([]member, error) {
	var members []member
	known := map[wire.String]bool{b.SessionSecret: true}
	add := func(kind string, secret wire.String, own ...wire.String) error {
		if secret == "" || len(secret) > secretMax || known[secret] {
			return errFormat
		}
		for _, text := range own {
			if text != "" {
				return errFormat
			}
		}
		known[secret] = true
		members = append(members, member{kind, string(secret)})
		return nil
	}
	for i := range b.Payments {
		p := &b.Payments[i]
		err := add("payment", p.SessionSecret, p.ProviderCode, p.AppName, p.RedirectURL, p.PSUIPAddress, p.UserID, p.SCAApproach, p.PSUID, p.PSUIDType, p.PSUCorporateID, p.PSUCorporateIDType, held(p.SCA))
		if err == nil {
			err = whole(c, p, services)
		}
		if err != nil {
			return nil, err
		}
		p.ProviderCode, p.AppName, p.RedirectURL, p.PSUIPAddress, p.UserID = b.ProviderCode, b.AppName, b.RedirectURL, b.PSUIPAddress, b.UserID
	}
	for i := range b.Accesses {
		r := &b.Accesses[i].TokenCreate
		err := errors.Join(add("access", r.SessionSecret, r.ProviderCode, r.AppName, r.RedirectURL, r.PSUIPAddress, r.AuthorizationType, r.SCAApproach, r.PSUID, r.PSUIDType, r.PSUCorporateID, r.PSUCorporateIDType, held(r.SCA)), dates(r.ValidUntil))
		if err != nil {
			return nil, err
		}
		r.ProviderCode, r.AppName, r.RedirectURL, r.PSUIPAddress = b.ProviderCode, b.AppName, b.RedirectURL, b.PSUIPAddress
	}
	if len(members) == 0 {
		return nil, errFormat
	}
	return members, nil
}

// held is a text where w asks for a confirmation of its own.
func held(w wire.SCA) wire.String {
	if w.ConfirmationRequired {
		return "confirmation_required"
	}
	return ""
}
