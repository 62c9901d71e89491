package app_test

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/kit/eidas"
	"kontor/ready"
	"kontor/xs2aclient"
)

// ordered is a payment of a TPP at the standard bank.
type ordered struct {
	service, product string
	id, sca          string // its authorisation
}

func (o ordered) at(id string) string { return "/v1/" + o.service + "/" + o.product + "/" + id }

// orderBodies is one order for each payment service, in JSON, from an account to another.
func orderBodies(from, to ready.Persona) map[string]string {
	single := apptest.Payment("ABUSE-1", from.Accounts[0].IBAN, to.Accounts[0].IBAN, "1.00")
	later := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	item := fmt.Sprintf(`{"instructedAmount":{"currency":"EUR","amount":"1.00"},"creditorAccount":{"iban":%q},"creditorName":"Ana Novak"}`, to.Accounts[0].IBAN)
	return map[string]string{
		xs2aclient.Payments:         single,
		xs2aclient.BulkPayments:     fmt.Sprintf(`{"debtorAccount":{"iban":%q},"payments":[%s,%s]}`, from.Accounts[0].IBAN, item, item),
		xs2aclient.PeriodicPayments: fmt.Sprintf(`%s,"startDate":%q,"frequency":"Monthly"}`, single[:len(single)-1], later),
	}
}

// orderAll creates a payment of each service as by.
func orderAll(t *testing.T, s *apptest.Sandbox, by *http.Client, from, to ready.Persona) (all []ordered) {
	t.Helper()
	for service, body := range orderBodies(from, to) {
		o := ordered{service: service, product: xs2aclient.SEPACreditTransfers}
		a := s.Ask(by, http.MethodPost, s.Bank("standard").XS2A+"/v1/"+service+"/"+o.product, h{"TPP-Redirect-URI": apptest.Redirect}, body)
		o.id, o.sca = a.Get("paymentId"), path.Base(a.Get("_links", "scaStatus", "href"))
		if a.Status != http.StatusCreated || o.id == "" || len(o.sca) < 10 {
			t.Fatalf("%s: %s", service, a)
		}
		all = append(all, o)
	}
	return all
}

// An operation is one of the interface's on a resource. %s is the authorisation.
type operation struct{ method, below string }

// onPayments is every operation on a payment.
var onPayments = []operation{
	{"GET", ""}, {"DELETE", ""}, {"GET", "/status"},
	{"GET", "/authorisations"}, {"POST", "/authorisations"}, {"GET", "/authorisations/%s"}, {"PUT", "/authorisations/%s"},
	{"GET", "/cancellation-authorisations"}, {"POST", "/cancellation-authorisations"}, {"GET", "/cancellation-authorisations/%s"}, {"PUT", "/cancellation-authorisations/%s"},
}

// onFundsConsents is every operation on a consent to confirm funds.
var onFundsConsents = []operation{
	{"GET", ""}, {"DELETE", ""}, {"GET", "/status"}, {"GET", "/authorisations"}, {"POST", "/authorisations"}, {"GET", "/authorisations/%s"}, {"PUT", "/authorisations/%s"},
}

// ask asks for op at address, always in the same words: whatever differs is the resource's.
func (op operation) ask(s *apptest.Sandbox, by *http.Client, address, sca string) apptest.Answer {
	below, body := op.below, ""
	if strings.Contains(below, "%s") {
		below = fmt.Sprintf(below, sca)
	}
	if op.method == "PUT" || op.method == "POST" {
		body = "{}"
	}
	return s.Ask(by, op.method, address+below, h{"X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7722", "TPP-Redirect-URI": "https://localhost:9443/callback", "PSU-ID": "andrei"}, body)
}

// hides checks that what is somebody else's is answered as what does not exist.
func hides(t *testing.T, got, unknown apptest.Answer, codes ...string) {
	t.Helper()
	if got.Status < 400 || got.Status > 499 || !slices.Contains(codes, got.Code()) {
		t.Errorf("got %s, want one of %v", got, codes)
	}
	if got.Status != unknown.Status || got.Body != unknown.Body {
		t.Errorf("what is another's is answered %s, what does not exist %s", got, unknown)
	}
	for name := range got.Header {
		if _, both := unknown.Header[name]; !both {
			t.Errorf("header %s tells them apart", name)
		}
	}
}

