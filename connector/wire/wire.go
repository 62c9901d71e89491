// Package wire is the connector protocol, version 2, as bytes: the claims that the hub and
// a bank's connector send each other inside signed JWTs, and the JSON they answer with.
//
// It is written by both ends and read by both, so it has the fields of the protocol and no
// rules. Reading is tolerant: numbers are taken where texts are expected, null is absence,
// unknown members are ignored.
//
// Source: connector protocol v2, sections 1 and 2.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Paths under {connector}/api/priora/v2, asked by the hub.
const (
	ConnectorBase    = "/api/priora/v2"
	PathTokens       = "/tokens"
	PathTokensRevoke = "/tokens/revoke"
	PathRefresh      = "/ais/refresh"
	PathAccounts     = "/accounts" // + /{account_id}/transactions
	PathCardAccounts = "/card_accounts"
	PathPayments     = "/payments"
	PathFunds        = "/funds_confirmations"
	PathFundsTokens  = "/funds_confirmations/tokens"
	PathFundsAtBank  = "/funds_confirmations/at_bank"
	PathErrors       = "/errors"
	PathBaskets      = "/baskets" // extension "baskets"
	PathLogins       = "/logins"  // extension "logins"
	// Extensions "standing_orders" and "trusted_beneficiaries".
	PathStandingOrders = "/standing_orders" // /accounts/{account_id}/standing_orders
	PathBeneficiaries  = "/trusted_beneficiaries"
	PathPayeesVerify   = "/payees/verify" // extension "payee_verification"
	// + /{session_secret}/authorise, extensions "embedded" and "decoupled"; /signatures, "multilevel"; and /confirm, "confirmation"
	PathSessions      = "/sessions"
	HubBase           = "/api/connectors/v2"
	HeaderAppID       = "App-Id"
	HeaderAppSecret   = "App-Secret"
	HeaderAccessToken = "Access-Token"
	HeaderToken       = "Token" // token revocation by the bank
	HeaderClientID    = "Client-Id"
	HeaderConsentID   = "Consent-Id"
	HeaderLanguage    = "Psu-Accept-Language"
	HeaderOverride    = "X-HTTP-Method-Override"
	HubIssuer         = "priora.saltedge.com"
)

// String is a text that may arrive as a JSON number.
type String string

// UnmarshalJSON takes a string, a number or null.
func (s *String) UnmarshalJSON(b []byte) error {
	switch b = bytes.TrimSpace(b); {
	case len(b) == 0 || bytes.Equal(b, []byte("null")):
		return nil
	case b[0] == '"':
		if inside := bytes.Trim(b, `"`); len(inside) == len(b)-2 && bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside) {
			*s = String(inside) // most texts are plain, and checked before they come here
			return nil
		}
		return json.Unmarshal(b, (*string)(s))
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*s = String(b)
		return nil
	}
	return fmt.Errorf("a text is expected, not %.20s", b)
}

// Account names an account in any of the ways the protocol knows.
type Account struct {
	IBAN                  String `json:"iban,omitempty"`
	BBAN                  String `json:"bban,omitempty"`
	BIC                   String `json:"bic,omitempty"`
	PAN                   String `json:"pan,omitempty"`
	MaskedPAN             String `json:"masked_pan,omitempty"`
	MSISDN                String `json:"msisdn,omitempty"`
	SortCode              String `json:"sort_code,omitempty"`
	SwiftCode             String `json:"swift_code,omitempty"`
	BankAccountIdentifier String `json:"bank_account_identifier,omitempty"`
	Currency              String `json:"currency,omitempty"`
}

// Amount is a decimal text with its currency.
type Amount struct {
	Amount   String `json:"amount"`
	Currency String `json:"currency"`
}

// Access is what a TPP asks for, or what a PSU gave. The lists are pointers because an
// empty list means something else than none.
type Access struct {
	AllPSD2      String     `json:"allPsd2,omitempty"` // "allAccounts"
	Balances     *[]Account `json:"balances,omitempty"`
	Transactions *[]Account `json:"transactions,omitempty"`
}

