package xs2a_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/edge/xs2a"
)

// Whole reports in the formats of others, through the whole interface. What each format
// makes of each field is tested where it is written, in package report.
func TestReportsInOtherFormats(t *testing.T) {
	t.Parallel()
	d := openDesk(t, "standard", func(a *xs2a.API) {
		a.Bank.Accounts.Formats = []string{"json", "camt.053.001.08", "camt.053.001.02", "camt.052.001.08", "camt.054.001.08", "mt940", "mt942"}
	})
	d.ask("POST", "/v1/consents", consentBody, nil)
	d.bankDoes(t, []string{"allow", "id1", "psu-1"})
	d.consent = "id1"
	list := d.ask("GET", "/v1/accounts", "", nil).Body.String()
	id := resourceIDs.FindStringSubmatch(list)[1]
	const over, running = "dateFrom=2026-02-01&dateTo=2026-02-27", "dateFrom=2026-02-01"
	for _, c := range []struct {
		name, accept, query string
		media               string
		has                 []string
		schema              string
	}{
		{"a statement of days that are over", "application/xml", "bookingStatus=booked&" + over, "application/xml; charset=utf-8",
			[]string{"<BkToCstmrStmt>", ">446.56</Amt>", "<Cd>OPBD</Cd>", ">1234.56</Amt>", "<Cd>CLBD</Cd>", "<AcctSvcrRef>t6</AcctSvcrRef>"}, "camt.053.001.08"},
		{"a statement of an older version", "application/xml;schema=camt.053.001.02", "bookingStatus=booked&" + over, "application/xml; charset=utf-8",
			[]string{"<BkToCstmrStmt>", "<Sts>BOOK</Sts>"}, "camt.053.001.02"},
		{"a report of a day that is running", "application/xml", "bookingStatus=both&" + running, "application/xml; charset=utf-8",
			[]string{"<BkToCstmrAcctRpt>", "<Cd>PDNG</Cd>", "<Cd>BOOK</Cd>"}, "camt.052.001.08"},
		{"a notice of bookings", "application/xml;schema=camt.054", "bookingStatus=booked&" + running, "application/xml; charset=utf-8", []string{"<BkToCstmrDbtCdtNtfctn>"}, "camt.054.001.08"},
		{"a statement as text", "text/plain", "bookingStatus=booked&" + over, "text/plain; charset=us-ascii", []string{":60F:C260131EUR446,56", ":62F:C260227EUR1234,56", ":61:"}, ""},
		{"a report as text", "text/plain", "bookingStatus=both&" + running, "text/plain; charset=us-ascii", []string{":34F:", ":90D:"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := d.ask("GET", "/v1/accounts/"+id+"/transactions?"+c.query, "", http.Header{"Accept": {c.accept}, "Psu-Ip-Address": {"192.0.2.7"}})
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != c.media {
				t.Fatalf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			for _, part := range c.has {
				if !strings.Contains(w.Body.String(), part) {
					t.Errorf("no %s in\n%s", part, w.Body)
				}
			}
			if c.schema != "" {
				xmllint(t, c.schema, w.Body.String())
			}
		})
	}

	t.Run("a download is in any of them", func(t *testing.T) {
		first := d.ask("GET", "/v1/accounts/"+id+"/transactions?itemsPerPage=1&bookingStatus=booked&"+over, "", http.Header{"Psu-Ip-Address": {"192.0.2.7"}})
		download := regexp.MustCompile(`"download":\{"href":"https://api.example/psd2/lon([^"]*)"`).FindStringSubmatch(first.Body.String())[1]
		for range 9 { // more often than a day has reads: it is part of one
			if w := d.ask("GET", download, "", http.Header{"Accept": {"text/plain"}}); w.Code != http.StatusOK || strings.Count(w.Body.String(), ":61:") != 3 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}

// A consent without balances has no statements; a report needs none.
func TestStatementsNeedTheRightToBalances(t *testing.T) {
	t.Parallel()
	d := openDesk(t, "standard")
	d.ask("POST", "/v1/consents", `{"access":{"transactions":[{"iban":"SI56020360253863406"}]},"recurringIndicator":true,"validUntil":"2026-05-01","frequencyPerDay":4,"combinedServiceIndicator":false}`, nil)
	d.bankDoes(t, []string{"allow", "id1", "psu-1"})
	d.consent = "id1"
	id := resourceIDs.FindStringSubmatch(d.ask("GET", "/v1/accounts", "", nil).Body.String())[1]
	ask := func(accept string) (int, string) {
		w := d.ask("GET", "/v1/accounts/"+id+"/transactions?bookingStatus=booked&dateFrom=2026-02-01&dateTo=2026-02-27", "", http.Header{"Accept": {accept}, "Psu-Ip-Address": {"192.0.2.7"}})
		return w.Code, w.Body.String()
	}
	if code, body := ask("application/xml"); code != 200 || !strings.Contains(body, "<BkToCstmrAcctRpt>") || strings.Contains(body, "OPBD") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := ask("application/xml;schema=camt.053"); code != 401 || !strings.Contains(body, "CONSENT_INVALID") {
		t.Errorf("a statement, and nothing else: %d %s", code, body)
	}
}

// What breaks off must not look like a whole.
func TestAReportThatBreaksOffBreaksOffTheConnection(t *testing.T) {
	t.Parallel()
	d := openDesk(t, "standard")
	d.ask("POST", "/v1/consents", consentBody, nil)
	d.bankDoes(t, []string{"allow", "id1", "psu-1"})
	d.consent = "id1"
	id := resourceIDs.FindStringSubmatch(d.ask("GET", "/v1/accounts", "", nil).Body.String())[1]
	d.Bank.PageSize = 2
	d.Bank.FailAfter(3, core.ErrUnavailable) // in the middle of the report
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("it ended with %v", p)
		}
	}()
	w := d.ask("GET", "/v1/accounts/"+id+"/transactions?bookingStatus=booked&dateFrom=2025-01-01", "", http.Header{"Accept": {"application/xml"}})
	t.Errorf("%d %s", w.Code, w.Body)
}

// xmllint holds document against the schema of ISO 20022.
func xmllint(t *testing.T, schema, document string) {
	t.Helper()
	tool, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian: libxml2-utils)")
	}
	xsd := filepath.Join(specs, "iso20022", "xsd", schema+".xsd")
	cmd := exec.Command(tool, "--nonet", "--noout", "--schema", xsd, "-")
	cmd.Stdin = strings.NewReader(document)
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "failed to load") {
			t.Skip("not beside this repository: the schemas of ISO 20022")
		}
		t.Errorf("%v: %s\n%s", err, out, document)
	}
}
