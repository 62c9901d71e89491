package xs2a_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"kontor/bank/profile"
	"kontor/edge/xs2a"
)

// TestOpenAPI compares doc/spec/xs2a.json with what the code says: the profile standard,
// which offers everything. When the contract changes, xs2a.Version must change with it.
func TestOpenAPI(t *testing.T) {
	p, err := profile.Load("standard")
	if err != nil {
		t.Fatal(err)
	}
	got, err := xs2a.OpenAPI(p, "Kontor XS2A", "")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("..", "..", "doc", "spec", "xs2a.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code says; if that is meant, change xs2a.Version and run go test ./edge/xs2a -update", file)
	}
}

// levels are those of the standard that a bank may have.
var levels = []string{"1.3.6", "1.3.8", "1.3.9", "1.3.11", "1.3.12", "1.3.16"}

// documents returns a document for every built-in profile at every level.
func documents(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range profile.Builtin() {
		for _, level := range levels {
			doc, err := xs2a.Document(bankAt(t, name, level), place)
			if err != nil {
				t.Fatal(err)
			}
			all[name+"-"+level] = doc
		}
	}
	return all
}

var place = xs2a.Place{
	Server: "https://api.kontor.test/psd2/lon", Metadata: "https://api.kontor.test/psd2/lon/oauth/.well-known/oauth-authorization-server",
	Authorize: "https://www.kontor.test/psd2/lon/oauth/authorize", Token: "https://api.kontor.test/psd2/lon/oauth/token",
}

func bankAt(t *testing.T, name, level string) profile.Bank {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	p.SpecLevel = level
	return profile.Bank{Code: "lon", Name: "Lončar Bank", BasePath: "/psd2/lon", ProfileName: name, Profile: p}
}

