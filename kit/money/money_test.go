package money

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text, currency string
		minor                int64
		err                  error
	}{
		{"two decimals", "12.50", "EUR", 1250, nil},
		{"one decimal is filled up", "12.5", "EUR", 1250, nil},
		{"no decimals", "7", "EUR", 700, nil},
		{"negative", "-0.01", "EUR", -1, nil},
		{"zeros beyond the cents change nothing", "12.500", "EUR", 1250, nil},
		{"yen has no decimals", "120", "JPY", 120, nil},
		{"dinar has three", "1.234", "KWD", 1234, nil},
		{"fourteen digits are the most", "99999999999999.99", "EUR", 9999999999999999, nil},
		{"a tenth of a cent", "12.505", "EUR", 0, ErrFormat},
		{"half a yen", "1.5", "JPY", 0, ErrFormat},
		{"fifteen digits", "100000000000000", "EUR", 0, ErrFormat},
		{"exponent", "1e3", "EUR", 0, ErrFormat},
		{"comma", "1,50", "EUR", 0, ErrFormat},
		{"blank", " 1", "EUR", 0, ErrFormat},
		{"empty", "", "EUR", 0, ErrFormat},
		{"point without decimals", "1.", "EUR", 0, ErrFormat},
		{"point without a whole part", ".5", "EUR", 0, ErrFormat},
		{"two signs", "--1", "EUR", 0, ErrFormat},
		{"unknown currency", "1", "EUX", 0, ErrCurrency},
		{"currency in lower case", "1", "eur", 0, ErrCurrency},
		{"two currencies", "1", "EUR USD", 0, ErrCurrency},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.text, tt.currency)
			if got.Minor != tt.minor || !errors.Is(err, tt.err) {
				t.Errorf("got %d, %v; want %d, %v", got.Minor, err, tt.minor, tt.err)
			}
		})
	}
}

func TestEveryAmountSurvivesItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Amount{
			Minor:    rapid.Int64Range(-9999999999999999, 9999999999999999).Draw(t, "minor"),
			Currency: rapid.SampledFrom([]string{"EUR", "RON", "TND", "CHF"}).Draw(t, "currency"),
		}
		got, err := Parse(a.String(), a.Currency)
		if got != a || err != nil {
			t.Fatalf("%s: got %+v, %v", a, got, err)
		}
	})
}
