package corebank

import (
	"cmp"
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/jacoelho/banking/iban"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// A connector is the bank as the hub sees it.
type connector struct{ *Bank }

var (
	_ sdk.Bank               = connector{}
	_ sdk.Payments           = connector{}
	_ sdk.FundsConfirmations = connector{}
	_ sdk.Cards              = connector{}
	_ sdk.Logins             = connector{}
)

const (
	// pageSize is how many transactions one answer holds.
	pageSize = 100
	// historyDays is what is told when the hub names no first day.
	historyDays = 90
)

// StartAccess invites the customer to choose accounts.
func (c connector) StartAccess(ctx context.Context, r wire.TokenCreate) error {
	j, err := c.newJourney(kindAccess, r.SessionSecret, r.AppName, r.RedirectURL)
	if err != nil {
		return err
	}
	until := string(r.ValidUntil)
	if until != "" {
		if d, err := day.Parse(until); err != nil || d.Before(c.today()) {
			return sdk.ErrInvalid
		}
	}
	j.Request = request{Access: &r.Access, ValidUntil: until}
	if len(j.Request.named()) > 1000 {
		return sdk.ErrInvalid
	}
	return c.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return c.invite(tx, out, j) })
}

// RevokeAccess ends an access for the hub; a second time is ErrAccessDenied.
func (c connector) RevokeAccess(ctx context.Context, token string) error {
	return c.revoke(ctx, token, serviceAccounts)
}

