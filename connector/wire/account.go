package wire

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
