package xs2a_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kontor/bank/account"
	"kontor/bank/account/accountsql"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/funds/fundssql"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/edge/xs2a"
	"kontor/kit/day"
	"kontor/kit/eidas"
	"kontor/kit/money"
	"kontor/kit/sqldb/sqldbtest"
)

// TestAccountDialogues replays testdata/consent*.txt, account*.txt and input*.txt against
// the real services on SQLite, and a bank in memory.
//
//	@ salt               the bank has this profile, confirming: codes confirm that PSUs came
//	                     back; stands first
//	> GET /v1/accounts   a request: method, path, body; under it stands the answer
//	| Name: value        a header of the next request; without a value it is left out
//	= id1                requests from here on are under this consent, with a token for it
//	! allow id1 psu-7    the PSU authorises the consent at the bank; see bankDoes
//	+ 24h                time passes
//
// {c} is the last consent that was created, {r1} and {r2} are the first resource IDs that the last list showed, {next}, {last},
// {previous} and {download} its links. A body or path that begins with @ is one of those in extremes.
func TestAccountDialogues(t *testing.T) {
	for _, pattern := range []string{"consent*.txt", "account*.txt", "input*.txt"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s, %v", pattern, err)
		}
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				t.Parallel()
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				name := "standard"
				if first, _, _ := strings.Cut(string(want), "\n"); strings.HasPrefix(first, "@ ") {
					name = first[2:]
				}
				got := openDesk(t, name).play(t, want)
				if *update {
					if err := os.WriteFile(file, got, 0o644); err != nil {
						t.Fatal(err)
					}
				} else if !bytes.Equal(got, want) {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
			})
		}
	}
}

// A desk is the interface of one bank for account information, watched.
type desk struct {
	*consenttest.World
	handler http.Handler
	said    map[string]string // {r1}, {next}
	consent string            // in use
	closed  []core.Account    // that the bank had
	request int
}

const (
	giro    = "SI56020360253863406"
	savings = "SI56051008000032875"
)

