// Package xs2a serves the Berlin Group interface of the hub's banks to TPPs. JSON, headers
// and message codes end here: the packages below it speak of consents and payments only.
//
// Every request goes the same way (serve): certificate, role, X-Request-ID, signature,
// token, body limit, then the operation, which turns wire into plain values, makes one call, and turns
// the answer into wire. operations.go lists all of them; that one table routes requests and
// makes the OpenAPI document. refusals.go is the one place where an error gets a code.
package xs2a

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"kontor/bank/account"
	"kontor/bank/authorisation"
	"kontor/bank/basket"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/kit/httpsig"
)

const (
	// bodyMax bounds a request body.
	bodyMax = 1 << 20
	// bulkItemMax bounds that of a bulk, for each payment that the bank takes in one: a
	// generous one in XML, with its blanks. 10,000 of them are 16 MB.
	bulkItemMax = 1600
)

// Headers of every request, as net/http keeps them: a name that is spelled in another way is
// made anew at every look.
const (
	headerRequestID    = "X-Request-Id"
	headerConsentID    = "Consent-Id"
	headerPSUIPAddress = "Psu-Ip-Address"
)

// An API is the interface of one bank.
type API struct {
	Bank           profile.Bank
	BaseURL        string // of the interface, before /v1 and /v2: links are made with it
	MetadataURL    string // of the authorization server: the scaOAuth link
	Consents       *consent.Service
	Authorisations *authorisation.Service
	Accounts       *account.Service
	Payments       *payment.Service
	Baskets        *basket.Service
	Funds          *funds.Service
	// Identify says which TPP is calling, by the certificate of the connection.
	Identify func(*http.Request) (tpp.TPP, error)
	// IdentifySeal says whose the certificate of a signature is: caller's, or it is refused.
	IdentifySeal func(ctx context.Context, chain []*x509.Certificate, caller tpp.TPP) (tpp.TPP, error)
	// CheckToken says what a bearer token is good for.
	CheckToken func(ctx context.Context, bank, bearer string, t tpp.TPP) (Bearer, error)
	// Registered says whether an app of the TPP has registered an address to come back to: apps
	// have schemes of their own, which are in no certificate. nil: nothing is registered.
	Registered func(ctx context.Context, bank string, t tpp.TPP, uri string) (bool, error)
	Now        func() time.Time
	Log        *slog.Logger

	seals httpsig.Memory // of certificates that were sent with signatures
	level *level
}

// A Bearer is what an access token of the calling TPP is good for.
type Bearer struct {
	Resource           string // the consent, payment or signing basket of an integrated flow
	Basket             bool   // Resource is a signing basket: its consents are meant
	Accounts, Payments bool   // what a log-in beforehand allows
	PSU                string // the bank's id of the PSU
}

// A call is one request on its way through.
type call struct {
	*http.Request
	w         http.ResponseWriter
	op        *operation
	service   string // payment service; "" elsewhere
	bodyMax   int64
	tpp       tpp.TPP
	bearer    Bearer
	requestID string
	psu       core.PSUContext
	stays     bool    // the PSU has entered a password at the TPP, whatever the headers prefer
	sent      *[]byte // the body; nil until it is read
}

// An answer is what an operation has to say. Body is marshalled to JSON; raw is sent as it is.
type answer struct {
	status int
	header http.Header
	body   any
	raw    []byte
	free   func() // called when raw has been sent
	sent   bool   // all of it, already
}

// Handler routes every operation that the bank's profile offers, under /v1 and /v2.
func (a *API) Handler() http.Handler {
	a.level = newLevel(a.since)
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for i := range operations {
		op := &operations[i]
		if !op.isOffered(a.Bank.Profile) {
			continue
		}
		for _, to := range op.routes(a.Bank.Profile) {
			mux.Handle(op.method+" "+to.path, a.serve(op, to.service))
			methods[to.path] = append(methods[to.path], op.method)
		}
	}
	for path, allowed := range methods {
		mux.Handle(path, a.refuse(http.StatusMethodNotAllowed, "SERVICE_INVALID", "this method is not supported here", strings.Join(allowed, ", ")))
	}
	for _, path := range switchedOff(a.Bank.Profile) {
		mux.Handle(path, a.refuse(http.StatusMethodNotAllowed, "SERVICE_INVALID", "this bank does not offer this service", ""))
	}
	nothing := a.refuse(http.StatusNotFound, "RESOURCE_UNKNOWN", "there is nothing at this address", "")
	mux.Handle("/", nothing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would send the caller on to the address as it should be, with a page.
		if p := r.URL.EscapedPath(); p != path.Clean(p) {
			nothing.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serve does what is the same for every operation.
func (a *API) serve(op *operation, service string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, w: w, op: op, service: service, bodyMax: bodyMax}
		if op.many && service == bulkPayments {
			c.bodyMax = max(bodyMax, int64(a.Bank.Payments.BulkMax)*bulkItemMax)
		}
		a.begin(c)
		ans, err := a.answer(c)
		if err != nil {
			dropNotification(w.Header())
			ans = a.refusal(c, err)
		}
		a.send(c, ans)
	})
}

