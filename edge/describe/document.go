package describe

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"kontor/bank/profile"
	"kontor/edge/xs2a"
)

// A Document says what a bank's interface can do. Names of members stay; new ones may come.
// Spans of time are in seconds unless the name says otherwise. A field's tag switch names the
// switches of the profile that it shows.
type Document struct {
	Format     string     `json:"format"` // version of this form: 1
	Software   Software   `json:"software"`
	Bank       Bank       `json:"bank"`
	Standard   Standard   `json:"standard"`
	Addresses  Addresses  `json:"addresses"`
	Access     Access     `json:"access"`
	SCA        SCA        `json:"sca"`
	Consents   Consents   `json:"consents"`
	Accounts   Accounts   `json:"accounts"`
	Payments   Payments   `json:"payments"`
	Funds      Funds      `json:"funds"`
	Signatures Signatures `json:"signatures"`
	Headers    Headers    `json:"headers"`
	Errors     Errors     `json:"errors"`
	Endpoints  []Endpoint `json:"endpoints"` // all of the interface, offered or not
	Sandbox    []Link     `json:"sandbox,omitempty"`

	// Notifications are what TPPs can have themselves told of: SCA, PROCESS, LAST.
	Notifications []string `json:"notifications" switch:"notifications"`
}

// Software is what runs the interface.
type Software struct {
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"`
	Interface string `json:"interface"` // version of the interface's OpenAPI document
}

// Bank is who offers the interface.
type Bank struct {
	Code     string `json:"code"`
	Name     string `json:"name"`
	BIC      string `json:"bic"`
	Country  string `json:"country"`
	TimeZone string `json:"timeZone"` // of its calendar: days of consents and of counting begin here
	Profile  string `json:"profile"`
}

// Standard is what the interface follows.
type Standard struct {
	Name  string `json:"name"`
	Level string `json:"level" switch:"specLevel"` // newer fields are not sent, and ignored when they come
}

// Addresses are where everything is.
type Addresses struct {
	Interface           string               `json:"interface"` // before /v1
	Capabilities        string               `json:"capabilities"`
	OpenAPI             string               `json:"openapi"`
	OpenAPIYAML         string               `json:"openapiYaml"`
	AuthorizationServer *AuthorizationServer `json:"authorizationServer,omitempty"` // absent: there is none
}

// AuthorizationServer is where tokens come from.
type AuthorizationServer struct {
	Issuer    string `json:"issuer"`
	Metadata  string `json:"metadata"`
	Authorize string `json:"authorize"`
	Token     string `json:"token"`
}

// Access is who may call, and what opens the interface.
type Access struct {
	Certificate         string `json:"certificate"`                                      // QWAC: of each connection
	ClientID            string `json:"clientId" switch:"clientIdentification"`           // organizationIdentifier or portalKey
	BanksMayActAsTPP    bool   `json:"banksMayActAsTpp" switch:"banksMayActAsTPP"`       // role PSP_AS alone is enough
	RedirectDomainCheck string `json:"redirectDomainCheck" switch:"redirectDomainCheck"` // of redirect URIs outside the certificate's domains: ignore, warn, reject
	OAuth               OAuth  `json:"oauth"`
}

// OAuth is how tokens are had.
type OAuth struct {
	Mode          string  `json:"mode" switch:"oauth.mode"`   // none, preStep, integrated
	FAPI2         bool    `json:"fapi2" switch:"oauth.fapi2"` // requests must be pushed, clients come with certificates
	PKCERequired  bool    `json:"pkceRequired" switch:"oauth.pkceRequired"`
	Scopes        []Scope `json:"scopes" switch:"oauth.scopes.accounts,oauth.scopes.payments"`
	TokenSeconds  int     `json:"tokenSeconds" switch:"oauth.tokenTTL"`
	CodeSeconds   int     `json:"codeSeconds" switch:"oauth.codeTTL"`
	RefreshTokens bool    `json:"refreshTokens" switch:"oauth.refreshToken"`
	RichRequests  bool    `json:"richRequests" switch:"oauth.richRequests"` // authorization_details
}

