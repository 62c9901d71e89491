package xs2a

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
)

// psuDataUpdate is what a TPP sends to move an authorisation on: at most one of its members,
// and none to say who the PSU is, by the header PSU-ID. Where PSUs authenticate on the bank's
// own pages, the others are understood and refused.
//
// spec: xs2a/psuDataUpdate
type psuDataUpdate struct {
	PSUData                *psuData `json:"psuData,omitempty"`
	AuthenticationMethodID *string  `json:"authenticationMethodId,omitempty" maxLength:"35"`
	SCAAuthenticationData  *string  `json:"scaAuthenticationData,omitempty"`
	ConfirmationCode       *string  `json:"confirmationCode,omitempty"`
}

type psuData struct {
	Password                    *string `json:"password,omitempty"`
	EncryptedPassword           *string `json:"encryptedPassword,omitempty"`
	AdditionalPassword          *string `json:"additionalPassword,omitempty"`
	AdditionalEncryptedPassword *string `json:"additionalEncryptedPassword,omitempty"`
}

// secretMax bounds what a PSU enters; what is encrypted for the bank is longer.
const secretMax, encryptedMax = 500, 10_000

// authorisationStarted answers the start of an authorisation.
//
// spec: xs2a/authorisationStarted
type authorisationStarted struct {
	SCAStatus       string `json:"scaStatus"`
	AuthorisationID string `json:"authorisationId"`
	scaOffer
	Links       links        `json:"_links"`
	PSUMessage  string       `json:"psuMessage,omitempty" maxLength:"500"`
	TPPMessages []tppMessage `json:"tppMessages,omitempty" since:"1.3.9"`
}

// psuDataAnswer answers a step of an authorisation.
//
// spec: xs2a/psuDataAnswer
type psuDataAnswer struct {
	SCAStatus string `json:"scaStatus" enum:"received,psuIdentified,psuAuthenticated,scaMethodSelected,started,unconfirmed,finalised,failed,exempted"`
	scaOffer
	PSUMessage string `json:"psuMessage,omitempty" since:"1.3.8" maxLength:"500"`
	Links      *links `json:"_links,omitempty"`
}

// scaOffer is what the PSU has to choose from, or to answer.
type scaOffer struct {
	SCAMethods      []authenticationObject `json:"scaMethods,omitempty" doc:"Of which the PSU chooses one."`
	ChosenSCAMethod *authenticationObject  `json:"chosenScaMethod,omitempty"`
	ChallengeData   *challengeData         `json:"challengeData,omitempty" doc:"What the PSU has to be shown."`
}

// authenticationObject is a method of the PSU's.
//
// spec: xs2a/authenticationObject
type authenticationObject struct {
	AuthenticationType     string `json:"authenticationType" doc:"SMS_OTP, CHIP_OTP, PHOTO_OTP, PUSH_OTP, SMTP_OTP, or one of the bank's own."`
	AuthenticationMethodID string `json:"authenticationMethodId" maxLength:"35"`
	AuthenticationVersion  string `json:"authenticationVersion,omitempty"`
	Name                   string `json:"name,omitempty" doc:"The PSU's own name for it."`
	Explanation            string `json:"explanation,omitempty"`
}

// challengeData is what the PSU's answer is to.
//
// spec: xs2a/challengeData
type challengeData struct {
	Image                 string   `json:"image,omitempty" doc:"PNG in Base64."`
	Data                  []string `json:"data,omitempty"`
	ImageLink             string   `json:"imageLink,omitempty"`
	OTPMaxLength          int      `json:"otpMaxLength,omitempty"`
	OTPFormat             string   `json:"otpFormat,omitempty" enum:"characters,integer"`
	AdditionalInformation string   `json:"additionalInformation,omitempty" doc:"Shown to the PSU as it is."`
}

// offer shows what auth offers its PSU.
func offer(auth authorisation.Authorisation) (o scaOffer) {
	if auth.Approach == authorisation.Redirect || auth.Status.Final() {
		return o
	}
	if auth.Choice() {
		for _, m := range auth.Methods {
			o.SCAMethods = append(o.SCAMethods, wireMethod(m))
		}
		return o
	}
	if auth.Chosen != nil {
		o.ChosenSCAMethod = ptr(wireMethod(*auth.Chosen))
	}
	if ch := auth.Challenge; ch != nil {
		o.ChallengeData = &challengeData{
			Image: base64.StdEncoding.EncodeToString(ch.Image), Data: ch.Data, ImageLink: ch.ImageLink,
			OTPMaxLength: ch.OTPMaxLength, OTPFormat: ch.OTPFormat, AdditionalInformation: ch.AdditionalInformation,
		}
	}
	return o
}

