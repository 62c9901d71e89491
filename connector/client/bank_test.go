package client

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/core/coretest"
	"kontor/connector/jws"
	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/edge/callback"
	"kontor/kit/day"
	"kontor/kit/money"
)

// Two keys serve all tests: making one takes longer than using it.
var (
	hubKey  = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	bankKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
)

func newKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

const (
	iban    = "SI56020170014356205"
	entries = 250

	together = "SI56191000000123438" // two have to sign for it
)

// A book is a bank in memory behind the SDK. It implements everything the SDK knows.
type book struct {
	hub    sdk.HubCaller
	mu     sync.Mutex
	kinds  map[string]string // of sessions
	tokens map[string]string // kind, or "revoked"
	funds  map[string]wire.Account
	bulks  []wire.Bulk
	parts  map[string][]string // sessions of a basket's members
	scas   map[wire.String]*sca
	holds  map[string]string // sessions that have to be confirmed: "asked", "held", or how they ended
}

func (b *book) begin(ctx context.Context, kind string, secret wire.String) error {
	b.mu.Lock()
	b.kinds[string(secret)] = kind
	b.mu.Unlock()
	status := map[bool]wire.String{true: "RCVD", false: "received"}[kind == "payment"]
	return b.hub.Update(ctx, wire.Event{SessionSecret: secret, Status: status, RedirectURL: "https://bank.example/sca/" + secret})
}

func (b *book) StartAccess(ctx context.Context, r wire.TokenCreate) error {
	if r.Access.Balances == nil || r.ProviderCode != "lon" || r.AuthorizationType != "oauth" {
		return sdk.ErrInvalid
	}
	return b.begin(ctx, "access", r.SessionSecret)
}

func (b *book) StartPayment(ctx context.Context, p wire.PaymentCreate) error {
	if p.SCAApproach != "" {
		s := &sca{approach: p.SCAApproach, login: p.PSUID}
		b.mu.Lock()
		b.scas[p.SessionSecret] = s
		b.mu.Unlock()
		return b.hub.Update(ctx, s.event(p.SessionSecret))
	}
	if p.ConfirmationRequired {
		b.mu.Lock()
		b.holds[string(p.SessionSecret)] = "asked"
		b.mu.Unlock()
	}
	one := p.Payment
	if p.Bulk != nil {
		one = p.Bulk.Payments[0]
		b.mu.Lock()
		b.bulks = append(b.bulks, *p.Bulk)
		b.mu.Unlock()
	} else if one.EndToEndIdentification != "NOTPROVIDED" {
		return sdk.ErrInvalid
	}
	if d := one.DebtorAccount; d != nil && d.IBAN == together {
		return b.begin(ctx, "together", p.SessionSecret)
	}
	if p.Periodic != nil && (p.Periodic.Frequency != "Monthly" || p.Periodic.DayOfExecution != "5") || p.PaymentIdentification <= 0 || one.CreditorAddress.TownName != "Maribor" {
		return sdk.ErrInvalid
	}
	return b.begin(ctx, "payment", p.SessionSecret)
}

func (b *book) StartBasket(ctx context.Context, r wire.BasketCreate) error {
	var members []string
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range r.Payments {
		if p.RedirectURL != r.RedirectURL || p.AppName != "Saldo" || p.PSUIPAddress != "192.0.2.7" || p.PaymentIdentification <= 0 {
			return sdk.ErrInvalid
		}
		b.kinds[string(p.SessionSecret)] = "payment"
		members = append(members, string(p.SessionSecret))
	}
	for _, a := range r.Accesses {
		if a.RedirectURL != r.RedirectURL || a.AppName != "Saldo" || a.ConsentIdentification <= 0 {
			return sdk.ErrInvalid
		}
		b.kinds[string(a.SessionSecret)] = "access"
		members = append(members, string(a.SessionSecret))
	}
	b.parts[string(r.SessionSecret)] = members
	return b.hub.Update(ctx, wire.Event{SessionSecret: r.SessionSecret, Status: "RCVD", RedirectURL: "https://bank.example/sca/" + r.SessionSecret})
}

