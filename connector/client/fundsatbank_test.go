package client

import (
	"context"
	"errors"
	"testing"

	"kontor/bank/core"
	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/money"
)

// counter is a bank where customers allow checks of funds at the counter.
type counter struct {
	*book
	asked wire.FundsAtBank
}

func (c *counter) FundsAvailableAtBank(_ context.Context, q wire.FundsAtBank) (bool, error) {
	c.asked = q
	if q.TPP != "PSDSI-BS-1234567" || q.Account.IBAN != iban {
		return false, sdk.ErrAccessDenied
	}
	amount, err := money.Parse(string(q.InstructedAmount.Amount), string(q.InstructedAmount.Currency))
	return amount.Minor <= 100000, err
}

func TestFundsThatAreAllowedAtTheBank(t *testing.T) {
	var bank *counter
	f := join(t, nil, func(b *book) sdk.Bank { bank = &counter{book: b}; return bank }, everything)
	few, many := money.Amount{Minor: 1250, Currency: "EUR"}, money.Amount{Minor: 100001, Currency: "EUR"}
	account := core.AccountReference{IBAN: iban, Currency: "EUR"}
	for _, tt := range []struct {
		name    string
		tpp     string
		account core.AccountReference
		amount  money.Amount
		want    bool
		err     error
	}{
		{"there is enough", "PSDSI-BS-1234567", account, few, true, nil},
		{"there is a cent too little", "PSDSI-BS-1234567", account, many, false, nil},
		{"another TPP", "PSDSI-BS-7654321", account, few, false, core.ErrAccessDenied},
		{"another account", "PSDSI-BS-1234567", core.AccountReference{IBAN: "SI56191000000123438"}, few, false, core.ErrAccessDenied},
	} {
		got, err := f.Bank.FundsAvailable(t.Context(), core.Access{TPP: tt.tpp}, tt.account, tt.amount)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %t, %v", tt.name, got, err)
		}
	}
	if bank.asked.SessionSecret == "" || bank.asked.ProviderCode != "lon" {
		t.Errorf("the bank was asked %+v", bank.asked)
	}
	modest := misbehaving(t, Config{}, say(200, `{"data":{"funds_available":true}}`))
	if ok, err := modest.FundsAvailable(t.Context(), core.Access{TPP: "PSDSI-BS-1234567"}, account, few); ok || !errors.Is(err, core.ErrNotOffered) || modest.calls.Load() > 0 {
		t.Errorf("a bank that does not declare it: %t, %v, asked %d times", ok, err, modest.calls.Load())
	}
	if ok, err := f.Bank.FundsAvailable(t.Context(), core.Access{TPP: "PSDSI-BS-1234567", Session: "s"}, account, few); ok || !errors.Is(err, core.ErrAccessDenied) {
		t.Errorf("a consent whose token is lost: %t, %v", ok, err)
	}
}