func openDesk(t *testing.T, profileName string, change ...func(*xs2a.API)) *desk {
	t.Helper()
	w := consenttest.NewWorld(t, sqldbtest.SQLite(t, append([]fs.FS{accountsql.Migrations, fundssql.Migrations}, consenttest.Migrations...)...))
	confirming := profileName == "confirming"
	if confirming {
		profileName = "standard"
	}
	p, err := profile.Load(profileName)
	if err != nil {
		t.Fatal(err)
	}
	if confirming {
		p.OAuth, p.SCAApproaches = profile.OAuth{Mode: profile.OAuthNone}, []profile.SCAApproach{profile.Redirect, profile.Decoupled, profile.Embedded}
		p.SCAConfirmation.Mode = profile.ConfirmByCode
	}
	p.FirstUpdateWait = 10 * time.Millisecond
	w.Change(func(b *profile.Bank) { b.Profile, b.ProfileName = p, profileName })
	eur := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "EUR"} }
	limit := eur(200000)
	yes := true
	w.Bank.Listed = []core.Account{
		{ID: "1", Reference: core.AccountReference{IBAN: giro}, Currency: "EUR", Name: "Osebni račun", Product: "Giro", Type: "CACC", OwnerName: "Ana Novak", Status: "enabled", BIC: "LONBSI2X",
			Balances: []core.Balance{
				{Type: "interimAvailable", Amount: eur(123456), CreditLimitIncluded: &yes, LastChangeDateTime: consenttest.Noon},
				{Type: "closingBooked", Amount: eur(-5), ReferenceDate: day.New(2026, 2, 28)},
			}},
		{ID: "2", Reference: core.AccountReference{IBAN: savings}, Currency: "EUR", Name: strings.Repeat("č", 50), OwnerName: "Ana Novak"},
	}
	w.Bank.Cards = []core.CardAccount{{ID: "9", MaskedPAN: "540905******1234", Currency: "EUR", Name: "Kartica", Status: "enabled", Limit: &limit}}
	w.Bank.Booked = map[string][]consenttest.Entry{"1": {
		{ID: "t7", Amount: "-9.90", Currency: "EUR", Date: "2026-03-01", Text: "Kava", Pending: true},
		{ID: "t6", Amount: "-12.00", Currency: "EUR", Date: "2026-02-27", Text: "Pekarna \"Pri Ani\" & sin", Reference: "ref-6", After: "1234.56"},
		{ID: "t5/a b", Amount: "1500.00", Currency: "EUR", Date: "2026-02-25", Text: "Plača", Reference: "ref-5", After: "1246.56"},
		{ID: "t4", Amount: "-700.00", Currency: "EUR", Date: "2026-02-01", Text: "Najemnina", Reference: "ref-4", After: "-253.44"},
		{ID: "t3", Amount: "-50.05", Currency: "EUR", Date: "2025-12-24", Text: "Darila", After: "446.56"},
		{ID: "t2", Amount: "-1.00", Currency: "EUR", Date: "2025-06-01", Text: "Staro"},
	}, "2": {}}
	w.Bank.CardEntries = map[string][]consenttest.Entry{"9": {
		{ID: "k2", Amount: "-19.90", Currency: "EUR", Date: "2026-02-28", Text: "Spletna knjigarna", Pending: true},
		{ID: "k1", Amount: "-42.00", Currency: "EUR", Date: "2026-02-20", Text: "Gostilna"},
	}}
	w.Bank.Standing = map[string][]consenttest.Entry{"1": {{ID: "s1", Amount: "-700.00", Currency: "EUR", Date: "2025-01-01", Text: "Najemnina"}}}
	w.Bank.Beneficiaries = []core.TrustedBeneficiary{
		{ID: "b1", CreditorName: "Pekarna Zlati klas", CreditorAlias: "Pek", CreditorAgent: "LONBSI2X", CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"},
			CreditorAddress: &core.Address{TownName: "Kranj", Country: "SI"}},
		{ID: "b2", CreditorName: "Luka", CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, DebtorAccount: core.AccountReference{IBAN: savings}},
	}
	w.Bank.OnStep, w.Bank.OnConfirm = stepping(w.Authorisations), confirmed(w.Authorisations)
	d := &desk{World: w, said: map[string]string{}}
	api := &xs2a.API{
		Bank: w.At, BaseURL: "https://api.example/psd2/lon", MetadataURL: "https://hub.example/.well-known/oauth-authorization-server/lon",
		Consents: w.Service, Authorisations: w.Authorisations, Now: w.Now, Log: slog.New(slog.DiscardHandler),
		Accounts: &account.Service{Consents: w.Service, Cores: w.Cores, Store: accountsql.Store{DB: w.DB}, Key: []byte(strings.Repeat("k", 32)), Now: w.Now, NewID: rand.Text},
		Funds:    &funds.Service{Consents: w.Service, Cores: w.Cores, Answers: fundssql.Store{DB: w.DB}, Audit: w.Audit, Now: w.Now},
		Identify: identify, CheckToken: checkToken,
	}
	for _, change := range change {
		change(api)
	}
	d.handler = watch(t, p, api.Handler())
	return d
}

// identify knows TPPs by a header, in place of the certificate of a connection.
func identify(r *http.Request) (tpp.TPP, error) {
	one := consenttest.AISP
	one.DNSNames = []string{"tpp.example"}
	switch r.Header.Get("TPP") {
	case "other":
		one.ID, one.Name = "PSDSI-BS-7654321", "Drugi"
	case "pi":
		one.Roles = []eidas.Role{eidas.PI}
	case "ic":
		one.Roles = []eidas.Role{eidas.IC}
	case "bank":
		one.Roles = []eidas.Role{eidas.AS}
	case "none":
		return tpp.TPP{}, tpp.ErrCertificateMissing
	case "expired":
		return tpp.TPP{}, tpp.ErrCertificateExpired
	case "invalid":
		return tpp.TPP{}, fmt.Errorf("%w: the issuer is not known", tpp.ErrCertificateInvalid)
	case "blocked":
		return tpp.TPP{}, tpp.ErrCertificateBlocked
	case "revoked":
		return tpp.TPP{}, tpp.ErrCertificateRevoked
	}
	return one, nil
}