func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	for name, data := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := openapi3.NewLoader().LoadFromData(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := doc.Validate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOpenAPIIsValidToOthers asks programs that others wrote, where they are installed: the
// document must be valid, and break none of the rules that make one readable.
func TestOpenAPIIsValidToOthers(t *testing.T) {
	t.Parallel()
	every := []string{}
	folder := t.TempDir()
	for name, data := range documents(t) {
		file := filepath.Join(folder, name+".json")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		every = append(every, file)
	}
	own := []string{filepath.Join(folder, "bankart-1.3.8.json"), filepath.Join(folder, "salt-1.3.12.json"), filepath.Join(folder, "standard-1.3.12.json")}
	for _, c := range []struct {
		program     string
		args, files []string
	}{
		{"redocly", []string{"lint", "--max-problems=30"}, every},
		{"openapi-spec-validator", nil, own}, // it needs ten seconds for each
	} {
		t.Run(c.program, func(t *testing.T) {
			if testing.Short() {
				t.Skip("it takes a minute: not asked in -short")
			}
			// It may be there, and too new for the Node.js or Python that is to run it.
			if err := exec.Command(c.program, "--version").Run(); err != nil {
				t.Skipf("not installed: %s (%v)", c.program, err)
			}
			cmd := exec.Command(c.program, append(c.args, c.files...)...)
			cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true") // it tells nobody
			out, err := cmd.CombinedOutput()
			if err != nil || warned.Match(out) {
				t.Errorf("%v\n%.8000s", err, out)
			}
		})
	}
}

var warned = regexp.MustCompile(`[0-9] warning`)

func TestOpenAPIIsNarrowed(t *testing.T) {
	t.Parallel()
	const accounts, list, card = "/v1/accounts", "/v1/accounts/{accountId}/transactions", "/v1/card-accounts"
	param := func(name string) string { return `"name": "` + name + `"` }
	for _, c := range []struct {
		name, profile, level string
		change               func(*profile.Profile)
		has, hasNot          []string
	}{
		{"bankart offers no cards, and payments", "bankart", "1.3.8", nil,
			[]string{`"/v1/{paymentService}/{paymentProduct}"`, `"instant-sepa-credit-transfers"`, `"/v1/funds-confirmations"`}, []string{`"` + card}},
		{"bankart takes consents to confirm funds as any others", "bankart", "1.3.8", nil, []string{`"confirmationOfFundsAllowed"`, `"CARD_INVALID"`}, []string{`"/v2/`}},
		{"standard has a place of their own for them", "standard", "1.3.12", nil,
			[]string{`"/v2/consents/confirmation-of-funds/{consentId}/authorisations/{authorisationId}"`, `"PIIS:\u003cconsentId\u003e"`}, []string{`"confirmationOfFundsAllowed"`}},
		{"a consent at the bank is given at the bank, and has no token", "standard", "1.3.12", func(p *profile.Profile) { p.Funds.ConsentVia = profile.FundsAtBank },
			[]string{`"/v1/funds-confirmations"`}, []string{`"/v2/`, `"confirmationOfFundsAllowed"`}},
		{"salt offers no payments and no confirmations", "salt", "1.3.12", nil, nil, []string{`"/v1/{paymentService}`, `"PAYMENT_FAILED"`, `"/v1/funds-`, `"NO_PIIS_ACTIVATION"`, "PIS:", `"confirmationOfFundsAllowed"`}},
		{"everything is in that of standard", "standard", "1.3.12", nil,
			[]string{`"` + card + `"`, `"/v1/{paymentService}`, `"/v1/funds-confirmations"`, param("withBalance"), `"restrictedTo"`, `"allPsd2"`, `"application/xml"`, `"text/plain"`}, nil},
		{"what came with 1.3.9 is not there before", "standard", "1.3.8", nil, []string{`"restrictedTo"`}, []string{param("itemsPerPage"), param("pageIndex")}},
		{"what came with 1.3.8 is not there before", "standard", "1.3.6", nil, []string{`"allPsd2"`}, []string{`"restrictedTo"`, `"batchIndicator"`, `"entryDetails"`}},
		{"balances in lists are documented where they are shown", "salt", "1.3.12", nil, nil, []string{param("withBalance")}},
		{"the values of bookingStatus are the bank's", "bankart", "1.3.8", nil, []string{`"description": "booked, pending, both."`}, []string{`"information"`}},
		{"formats are the bank's", "standard", "1.3.12", func(p *profile.Profile) { p.Accounts.Formats = []string{"json", "mt940"}; inJSON(p) }, []string{`"text/plain"`}, []string{`"application/xml"`}},
		{"payments in XML are documented", "standard", "1.3.12", func(p *profile.Profile) { p.Accounts.Formats = []string{"json"}; whole(p) },
			[]string{`"application/xml"`, `"multipart/form-data"`, `"bulk-payments"`, `"pain.001-target-2-payments"`, `"CANCELLATION_INVALID"`}, nil},
		{"one service has one body", "standard", "1.3.12", inJSON, []string{`"paymentRequest"`}, []string{`"bulkRequest"`, `"periodicRequest"`, `"anyOf"`, `"periodic-payments"`}},
		{"406 is for reports", "standard", "1.3.12", func(p *profile.Profile) { p.Accounts.Formats = []string{"json"}; inJSON(p) }, []string{`"REQUESTED_FORMATS_INVALID"`}, []string{`"text/plain"`, `"application/xml"`}},
		{"a page has its bounds", "standard", "1.3.12", func(p *profile.Profile) { p.Accounts.ItemsPerPageMax = 321 }, []string{`"maximum": 321`, `"default": 100`}, nil},
		{"a consent has its bounds", "standard", "1.3.12", func(p *profile.Profile) { p.Consent.ValidityDaysMax, p.Consent.FrequencyMax = 77, 3 }, []string{"for 77 days at most", "More than 3 is lowered"}, nil},
		{"a bank without OAuth has no tokens", "bankart", "1.3.8", func(p *profile.Profile) { p.OAuth = profile.OAuth{Mode: profile.OAuthNone} }, []string{`"mutualTLS"`}, []string{`"oauth2"`, `"TOKEN_INVALID"`, `"scaOAuth"`}},
		{"scopes and addresses are the bank's", "bankart", "1.3.8", nil, []string{`"psd2:acc": `, `"psd2:pay": `, place.Authorize, place.Token, place.Metadata, `"url": "` + place.Server}, []string{"AIS:"}},
		{"integrated scopes name the resource", "salt", "1.3.12", nil, []string{`"AIS:\u003cconsentId\u003e"`, `"offline_access"`, `"scaOAuth"`}, []string{`"scaRedirect"`}},
		{"signatures are mandatory where they are", "standard", "1.3.12", func(p *profile.Profile) { p.Signature.Required = true },
			[]string{"\"name\": \"Signature\",\n            \"required\": true"}, nil},
		{"further headers are documented", "salt", "1.3.12", nil, []string{`"x-fapi-interaction-id"`}, nil},
		{"owner names stand in the bank's fields", "bankart", "1.3.8", nil, nil, []string{`"ownerName"`, `"additionalInformation": {\n            "$ref"`}},
		{"models that are off are not documented", "bankart", "1.3.8", nil, nil, []string{`"availableAccounts"`, `"availableAccountsWithBalance"`, `"allPsd2"`, `"restrictedTo"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := bankAt(t, c.profile, c.level)
			if c.change != nil {
				c.change(&b.Profile)
			}
			doc, err := xs2a.Document(b, place)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range append(c.has, accounts, list) {
				if !bytes.Contains(doc, []byte(s)) {
					t.Errorf("%s is not in it", s)
				}
			}
			for _, s := range c.hasNot {
				if bytes.Contains(doc, []byte(s)) {
					t.Errorf("%s is in it", s)
				}
			}
		})
	}
}

// A document in YAML says the same.
// inJSON leaves single payments in JSON.
func inJSON(p *profile.Profile) {
	p.Payments.Products, p.Payments.BulkMax = map[string][]string{"payments": {"sepa-credit-transfers"}}, 0
}

func TestOpenAPIAsYAML(t *testing.T) {
	t.Parallel()
	b := bankAt(t, "salt", "1.3.12")
	asJSON, err := xs2a.Document(b, place)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := xs2a.DocumentYAML(b, place)
	if err != nil {
		t.Fatal(err)
	}
	var one, other any
	if err := errors.Join(json.Unmarshal(asJSON, &one), yaml.Unmarshal(asYAML, &other)); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again, &other); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, other); diff != "" {
		t.Error(diff)
	}
}
