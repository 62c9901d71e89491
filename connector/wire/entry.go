package wire

// TransactionsQuery is the data of GET /accounts/{id}/transactions and its card twin.
type TransactionsQuery struct {
	SessionSecret String `json:"session_secret"`
	AccountID     String `json:"account_id"`
	FromDate      String `json:"from_date"`
	ToDate        String `json:"to_date"`
	FromID        String `json:"from_id,omitempty"`
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