// TestOthersPayments asks for every operation on a payment of every service as everybody who
// may not, and by every path that is not its own.
func TestOthersPayments(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, lon := s.Bank("standard"), s.Bank("bankart")
	alpa, sava := s.Client(s.Certificate(s.TPPs[0])), s.Client(apptest.Issue(t, s.CA(), nil))
	reader := s.Client(apptest.Issue(t, s.CA(), func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.AI, eidas.IC} }))
	his := orderAll(t, s, alpa, s.Personas[0], s.Personas[1])
	for i, o := range his {
		address, none := isar.XS2A+o.at(o.id), isar.XS2A+o.at(other(o.id))
		for _, op := range onPayments {
			name := op.method + " " + o.service + op.below
			t.Run(name+" of another TPP", func(t *testing.T) {
				hides(t, op.ask(s, sava, address, o.sca), op.ask(s, sava, none, o.sca), "RESOURCE_UNKNOWN")
			})
			t.Run(name+" without the role", func(t *testing.T) {
				is(t, op.ask(s, reader, address, o.sca), http.StatusUnauthorized, "ROLE_INVALID")
			})
			t.Run(name+" without a certificate", func(t *testing.T) {
				is(t, op.ask(s, s.Client(nil), address, o.sca), http.StatusUnauthorized, "CERTIFICATE_MISSING")
			})
			t.Run(name+" by a wrong path", func(t *testing.T) {
				for _, at := range wrongPaths(o) {
					hides(t, op.ask(s, alpa, isar.XS2A+at.at(o.id), o.sca), op.ask(s, alpa, isar.XS2A+at.at(other(o.id)), o.sca), "RESOURCE_UNKNOWN", "PRODUCT_UNKNOWN", "PRODUCT_INVALID", "SERVICE_INVALID")
				}
			})
			t.Run(name+" at another bank", func(t *testing.T) {
				hides(t, op.ask(s, alpa, lon.XS2A+o.at(o.id), o.sca), op.ask(s, alpa, lon.XS2A+o.at(other(o.id)), o.sca), "RESOURCE_UNKNOWN", "PRODUCT_UNKNOWN", "SERVICE_INVALID", "TOKEN_INVALID")
			})
			if strings.Contains(op.below, "%s") {
				t.Run(name+" of another payment", func(t *testing.T) {
					hides(t, op.ask(s, alpa, address, his[(i+1)%len(his)].sca), op.ask(s, alpa, address, other(o.sca)), "RESOURCE_UNKNOWN")
				})
			}
		}
	}
	for _, o := range his {
		if a := s.Ask(alpa, http.MethodGet, isar.XS2A+o.at(o.id)+"/status", nil, ""); a.Get("transactionStatus") != "RCVD" {
			t.Errorf("after all that, the payment of %s: %s", o.service, a)
		}
		if a := s.Ask(alpa, http.MethodGet, isar.XS2A+o.at(o.id)+"/authorisations", nil, ""); strings.Count(a.Body, `"`) != 4 {
			t.Errorf("after all that, the authorisations of %s: %s", o.service, a)
		}
	}
}

// wrongPaths are below every service and product but o's own.
func wrongPaths(o ordered) (all []ordered) {
	for _, service := range []string{xs2aclient.Payments, xs2aclient.BulkPayments, xs2aclient.PeriodicPayments} {
		for _, product := range []string{xs2aclient.SEPACreditTransfers, xs2aclient.InstantSEPACreditTransfers, xs2aclient.XML + xs2aclient.SEPACreditTransfers, "imagined"} {
			if service != o.service || product != o.product {
				all = append(all, ordered{service: service, product: product})
			}
		}
	}
	return all
}

