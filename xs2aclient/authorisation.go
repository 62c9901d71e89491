package xs2aclient

import (
	"context"
	"net/http"
	"time"
)

// Values of ASPSP-SCA-Approach. Where OAuth leads the PSU to the bank, that is REDIRECT, too.
const (
	ApproachRedirect  = "REDIRECT"  // on the bank's pages
	ApproachDecoupled = "DECOUPLED" // on a device of hers: the TPP waits, see AwaitSCA
	ApproachEmbedded  = "EMBEDDED"  // at the TPP, which passes on what she enters: see Authenticate
)

// Values of scaStatus on the way of an authorisation.
const (
	SCAReceived       = "received"
	SCAIdentified     = "psuIdentified"
	SCAAuthenticated  = "psuAuthenticated"  // her password was right
	SCAMethodSelected = "scaMethodSelected" // her answer to the challenge is missing
	SCAStarted        = "started"           // the PSU is asked elsewhere
	SCAUnconfirmed    = "unconfirmed"       // the TPP has to Confirm that it was the right PSU who came back
)

// An Offer is what a PSU who stays at the TPP has to choose from, or to answer.
type Offer struct {
	Methods   []Method   `json:"scaMethods"`      // of which she chooses one: SelectMethod
	Chosen    *Method    `json:"chosenScaMethod"` // nil: none yet
	Challenge *Challenge `json:"challengeData"`   // that she answers: AuthoriseTransaction
}

// A Method is one way in which the PSU can prove who she is.
type Method struct {
	Type        string `json:"authenticationType"` // SMS_OTP, CHIP_OTP, PHOTO_OTP, PUSH_OTP, SMTP_OTP, or one of the bank's own
	ID          string `json:"authenticationMethodId"`
	Version     string `json:"authenticationVersion"`
	Name        string `json:"name"` // the PSU's own word for it
	Explanation string `json:"explanation"`
}

// A Challenge is what the PSU has to be shown, as it is.
type Challenge struct {
	Image                 []byte   `json:"image"` // PNG
	Data                  []string `json:"data"`
	ImageLink             string   `json:"imageLink"`
	OTPMaxLength          int      `json:"otpMaxLength"`
	OTPFormat             string   `json:"otpFormat"` // characters, integer
	AdditionalInformation string   `json:"additionalInformation"`
}

// A Step answers a step of an authorisation. What can follow stands in its links.
type Step struct {
	Status string `json:"scaStatus"`
	Offer
	PSUMessage  string    `json:"psuMessage"`
	Messages    []Message `json:"tppMessages"`
	Links       Links     `json:"_links"`
	SCAApproach string    `json:"-"` // ASPSP-SCA-Approach: the PSU's method may need another one than before
}

// Identify says who the PSU is (WithPSU), at an updatePsuIdentification link.
func (c *Client) Identify(ctx context.Context, link string) (Step, error) {
	return c.step(ctx, "Identify", link, struct{}{})
}

// Authenticate passes on the PSU's password, at an updatePsuAuthentication link. Whose it is
// was said before, or says the PSU-ID of WithPSU.
func (c *Client) Authenticate(ctx context.Context, link, password string) (Step, error) {
	return c.step(ctx, "Authenticate", link, ofPassword(password))
}

// SelectMethod chooses one of the offered methods, at a selectAuthenticationMethod link.
func (c *Client) SelectMethod(ctx context.Context, link, methodID string) (Step, error) {
	return c.step(ctx, "SelectMethod", link, map[string]string{"authenticationMethodId": methodID})
}

// AuthoriseTransaction passes on the PSU's answer to the challenge, at an authoriseTransaction
// link.
func (c *Client) AuthoriseTransaction(ctx context.Context, link, answer string) (Step, error) {
	return c.step(ctx, "AuthoriseTransaction", link, map[string]string{"scaAuthenticationData": answer})
}

// Confirm says, at a confirmation link, that the PSU who came back with this code is the one
// whom the TPP sent to the bank. A TPP checks that first.
func (c *Client) Confirm(ctx context.Context, link, confirmationCode string) (Step, error) {
	return c.step(ctx, "Confirm", link, map[string]string{"confirmationCode": confirmationCode})
}

func (c *Client) step(ctx context.Context, operation, link string, body any) (s Step, err error) {
	u, err := c.follow(link)
	if err != nil {
		return s, err
	}
	h, err := c.do(ctx, request{operation: operation, method: http.MethodPut, url: u, body: body}, &s)
	s.SCAApproach = h.Get("ASPSP-SCA-Approach")
	return s, err
}

// StartAuthenticated begins SCA with the PSU's password, at a
// startAuthorisationWithPsuAuthentication link; WithPSU says whose it is.
func (c *Client) StartAuthenticated(ctx context.Context, link, password string, to Redirects) (started AuthorisationStarted, err error) {
	u, err := c.follow(link)
	if err != nil {
		return started, err
	}
	return c.startWith(ctx, u, ofPassword(password), to)
}

func ofPassword(password string) any {
	return map[string]any{"psuData": map[string]string{"password": password}}
}

// Ended says whether nothing more can happen in the authorisation, but that the TPP confirms
// it.
func (s SCA) Ended() bool {
	switch s.Status {
	case SCAFinalised, SCAFailed, SCAExempted, SCAUnconfirmed:
		return true
	}
	return false
}

// AwaitSCA reads the authorisation behind a scaStatus link, and again every so often, until it
// has ended, or ctx has: the way to wait for a PSU who is asked on a device of hers. How she
// decided stands in the answer, and is no error.
func (c *Client) AwaitSCA(ctx context.Context, link string, every time.Duration) (SCA, error) {
	for {
		s, err := c.SCAStatus(ctx, link)
		if err != nil || s.Ended() {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(every):
		}
	}
}
