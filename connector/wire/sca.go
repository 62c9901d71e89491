package wire

// SCA says how the PSU authenticates where it is not on the bank's pages, and who she says
// she is. Connectors that declare neither "embedded" nor "decoupled" never see that.
type SCA struct {
	SCAApproach        String `json:"sca_approach,omitempty"` // embedded, decoupled
	PSUID              String `json:"psu_id,omitempty"`
	PSUIDType          String `json:"psu_id_type,omitempty"`
	PSUCorporateID     String `json:"psu_corporate_id,omitempty"`
	PSUCorporateIDType String `json:"psu_corporate_id_type,omitempty"`

	// ConfirmationRequired: what the PSU approves on the bank's pages is held until it is
	// confirmed (extension "confirmation").
	ConfirmationRequired bool `json:"confirmation_required,omitempty"`
	// PSUAcceptLanguage is what the header of that name says of the languages that she reads.
	PSUAcceptLanguage String `json:"-"`
}

// ParameterConfirmationCode is what a bank adds to redirect_url when the PSU's browser goes
// back and her approval has to be confirmed.
const ParameterConfirmationCode = "confirmation_code"

// SessionConfirm is the data of POST /sessions/{session_secret}/confirm (extension
// "confirmation"). The answer's data is an Event.
type SessionConfirm struct {
	SessionSecret String `json:"session_secret"`
	ProviderCode  String `json:"provider_code"`
	Confirmed     bool   `json:"confirmed"` // otherwise what is held is dropped
}

// SessionAuthorise is the data of POST /sessions/{session_secret}/authorise (extensions
// "embedded" and "decoupled"): one step of the session's SCA. It has a password, in the clear
// or encrypted for the bank, or a method, or the answer to a challenge; with none of these,
// psu_id identifies the PSU. The answer's data is an Event.
type SessionAuthorise struct {
	SessionSecret String `json:"session_secret"`
	ProviderCode  String `json:"provider_code"`

	SCA

	Password                    String `json:"password,omitempty"`
	EncryptedPassword           String `json:"encrypted_password,omitempty"`
	AdditionalPassword          String `json:"additional_password,omitempty"`
	AdditionalEncryptedPassword String `json:"additional_encrypted_password,omitempty"`
	AuthenticationMethodID      String `json:"authentication_method_id,omitempty"`
	SCAAuthenticationData       String `json:"sca_authentication_data,omitempty"`
	PSUIPAddress                String `json:"psu_ip_address,omitempty"`
}

// SignatureCreate is the data of POST /sessions/{signs}/signatures (extension "multilevel"):
// another PSU is to sign what was signed under the session signs.
type SignatureCreate struct {
	SessionSecret String `json:"session_secret"`
	ProviderCode  String `json:"provider_code"`
	Signs         String `json:"signs"`
	AppName       String `json:"app_name"`
	RedirectURL   String `json:"redirect_url"`
	UserID        String `json:"user_id,omitempty"` // extension "logins"
	PSUIPAddress  String `json:"psu_ip_address,omitempty"`

	SCA // extensions "embedded" and "decoupled"
}

// Partly says whether e, a success, is one of several signatures: of a payment or basket, or
// of an access.
func (e Event) Partly() bool { return e.Status == StatusPartly || e.Status == StatusAccessPartly }

// Statuses by which a bank says that other PSUs have to sign as well (extension "multilevel").
const (
	StatusPartly       = "PATC"
	StatusAccessPartly = "partiallyAuthorised"
)

// Classes of a refused step.
const (
	ClassCredentials = "InvalidCredentials"      // 401: a wrong password, or nobody of that name
	ClassCode        = "InvalidConfirmationCode" // 400: a wrong answer to the challenge
	ClassMethod      = "AuthenticationMethodNotFound"
	ClassStep        = "SessionStepNotAllowed" // 400: another step is due, or none any more
)

// SCAMethod is one way in which a PSU can authenticate, in Berlin Group's words.
type SCAMethod struct {
	AuthenticationType     String `json:"authentication_type"`
	AuthenticationVersion  String `json:"authentication_version,omitempty"`
	AuthenticationMethodID String `json:"authentication_method_id"`
	Name                   String `json:"name,omitempty"`
	Explanation            String `json:"explanation,omitempty"`
}

// Challenge is what the PSU has to answer, in Berlin Group's words.
type Challenge struct {
	Image                 []byte   `json:"image,omitempty"` // PNG, base64
	Data                  []String `json:"data,omitempty"`
	ImageLink             String   `json:"image_link,omitempty"`
	OTPMaxLength          int      `json:"otp_max_length,omitempty"`
	OTPFormat             String   `json:"otp_format,omitempty"` // characters, integer
	AdditionalInformation String   `json:"additional_information,omitempty"`
}
