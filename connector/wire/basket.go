package wire

// BasketCreate is the data of POST /baskets (extension "baskets"): payments and requests for
// access for which one SCA counts. Like a bulk of payments it may be too long for a header.
//
// Each member is what POST /payments and POST /tokens have, with a session_secret of its own,
// but without what the basket says for all of them: provider_code, app_name, redirect_url,
// authorization_type, psu_ip_address and user_id.
type BasketCreate struct {
	SessionSecret        String          `json:"session_secret"`
	ProviderCode         String          `json:"provider_code"`
	AppName              String          `json:"app_name"`
	RedirectURL          String          `json:"redirect_url"`
	PSUIPAddress         String          `json:"psu_ip_address,omitempty"`
	UserID               String          `json:"user_id,omitempty"` // extension "logins"
	BasketIdentification int64           `json:"basket_identification"`
	Payments             []PaymentCreate `json:"payments,omitempty"`
	Accesses             []AccessCreate  `json:"accesses,omitempty"`

	SCA // extensions "embedded" and "decoupled"
}

// AccessCreate is a request for access within a basket. Alone, its consent is named by the
// header Consent-Id.
type AccessCreate struct {
	TokenCreate
	ConsentIdentification int64 `json:"consent_identification"`
}
