package wire

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
