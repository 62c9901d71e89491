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

// TransactionsQuery is the data of GET /accounts/{id}/transactions and its card twin.
type TransactionsQuery struct {
	SessionSecret String `json:"session_secret"`
	AccountID     String `json:"account_id"`
	FromDate      String `json:"from_date"`
	ToDate        String `json:"to_date"`
	FromID        String `json:"from_id,omitempty"`
}

// PaymentCreate is the data of POST /payments.
type PaymentCreate struct {
	SessionSecret         String  `json:"session_secret"`
	ProviderCode          String  `json:"provider_code,omitempty"` // like the other three absent in a basket only
	AppName               String  `json:"app_name,omitempty"`
	RedirectURL           String  `json:"redirect_url,omitempty"`
	PaymentProduct        String  `json:"payment_product"`
	PSUIPAddress          String  `json:"psu_ip_address,omitempty"`
	PaymentIdentification int64   `json:"payment_identification"`
	UserID                String  `json:"user_id,omitempty"` // extension "logins"
	Payment               Payment `json:"payment,omitzero"`  // there is none in a bulk

	// Extensions "bulk-payments" and "periodic-payments": connectors that do not declare them
	// see payments only. Without a word it is payments.
	PaymentService String       `json:"payment_service,omitempty"`
	Bulk           *Bulk        `json:"bulk,omitempty"` // in place of payment
	Periodic       *PeriodicDue `json:"periodic,omitempty"`
	// RejectNoFunds asks to reject at once what has no cover.
	RejectNoFunds bool `json:"rejection_no_funds_preferred,omitempty"`

	SCA // extensions "embedded" and "decoupled"
}

// Bulk is several payments from one account, approved together (extension "bulk-payments").
type Bulk struct {
	DebtorAccount          *Account  `json:"debtor_account,omitempty"`
	DebtorName             String    `json:"debtor_name,omitempty"`
	BatchBookingPreferred  *bool     `json:"batch_booking_preferred,omitempty"`
	RequestedExecutionDate String    `json:"requested_execution_date,omitempty"`
	RequestedExecutionTime String    `json:"requested_execution_time,omitempty"`
	PaymentInformationID   String    `json:"payment_information_id,omitempty"`
	Payments               []Payment `json:"payments"`
}

// PeriodicDue says when the payments of a standing order are made (extension
// "periodic-payments"), in Berlin Group's words.
type PeriodicDue struct {
	StartDate         String   `json:"start_date"`
	EndDate           String   `json:"end_date,omitempty"`
	Frequency         String   `json:"frequency"`
	ExecutionRule     String   `json:"execution_rule,omitempty"`
	DayOfExecution    String   `json:"day_of_execution,omitempty"`
	MonthsOfExecution []String `json:"months_of_execution,omitempty"`
}

// PaymentCancel is the data of DELETE /payments/{payment_identification} (extension
// "cancellation"). session_secret is of the cancellation, payment_session of the payment.
type PaymentCancel struct {
	SessionSecret         String `json:"session_secret"`
	ProviderCode          String `json:"provider_code"`
	PaymentSession        String `json:"payment_session"`
	PaymentIdentification int64  `json:"payment_identification"`
	AppName               String `json:"app_name"`
	RedirectURL           String `json:"redirect_url"`
	UserID                String `json:"user_id,omitempty"`
	PSUIPAddress          String `json:"psu_ip_address,omitempty"`

	SCA // extensions "embedded" and "decoupled"
}

// PaymentQuery is the data of GET /payments/{payment_identification} (extension
// "payment_status"): what became of the payment that was handed over under session_secret.
// The answer's data is an Event; 404 PaymentNotFound says that none was.
type PaymentQuery struct {
	SessionSecret         String `json:"session_secret"`
	ProviderCode          String `json:"provider_code"`
	PaymentIdentification int64  `json:"payment_identification"`
}