func wireMethod(m core.SCAMethod) authenticationObject {
	return authenticationObject{
		AuthenticationType: m.Type, AuthenticationMethodID: m.ID, AuthenticationVersion: m.Version, Name: m.Name, Explanation: m.Explanation,
	}
}

// spec: xs2a/startConsentAuthorisation
func (a *API) startConsentAuthorisation(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	body, text, err := a.startingStep(c)
	if err != nil {
		return answer{}, err
	}
	start, warnings, err := a.start(c, text, true)
	if err != nil {
		return answer{}, err
	}
	auth, err := a.Consents.StartAuthorisation(c.Context(), a.Bank, c.tpp, con.ID, start)
	if err != nil {
		return answer{}, err
	}
	return a.started(c, auth, body, start.SCA, a.atConsent(con, "authorisations", auth.ID), warnings)
}

// started answers that auth, which is at self, has begun, once it has taken the first step
// that came with the request.
func (a *API) started(
	c *call, auth authorisation.Authorisation, body psuDataUpdate, psu authorisation.Wish, self href, warnings []tppMessage,
) (answer, error) {
	// A request that is made again finds the step taken.
	if body.step() != authorisation.Identify && auth.Takes(a.Now(), body.step()) == nil {
		moved, err := a.Authorisations.Step(c.Context(), auth, body.step(), body.toBank(psu, c.psu), c.requestID, a.Bank.FirstUpdateWait)
		if err != nil {
			l := links{}
			a.scaLinks(&l, http.Header{}, auth, self)
			return answer{}, &guided{err, l}
		}
		auth = moved
	}
	l, h := links{}, http.Header{"Location": {self.Href}}
	a.scaLinks(&l, h, auth, self)
	return answer{status: http.StatusCreated, header: h, body: authorisationStarted{
		SCAStatus: string(auth.Status), AuthorisationID: auth.ID, scaOffer: offer(auth), Links: l, PSUMessage: auth.PSUMessage, TPPMessages: warnings,
	}}, nil
}

// startingStep reads what comes with the start of an authorisation, and its text without
// secrets. Only a password can come with it, and where the PSU stays at the TPP: methods and
// challenges are known when the bank is.
func (a *API) startingStep(c *call) (psuDataUpdate, []byte, error) {
	body, text, err := a.psuDataUpdate(c)
	if err != nil {
		return body, nil, err
	}
	c.stays = body.PSUData != nil
	wish, err := c.wish()
	if err != nil {
		return body, nil, err
	}
	switch approach, _ := wish.Choose(a.Bank.Profile); {
	case body.step() == authorisation.Identify:
	case body.PSUData == nil || approach != authorisation.Embedded:
		return body, nil, authorisation.ErrNotOffered
	case wish.PSUID == "" && c.bearer.PSU == "":
		return body, nil, malformed("PSU-ID", "header is missing: it says whose password this is")
	}
	return body, text, nil
}

// spec: xs2a/updateConsentsPsuData
func (a *API) updateConsentPSUData(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	return a.updatePSUData(c, authorisation.OfConsent, con.ID, func(id string) href { return a.atConsent(con, "authorisations", id) })
}