// StartSignature takes the signature of a second PSU.
func (b *book) StartSignature(ctx context.Context, r wire.SignatureCreate) error {
	b.mu.Lock()
	waits := b.kinds[string(r.Signs)] == "signed"
	b.parts[string(r.SessionSecret)] = []string{string(r.Signs)}
	b.mu.Unlock()
	if !waits {
		return sdk.ErrInvalid
	}
	return b.begin(ctx, "signature", r.SessionSecret)
}

// sign notes what a session of several signatures comes to, and says so in e.
func (b *book) sign(session string, yes bool, e *wire.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.kinds[session] {
	case "together":
		if e.Status = wire.StatusPartly; yes {
			b.kinds[session] = "signed"
		}
	case "signature":
		e.UserID, b.kinds[b.parts[session][0]], b.parts[session] = "18", "over", nil
	}
}

func (b *book) PaymentServices() []string { return []string{"bulk-payments", "periodic-payments"} }

func (b *book) payment(secret wire.String) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kinds[string(secret)] != "payment" {
		return fmt.Errorf("%w: no row", sdk.ErrPaymentUnknown)
	}
	return nil
}

func (b *book) CancelPayment(ctx context.Context, r wire.PaymentCancel) error {
	if err := b.payment(r.PaymentSession); err != nil {
		return err
	}
	return b.begin(ctx, "cancellation", r.SessionSecret)
}

func (b *book) PaymentStatus(_ context.Context, q wire.PaymentQuery) (wire.Event, error) {
	return wire.Event{Status: "ACTC", SCAStatus: "finalised"}, b.payment(q.SessionSecret)
}

func (b *book) StartFundsAccess(ctx context.Context, r wire.FundsTokenCreate) error {
	b.mu.Lock()
	b.funds[string(r.SessionSecret)] = r.Account
	b.mu.Unlock()
	return b.begin(ctx, "funds", r.SessionSecret)
}

func (b *book) StartLogin(ctx context.Context, r wire.LoginCreate) error {
	return b.begin(ctx, "login", r.SessionSecret)
}

func (b *book) decide(t *testing.T, session string, yes bool) {
	e := wire.Event{SessionSecret: wire.String(session), UserID: "17"}
	b.sign(session, yes, &e)
	if !yes {
		e.ErrorClass = "AccessDenied"
		if err := b.hub.Fail(t.Context(), e); err != nil {
			t.Error(err)
		}
		return
	}
	b.mu.Lock()
	asked := b.holds[session] == "asked"
	if asked {
		b.holds[session] = "held"
	}
	b.mu.Unlock()
	if asked {
		e.UserID, e.SCAStatus, e.ConfirmationCodeSHA256 = "", "unconfirmed", wire.String(strings.Repeat("0a", 32))
		if err := b.hub.Update(t.Context(), e); err != nil {
			t.Error(err)
		}
		return
	}
	b.mu.Lock()
	parts := b.parts[session]
	if kind := b.kinds[session]; kind == "access" || kind == "funds" {
		e.Token = wire.String("token-" + session)
		b.tokens[string(e.Token)] = kind
	}
	b.mu.Unlock()
	if err := b.hub.Success(t.Context(), e); err != nil {
		t.Error(err)
	}
	for _, part := range parts {
		b.decide(t, part, true)
	}
}

func (b *book) check(token, kind string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.tokens[token] {
	case kind:
		return nil
	case "revoked":
		return sdk.ErrAccessDenied
	}
	return sdk.ErrTokenUnknown
}

func (b *book) revoke(token, kind string) error {
	if err := b.check(token, kind); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens[token] = "revoked"
	return nil
}

func (b *book) RevokeAccess(_ context.Context, token string) error { return b.revoke(token, "access") }

func (b *book) RevokeFundsAccess(_ context.Context, token string) error {
	return b.revoke(token, "funds")
}