// Payment is one credit transfer.
type Payment struct {
	EndToEndIdentification            String   `json:"end_to_end_identification"`
	CreditorName                      String   `json:"creditor_name"`
	CreditorAccount                   Account  `json:"creditor_account"`
	DebtorAccount                     *Account `json:"debtor_account,omitempty"`
	InstructedAmount                  Amount   `json:"instructed_amount"`
	RequestedExecutionDate            String   `json:"requested_execution_date,omitempty"`
	RemittanceInformationUnstructured String   `json:"remittance_information_unstructured,omitempty"`
	CreditorAgentName                 String   `json:"creditor_agent_name,omitempty"`
	CreditorAddress                   *Address `json:"creditor_address,omitempty"`

	// Berlin Group's further fields; connectors that do not know them ignore them.
	InstructionIdentification       String                `json:"instruction_identification,omitempty"`
	DebtorName                      String                `json:"debtor_name,omitempty"`
	UltimateDebtor                  String                `json:"ultimate_debtor,omitempty"`
	CreditorID                      String                `json:"creditor_id,omitempty"`
	UltimateCreditor                String                `json:"ultimate_creditor,omitempty"`
	PurposeCode                     String                `json:"purpose_code,omitempty"`
	CategoryPurpose                 String                `json:"category_purpose,omitempty"` // of pain.001 alone
	ChargeBearer                    String                `json:"charge_bearer,omitempty"`
	RemittanceInformationStructured *StructuredRemittance `json:"remittance_information_structured,omitempty"`
	RequestedExecutionTime          String                `json:"requested_execution_time,omitempty"`

	// PayeeVerification is what the bank answered about the payee's name (extension
	// "payee_verification"), for its page to show to the PSU.
	PayeeVerification *PayeeVerification `json:"payee_verification,omitempty"`
}

// StructuredRemittance refers to what is paid.
type StructuredRemittance struct {
	Reference       String `json:"reference"`
	ReferenceType   String `json:"reference_type,omitempty"`
	ReferenceIssuer String `json:"reference_issuer,omitempty"`
}

// Address of a creditor.
type Address struct {
	StreetName     String `json:"street_name,omitempty"`
	BuildingNumber String `json:"building_number,omitempty"`
	TownName       String `json:"town_name,omitempty"`
	PostCode       String `json:"post_code,omitempty"`
	Country        String `json:"country,omitempty"`
}

// FundsTokenCreate is the data of POST /funds_confirmations/tokens.
type FundsTokenCreate struct {
	SessionSecret     String  `json:"session_secret"`
	ProviderCode      String  `json:"provider_code"`
	ClientID          int64   `json:"client_id"`
	RedirectURL       String  `json:"redirect_url"`
	AppName           String  `json:"app_name"`
	AuthorizationType String  `json:"authorization_type"`
	Account           Account `json:"account"`

	CardNumber              String `json:"card_number,omitempty"`
	CardExpiryDate          String `json:"card_expiry_date,omitempty"`
	CardInformation         String `json:"card_information,omitempty"`
	RegistrationInformation String `json:"registration_information,omitempty"`

	SCA // extensions "embedded" and "decoupled"
}

// FundsCheck is the data of POST /funds_confirmations.
type FundsCheck struct {
	SessionSecret    String  `json:"session_secret"`
	ProviderCode     String  `json:"provider_code"`
	Account          Account `json:"account"`
	InstructedAmount Amount  `json:"instructed_amount"`
}