// checkToken knows tokens that say what they are for.
func checkToken(_ context.Context, _, bearer string, _ tpp.TPP) (xs2a.Bearer, error) {
	kind, id, _ := strings.Cut(bearer, ":")
	switch kind {
	case "for":
		return xs2a.Bearer{Resource: id}, nil
	case "acc":
		return xs2a.Bearer{Accounts: true, PSU: "psu-7"}, nil
	case "pay":
		return xs2a.Bearer{Payments: true, PSU: "psu-7"}, nil
	case "expired":
		return xs2a.Bearer{}, token.ErrExpired
	case "stolen":
		return xs2a.Bearer{}, token.ErrInvalid
	}
	return xs2a.Bearer{}, token.ErrUnknown
}

// bankDoes plays the bank's part, and the PSU's.
func (d *desk) bankDoes(t *testing.T, words []string) {
	t.Helper()
	id, more := "", ""
	if len(words) > 1 {
		id = words[1]
	}
	if len(words) > 2 {
		more = words[2]
	}
	var err error
	switch words[0] {
	case "allow": // allow id1 psu-7 [iban…]: all accounts, or those
		c, gerr := d.Store.Get(t.Context(), "lon", id)
		if gerr != nil {
			t.Fatal(gerr)
		}
		grant := &core.Grant{AllPSD2: len(words) == 3}
		for _, iban := range words[min(3, len(words)):] {
			grant.Balances = append(grant.Balances, core.AccountReference{IBAN: iban})
			grant.Transactions = grant.Balances
		}
		d.Allow(t, c, more, grant)
	case "refuse":
		c, gerr := d.Store.Get(t.Context(), "lon", id)
		if gerr != nil {
			t.Fatal(gerr)
		}
		err = d.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "AccessDenied"})
	case "revoke":
		err = d.Revoke(t.Context(), "lon", "token-"+id, false)
	case "token-expired":
		d.Bank.End("token-"+id, core.ErrTokenExpired)
	case "access-denied":
		d.Bank.End("token-"+id, core.ErrAccessDenied)
	case "away":
		d.Bank.Fail(fmt.Errorf("%w: dial tcp 192.0.2.1:443: connection refused", core.ErrUnavailable))
	case "garbage":
		d.Bank.Fail(fmt.Errorf("%w: <html>", core.ErrMalformed))
	case "refusing":
		d.Bank.Fail(fmt.Errorf("%w: InvalidAttributeValue", core.ErrRefused))
	case "well":
		d.Bank.Fail(nil)
	case "silent":
		d.Bank.URL = ""
	case "absent": // it hears of no confirmation
		d.Bank.OnConfirm = func(context.Context, core.Confirmation) (*core.Update, error) { return nil, core.ErrUnavailable }
	case "present":
		d.Bank.OnConfirm = confirmed(d.Authorisations)
	default:
		err = d.bankDoesMore(t, words[0], id, more)
	}
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
}

// extremes are bodies and paths that do not fit into a line.
var extremes = map[string]string{
	"@oversized":      `{"access":{"allPsd2":"` + strings.Repeat("x", 1<<20) + `"}}`,
	"@deep":           strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33),
	"@very-deep":      strings.Repeat(`[`, 200_000),
	"@invalid-utf8":   "{\"access\":{\"allPsd2\":\"\xff\"}}",
	"@nul":            "{\"access\":{\"allPsd2\":\"\x00\"}}",
	"@long-number":    `{"frequencyPerDay":` + strings.Repeat("9", 100_000) + `}`,
	"@long-name":      `{"` + strings.Repeat("n", 100_000) + `":1,"` + strings.Repeat("n", 100_000) + `":2}`,
	"@many-accounts":  `{"access":{"accounts":[` + strings.TrimSuffix(strings.Repeat(`{"iban":"`+giro+`"},`, 101), ",") + `]},"recurringIndicator":true,"validUntil":"2026-05-01","frequencyPerDay":4,"combinedServiceIndicator":false}`,
	"@long-consent":   "/v1/consents/" + strings.Repeat("x", 10_000),
	"@long-account":   "/v1/accounts/" + strings.Repeat("x", 10_000),
	"@long-elsewhere": "/" + strings.Repeat("x", 10_000),
}

