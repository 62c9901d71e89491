package xs2a_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/basket"
	"kontor/bank/basket/basketsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/funds/fundssql"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/edge/xs2a"
	"kontor/kit/audit/auditsql"
	"kontor/kit/eidas"
	"kontor/kit/money"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb/sqldbtest"
)

var update = flag.Bool("update", false, "rewrite testdata with what the API answers now")

// TestPaymentDialogues replays testdata/payment*.txt, testdata/funds*.txt and testdata/basket*.txt.
//
// A line that starts with ">" is a request: method, path, body. Lines above it that start
// with "|" are headers for it. The lines under it are the answer that is expected. "!" is
// what the bank does: how it answers from now on, or what it reports of the last session.
// "+" lets time pass. "X-Request-ID" and "PSU-IP-Address" are sent unless told otherwise;
// "TPP: other" is another TPP, "TPP: both" one that also reads accounts, "TPP: ai" one without
// the roles. "@ standard" before all else is a bank with every service and product, "@ direct"
// one that also cancels without SCA, "@ unmixed" one whose baskets hold one kind, "@ stepping" one that offers
// decoupled and embedded SCA beside redirect, "@ confirming" one where codes confirm that PSUs came back, and "@ verifying" one of level 1.3.16 that verifies payees; without it the bank has the profile
// bankart. A body that begins with @ is a paper.
// {p} and {a} are the payment and the authorisation that the last answers named.
func TestPaymentDialogues(t *testing.T) {
	for _, pattern := range []string{"payment*.txt", "funds*.txt", "basket*.txt"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s, %v", pattern, err)
		}
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				name := "bankart"
				if first, _, _ := strings.Cut(string(want), "\n"); strings.HasPrefix(first, "@ ") {
					name = first[2:]
				}
				got := openStage(t, name).play(t, want)
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

// A stage is the interface of one bank with payments, on SQLite, and that bank.
type stage struct {
	core.Bank // the rest of a bank is not asked
	handler   http.Handler
	auths     *authorisation.Service
	now       time.Time
	answer    string // page, silent, away, refuses, unknown
	session   string // of the last payment, or of its cancellation
	handed    string // session of the last payment
	basket    core.BasketOrder
}

func (s *stage) StartPayment(_ context.Context, o core.PaymentOrder) (*core.Update, error) {
	s.session, s.handed = o.Session, o.Session
	switch s.answer {
	case "away":
		return nil, fmt.Errorf("%w: dial tcp 192.0.2.1:443: connection refused", core.ErrUnavailable)
	case "refuses":
		return nil, fmt.Errorf("%w: InvalidAttributeValue", core.ErrRefused)
	case "unknown":
		return nil, core.ErrUnknownOutcome
	case "silent":
		return nil, nil
	case "poor":
		if o.RejectNoFunds {
			return &core.Update{Status: "RJCT", FundsAvailable: new(false)}, nil
		}
	case "exempts":
		return &core.Update{Status: "ACTC", SCAStatus: "exempted", FundsAvailable: new(true)}, nil
	}
	return &core.Update{Status: "RCVD", RedirectURL: "https://bank.example/sca/1"}, nil
}

// PaymentStatus is not offered: what the hub cannot ask, its clock decides.
func (s *stage) PaymentStatus(context.Context, string, string) (*core.Update, error) {
	return nil, core.ErrNotOffered
}

func (s *stage) CancelPayment(_ context.Context, c core.Cancellation) (*core.Update, error) {
	if c.PaymentSession != s.handed {
		return nil, fmt.Errorf("%w: %s was not handed over", core.ErrPaymentUnknown, c.PaymentSession)
	}
	s.session = c.Session
	switch s.answer {
	case "away":
		return nil, fmt.Errorf("%w: dial tcp 192.0.2.1:443: connection refused", core.ErrUnavailable)
	case "refuses":
		return nil, fmt.Errorf("%w: TooLate", core.ErrRefused)
	case "unknown":
		return nil, core.ErrUnknownOutcome
	case "silent":
		return nil, nil
	case "cancels":
		return &core.Update{Status: "CANC"}, nil
	}
	return &core.Update{RedirectURL: "https://bank.example/sca/3"}, nil
}

func (s *stage) StartBasket(_ context.Context, o core.BasketOrder) (*core.Update, error) {
	s.session, s.basket = o.Session, o
	switch s.answer {
	case "away":
		return nil, fmt.Errorf("%w: dial tcp 192.0.2.1:443: connection refused", core.ErrUnavailable)
	case "refuses":
		return nil, fmt.Errorf("%w: InvalidAttributeValue", core.ErrRefused)
	case "unknown":
		return nil, core.ErrUnknownOutcome
	case "silent":
		return nil, nil
	}
	return &core.Update{RedirectURL: "https://bank.example/sca/4"}, nil
}

func (s *stage) StartSignature(_ context.Context, r core.Signature) (*core.Update, error) {
	switch s.answer {
	case "away":
		return nil, fmt.Errorf("%w: dial tcp 192.0.2.1:443: connection refused", core.ErrUnavailable)
	case "refuses":
		return nil, fmt.Errorf("%w: InvalidAttributeValue", core.ErrRefused)
	}
	s.session = r.Session
	switch r.SCA.Approach {
	case core.Embedded:
		return &core.Update{SCAStatus: "psuIdentified"}, nil
	case core.Decoupled:
		return &core.Update{SCAStatus: "started", PSUMessage: "Open your app."}, nil
	}
	return &core.Update{RedirectURL: "https://bank.example/sign/1"}, nil
}

// members reports that the PSU has approved each member of the last basket.
func (s *stage) members() error {
	var all []string
	for _, p := range s.basket.Payments {
		all = append(all, p.Session)
	}
	for _, a := range s.basket.Accesses {
		all = append(all, a.Session)
	}
	for i, session := range all {
		if err := s.auths.Success(context.Background(), "lon", core.Success{Session: session, UserID: "psu-7", Token: fmt.Sprint("token", i)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) StartAccess(_ context.Context, r core.AccessRequest) (*core.Update, error) {
	s.session = r.Session
	return &core.Update{RedirectURL: "https://bank.example/sca/5"}, nil
}

func (s *stage) StartFundsAccess(_ context.Context, r core.FundsAccessRequest) (*core.Update, error) {
	s.session = r.Session
	return &core.Update{RedirectURL: "https://bank.example/sca/2"}, nil
}

func (s *stage) FundsAvailable(_ context.Context, _ core.Access, _ core.AccountReference, m money.Amount) (bool, error) {
	switch s.answer {
	case "away":
		return false, core.ErrUnavailable
	case "spent":
		return false, nil
	case "withdrawn":
		return false, core.ErrAccessDenied
	}
	return m.Minor <= 10000, nil
}

// report plays an event of the bank: success, signs psu, stumbles, members, fail [status], update <status> [funds], says
// <text for the PSU>, or holds <code that confirms it>.
func (s *stage) report(words []string) error {
	words = append(words, "", "")
	switch words[0] {
	case "members":
		return s.members()
	case "signs": // signs psu-8: one of several signatures
		return s.auths.Success(context.Background(), "lon", core.Success{Session: s.session, UserID: words[1], Partly: true, DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}})
	case "success":
		return s.auths.Success(context.Background(), "lon", core.Success{Session: s.session, UserID: "psu-7", Token: "token", DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}})
	case "stumbles": // a signature is not given, and nobody has refused
		return s.auths.Fail(context.Background(), "lon", core.Fail{Session: s.session, Class: "SignatureNotGiven"})
	case "fail":
		return s.auths.Fail(context.Background(), "lon", core.Fail{Session: s.session, Class: "AccessDenied", Status: words[1]})
	}
	if words[0] == "holds" {
		return s.auths.Update(context.Background(), "lon", held(s.session, words[1]))
	}
	if words[0] == "says" {
		return s.auths.Update(context.Background(), "lon", core.Update{Session: s.session, PSUMessage: strings.TrimSpace(strings.Join(words[1:], " "))})
	}
	u := core.Update{Session: s.session, Status: words[1]}
	switch others, found := strings.CutPrefix(words[2], "others="); {
	case words[2] == "funds":
		u.FundsAvailable = new(true)
	case found: // the second payment of a bulk is rejected, the others are told by one word
		u.Items = &core.ItemStatuses{Told: []core.ItemStatus{{Index: 1, Status: "RJCT", Reason: "AC04"}}, Others: others}
	}
	return s.auths.Update(context.Background(), "lon", u)
}

// whole offers every service and product of the standard, by an interface without OAuth.
func whole(p *profile.Profile) {
	json := []string{"sepa-credit-transfers", "instant-sepa-credit-transfers", "target-2-payments", "cross-border-credit-transfers"}
	var all []string
	for _, product := range json {
		all = append(all, product, "pain.001-"+product)
	}
	p.Payments.Products = map[string][]string{"payments": all, "bulk-payments": all, "periodic-payments": {"sepa-credit-transfers", "pain.001-sepa-credit-transfers"}}
	p.Payments.Enabled, p.Payments.Cancellation, p.Payments.BulkMax = true, profile.CancelAuthorised, 3
	p.Baskets = profile.Baskets{Enabled: true, Mixed: true, SizeMax: 4}
	p.OAuth, p.SCAApproaches = profile.OAuth{Mode: profile.OAuthNone}, []profile.SCAApproach{profile.Redirect}
}

func openStage(t *testing.T, profileName string, change ...func(*profile.Profile)) *stage {
	db := sqldbtest.SQLite(t, auditsql.Migrations, authorisationsql.Migrations, consentsql.Migrations, paymentsql.Migrations, basketsql.Migrations, fundssql.Migrations)
	keys, err := secretbox.Generate()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secretbox.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{now: time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC), answer: "page"}
	clock := func() time.Time { return s.now }
	var ids atomic.Int32
	newID := func() string { return fmt.Sprintf("id%d", ids.Add(1)) }
	steps, confirming := profileName == "stepping", profileName == "confirming"
	if steps || confirming {
		profileName = "standard"
	}
	direct, verifying, unmixed := profileName == "direct", profileName == "verifying", profileName == "unmixed"
	if direct || verifying || unmixed {
		profileName = "standard"
	}
	b, err := profile.Load(profileName)
	if err != nil {
		t.Fatal(err)
	}
	if profileName == "standard" {
		whole(&b)
	}
	if profileName == "standard" && unmixed {
		b.Baskets.Mixed = false
	}
	if direct {
		b.Payments.Cancellation = profile.CancelDirect
	}
	if verifying {
		b.SpecLevel, b.Payments.PayeeVerification = "1.3.16", true
	}
	if steps {
		b.SCAApproaches = []profile.SCAApproach{profile.Redirect, profile.Decoupled, profile.Embedded}
	}
	if confirming {
		b.SCAConfirmation.Mode = profile.ConfirmByCode
	}
	for _, change := range change {
		change(&b)
	}
	b.FirstUpdateWait = 10 * time.Millisecond
	bank := profile.Bank{Code: "lon", BIC: "LONBSI2X", BasePath: "/psd2/lon", Zone: time.UTC, Profile: b}
	cores, banks := map[string]core.Bank{"lon": s}, map[string]profile.Bank{"lon": bank}
	record := auditsql.Log{DB: db}
	returnURL := func(bank, key string) string { return "https://hub.example/return/" + bank + "/" + key }
	s.auths = &authorisation.Service{Store: authorisationsql.Store{DB: db}, Cores: cores, Atomically: db.Atomically, Now: clock, NewID: newID}
	log := slog.New(slog.DiscardHandler)
	consents := &consent.Service{
		Store: consentsql.Store{DB: db, Box: box}, Authorisations: s.auths, Cores: cores, Banks: banks, Audit: record, Atomically: db.Atomically,
		RevokeTokens: func(context.Context, string, string) error { return nil }, ReturnURL: returnURL, Now: clock, NewID: newID, Log: log,
	}
	paying := &payment.Service{
		Store: paymentsql.Store{DB: db}, Authorisations: s.auths, Cores: cores, Banks: banks, Audit: record, Atomically: db.Atomically,
		ReturnURL: returnURL, Now: clock, NewID: newID, Log: log,
	}
	together := &basket.Service{
		Store: basketsql.Store{DB: db}, Payments: paying, Consents: consents, Authorisations: s.auths, Cores: cores, Banks: banks, Audit: record,
		Atomically: db.Atomically, ReturnURL: returnURL, Now: clock, NewID: newID, Log: log,
	}
	s.auths.Subjects = map[authorisation.Kind]authorisation.Subject{
		authorisation.OfConsent: consents, authorisation.OfPayment: paying, authorisation.OfCancellation: paying, authorisation.OfBasket: together,
	}
	api := &xs2a.API{
		Bank: bank, BaseURL: "https://api.example/psd2/lon", MetadataURL: "https://hub.example/.well-known/oauth-authorization-server/lon",
		Consents: consents, Authorisations: s.auths, Payments: paying, Baskets: together, Now: clock, Log: log,
		Funds: &funds.Service{Consents: consents, Cores: cores, Answers: fundssql.Store{DB: db}, Audit: record, Now: clock},
		Identify: func(r *http.Request) (tpp.TPP, error) {
			switch r.Header.Get("TPP") {
			case "other":
				return tpp.TPP{ID: "PSDSI-BS-7654321", Name: "Drugi", DNSNames: []string{"tpp.example"}, Roles: []eidas.Role{eidas.PI, eidas.IC}}, nil
			case "ai":
				return tpp.TPP{ID: "PSDSI-BS-1111111", Name: "Bralec", Roles: []eidas.Role{eidas.AI}}, nil
			case "both":
				return tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Plačilo d.o.o.", DNSNames: []string{"tpp.example"}, Roles: []eidas.Role{eidas.PI, eidas.AI}}, nil
			case "none":
				return tpp.TPP{}, tpp.ErrCertificateMissing
			}
			return tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Plačilo d.o.o.", DNSNames: []string{"tpp.example"}, Roles: []eidas.Role{eidas.PI, eidas.IC}}, nil
		},
		CheckToken: func(context.Context, string, string, tpp.TPP) (xs2a.Bearer, error) {
			return xs2a.Bearer{Payments: true, Accounts: true, PSU: "psu-7"}, nil
		},
	}
	s.handler = watch(t, b, api.Handler())
	return s
}

// blank ends a line, and those behind it that have nothing in them: an empty line of an answer
// would be taken for one of the script.
var blank = regexp.MustCompile(`[\r\n]+`)

// saidIDs finds the identifiers of a payment and of an authorisation in an answer.
var saidIDs = regexp.MustCompile(`(paymentId":"|authorisations/)(\w+)`)

// play runs script and returns it with the answers that came.
func (s *stage) play(t *testing.T, script []byte) []byte {
	var out bytes.Buffer
	headers, sent := http.Header{}, map[string]string{}
	said, last := strings.NewReplacer(), map[string]string{}
	request := 0
	for lines := bufio.NewScanner(bytes.NewReader(script)); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.ContainsAny(line[:1], "#|!+>@") {
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
		case '!':
			words := strings.Fields(rest)
			if words[0] == "success" || words[0] == "signs" || words[0] == "stumbles" || words[0] == "members" || words[0] == "fail" || words[0] == "update" || words[0] == "says" || words[0] == "holds" {
				if err := s.report(words); err != nil {
					fmt.Fprintln(&out, err)
				}
			} else {
				s.answer = words[0]
			}
		case '+':
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			s.now = s.now.Add(d)
			if _, err := s.auths.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		case '>':
			request++
			f := append(strings.SplitN(rest, " ", 3), "", "")
			f[1] = said.Replace(f[1])
			body, media := paper(t, f[2])
			r := httptest.NewRequest(f[0], f[1], strings.NewReader(body))
			r.Header = http.Header{
				"X-Request-Id": {fmt.Sprintf("99391c7e-ad88-49ec-a2ad-%012d", request)}, "Psu-Ip-Address": {"192.0.2.7"}, "Content-Type": {media},
				"Authorization": {"Bearer x"}, "Tpp-Redirect-Uri": {"https://tpp.example/back"},
			}
			for name, values := range headers {
				if r.Header[name] = values; values[0] == "" {
					delete(r.Header, name)
				}
			}
			clear(headers)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			fmt.Fprintln(&out, w.Code)
			for _, name := range []string{"Location", "ASPSP-SCA-Approach", "ASPSP-Notification-Support", "ASPSP-Notification-Content", "Allow"} {
				if v := w.Header().Get(name); v != "" {
					fmt.Fprintf(&out, "%s: %s\n", name, v)
				}
			}
			if media := w.Header().Get("Content-Type"); media != "application/json" && w.Body.Len() > 0 {
				fmt.Fprintf(&out, "Content-Type: %s\n", media)
			}
			switch {
			case f[0] == http.MethodGet && sent[f[1]] != "" && sent[f[1]] == w.Body.String():
				fmt.Fprintln(&out, "the very bytes that were sent")
			case w.Body.Len() > 0:
				fmt.Fprintln(&out, blank.ReplaceAllString(strings.TrimSpace(w.Body.String()), "\n"))
			}
			for _, ids := range saidIDs.FindAllStringSubmatch(w.Body.String(), -1) {
				last[ids[1]] = ids[2]
			}
			said = strings.NewReplacer("{p}", last["paymentId\":\""], "{a}", last["authorisations/"])
			if where := w.Header().Get("Location"); w.Code == http.StatusCreated {
				sent[strings.TrimPrefix(where, "https://api.example/psd2/lon")] = body
			}
		}
	}
	return out.Bytes()
}
