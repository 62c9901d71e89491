package consenttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

// A Bank is a core.Bank in memory, for tests of what is above the port. It leads no PSU
// anywhere: a test plays her part by sending the events itself.
type Bank struct {
	Listed   []core.Account
	Cards    []core.CardAccount // nil: there is no such thing
	Booked   map[string][]Entry // by account ID, newest first, pending ones among them
	PageSize int                // of its own pages; 0: all on one
	URL      string             // of its page; "" is told later, or never

	mu      sync.Mutex
	err     error            // of every answer
	tokens  map[string]error // what it says of an access
	revoked []string         // tokens
	asked   []core.AccessRequest
	reads   int
}

// An Entry is one line of an account.
type Entry struct {
	ID, Amount, Currency, Date, Text string
	Pending                          bool
}

var _ core.Bank = (*Bank)(nil)

// Fail lets every later answer be err; nil makes the bank well again.
func (b *Bank) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// End lets the access with token be over in the way that err says.
func (b *Bank) End(token string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens == nil {
		b.tokens = map[string]error{}
	}
	b.tokens[token] = err
}

// Revoked lists the tokens whose access the hub has ended.
func (b *Bank) Revoked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.revoked)
}

// Asked lists the accesses that the hub has asked for.
func (b *Bank) Asked() []core.AccessRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// Reads counts the questions about accounts.
func (b *Bank) Reads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reads
}

func (b *Bank) open(a core.Access) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if b.err != nil {
		return b.err
	}
	return b.tokens[a.Token]
}

func (b *Bank) start(r core.AccessRequest) (*core.Update, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, r)
	if b.err != nil || b.URL == "" {
		return nil, b.err
	}
	return &core.Update{Status: "received", RedirectURL: b.URL}, nil
}

// StartAccess answers with the bank's page, where it has one.
func (b *Bank) StartAccess(_ context.Context, r core.AccessRequest) (*core.Update, error) {
	return b.start(r)
}

// StartFundsAccess does the same.
func (b *Bank) StartFundsAccess(_ context.Context, r core.FundsAccessRequest) (*core.Update, error) {
	return b.start(core.AccessRequest{Session: r.Session, ConsentID: r.ConsentID, Balances: []core.AccountReference{r.Account}})
}

// RevokeAccess notes the end.
func (b *Bank) RevokeAccess(_ context.Context, a core.Access) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.revoked = append(b.revoked, a.Token)
	}
	return b.err
}

// RevokeFundsAccess notes the end.
func (b *Bank) RevokeFundsAccess(ctx context.Context, a core.Access) error {
	a.Token = "funds/" + a.Token
	return b.RevokeAccess(ctx, a)
}

// Accounts lists what the test put in.
func (b *Bank) Accounts(_ context.Context, a core.Access) ([]core.Account, error) {
	return slices.Clone(b.Listed), b.open(a)
}

// CardAccounts lists what the test put in.
func (b *Bank) CardAccounts(_ context.Context, a core.Access) ([]core.CardAccount, error) {
	if b.Cards == nil {
		return nil, core.ErrNotOffered
	}
	return slices.Clone(b.Cards), b.open(a)
}

// Transactions yields one page; its cursors are positions.
func (b *Bank) Transactions(_ context.Context, a core.Access, q core.TransactionQuery, yield func(*core.Transaction) error) (string, error) {
	if err := b.open(a); err != nil {
		return "", err
	}
	all, ok := b.Booked[q.AccountID]
	if !ok {
		return "", core.ErrAccountUnknown
	}
	all = slices.DeleteFunc(slices.Clone(all), func(e Entry) bool {
		d, err := day.Parse(e.Date)
		return err == nil && (d.Before(q.From) || d.After(q.To))
	})
	from, _ := strconv.Atoi(q.Cursor)
	size := b.PageSize
	if size == 0 {
		size = len(all)
	}
	for i := from; i < min(from+size, len(all)); i++ {
		e := all[i]
		t := core.Transaction{
			ID: text(e.ID), Pending: e.Pending, Amount: text(e.Amount), Currency: text(e.Currency), Remittance: text(e.Text),
			CreditorName: text("Trgovina d.o.o."), CreditorAccount: core.TextAccount{IBAN: text("SI56191000000123438")},
		}
		if !e.Pending {
			t.BookingDate, t.ValueDate = text(e.Date), text(e.Date)
		}
		if err := yield(&t); err != nil {
			return "", err
		}
		copy(t.ID, "gone-gone-gone-gone") // it is only good until yield returns
	}
	if from+size >= len(all) {
		return "", nil
	}
	return strconv.Itoa(from + size), nil
}

// CardTransactions is not what this bank is for.
func (b *Bank) CardTransactions(context.Context, core.Access, core.TransactionQuery, func(*core.CardTransaction) error) (string, error) {
	return "", core.ErrNotOffered
}

// StandingOrders is not what this bank is for.
func (b *Bank) StandingOrders(context.Context, core.Access, string, func(*core.Transaction) error) error {
	return core.ErrNotOffered
}

// TrustedBeneficiaries is not what this bank is for.
func (b *Bank) TrustedBeneficiaries(context.Context, core.Access) ([]core.TrustedBeneficiary, error) {
	return nil, core.ErrNotOffered
}

// Refresh is not offered: what the test put in is as new as it can be.
func (b *Bank) Refresh(context.Context, core.Access, string) error { return core.ErrNotOffered }

// text makes a Text: the inside of a JSON string.
func text(s string) core.Text {
	if s == "" {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprint("a text that is none: ", err))
	}
	return b[1 : len(b)-1]
}

// StartPayment is not what this bank is for.
func (b *Bank) StartPayment(context.Context, core.PaymentOrder) (*core.Update, error) {
	return nil, core.ErrNotOffered
}

// FundsAvailable says that there are any funds up to a hundred.
func (b *Bank) FundsAvailable(_ context.Context, a core.Access, _ core.AccountReference, amount money.Amount) (bool, error) {
	return amount.Minor <= 100_00, b.open(a)
}

// StartLogin is not what this bank is for.
func (b *Bank) StartLogin(context.Context, core.LoginRequest) (*core.Update, error) {
	return nil, core.ErrNotOffered
}