func (b *book) Accounts(_ context.Context, token string) ([]wire.AccountAnswer, error) {
	return []wire.AccountAnswer{{ID: "a/1", Name: "Osebni račun", Currency: "EUR", CashAccountType: "CACC", IBAN: iban,
		Balances: []wire.BalanceAnswer{{Type: "interimAvailable", Currency: "EUR", Amount: "1000.00"}}}}, b.check(token, "access")
}

func (b *book) CardAccounts(_ context.Context, token string) ([]wire.CardAnswer, error) {
	return []wire.CardAnswer{{ID: "c1", Name: "Visa", MaskedPAN: "453201******7215", Currency: "EUR", Status: "enabled",
		CreditLimit: &wire.Amount{Amount: "1500", Currency: "EUR"}, Balances: []wire.CardBalanceAnswer{{BalanceType: "interimBooked", BalanceAmount: wire.Amount{Amount: "-12.30", Currency: "EUR"}}}}}, b.check(token, "access")
}

func (b *book) Transactions(_ context.Context, token string, q wire.TransactionsQuery) (page wire.List[wire.TransactionAnswer], err error) {
	if err := b.check(token, "access"); err != nil {
		return page, err
	}
	if q.AccountID != "a/1" {
		return page, sdk.ErrAccountUnknown
	}
	from, _ := strconv.Atoi(string(q.FromID))
	for i := from; i < min(from+100, entries); i++ {
		page.Data = append(page.Data, entry(i))
	}
	if from+100 < entries {
		page.Meta.NextID = wire.String(strconv.Itoa(from + 100))
	}
	return page, nil
}

func (b *book) CardTransactions(_ context.Context, token string, q wire.TransactionsQuery) (page wire.List[wire.CardTransactionAnswer], err error) {
	if err := b.check(token, "access"); err != nil {
		return page, err
	}
	if q.AccountID != "c1" {
		return page, sdk.ErrAccountUnknown
	}
	from, _ := strconv.Atoi(string(q.FromID))
	for i := from; i < min(from+20, 50); i++ {
		date := wire.String(day.New(2026, 11, 20).AddDays(-i).String())
		page.Data = append(page.Data, wire.CardTransactionAnswer{
			ID: wire.String(fmt.Sprintf("k%06d", i)), TransactionDate: date, BookingDate: date, Status: "booked", Amount: "-4.20", Currency: "EUR", TransactionDetails: "Pekarna \"Pri lipi\"",
			CardAcceptorAddress: &wire.CardAddress{City: "Kranj", Country: "SI"}, MerchantCategoryCode: "5462", MaskedPAN: "453201******7215",
		})
	}
	if from+20 < 50 {
		page.Meta.NextID = wire.String(strconv.Itoa(from + 20))
	}
	return page, nil
}

func (b *book) StandingOrders(_ context.Context, token, accountID string) ([]wire.TransactionAnswer, error) {
	if err := b.check(token, "access"); err != nil {
		return nil, err
	}
	if accountID != "a/1" {
		return nil, sdk.ErrAccountUnknown
	}
	return []wire.TransactionAnswer{{ID: "o1", Amount: "-450.00", Currency: "EUR", CreditorDetails: &wire.Party{Name: "Stanovanjski sklad", Account: &wire.Account{IBAN: iban}},
		Extra: &wire.TransactionExtra{StandingOrder: &wire.StandingOrder{StartDate: "2026-01-05", Frequency: "Monthly", DayOfExecution: "5"}}}}, nil
}

func (b *book) TrustedBeneficiaries(_ context.Context, token string) ([]wire.TrustedBeneficiary, error) {
	return []wire.TrustedBeneficiary{{ID: "b1", CreditorName: "Zavod Zimzelen", CreditorAccount: wire.Account{IBAN: "SI56191000000123438"}}}, b.check(token, "access")
}

func (b *book) Refresh(ctx context.Context, token string, r wire.SessionOnly) error {
	if err := b.check(token, "access"); err != nil {
		return err
	}
	return b.hub.Success(ctx, wire.Event{SessionSecret: r.SessionSecret, Extra: wire.Extra{}})
}

