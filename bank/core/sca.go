package core

import "errors"

// Callers of Authorise tell these apart with errors.Is, beside ErrNotOffered, ErrRefused,
// ErrUnavailable and ErrMalformed.
var (
	// ErrCredentials says that a password or a code is wrong, and nothing about which. The
	// session lives on until the bank fails it.
	ErrCredentials   = errors.New("the PSU's credentials are wrong")
	ErrMethodUnknown = errors.New("SCA method unknown at the bank") // or not one of this PSU's
)

// Exemptions are the articles by which a bank may do without SCA.
//
// Source: Delegated Regulation (EU) 2018/389 (RTS), articles 10 to 18.
var Exemptions = []string{
	"RTS-10", // account information
	"RTS-13", // trusted beneficiaries
	"RTS-14", // recurring payments
	"RTS-15", // transfers between accounts of one person
	"RTS-16", // low values
	"RTS-17", // corporate processes
	"RTS-18", // transaction risk analysis
}

// The ways in which a PSU authenticates.
const (
	Redirect  = "redirect"  // on the bank's own pages; OAuth is the same to a bank
	Decoupled = "decoupled" // at the bank by another way, such as its app
	Embedded  = "embedded"  // through TPP and hub, by steps
)

// An SCA says how hub and TPP agreed that the PSU authenticates, and who she says she is. The
// zero one is that on the bank's pages, which is all that a plain connector knows.
type SCA struct {
	Approach        string // "", Redirect, Decoupled, Embedded
	PSUID           string // what she logs in with
	PSUIDType       string
	CorporateID     string
	CorporateIDType string
	// Confirmation: where the PSU comes to the bank's pages, the bank goes on with what she has
	// approved only when it is confirmed (extension "confirmation").
	Confirmation bool
}

// ParameterConfirmationCode is what the bank adds to the return URL of a session that has to be
// confirmed: the code, for the browser that has approved and for no other.
const ParameterConfirmationCode = "confirmation_code"

// A Confirmation says whether the TPP of a session has proven that the PSU came back to it.
type Confirmation struct {
	Session   string
	TPP       string
	Confirmed bool // otherwise what is held is dropped
}

// An SCAStep is what a PSU does next in the SCA of a session that was started with the
// approach Decoupled or Embedded. Exactly one part is set: a password, with PSUID where she
// was not named before; MethodID; Data; or else PSUID alone, which identifies her.
type SCAStep struct {
	Session string
	TPP     string
	SCA
	Password           string
	AdditionalPassword string
	Encrypted          bool // the passwords are encrypted for the bank, and passed on as they are
	MethodID           string
	Data               string // what the PSU answers to the challenge: scaAuthenticationData
	PSU                PSUContext
}

// A Signature asks for the signature of another PSU, for what one has signed under the session
// Signs. Who that may be, the bank decides.
type Signature struct {
	Session   string // of this signature: it has its updates, and its success or fail
	Signs     string
	TPP       string
	AppName   string
	ReturnURL string
	UserID    string // the bank's id of the PSU where a log-in before told it; else ""
	PSU       PSUContext
	SCA       SCA
}

// An SCAMethod is one way in which a PSU can authenticate.
//
// spec: xs2a/authenticationObject
type SCAMethod struct {
	ID          string
	Type        string // SMS_OTP, CHIP_OTP, PHOTO_OTP, PUSH_OTP, …
	Version     string
	Name        string // the PSU's own word for it
	Explanation string
}

// A Challenge is what the PSU has to answer, or to look at while she does.
//
// spec: xs2a/challengeData
type Challenge struct {
	Image                 []byte // PNG
	Data                  []string
	ImageLink             string
	OTPMaxLength          int
	OTPFormat             string // characters, integer
	AdditionalInformation string // the TPP must show it
}