// TestOthersCancellations asks as another TPP about cancellations that are under way, and has
// another customer come for them.
func TestOthersCancellations(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, ana, andrei := s.Bank("standard"), s.Personas[0], s.Personas[1]
	cert := s.Certificate(s.TPPs[0])
	alpa, sava := s.Client(cert), s.Client(apptest.Issue(t, s.CA(), nil))
	later := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	body := apptest.Payment("ABUSE-2", ana.Accounts[0].IBAN, andrei.Accounts[0].IBAN, "1.00")
	created := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/payments/sepa-credit-transfers", h{"TPP-Redirect-URI": apptest.Redirect}, fmt.Sprintf(`%s,"requestedExecutionDate":%q}`, body[:len(body)-1], later))
	o := ordered{service: xs2aclient.Payments, product: xs2aclient.SEPACreditTransfers, id: created.Get("paymentId")}
	client := s.XS2A(isar, cert)
	m, err := client.Metadata(t.Context(), created.Get("_links", "scaOAuth", "href"))
	if err != nil {
		t.Fatal(err)
	}
	oauth := xs2aclient.OAuth{Metadata: m, ClientID: s.TPPs[0].OrganizationIdentifier, RedirectURI: apptest.Redirect}
	begin := func() xs2aclient.Flow {
		flow, err := oauth.Begin(xs2aclient.ScopeOfPayment(o.id), nil)
		if err != nil {
			t.Fatal(err)
		}
		return flow
	}
	status := func() string {
		return s.Ask(alpa, http.MethodGet, isar.XS2A+o.at(o.id)+"/status", nil, "").Get("transactionStatus")
	}
	// Another customer cannot approve what is not to be paid from her account.
	flow := begin()
	if left, err := s.TryFollow(andrei, flow.URL); err == nil {
		if _, err := flow.Code(left); err == nil {
			t.Error("another customer has approved the payment")
		}
	}
	if got := status(); got == "ACTC" || got == "ACSC" {
		t.Fatalf("another customer has approved it: %s", got)
	}
	flow = begin()
	if _, err := flow.Code(s.Follow(ana, flow.URL)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); status() != "ACTC"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the payment is %s", status())
		}
	}
	asked := s.Ask(alpa, http.MethodDelete, isar.XS2A+o.at(o.id), h{"TPP-Redirect-URI": apptest.Redirect}, "")
	if asked.Status != http.StatusAccepted {
		t.Fatalf("cancellation: %s", asked)
	}
	sca := path.Base(asked.Get("_links", "scaStatus", "href"))
	for _, op := range onPayments {
		t.Run(op.method+" "+op.below+" while it is being cancelled", func(t *testing.T) {
			hides(t, op.ask(s, sava, isar.XS2A+o.at(o.id), sca), op.ask(s, sava, isar.XS2A+o.at(other(o.id)), sca), "RESOURCE_UNKNOWN")
			if strings.Contains(op.below, "%s") {
				hides(t, op.ask(s, alpa, isar.XS2A+o.at(o.id), other(sca)), op.ask(s, alpa, isar.XS2A+o.at(o.id), strings.Repeat("z", len(sca))), "RESOURCE_UNKNOWN")
			}
		})
	}
	flow = begin()
	if left, err := s.TryFollow(andrei, flow.URL); err == nil {
		if _, err := flow.Code(left); err == nil {
			t.Error("another customer has cancelled the payment")
		}
	}
	if got := status(); got != "ACTC" {
		t.Errorf("after another customer came to cancel it: %s", got)
	}
}