// A modest bank does what every bank must, and payments and funds.
type modest struct {
	sdk.Bank
	sdk.Payments
	sdk.FundsConfirmations
}

func entry(i int) wire.TransactionAnswer {
	date := wire.String(day.New(2026, 11, 20).AddDays(-i / 4).String())
	return wire.TransactionAnswer{
		ID: wire.String(fmt.Sprintf("t%06d", i)), Amount: wire.String(fmt.Sprintf("-%d.%02d", 10+i, i%100)), Currency: "EUR", Status: "booked", BookingDate: date, ValueDate: date,
		EndToEndID:            wire.String(fmt.Sprintf("E2E-%08d", i)),
		CreditorDetails:       &wire.Party{Name: "Trgovina \"Pri lipi\" d.o.o.", Account: &wire.Account{IBAN: iban}},
		RemittanceInformation: &wire.Remittance{Unstructured: "Račun št. 2026-00017, hvala za nakup"},
		Extra:                 &wire.TransactionExtra{EntryReference: "R1", BankTransactionCode: "PMNT-ICDT-ESCT"},
	}
}

func (b *book) FundsAvailable(_ context.Context, token string, q wire.FundsCheck) (bool, error) {
	if err := b.check(token, "funds"); err != nil {
		return false, err
	}
	if q.Account != b.funds[string(q.SessionSecret)] {
		return false, sdk.ErrInvalid
	}
	amount, err := money.Parse(string(q.InstructedAmount.Amount), string(q.InstructedAmount.Currency))
	return amount.Minor <= 100000, err
}

