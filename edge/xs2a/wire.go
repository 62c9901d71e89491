package xs2a

// The wire types that several resources share. They make the schemas of doc/spec/xs2a.json.

// href is one link.
type href struct {
	Href string `json:"href" doc:"Absolute address."`
}

// links are the _links of an answer. Only those that are useful now are present.
//
// spec: xs2a/links
type links struct {
	SCARedirect                                      *href `json:"scaRedirect,omitempty" doc:"Where the PSU's browser goes for SCA."`
	SCAOAuth                                         *href `json:"scaOAuth,omitempty" doc:"Metadata of the authorization server (RFC 8414)."`
	SCAStatus                                        *href `json:"scaStatus,omitempty"`
	StartAuthorisation                               *href `json:"startAuthorisation,omitempty" doc:"Where a new authorisation is begun by POST."`
	StartAuthorisationWithPSUIdentification          *href `json:"startAuthorisationWithPsuIdentification,omitempty" doc:"The same; the header PSU-ID says who the PSU is."`
	StartAuthorisationWithPSUAuthentication          *href `json:"startAuthorisationWithPsuAuthentication,omitempty" doc:"The same, with the PSU's password."`
	StartAuthorisationWithEncryptedPSUAuthentication *href `json:"startAuthorisationWithEncryptedPsuAuthentication,omitempty" doc:"The same, with the PSU's password encrypted for the bank."`
	UpdatePSUIdentification                          *href `json:"updatePsuIdentification,omitempty" doc:"Where the TPP says by PUT who the PSU is."`
	UpdatePSUAuthentication                          *href `json:"updatePsuAuthentication,omitempty" doc:"Where it sends her password."`
	UpdateEncryptedPSUAuthentication                 *href `json:"updateEncryptedPsuAuthentication,omitempty" doc:"Where it sends her password encrypted for the bank."`
	SelectAuthenticationMethod                       *href `json:"selectAuthenticationMethod,omitempty" doc:"Where it sends which method she chose."`
	AuthoriseTransaction                             *href `json:"authoriseTransaction,omitempty" doc:"Where it sends her answer to the challenge."`
	Confirmation                                     *href `json:"confirmation,omitempty" doc:"Where it sends the code that her browser brought back, at a bank that asks for one."`
	Self                                             *href `json:"self,omitempty"`
	Status                                           *href `json:"status,omitempty"`
	Account                                          *href `json:"account,omitempty"`
	Balances                                         *href `json:"balances,omitempty"`
	Transactions                                     *href `json:"transactions,omitempty"`
	TransactionDetails                               *href `json:"transactionDetails,omitempty"`
	CardAccount                                      *href `json:"cardAccount,omitempty"`
	CardTransactions                                 *href `json:"cardTransactions,omitempty"`
	First                                            *href `json:"first,omitempty"`
	Next                                             *href `json:"next,omitempty"`
	Previous                                         *href `json:"previous,omitempty"`
	Last                                             *href `json:"last,omitempty"`
	Download                                         *href `json:"download,omitempty" doc:"The whole report at once."`
}

// accountReference names an account by one identifier.
//
// spec: xs2a/accountReference
type accountReference struct {
	IBAN      string `json:"iban,omitempty" pattern:"^[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}$"`
	BBAN      string `json:"bban,omitempty" pattern:"^[a-zA-Z0-9]{1,30}$"`
	PAN       string `json:"pan,omitempty" maxLength:"35"`
	MaskedPAN string `json:"maskedPan,omitempty" maxLength:"35"`
	MSISDN    string `json:"msisdn,omitempty" maxLength:"35"`
	Other     *other `json:"other,omitempty" since:"1.3.11"`
	Currency  string `json:"currency,omitempty" pattern:"^[A-Z]{3}$"`
	// CashAccountType is read and has no effect: an identifier names its account without.
	CashAccountType string `json:"cashAccountType,omitempty" since:"1.3.8" pattern:"^[A-Z]{4}$" doc:"ISO 20022 ExternalCashAccountType1Code."`
}

// other names an account by an identifier that has no field of its own.
//
// spec: xs2a/other
type other struct {
	Identification        string `json:"identification" maxLength:"35"`
	SchemeNameCode        string `json:"schemeNameCode,omitempty" maxLength:"4"`
	SchemeNameProprietary string `json:"schemeNameProprietary,omitempty" maxLength:"35"`
	Issuer                string `json:"issuer,omitempty" maxLength:"35"`
}

// amount is a decimal text with its currency.
//
// spec: xs2a/amount
type amount struct {
	Currency string `json:"currency" pattern:"^[A-Z]{3}$"`
	Amount   string `json:"amount" pattern:"^-?[0-9]{1,14}(\\.[0-9]{1,3})?$" example:"123.45"`
}

// authorisationList lists the IDs of authorisations.
type authorisationList struct {
	AuthorisationIDs []string `json:"authorisationIds"`
}

// scaStatusAnswer is the state of one authorisation.
type scaStatusAnswer struct {
	SCAStatus  string `json:"scaStatus" enum:"received,psuIdentified,psuAuthenticated,scaMethodSelected,started,unconfirmed,finalised,failed,exempted"`
	PSUMessage string `json:"psuMessage,omitempty" since:"1.3.8" maxLength:"500"`
	Links      *links `json:"_links,omitempty"`
}
