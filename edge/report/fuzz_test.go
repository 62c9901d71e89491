package report_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/edge/report"
)

// fill puts what next returns into every text of v.
func fill(v reflect.Value, next func() core.Text, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[core.Text]():
		v.SetBytes(next())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next, depth)
		}
	case v.Kind() == reflect.Slice && depth > 0:
		v.Set(reflect.MakeSlice(v.Type(), depth, depth))
		for i := range depth {
			fill(v.Index(i), next, depth-1)
		}
	}
}

// scattered is an entry whose texts are all from next, but for the amounts, which the port
// promises.
func scattered(next func() core.Text, depth int) (t core.Transaction) {
	fill(reflect.ValueOf(&t).Elem(), next, depth)
	t.Amount, t.Currency = text("-12.50"), text("EUR")
	for i := range t.Entries {
		t.Entries[i].Amount, t.Entries[i].Currency = text("7"), text("EUR")
	}
	return t
}

// awkward is what banks should not send, and do.
var awkward = []string{
	"", " ", "a", "Z", "09", "&", "<", ">", "]]>", "<!--", "\"", "'", "/", "//", "/REMI/", ":", "-", "\n", "\r\n:61:", "\r", "\t", "?20", "+", ".",
	"\x00", "\x01", "\x0b", "\x1f", "\x7f", "\u0080", "\u0085", "\u00a0", "\u200b", "\u2028", "\ufeff", "\ufffe", "\uffff", "\ufffd", "\U0001F950", "\U0010FFFF",
	"e\u0301", "ß", "Ǆ", "ﬃ", "Ж", "ψ", "漢", "\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", strings.Repeat("ä", 36), strings.Repeat("x ", 80), strings.Repeat("\U0001F950", 150),
	"DE89370400440532013000", "PMNT-ICDT-ESCT", "PMNT-ICDT-", "----", "2026-06-15", "0000-01-01", "2026-02-29", "EUR", "1.5", "00000000000012.123456789012", ".5", "1e5", "999999999999",
	"KONTROBUXXX", "KONTR1BUXXX", "1ONTROBU", "RF18539007547034", "NOTPROVIDED", "3",
}

// escaped are texts that only JSON can say.
var escaped = []string{`\u0000`, `\ud83e\udd50`, `\ud83e`, `\udd50`, `\ud83e\u0041`, `\n`, `\/`, `\\`, `\"`, `\u003c`, `\uFFFF`, `\u000b`}

func randomText(r *rand.Rand) core.Text {
	var b []byte
	for range r.IntN(4) {
		if i := r.IntN(len(awkward) + len(escaped)); i < len(awkward) {
			b = append(b, text(awkward[i])...)
		} else {
			b = append(b, escaped[i-len(awkward)]...)
		}
	}
	return b
}

func TestWhateverABankSends(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(20022, 940))
	next := func() core.Text { return randomText(r) }
	for _, f := range report.Formats() {
		var documents [][]byte
		for range 8 {
			var entries []core.Transaction
			for range 150 {
				e := scattered(next, r.IntN(3))
				e.Batch = r.IntN(4) == 0
				e.Pending = f.Pending() && r.IntN(3) == 0
				entries = append(entries, e)
			}
			h := head(t, "EUR")
			if !f.Pending() {
				h = pair(h, "EUR", 0, -1250*int64(len(entries)))
			}
			for _, s := range []*string{&h.Account.Name, &h.Account.OwnerName, &h.Account.BIC, &h.BankBIC, &h.BankName, &h.Account.Reference.BBAN, &h.Balances[0].Type} {
				*s = string(randomText(r))
			}
			documents = append(documents, write(t, f, h, entries...))
		}
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(string(f), "mt") {
				for _, d := range documents {
					checkMT(t, d)
				}
				return
			}
			for _, d := range documents {
				if err := wellFormed(d); err != nil {
					t.Fatal(err)
				}
			}
			validate(t, f, documents...)
		})
	}
}

// FuzzTexts gives one text to every field, as it is and as JSON says it.
func FuzzTexts(f *testing.F) {
	for _, s := range awkward {
		f.Add([]byte(s))
	}
	for _, s := range escaped {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1000 {
			t.Skip("longer texts say no more")
		}
		raw := scattered(func() core.Text { return b }, 1)
		said := scattered(func() core.Text { return text(string(b)) }, 1)
		own := core.Transaction{Amount: b, Currency: text("EUR")}
		for _, format := range report.Formats() {
			h := pair(head(t, "EUR"), "EUR", 0, -2500)
			h.Account.Name, h.Account.OwnerName, h.Account.BIC, h.BankName = string(b), string(b), string(b), string(b)
			out := write(t, format, h, raw, said)
			if strings.HasPrefix(string(format), "mt") {
				checkMT(t, out)
			} else if err := wellFormed(out); err != nil {
				t.Errorf("%s: %v\n%s", format, err, out)
			}
		}
		w, err := report.New(report.Camt052V08, &bytes.Buffer{}, head(t, "EUR"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Entry(&own); err != nil && !errors.Is(err, core.ErrMalformed) {
			t.Errorf("an amount %q: %v", b, err)
		}
	})
}
