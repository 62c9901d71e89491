package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/kit/eidas"
)

type h = apptest.H

// is checks how a request was answered.
func is(t *testing.T, a apptest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code() != code {
		t.Errorf("got %s, want %d %s", a, status, code)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	ca := s.CA()
	stranger, err := eidas.NewCA("Stranger", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(change func(*eidas.Request)) *tls.Certificate { return apptest.Issue(t, ca, change) }
	defect := func(d eidas.Defect) *tls.Certificate {
		return issue(func(r *eidas.Request) { r.Defect = d })
	}
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		code string
	}{
		{"a good certificate is let in", issue(nil), ""},
		{"a good certificate with an RSA key is let in", issue(func(r *eidas.Request) { r.Key = eidas.RSA }), ""},
		{"no certificate", nil, "CERTIFICATE_MISSING"},
		{"one that has expired", defect(eidas.Expired), "CERTIFICATE_EXPIRED"},
		{"one that is not valid yet", defect(eidas.NotYetValid), "CERTIFICATE_EXPIRED"},
		{"one that says nothing about PSD2", defect(eidas.NoStatement), "CERTIFICATE_INVALID"},
		{"one whose role has two meanings", defect(eidas.RoleNameMismatch), "CERTIFICATE_INVALID"},
		{"one with a weak key", defect(eidas.WeakKey), "CERTIFICATE_INVALID"},
		{"one of an unknown issuer", apptest.Issue(t, stranger, nil), "CERTIFICATE_INVALID"},
		{"one that its holder signed", selfSigned(t), "CERTIFICATE_INVALID"},
		{"a QSealC, which is not for TLS", issue(func(r *eidas.Request) { r.Kind = eidas.QSealC }), "CERTIFICATE_INVALID"},
		{"a server's certificate of the same CA", serverCertificate(t, ca), "CERTIFICATE_INVALID"},
		{"one without the role", issue(func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.PI} }), "ROLE_INVALID"},
		{"one of a bank, which is no TPP", issue(func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.AS} }), "ROLE_INVALID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.Ask(s.Client(tt.cert), http.MethodPost, s.Bank("salt").XS2A+"/v1/consents", h{"TPP-Redirect-URI": "https://sava.example/cb"}, apptest.ConsentBody(30))
			if tt.code == "" {
				is(t, a, http.StatusCreated, "")
				return
			}
			is(t, a, http.StatusUnauthorized, tt.code)
			if tt.code == "ROLE_INVALID" {
				return
			}
			form := url.Values{"grant_type": {"authorization_code"}, "code": {"nothing"}, "client_id": {"PSDSI-BS-5550001"}}
			a = s.Ask(s.Client(tt.cert), http.MethodPost, s.Bank("salt").OAuth+"/token", h{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
			if a.Code() != "invalid_client" || a.Status != http.StatusUnauthorized && a.Status != http.StatusBadRequest {
				t.Errorf("token endpoint: got %s, want invalid_client", a)
			}
		})
	}
}