// updatePSUData takes one step of an authorisation. On the bank's pages there is none that
// changes anything: the bank asks the PSU itself. self says where the authorisation is.
func (a *API) updatePSUData(c *call, kind authorisation.Kind, subject string, self func(id string) href) (answer, error) {
	auth, err := a.Authorisations.Get(c.Context(), a.Bank.Code, c.tpp.ID, kind, subject, c.id("authorisationId"))
	if err != nil {
		return answer{}, err
	}
	body, _, err := a.psuDataUpdate(c)
	if err != nil {
		return answer{}, err
	}
	psu, err := c.wish()
	if err != nil {
		return answer{}, err
	}
	step := body.step()
	if err := auth.Takes(a.Now(), step); err != nil {
		return answer{}, err
	}
	switch {
	case psu.PSUID != "":
	case step == authorisation.Identify:
		return answer{}, malformed("PSU-ID", "header is missing: it says who the PSU is where the body is empty")
	case step == authorisation.Authenticate && auth.Status == authorisation.Received && auth.PSU == "":
		return answer{}, malformed("PSU-ID", "header is missing: it says whose password this is")
	}
	if step == authorisation.Confirm {
		auth, err = a.Authorisations.Confirm(c.Context(), auth, *body.ConfirmationCode, c.requestID, a.Bank.FirstUpdateWait)
	} else {
		auth, err = a.Authorisations.Step(c.Context(), auth, step, body.toBank(psu, c.psu), c.requestID, a.Bank.FirstUpdateWait)
	}
	if err != nil {
		return answer{}, err
	}
	l, h := links{}, http.Header{}
	a.scaLinks(&l, h, auth, self(auth.ID))
	return answer{status: http.StatusOK, header: h, body: psuDataAnswer{
		SCAStatus: string(auth.Status), scaOffer: offer(auth), PSUMessage: auth.PSUMessage, Links: &l,
	}}, nil
}

// wish reads the headers that say how and who the PSU is to authenticate.
func (c *call) wish() (w authorisation.Wish, err error) {
	for name, to := range map[string]**bool{"TPP-Redirect-Preferred": &w.Redirect, "TPP-Decoupled-Preferred": &w.Decoupled} {
		if c.Header.Get(name) == "" {
			continue
		}
		yes, err := c.flag(name)
		if err != nil {
			return w, err
		}
		*to = &yes
	}
	if c.stays {
		w.Redirect, w.Decoupled = ptr(false), ptr(false)
	}
	for name, to := range map[string]*string{
		"PSU-ID": &w.PSUID, "PSU-ID-Type": &w.PSUIDType, "PSU-Corporate-ID": &w.CorporateID, "PSU-Corporate-ID-Type": &w.CorporateIDType,
	} {
		if *to, err = c.text(name); err != nil {
			return w, err
		}
	}
	return w, nil
}

// psuDataUpdate reads the body of a step, which may be missing, and its text: without what is
// secret, which must be kept nowhere. A body that is none of the known steps is malformed.
func (a *API) psuDataUpdate(c *call) (body psuDataUpdate, text []byte, err error) {
	if c.ContentLength == 0 {
		return body, nil, nil
	}
	if text, err = c.readText(&body); err != nil {
		return body, nil, err
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &given); err != nil {
		return body, nil, malformed("", err.Error())
	}
	steps := body.steps()
	switch {
	case steps > 1:
		return body, nil, malformed("", "body has more than one step")
	case steps == 0 && len(given) > 0:
		return body, nil, malformed("", "body is no step of an authorisation")
	}
	if err := body.check(); err != nil {
		return body, nil, err
	}
	if p := body.PSUData; p != nil {
		text = []byte(`{"psuData":{}}`)
		if (p.EncryptedPassword != nil || p.AdditionalEncryptedPassword != nil) && !a.Bank.EncryptedPasswords && offers(a.Bank.Profile, profile.Embedded) {
			return body, nil, authorisation.ErrNotOffered
		}
	}
	return body, text, nil
}

// check refuses what can be no step.
func (b psuDataUpdate) check() error {
	for path, s := range map[string]*string{
		"authenticationMethodId": b.AuthenticationMethodID, "scaAuthenticationData": b.SCAAuthenticationData, "confirmationCode": b.ConfirmationCode,
	} {
		if err := entered(path, s, secretMax); err != nil {
			return err
		}
	}
	if id := b.AuthenticationMethodID; id != nil && len(*id) > 35 {
		return malformed("authenticationMethodId", "has more than 35 characters")
	}
	p := b.PSUData
	if p == nil {
		return nil
	}
	plain, encrypted := p.Password != nil || p.AdditionalPassword != nil, p.EncryptedPassword != nil || p.AdditionalEncryptedPassword != nil
	switch {
	case !plain && !encrypted:
		return malformed("psuData", "has no password")
	case plain && encrypted:
		return malformed("psuData", "has passwords of both kinds")
	}
	for path, s := range map[string]*string{"psuData.password": p.Password, "psuData.additionalPassword": p.AdditionalPassword} {
		if err := entered(path, s, secretMax); err != nil {
			return err
		}
	}
	for path, s := range map[string]*string{"psuData.encryptedPassword": p.EncryptedPassword, "psuData.additionalEncryptedPassword": p.AdditionalEncryptedPassword} {
		if err := entered(path, s, encryptedMax); err != nil {
			return err
		}
	}
	return nil
}