// TestOthersFundsConsents does what TestOthersPayments does for consents of the v2 interface.
func TestOthersFundsConsents(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar := s.Bank("standard")
	alpa, sava := s.Client(s.Certificate(s.TPPs[0])), s.Client(apptest.Issue(t, s.CA(), nil))
	reader := s.Client(apptest.Issue(t, s.CA(), func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.AI, eidas.PI} }))
	const at = "/v2/consents/confirmation-of-funds"
	body := fmt.Sprintf(`{"account":{"iban":%q}}`, s.Personas[0].Accounts[0].IBAN)
	created := s.Ask(alpa, http.MethodPost, isar.XS2A+at, h{"TPP-Redirect-URI": apptest.Redirect}, body)
	id, sca := created.Get("consentId"), path.Base(created.Get("_links", "scaStatus", "href"))
	if created.Status != http.StatusCreated || id == "" || len(sca) < 10 {
		t.Fatal(created)
	}
	for _, op := range onFundsConsents {
		t.Run(op.method+" "+op.below, func(t *testing.T) {
			hides(t, op.ask(s, sava, isar.XS2A+at+"/"+id, sca), op.ask(s, sava, isar.XS2A+at+"/"+other(id), sca), "CONSENT_UNKNOWN", "RESOURCE_UNKNOWN")
			hides(t, op.ask(s, alpa, isar.XS2A+"/v1/consents/"+id, sca), op.ask(s, alpa, isar.XS2A+"/v1/consents/"+other(id), sca), "CONSENT_UNKNOWN", "RESOURCE_UNKNOWN")
			is(t, op.ask(s, reader, isar.XS2A+at+"/"+id, sca), http.StatusUnauthorized, "ROLE_INVALID")
			is(t, op.ask(s, s.Client(nil), isar.XS2A+at+"/"+id, sca), http.StatusUnauthorized, "CERTIFICATE_MISSING")
		})
	}
	if a := s.Ask(alpa, http.MethodGet, isar.XS2A+at+"/"+id+"/status", nil, ""); a.Get("consentStatus") != "received" {
		t.Errorf("after all that: %s", a)
	}
}

// onBaskets is every operation on a signing basket.
var onBaskets = []operation{
	{"GET", ""}, {"DELETE", ""}, {"GET", "/status"}, {"GET", "/authorisations"}, {"POST", "/authorisations"}, {"GET", "/authorisations/%s"}, {"PUT", "/authorisations/%s"},
}

// TestOthersBaskets does what TestOthersPayments does for signing baskets, and puts what is
// another's into one.
func TestOthersBaskets(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, lon := s.Bank("standard"), s.Bank("bankart")
	alpa, sava := s.Client(s.Certificate(s.TPPs[0])), s.Client(apptest.Issue(t, s.CA(), nil))
	explicit := h{"TPP-Redirect-URI": apptest.Redirect, "TPP-Explicit-Authorisation-Preferred": "true"}
	var payments []string
	for service, body := range orderBodies(s.Personas[0], s.Personas[1]) {
		a := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/"+service+"/sepa-credit-transfers", explicit, body)
		if a.Status != http.StatusCreated {
			t.Fatalf("%s: %s", service, a)
		}
		payments = append(payments, a.Get("paymentId"))
	}
	consent := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/consents", explicit, apptest.ConsentBody(30)).Get("consentId")
	const at = "/v1/signing-baskets"
	created := s.Ask(alpa, http.MethodPost, isar.XS2A+at, h{"TPP-Redirect-URI": apptest.Redirect}, fmt.Sprintf(`{"paymentIds":[%q,%q]}`, payments[0], payments[1]))
	id := created.Get("basketId")
	started := s.Ask(alpa, http.MethodPost, isar.XS2A+at+"/"+id+"/authorisations", h{"TPP-Redirect-URI": apptest.Redirect}, "{}")
	sca := started.Get("authorisationId")
	if id == "" || sca == "" || consent == "" {
		t.Fatalf("%s %s", created, started)
	}
	for _, op := range onBaskets {
		t.Run(op.method+" "+op.below, func(t *testing.T) {
			hides(t, op.ask(s, sava, isar.XS2A+at+"/"+id, sca), op.ask(s, sava, isar.XS2A+at+"/"+other(id), sca), "RESOURCE_UNKNOWN")
			hides(t, op.ask(s, alpa, lon.XS2A+at+"/"+id, sca), op.ask(s, alpa, lon.XS2A+at+"/"+other(id), sca), "SERVICE_INVALID", "RESOURCE_UNKNOWN", "TOKEN_INVALID")
			is(t, op.ask(s, s.Client(nil), isar.XS2A+at+"/"+id, sca), http.StatusUnauthorized, "CERTIFICATE_MISSING")
			if strings.Contains(op.below, "%s") {
				hides(t, op.ask(s, alpa, isar.XS2A+at+"/"+id, other(sca)), op.ask(s, alpa, isar.XS2A+at+"/"+id, strings.Repeat("z", len(sca))), "RESOURCE_UNKNOWN")
			}
		})
	}
	// Another's payment that is free, one that is in a basket, and a consent.
	for name, member := range map[string][2]string{"payment": {"paymentIds", payments[2]}, "payment in a basket": {"paymentIds", payments[0]}, "consent": {"consentIds", consent}} {
		t.Run("another's "+name+" is put into a basket", func(t *testing.T) {
			put := func(id string) apptest.Answer {
				return s.Ask(sava, http.MethodPost, isar.XS2A+at, h{"X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7723", "TPP-Redirect-URI": "https://sava.example/cb"}, fmt.Sprintf(`{%q:[%q]}`, member[0], id))
			}
			hides(t, put(member[1]), put(other(member[1])), "RESOURCE_UNKNOWN")
		})
	}
	if a := s.Ask(alpa, http.MethodGet, isar.XS2A+at+"/"+id+"/status", nil, ""); a.Get("transactionStatus") != "RCVD" {
		t.Errorf("after all that: %s", a)
	}
}

