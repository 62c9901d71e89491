package report_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/edge/report"
	"kontor/kit/day"
)

func TestMT940(t *testing.T) {
	t.Parallel()
	plain := core.Transaction{
		ID: text("T-2"), Amount: text("20.00"), Currency: text("EUR"), BookingDate: text("2025-12-31"), ValueDate: text("2026-01-02"),
		EndToEndID: text("NOTPROVIDED"), DebtorName: text("Ștefan"), BankTransactionCode: text("PMNT-RCDT-STDO"),
	}
	h := pair(head(t, "EUR"), "EUR", -100, 1750)
	h.Page, h.Last = 2, false
	got := string(write(t, report.MT940, h, whole("-1.5", "EUR"), plain))
	want := strings.ReplaceAll(`:20:a9c552f6e8a1b4c3
:25:RO66BACX0000001234567890
:28C:0/2
:60M:D260601EUR1,00
:61:2606160615D1,50NTRFINV 2026-0815//E-1
:86:/EREF/INV 2026-0815/MARF/MD-77/CSID/DE98ZZZ09999999999/IBAN/DE893
70400440532013000/BIC/COBADEFF/NAME/Muller + Sohne 'Backstube' .G
mbH./RREF/RF18539007547034/REMI/Rechnung 4711, Brotchen fur Jun
i - 100 . ./ULTD/Athina/ULTC/Ciric/EXCH/1.08673/PURP/SUPP/INFO/Ca
rd fee second line
:61:2601021231C20,00NSTONONREF//T-2
:86:/NAME/Stefan
:62M:C260630EUR17,50
:65:C260703EUR0,99
-
`, "\n", "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMT942(t *testing.T) {
	t.Parallel()
	pending := core.Transaction{Pending: true, Amount: text("-7"), Currency: text("JPY")}
	booked := core.Transaction{ID: text("6e0a4bfa-3f0e-4b7c-8c1d-000000000001"), Amount: text("120.00"), Currency: text("JPY"), CheckID: text("000123")}
	got := string(write(t, report.MT942, head(t, "JPY"), pending, booked, booked))
	want := strings.ReplaceAll(`:20:a9c552f6e8a1b4c3
:25:RO66BACX0000001234567890
:28C:0/1
:34F:JPY0,
:13D:2607010930+0300
:61:260630ED7,NMSCNONREF
:61:260630C120,NMSC000123//8c1d000000000001
:61:260630C120,NMSC000123//8c1d000000000001
:90D:1JPY7,
:90C:2JPY240,
-
`, "\n", "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// mtLine says what a line of ours may be: a field, or the rest of one.
var mtLine = regexp.MustCompile(`^(:(20|25|28C|60F|60M|61|62F|62M|65|34F|13D|90D|90C):[A-Za-z0-9/\-?:().,'+ ]{1,65}|:86:[A-Za-z0-9/\-?:().,'+ ]{1,65}|[A-Za-z0-9/?().,'+][A-Za-z0-9/\-?:().,'+ ]{0,64}|-)$`)

// statementLine is field 61 as SWIFT has it.
var statementLine = regexp.MustCompile(`^:61:\d{6}(\d{4})?E?[DC]\d{1,12},\d{0,3}N[A-Z]{3}[A-Za-z0-9\-?:().,'+ ]{1,16}(//[A-Za-z0-9\-?:().,'+ ]{1,16})?$`)

// checkMT finds what SWIFT does not allow.
func checkMT(t *testing.T, b []byte) {
	t.Helper()
	body, ok := strings.CutSuffix(string(b), "\r\n-\r\n")
	if !ok {
		t.Errorf("no end: %q", b)
	}
	inField86 := 0
	for line := range strings.SplitSeq(body, "\r\n") {
		if !mtLine.MatchString(line) || line == "-" || strings.HasPrefix(line, ":61:") && !statementLine.MatchString(line) {
			t.Errorf("a line that SWIFT does not know: %q", line)
		}
		switch {
		case strings.HasPrefix(line, ":86:"):
			inField86 = 1
		case !strings.HasPrefix(line, ":"):
			if inField86++; inField86 == 1 || inField86 > 6 {
				t.Errorf("line %d of field 86, or of none: %q", inField86, line)
			}
		default:
			inField86 = 0
		}
	}
}

func TestTransliteration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"French and Czech", "Éléonore Černý", "Eleonore Cerny"},
		{"German", "Weiß Größe ÄÖÜ", "Weiss Grosse AOU"},
		{"Romanian, both ways to write it", "Țuțea Ţuţea Șș Şş Ăăâî", "Tutea Tutea Ss Ss Aaai"},
		{"Polish", "Łódź Żółć", "Lodz Zolc"},
		{"Nordic", "Ørsted Æbler Þór Åse", "Orsted Aebler Thor Ase"},
		{"Croatian and Serbian", "Đuro Ђорђе Љубав", "Duro Djordje Ljubav"},
		{"Bulgarian", "Щастие Юлия", "Shtastie Yuliya"},
		{"Greek, with accents", "Ψαρράς Χρήστος", "Psarras Christos"},
		{"an accent by itself", "e\u0301a", "ea"},
		{"ligatures and widths", "ﬁn ＡＢＣ ²", "fin ABC 2"},
		{"signs", "a&b \"c\" [d] {e} f_g h;i 5€ a@b.eu #!", "a+b 'c' (d) (e) f-g h,i 5EUR a(at)b.eu .."},
		{"slashes separate", "/REMI/ 12/34 \\ |", "-REMI- 12-34 - -"},
		{"blanks are one", "  a \t\n b\u00a0\u2003c\u200b ", "a b c"},
		{"lines end in a blank", "a\u2028b\u0085c", "a b c"},
		{"what has no letter", "漢字 \U0001F950", ".. ."},
		{"what is no text", "a\xffb", "a.b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := core.Transaction{Amount: text("1"), Currency: text("EUR"), DebtorName: core.Text(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(tt.text))}
			got := write(t, report.MT942, head(t, "EUR"), e)
			_, got, _ = bytes.Cut(got, []byte(":86:/NAME/"))
			got, _, _ = bytes.Cut(got, []byte("\r\n"))
			if string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFolding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text string }{
		{"a long word", strings.Repeat("x", 500)},
		{"blanks at every break", strings.Repeat("abc ", 100)},
		{"nothing but hyphens", strings.Repeat("-", 300)},
		{"nothing but colons and blanks", strings.Repeat(": ", 300)},
		{"fields of its own", "a\n:61:2606160615C1000000,00NTRFNONREF\r\n:62F:C260630EUR17,50\n-\n" + strings.Repeat("b", 51) + ":86:-}{5:}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := whole("1", "EUR")
			e.Remittance, e.AdditionalInformation = text(tt.text), text(tt.text)
			got := write(t, report.MT942, head(t, "EUR"), e, e)
			checkMT(t, got)
			if n := bytes.Count(got, []byte("\r\n:61:")); n != 2 {
				t.Errorf("%d entries, want 2", n)
			}
		})
	}
}

