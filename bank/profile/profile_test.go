package profile_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"kontor/bank/profile"
)

func load(t *testing.T, name string) profile.Profile {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatalf("profile %s: %v", name, err)
	}
	return p
}

func TestBuiltIn(t *testing.T) {
	t.Parallel()
	if got := profile.Builtin(); !slices.Equal(got, []string{"bankart", "salt", "standard"}) {
		t.Fatalf("built in: %v", got)
	}
	bankart, salt, standard := load(t, "bankart"), load(t, "salt"), load(t, "standard")
	for _, c := range []struct {
		name  string
		holds bool
	}{
		{"bankart asks for a token of five minutes before any call", bankart.OAuth.Mode == profile.OAuthPreStep && bankart.OAuth.TokenTTL == 5*time.Minute},
		{"bankart names its scopes psd2:acc and psd2:pay", bankart.OAuth.Scopes == profile.PreStepScopes{Accounts: "psd2:acc", Payments: "psd2:pay"}},
		{"bankart issues client ids in its portal", bankart.ClientIdentification == profile.ByPortalKey},
		{"bankart authenticates by plain redirect", slices.Equal(bankart.SCAApproaches, []profile.SCAApproach{profile.Redirect})},
		{"bankart opens old transactions for five minutes", bankart.Accounts.HistoryDays == 90 && bankart.Accounts.FreshSCAWindow == 5*time.Minute},
		{"bankart offers instant payments", bankart.Payments.Offers("payments", "instant-sepa-credit-transfers")},
		{"bankart needs the debtor account", !bankart.Payments.DebtorAccountOptional},
		{"salt lets SCA happen inside OAuth, with PKCE", salt.OAuth.Mode == profile.OAuthIntegrated && salt.OAuth.PKCERequired},
		{"salt leads every PSU through the choice of accounts", salt.Consent.ForceBankOffered},
		{"salt keeps a one-off consent for ten minutes of one day", salt.Consent.OneOffWindow == 10*time.Minute && salt.Consent.OneOffStrict},
		{"salt has no payments", !salt.Payments.Offers("payments", "sepa-credit-transfers")},
		{"salt answers with an interaction id", slices.Equal(salt.ExtraResponseHeaders, []string{"x-fapi-interaction-id"})},
		{"standard offers every model of consent", standard.Consent.Dedicated && standard.Consent.BankOffered && standard.Consent.Global && standard.Consent.AvailableAccounts},
		{"standard confirms funds", standard.Funds.Enabled},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.holds {
				t.Error("it does not")
			}
		})
	}
	if _, err := profile.Load("nobody"); !errors.Is(err, profile.ErrUnknown) {
		t.Errorf("an unknown profile: %v", err)
	}
}

// Every built-in file names every switch, and standard explains each: it is the page of
// documentation.
func TestEverySwitchIsWrittenAndExplained(t *testing.T) {
	t.Parallel()
	want := keysOf(reflect.TypeFor[profile.Profile](), "")
	for _, name := range profile.Builtin() {
		file, err := profile.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(file, &doc); err != nil {
			t.Fatal(err)
		}
		explained := map[string]bool{}
		comments(doc.Content[0], "", explained)
		for _, key := range want {
			comment, written := explained[key]
			if !written {
				t.Errorf("%s.yaml does not set %s", name, key)
			} else if name == "standard" && !comment {
				t.Errorf("standard.yaml does not explain %s", key)
			}
		}
	}
}

func keysOf(t reflect.Type, prefix string) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("yaml")
		keys = append(keys, key)
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type, key+".")...)
		}
	}
	return keys
}

func comments(n *yaml.Node, prefix string, into map[string]bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		into[prefix+key.Value] = key.HeadComment != ""
		if value.Kind == yaml.MappingNode {
			comments(value, prefix+key.Value+".", into)
		}
	}
}

// rules sets those of a product that is offered.
func rules(r profile.ProductRules) func(*profile.Profile) {
	return func(p *profile.Profile) {
		p.Payments.ProductRules = map[string]profile.ProductRules{"sepa-credit-transfers": r}
	}
}