// TestNotificationAddresses asks with everything that can be created for notifications that
// must not be sent.
func TestNotificationAddresses(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar := s.Bank("standard")
	alpa := s.Client(s.Certificate(s.TPPs[0]))
	creates := map[string]string{
		"/v1/consents": apptest.ConsentBody(30), "/v2/consents/confirmation-of-funds": fmt.Sprintf(`{"account":{"iban":%q}}`, s.Personas[0].Accounts[0].IBAN),
	}
	for service, body := range orderBodies(s.Personas[0], s.Personas[1]) {
		creates["/v1/"+service+"/sepa-credit-transfers"] = body
	}
	for address, body := range creates {
		for _, tt := range []struct {
			name, uri, content string
			support            string // "": refused
		}{
			{"its own address", "https://alpa.example/told", "status=SCA,PROCESS,LAST", "true"},
			{"another's address", "https://isarpay.example/told", "status=PROCESS", "false"},
			{"another's address that looks like its own", "https://alpa.example.isarpay.example/told", "", "false"},
			{"its own name as a user of another's", "https://alpa.example@isarpay.example/told", "", "false"},
			{"an address of the inside", "https://127.0.0.1/told", "", "false"},
			{"where clouds keep their secrets", "https://169.254.169.254/latest/meta-data", "", "false"},
			{"an address without TLS", "http://alpa.example/told", "", "false"},
			{"no address", "told", "", ""},
			{"a header that goes on", "https://alpa.example/\tX-Other: 1", "", ""},
			{"a content that nobody has", "https://alpa.example/told", "status=EVERYTHING", ""},
			{"a content twice", "https://alpa.example/told", "status=SCA,SCA", ""},
		} {
			t.Run("POST "+address+" with "+tt.name, func(t *testing.T) {
				header := h{"TPP-Redirect-URI": apptest.Redirect, "TPP-Notification-URI": tt.uri}
				if tt.content != "" {
					header["TPP-Notification-Content-Preferred"] = tt.content
				}
				a := s.Ask(alpa, http.MethodPost, isar.XS2A+address, header, body)
				if tt.support == "" {
					is(t, a, http.StatusBadRequest, "FORMAT_ERROR")
					return
				}
				if got := a.Header.Get("ASPSP-Notification-Support"); a.Status != http.StatusCreated || got != tt.support {
					t.Errorf("ASPSP-Notification-Support %q, want %q: %s", got, tt.support, a)
				}
				if strings.Contains(a.Body, "isarpay") || a.Header.Get("X-Other") != "" {
					t.Errorf("the answer repeats the address: %s", a)
				}
			})
		}
	}
}
