package callback

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/connector/turn"
	"kontor/connector/wire"
)

// textMax bounds what a bank may write into a short field.
const textMax = 255

// event reads the data of a session's report.
func event(r *http.Request, data json.RawMessage) (wire.Event, error) {
	var e wire.Event
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("%w: data has a member of the wrong kind", core.ErrEvent)
	}
	// The secret is signed in the data and not in the path: what counts is what is signed.
	if e.SessionSecret == "" || string(e.SessionSecret) != r.PathValue("secret") {
		return e, fmt.Errorf("%w: session_secret is not the one in the path", core.ErrEvent)
	}
	for name, s := range map[string]wire.String{"status": e.Status, "sca_status": e.SCAStatus, "user_id": e.UserID} {
		if len(s) > textMax {
			return e, fmt.Errorf("%w: %s is too long", core.ErrEvent, name)
		}
	}
	return e, nil
}

// goesOn says whether e tells of a session that goes on. The data are signed, and the address
// is not: what a bank said in an update must not become a success, nor a success a failure,
// because somebody sends it to another address. The words of each are told apart, therefore.
func goesOn(e wire.Event) bool {
	return e.Status != "" || e.SCAStatus != "" || e.RedirectURL != "" || e.SessionExpiresAt != "" || e.FundsAvailable != nil ||
		e.SCAApproach != "" || e.SCAMethods != nil || e.ChosenSCAMethod != nil || e.ChallengeData != nil
}

func (h *hub) update(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	e, err := event(r, data)
	if err != nil {
		return nil, "", err
	}
	if e.RedirectURL != "" && !wire.BrowserURL(e.RedirectURL) {
		return nil, "", fmt.Errorf("%w: redirect_url is not an http or https address", core.ErrEvent)
	}
	u := core.Update{
		Session: string(e.SessionSecret), Status: string(e.Status), SCAStatus: string(e.SCAStatus), RedirectURL: string(e.RedirectURL),
		FundsAvailable: e.FundsAvailable, PSUMessage: shorten(e.Extra.Text("psu_message")), Items: turn.Items(e.Extra), Exemption: turn.Exemption(e.Exemption),
	}
	u.ExpiresAt, _ = wire.ParseTime(e.SessionExpiresAt) // a form nobody knows: the default holds
	if err := turn.SCA(e, &u); err != nil {
		return nil, "", fmt.Errorf("%w: %w", core.ErrEvent, err)
	}
	return struct{}{}, "", h.events.Update(r.Context(), b.code, u)
}

func (h *hub) success(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	e, err := event(r, data)
	if err != nil {
		return nil, "", err
	}
	if e.ErrorClass != "" || e.ErrorMessage != "" || e.UserID == "" && e.Token == "" && goesOn(e) {
		return nil, "", fmt.Errorf("%w: data is not that of a success", core.ErrEvent)
	}
	// Who took it for the end of the session would say that is paid what waits for others.
	if e.Partly() && !b.multilevel {
		return nil, "", fmt.Errorf("%w: others have to sign, which this connector does not declare (multilevel)", core.ErrEvent)
	}
	// The token goes back to the bank in a header of every read.
	if e.Token != "" && !wire.HeaderValue(string(e.Token)) {
		return nil, "", fmt.Errorf("%w: token cannot stand in a header", core.ErrEvent)
	}
	s := core.Success{Session: string(e.SessionSecret), UserID: string(e.UserID), Token: string(e.Token), Partly: e.Partly(), Exemption: turn.Exemption(e.Exemption)}
	if s.Granted, err = grant(e.Consent); err != nil {
		return nil, "", err
	}
	if e.DebtorAccount != nil {
		s.DebtorAccount = reference(*e.DebtorAccount)
	}
	return struct{}{}, "", h.events.Success(r.Context(), b.code, s)
}

func (h *hub) fail(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	e, err := event(r, data)
	if err != nil {
		return nil, "", err
	}
	ends := e.ErrorClass != "" || e.ErrorMessage != "" || e.RedirectURL == "" && e.SessionExpiresAt == "" && e.FundsAvailable == nil &&
		slices.Contains([]wire.String{"", "failed"}, e.SCAStatus) && slices.Contains([]wire.String{"", "RJCT", "CANC", "rejected"}, e.Status)
	if !ends || e.Token != "" || e.Consent != nil || e.DebtorAccount != nil {
		return nil, "", fmt.Errorf("%w: data is not that of a failure", core.ErrEvent)
	}
	return struct{}{}, "", h.events.Fail(r.Context(), b.code, core.Fail{
		Session: string(e.SessionSecret), Class: shorten(string(cmp.Or(e.ErrorClass, "InternalProviderError"))),
		Message: shorten(string(cmp.Or(e.ErrorMessage, "Internal error"))), Status: string(e.Status), UserID: string(e.UserID),
	})
}

