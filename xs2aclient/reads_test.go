package xs2aclient_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kontor/xs2aclient"
)

func TestReportsAreStreamedBeyondTheTimeout(t *testing.T) {
	t.Parallel()
	b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, "<Document>")
		w.(http.Flusher).Flush()
		time.Sleep(60 * time.Millisecond)
		io.WriteString(w, "</Document>")
	})
	c := b.client(t, func(c *xs2aclient.Config) { c.Timeout = 30 * time.Millisecond })
	report, err := c.Report(t.Context(), "a1", xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: "2026-01-01"}, xs2aclient.AcceptCamt53)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(report.Body)
	if err := errors.Join(err, report.Body.Close()); err != nil || string(text) != "<Document></Document>" || report.ContentType != "application/xml" {
		t.Errorf("%q %q, %v", report.ContentType, text, err)
	}
	if got := b.asked.Header.Get("Accept"); got != "application/xml;schema=camt.053" {
		t.Errorf("Accept: %s", got)
	}
}

func TestReportsAreRefusedLikeAllElse(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(406, `{"tppMessages":[{"category":"ERROR","code":"REQUESTED_FORMATS_INVALID"}]}`))
	var seen xs2aclient.Exchange
	c := b.client(t, func(c *xs2aclient.Config) { c.Observe = func(e xs2aclient.Exchange) { seen = e } })
	if _, err := c.Download(t.Context(), "/v1/accounts/a1/transactions/download/d1", xs2aclient.AcceptMT940); !xs2aclient.Refused(err, "REQUESTED_FORMATS_INVALID") {
		t.Error(err)
	}
	if seen.Operation != "Download" || seen.Status != 406 || len(seen.ResponseBody) == 0 {
		t.Errorf("observed %+v", seen)
	}
	if _, err := c.Download(t.Context(), "https://elsewhere.example/d1", xs2aclient.AcceptMT940); !errors.Is(err, xs2aclient.ErrForeignLink) {
		t.Error(err)
	}
}

