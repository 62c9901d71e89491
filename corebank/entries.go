package corebank

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/money"
)

const (
	// pageSize is how many entries the first page of a report holds, and pageSizeMax those
	// that follow: who asks for more will ask for all.
	pageSize    = 100
	pageSizeMax = 500
	// historyDays is what is told when the hub names no first day.
	historyDays = 90
)

// Transactions returns one page: what is pending first, then the booked entries of the
// period, newest first.
func (c connector) Transactions(ctx context.Context, token string, q wire.TransactionsQuery) (wire.List[wire.TransactionAnswer], error) {
	page := wire.List[wire.TransactionAnswer]{Data: []wire.TransactionAnswer{}}
	r, err := c.entriesOf(ctx, token, q, false)
	if err != nil {
		return page, err
	}
	made := make([]parts, len(r.holds)+len(r.entries))
	page.Data = make([]wire.TransactionAnswer, 0, len(made))
	for _, h := range r.holds {
		page.Data = append(page.Data, pendingAnswer(h, &made[len(page.Data)]))
	}
	for _, e := range r.entries {
		page.Data = append(page.Data, bookedAnswer(e, &made[len(page.Data)]))
	}
	page.Meta.NextID = wire.String(r.next)
	return page, nil
}

// A reportPage is one page of an account's report, and where the next one begins.
type reportPage struct {
	holds   []ledger.Hold
	entries []ledger.Entry
	next    string // empty on the last page
}

// entriesOf reads a page of an account, or of a card's account, when the access covers it.
func (c connector) entriesOf(ctx context.Context, token string, q wire.TransactionsQuery, card bool) (page reportPage, err error) {
	account := string(q.AccountID)
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return page, err
	}
	bundles, err := c.mayReport(ctx, acc, account, card)
	if err != nil {
		return page, err
	}
	from, to, err := c.period(q)
	if err != nil {
		return page, err
	}
	if bundles {
		return c.bundled(ctx, acc.Customer, account, from, to, string(q.FromID))
	}
	at, err := parseCursor(string(q.FromID))
	if err != nil {
		return page, err
	}
	newest, until, err := c.newest(ctx, account)
	if err != nil {
		return page, err
	}
	if newest != (ledger.Position{}) && (at.position == (ledger.Position{}) || at.position.After(newest)) {
		at.position = newest
	}
	room := pageSize
	if q.FromID != "" {
		room = pageSizeMax
	}
	if !at.booked {
		if page.holds, err = c.book.Holds(ctx, account, at.hold, room+1); err != nil {
			return page, err
		}
		if len(page.holds) > room {
			page.next = cursor{hold: page.holds[room-1].ID}.String()
			page.holds = page.holds[:room]
		}
		if !until.IsZero() {
			page.holds = slices.DeleteFunc(page.holds, func(h ledger.Hold) bool { return h.At.After(until) })
		}
		if page.next != "" {
			return page, nil
		}
	}
	room -= len(page.holds)
	if page.entries, err = c.book.Entries(ctx, account, from, to, at.position, room+1); err != nil {
		return page, err
	}
	if len(page.entries) > room {
		page.entries = page.entries[:room]
		if room > 0 {
			last := page.entries[room-1]
			at.position = ledger.Position{Booked: last.Booked, Seq: last.Seq}
		}
		page.next = cursor{booked: true, position: at.position}.String()
	}
	return page, nil
}

// mayReport returns ErrAccountUnknown unless acc covers the transactions of account, which
// is a card's or not; and whether it bundles others. A grant of all accounts names none: it
// covers this customer's and no others.
func (c connector) mayReport(ctx context.Context, acc access, id string, card bool) (bundles bool, err error) {
	granted, ok := acc.Granted.of(id)
	if !ok || !granted.Transactions || !isPlain(id) {
		return false, sdk.ErrAccountUnknown
	}
	var a account
	err = c.db.QueryRow(ctx, `SELECT type, currency FROM corebank_account WHERE bank = $1 AND customer = $2 AND id = $3`, c.code, acc.Customer, id).Scan(&a.Type, &a.Currency)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (a.Type == typeCard) != card {
		return false, sdk.ErrAccountUnknown
	}
	return a.bundles(), err
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
	balance    wire.BalanceAnswer
	remittance wire.Remittance
	party      wire.Party
	account    wire.Account
}