func (a *API) answer(c *call) (ans answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := a.admit(c); err != nil {
		return answer{}, err
	}
	return c.op.do(a, c)
}

// begin sets the headers that every answer carries.
func (a *API) begin(c *call) {
	h := c.w.Header()
	if id := c.Header.Get(headerRequestID); isUUID(id) {
		c.requestID = id
		h[headerRequestID] = []string{id}
	}
	h["Cache-Control"] = noStore
	for _, name := range a.Bank.ExtraResponseHeaders {
		h.Set(name, newUUID())
	}
}

var noStore = []string{"no-store"}

// admit checks who is calling and what every request must have.
func (a *API) admit(c *call) error {
	t, err := a.Identify(c.Request)
	if err != nil {
		return err
	}
	t.BankMayActAsTPP = a.Bank.BanksMayActAsTPP
	c.tpp = t
	if err := mayPlayOneOf(t, c.op.roles); err != nil {
		return err
	}
	if c.requestID == "" {
		return malformed("X-Request-ID", "header must be a UUID")
	}
	if err := a.sealed(c); err != nil {
		return err
	}
	if ip := c.Header.Get(headerPSUIPAddress); ip != "" {
		if _, err := netip.ParseAddr(ip); err != nil {
			return malformed("PSU-IP-Address", "header is not an IP address")
		}
		c.psu.IPAddress = ip
	} else if c.op.psuIP {
		return malformed("PSU-IP-Address", "header is missing")
	}
	for _, h := range [...]struct {
		name, as string
		to       *string
	}{
		{"PSU-Device-ID", "Psu-Device-Id", &c.psu.DeviceID}, {"PSU-User-Agent", "Psu-User-Agent", &c.psu.UserAgent},
		{"PSU-Geo-Location", "Psu-Geo-Location", &c.psu.GeoLocation}, {"PSU-Corporate-ID", "Psu-Corporate-Id", &c.psu.CorporateID},
	} {
		if c.Header[h.as] == nil {
			continue
		}
		if *h.to, err = c.text(h.name); err != nil {
			return err
		}
	}
	// What a browser says of its languages is only a wish: a TPP that sends nonsense is served.
	const languagesMax = 200
	if l := c.Header.Get("Psu-Accept-Language"); len(l) <= languagesMax {
		c.psu.AcceptLanguage = l
	}
	return a.authorise(c)
}

// whyEnded says more than that a token is over, where it ended because its consent did:
// the TPP then needs a new consent, not a new token.
func (a *API) whyEnded(c *call, err error) error {
	if !errors.Is(err, token.ErrInvalid) && !errors.Is(err, token.ErrExpired) {
		return err
	}
	id, missing := c.consentID()
	if missing != nil {
		return err
	}
	con, unknown := a.Consents.Get(c.Context(), a.Bank.Code, c.tpp.ID, id)
	if unknown != nil {
		return err
	}
	return cmp.Or(con.Usable(a.Now()), err)
}

func mayPlayOneOf(t tpp.TPP, roles []role) (err error) {
	for _, role := range roles {
		if err = t.May(role); err == nil {
			return nil
		}
	}
	return err
}