// FundsAtBank is the data of POST /funds_confirmations/at_bank (extension "funds_at_bank").
type FundsAtBank struct {
	SessionSecret    String  `json:"session_secret"`
	ProviderCode     String  `json:"provider_code"`
	TPP              String  `json:"tpp_authorisation_number"` // as in its certificate
	Account          Account `json:"account"`
	InstructedAmount Amount  `json:"instructed_amount"`
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

// AccountAnswer is one account of GET /accounts.
type AccountAnswer struct {
	ID              String          `json:"id"`
	Name            String          `json:"name"`
	Currency        String          `json:"currency"`
	CashAccountType String          `json:"cash_account_type"`
	IBAN            String          `json:"iban,omitempty"`
	BBAN            String          `json:"bban,omitempty"`
	BIC             String          `json:"bic,omitempty"`
	SortCode        String          `json:"sort_code,omitempty"`
	MSISDN          String          `json:"msisdn,omitempty"`
	Product         String          `json:"product,omitempty"`
	OwnerName       String          `json:"owner_name,omitempty"`
	Status          String          `json:"status,omitempty"`
	Balances        []BalanceAnswer `json:"balances,omitempty"`
	Extra           *AccountExtra   `json:"extra,omitempty"`

	BankAccountIdentifier String `json:"bank_account_identifier,omitempty"`
}

// AccountExtra holds what the protocol does not name and Berlin Group does. Connectors that
// do not know it leave it out; what else stands there is ignored.
type AccountExtra struct {
	DisplayName    String   `json:"display_name,omitempty"`
	Usage          String   `json:"usage,omitempty"` // PRIV, ORGA
	Details        String   `json:"details,omitempty"`
	LinkedAccounts String   `json:"linked_accounts,omitempty"`
	OwnerNames     []String `json:"owner_names,omitempty"`
	PSUName        String   `json:"psu_name,omitempty"`
	Granted        *Granted `json:"granted,omitempty"`
}

// Granted lists what the PSU gives of an account now: balances, transactions, or nothing but
// its details. A bank where she can change her choice tells it with each account, because
// the protocol has no other word for it once a session is over.
type Granted []String

// What Granted lists.
const (
	GrantedBalances     String = "balances"
	GrantedTransactions String = "transactions"
)

// BalanceAnswer is one balance, flat as accounts have it.
type BalanceAnswer struct {
	Type                     String `json:"type"`
	Currency                 String `json:"currency"`
	Amount                   String `json:"amount"`
	CreditLimitIncluded      *bool  `json:"credit_limit_included,omitempty"`
	LastChangeDateTime       String `json:"last_change_date_time,omitempty"`
	ReferenceDate            String `json:"reference_date,omitempty"`
	LastCommittedTransaction String `json:"last_committed_transaction,omitempty"`
}

// CardAnswer is one card of GET /card_accounts.
type CardAnswer struct {
	ID          String              `json:"id"`
	Name        String              `json:"name"`
	MaskedPAN   String              `json:"masked_pan"`
	Currency    String              `json:"currency"`
	Status      String              `json:"status"`
	Product     String              `json:"product,omitempty"`
	CreditLimit *Amount             `json:"credit_limit,omitempty"`
	Balances    []CardBalanceAnswer `json:"balances"`
	Extra       *CardExtra          `json:"extra,omitempty"`
}

// CardExtra holds the less usual fields of a card; the first two are the protocol's.
type CardExtra struct {
	Usage           String `json:"usage,omitempty"` // PRIV, ORGA
	Details         String `json:"details,omitempty"`
	DisplayName     String `json:"display_name,omitempty"`
	OwnerName       String `json:"owner_name,omitempty"`
	DebitAccounting *bool  `json:"debit_accounting,omitempty"`

	Granted *Granted `json:"granted,omitempty"`
}

// CardBalanceAnswer is one balance, nested as cards have it.
type CardBalanceAnswer struct {
	BalanceType   String `json:"balance_type"`
	BalanceAmount Amount `json:"balance_amount"`
}

// TransactionAnswer is one entry of GET /accounts/{id}/transactions.
type TransactionAnswer struct {
	ID                    String            `json:"id"`
	Amount                String            `json:"amount"`
	Currency              String            `json:"currency"`
	Status                String            `json:"status"` // booked, pending
	ValueDate             String            `json:"value_date"`
	BookingDate           String            `json:"booking_date,omitempty"`
	EndToEndID            String            `json:"end_to_end_id,omitempty"`
	CreditorDetails       *Party            `json:"creditor_details,omitempty"`
	DebtorDetails         *Party            `json:"debtor_details,omitempty"`
	RemittanceInformation *Remittance       `json:"remittance_information,omitempty"`
	CurrencyExchange      []Exchange        `json:"currency_exchange,omitempty"`
	Extra                 *TransactionExtra `json:"extra,omitempty"`
}

// Party is a creditor or debtor of an entry.
type Party struct {
	Name    String   `json:"name,omitempty"`
	Account *Account `json:"account,omitempty"`
}

// Remittance is what the payer wrote.
type Remittance struct {
	Structured   String `json:"structured,omitempty"`
	Unstructured String `json:"unstructured,omitempty"`
}

// Exchange is one currency exchange of an entry.
type Exchange struct {
	ContractIdentification String `json:"contract_identification,omitempty"`
	ExchangeRate           String `json:"exchange_rate,omitempty"`
	QuotationDate          String `json:"quotation_date,omitempty"` // YYYY-MM-DD
	SourceCurrency         String `json:"source_currency,omitempty"`
	TargetCurrency         String `json:"target_currency,omitempty"`
	UnitCurrency           String `json:"unit_currency,omitempty"`
}

// TransactionExtra holds the less usual fields of an entry.
type TransactionExtra struct {
	EntryReference                 String `json:"entry_reference,omitempty"`
	MandateID                      String `json:"mandate_id,omitempty"`
	CheckID                        String `json:"check_id,omitempty"`
	CreditorID                     String `json:"creditor_id,omitempty"`
	UltimateCreditor               String `json:"ultimate_creditor,omitempty"`
	UltimateDebtor                 String `json:"ultimate_debtor,omitempty"`
	PurposeCode                    String `json:"purpose_code,omitempty"`
	BankTransactionCode            String `json:"bank_transaction_code,omitempty"`
	ProprietaryBankTransactionCode String `json:"proprietary_bank_transaction_code,omitempty"`
	AdditionalInformation          String `json:"additional_information,omitempty"`

	// Beyond the protocol, for banks that know more.
	CreditorAgent             String              `json:"creditor_agent,omitempty"` // BIC
	DebtorAgent               String              `json:"debtor_agent,omitempty"`
	BalanceAfterTransaction   *BalanceAnswer      `json:"balance_after_transaction,omitempty"`
	BatchIndicator            *bool               `json:"batch_indicator,omitempty"`
	BatchNumberOfTransactions String              `json:"batch_number_of_transactions,omitempty"`
	EntryDetails              []TransactionAnswer `json:"entry_details,omitempty"` // without id, status and dates
	StandingOrder             *StandingOrder      `json:"standing_order,omitempty"`
}

// StandingOrder says when a standing order's payments are made (extension "standing_orders").
type StandingOrder struct {
	StartDate         String   `json:"start_date"`
	EndDate           String   `json:"end_date,omitempty"`
	Frequency         String   `json:"frequency"` // as Berlin Group spells it: Monthly, …
	ExecutionRule     String   `json:"execution_rule,omitempty"`
	WithinAMonthFlag  *bool    `json:"within_a_month_flag,omitempty"`
	MonthsOfExecution []String `json:"months_of_execution,omitempty"`
	Multiplicator     String   `json:"multiplicator,omitempty"`
	DayOfExecution    String   `json:"day_of_execution,omitempty"`
	LimitAmount       *Amount  `json:"limit_amount,omitempty"`
}

// CardTransactionAnswer is one entry of GET /card_accounts/{id}/transactions.
type CardTransactionAnswer struct {
	ID                  String       `json:"id"`
	TransactionDate     String       `json:"transaction_date"`
	Status              String       `json:"status"` // booked, pending
	Currency            String       `json:"currency"`
	Amount              String       `json:"amount"` // signed
	TransactionDetails  String       `json:"transaction_details"`
	BookingDate         String       `json:"booking_date,omitempty"`
	ValueDate           String       `json:"value_date,omitempty"`
	TerminalID          String       `json:"terminal_id,omitempty"`
	CurrencyExchange    []Exchange   `json:"currency_exchange,omitempty"`
	OriginalAmount      *Amount      `json:"original_amount,omitempty"`
	MarkupFee           *Amount      `json:"markup_fee,omitempty"`
	MarkupFeePercentage String       `json:"markup_fee_percentage,omitempty"`
	CardAcceptorID      String       `json:"card_acceptor_id,omitempty"`
	CardAcceptorAddress *CardAddress `json:"card_acceptor_address,omitempty"`

	MerchantCategoryCode           String `json:"merchant_category_code,omitempty"`
	MaskedPAN                      String `json:"masked_pan,omitempty"`
	Invoiced                       *bool  `json:"invoiced,omitempty"`
	ProprietaryBankTransactionCode String `json:"proprietary_bank_transaction_code,omitempty"`

	Extra *CardTransactionExtra `json:"extra,omitempty"`
}

// CardTransactionExtra holds what the protocol does not name and Berlin Group does.
type CardTransactionExtra struct {
	AcceptorTransactionDateTime String  `json:"acceptor_transaction_date_time,omitempty"`
	CardAcceptorPhone           String  `json:"card_acceptor_phone,omitempty"`
	GrandTotalAmount            *Amount `json:"grand_total_amount,omitempty"`
}

// CardAddress is where a card was accepted.
type CardAddress struct {
	Street         String `json:"street,omitempty"`
	BuildingNumber String `json:"building_number,omitempty"`
	City           String `json:"city,omitempty"`
	PostalCode     String `json:"postal_code,omitempty"`
	Country        String `json:"country,omitempty"`
}

// TrustedBeneficiary is one of GET /trusted_beneficiaries (extension "trusted_beneficiaries").
type TrustedBeneficiary struct {
	ID              String   `json:"id"`
	DebtorAccount   *Account `json:"debtor_account,omitempty"` // absent: for every account
	CreditorAccount Account  `json:"creditor_account"`
	CreditorAgent   String   `json:"creditor_agent,omitempty"`
	CreditorName    String   `json:"creditor_name"`
	CreditorAlias   String   `json:"creditor_alias,omitempty"`
	CreditorID      String   `json:"creditor_id,omitempty"`
	CreditorAddress *Address `json:"creditor_address,omitempty"`
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