func selfSigned(t *testing.T) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serverCertificate(t *testing.T, ca *eidas.CA) *tls.Certificate {
	issued, err := ca.IssueServer([]string{"localhost"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair := issued.TLS()
	return &pair
}

// ahead is a clock of the hub that a test moves.
type ahead struct{ by atomic.Int64 }

func (a *ahead) now() time.Time { return time.Now().Add(time.Duration(a.by.Load())) }

func TestTokensAndCodes(t *testing.T) {
	t.Parallel()
	var clock ahead
	s := world(t, func(c *app.Config) { c.SetNow(clock.now) })
	salt, lon := s.Bank("salt"), s.Bank("bankart")
	alpaTPP, ana := s.TPPs[0], s.Personas[0]
	alpaCert := s.Certificate(alpaTPP)
	savaCert := apptest.Issue(t, s.CA(), nil)
	alpa, sava := s.Client(alpaCert), s.Client(savaCert)
	mine := s.Consent(alpaCert, alpaTPP.OrganizationIdentifier, apptest.Redirect, ana)
	second := s.Consent(alpaCert, alpaTPP.OrganizationIdentifier, apptest.Redirect, s.Personas[1])
	theirs := s.Consent(savaCert, "PSDSI-BS-5550001", "https://sava.example/cb", ana)
	accounts := salt.XS2A + "/v1/accounts"
	if a := s.Ask(alpa, http.MethodGet, accounts, mine.Headers(), ""); a.Status != http.StatusOK {
		t.Fatalf("a good read: %s", a)
	}
	sameTPP := s.Client(apptest.Issue(t, s.CA(), func(r *eidas.Request) {
		r.Organization, r.OrganizationIdentifier = alpaTPP.Name, alpaTPP.OrganizationIdentifier
	}))
	for _, tt := range []struct {
		name   string
		by     *http.Client
		header h
		status int
		code   string
	}{
		{"no token", alpa, h{"Consent-ID": mine.ID}, 401, "TOKEN_INVALID"},
		{"a token of another kind", alpa, h{"Consent-ID": mine.ID, "Authorization": "Basic " + mine.Token}, 401, "TOKEN_INVALID"},
		{"a token that was never issued", alpa, h{"Consent-ID": mine.ID, "Authorization": "Bearer " + strings.Repeat("x", 43)}, 401, "TOKEN_UNKNOWN"},
		{"a refresh token", alpa, h{"Consent-ID": mine.ID, "Authorization": "Bearer " + mine.Refresh}, 401, "TOKEN_UNKNOWN"},
		{"a token of another TPP", sava, mine.Headers(), 401, "TOKEN_INVALID"},
		{"a token with another certificate of the same TPP", sameTPP, mine.Headers(), 401, "TOKEN_INVALID"},
		{"a token of another consent of the same TPP", alpa, h{"Consent-ID": mine.ID, "Authorization": "Bearer " + second.Token}, 401, "TOKEN_INVALID"},
		{"another TPP's consent with the own token", sava, h{"Consent-ID": mine.ID, "Authorization": "Bearer " + theirs.Token}, 401, "TOKEN_INVALID"},
		{"no consent", alpa, h{"Authorization": "Bearer " + mine.Token}, 400, "FORMAT_ERROR"},
		{"a token of immense length", alpa, h{"Consent-ID": mine.ID, "Authorization": "Bearer " + strings.Repeat("x", 20000)}, 401, "TOKEN_INVALID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			is(t, s.Ask(tt.by, http.MethodGet, accounts, tt.header, ""), tt.status, tt.code)
		})
	}
	t.Run("a token of one bank at another", func(t *testing.T) {
		a := s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/payments/sepa-credit-transfers", h{"Authorization": "Bearer " + mine.Token}, apptest.Payment("E1", ana.Accounts[0].IBAN, ana.Accounts[1].IBAN, "1.00"))
		is(t, a, 401, "TOKEN_UNKNOWN")
	})
	t.Run("a token for payments does not create consents", func(t *testing.T) {
		pay := s.Login(alpaTPP, ana, "psd2:pay")
		is(t, s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/consents", h{"Authorization": "Bearer " + pay, "TPP-Redirect-URI": apptest.Redirect}, apptest.ConsentBody(30)), 401, "TOKEN_INVALID")
		clock.by.Store(int64(6 * time.Minute)) // it lives for five
		defer clock.by.Store(0)
		is(t, s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/payments/sepa-credit-transfers", h{"Authorization": "Bearer " + pay}, apptest.Payment("E2", ana.Accounts[0].IBAN, ana.Accounts[1].IBAN, "1.00")), 401, "TOKEN_EXPIRED")
	})
	t.Run("codes", func(t *testing.T) { codes(t, s, &clock, alpa, sava, sameTPP) })
	t.Run("a token that is over", func(t *testing.T) {
		clock.by.Store(int64(11 * time.Minute)) // it lives for ten
		defer clock.by.Store(0)
		is(t, s.Ask(alpa, http.MethodGet, accounts, mine.Headers(), ""), 401, "TOKEN_EXPIRED")
	})
	t.Run("after all that, the good token is still good", func(t *testing.T) {
		is(t, s.Ask(alpa, http.MethodGet, accounts, mine.Headers(), ""), 200, "")
	})
}

// codes tries to get tokens for a code in every wrong way, then in the right one, then again.
func codes(t *testing.T, s *apptest.Sandbox, clock *ahead, alpa, sava, sameTPP *http.Client) {
	salt, tpp := s.Bank("salt"), s.TPPs[0]
	c := s.Authorised(s.Certificate(tpp), tpp.OrganizationIdentifier, apptest.Redirect, s.Personas[1])
	good := url.Values{
		"grant_type": {"authorization_code"}, "code": {c.Code}, "redirect_uri": {apptest.Redirect},
		"client_id": {tpp.OrganizationIdentifier}, "code_verifier": {c.Flow.Verifier},
	}
	redeem := func(by *http.Client, change map[string]string) apptest.Answer {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		for k, v := range change {
			if form.Set(k, v); v == "" {
				form.Del(k)
			}
		}
		return s.Ask(by, http.MethodPost, salt.OAuth+"/token", h{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
	}
	if a := redeem(sava, nil); a.Code() != "invalid_client" && a.Code() != "invalid_grant" {
		t.Errorf("another TPP, by the first one's name: %s", a)
	}
	is(t, redeem(sava, map[string]string{"client_id": "PSDSI-BS-5550001"}), 400, "invalid_grant")
	is(t, redeem(alpa, map[string]string{"code": strings.Repeat("x", 43)}), 400, "invalid_grant")
	is(t, redeem(alpa, map[string]string{"grant_type": "password"}), 400, "unsupported_grant_type")
	a := redeem(alpa, nil)
	if a.Status != http.StatusOK {
		t.Fatalf("the code is not redeemed after what others tried: %s", a)
	}
	headers := h{"Consent-ID": c.ID, "Authorization": "Bearer " + a.Get("access_token")}
	is(t, s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts", headers, ""), 200, "")
	is(t, redeem(alpa, nil), 400, "invalid_grant")
	if got := s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts", headers, ""); got.Status != http.StatusUnauthorized {
		t.Errorf("the token of a code that was used twice still reads: %s", got)
	}
	for name, change := range map[string]map[string]string{
		"a wrong verifier":       {"code_verifier": strings.Repeat("v", 43)},
		"no verifier":            {"code_verifier": ""},
		"another redirect URI":   {"redirect_uri": apptest.Redirect + "/"},
		"no redirect URI at all": {"redirect_uri": ""},
	} {
		c = s.Authorised(s.Certificate(tpp), tpp.OrganizationIdentifier, apptest.Redirect, s.Personas[1])
		good.Set("code", c.Code)
		good.Set("code_verifier", c.Flow.Verifier)
		if a := redeem(alpa, change); a.Code() != "invalid_grant" && a.Code() != "invalid_request" || a.Status != http.StatusBadRequest {
			t.Errorf("%s: %s", name, a)
		}
	}
	c = s.Authorised(s.Certificate(tpp), tpp.OrganizationIdentifier, apptest.Redirect, s.Personas[1])
	good.Set("code", c.Code)
	good.Set("code_verifier", c.Flow.Verifier)
	clock.by.Store(int64(61 * time.Second))
	defer clock.by.Store(0)
	is(t, redeem(alpa, nil), 400, "invalid_grant")
}

// other returns an ID of the same shape that names nothing.
func other(id string) string {
	b := []byte(id)
	for i := range b {
		if b[i] >= 'a' && b[i] < 'z' || b[i] >= 'A' && b[i] < 'Z' {
			b[i]++
		}
	}
	return string(b)
}

// TestOthersResources asks as one TPP for everything that another has. The answer must be
// the one for something that does not exist, to the byte: else it would tell that it exists.
func TestOthersResources(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	salt, lon := s.Bank("salt"), s.Bank("bankart")
	ana, tpp := s.Personas[0], s.TPPs[0]
	alpaCert, savaCert := s.Certificate(tpp), apptest.Issue(t, s.CA(), nil)
	alpa, sava := s.Client(alpaCert), s.Client(savaCert)

	his := s.Consent(alpaCert, tpp.OrganizationIdentifier, apptest.Redirect, ana)
	own := s.Consent(savaCert, "PSDSI-BS-5550001", "https://sava.example/cb", ana)
	list := s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts", his.Headers(), "")
	account := firstOf(list, "resourceId")
	entries := s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts/"+account+"/transactions?bookingStatus=booked&dateFrom="+time.Now().AddDate(0, 0, -60).Format(time.DateOnly), his.Headers(), "")
	entry := firstOf(entries, "transactionId")
	pay := s.Login(tpp, ana, "psd2:pay")
	created := s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/payments/sepa-credit-transfers", h{"Authorization": "Bearer " + pay, "TPP-Redirect-URI": apptest.Redirect},
		apptest.Payment("IDOR-1", ana.Accounts[0].IBAN, s.Personas[1].Accounts[0].IBAN, "1.00"))
	payment, paymentSCA := created.Get("paymentId"), path.Base(created.Get("_links", "scaStatus", "href"))
	if account == "" || entry == "" || payment == "" || len(paymentSCA) < 10 {
		t.Fatalf("the first TPP has nothing: %s %s %s", list, entries, created)
	}

	consents, accounts, payments := salt.XS2A+"/v1/consents/", salt.XS2A+"/v1/accounts/", lon.XS2A+"/v1/payments/sepa-credit-transfers/"
	with := func(consent, token string) h { return h{"Consent-ID": consent, "Authorization": "Bearer " + token} }
	ofOwn := func(string) h { return own.Headers() }
	none := func(string) h { return nil }
	for _, tt := range []struct {
		method, address string // %s: the resource of the other
		id              string
		header          func(id string) h
		status          int
		code            string
	}{
		{"GET", consents + "%s", his.ID, none, 403, "CONSENT_UNKNOWN"},
		{"DELETE", consents + "%s", his.ID, none, 403, "CONSENT_UNKNOWN"},
		{"GET", consents + "%s/status", his.ID, none, 403, "CONSENT_UNKNOWN"},
		{"GET", consents + "%s/authorisations", his.ID, none, 403, "CONSENT_UNKNOWN"},
		{"GET", consents + "%s/authorisations/" + his.Authorisation, his.ID, none, 403, "CONSENT_UNKNOWN"},
		{"GET", consents + own.ID + "/authorisations/%s", his.Authorisation, none, 403, "RESOURCE_UNKNOWN"},
		{"GET", salt.XS2A + "/v1/accounts", his.ID, func(id string) h { return with(id, own.Token) }, 401, "TOKEN_INVALID"},
		{"GET", salt.XS2A + "/v1/accounts", his.ID, func(id string) h { return with(id, his.Token) }, 401, "TOKEN_INVALID"},
		{"GET", accounts + "%s", account, ofOwn, 404, "RESOURCE_UNKNOWN"},
		{"GET", accounts + "%s/balances", account, ofOwn, 404, "RESOURCE_UNKNOWN"},
		{"GET", accounts + "%s/transactions?bookingStatus=booked&dateFrom=" + time.Now().Format(time.DateOnly), account, ofOwn, 404, "RESOURCE_UNKNOWN"},
		{"GET", accounts + "%s/transactions/" + entry, account, ofOwn, 404, "RESOURCE_UNKNOWN"},
		{"GET", payments + "%s", payment, none, 404, "RESOURCE_UNKNOWN"},
		{"GET", payments + "%s/status", payment, none, 404, "RESOURCE_UNKNOWN"},
		{"GET", payments + "%s/authorisations", payment, none, 404, "RESOURCE_UNKNOWN"},
		{"GET", payments + "%s/authorisations/" + paymentSCA, payment, none, 404, "RESOURCE_UNKNOWN"},
		// The right payment, below another product or at another bank.
		{"GET", lon.XS2A + "/v1/payments/instant-sepa-credit-transfers/%s", payment, none, 404, "RESOURCE_UNKNOWN"},
		{"GET", lon.XS2A + "/v1/consents/%s", his.ID, none, 403, "CONSENT_UNKNOWN"},
		{"POST", lon.XS2A + "/v1/funds-confirmations", his.ID, func(id string) h { return h{"Consent-ID": id} }, 400, "CONSENT_UNKNOWN"},
	} {
		t.Run(tt.method+" "+strings.TrimPrefix(tt.address, s.API), func(t *testing.T) {
			ask := func(id string) apptest.Answer {
				address, body := tt.address, ""
				if strings.Contains(address, "%s") {
					address = fmt.Sprintf(address, id)
				}
				if tt.method == http.MethodPost {
					body = fmt.Sprintf(`{"account":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"1.00"}}`, ana.Accounts[0].IBAN)
				}
				header := h{"X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721"}
				for k, v := range tt.header(id) {
					header[k] = v
				}
				return s.Ask(sava, tt.method, address, header, body)
			}
			got, unknown := ask(tt.id), ask(other(tt.id))
			is(t, got, tt.status, tt.code)
			if got.Status != unknown.Status || got.Body != unknown.Body {
				t.Errorf("what is another's is answered %s, what does not exist %s", got, unknown)
			}
			for name := range got.Header {
				if _, both := unknown.Header[name]; !both {
					t.Errorf("header %s tells them apart", name)
				}
			}
		})
	}
	// Nothing of it did anything.
	if a := s.Ask(alpa, http.MethodGet, consents+his.ID+"/status", nil, ""); a.Get("consentStatus") != "valid" {
		t.Errorf("the consent: %s", a)
	}
	if a := s.Ask(alpa, http.MethodGet, payments+payment+"/status", nil, ""); a.Get("transactionStatus") != "RCVD" {
		t.Errorf("the payment: %s", a)
	}
}

// firstOf finds the first value of a key anywhere in an answer.
func firstOf(a apptest.Answer, key string) string {
	_, rest, _ := strings.Cut(a.Body, `"`+key+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func TestBodiesOfAllKinds(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	salt, lon := s.Bank("salt"), s.Bank("bankart")
	tpp, ana := s.TPPs[0], s.Personas[0]
	alpa := s.Client(s.Certificate(tpp))
	pay := s.Login(tpp, ana, "psd2:pay")
	funds := fmt.Sprintf(`{"account":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"1.00"}}`, ana.Accounts[0].IBAN)
	for _, at := range []struct {
		name, address, good string
		header              h
	}{
		{"consents", salt.XS2A + "/v1/consents", apptest.ConsentBody(30), h{"TPP-Redirect-URI": apptest.Redirect}},
		{"payments", lon.XS2A + "/v1/payments/sepa-credit-transfers", apptest.Payment("B1", ana.Accounts[0].IBAN, s.Personas[1].Accounts[0].IBAN, "1.00"),
			h{"Authorization": "Bearer " + pay, "TPP-Redirect-URI": apptest.Redirect}},
		{"funds", lon.XS2A + "/v1/funds-confirmations", funds, nil},
	} {
		first := at.good[1:strings.Index(at.good, ":")] // the name of its first field
		for name, body := range map[string]string{
			"nothing":                 " ",
			"truncated":               at.good[:len(at.good)/2],
			"no object":               `[` + at.good + `]`,
			"null":                    `null`,
			"two values":              at.good + at.good,
			"a field twice":           strings.Replace(at.good, `{`, `{`+first+`:null,`, 1),
			"wrong types":             strings.NewReplacer(`":{`, `":[{`, `},"`, `}],"`).Replace(at.good),
			"a number for the object": `{` + first + `:12}`,
			"deep":                    `{"x":` + strings.Repeat(`[`, 200_000) + strings.Repeat(`]`, 200_000) + `,` + at.good[1:],
			"deep objects":            strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000),
			"larger than 1 MiB":       `{"x":"` + strings.Repeat("x", 1<<20) + `",` + at.good[1:],
			"not UTF-8":               strings.Replace(at.good, `{`, "{\"x\":\"\xff\xfe\",", 1),
			"a NUL":                   strings.Replace(at.good, `:`, ":\x00", 1),
			"XML":                     `<Document/>`,
		} {
			t.Run(at.name+": "+name, func(t *testing.T) {
				a := s.Ask(alpa, http.MethodPost, at.address, at.header, body)
				if a.Status != http.StatusBadRequest || a.Code() != "FORMAT_ERROR" {
					t.Errorf("got %s, want 400 FORMAT_ERROR", a)
				}
			})
		}
		t.Run(at.name+": another content type", func(t *testing.T) {
			header := h{"Content-Type": "text/plain"}
			for k, v := range at.header {
				header[k] = v
			}
			is(t, s.Ask(alpa, http.MethodPost, at.address, header, at.good), 415, "FORMAT_ERROR")
		})
		t.Run(at.name+": unknown fields are accepted", func(t *testing.T) {
			a := s.Ask(alpa, http.MethodPost, at.address, at.header, `{"somethingNew":{"x":[1,2]},`+at.good[1:])
			if at.name == "funds" {
				is(t, a, http.StatusBadRequest, "NO_PIIS_ACTIVATION") // nobody allowed it
			} else if a.Status != http.StatusCreated {
				t.Errorf("got %s", a)
			}
		})
		for name, header := range map[string]h{
			"no X-Request-ID":              {"X-Request-ID": ""},
			"an X-Request-ID that is none": {"X-Request-ID": "1234"},
			"no IP address":                {"PSU-IP-Address": ""},
			"an IP address that is none":   {"PSU-IP-Address": "300.1.1.1"},
			"a header of control bytes":    {"PSU-User-Agent": "a\tb"},
		} {
			t.Run(at.name+": "+name, func(t *testing.T) {
				for k, v := range at.header {
					header[k] = v
				}
				a := s.Ask(alpa, http.MethodPost, at.address, header, at.good)
				if at.name == "funds" && name == "no IP address" {
					return // it is not mandatory there
				}
				is(t, a, http.StatusBadRequest, "FORMAT_ERROR")
			})
		}
	}
}

func TestPathsAndMethodsOfAllKinds(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	alpa := s.Client(s.Certificate(s.TPPs[0]))
	for _, b := range s.Banks {
		for _, p := range []string{
			"/v1", "/v1/", "/v2/consents", "/v1/consents/%00", "/v1/consents/..%2f..", "/v1/consents/" + strings.Repeat("a", 5000),
			"/v1/accounts/%27%20OR%201=1/balances", "/v1/payments/sepa-credit-transfers/" + other("abc"), "/v1/payments/unknown/x/status",
			"/v1/accounts/x/transactions?bookingStatus=booked&dateFrom=never", "/v1/accounts/x/transactions?%zz", "/v1/bulk-payments/x", "/oauth/token", "/oauth/authorize?%zz", "/oauth/continue?x=%00",
		} {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"} {
				a := s.Ask(alpa, method, b.XS2A+p, h{"Consent-ID": "x"}, "")
				if a.Status >= 500 || a.Status < 300 && method != "OPTIONS" {
					t.Errorf("%s %s%s: %s", method, b.Code, p, a)
				}
			}
		}
	}
	for _, p := range []string{"/return/", "/return/lon", "/return/lon/x", "/return/nowhere/x", "/return/lon/%00", "/api/connectors/v2/sessions/x/update", "/api/connectors/v2/", "/assets/", "/assets/..%2f", "/%"} {
		for _, method := range []string{"GET", "POST", "PATCH"} {
			req := s.Web + p
			if p == "/%" {
				continue
			}
			if a := s.Ask(s.Client(nil), method, req, nil, ""); a.Status >= 500 || a.Status < 300 && method != "GET" {
				t.Errorf("%s %s: %s", method, p, a)
			}
		}
	}
}