// authorise checks the access token where the profile wants one for this operation.
func (a *API) authorise(c *call) (err error) {
	integrated := a.Bank.OAuth.Mode == profile.OAuthIntegrated
	preStep := a.Bank.OAuth.Mode == profile.OAuthPreStep
	if !(integrated && c.op.token == tokenToRead) && !(preStep && c.op.token == tokenToCreate) {
		return nil
	}
	if c.op.service == piis && a.Bank.Funds.ConsentVia == profile.FundsAtBank {
		return nil // there was no consent here that a token could have come with
	}
	scheme, bearer, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if integrated && c.Header.Get("Authorization") == "" && a.opensByConsent(c) {
		return nil
	}
	if bearer = strings.TrimSpace(bearer); !strings.EqualFold(scheme, "Bearer") || bearer == "" || len(bearer) > 4096 {
		return errNoToken
	}
	if c.bearer, err = a.CheckToken(c.Context(), a.Bank.Code, bearer, c.tpp); err != nil {
		return a.whyEnded(c, err)
	}
	switch {
	case c.op.codes == sbs && (c.bearer.Payments || c.bearer.Accounts):
		return nil // what it holds decides: see mayHold
	case preStep && c.op.service == pis && !c.bearer.Payments,
		preStep && c.op.service != pis && !c.bearer.Accounts:
		return errTokenScope
	case integrated && c.bearer.Basket:
		return a.opensByBasket(c)
	case integrated && c.bearer.Resource != c.Header.Get(headerConsentID) && c.Header.Get(headerConsentID) != "":
		return errTokenScope
	}
	return nil
}

// opensByConsent says whether the consent that c names was authorised in a way that no token
// comes with: the TPP's certificate and the consent are the permission then.
func (a *API) opensByConsent(c *call) bool {
	id := plainID(c.Header.Get(headerConsentID))
	if id == "" || !takesSteps(a.Bank.Profile) {
		return false
	}
	con, err := a.Consents.Get(c.Context(), a.Bank.Code, c.tpp.ID, id)
	if err != nil {
		return false
	}
	all, err := a.Authorisations.List(c.Context(), a.Bank.Code, authorisation.OfConsent, con.ID)
	return err == nil && slices.ContainsFunc(all, func(auth authorisation.Authorisation) bool {
		return !auth.OAuth && (auth.Status == authorisation.Finalised || auth.Status == authorisation.Exempted)
	})
}

// opensByBasket checks that the consent of c was authorised in the basket of its token.
func (a *API) opensByBasket(c *call) error {
	if c.Header.Get(headerConsentID) == "" {
		return nil // it is missed where it is needed
	}
	con, err := a.Consents.Get(c.Context(), a.Bank.Code, c.tpp.ID, plainID(c.Header.Get(headerConsentID)))
	switch {
	case errors.Is(err, consent.ErrUnknown), err == nil && con.Basket != c.bearer.Resource:
		return errTokenScope
	}
	return err
}

// text returns a header that is passed on: printable, and of a decent length.
func (c *call) text(name string) (string, error) {
	s := c.Header.Get(name)
	if len(s) > 500 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return "", malformed(name, "header is too long or not printable")
	}
	return s, nil
}

// id returns a path value that can be an identifier of ours, or "" for one that cannot.
func (c *call) id(name string) string { return plainID(c.PathValue(name)) }

// consentID returns the Consent-ID header.
func (c *call) consentID() (string, error) {
	if c.Header.Get(headerConsentID) == "" {
		return "", malformed("Consent-ID", "header is missing")
	}
	return plainID(c.Header.Get(headerConsentID)), nil
}

// plainID keeps what no identifier of ours can contain away from the stores.
func plainID(s string) string {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return ""
	}
	return s
}

// media returns the media type of the body, without parameters.
func (c *call) media() string {
	media, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// body reads the request body, which must be of the media type.
func (c *call) body(media string) ([]byte, error) {
	if c.media() != media {
		return nil, fmt.Errorf("%w: send %s", errMediaType, media)
	}
	return c.payload()
}

// payload reads the request body, once.
func (c *call) payload() ([]byte, error) {
	if c.sent != nil {
		return *c.sent, nil
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, c.bodyMax))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, malformed("", fmt.Sprintf("body is larger than %d bytes", tooLarge.Limit))
	}
	if err != nil {
		return nil, malformed("", "body ends too early")
	}
	c.sent = &b
	return b, nil
}

// link returns an absolute link to path below /v1.
func (a *API) link(path ...string) href { return href{a.BaseURL + "/v1/" + strings.Join(path, "/")} }

func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	var b [36]byte
	hex.Encode(b[:8], u[:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:], u[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}