// Scope is what a token can be asked for.
type Scope struct {
	Name  string `json:"name"`
	Opens string `json:"opens"`
}

// SCA is how a PSU authenticates.
type SCA struct {
	Approaches                  []string `json:"approaches" switch:"scaApproaches"` // by priority: redirect, oauth, decoupled, embedded
	EncryptedPasswords          bool     `json:"encryptedPasswords" switch:"encryptedPasswords"`
	Confirmation                string   `json:"confirmation" switch:"scaConfirmation.mode"` // none, code
	ConfirmationParameter       string   `json:"confirmationParameter,omitempty" switch:"scaConfirmation.parameter"`
	Start                       string   `json:"start" switch:"startAuthorisation"` // implicit: together with the resource
	TimeoutSeconds              int      `json:"timeoutSeconds" switch:"scaTimeout"`
	FirstUpdateWaitMilliseconds int      `json:"firstUpdateWaitMilliseconds" switch:"firstUpdateWait"`
}

// Consents are those to read accounts.
type Consents struct {
	Models            ConsentModels `json:"models"`
	ForceBankOffered  bool          `json:"forceBankOffered" switch:"consent.forceBankOffered"`
	RestrictedTo      bool          `json:"restrictedTo" switch:"consent.restrictedTo"`
	ReplaceOlder      bool          `json:"replaceOlder" switch:"consent.replaceOlder"`
	ValidityDaysMax   int           `json:"validityDaysMax" switch:"consent.validityDaysMax"`
	FrequencyMax      int           `json:"frequencyMax" switch:"consent.frequencyMax"`  // unattended reads a day, for each endpoint and account
	OneOffSeconds     int           `json:"oneOffSeconds" switch:"consent.oneOffWindow"` // 0: each endpoint once
	OneOffValidToday  bool          `json:"oneOffValidToday" switch:"consent.oneOffStrictDate"`
	AccountReferences []string      `json:"accountReferences" switch:"accounts.referenceTypes"`
}

// ConsentModels are the shapes that a consent may have.
type ConsentModels struct {
	Dedicated         bool `json:"dedicated" switch:"consent.dedicated"`
	BankOffered       bool `json:"bankOffered" switch:"consent.bankOffered"`
	Global            bool `json:"global" switch:"consent.global"`
	AvailableAccounts bool `json:"availableAccounts" switch:"consent.availableAccounts"`
}

// Accounts is what can be read.
type Accounts struct {
	Cards                bool           `json:"cards" switch:"accounts.cards"`
	SavingsAndLoans      bool           `json:"savingsAndLoans" switch:"accounts.savingsAndLoans"`
	TrustedBeneficiaries bool           `json:"trustedBeneficiaries" switch:"accounts.trustedBeneficiaries"`
	TransactionDetails   bool           `json:"transactionDetails" switch:"accounts.transactionDetails"`
	BookingStatuses      []string       `json:"bookingStatuses" switch:"accounts.bookingStatuses"`
	WithBalance          string         `json:"withBalance" switch:"accounts.withBalance"` // honour, ignore, reject
	OwnerName            bool           `json:"ownerName" switch:"accounts.ownerName"`
	OwnerNameFields      []string       `json:"ownerNameFields" switch:"accounts.ownerNameFields"`
	Paging               Paging         `json:"paging"`
	EntryReferenceFrom   bool           `json:"entryReferenceFrom" switch:"accounts.entryReferenceFrom"`
	DeltaList            bool           `json:"deltaList" switch:"accounts.deltaList"`
	Formats              []ReportFormat `json:"formats" switch:"accounts.formats"` // the first that fits Accept is served
	Downloads            bool           `json:"downloads" switch:"accounts.downloads"`
	History              History        `json:"history"`
	CopySeconds          int            `json:"copySeconds" switch:"accounts.refreshAfter"` // how old a copy may be; 0: none is kept
}

