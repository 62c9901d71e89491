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

	// What not every bank offers; nil: this one does not.
	CardEntries   map[string][]Entry // by card ID
	Standing      map[string][]Entry // by account ID; Date is the first day
	Beneficiaries []core.TrustedBeneficiary
	OnRefresh     func(session string) error
	OnStep        func(context.Context, core.SCAStep) (*core.Update, error)
	OnConfirm     func(context.Context, core.Confirmation) (*core.Update, error)

	mu      sync.Mutex
	err     error            // of every answer
	tokens  map[string]error // what it says of an access
	revoked []string         // tokens
	asked   []core.AccessRequest
	signed  []core.Signature
	funds   []core.FundsAccessRequest
	reads   int
	well    int // reads until err; 0: err counts at once
}

// An Entry is one line of an account.
type Entry struct {
	ID, Amount, Currency, Date, Text string
	Pending                          bool
	Reference                        string // entryReference
	After                            string // balance after it
}

var _ core.Bank = (*Bank)(nil)

// Fail lets every later answer be err; nil makes the bank well again.
func (b *Bank) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// FailAfter lets n more answers about accounts be well, and every one after them be err.
func (b *Bank) FailAfter(n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.well, b.err = n, err
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

// AskedForFunds lists the accesses to confirm funds that the hub has asked for.
func (b *Bank) AskedForFunds() []core.FundsAccessRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.funds)
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
	if b.well > 0 {
		b.well--
	} else if b.err != nil {
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
	b.mu.Lock()
	b.funds = append(b.funds, r)
	b.mu.Unlock()
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
	return b.page(a, b.Booked, q, func(e Entry) error {
		t := core.Transaction{
			ID: text(e.ID), Pending: e.Pending, Amount: text(e.Amount), Currency: text(e.Currency), Remittance: text(e.Text),
			CreditorName: text("Trgovina d.o.o."), CreditorAccount: core.TextAccount{IBAN: text("SI56191000000123438")}, EntryReference: text(e.Reference),
		}
		if !e.Pending {
			t.BookingDate, t.ValueDate = text(e.Date), text(e.Date)
		}
		if e.After != "" {
			t.BalanceAfter = core.TextBalance{Type: text("interimBooked"), Amount: text(e.After), Currency: t.Currency}
		}
		err := yield(&t)
		copy(t.ID, "gone-gone-gone-gone") // it is only good until yield returns
		return err
	})
}

// CardTransactions does the same for cards.
func (b *Bank) CardTransactions(_ context.Context, a core.Access, q core.TransactionQuery, yield func(*core.CardTransaction) error) (string, error) {
	if b.CardEntries == nil {
		return "", core.ErrNotOffered
	}
	return b.page(a, b.CardEntries, q, func(e Entry) error {
		t := core.CardTransaction{
			ID: text(e.ID), Pending: e.Pending, Amount: text(e.Amount), Currency: text(e.Currency), Details: text(e.Text),
			TransactionDate: text(e.Date), MerchantCategory: text("5411"), AcceptorAddress: core.TextAddress{TownName: text("Ljubljana"), Country: text("SI")},
		}
		if !e.Pending {
			t.BookingDate = text(e.Date)
		}
		return yield(&t)
	})
}

func (b *Bank) page(a core.Access, entries map[string][]Entry, q core.TransactionQuery, yield func(Entry) error) (string, error) {
	if err := b.open(a); err != nil {
		return "", err
	}
	all, ok := entries[q.AccountID]
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
		if err := yield(all[i]); err != nil {
			return "", err
		}
	}
	if from+size >= len(all) {
		return "", nil
	}
	return strconv.Itoa(from + size), nil
}

// StandingOrders yields what the test put in, each paid monthly.
func (b *Bank) StandingOrders(_ context.Context, a core.Access, accountID string, yield func(*core.Transaction) error) error {
	if b.Standing == nil {
		return core.ErrNotOffered
	}
	if err := b.open(a); err != nil {
		return err
	}
	for _, e := range b.Standing[accountID] {
		err := yield(&core.Transaction{
			ID: text(e.ID), Amount: text(e.Amount), Currency: text(e.Currency), Remittance: text(e.Text), BankTransactionCode: text("PMNT-ICDT-STDO"),
			Standing: &core.StandingOrder{StartDate: text(e.Date), Frequency: text("Monthly"), DayOfExecution: text("1")},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TrustedBeneficiaries lists what the test put in.
func (b *Bank) TrustedBeneficiaries(_ context.Context, a core.Access) ([]core.TrustedBeneficiary, error) {
	if b.Beneficiaries == nil {
		return nil, core.ErrNotOffered
	}
	return slices.Clone(b.Beneficiaries), b.open(a)
}

// Refresh is what the test wants it to be.
func (b *Bank) Refresh(_ context.Context, a core.Access, session string) error {
	if b.OnRefresh == nil {
		return core.ErrNotOffered
	}
	if err := b.open(a); err != nil {
		return err
	}
	return b.OnRefresh(session)
}

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

// Authorise takes the steps that OnStep takes.
func (b *Bank) Authorise(ctx context.Context, s core.SCAStep) (*core.Update, error) {
	if b.OnStep == nil {
		return nil, core.ErrNotOffered
	}
	return b.OnStep(ctx, s)
}

// Confirm goes on as OnConfirm does.
func (b *Bank) Confirm(ctx context.Context, c core.Confirmation) (*core.Update, error) {
	if b.OnConfirm == nil {
		return nil, core.ErrNotOffered
	}
	return b.OnConfirm(ctx, c)
}

func (b *Bank) StartBasket(context.Context, core.BasketOrder) (*core.Update, error) {
	return nil, core.ErrNotOffered
}

// StartSignature takes note that another PSU is to sign.
func (b *Bank) StartSignature(_ context.Context, r core.Signature) (*core.Update, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	b.signed = append(b.signed, r)
	return &core.Update{RedirectURL: "https://bank.example/sign/" + strconv.Itoa(len(b.signed))}, nil
}

func (b *Bank) CancelPayment(context.Context, core.Cancellation) (*core.Update, error) {
	return nil, core.ErrNotOffered
}

func (b *Bank) PaymentStatus(context.Context, string, string) (*core.Update, error) {
	return nil, core.ErrNotOffered
}

func (b *Bank) VerifyPayees(context.Context, core.PayeeQuery) ([]core.PayeeResult, error) {
	return nil, core.ErrNotOffered
}