func TestPagesTellEveryListAndEveryLink(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{"transactions":{
		"booked":[{"batchIndicator":true,"batchNumberOfTransactions":2,"transactionAmount":{"currency":"EUR","amount":"-3"},
			"remittanceInformationStructured":"RF18A","currencyExchange":[{"exchangeRate":"1.0832"}],
			"entryDetails":[{"transactionAmount":{"currency":"EUR","amount":"-1"}},{"remittanceInformationStructured":{"reference":"RF18B"}}],
			"balanceAfterTransaction":{"balanceType":"interimBooked","balanceAmount":{"currency":"EUR","amount":7.5}}}],
		"information":[{"additionalInformationStructured":{"standingOrderDetails":{"startDate":"2026-01-01","frequency":"Monthly"}}}],
		"_links":{"last":{"href":"/v1/x?cursor=l"},"previous":{"href":"/v1/x?cursor=p"}}},
		"_links":{"download":{"href":"/v1/d"},"last":{"href":"/v1/other"}}}`))
	c := b.client(t, nil)
	page, err := c.Transactions(t.Context(), "a1", xs2aclient.TransactionQuery{BookingStatus: xs2aclient.All, DeltaList: true})
	if err != nil || len(page.Booked) != 1 || len(page.Information) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	entry, order := page.Booked[0], page.Information[0].Structured.StandingOrder
	if !entry.BatchIndicator || entry.BatchNumberOfTransactions != 2 || len(entry.EntryDetails) != 2 || entry.RemittanceInformationStructured != "RF18A" ||
		entry.EntryDetails[1].RemittanceInformationStructured != "RF18B" || entry.CurrencyExchange[0].ExchangeRate != "1.0832" ||
		entry.BalanceAfterTransaction.Amount.Amount != "7.5" || order == nil || order.Frequency != "Monthly" {
		t.Errorf("%+v\n%+v", entry, order)
	}
	if page.Links["download"] != "/v1/d" || page.Links["last"] != "/v1/x?cursor=l" {
		t.Errorf("links %v", page.Links)
	}
	if got := b.asked.URL.RawQuery; got != "bookingStatus=all&deltaList=true" {
		t.Errorf("asked for %s", got)
	}
	if _, err := c.TransactionsAt(t.Context(), page.Links["previous"]); err != nil || b.asked.URL.String() != "/psd2/lon/v1/x?cursor=p" {
		t.Errorf("asked for %s, %v", b.asked.URL, err)
	}
}

func TestReadsAskAtTheirPlaces(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{"cardAccounts":[{"resourceId":"k1","maskedPan":"5355"}],"cardAccount":{"resourceId":"k1"},
		"balances":[{"balanceType":"interimBooked"}],"cardTransactions":{"booked":[{"cardAcceptorAddress":{"country":"SI"}}]},
		"trustedBeneficiaries":[{"creditorName":"Luka"}],"authorisationId":"s2","_links":{"scaOAuth":{"href":"https://idp.example"}}}`))
	c, ctx := b.client(t, nil), t.Context()
	for want, read := range map[string]func() (bool, error){
		"/v1/card-accounts?withBalance=true": func() (bool, error) {
			all, err := c.CardAccounts(ctx, true)
			return len(all) == 1 && all[0].MaskedPAN == "5355", err
		},
		"/v1/card-accounts/k1": func() (bool, error) {
			card, err := c.CardAccount(ctx, "k1", false)
			return card.ResourceID == "k1", err
		},
		"/v1/card-accounts/k1/balances": func() (bool, error) {
			all, err := c.CardBalances(ctx, "k1")
			return len(all.Balances) == 1, err
		},
		"/v1/card-accounts/k1/transactions?bookingStatus=both": func() (bool, error) {
			page, err := c.CardTransactions(ctx, "k1", xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Both})
			return len(page.Booked) == 1 && page.Booked[0].CardAcceptorAddress.Country == "SI", err
		},
		"/v1/trusted-beneficiaries?account-id=a+1": func() (bool, error) {
			all, err := c.TrustedBeneficiaries(ctx, "a 1")
			return len(all) == 1 && all[0].CreditorName == "Luka", err
		},
		"/v1/consents/c1/authorisations": func() (bool, error) {
			started, err := c.StartAuthorisation(ctx, "c1", xs2aclient.Redirects{URI: "https://tpp.example/"})
			return started.AuthorisationID == "s2" && started.Links["scaOAuth"] != "" && b.asked.Method == http.MethodPost, err
		},
		"/v1/consents/c2/authorisations": func() (bool, error) {
			started, err := c.StartAuthorisationAt(ctx, "/v1/consents/c2/authorisations", xs2aclient.Redirects{})
			return started.AuthorisationID == "s2", err
		},
		"/v1/card-accounts/k1/transactions?cursor=c": func() (bool, error) {
			page, err := c.CardTransactionsAt(ctx, "/v1/card-accounts/k1/transactions?cursor=c")
			return len(page.Booked) == 1, err
		},
	} {
		ok, err := read()
		if got := strings.TrimPrefix(b.asked.URL.String(), "/psd2/lon"); !ok || err != nil || got != want {
			t.Errorf("%s, %v: asked for %s", want, err, got)
		}
	}
}

func TestARequestCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(201, `{"consentId":"c1"}`))
	c := b.client(t, nil).WithRequestID("ad2b7c0e-0c0a-4e0f-8a57-8a1c4d7c6b11")
	var seen []string
	for range 2 {
		if _, err := c.CreateConsent(t.Context(), xs2aclient.ConsentRequest{}, xs2aclient.Redirects{}); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, b.asked.Header.Get("X-Request-ID"))
	}
	if seen[0] != "ad2b7c0e-0c0a-4e0f-8a57-8a1c4d7c6b11" || seen[0] != seen[1] {
		t.Error(seen)
	}
}