// grant reads what the PSU gave access to; nil is what was asked for. Two empty lists mean
// every account, so a list that only became empty because none of its entries could be
// understood must not pass for one.
func grant(c *wire.Access) (*core.Grant, error) {
	switch {
	case c == nil || c.AllPSD2 == "" && c.Balances == nil && c.Transactions == nil:
		return nil, nil
	case c.AllPSD2 != "":
		return &core.Grant{AllPSD2: true}, nil
	}
	balances, lost := references(c.Balances)
	transactions, lost2 := references(c.Transactions)
	if len(balances)+len(transactions) == 0 && lost+lost2 > 0 {
		return nil, fmt.Errorf("%w: consent names no account in a way that is known", core.ErrEvent)
	}
	return &core.Grant{Balances: balances, Transactions: transactions}, nil
}

// references reads a list; entries that name nothing are left out and counted, for a known
// connector sends them for accounts without a number.
func references(list *[]wire.Account) (refs []core.AccountReference, lost int) {
	if list == nil {
		return nil, 0
	}
	for _, a := range *list {
		if r := reference(a); r.IsZero() {
			lost++
		} else {
			refs = append(refs, r)
		}
	}
	return refs, lost
}

// reference takes the best known identifier: a reference of ours has one.
func reference(a wire.Account) core.AccountReference {
	r := core.AccountReference{Currency: string(a.Currency)}
	switch {
	case a.IBAN != "":
		r.IBAN = string(a.IBAN)
	case a.BBAN != "" || a.BankAccountIdentifier != "":
		r.BBAN = string(cmp.Or(a.BBAN, a.BankAccountIdentifier))
	case a.MaskedPAN != "":
		r.MaskedPAN = string(a.MaskedPAN)
	case a.PAN != "":
		r.PAN = string(a.PAN)
	case a.MSISDN != "":
		r.MSISDN = string(a.MSISDN)
	}
	return r
}

// revoke ends an access at the wish of a PSU. The token comes in a header, of one name or
// the other, or in the data.
func (h *hub) revoke(funds bool) operation {
	return func(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
		var t wire.TokenOnly
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, "", fmt.Errorf("%w: data has a member of the wrong kind", core.ErrEvent)
		}
		token := cmp.Or(r.Header.Get(wire.HeaderToken), r.Header.Get(wire.HeaderAccessToken), string(t.Token))
		if token == "" {
			return nil, "", fmt.Errorf("%w: header Token is missing", core.ErrEvent)
		}
		return struct{}{}, "", h.events.Revoked(r.Context(), b.code, token, funds)
	}
}

// tokens lists what the hub holds at the bank.
func (h *hub) tokens(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	var q wire.TokenQuery
	if err := json.Unmarshal(data, &q); err != nil {
		return nil, "", fmt.Errorf("%w: data has a member of the wrong kind", core.ErrEvent)
	}
	// One more than a page is asked for: the first that is left out is where the next begins.
	const perPageMax = 99
	perPage := perPageMax
	if q.PerPage != "" {
		n, err := strconv.Atoi(string(q.PerPage))
		if err != nil || n < 1 {
			return nil, "", fmt.Errorf("%w: per_page is not a number from 1 to 100", core.ErrEvent)
		}
		perPage = min(n, perPageMax)
	}
	held, err := h.events.Tokens(r.Context(), b.code, core.TokenQuery{UserID: string(q.UserID), FromID: string(q.FromID), Limit: perPage + 1})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(held) > perPage {
		held, next = held[:perPage], held[perPage].ID
	}
	answers := []wire.TokenAnswer{}
	for _, t := range held {
		if q.Status != "" && string(q.Status) != t.Status {
			continue
		}
		service := "ais"
		if t.Funds {
			service = "piis"
		}
		answers = append(answers, wire.TokenAnswer{
			ID: t.ID, UserID: t.UserID, Service: service, Status: t.Status, AppName: t.AppName, ValidUntil: t.ValidUntil.String(),
			// The same numbers as in the headers of the hub's requests.
			ConsentID: strconv.FormatInt(wire.Number(t.ConsentID), 10), ClientID: strconv.FormatInt(wire.ClientNumber(t.TPP), 10),
			CreatedAt: t.CreatedAt.UTC().Format(time.RFC3339),
		})
	}
	return answers, next, nil
}

// shorten cuts s to what is kept of it, between characters.
func shorten(s string) string {
	if len(s) <= textMax {
		return s
	}
	cut := textMax
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "")
}
