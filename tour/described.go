package tour

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"kontor/ready"
)

// describedSteps show what each bank publishes about itself. Nobody needs a certificate for it.
func describedSteps() []step {
	return []step{
		{"Each bank has a page that says what it can do", readPage},
		{"The same as JSON, for programs", readCapabilities},
		{"Each bank's OpenAPI document has what its JSON says, and nothing else", readOpenAPI},
	}
}

// A capabilities document, as far as the tour reads it.
type capabilities struct {
	Bank   struct{ Code, Profile, TimeZone string }
	Access struct {
		ClientID string
		OAuth    struct {
			Mode   string
			Scopes []struct{ Name string } // of a log-in before anything: to read, to pay
		}
	}
	SCA struct {
		Approaches            []string
		Confirmation          string // code: that the PSU came back is confirmed
		ConfirmationParameter string
	}
	Consents struct {
		Models          map[string]bool
		ValidityDaysMax int
		FrequencyMax    int
	}
	Accounts struct {
		Cards, TrustedBeneficiaries, Downloads bool
		DeltaList, EntryReferenceFrom          bool
		WithBalance                            string
		BookingStatuses                        []string
		Formats                                []struct{ Name string }
		History                                struct {
			Days, FreshSCASeconds int
			Older                 string
		}
	}
	Payments struct {
		Offered        bool
		SigningBaskets bool
		Cancellation   string
		Products       []struct {
			Name, Calendar, CutOff string
			Instant                bool
		}
	}
	Funds     struct{ ConsentVia string }
	Endpoints []struct {
		Operation, Method, Path string
		Offered                 bool
	}
}

// fetches reads what a bank publishes, without a certificate.
func (g *guide) fetches(ctx context.Context, address, accept string) (kind string, body []byte, err error) {
	b := newBrowser(g.roots, g.known, g.print)
	defer b.close()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("Accept", accept)
	resp, err := b.http.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, pageMax))
	g.print.line("    %-9s GET %s → %d %s, %d bytes", "anybody", g.print.place(req.URL), resp.StatusCode, resp.Header.Get("Content-Type"), len(body))
	return resp.Header.Get("Content-Type"), body, all(err, is("status", resp.StatusCode, http.StatusOK))
}

// banks are those that the tour visits.
func (g *guide) banks() []ready.Bank { return []ready.Bank{g.bankart, g.salt, g.standard} }

func readPage(ctx context.Context, g *guide) (string, error) {
	for _, b := range g.banks() {
		kind, body, err := g.fetches(ctx, b.XS2A+"/capabilities", "text/html")
		if err != nil {
			return "", err
		}
		p := parsePage(string(body))
		if !strings.HasPrefix(kind, "text/html") || p.title == "" || !strings.Contains(p.text, b.Profile) {
			return "", fmt.Errorf("%s: the page %q does not say which profile it describes", b.Code, p.title)
		}
	}
	return "three pages", nil
}

// capable reads the JSON of a bank.
func (g *guide) capable(ctx context.Context, b ready.Bank) (c capabilities, err error) {
	kind, body, err := g.fetches(ctx, b.XS2A+"/capabilities", "application/json")
	if err = all(err, is("content type", kind, "application/json")); err != nil {
		return c, err
	}
	return c, json.Unmarshal(body, &c)
}

func readCapabilities(ctx context.Context, g *guide) (string, error) {
	var told []string
	for _, b := range g.banks() {
		c, err := g.capable(ctx, b)
		if err = all(err, is("bank", c.Bank.Code, b.Code), is("profile", c.Bank.Profile, b.Profile), is("days of history", c.Accounts.History.Days, 90),
			is("days of a consent", c.Consents.ValidityDaysMax, 180), is("reads a day", c.Consents.FrequencyMax, 4)); err != nil {
			return "", fmt.Errorf("%s: %w", b.Code, err)
		}
		want := map[string]string{
			"bankart":  "cards false, beneficiaries false, deltaList false, withBalance honour, older by consent within 300 s, 1 formats, payments true",
			"salt":     "cards false, beneficiaries false, deltaList true, withBalance ignore, older by consent within 600 s, 1 formats, payments false",
			"standard": "cards true, beneficiaries true, deltaList true, withBalance honour, older by authorisation within 900 s, 6 formats, payments true",
		}[b.Profile]
		a := c.Accounts
		if err := is("what it can do", fmt.Sprintf("cards %v, beneficiaries %v, deltaList %v, withBalance %s, older by %s within %d s, %d formats, payments %v",
			a.Cards, a.TrustedBeneficiaries, a.DeltaList, a.WithBalance, a.History.Older, a.History.FreshSCASeconds, len(a.Formats), c.Payments.Offered), want); err != nil {
			return "", fmt.Errorf("%s: %w", b.Code, err)
		}
		offered := 0
		for _, e := range c.Endpoints {
			if e.Offered {
				offered++
			}
		}
		told = append(told, fmt.Sprintf("%s %d of %d operations", b.Code, offered, len(c.Endpoints)))
	}
	return strings.Join(told, ", "), nil
}

func readOpenAPI(ctx context.Context, g *guide) (string, error) {
	var told []string
	for _, b := range g.banks() {
		c, err := g.capable(ctx, b)
		if err != nil {
			return "", err
		}
		_, body, err := g.fetches(ctx, b.XS2A+"/openapi.json", "application/json")
		if err != nil {
			return "", err
		}
		var doc struct {
			OpenAPI string
			Servers []struct{ URL string }
			Paths   map[string]map[string]struct {
				OperationID string `json:"operationId"`
				Parameters  []struct {
					Name   string
					Schema struct{ Enum []string }
				}
			}
		}
		if err := json.Unmarshal(body, &doc); err != nil {
			return "", fmt.Errorf("%s: %w", b.Code, err)
		}
		for _, e := range c.Endpoints {
			_, there := doc.Paths[e.Path][strings.ToLower(e.Method)]
			if err := is(e.Method+" "+e.Path+" in the document", there, e.Offered); err != nil {
				return "", fmt.Errorf("%s: %w", b.Code, err)
			}
		}
		report := doc.Paths["/v1/accounts/{accountId}/transactions"]["get"]
		var parameters, statuses []string
		for _, p := range report.Parameters {
			parameters = append(parameters, p.Name)
			if p.Name == "bookingStatus" {
				statuses = p.Schema.Enum
			}
		}
		if err := all(is("deltaList in the document", slices.Contains(parameters, "deltaList"), c.Accounts.DeltaList),
			is("entryReferenceFrom in the document", slices.Contains(parameters, "entryReferenceFrom"), c.Accounts.EntryReferenceFrom),
			is("values of bookingStatus", strings.Join(statuses, ", "), strings.Join(c.Accounts.BookingStatuses, ", "))); err != nil {
			return "", fmt.Errorf("%s: %w", b.Code, err)
		}
		told = append(told, fmt.Sprintf("%s %d paths, bookingStatus %s", b.Code, len(doc.Paths), strings.Join(statuses, "/")))
	}
	return strings.Join(told, "; "), nil
}
