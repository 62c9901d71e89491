package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/connector/turn"
	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
)

var (
	errShape    = errors.New("answer is not JSON of the expected shape")
	errNoData   = errors.New("data is missing")
	errRequired = errors.New("a required field is missing")
	errCurrency = errors.New("ResourceUnknown: currency is not an ISO 4217 code")
	errAmount   = errors.New("amount is not a decimal number that fits its currency")
)

// decode reads a small answer. Its error quotes nothing of it.
func decode(body []byte, into any) error {
	if !utf8.Valid(body) || json.Unmarshal(body, into) != nil {
		return errShape
	}
	return nil
}

// list reads the data of a list.
func list[T any](body []byte) ([]T, error) {
	var l struct {
		Data *[]T `json:"data"`
	}
	if err := decode(body, &l); err != nil {
		return nil, err
	}
	if l.Data != nil {
		return *l.Data, nil
	}
	var there struct {
		Data json.RawMessage `json:"data"`
	}
	if err := decode(body, &there); err != nil || there.Data != nil { // null is a list of nothing
		return nil, err
	}
	return nil, errNoData
}

// update reads the answer to a start: nothing, or the first update at once. Anything that is
// not JSON came from somebody else than a connector.
func update(body []byte, session string) (*core.Update, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	var a struct {
		Data json.RawMessage `json:"data"`
	}
	if err := decode(body, &a); err != nil {
		return nil, err
	}
	if data := bytes.TrimSpace(a.Data); len(data) == 0 || data[0] != '{' {
		return nil, nil
	}
	var e wire.Event
	if err := decode(a.Data, &e); err != nil {
		return nil, err
	}
	switch {
	case e.SessionSecret != "" && string(e.SessionSecret) != session:
		return nil, errors.New("session_secret is of another session")
	case e.RedirectURL != "" && !wire.BrowserURL(e.RedirectURL):
		return nil, errors.New("redirect_url is not an http or https address")
	case e.RedirectURL == "" && e.Status == "" && e.SCAStatus == "" && e.SCAApproach == "" && e.FundsAvailable == nil:
		return nil, nil
	}
	u := &core.Update{
		Session: session, Status: string(e.Status), SCAStatus: string(e.SCAStatus), RedirectURL: string(e.RedirectURL),
		FundsAvailable: e.FundsAvailable, PSUMessage: e.Extra.Text("psu_message"), Items: turn.Items(e.Extra), Exemption: turn.Exemption(e.Exemption),
	}
	u.ExpiresAt, _ = wire.ParseTime(e.SessionExpiresAt)
	return u, turn.SCA(e, u)
}

// Accounts is GET /accounts.
func (c *Client) Accounts(ctx context.Context, a core.Access) ([]core.Account, error) {
	return ask(ctx, c, a, wire.PathAccounts, func(a wire.AccountAnswer) (core.Account, error) {
		out := core.Account{
			ID: string(a.ID), Currency: string(a.Currency), Name: string(a.Name), Product: string(a.Product), Type: string(a.CashAccountType),
			OwnerName: string(a.OwnerName), Status: strings.ToLower(string(a.Status)), BIC: string(a.BIC),
		}
		if a.ID == "" || a.Currency == "" {
			return out, errRequired
		}
		if _, ok := money.Decimals(out.Currency); !ok && out.Currency != money.Several {
			return out, errCurrency
		}
		if e := a.Extra; e != nil {
			out.DisplayName, out.Usage, out.Details, out.LinkedAccounts = string(e.DisplayName), usage(e.Usage), string(e.Details), string(e.LinkedAccounts)
			out.PSUName, out.Granted = string(e.PSUName), rights(e.Granted)
			for _, name := range e.OwnerNames {
				out.OwnerNames = append(out.OwnerNames, string(name))
			}
		}
		out.Reference = accountNamed(wire.Account{
			IBAN: a.IBAN, BBAN: a.BBAN, BankAccountIdentifier: a.BankAccountIdentifier, MSISDN: a.MSISDN, Currency: a.Currency,
		})
		for _, b := range a.Balances {
			amount, err := parseAmount(b.Amount, cmp.Or(b.Currency, a.Currency))
			if err != nil {
				return out, err
			}
			if b.Type == "" {
				return out, errRequired
			}
			balance := core.Balance{Type: string(b.Type), Amount: amount, CreditLimitIncluded: b.CreditLimitIncluded, LastCommittedTransaction: string(b.LastCommittedTransaction)}
			// Both are told for information; a form nobody knows is as good as none.
			balance.LastChangeDateTime, _ = wire.ParseTime(b.LastChangeDateTime)
			if date, ok := parseDate([]byte(b.ReferenceDate)); ok {
				balance.ReferenceDate, _ = day.Parse(string(date))
			}
			out.Balances = append(out.Balances, balance)
		}
		return out, nil
	})
}

