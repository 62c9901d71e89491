package xs2a_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kontor/bank/profile"
)

// post sends body to path.
func (s *stage) post(path, media, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header = http.Header{
		"X-Request-Id": {"99391c7e-ad88-49ec-a2ad-000000000001"}, "Psu-Ip-Address": {"192.0.2.7"}, "Content-Type": {media}, "Tpp-Redirect-Uri": {"https://tpp.example/back"},
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// The largest batch that a profile allows is taken, in each form, and one payment more is not.
func TestLargestBulk(t *testing.T) {
	const most = 10_000
	inJSON := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"debtorAccount":{"iban":"SI56191000000123438"},"payments":[`)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"endToEndIdentification":"E-%d","instructedAmount":{"amount":"%d.01","currency":"EUR"},"creditorAccount":{"iban":"DE89370400440532013000"},`+
				`"creditorName":"Žiga Čebela","creditorAddress":{"streetName":"Glavna ulica","buildingNumber":"1","townName":"Kranj","postCode":"4000","country":"SI"},`+
				`"remittanceInformationUnstructured":"%s"}`, i, i+1, strings.Repeat("Račun ", 20))
		}
		b.WriteString("]}")
		return b.String()
	}
	for _, c := range []struct {
		name, product, media string
		body                 func(int) string
		tooMany              string
	}{
		{"JSON", "sepa-credit-transfers", "application/json", inJSON, "payments has more than 10000 payments"},
		{"XML", "pain.001-sepa-credit-transfers", "application/xml", func(n int) string { return painOf("03", n) }, "is more than 10000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openStage(t, "standard", func(p *profile.Profile) { p.Payments.BulkMax = most })
			path := "/v1/bulk-payments/" + c.product
			w := s.post(path, c.media, c.body(most+1))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.tooMany) {
				t.Errorf("one more: %d %.300s", w.Code, w.Body)
			}
			w = s.post(path, c.media, c.body(most))
			if w.Code != http.StatusCreated {
				t.Fatalf("%d %.300s", w.Code, w.Body)
			}
			if err := s.report([]string{"success"}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A body that is larger than any batch can be is not read to its end.
func TestBulkHasItsBounds(t *testing.T) {
	t.Parallel()
	s := openStage(t, "standard", func(p *profile.Profile) { p.Payments.BulkMax = 2000 }) // 3.2 MB
	large := `{"payments":"` + strings.Repeat("x", 2<<20) + `"}`
	for _, c := range []struct{ name, path, body, want string }{
		{"a bulk may be larger than other bodies", "/v1/bulk-payments/sepa-credit-transfers", large, "payments is not a list"},
		{"a single payment may not", "/v1/payments/sepa-credit-transfers", large, "body is larger than 1048576 bytes"},
		{"nor may a standing order", "/v1/periodic-payments/sepa-credit-transfers", large, "body is larger than 1048576 bytes"},
		{"a bulk has an end, too", "/v1/bulk-payments/sepa-credit-transfers", large + strings.Repeat(" ", 2<<20), "body is larger than 3200000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if w := s.post(c.path, "application/json", c.body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %.300s", w.Code, w.Body)
			}
		})
	}
}