// TokenCreate is the data of POST /tokens.
type TokenCreate struct {
	SessionSecret      String `json:"session_secret"`
	ProviderCode       String `json:"provider_code,omitempty"` // like the other three absent in a basket only
	AppName            String `json:"app_name,omitempty"`
	AuthorizationType  String `json:"authorization_type,omitempty"`
	RedirectURL        String `json:"redirect_url,omitempty"`
	RecurringIndicator bool   `json:"recurring_indicator"`
	ValidUntil         String `json:"valid_until"`
	FrequencyPerDay    int    `json:"frequency_per_day,omitempty"`
	Access             Access `json:"access"`
	AvailableAccounts  String `json:"available_accounts,omitempty"` // extension "exemptions": accounts, balances
	PSUIPAddress       String `json:"psu_ip_address,omitempty"`

	SCA // extensions "embedded" and "decoupled"
}

// SessionOnly is the data of revocations, refreshes and account lists.
type SessionOnly struct {
	SessionSecret String `json:"session_secret"`
	ProviderCode  String `json:"provider_code,omitempty"`
}

// AccountOnly is the data of GET /accounts/{id}/standing_orders (extension "standing_orders").
type AccountOnly struct {
	SessionSecret String `json:"session_secret"`
	AccountID     String `json:"account_id"`
}

// LoginCreate is the data of POST /logins (extension "logins").
type LoginCreate struct {
	SessionSecret String `json:"session_secret"`
	ProviderCode  String `json:"provider_code"`
	AppName       String `json:"app_name"`
	RedirectURL   String `json:"redirect_url"`
	IBAN          String `json:"iban,omitempty"`
}

// ErrorReport is the data of POST /errors.
type ErrorReport struct {
	Request struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	} `json:"request"`
	Error ErrorAnswer `json:"error"`
}

// ErrorAnswer is the body of a refusal, in both directions.
type ErrorAnswer struct {
	ErrorClass   String `json:"error_class"`
	ErrorMessage String `json:"error_message"`
	Meta         *Meta  `json:"meta,omitempty"`
}

// Meta goes with every answer of the hub, and with lists of a connector.
type Meta struct {
	Time    string `json:"time,omitempty"`
	Version string `json:"version,omitempty"`
	NextID  String `json:"next_id,omitempty"`
}

// List is the shape of every data answer of a connector.
type List[T any] struct {
	Data []T  `json:"data"`
	Meta Meta `json:"meta"`
}

// Event is the data of the three session callbacks; each uses the fields it knows.
type Event struct {
	SessionSecret    String   `json:"session_secret"`
	Status           String   `json:"status,omitempty"`
	SCAStatus        String   `json:"sca_status,omitempty"`
	RedirectURL      String   `json:"redirect_url,omitempty"`
	SessionExpiresAt String   `json:"session_expires_at,omitempty"`
	FundsAvailable   *bool    `json:"funds_available,omitempty"`
	UserID           String   `json:"user_id,omitempty"`
	Token            String   `json:"token,omitempty"`
	Consent          *Access  `json:"consent,omitempty"`
	DebtorAccount    *Account `json:"debtor_account,omitempty"`
	ErrorClass       String   `json:"error_class,omitempty"`
	ErrorMessage     String   `json:"error_message,omitempty"`
	Extra            Extra    `json:"extra,omitempty"`

	Exemption String `json:"exemption,omitempty"` // extension "exemptions": RTS-10, …

	// Extensions "embedded" and "decoupled".
	SCAApproach     String      `json:"sca_approach,omitempty"`
	SCAMethods      []SCAMethod `json:"sca_methods,omitempty"`
	ChosenSCAMethod *SCAMethod  `json:"chosen_sca_method,omitempty"`
	ChallengeData   *Challenge  `json:"challenge_data,omitempty"`

	// Extension "confirmation": with sca_status unconfirmed, in hexadecimal digits.
	ConfirmationCodeSHA256 String `json:"confirmation_code_sha256,omitempty"`
}

// TokenAnswer is one access in the hub's answer to GET /tokens.
type TokenAnswer struct {
	ID         string `json:"id"`
	UserID     string `json:"user_id"`
	ConsentID  string `json:"consent_id"`
	Service    string `json:"service"` // ais, piis
	Status     string `json:"status"`  // active, revoked, expired
	AppName    string `json:"app_name"`
	ClientID   string `json:"client_id"`
	ValidUntil string `json:"valid_until,omitempty"`
	CreatedAt  string `json:"created_at"`
}