// A reader is a program in Python that prints what the package mt-940 of PyPI finds. MT942
// has marks that only its more generous reading of field 61 knows.
const reader = `
import json, sys, mt940
t = mt940.models.Transactions(tags={61: mt940.tags.StatementASNB()} if sys.argv[1] == 'all' else None)
t.parse(sys.stdin.read())
def plain(d):
    return {k: str(v) for k, v in d.items() if v is not None}
print(json.dumps({'head': plain(t.data), 'entries': [plain(x.data) for x in t]}))
`

type reading struct {
	Head    map[string]string
	Entries []map[string]string
}

func read(t *testing.T, b []byte, marks string) (r reading) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	c := exec.Command("python3", "-c", reader, marks)
	c.Stdin = bytes.NewReader(b)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if strings.Contains(stderr.String(), "No module named 'mt940'") {
		t.Skip("not installed: the package mt-940 of python3")
	}
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, stderr.String(), b)
	}
	return r
}

func TestAnotherReaderOfMT(t *testing.T) {
	t.Parallel()
	compare := func(t *testing.T, what string, got map[string]string, want map[string]string) {
		t.Helper()
		for k, v := range want {
			if g := strings.ReplaceAll(got[k], "\n", ""); g != v {
				t.Errorf("%s: %s: got %q, want %q", what, k, g, v)
			}
		}
	}
	t.Run("a statement", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			currency                 string
			opening, closing         int64
			amounts                  []string
			openingText, closingText string
			amountTexts              []string
		}{
			{"EUR", 0, 1849, []string{"-1.5", "19.99"}, "0.00 EUR @ 2026-06-01", "18.49 EUR @ 2026-06-30", []string{"-1.50 EUR", "19.99 EUR"}},
			{"JPY", 1000, 880, []string{"-120"}, "1000 JPY @ 2026-06-01", "880 JPY @ 2026-06-30", []string{"-120 JPY"}},
			{"KWD", 1, -1999, []string{"-2.000", "-0.000"}, "0.001 KWD @ 2026-06-01", "-1.999 KWD @ 2026-06-30", []string{"-2.000 KWD", "0.000 KWD"}},
		} {
			var entries []core.Transaction
			for _, a := range tt.amounts {
				entries = append(entries, whole(a, tt.currency))
			}
			h := pair(head(t, tt.currency), tt.currency, tt.opening, tt.closing)
			r := read(t, write(t, report.MT940, h, entries...), "")
			compare(t, "head", r.Head, map[string]string{
				"account_identification": "RO66BACX0000001234567890", "transaction_reference": "a9c552f6e8a1b4c3",
				"final_opening_balance": tt.openingText, "final_closing_balance": tt.closingText, "sequence_number": "1",
			})
			if len(r.Entries) != len(entries) {
				t.Fatalf("%d entries, want %d", len(r.Entries), len(entries))
			}
			for i, e := range r.Entries {
				compare(t, tt.amounts[i]+" "+tt.currency, e, map[string]string{
					"amount": tt.amountTexts[i], "date": "2026-06-16", "entry_date": "2026-06-15", "id": "NTRF",
					"customer_reference": "INV 2026-0815", "bank_reference": "E-1",
				})
			}
			if d := strings.ReplaceAll(r.Entries[0]["transaction_details"], "\n", ""); !strings.Contains(d, "/NAME/Muller + Sohne 'Backstube' .GmbH./RREF/RF18539007547034/REMI/Rechnung 4711, Brotchen fur Juni - 100 . ./ULTD/") {
				t.Errorf("%s: details: %q", tt.currency, d)
			}
		}
	})
	t.Run("an interim report", func(t *testing.T) {
		t.Parallel()
		pending := whole("-3", "EUR")
		pending.Pending = true
		h := head(t, "EUR")
		r := read(t, write(t, report.MT942, h, whole("1", "EUR"), batch("-2", "EUR")), "")
		compare(t, "head", r.Head, map[string]string{"d_floor_limit": "0 EUR", "c_floor_limit": "0 EUR", "sum_debit_entries": "-2.00 EUR", "sum_credit_entries": "1.00 EUR"})
		r = read(t, write(t, report.MT942, h, pending), "all")
		compare(t, "entry", r.Entries[0], map[string]string{"status": "ED", "date": "2026-06-16"})
	})
	t.Run("texts that look like fields", func(t *testing.T) {
		t.Parallel()
		e := whole("1", "EUR")
		e.CreditorName = text("x\n:61:2606160615C1000000,00NTRFNONREF\n:86:/NAME/y")
		e.EndToEndID = text("//")
		e.ID, e.EntryReference = text("/"), nil
		r := read(t, write(t, report.MT940, pair(head(t, "EUR"), "EUR", 0, 200), e, e), "")
		if len(r.Entries) != 2 || r.Entries[1]["amount"] != "1.00 EUR" {
			t.Errorf("%v", r.Entries)
		}
	})
}

func TestAValueDateIsAlwaysTold(t *testing.T) {
	t.Parallel()
	e := core.Transaction{Amount: text("1"), Currency: text("EUR")}
	for _, tt := range []struct {
		name   string
		change func(*core.Transaction, *report.Head)
		want   string
	}{
		{"its own", func(e *core.Transaction, _ *report.Head) {
			e.ValueDate, e.BookingDate = text("2026-06-03"), text("2026-06-02")
		}, ":61:2606030602C"},
		{"else that of the booking", func(e *core.Transaction, _ *report.Head) { e.BookingDate = text("2026-06-02") }, ":61:2606020602C"},
		{"else the last of the period", func(*core.Transaction, *report.Head) {}, ":61:260630C"},
		{"else the day of the report", func(_ *core.Transaction, h *report.Head) { h.To = day.Day{} }, ":61:260701C"},
		{"no day that there is not", func(e *core.Transaction, _ *report.Head) { e.ValueDate = text("2026-02-29") }, ":61:260630C"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, e := head(t, "EUR"), e
			tt.change(&e, &h)
			if got := write(t, report.MT942, h, e); !bytes.Contains(got, []byte(tt.want)) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