// CardAccounts is GET /card_accounts.
func (c *Client) CardAccounts(ctx context.Context, a core.Access) ([]core.CardAccount, error) {
	return ask(ctx, c, a, wire.PathCardAccounts, func(a wire.CardAnswer) (core.CardAccount, error) {
		out := core.CardAccount{
			ID: string(a.ID), MaskedPAN: string(a.MaskedPAN), Currency: string(a.Currency), Name: string(a.Name), Product: string(a.Product),
			Status: strings.ToLower(string(a.Status)),
		}
		if a.ID == "" || a.MaskedPAN == "" || a.Currency == "" {
			return out, errRequired
		}
		if _, ok := money.Decimals(out.Currency); !ok {
			return out, errCurrency
		}
		if e := a.Extra; e != nil {
			out.DisplayName, out.Usage, out.Details, out.OwnerName = string(e.DisplayName), usage(e.Usage), string(e.Details), string(e.OwnerName)
			out.DebitAccounting, out.Granted = e.DebitAccounting, rights(e.Granted)
		}
		if l := a.CreditLimit; l != nil && l.Amount != "" {
			limit, err := parseAmount(l.Amount, cmp.Or(l.Currency, a.Currency))
			if err != nil {
				return out, err
			}
			out.Limit = &limit
		}
		for _, b := range a.Balances {
			amount, err := parseAmount(b.BalanceAmount.Amount, cmp.Or(b.BalanceAmount.Currency, a.Currency))
			if err != nil {
				return out, err
			}
			if b.BalanceType == "" {
				return out, errRequired
			}
			out.Balances = append(out.Balances, core.Balance{Type: string(b.BalanceType), Amount: amount})
		}
		return out, nil
	})
}

// TrustedBeneficiaries is GET /trusted_beneficiaries, for connectors that declare it.
func (c *Client) TrustedBeneficiaries(ctx context.Context, a core.Access) ([]core.TrustedBeneficiary, error) {
	if !c.can("trusted_beneficiaries") {
		return nil, core.ErrNotOffered
	}
	return ask(ctx, c, a, wire.PathBeneficiaries, func(b wire.TrustedBeneficiary) (core.TrustedBeneficiary, error) {
		out := core.TrustedBeneficiary{
			ID: string(b.ID), CreditorAccount: accountNamed(b.CreditorAccount), CreditorAgent: string(cmp.Or(b.CreditorAgent, b.CreditorAccount.BIC)),
			CreditorName: string(b.CreditorName), CreditorAlias: string(b.CreditorAlias), CreditorID: string(b.CreditorID),
		}
		if b.ID == "" || b.CreditorName == "" || out.CreditorAccount.IsZero() {
			return out, errRequired
		}
		if b.DebtorAccount != nil {
			out.DebtorAccount = accountNamed(*b.DebtorAccount)
		}
		if a := b.CreditorAddress; a != nil && a.Country != "" { // without a country it is no address to a TPP
			out.CreditorAddress = &core.Address{
				StreetName: string(a.StreetName), BuildingNumber: string(a.BuildingNumber), TownName: string(a.TownName),
				PostCode: string(a.PostCode), Country: string(a.Country),
			}
		}
		return out, nil
	})
}

// accountNamed names an account by one identifier, the best known first. The bank's own stands
// for a BBAN: that is what a BBAN is where no IBAN exists.
func accountNamed(a wire.Account) core.AccountReference {
	r := core.AccountReference{Currency: string(a.Currency)}
	switch {
	case a.IBAN != "":
		r.IBAN = string(a.IBAN)
	case a.BBAN != "" || a.BankAccountIdentifier != "":
		r.BBAN = string(cmp.Or(a.BBAN, a.BankAccountIdentifier))
	case a.PAN != "":
		r.PAN = string(a.PAN)
	case a.MaskedPAN != "":
		r.MaskedPAN = string(a.MaskedPAN)
	case a.MSISDN != "":
		r.MSISDN = string(a.MSISDN)
	}
	return r
}

// ask reads a list and turns each of its elements.
func ask[W, T any](ctx context.Context, c *Client, a core.Access, path string, turn func(W) (T, error)) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.c.ReadTimeout)
	defer cancel()
	r := c.reading(a, http.MethodGet, path, wire.SessionOnly{SessionSecret: wire.String(a.Session), ProviderCode: wire.String(c.c.BankCode)})
	answer, err := c.send(ctx, r)
	defer answer.release()
	if err != nil {
		return nil, err
	}
	answers, err := list[W](answer.body())
	if err != nil {
		return nil, c.malformed(r, err.Error())
	}
	all := make([]T, len(answers))
	for i, w := range answers {
		if all[i], err = turn(w); err != nil {
			return nil, c.malformed(r, fmt.Sprintf("%s (element %d)", err, i))
		}
	}
	return all, nil
}

// usage is PRIV or ORGA; another word says nothing to a TPP.
func usage(s wire.String) string {
	if s := strings.ToUpper(string(s)); s == "PRIV" || s == "ORGA" {
		return s
	}
	return ""
}

func parseAmount(amount, currency wire.String) (money.Amount, error) {
	parsed, err := money.Parse(string(amount), string(currency))
	switch {
	case errors.Is(err, money.ErrCurrency):
		return parsed, errCurrency
	case err != nil:
		return parsed, errAmount
	}
	return parsed, nil
}

// rights reads what the PSU gives of an account; nil where the bank does not tell.
func rights(g *wire.Granted) *core.Rights {
	if g == nil {
		return nil
	}
	return &core.Rights{Balances: slices.Contains(*g, wire.GrantedBalances), Transactions: slices.Contains(*g, wire.GrantedTransactions)}
}
