// Package profile is everything in which one bank's interface differs from another's, as
// data. The rules ask the profile; nothing asks which bank it is.
//
// Three profiles are built in: bankart, salt and standard. A bank's file names one of them
// and overrides single switches. What is unknown or contradicts itself is refused at start,
// all of it at once.
//
// Source: Berlin Group digest, section 13.2.
package profile

import (
	"slices"
	"time"
)

// A Profile holds the switches of one bank's interface. Field names are the keys of the file.
type Profile struct {
	SpecLevel string `yaml:"specLevel"` // 1.3.6 … 1.3.16; newer fields are not emitted

	ClientIdentification ClientIdentification `yaml:"clientIdentification"`
	OAuth                OAuth                `yaml:"oauth"`

	StartAuthorisation StartAuthorisation `yaml:"startAuthorisation"`
	SCAApproaches      []SCAApproach      `yaml:"scaApproaches"` // by priority
	// EncryptedPasswords lets TPPs of the embedded approach send passwords that are encrypted for the bank.
	EncryptedPasswords bool            `yaml:"encryptedPasswords"`
	SCAConfirmation    SCAConfirmation `yaml:"scaConfirmation"`
	// SCATimeout bounds how long a PSU may take, from the creation of the resource.
	SCATimeout time.Duration `yaml:"scaTimeout"`
	// FirstUpdateWait is how long a creation waits for the bank's page address.
	FirstUpdateWait time.Duration `yaml:"firstUpdateWait"`

	Consent  Consent  `yaml:"consent"`
	Accounts Accounts `yaml:"accounts"`
	Payments Payments `yaml:"payments"`
	Baskets  Baskets  `yaml:"baskets"`
	Funds    Funds    `yaml:"funds"`

	Signature            Signature           `yaml:"signature"`
	RedirectDomainCheck  RedirectDomainCheck `yaml:"redirectDomainCheck"`
	ExtraResponseHeaders []string            `yaml:"extraResponseHeaders"` // x-fapi-interaction-id
	BanksMayActAsTPP     bool                `yaml:"banksMayActAsTPP"`     // role PSP_AS may call what PSP_AI, PSP_PI and PSP_IC may
	Notifications        []string            `yaml:"notifications"`        // what TPPs can be told of: SCA, PROCESS, LAST; none: nothing
}

// ClientIdentification says what an OAuth client_id is.
type ClientIdentification string

const (
	ByOrganizationIdentifier ClientIdentification = "organizationIdentifier" // of the eIDAS certificate
	ByPortalKey              ClientIdentification = "portalKey"              // issued by the developer portal
)

// OAuthMode says where OAuth stands in a journey.
type OAuthMode string

const (
	OAuthNone       OAuthMode = "none"
	OAuthPreStep    OAuthMode = "preStep"    // a token before any call; SCA follows by redirect
	OAuthIntegrated OAuthMode = "integrated" // the resource first; SCA inside the OAuth flow
)

// OAuth holds the switches of the authorization server.
type OAuth struct {
	Mode         OAuthMode     `yaml:"mode"`
	FAPI2        bool          `yaml:"fapi2"` // the FAPI 2.0 security profile
	PKCERequired bool          `yaml:"pkceRequired"`
	Scopes       PreStepScopes `yaml:"scopes"` // preStep only
	TokenTTL     time.Duration `yaml:"tokenTTL"`
	CodeTTL      time.Duration `yaml:"codeTTL"` // at most one minute
	RefreshToken bool          `yaml:"refreshToken"`
	RichRequests bool          `yaml:"richRequests"` // authorization_details; integrated only
}

// PreStepScopes names the scopes of a token that only says who the PSU is.
type PreStepScopes struct {
	Accounts string `yaml:"accounts"` // psd2:acc
	Payments string `yaml:"payments"` // psd2:pay
}

// StartAuthorisation says who starts the authorisation of a new resource.
type StartAuthorisation string

const (
	Implicit StartAuthorisation = "implicit" // together with the resource
	Explicit StartAuthorisation = "explicit" // by the TPP
)

// SCAApproach is one way to authenticate a PSU.
type SCAApproach string

const (
	Redirect SCAApproach = "redirect"
	OAuthSCA SCAApproach = "oauth" // redirect by way of the authorization server
	// The PSU does without the bank's pages: the connector must be able to.
	Decoupled SCAApproach = "decoupled" // on a device of hers
	Embedded  SCAApproach = "embedded"  // at the TPP
)

// SCAConfirmation holds the switches of how TPPs confirm that a PSU came back to them.
type SCAConfirmation struct {
	Mode      ConfirmationMode `yaml:"mode"`
	Parameter string           `yaml:"parameter"` // of TPP-Redirect-URI: it has the code
}

// ConfirmationMode says how a TPP confirms an authorisation.
type ConfirmationMode string

const (
	ConfirmNothing ConfirmationMode = "none"
	ConfirmByCode  ConfirmationMode = "code" // that the PSU's browser brings back from the bank
)

// Confirms says whether SCA on the bank's pages has to be confirmed by the TPP.
func (p Profile) Confirms() bool { return p.SCAConfirmation.Mode == ConfirmByCode }