func TestProductRules(t *testing.T) {
	t.Parallel()
	own := profile.ProductRules{Currencies: []string{"RON"}, Calendar: profile.Weekdays, CutOff: "15:00"}
	p := load(t, "standard").Payments
	p.ProductRules = map[string]profile.ProductRules{"domestic-credit-transfers-ro": own}
	for _, c := range []struct {
		name  string
		holds bool
	}{
		{"a product of the bank's own has its own rules", p.Rules("domestic-credit-transfers-ro").CutOff == "15:00"},
		{"and the same in XML", p.Rules("pain.001-domestic-credit-transfers-ro").CutOff == "15:00"},
		{"SEPA is in euro, to the hour of four", p.Rules("sepa-credit-transfers").SEPA && p.Rules("sepa-credit-transfers").CutOff == "16:00"},
		{"so it is in XML", p.Rules("pain.001-sepa-credit-transfers").SEPA},
		{"instant payments are made on every day", p.Rules("instant-sepa-credit-transfers").Instant && p.Rules("instant-sepa-credit-transfers").Calendar == profile.Always},
		{"TARGET is in euro, and no SEPA", !p.Rules("target-2-payments").SEPA && slices.Equal(p.Rules("target-2-payments").Currencies, []string{"EUR"})},
		{"across borders every currency goes", p.Rules("cross-border-credit-transfers").Currencies == nil},
		{"what nobody knows has no rules but those of all payments", p.Rules("barter").Calendar == profile.Always && p.Rules("barter").Currencies == nil},
	} {
		if !c.holds {
			t.Errorf("%s: it does not hold", c.name)
		}
	}
}

