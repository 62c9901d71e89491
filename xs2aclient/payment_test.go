package xs2aclient_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kontor/xs2aclient"
)

var (
	transfer = xs2aclient.PaymentRequest{
		InstructedAmount: xs2aclient.Amount{Currency: "EUR", Amount: "1.00"}, CreditorAccount: xs2aclient.AccountReference{IBAN: "DE89370400440532013000"}, CreditorName: "Ana",
	}
	rent = xs2aclient.Standing{StartDate: "2026-04-01", Frequency: "Monthly", DayOfExecution: "1"}
	p1   = xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.SEPACreditTransfers, ID: "p1"}
)

func TestPaymentsAreSentAsTheirServiceHasThem(t *testing.T) {
	t.Parallel()
	const one = `"instructedAmount":{"currency":"EUR","amount":"1.00"},"creditorAccount":{"iban":"DE89370400440532013000"},"creditorName":"Ana"`
	for _, c := range []struct {
		name    string
		payment any
		want    string
		media   string
	}{
		{"a single payment", transfer, "{" + one + "}", "application/json"},
		{"a bulk", xs2aclient.BulkRequest{Payments: []xs2aclient.PaymentRequest{transfer, transfer}}, `{"payments":[{` + one + "},{" + one + "}]}", "application/json"},
		{"a standing order", xs2aclient.PeriodicRequest{PaymentRequest: transfer, Standing: rent}, "{" + one + `,"startDate":"2026-04-01","frequency":"Monthly","dayOfExecution":"1"}`, "application/json"},
		{"XML, as it is", xs2aclient.PainDocument([]byte("<Document/>")), "<Document/>", "application/xml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, says(201, `{"transactionStatus":"RCVD","paymentId":"p1"}`))
			created, err := b.client(t, nil).CreatePayment(t.Context(), "any", "product", c.payment, xs2aclient.Redirects{URI: "https://tpp.example"})
			if err != nil || created.PaymentID != "p1" {
				t.Fatalf("%+v, %v", created, err)
			}
			if diff := cmp.Diff(c.want, string(b.body)); diff != "" {
				t.Error(diff)
			}
			if got := b.asked.Header.Get("Content-Type"); got != c.media {
				t.Errorf("sent as %s", got)
			}
			for _, name := range []string{"TPP-Explicit-Authorisation-Preferred", "TPP-Rejection-NoFunds-Preferred"} {
				if v := b.asked.Header.Get(name); v != "" {
					t.Errorf("%s: %s, which nobody asked for", name, v)
				}
			}
		})
	}
}

func TestStandingOrderInXMLHasBothParts(t *testing.T) {
	t.Parallel()
	d, err := xs2aclient.StandingDocument([]byte("<Document>\r\n</Document>"), rent)
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(d.ContentType)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := multipart.NewReader(bytes.NewReader(d.Body), parameters["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		got[p.FormName()+" "+p.Header.Get("Content-Type")] = string(content)
	}
	want := map[string]string{
		"xml_sct application/xml":                 "<Document>\r\n</Document>",
		"json_standingorderType application/json": `{"startDate":"2026-04-01","frequency":"Monthly","dayOfExecution":"1"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPreferencesAreSaid(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(201, `{"transactionStatus":"RCVD","paymentId":"p1","_links":{"startAuthorisation":{"href":"/v1/x"}}}`))
	c := b.client(t, nil).WithPreferences(xs2aclient.Preferences{ExplicitAuthorisation: true, RejectNoFunds: true})
	if _, err := c.CreatePayment(t.Context(), "payments", "product", transfer, xs2aclient.Redirects{}); err != nil {
		t.Fatal(err)
	}
	if h := b.asked.Header; h.Get("TPP-Explicit-Authorisation-Preferred") != "true" || h.Get("TPP-Rejection-NoFunds-Preferred") != "true" {
		t.Errorf("sent %v", h)
	}
}

func TestCancellationIsDoneOrNot(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(http.StatusNoContent, ""))
	if w, err := b.client(t, nil).CancelPayment(t.Context(), p1, xs2aclient.Redirects{}); err != nil || !w.Done {
		t.Errorf("%+v, %v", w, err)
	}
	if b.asked.Method != http.MethodDelete || b.asked.URL.Path != "/psd2/lon/v1/periodic-payments/sepa-credit-transfers/p1" {
		t.Errorf("asked %s %s", b.asked.Method, b.asked.URL)
	}
	b = newBank(t, says(http.StatusAccepted, `{"transactionStatus":"ACTC","_links":{"scaRedirect":{"href":"https://bank.example/sca"}}}`))
	if w, err := b.client(t, nil).CancelPayment(t.Context(), p1, xs2aclient.Redirects{}); err != nil || w.Done || w.Links["scaRedirect"] != "https://bank.example/sca" {
		t.Errorf("%+v, %v", w, err)
	}
	b = newBank(t, says(http.StatusMethodNotAllowed, `{"tppMessages":[{"category":"ERROR","code":"CANCELLATION_INVALID"}]}`))
	if w, err := b.client(t, nil).CancelPayment(t.Context(), p1, xs2aclient.Redirects{}); err == nil || w.Done {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestAuthorisationsOfPaymentsAndCancellations(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(201, `{"scaStatus":"received","authorisationId":"a1","_links":{}}`))
	const at = "/psd2/lon/v1/periodic-payments/sepa-credit-transfers/p1/"
	if a, err := b.client(t, nil).StartPaymentAuthorisation(t.Context(), p1, xs2aclient.Redirects{}); err != nil || a.AuthorisationID != "a1" || b.asked.URL.Path != at+"authorisations" {
		t.Errorf("%+v, %v at %s", a, err, b.asked.URL)
	}
	if a, err := b.client(t, nil).StartCancellation(t.Context(), p1, xs2aclient.Redirects{}); err != nil || a.AuthorisationID != "a1" || b.asked.URL.Path != at+"cancellation-authorisations" {
		t.Errorf("%+v, %v at %s", a, err, b.asked.URL)
	}
	b = newBank(t, says(200, `{"authorisationIds":["a1"]}`))
	if ids, err := b.client(t, nil).Cancellations(t.Context(), p1); err != nil || len(ids) != 1 || ids[0] != "a1" {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestDocumentsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, "<Document>\r\n</Document>")
	})
	want := xs2aclient.Document{ContentType: "application/xml", Body: []byte("<Document>\r\n</Document>")}
	got, err := b.client(t, nil).PaymentDocument(t.Context(), p1)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = b.client(t, nil).PaymentStatusReport(t.Context(), p1)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if b.asked.Header.Get("Accept") != "application/xml" || b.asked.URL.Path != "/psd2/lon/v1/periodic-payments/sepa-credit-transfers/p1/status" {
		t.Errorf("asked %s for %s", b.asked.URL, b.asked.Header.Get("Accept"))
	}
}