// VerifyPayees knows one account, and answers from the end.
func (b *book) VerifyPayees(_ context.Context, q wire.PayeesVerify) (answers []wire.PayeeAnswer, err error) {
	for _, p := range slices.Backward(q.Payees) {
		a := wire.PayeeAnswer{ID: p.ID}
		switch {
		case p.Account.IBAN != iban:
			continue
		case p.Name == "Ana Novak":
			a.Match = wire.PayeeMatch
		case p.Name == "A. Novak":
			a.PayeeVerification = wire.PayeeVerification{Match: wire.PayeeClose, Name: "Ana Novak"}
		default:
			a.PayeeVerification = wire.PayeeVerification{Match: wire.PayeeNone, Name: "Ana Novak"} // careless
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// open joins a client and a book by two listeners, as hub and bank are.
func open(t *testing.T, events core.Events) coretest.Fixture {
	f := join(t, events, func(b *book) sdk.Bank { return b }, everything)
	f.Offers = []coretest.Offer{coretest.Logins, coretest.Cards, coretest.CardTransactions, coretest.StandingOrders, coretest.Beneficiaries, coretest.Refresh,
		coretest.Bulks, coretest.Periodics, coretest.Cancellations, coretest.PaymentStatus, coretest.Payees, coretest.Baskets,
		coretest.Embedded, coretest.Decoupled, coretest.Confirmations, coretest.Signatures}
	return f
}

// join shows of the book what facade leaves of it.
func join(t *testing.T, events core.Events, facade func(*book) sdk.Bank, capabilities []string) coretest.Fixture {
	quiet := slog.New(slog.NewTextHandler(t.Output(), nil))
	hub := httptest.NewServer(callback.New(callback.Config{
		Banks:  []callback.Bank{{Code: "lon", AppID: "app", AppSecret: "secret", Enabled: true, Keys: []jws.PublicKey{{Key: &bankKey().PublicKey}}, Multilevel: slices.Contains(capabilities, "multilevel")}},
		Events: events, Log: quiet,
	}))
	t.Cleanup(hub.Close)
	b := &book{kinds: map[string]string{}, tokens: map[string]string{}, funds: map[string]wire.Account{}, parts: map[string][]string{}, scas: map[wire.String]*sca{}, holds: map[string]string{},
		hub: sdk.NewHub(sdk.HubConfig{HubURL: hub.URL, AppID: "app", AppSecret: "secret", SigningKey: bankKey()})}
	bank := httptest.NewServer(http.StripPrefix("/lon", sdk.New(sdk.Config{Bank: facade(b), ProviderCode: "lon", HubKeys: []sdk.PublicKey{{Key: &hubKey().PublicKey}}, Log: quiet})))
	t.Cleanup(bank.Close)
	c, err := New(Config{BankCode: "lon", ConnectorURL: bank.URL + "/lon/", SigningKey: hubKey(), Capabilities: capabilities, ReportErrors: true, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return coretest.Fixture{
		Bank: c, Decide: b.decide,
		Withdraw: func(t *testing.T, token string) {
			if err := b.revoke(token, "access"); err != nil {
				t.Error(err)
			}
			if err := b.hub.RevokeToken(t.Context(), token); err != nil {
				t.Error(err)
			}
		},
		Account: core.AccountReference{IBAN: iban, Currency: "EUR"}, From: day.New(2026, 8, 22), To: day.New(2026, 11, 20),
		Affordable: money.Amount{Minor: 1250, Currency: "EUR"}, TooMuch: money.Amount{Minor: 100001, Currency: "EUR"}, Later: day.New(2026, 12, 21),
		Together: core.AccountReference{IBAN: together}, Holder: "Ana Novak", Nearly: "A. Novak",
		PSUID: "ana", Password: goodPassword, Code: func(*testing.T, string) string { return goodCode },
	}
}

func TestClient(t *testing.T) { coretest.Exercise(t, open) }

func TestClientOfAModestBank(t *testing.T) {
	facade := func(b *book) sdk.Bank { return modest{b, b, b} }
	for name, capabilities := range map[string][]string{"that declares nothing": nil, "that declares what it has not": everything} {
		t.Run(name, func(t *testing.T) {
			coretest.Exercise(t, func(t *testing.T, events core.Events) coretest.Fixture { return join(t, events, facade, capabilities) })
		})
	}
}

func TestWhatIsNotDeclaredIsNotAskedFor(t *testing.T) {
	f := misbehaving(t, Config{}, say(200, `{"data":[]}`))
	for name, ask := range map[string]func() error{"standing orders": f.standingOrders, "beneficiaries": f.beneficiaries, "fresh copy": f.refresh,
		"bulk": f.payBulk, "series": f.payPeriodic, "cancellation": f.cancel, "status of a payment": f.status, "payees": f.verify, "basket": f.payTogether} {
		if err := ask(); !errors.Is(err, core.ErrNotOffered) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := f.calls.Load(); n != 0 {
		t.Errorf("the bank was asked %d times", n)
	}
}

func TestTokensAreListedPageByPage(t *testing.T) {
	r := coretest.NewRecorder()
	var held []core.TokenInfo
	for i := range 230 {
		held = append(held, core.TokenInfo{ID: fmt.Sprintf("h%03d", i), UserID: strconv.Itoa(i % 2), ConsentID: "c", TPP: "PSDDE-BAFIN-12345", Status: "active", CreatedAt: time.Now()})
	}
	r.Hold(held...)
	hub := httptest.NewServer(callback.New(callback.Config{
		Banks: []callback.Bank{{Code: "lon", AppID: "app", AppSecret: "secret", Enabled: true, Keys: []jws.PublicKey{{Key: &bankKey().PublicKey}}}}, Events: r,
	}))
	defer hub.Close()
	h := sdk.NewHub(sdk.HubConfig{HubURL: hub.URL, AppID: "app", AppSecret: "secret", SigningKey: bankKey()})
	all, err := h.Tokens(t.Context(), "")
	if err != nil || len(all) != 230 || all[229].ID != "h229" || all[0].ClientID == "" {
		t.Fatalf("got %d, %v", len(all), err)
	}
	if !slices.IsSortedFunc(all, func(a, b wire.TokenAnswer) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) }) {
		t.Error("order is lost")
	}
	if one, err := h.Tokens(t.Context(), "1"); err != nil || len(one) != 115 {
		t.Errorf("of one PSU: got %d, %v", len(one), err)
	}
}