func bookedAnswer(e ledger.Entry, p *parts) wire.TransactionAnswer {
	var t wire.TransactionAnswer
	// One text holds all that is computed of an entry: a long report is made of many.
	var space [96]byte
	text := append(append(space[:0], e.Account...), '-')
	text = strconv.AppendInt(text, e.Seq, 10)
	idEnd := len(text)
	text = e.Amount.Append(text)
	amountEnd := len(text)
	text = money.Amount{Minor: e.Balance, Currency: e.Amount.Currency}.Append(text)
	all := wire.String(text)
	t.ID, t.Amount = all[:idEnd], all[idEnd:amountEnd]
	p.balance = wire.BalanceAnswer{Type: "interimBooked", Currency: wire.String(e.Amount.Currency), Amount: all[amountEnd:]}
	p.extra.BalanceAfterTransaction = &p.balance
	t.Status, t.BookingDate, t.ValueDate = "booked", wire.String(e.Booked), wire.String(e.Value)
	describe(&t, e.Amount, e.Details, p)
	return t
}

func pendingAnswer(h ledger.Hold, p *parts) wire.TransactionAnswer {
	amount := h.Amount.Neg()
	t := wire.TransactionAnswer{ID: wire.String("p-" + h.ID), Status: "pending", Amount: wire.String(amount.String()), ValueDate: wire.String(h.Value)}
	describe(&t, amount, h.Details, p)
	return t
}

// describe tells in t what d says of an amount.
func describe(t *wire.TransactionAnswer, amount money.Amount, d ledger.Details, p *parts) {
	t.Currency, t.EndToEndID, t.Extra = wire.String(amount.Currency), wire.String(d.EndToEnd), &p.extra
	p.extra.EntryReference, p.extra.BankTransactionCode = wire.String(d.Reference), wire.String(d.Code)
	p.remittance.Unstructured = wire.String(d.Text)
	if d.More != "" {
		describeMore(t, amount, d, p)
	}
	if p.remittance != (wire.Remittance{}) {
		t.RemittanceInformation = &p.remittance
	}
	if d.PartyName == "" && d.PartyIBAN == "" {
		return
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
}

// describeMore tells what only some entries have.
func describeMore(t *wire.TransactionAnswer, amount money.Amount, d ledger.Details, p *parts) {
	for word, text := range d.Words() {
		s := wire.String(text)
		switch word {
		case ledger.Mandate:
			p.extra.MandateID = s
		case ledger.CreditorID:
			p.extra.CreditorID = s
		case ledger.Purpose:
			p.extra.PurposeCode = s
		case ledger.Structured:
			p.remittance.Structured = s
		case ledger.UltimateDebtor:
			p.extra.UltimateDebtor = s
		case ledger.UltimateCreditor:
			p.extra.UltimateCreditor = s
		case ledger.Check:
			p.extra.CheckID = s
		case ledger.Additional:
			p.extra.AdditionalInformation = s
		case ledger.Agent:
			if amount.Minor < 0 {
				p.extra.CreditorAgent = s
			} else {
				p.extra.DebtorAgent = s
			}
		case ledger.Other:
			p.account.BBAN = s
			p.party.Account = &p.account
		case ledger.Of:
			p.extra.BatchNumberOfTransactions = s
		case ledger.Exchange:
			t.CurrencyExchange = append(t.CurrencyExchange, exchange(text))
		case ledger.Part:
			p.extra.EntryDetails = append(p.extra.EntryDetails, batchPart(text, amount))
		}
	}
	if n := len(p.extra.EntryDetails); n > 0 {
		yes := true
		p.extra.BatchIndicator = &yes
		if p.extra.BatchNumberOfTransactions == "" {
			p.extra.BatchNumberOfTransactions = wire.String(strconv.Itoa(n))
		}
	}
}

func exchange(text string) wire.Exchange {
	var contract, rate, quoted, source, target, unit string
	ledger.Split(text, &contract, &rate, &quoted, &source, &target, &unit)
	return wire.Exchange{
		ContractIdentification: wire.String(contract), ExchangeRate: wire.String(rate), QuotationDate: wire.String(quoted),
		SourceCurrency: wire.String(source), TargetCurrency: wire.String(target), UnitCurrency: wire.String(unit),
	}
}

// batchPart is one payment of a batch. It is told like an entry, without what the batch says.
func batchPart(text string, batch money.Amount) wire.TransactionAnswer {
	var amount, purpose, structured string
	var d ledger.Details
	ledger.Split(text, &amount, &d.PartyName, &d.PartyIBAN, &d.EndToEnd, &d.Text, &structured, &purpose)
	t := wire.TransactionAnswer{Amount: wire.String(amount)}
	describe(&t, batch, d.With(ledger.Structured, structured).With(ledger.Purpose, purpose), &parts{})
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