func (d *desk) fill(s string) string {
	if e, ok := extremes[s]; ok {
		return e
	}
	for name, value := range d.said {
		s = strings.ReplaceAll(s, name, value)
	}
	return s
}

// play runs script and returns it with the answers that came.
func (d *desk) play(t *testing.T, script []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	headers := http.Header{}
	lines := bufio.NewScanner(bytes.NewReader(script))
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.ContainsAny(line[:1], "#|!+>=@") {
			fmt.Fprintln(&out, line)
		}
		if line == "" {
			continue
		}
		rest := strings.TrimSpace(line[1:])
		switch line[0] {
		case '|':
			name, value, _ := strings.Cut(rest, ":")
			headers[http.CanonicalHeaderKey(name)] = []string{strings.TrimSpace(value)}
		case '=':
			d.consent = rest
		case '!':
			d.bankDoes(t, strings.Fields(d.fill(rest)))
		case '+':
			passed, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			d.Pass(passed)
		case '>':
			f := append(strings.SplitN(rest, " ", 3), "", "")
			d.answer(t, &out, d.ask(f[0], d.fill(f[1]), d.fill(f[2]), headers))
			clear(headers)
		}
	}
	return out.Bytes()
}

// ask makes one request.
func (d *desk) ask(method, path, body string, headers http.Header) *httptest.ResponseRecorder {
	d.request++
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	if u, err := url.ParseRequestURI(path); err == nil {
		r.URL, r.RequestURI = u, path
	} else {
		r.URL = &url.URL{Path: path} // a real server does not even hand it on
	}
	r.Header = http.Header{"X-Request-Id": {fmt.Sprintf("99391c7e-ad88-49ec-a2ad-%012d", d.request)}}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("PSU-IP-Address", "192.0.2.7")
	}
	if d.consent != "" {
		r.Header.Set("Consent-ID", d.consent)
		r.Header.Set("Authorization", "Bearer for:"+d.consent)
	}
	for name, values := range headers {
		if r.Header[name] = values; values[0] == "" {
			delete(r.Header, name)
		}
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

var consentIDs = regexp.MustCompile(`"consentId":"([^"]*)"`)

var resourceIDs = regexp.MustCompile(`"resourceId":"([^"]*)"`)

// answer writes what came, and remembers what later requests may name.
func (d *desk) answer(t *testing.T, out *bytes.Buffer, w *httptest.ResponseRecorder) {
	t.Helper()
	fmt.Fprintln(out, w.Code)
	for _, name := range []string{"Location", "ASPSP-SCA-Approach", "ASPSP-Notification-Support", "ASPSP-Notification-Content", "Allow"} {
		if v := w.Header().Get(name); v != "" {
			fmt.Fprintf(out, "%s: %s\n", name, v)
		}
	}
	if media := w.Header().Get("Content-Type"); media != "application/json" && w.Body.Len() > 0 {
		fmt.Fprintf(out, "Content-Type: %s\n", media)
	}
	if w.Body.Len() > 0 {
		fmt.Fprintln(out, w.Body)
	}
	for i, m := range resourceIDs.FindAllStringSubmatch(w.Body.String(), -1) {
		d.said[fmt.Sprintf("{r%d}", i+1)] = m[1]
	}
	if m := consentIDs.FindStringSubmatch(w.Body.String()); m != nil {
		d.said["{c}"] = m[1]
	}
	for _, m := range pageLinks.FindAllStringSubmatch(w.Body.String(), -1) {
		d.said["{"+m[1]+"}"] = strings.ReplaceAll(m[2], `\u0026`, "&")
	}
}

var pageLinks = regexp.MustCompile(`"(first|previous|next|last|download)":\{"href":"https://api.example/psd2/lon([^"]*)"`)