// Accounts lists what the access covers, cards apart.
func (c connector) Accounts(ctx context.Context, token string) ([]wire.AccountAnswer, error) {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return nil, err
	}
	all, err := c.accountsOf(ctx, acc.Customer)
	if err != nil {
		return nil, err
	}
	answers := []wire.AccountAnswer{}
	for _, a := range all {
		granted, ok := acc.Granted.of(a.ID)
		if !ok || a.Type == typeCard {
			continue
		}
		answer := wire.AccountAnswer{
			ID: wire.String(a.ID), Name: wire.String(a.Product), Product: wire.String(a.Product), Currency: wire.String(a.Currency), CashAccountType: wire.String(a.Type),
			IBAN: wire.String(a.IBAN), OwnerName: wire.String(a.Owner), Status: "enabled",
		}
		if granted.Balances {
			answer.Balances = c.balances(a)
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func (c connector) balances(a account) []wire.BalanceAnswer {
	included := false
	today := wire.String(c.today().String())
	balance := func(kind string, amount money.Amount, date wire.String) wire.BalanceAnswer {
		return wire.BalanceAnswer{Type: wire.String(kind), Currency: wire.String(amount.Currency), Amount: wire.String(amount.String()), ReferenceDate: date, CreditLimitIncluded: &included}
	}
	booked := money.Amount{Minor: a.Booked, Currency: a.Currency}
	return []wire.BalanceAnswer{
		balance("interimAvailable", a.Available(), today),
		balance("interimBooked", booked, today),
		balance("closingBooked", a.ClosingBefore(c.today()), wire.String(c.today().AddDays(-1).String())),
	}
}

// CardAccounts lists the cards that the access covers.
func (c connector) CardAccounts(ctx context.Context, token string) ([]wire.CardAnswer, error) {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return nil, err
	}
	all, err := c.accountsOf(ctx, acc.Customer)
	if err != nil {
		return nil, err
	}
	answers := []wire.CardAnswer{}
	for _, a := range all {
		granted, ok := acc.Granted.of(a.ID)
		if !ok || a.Type != typeCard {
			continue
		}
		amount := func(minor int64) wire.Amount {
			return wire.Amount{Amount: wire.String(money.Amount{Minor: minor, Currency: a.Currency}.String()), Currency: wire.String(a.Currency)}
		}
		limit := amount(a.CreditLimit)
		answer := wire.CardAnswer{
			ID: wire.String(a.ID), Name: wire.String(a.Product), Product: wire.String(a.Product), MaskedPAN: wire.String(a.PAN),
			Currency: wire.String(a.Currency), Status: "enabled", CreditLimit: &limit, Balances: []wire.CardBalanceAnswer{},
		}
		if granted.Balances {
			answer.Balances = append(answer.Balances,
				wire.CardBalanceAnswer{BalanceType: "interimBooked", BalanceAmount: amount(a.Booked)},
				wire.CardBalanceAnswer{BalanceType: "interimAvailable", BalanceAmount: amount(a.Spendable())})
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// Transactions returns one page: what is pending first, then the booked entries of the
// period, newest first.
func (c connector) Transactions(ctx context.Context, token string, q wire.TransactionsQuery) (wire.List[wire.TransactionAnswer], error) {
	page := wire.List[wire.TransactionAnswer]{Data: []wire.TransactionAnswer{}}
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return page, err
	}
	granted, ok := acc.Granted.of(string(q.AccountID))
	if !ok || !granted.Transactions || !isPlain(string(q.AccountID)) {
		return page, sdk.ErrAccountUnknown
	}
	// A grant of all accounts names none: it covers this customer's and no others.
	if owned, err := c.owns(ctx, acc.Customer, string(q.AccountID)); err != nil || !owned {
		return page, cmp.Or(err, sdk.ErrAccountUnknown)
	}
	from, to, err := c.period(q)
	if err != nil {
		return page, err
	}
	at, err := parseCursor(string(q.FromID))
	if err != nil {
		return page, err
	}
	made := make([]parts, pageSize)
	page.Data = make([]wire.TransactionAnswer, 0, pageSize)
	if !at.booked {
		holds, err := c.book.Holds(ctx, string(q.AccountID), at.hold, pageSize+1)
		if err != nil {
			return page, err
		}
		for i, h := range holds {
			if i == pageSize {
				page.Meta.NextID = wire.String(cursor{hold: holds[i-1].ID}.String())
				return page, nil
			}
			page.Data = append(page.Data, pendingAnswer(h, &made[len(page.Data)]))
		}
	}
	room := pageSize - len(page.Data)
	entries, err := c.book.Entries(ctx, string(q.AccountID), from, to, at.position, room+1)
	if err != nil {
		return page, err
	}
	for i, e := range entries {
		if i == room {
			if i > 0 {
				at.position = ledger.Position{Booked: entries[i-1].Booked, Seq: entries[i-1].Seq}
			}
			page.Meta.NextID = wire.String(cursor{booked: true, position: at.position}.String())
			break
		}
		page.Data = append(page.Data, bookedAnswer(e, &made[len(page.Data)]))
	}
	return page, nil
}

func (c connector) owns(ctx context.Context, customer, account string) (bool, error) {
	var n int
	err := c.db.QueryRow(ctx, `SELECT COUNT(*) FROM corebank_account WHERE bank = $1 AND customer = $2 AND id = $3 AND type <> $4`,
		c.code, customer, account, typeCard).Scan(&n)
	return n == 1, err
}

func (c connector) period(q wire.TransactionsQuery) (from, to day.Day, err error) {
	to = c.today()
	if q.ToDate != "" {
		if to, err = day.Parse(string(q.ToDate)); err != nil {
			return from, to, sdk.ErrInvalid
		}
	}
	from = to.AddDays(-historyDays)
	if q.FromDate != "" {
		if from, err = day.Parse(string(q.FromDate)); err != nil {
			return from, to, sdk.ErrInvalid
		}
	}
	if to.Before(from) {
		return from, to, sdk.ErrInvalid
	}
	return from, to, nil
}

// parts are what an entry's answer points to. A page takes them from one array.
type parts struct {
	extra      wire.TransactionExtra
	remittance wire.Remittance
	party      wire.Party
	account    wire.Account
}

func bookedAnswer(e ledger.Entry, p *parts) wire.TransactionAnswer {
	t := answer(e.Amount, e.Details, p)
	t.ID, t.Status = wire.String(e.Account+"-"+strconv.FormatInt(e.Seq, 10)), "booked"
	t.BookingDate, t.ValueDate = wire.String(e.Booked), wire.String(e.Value)
	return t
}

func pendingAnswer(h ledger.Hold, p *parts) wire.TransactionAnswer {
	t := answer(h.Amount.Neg(), h.Details, p)
	t.ID, t.Status, t.ValueDate = wire.String("p-"+h.ID), "pending", wire.String(h.Value)
	return t
}

func answer(amount money.Amount, d ledger.Details, p *parts) wire.TransactionAnswer {
	p.extra = wire.TransactionExtra{EntryReference: wire.String(d.Reference), BankTransactionCode: wire.String(d.Code)}
	t := wire.TransactionAnswer{
		Amount: wire.String(amount.String()), Currency: wire.String(amount.Currency), EndToEndID: wire.String(d.EndToEnd), Extra: &p.extra,
	}
	if d.Text != "" {
		p.remittance.Unstructured = wire.String(d.Text)
		t.RemittanceInformation = &p.remittance
	}
	if d.PartyName == "" && d.PartyIBAN == "" {
		return t
	}
	p.party.Name = wire.String(d.PartyName)
	if d.PartyIBAN != "" {
		p.account.IBAN = wire.String(d.PartyIBAN)
		p.party.Account = &p.account
	}
	if amount.Minor < 0 {
		t.CreditorDetails = &p.party
	} else {
		t.DebtorDetails = &p.party
	}
	return t
}

// A cursor is where the next page begins: after a hold, or after a booked entry. What it
// names is there for good, so a page never shifts when something new is booked.
type cursor struct {
	hold     string
	booked   bool
	position ledger.Position
}

func (c cursor) String() string {
	s := "h:" + c.hold
	if c.booked {
		s = "e:" + c.position.Booked + ":" + strconv.FormatInt(c.position.Seq, 10)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(s))
}

func parseCursor(s string) (cursor, error) {
	if s == "" {
		return cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) > 200 || !isPlain(string(raw)) {
		return cursor{}, sdk.ErrInvalid
	}
	parts := strings.SplitN(string(raw), ":", 3)
	switch {
	case len(parts) == 2 && parts[0] == "h":
		return cursor{hold: parts[1]}, nil
	case len(parts) == 3 && parts[0] == "e" && parts[1] == "": // a page full of holds came before
		return cursor{booked: true}, nil
	case len(parts) == 3 && parts[0] == "e":
		seq, err := strconv.ParseInt(parts[2], 10, 64)
		if _, err2 := day.Parse(parts[1]); err != nil || err2 != nil {
			return cursor{}, sdk.ErrInvalid
		}
		return cursor{booked: true, position: ledger.Position{Booked: parts[1], Seq: seq}}, nil
	}
	return cursor{}, sdk.ErrInvalid
}

// StartFundsAccess invites the customer to allow checks of funds.
func (c connector) StartFundsAccess(ctx context.Context, r wire.FundsTokenCreate) error {
	j, err := c.newJourney(kindFunds, r.SessionSecret, r.AppName, r.RedirectURL)
	if err != nil {
		return err
	}
	if r.Account == (wire.Account{}) {
		return sdk.ErrInvalid
	}
	j.Request = request{Account: &r.Account}
	return c.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return c.invite(tx, out, j) })
}

// RevokeFundsAccess ends an access for the hub; a second time is ErrAccessDenied.
func (c connector) RevokeFundsAccess(ctx context.Context, token string) error {
	return c.revoke(ctx, token, serviceFunds)
}

// FundsAvailable says whether the amount is there now, and nothing else about the account.
func (c connector) FundsAvailable(ctx context.Context, token string, q wire.FundsCheck) (bool, error) {
	acc, err := c.accessOf(ctx, token, serviceFunds)
	if err != nil {
		return false, err
	}
	if acc.Granted.Named == nil || *acc.Granted.Named != q.Account || len(acc.Granted.Accounts) != 1 {
		return false, sdk.ErrInvalid
	}
	amount, err := money.Parse(string(q.InstructedAmount.Amount), string(q.InstructedAmount.Currency))
	if err != nil || amount.Minor < 0 {
		return false, sdk.ErrInvalid
	}
	a, err := c.book.Account(ctx, acc.Granted.Accounts[0].ID)
	if err != nil {
		return false, err
	}
	if a.Currency != amount.Currency {
		return false, sdk.ErrInvalid
	}
	return a.Spendable() >= amount.Minor, nil
}

// StartLogin invites the customer to log in and nothing more.
func (c connector) StartLogin(ctx context.Context, r wire.LoginCreate) error {
	j, err := c.newJourney(kindLogin, r.SessionSecret, r.AppName, r.RedirectURL)
	if err != nil {
		return err
	}
	if j.Request.IBAN = plainIBAN(r.IBAN); j.Request.IBAN != "" && iban.Validate(j.Request.IBAN) != nil {
		return sdk.ErrInvalid
	}
	return c.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return c.invite(tx, out, j) })
}