// Paging is how large a page of transactions is.
type Paging struct {
	ItemsDefault int `json:"itemsDefault" switch:"accounts.itemsPerPageDefault"`
	ItemsMax     int `json:"itemsMax" switch:"accounts.itemsPerPageMax"`
}

// ReportFormat is a format of account reports.
type ReportFormat struct {
	Name      string `json:"name"`
	MediaType string `json:"mediaType"`
}

// History is how far back transactions can be read.
type History struct {
	Days            int    `json:"days" switch:"accounts.historyDays"`
	FreshSCASeconds int    `json:"freshScaSeconds" switch:"accounts.freshScaWindow"` // older ones for so long after SCA
	Older           string `json:"older" switch:"accounts.olderHistory"`             // after that: consent (a new one), authorisation (SCA anew)
}

// Payments is what can be paid.
type Payments struct {
	Offered               bool             `json:"offered" switch:"payments.enabled"`
	Services              []PaymentService `json:"services" switch:"payments.products"`
	Products              []PaymentProduct `json:"products" switch:"payments.productRules"` // of all services, by name
	SigningBaskets        bool             `json:"signingBaskets" switch:"baskets.enabled"`
	BasketsMixed          bool             `json:"basketsMixed" switch:"baskets.mixed"` // payments and consents together
	BasketItemsMax        int              `json:"basketItemsMax" switch:"baskets.sizeMax"`
	DebtorAccountOptional bool             `json:"debtorAccountOptional" switch:"payments.debtorAccountOptional"`
	StatusAfterSuccess    string           `json:"statusAfterSuccess,omitempty" switch:"payments.finalStatus"` // where the bank tells none
	Cancellation          string           `json:"cancellation" switch:"payments.cancellation"`                // none, direct, authorised
	DaysAheadMax          int              `json:"daysAheadMax" switch:"payments.daysAheadMax"`
	ClosedDays            string           `json:"closedDays" switch:"payments.closedDays"` // shift, refuse
	BulkMax               int              `json:"bulkMax" switch:"payments.bulkMax"`
	ExecutionRules        []string         `json:"executionRules" switch:"payments.executionRules"`
	OrderVersions         []string         `json:"orderVersions" switch:"payments.painVersions"`                        // of XML
	StatusReportVersion   string           `json:"statusReportVersion,omitempty" switch:"payments.statusReportVersion"` // absent: statuses are JSON only
	PayeeVerification     bool             `json:"payeeVerification" switch:"payments.payeeVerification"`
}

// PaymentService is one kind of payment.
type PaymentService struct {
	Name     string   `json:"name"`
	Products []string `json:"products"` // none: not offered
}

// PaymentProduct is what payments by one product have to keep to.
type PaymentProduct struct {
	Name          string   `json:"name"`
	Currencies    []string `json:"currencies"` // none: every one
	SEPA          bool     `json:"sepa"`
	CrossBorder   bool     `json:"crossBorder"`
	Instant       bool     `json:"instant"`
	ChargeBearers []string `json:"chargeBearers"` // none: the TPP has no choice
	Calendar      string   `json:"calendar"`      // always, weekdays, target
	CutOff        string   `json:"cutOff,omitempty"`
}

// Funds is the confirmation of funds.
type Funds struct {
	Offered    bool   `json:"offered" switch:"funds.enabled"`
	ConsentVia string `json:"consentVia" switch:"funds.consentVia"` // v2, consents (POST /v1/consents with confirmationOfFundsAllowed), bank
}

// Signatures are those of requests, by a qualified seal.
type Signatures struct {
	Required          bool     `json:"required" switch:"signature.required"` // otherwise one that is sent is verified all the same
	Headers           []string `json:"headers" switch:"signature.headers"`
	HeadersIfPresent  []string `json:"headersIfPresent" switch:"signature.headersIfPresent"`
	DateWindowSeconds int      `json:"dateWindowSeconds" switch:"signature.dateWindow"` // 0: Date is not looked at
}

// Headers are those of requests and answers.
type Headers struct {
	Request  []Header `json:"request"`
	Response []Header `json:"response" switch:"extraResponseHeaders"`
}