// entered refuses what nobody can have entered.
func entered(path string, s *string, most int) error {
	switch {
	case s == nil:
	case *s == "":
		return malformed(path, "is empty")
	case len(*s) > most:
		return malformed(path, "is too long")
	}
	return nil
}

// steps counts the steps that b wants to take at once.
func (b psuDataUpdate) steps() (n int) {
	for _, given := range []bool{b.PSUData != nil, b.AuthenticationMethodID != nil, b.SCAAuthenticationData != nil, b.ConfirmationCode != nil} {
		if given {
			n++
		}
	}
	return n
}

// step says which step b wants to take.
func (b psuDataUpdate) step() authorisation.Step {
	switch {
	case b.PSUData != nil:
		return authorisation.Authenticate
	case b.AuthenticationMethodID != nil:
		return authorisation.Select
	case b.SCAAuthenticationData != nil:
		return authorisation.Send
	case b.ConfirmationCode != nil:
		return authorisation.Confirm
	}
	return authorisation.Identify
}

// toBank returns the step of b as the bank is told of it, for the PSU that the headers name.
func (b psuDataUpdate) toBank(psu authorisation.Wish, device core.PSUContext) core.SCAStep {
	s := core.SCAStep{SCA: psu.SCA, PSU: device}
	first := func(texts ...*string) string {
		for _, t := range texts {
			if t != nil {
				return *t
			}
		}
		return ""
	}
	if p := b.PSUData; p != nil {
		s.Password, s.AdditionalPassword = first(p.Password, p.EncryptedPassword), first(p.AdditionalPassword, p.AdditionalEncryptedPassword)
		s.Encrypted = p.EncryptedPassword != nil || p.AdditionalEncryptedPassword != nil
	}
	s.MethodID, s.Data = first(b.AuthenticationMethodID), first(b.SCAAuthenticationData)
	return s
}

// scaLinks adds what the TPP needs to bring the PSU through auth. Without the bank's page
// there is no scaRedirect yet: the TPP finds it when it reads the resource again.
func (a *API) scaLinks(l *links, h http.Header, auth authorisation.Authorisation, self href) {
	l.SCAStatus = &self
	if auth.Status.Final() {
		return
	}
	h["Aspsp-Sca-Approach"] = []string{strings.ToUpper(string(auth.Approach))}
	switch {
	case auth.OAuth:
		l.SCAOAuth = &href{a.MetadataURL}
	default:
		a.redirectLinks(l, auth, self)
	}
	for _, step := range auth.Next() {
		switch step {
		case authorisation.Identify:
			l.UpdatePSUIdentification = &self
		case authorisation.Authenticate:
			l.UpdatePSUAuthentication = &self
			if a.Bank.EncryptedPasswords {
				l.UpdateEncryptedPSUAuthentication = &self
			}
		case authorisation.Select:
			l.SelectAuthenticationMethod = &self
		case authorisation.Send:
			l.AuthoriseTransaction = &self
		}
	}
}

// redirectLinks adds where the PSU's browser goes, and where the TPP proves that it came back.
// Once the bank has let it go there is only the latter.
func (a *API) redirectLinks(l *links, auth authorisation.Authorisation, self href) {
	if auth.Approach != authorisation.Redirect || auth.BankURL == "" || auth.Status.Final() {
		return
	}
	if auth.Status != authorisation.Unconfirmed {
		l.SCARedirect = &href{auth.BankURL}
	}
	if auth.ByCode() {
		l.Confirmation = &self
	}
}

// startLinks adds where the TPP of c starts SCA at to, by what it would like and has said of
// the PSU: with the data that the approach needs from the first.
func (a *API) startLinks(l *links, c *call, psu authorisation.Wish, to href) {
	known := psu.PSUID != "" || c.bearer.PSU != ""
	switch approach, _ := psu.Choose(a.Bank.Profile); {
	case approach == authorisation.Embedded:
		l.StartAuthorisationWithPSUAuthentication = &to
		if a.Bank.EncryptedPasswords {
			l.StartAuthorisationWithEncryptedPSUAuthentication = &to
		}
	case approach == authorisation.Decoupled && !known:
		l.StartAuthorisationWithPSUIdentification = &to
	default:
		l.StartAuthorisation = &to
	}
}