func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, profile string
		change        func(*profile.Profile)
		message       string
	}{
		{"a level of the standard that does not exist", "standard", func(p *profile.Profile) { p.SpecLevel = "1.4" }, "specLevel"},
		{"an unknown kind of client_id", "standard", func(p *profile.Profile) { p.ClientIdentification = "name" }, "clientIdentification"},
		{"an unknown place for OAuth", "standard", func(p *profile.Profile) { p.OAuth.Mode = "sometimes" }, "oauth.mode"},
		{"portal keys where no OAuth asks for them", "bankart", func(p *profile.Profile) {
			p.OAuth = profile.OAuth{Mode: profile.OAuthNone}
		}, "clientIdentification: a portalKey is an OAuth client_id"},
		{"refresh tokens without tokens", "bankart", func(p *profile.Profile) {
			p.ClientIdentification, p.OAuth = profile.ByOrganizationIdentifier, profile.OAuth{Mode: profile.OAuthNone, RefreshToken: true}
		}, "oauth.refreshToken"},
		{"PKCE without codes", "bankart", func(p *profile.Profile) {
			p.ClientIdentification, p.OAuth = profile.ByOrganizationIdentifier, profile.OAuth{Mode: profile.OAuthNone, PKCERequired: true}
		}, "oauth.pkceRequired"},
		{"rich requests for a log-in", "bankart", func(p *profile.Profile) { p.OAuth.RichRequests = true }, "oauth.richRequests"},
		{"FAPI 2.0 without PKCE", "bankart", func(p *profile.Profile) { p.OAuth.FAPI2 = true }, "oauth.pkceRequired: FAPI 2.0"},
		{"FAPI 2.0 without OAuth", "bankart", func(p *profile.Profile) {
			p.ClientIdentification, p.OAuth = profile.ByOrganizationIdentifier, profile.OAuth{Mode: profile.OAuthNone, FAPI2: true}
		}, "oauth.fapi2"},
		{"a pre-step without a scope for accounts", "bankart", func(p *profile.Profile) { p.OAuth.Scopes.Accounts = "" }, "oauth.scopes.accounts"},
		{"a pre-step without a scope for payments that are on", "bankart", func(p *profile.Profile) { p.OAuth.Scopes.Payments = "" }, "oauth.scopes.payments"},
		{"one scope that opens accounts and payments", "bankart", func(p *profile.Profile) { p.OAuth.Scopes.Payments = "psd2:acc" }, "oauth.scopes: accounts and payments"},
		{"a scope with a space", "bankart", func(p *profile.Profile) { p.OAuth.Scopes.Payments = "psd2 pay" }, "is not one OAuth scope"},
		{"a refreshed log-in", "bankart", func(p *profile.Profile) { p.OAuth.RefreshToken = true }, "oauth.refreshToken"},
		{"pre-step scopes where OAuth is integrated", "salt", func(p *profile.Profile) { p.OAuth.Scopes.Accounts = "psd2:acc" }, "oauth.scopes: only preStep"},
		{"tokens that live for no time", "salt", func(p *profile.Profile) { p.OAuth.TokenTTL = 0 }, "oauth.tokenTTL"},
		{"codes that live for longer than a minute", "salt", func(p *profile.Profile) { p.OAuth.CodeTTL = 2 * time.Minute }, "oauth.codeTTL"},
		{"a start that nobody knows", "salt", func(p *profile.Profile) { p.StartAuthorisation = "later" }, "startAuthorisation"},
		{"no way to authenticate", "salt", func(p *profile.Profile) { p.SCAApproaches = nil }, "scaApproaches"},
		{"a way to authenticate that is not offered", "salt", func(p *profile.Profile) { p.SCAApproaches = []profile.SCAApproach{"palmistry"} }, `scaApproaches: "palmistry"`},
		{"encrypted passwords that nobody can send", "salt", func(p *profile.Profile) { p.EncryptedPasswords = true }, "encryptedPasswords: there are no passwords"},
		{"a confirmation that nobody knows", "bankart", func(p *profile.Profile) { p.SCAConfirmation.Mode = "nod" }, `scaConfirmation.mode: "nod"`},
		{"codes that no browser could bring", "salt", func(p *profile.Profile) { p.SCAConfirmation.Mode = profile.ConfirmByCode }, "scaConfirmation.mode: a code comes with"},
		{"a parameter that would be two", "bankart", func(p *profile.Profile) { p.SCAConfirmation.Parameter = "code=1&x" }, "scaConfirmation.parameter"},
		{"a parameter without a name", "bankart", func(p *profile.Profile) { p.SCAConfirmation.Parameter = "" }, "scaConfirmation.parameter"},
		{"a way to authenticate that stands there twice", "salt", func(p *profile.Profile) {
			p.SCAApproaches = []profile.SCAApproach{profile.OAuthSCA, profile.OAuthSCA}
		}, "twice"},
		{"plain redirect beside integrated OAuth", "salt", func(p *profile.Profile) { p.SCAApproaches = []profile.SCAApproach{profile.Redirect} }, "scaApproaches: redirect"},
		{"OAuth as SCA after a pre-step", "bankart", func(p *profile.Profile) { p.SCAApproaches = []profile.SCAApproach{profile.OAuthSCA} }, "scaApproaches: oauth needs"},
		{"no time for SCA", "salt", func(p *profile.Profile) { p.SCATimeout = 0 }, "scaTimeout"},
		{"no time for the bank's first word", "salt", func(p *profile.Profile) { p.FirstUpdateWait = 0 }, "firstUpdateWait"},
		{"no model of consent", "bankart", func(p *profile.Profile) { p.Consent.Dedicated = false }, "consent: with every model off"},
		{"forced choice of accounts without bank-offered consents", "salt", func(p *profile.Profile) { p.Consent.BankOffered = false }, "consent.forceBankOffered"},
		{"a consent for longer than the law allows", "salt", func(p *profile.Profile) { p.Consent.ValidityDaysMax = 181 }, "consent.validityDaysMax"},
		{"a consent that may never be used", "salt", func(p *profile.Profile) { p.Consent.FrequencyMax = 0 }, "consent.frequencyMax"},
		{"a window that ends before it begins", "salt", func(p *profile.Profile) { p.Consent.OneOffWindow = -time.Minute }, "consent.oneOffWindow"},
		{"an unknown booking status", "salt", func(p *profile.Profile) { p.Accounts.BookingStatuses = []string{"booked", "every"} }, `accounts.bookingStatuses: "every"`},
		{"no booked transactions", "salt", func(p *profile.Profile) { p.Accounts.BookingStatuses = []string{"pending"} }, "booked is missing"},
		{"both without pending", "salt", func(p *profile.Profile) { p.Accounts.BookingStatuses = []string{"booked", "both"} }, "both shows pending"},
		{"an unknown answer to withBalance", "salt", func(p *profile.Profile) { p.Accounts.WithBalance = "perhaps" }, "accounts.withBalance"},
		{"no way to name an account", "salt", func(p *profile.Profile) { p.Accounts.ReferenceTypes = nil }, "accounts.referenceTypes"},
		{"an unknown way to name an account", "salt", func(p *profile.Profile) { p.Accounts.ReferenceTypes = []string{"iban", "nickname"} }, `accounts.referenceTypes: "nickname"`},
		{"cards that cannot be named", "bankart", func(p *profile.Profile) { p.Accounts.Cards = true }, "accounts.cards"},
		{"no history", "salt", func(p *profile.Profile) { p.Accounts.HistoryDays = 0 }, "accounts.historyDays"},
		{"a fresh window before SCA", "salt", func(p *profile.Profile) { p.Accounts.FreshSCAWindow = -1 }, "accounts.freshScaWindow"},
		{"pages larger than the largest", "salt", func(p *profile.Profile) { p.Accounts.ItemsPerPageDefault = 501 }, "accounts.itemsPerPageDefault"},
		{"pages without a bound", "salt", func(p *profile.Profile) { p.Accounts.ItemsPerPageMax = 5000 }, "accounts.itemsPerPageMax"},
		{"payments without a product", "bankart", func(p *profile.Profile) { p.Payments.Products = nil }, "payments.products"},
		{"products without payments", "bankart", func(p *profile.Profile) { p.Payments.Enabled = false }, "payments.enabled is false"},
		{"an optional debtor account without payments", "salt", func(p *profile.Profile) { p.Payments.DebtorAccountOptional = true }, "payments.debtorAccountOptional"},
		{"a payment service that there is not", "bankart", func(p *profile.Profile) {
			p.Payments.Products["loans"] = []string{"sepa-credit-transfers"}
		}, "payments.products.loans: this is no payment service"},
		{"bulks without a bound", "standard", func(p *profile.Profile) { p.Payments.BulkMax = 0 }, "payments.bulkMax"},
		{"bulks of a million", "standard", func(p *profile.Profile) { p.Payments.BulkMax = 10_001 }, "payments.bulkMax"},
		{"a bound of bulks that there are not", "bankart", func(p *profile.Profile) { p.Payments.BulkMax = 5 }, "payments.bulkMax"},
		{"series that never meet a closed day", "standard", func(p *profile.Profile) { p.Payments.ExecutionRules = nil }, "payments.executionRules"},
		{"an execution rule that nobody knows", "standard", func(p *profile.Profile) { p.Payments.ExecutionRules = []string{"nearest"} }, `payments.executionRules: "nearest"`},
		{"an XML product in no version", "standard", func(p *profile.Profile) { p.Payments.PainVersions = nil }, "no version of it"},
		{"versions of XML that no product has", "bankart", func(p *profile.Profile) { p.Payments.PainVersions = []string{"pain.001.001.03"} }, "payments.painVersions"},
		{"a version that nobody reads", "standard", func(p *profile.Profile) { p.Payments.PainVersions = []string{"pain.001.001.12"} }, `payments.painVersions: "pain.001.001.12"`},
		{"a report that nobody writes", "standard", func(p *profile.Profile) { p.Payments.StatusReportVersion = "pain.002" }, "payments.statusReportVersion"},
		{"reports of XML that there is not", "bankart", func(p *profile.Profile) { p.Payments.StatusReportVersion = "pain.002.001.03" }, "payments.statusReportVersion"},
		{"a check of names before it was thought of", "standard", func(p *profile.Profile) {
			p.SpecLevel, p.Payments.PayeeVerification = "1.3.12", true
		}, "payments.payeeVerification: it came with level 1.3.16, and specLevel is 1.3.12"},
		{"a check of names without SEPA payments", "standard", func(p *profile.Profile) {
			p.SpecLevel, p.Payments.PayeeVerification = "1.3.16", true
			p.Payments.Products = map[string][]string{"payments": {"target-2-payments", "pain.001-target-2-payments"}, "bulk-payments": {"target-2-payments"}, "periodic-payments": {"target-2-payments"}}
		}, "payments.payeeVerification: it is for SEPA payments"},
		{"a check of names without payments", "salt", func(p *profile.Profile) {
			p.SpecLevel, p.Payments.PayeeVerification = "1.3.16", true
		}, "payments.payeeVerification: it is on, but payments.enabled is false"},
		{"no day ahead", "standard", func(p *profile.Profile) { p.Payments.DaysAheadMax = 0 }, "payments.daysAheadMax"},
		{"closed days that nobody knows", "standard", func(p *profile.Profile) { p.Payments.ClosedDays = "open" }, "payments.closedDays"},
		{"rules of a product that is not offered", "standard", func(p *profile.Profile) {
			p.Payments.ProductRules = map[string]profile.ProductRules{"domestic": {}}
		}, "payments.productRules.domestic: no payment service"},
		{"a currency that there is not", "standard", rules(profile.ProductRules{Currencies: []string{"EUX"}}), "is not a currency"},
		{"SEPA in lei", "standard", rules(profile.ProductRules{SEPA: true, Currencies: []string{"RON"}}), "SEPA payments are in EUR"},
		{"instant payments until four", "standard", rules(profile.ProductRules{Instant: true, CutOff: "16:00"}), "at any time"},
		{"instant payments on weekdays", "standard", rules(profile.ProductRules{Instant: true, Calendar: "weekdays"}), "on every day"},
		{"a cut-off at 25 o'clock", "standard", rules(profile.ProductRules{CutOff: "25:00"}), "is not a time"},
		{"a cut-off in short", "standard", rules(profile.ProductRules{CutOff: "9:00"}), "is not a time"},
		{"a calendar that nobody knows", "standard", rules(profile.ProductRules{Calendar: "moon"}), `calendar: "moon"`},
		{"charges that nobody bears", "standard", rules(profile.ProductRules{ChargeBearers: []string{"BANK"}}), "chargeBearers"},
		{"cancellation of payments that there are not", "salt", func(p *profile.Profile) { p.Payments.Cancellation = profile.CancelDirect }, "there is nothing to cancel"},
		{"mixed baskets where there are none", "bankart", func(p *profile.Profile) { p.Baskets.Mixed = true }, "baskets.mixed"},
		{"members of baskets where there are none", "bankart", func(p *profile.Profile) { p.Baskets.SizeMax = 10 }, "baskets.sizeMax"},
		{"baskets of one", "standard", func(p *profile.Profile) { p.Baskets.SizeMax = 1 }, "baskets.sizeMax"},
		{"baskets without end", "standard", func(p *profile.Profile) { p.Baskets.SizeMax = 101 }, "baskets.sizeMax"},
		{"a product of the form of messages", "standard", func(p *profile.Profile) { p.Payments.Products["payments"] = []string{"pain.008-debits"} }, "cannot be the name"},
		{"a product that cannot stand in a path", "bankart", func(p *profile.Profile) { p.Payments.Products["payments"] = []string{"a/b"} }, "cannot be the name"},
		{"a product that stands there twice", "bankart", func(p *profile.Profile) {
			p.Payments.Products["payments"] = []string{"sepa-credit-transfers", "sepa-credit-transfers"}
		}, "twice"},
		{"a final status that is none", "bankart", func(p *profile.Profile) { p.Payments.FinalStatus = "RJCT" }, "payments.finalStatus"},
		{"a cancellation that is not offered", "bankart", func(p *profile.Profile) { p.Payments.Cancellation = "204" }, "payments.cancellation"},
		{"confirmations of funds without a consent to them", "bankart", func(p *profile.Profile) { p.Funds.ConsentVia = profile.FundsNone }, "funds.consentVia"},
		{"consents to confirmations that are off", "bankart", func(p *profile.Profile) { p.Funds.Enabled = false }, "funds.consentVia"},
		{"a resource of its own for confirmations that are off", "standard", func(p *profile.Profile) { p.Funds.Enabled = false }, "funds.consentVia"},
		{"an unknown way to give the consent to funds", "bankart", func(p *profile.Profile) { p.Funds.ConsentVia = "phone" }, `funds.consentVia: "phone"`},
		{"all without standing orders", "standard", func(p *profile.Profile) { p.Accounts.BookingStatuses = []string{"booked", "pending", "both", "all"} }, "one of them is off"},
		{"all at a level that does not know it", "bankart", func(p *profile.Profile) {
			p.Accounts.BookingStatuses = []string{"booked", "pending", "both", "information", "all"}
		}, "all came with level 1.3.9"},
		{"a format that nobody writes", "standard", func(p *profile.Profile) { p.Accounts.Formats = []string{"json", "csv"} }, `accounts.formats: "csv"`},
		{"no JSON", "standard", func(p *profile.Profile) { p.Accounts.Formats = []string{"mt940"} }, "json is missing"},
		{"owner names in no field", "standard", func(p *profile.Profile) { p.Accounts.OwnerNameFields = nil }, "accounts.ownerNameFields"},
		{"lists of owners at a level that has none", "standard", func(p *profile.Profile) { p.SpecLevel = "1.3.11" }, "came with level 1.3.12"},
		{"an identifier that the level does not know", "bankart", func(p *profile.Profile) { p.Accounts.ReferenceTypes = []string{"iban", "other"} }, "other came with level 1.3.11"},
		{"an unknown way to older history", "standard", func(p *profile.Profile) { p.Accounts.OlderHistory = "phone" }, "accounts.olderHistory"},
		{"SCA anew that opens nothing", "standard", func(p *profile.Profile) { p.Accounts.FreshSCAWindow = 0 }, "which is 0s"},
		{"a copy for longer than a day", "standard", func(p *profile.Profile) { p.Accounts.RefreshAfter = 25 * time.Hour }, "accounts.refreshAfter"},
		{"signatures that leave the digest out", "standard", func(p *profile.Profile) { p.Signature.Headers = []string{"x-request-id"} }, "must always be signed"},
		{"a signed header that is none", "standard", func(p *profile.Profile) { p.Signature.HeadersIfPresent = []string{"PSU-ID"} }, "in lower case"},
		{"an unknown redirect check", "bankart", func(p *profile.Profile) { p.RedirectDomainCheck = "maybe" }, "redirectDomainCheck"},
		{"a header that nobody knows how to fill", "bankart", func(p *profile.Profile) { p.ExtraResponseHeaders = []string{"x-colour"} }, "extraResponseHeaders"},
		{"notifications of what nobody knows", "standard", func(p *profile.Profile) { p.Notifications = []string{"SCA", "ALL"} }, `notifications: "ALL"`},
		{"notifications of the same twice", "standard", func(p *profile.Profile) { p.Notifications = []string{"LAST", "LAST"} }, `notifications: "LAST"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := load(t, c.profile)
			c.change(&p)
			err := p.Validate()
			if !errors.Is(err, profile.ErrSetting) || !strings.Contains(err.Error(), c.message) {
				t.Errorf("got %v, want a message with %q", err, c.message)
			}
		})
	}
}

const lon = `
code: lon
name: Lončar Bank
bic: LONCSI2X
country: SI
basePath: /psd2/lon
timezone: Europe/Ljubljana
profile: bankart
`

func TestBankFile(t *testing.T) {
	t.Parallel()
	b, err := profile.ParseBank([]byte(lon + "override:\n  oauth:\n    tokenTTL: 2m\n  payments:\n    products:\n      payments: [sepa-credit-transfers]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if b.Code != "lon" || b.Zone.String() != "Europe/Ljubljana" || b.ProfileName != "bankart" {
		t.Errorf("bank: %+v", b)
	}
	if b.OAuth.TokenTTL != 2*time.Minute || b.OAuth.Scopes.Payments != "psd2:pay" {
		t.Errorf("one switch is overridden and the others stay: %+v", b.OAuth)
	}
	if b.Payments.Offers("payments", "instant-sepa-credit-transfers") || !b.Payments.Offers("payments", "sepa-credit-transfers") {
		t.Errorf("a list is replaced as a whole: %v", b.Payments.Products)
	}
	if load(t, "bankart").OAuth.TokenTTL != 5*time.Minute {
		t.Error("a bank's file changed the built-in profile")
	}
}

func TestRefusedBankFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		messages   []string
	}{
		{"an empty file", "", []string{"it is empty"}},
		{"no YAML at all", "code: [", []string{"line 1"}},
		{"two documents", lon + "---\ncode: two\n", []string{"one document"}},
		{"an unknown profile", strings.Replace(lon, "bankart", "barter", 1), []string{`"barter"; there are bankart, salt, standard`}},
		{"an unknown key", lon + "colour: red\n", []string{`line 9: there is no setting "colour" here`}},
		{"an unknown switch, and one of a wrong type", lon + "override:\n  oauth:\n    tokenLife: 5m\n    pkceRequired: perhaps\n", []string{`"tokenLife"`, `line 12: "perhaps" must be true or false`}},
		{"a duration without a unit", lon + "override:\n  scaTimeout: 15\n", []string{`"15" must be a duration`}},
		{"a number that is none", lon + "override:\n  consent:\n    frequencyMax: often\n", []string{`"often" must be a whole number`}},
		{"a list that is none", lon + "override:\n  scaApproaches: redirect\n", []string{`"redirect" must be a list`}},
		{"a group that is none", lon + "override:\n  oauth: yes\n", []string{"must be a group of settings"}},
		{"a word that is a group", lon + "override:\n  specLevel: {a: b}\n", []string{"this must be one word"}},
		{"a key that stands there twice", lon + "code: two\n", []string{"already defined"}},
		{"everything at once", "code: L\nname: ' '\nbic: X\ncountry: Slovenia\nbasePath: psd2/\ntimezone: Moon\nprofile: salt\noverride:\n  oauth:\n    mode: preStep\n  consent:\n    bankOffered: false\n",
			[]string{"code:", "name:", "bic:", "country:", "basePath:", "timezone:", "oauth.scopes.accounts:", "oauth.refreshToken:", "scaApproaches:", "consent.forceBankOffered:"}},
		{"a base path that repeats what is added", strings.Replace(lon, "/psd2/lon", "/psd2/lon/v1", 1), []string{"leave out /v1"}},
		{"no time zone", strings.Replace(lon, "Europe/Ljubljana", `""`, 1), []string{"timezone: name the zone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := profile.ParseBank([]byte(c.file))
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, m := range c.messages {
				if !strings.Contains(err.Error(), m) {
					t.Errorf("no %q in:\n%v", m, err)
				}
			}
		})
	}
}

// Whatever stands in a file, reading it ends and says something.
func FuzzParseBank(f *testing.F) {
	f.Add([]byte(lon))
	f.Add([]byte("override: null\nprofile: salt\n"))
	f.Add([]byte("override: &a {oauth: *a}\nprofile: salt"))
	f.Add(bytes.Repeat([]byte("[{"), 200))
	f.Fuzz(func(t *testing.T, file []byte) {
		b, err := profile.ParseBank(file)
		if err == nil && b.Validate() != nil {
			t.Errorf("accepted, but not valid: %v", b.Validate())
		}
	})
}