// Header is one of them.
type Header struct {
	Name      string `json:"name"`
	Means     string `json:"means"`
	Mandatory bool   `json:"mandatory"`
}

// Errors is how refusals look.
type Errors struct {
	MediaTypes []string  `json:"mediaTypes"` // the first unless Accept asks for another
	Codes      []Refusal `json:"codes"`
}

// Refusal is a message code.
type Refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

// Endpoint is one operation.
type Endpoint struct {
	Operation    string   `json:"operation"` // operationId of the OpenAPI document
	Service      string   `json:"service"`   // AIS, PIS, PIIS
	Method       string   `json:"method"`
	Path         string   `json:"path"`
	Summary      string   `json:"summary"`
	Roles        []string `json:"roles"`        // one of them is needed
	Token        bool     `json:"token"`        // an access token is needed
	PSUIPAddress bool     `json:"psuIpAddress"` // the header PSU-IP-Address is mandatory
	Offered      bool     `json:"offered"`
}

// Link leads to what helps in a sandbox.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// document describes a bank as its profile has it.
func document(c Config) Document {
	b, p := c.Bank, c.Bank.Profile
	d := Document{
		Format:   "1",
		Software: Software{"Kontor", c.Version, xs2a.Version},
		Bank:     Bank{b.Code, b.Name, b.BIC, b.Country, "UTC", b.ProfileName},
		Standard: Standard{"Berlin Group NextGenPSD2 XS2A", p.SpecLevel},
		Addresses: Addresses{
			Interface: c.Place.Server, Capabilities: c.Place.Server + "/capabilities",
			OpenAPI: c.Place.Server + "/openapi.json", OpenAPIYAML: c.Place.Server + "/openapi.yaml",
		},
		Access: Access{
			Certificate: "QWAC", ClientID: string(p.ClientIdentification), BanksMayActAsTPP: p.BanksMayActAsTPP, RedirectDomainCheck: string(p.RedirectDomainCheck),
			OAuth: OAuth{
				Mode: string(p.OAuth.Mode), FAPI2: p.OAuth.FAPI2, PKCERequired: p.OAuth.PKCERequired, Scopes: []Scope{},
				TokenSeconds: seconds(p.OAuth.TokenTTL), CodeSeconds: seconds(p.OAuth.CodeTTL), RefreshTokens: p.OAuth.RefreshToken, RichRequests: p.OAuth.RichRequests,
			},
		},
		SCA: SCA{words(p.SCAApproaches), p.EncryptedPasswords, string(p.SCAConfirmation.Mode), confirmationParameter(p), string(p.StartAuthorisation), seconds(p.SCATimeout), int(p.FirstUpdateWait.Milliseconds())},
		Consents: Consents{
			Models:           ConsentModels{p.Consent.Dedicated, p.Consent.BankOffered, p.Consent.Global, p.Consent.AvailableAccounts},
			ForceBankOffered: p.Consent.ForceBankOffered, RestrictedTo: p.Consent.RestrictedTo, ReplaceOlder: p.Consent.ReplaceOlder,
			ValidityDaysMax: p.Consent.ValidityDaysMax, FrequencyMax: p.Consent.FrequencyMax,
			OneOffSeconds: seconds(p.Consent.OneOffWindow), OneOffValidToday: p.Consent.OneOffStrict, AccountReferences: words(p.Accounts.ReferenceTypes),
		},
		Accounts:   accounts(p.Accounts),
		Payments:   payments(p),
		Funds:      Funds{p.Funds.Enabled, string(p.Funds.ConsentVia)},
		Signatures: Signatures{p.Signature.Required, words(p.Signature.Headers), words(p.Signature.HeadersIfPresent), seconds(p.Signature.DateWindow)},
		Errors:     Errors{MediaTypes: []string{"application/json", "application/problem+json"}},
	}
	d.Notifications = words(p.Notifications)
	if b.Zone != nil {
		d.Bank.TimeZone = b.Zone.String()
	}
	if p.OAuth.Mode != profile.OAuthNone {
		d.Addresses.AuthorizationServer = &AuthorizationServer{c.Issuer, c.Place.Metadata, c.Place.Authorize, c.Place.Token}
	}
	for _, s := range xs2a.Scopes(p) {
		d.Access.OAuth.Scopes = append(d.Access.OAuth.Scopes, Scope(s))
	}
	for _, h := range xs2a.RequestHeaders(p) {
		d.Headers.Request = append(d.Headers.Request, Header(h))
	}
	for _, h := range xs2a.ResponseHeaders(p) {
		d.Headers.Response = append(d.Headers.Response, Header(h))
	}
	for _, r := range xs2a.Refusals(p) {
		d.Errors.Codes = append(d.Errors.Codes, Refusal(r))
	}
	for _, e := range xs2a.Endpoints(p) {
		d.Endpoints = append(d.Endpoints, Endpoint{e.ID, e.Service, e.Method, e.Path, e.Summary, e.Roles, e.Token, e.PSUIPAddress, e.Offered})
	}
	for _, l := range c.Sandbox {
		d.Sandbox = append(d.Sandbox, Link{l.Name, l.URL})
	}
	return d
}

