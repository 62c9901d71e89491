package wire

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