// Consent holds the switches of account information consents.
type Consent struct {
	Dedicated         bool `yaml:"dedicated"`
	BankOffered       bool `yaml:"bankOffered"`
	Global            bool `yaml:"global"`            // allPsd2
	AvailableAccounts bool `yaml:"availableAccounts"` // and with balances
	// ForceBankOffered leads the PSU through the choice of accounts whatever was asked.
	ForceBankOffered bool `yaml:"forceBankOffered"`
	RestrictedTo     bool `yaml:"restrictedTo"` // a bank-offered consent may be narrowed to types of account
	// ReplaceOlder ends the older recurring consents of a TPP and PSU when a newer one becomes valid.
	ReplaceOlder bool `yaml:"replaceOlder"`

	ValidityDaysMax int           `yaml:"validityDaysMax"`
	FrequencyMax    int           `yaml:"frequencyMax"`
	OneOffWindow    time.Duration `yaml:"oneOffWindow"`     // life of a one-off consent after SCA; 0: each endpoint once
	OneOffStrict    bool          `yaml:"oneOffStrictDate"` // validUntil of a one-off must be today
}

// Accounts holds the switches of account reads.
type Accounts struct {
	Cards                bool     `yaml:"cards"`
	SavingsAndLoans      bool     `yaml:"savingsAndLoans"`
	TrustedBeneficiaries bool     `yaml:"trustedBeneficiaries"`
	TransactionDetails   bool     `yaml:"transactionDetails"`
	BookingStatuses      []string `yaml:"bookingStatuses"` // booked, pending, both, information, all
	EntryReferenceFrom   bool     `yaml:"entryReferenceFrom"`
	DeltaList            bool     `yaml:"deltaList"`
	// Formats of account reports: json, and what package report knows. The first that fits an
	// Accept header is served.
	Formats         []string      `yaml:"formats"`
	Downloads       bool          `yaml:"downloads"`       // whole reports by _links.download
	WithBalance     string        `yaml:"withBalance"`     // honour, ignore, reject
	OwnerName       bool          `yaml:"ownerName"`       // shown where the consent asks for it
	OwnerNameFields []string      `yaml:"ownerNameFields"` // ownerName, ownerNames, psuName
	ReferenceTypes  []string      `yaml:"referenceTypes"`  // iban, bban, pan, maskedPan, msisdn, other
	HistoryDays     int           `yaml:"historyDays"`
	FreshSCAWindow  time.Duration `yaml:"freshScaWindow"` // older history is open for so long after SCA
	// OlderHistory says how history beyond HistoryDays is opened again after the window.
	OlderHistory OlderHistory `yaml:"olderHistory"`
	// RefreshAfter is how old a bank's own copy may be before the hub has it refreshed; 0: the
	// bank keeps no copy.
	RefreshAfter        time.Duration `yaml:"refreshAfter"`
	ItemsPerPageDefault int           `yaml:"itemsPerPageDefault"`
	ItemsPerPageMax     int           `yaml:"itemsPerPageMax"`
}

// OlderHistory says what a TPP has to do for history that is closed.
type OlderHistory string

const (
	OlderByConsent       OlderHistory = "consent"       // ask for a new consent
	OlderByAuthorisation OlderHistory = "authorisation" // authorise the consent again: SCA anew
)

// FormatJSON is the format of account reports that every bank has.
const FormatJSON = "json"

// Signature holds the switches of signed requests.
type Signature struct {
	Required bool `yaml:"required"` // otherwise one that is sent is verified all the same
	// Headers must be signed always, HeadersIfPresent where the request has them.
	Headers          []string `yaml:"headers"`
	HeadersIfPresent []string `yaml:"headersIfPresent"`
	// DateWindow is how far the Date header may be off; 0: it is not looked at.
	DateWindow time.Duration `yaml:"dateWindow"`
}

// StartsExplicitly says whether the TPP starts SCA of a new resource by a request of its own:
// where the bank wants that, or where the TPP does and there is something to gain by it, which
// is signing baskets, or data that SCA needs at its start.
func (p Profile) StartsExplicitly(preferred bool) bool {
	without := slices.Contains(p.SCAApproaches, Decoupled) || slices.Contains(p.SCAApproaches, Embedded)
	return p.StartAuthorisation == Explicit || preferred && (p.Baskets.Enabled || without)
}

// AtLeast says whether p speaks level, or a newer one, of the standard.
func (p Profile) AtLeast(level string) bool {
	return slices.Index(levels, p.SpecLevel) >= slices.Index(levels, level)
}

// FundsConsent says how the consent to confirm funds is given.
type FundsConsent string

const (
	FundsNone       FundsConsent = "none"
	FundsByConsents FundsConsent = "consents" // POST /v1/consents with confirmationOfFundsAllowed
	FundsByV2       FundsConsent = "v2"       // POST /v2/consents/confirmation-of-funds
	FundsAtBank     FundsConsent = "bank"     // by the PSU at her bank, of which the hub hears nothing
)

// Funds holds the switches of confirmations of funds.
type Funds struct {
	Enabled    bool         `yaml:"enabled"`
	ConsentVia FundsConsent `yaml:"consentVia"`
}

// RedirectDomainCheck says what becomes of a redirect URI outside the certificate's domains.
type RedirectDomainCheck string

const (
	DomainIgnore RedirectDomainCheck = "ignore"
	DomainWarn   RedirectDomainCheck = "warn"   // 201 with a WARNING
	DomainReject RedirectDomainCheck = "reject" // 400 FORMAT_ERROR
)

// A Bank is one bank of the hub: its profile, and where it is.
type Bank struct {
	Code        string // lon; first key of every row that belongs to the bank
	Name        string // shown to people
	BIC         string
	Country     string
	BasePath    string // /psd2/lon, before /v1/…
	Zone        *time.Location
	ProfileName string
	Profile
}