func accounts(a profile.Accounts) Accounts {
	out := Accounts{
		Cards: a.Cards, SavingsAndLoans: a.SavingsAndLoans, TrustedBeneficiaries: a.TrustedBeneficiaries, TransactionDetails: a.TransactionDetails,
		BookingStatuses: words(a.BookingStatuses), WithBalance: a.WithBalance, OwnerName: a.OwnerName, OwnerNameFields: words(a.OwnerNameFields),
		Paging: Paging{a.ItemsPerPageDefault, a.ItemsPerPageMax}, EntryReferenceFrom: a.EntryReferenceFrom, DeltaList: a.DeltaList, Downloads: a.Downloads,
		History: History{a.HistoryDays, seconds(a.FreshSCAWindow), string(a.OlderHistory)}, CopySeconds: seconds(a.RefreshAfter),
	}
	for _, format := range a.Formats {
		out.Formats = append(out.Formats, ReportFormat{format, xs2a.MediaTypeOf(format)})
	}
	return out
}

func payments(p profile.Profile) Payments {
	pay := p.Payments
	out := Payments{
		Offered: pay.Enabled, Products: []PaymentProduct{}, SigningBaskets: p.Baskets.Enabled, BasketsMixed: p.Baskets.Mixed, BasketItemsMax: p.Baskets.SizeMax,
		DebtorAccountOptional: pay.DebtorAccountOptional, StatusAfterSuccess: pay.FinalStatus, Cancellation: string(pay.Cancellation),
		DaysAheadMax: pay.DaysAheadMax, ClosedDays: string(pay.ClosedDays), BulkMax: pay.BulkMax, ExecutionRules: words(pay.ExecutionRules),
		OrderVersions: words(pay.PainVersions), StatusReportVersion: pay.StatusReportVersion, PayeeVerification: pay.PayeeVerification,
	}
	var names []string
	for _, service := range profile.Services {
		out.Services = append(out.Services, PaymentService{service, words(pay.Products[service])})
		for _, name := range pay.Products[service] {
			names = append(names, strings.TrimPrefix(name, profile.XMLPrefix))
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		r := pay.Rules(name)
		out.Products = append(out.Products, PaymentProduct{
			name, words(r.Currencies), r.SEPA, r.CrossBorder, r.Instant, words(r.ChargeBearers), cmp.Or(r.Calendar, profile.Always), r.CutOff,
		})
	}
	return out
}

func seconds(d time.Duration) int { return int(d.Seconds()) }

// words returns texts as a list that is never null.
func words[T ~string](texts []T) []string {
	all := make([]string, 0, len(texts))
	for _, s := range texts {
		all = append(all, string(s))
	}
	return slices.Clip(all)
}

// confirmationParameter is where TPPs find the code; none where there is no code.
func confirmationParameter(p profile.Profile) string {
	if !p.Confirms() {
		return ""
	}
	return p.SCAConfirmation.Parameter
}
