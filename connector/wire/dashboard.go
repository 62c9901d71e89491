package wire

// AccessesQuery is the data of GET and DELETE /accesses, by which a bank shows a PSU on its own
// pages what she gave to third parties, and ends it for her.
type AccessesQuery struct {
	UserID    String `json:"user_id"`
	ID        String `json:"id,omitempty"`         // of one; must be that of the path
	TPP       String `json:"tpp,omitempty"`        // authorisation number; none: all
	Status    String `json:"status,omitempty"`     // active, which is also meant by none, or ended
	FromID    String `json:"from_id,omitempty"`    // meta.next_id of the page before
	PerPage   String `json:"per_page,omitempty"`   // 1 to 100
	ReturnURL String `json:"return_url,omitempty"` // where she comes back to when she approves a cancellation
}

// AccessEntry is one thing that a PSU gave: a consent, or a payment that is still to come.
type AccessEntry struct {
	ID         string           `json:"id"`
	Kind       string           `json:"kind"` // consent, funds, payment
	TPP        string           `json:"tpp"`
	TPPName    string           `json:"tpp_name"`
	AppName    string           `json:"app_name"` // the brand, where there is one
	Status     string           `json:"status"`   // of a consent or a payment, in Berlin Group's words
	Active     bool             `json:"active"`
	Rights     []string         `json:"rights,omitempty"`
	Accounts   *[]Account       `json:"accounts,omitempty"` // none: all
	CreatedAt  string           `json:"created_at"`
	GivenAt    string           `json:"given_at,omitempty"`
	LastUsedAt string           `json:"last_used_at,omitempty"`
	ValidUntil string           `json:"valid_until,omitempty"` // last day
	Payment    *AccessPayment   `json:"payment,omitempty"`
	History    []AccessHappened `json:"history,omitempty"`
	Cancelling *AccessEnded     `json:"cancellation,omitempty"`
}

// AccessPayment says of a payment what the PSU knows it by.
type AccessPayment struct {
	Service      string   `json:"payment_service"`
	Product      string   `json:"payment_product"`
	CreditorName string   `json:"creditor_name,omitempty"`
	Creditor     *Account `json:"creditor_account,omitempty"`
	Amount       string   `json:"amount,omitempty"`
	Currency     string   `json:"currency,omitempty"`
	Frequency    string   `json:"frequency,omitempty"`
	StartDate    string   `json:"start_date,omitempty"`
	EndDate      string   `json:"end_date,omitempty"`
}

// AccessHappened is one line of a history.
type AccessHappened struct {
	At        string `json:"at"`
	What      string `json:"what"`
	Count     int    `json:"count"`
	Available *bool  `json:"funds_available,omitempty"`
}

// AccessEnded says what became of the wish to cancel a payment.
type AccessEnded struct {
	Status      string `json:"status"` // done, approve, refused
	RedirectURL string `json:"redirect_url,omitempty"`
	Reason      string `json:"reason,omitempty"`
}
