// Package client is a bank behind the connector protocol: it implements core.Bank over HTTP
// against any connector of version 2.
//
// Every question is a signed request with an empty body, but for a bulk or basket of payments that
// no header could hold. Reads are asked once more, quickly, when the network or the bank failed,
// and so are revocations, with more patience; a payment, a cancellation or a basket is never
// sent twice once a connection stood. What connectors answer is read tolerantly where real ones differ
// (numbers for texts, nulls, dates in three forms) and refused where it cannot be passed on;
// a refused answer is reported to the connector, in the background.
//
// A slow bank costs only itself: a bounded number of requests is under way to each, with
// bounded answers, and whoever finds no place is told that the bank does not answer. Lists of
// entries may be of any length: beyond a megabyte they pass through without being kept.
//
// Source: connector protocol v2, sections 1 and 4.
package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"kontor/bank/core"
	"kontor/connector/wire"
	"kontor/kit/money"
)

// A Config says where a connector is and how patient to be with it. The zero value of every
// field but the first three works.
type Config struct {
	BankCode     string // provider_code
	ConnectorURL string // what stands before /api/priora/v2
	SigningKey   *rsa.PrivateKey

	// Capabilities are what the connector declares beyond what every one has: "logins",
	// "standing_orders", "trusted_beneficiaries", "refresh", "bulk-payments",
	// "periodic-payments", "cancellation", "payment_status",
	// "funds_at_bank", "baskets", "payee_verification", "embedded", "decoupled", "multilevel",
	// "confirmation", "exemptions". Others are not asked for.
	Capabilities      []string
	AuthorizationType string // default "oauth"
	ReportErrors      bool   // tell the connector which of its answers could not be used

	HTTP *http.Client     // default: one with limits of its own
	Now  func() time.Time // default: time.Now
	Log  *slog.Logger     // default: discarded

	ReadTimeout   time.Duration // of a whole question, retries included; default 10 s
	BulkTimeout   time.Duration // of handing over a bulk; default 60 s
	IdleTimeout   time.Duration // between two pieces of a list that is longer than a megabyte; default 10 s
	AnswerMax     int64         // bytes, of everything but lists of entries; default 32 MiB
	InFlightMax   int           // requests under way; default 128
	RevokeBackoff []time.Duration
	ReadBackoff   []time.Duration
}

const (
	// tokenLife is how long a request may take to reach the connector's check.
	tokenLife = 5 * time.Minute
	// retryAfterMax is the longest wait that a connector may ask for within a request.
	retryAfterMax = 5 * time.Second
	// queueMax is how long a request waits for its place.
	queueMax = time.Second
	// largeAnswer is what counts as large, and largeMax how many such answers may be in
	// memory at once. Of a large list only so much is in memory.
	largeAnswer, largeMax = 1 << 20, 4
	// streamsShare is which part of the requests under way large lists may be. They take as
	// long as their readers do, and must not hold up the others.
	streamsShare = 4
	reportsMax   = 4
	// bulksMax is how many bulks are handed over at once: each is some megabytes, and its bank
	// has more to do than for any other question.
	bulksMax = 8
)

// Capabilities lists what a connector may declare.
var Capabilities = []string{
	"logins", "standing_orders", "trusted_beneficiaries", "refresh",
	servicePeriodic, serviceBulk, "cancellation", "payment_status", "funds_at_bank",
	"baskets", "payee_verification", "embedded", "decoupled", "multilevel", "confirmation", "exemptions",
}

// A Client asks one bank.
type Client struct {
	c       Config
	base    string
	http    *http.Client
	traced  bool // the transport tells when a connection stands
	places  chan struct{}
	large   chan struct{}
	streams chan struct{}
	bulks   chan struct{}
	reports chan struct{}
	pending sync.WaitGroup
}

var _ core.Bank = (*Client)(nil)

// New returns the client of a connector.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.ConnectorURL)
	switch {
	case err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("ConnectorURL must be an http or https address without a query")
	case c.BankCode == "":
		return nil, errors.New("BankCode is missing")
	case c.SigningKey == nil:
		return nil, errors.New("SigningKey is missing")
	}
	c.AuthorizationType = cmp.Or(c.AuthorizationType, "oauth")
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 10*time.Second)
	c.BulkTimeout = cmp.Or(c.BulkTimeout, 60*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	c.AnswerMax = cmp.Or(c.AnswerMax, 32<<20)
	c.InFlightMax = cmp.Or(c.InFlightMax, 128)
	if c.RevokeBackoff == nil {
		c.RevokeBackoff = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}
	}
	if c.ReadBackoff == nil {
		c.ReadBackoff = []time.Duration{250 * time.Millisecond}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("bank", c.BankCode)
	client := c.HTTP
	if client == nil {
		client = &http.Client{Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: c.InFlightMax,
			// Shorter than common servers keep a connection (5 s), or a payment would meet one
			// that is just being closed, and nobody could say whether it was taken.
			IdleConnTimeout:        4 * time.Second,
			ExpectContinueTimeout:  time.Second, // a connector that does not know Expect is waited for no longer
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // a small answer stays small
		}}
	}
	own := *client
	// A redirect would carry the token to another place.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, standard := own.Transport.(*http.Transport)
	return &Client{
		c: c, base: strings.TrimRight(c.ConnectorURL, "/") + wire.ConnectorBase, http: &own, traced: standard || own.Transport == nil,
		places: make(chan struct{}, c.InFlightMax), large: make(chan struct{}, largeMax), streams: make(chan struct{}, max(1, c.InFlightMax/streamsShare)), reports: make(chan struct{}, reportsMax),
		bulks: make(chan struct{}, bulksMax),
	}, nil
}

// Close waits for reports that are under way, at most some seconds.
func (c *Client) Close() error {
	c.pending.Wait()
	c.http.CloseIdleConnections()
	return nil
}

// StartAccess is POST /tokens.
func (c *Client) StartAccess(ctx context.Context, r core.AccessRequest) (*core.Update, error) {
	data := access(r)
	var err error
	if data.SCA, err = c.sca(r.SCA); err != nil {
		return nil, err
	}
	if c.can("exemptions") {
		data.AvailableAccounts = wire.String(r.List)
	}
	data.ProviderCode, data.AppName, data.RedirectURL = wire.String(c.c.BankCode), wire.String(r.AppName), wire.String(r.ReturnURL)
	data.AuthorizationType, data.PSUIPAddress = wire.String(c.c.AuthorizationType), wire.String(r.PSU.IPAddress)
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathTokens, consent: r.ConsentID, tpp: r.TPP, psu: r.PSU, session: r.Session, data: data, retry: c.c.ReadBackoff,
	})
}

// access is r as it stands alone and in a basket.
func access(r core.AccessRequest) wire.TokenCreate {
	asked := wire.Access{AllPSD2: "allAccounts"}
	if !r.AllPSD2 {
		// Empty lists are sent as such: a known connector reads them without looking whether they are there.
		balances, transactions := references(r.Balances), references(r.Transactions)
		asked = wire.Access{Balances: &balances, Transactions: &transactions}
	}
	return wire.TokenCreate{
		SessionSecret: wire.String(r.Session), RecurringIndicator: r.Recurring, ValidUntil: wire.String(r.ValidUntil.String()),
		FrequencyPerDay: r.FrequencyPerDay, Access: asked,
	}
}

// StartFundsAccess is POST /funds_confirmations/tokens.
func (c *Client) StartFundsAccess(ctx context.Context, r core.FundsAccessRequest) (*core.Update, error) {
	sca, err := c.sca(r.SCA)
	if err != nil {
		return nil, err
	}
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathFundsTokens, consent: r.ConsentID, tpp: r.TPP, psu: r.PSU, session: r.Session,
		data: wire.FundsTokenCreate{
			SessionSecret: wire.String(r.Session), ProviderCode: wire.String(c.c.BankCode), ClientID: wire.ClientNumber(r.TPP),
			RedirectURL: wire.String(r.ReturnURL), AppName: wire.String(r.AppName), AuthorizationType: wire.String(c.c.AuthorizationType), Account: account(r.Account),
			CardNumber: wire.String(r.CardNumber), CardExpiryDate: wire.String(r.CardExpiryDate.String()),
			CardInformation: wire.String(r.CardInformation), RegistrationInformation: wire.String(r.RegistrationInformation),
			SCA: sca,
		},
		retry: c.c.ReadBackoff,
	})
}

// StartLogin is POST /logins, for connectors that declare it.
func (c *Client) StartLogin(ctx context.Context, r core.LoginRequest) (*core.Update, error) {
	if !c.can("logins") {
		return nil, core.ErrNotOffered
	}
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathLogins, tpp: r.TPP, session: r.Session,
		data: wire.LoginCreate{
			SessionSecret: wire.String(r.Session), ProviderCode: wire.String(c.c.BankCode), AppName: wire.String(r.AppName),
			RedirectURL: wire.String(r.ReturnURL), IBAN: wire.String(r.IBAN),
		},
		retry: c.c.ReadBackoff,
	})
}

// Refresh is POST /ais/refresh, for connectors that declare it. The others need none.
func (c *Client) Refresh(ctx context.Context, a core.Access, session string) error {
	if !c.can("refresh") {
		return core.ErrNotOffered
	}
	r := c.reading(a, http.MethodPost, wire.PathRefresh, wire.SessionOnly{SessionSecret: wire.String(session), ProviderCode: wire.String(c.c.BankCode)})
	r.session = session
	_, err := c.start(ctx, r)
	return err
}

// RevokeAccess is PATCH /tokens/revoke.
func (c *Client) RevokeAccess(ctx context.Context, a core.Access) error {
	return c.revoke(ctx, a, http.MethodPatch, wire.PathTokensRevoke)
}

// RevokeFundsAccess is DELETE /funds_confirmations/tokens.
func (c *Client) RevokeFundsAccess(ctx context.Context, a core.Access) error {
	return c.revoke(ctx, a, http.MethodDelete, wire.PathFundsTokens)
}

func (c *Client) revoke(ctx context.Context, a core.Access, method, path string) error {
	ctx, cancel := context.WithTimeout(ctx, c.c.ReadTimeout)
	defer cancel()
	r := c.reading(a, method, path, wire.SessionOnly{SessionSecret: wire.String(a.Session), ProviderCode: wire.String(c.c.BankCode)})
	r.retry = c.c.RevokeBackoff
	answer, err := c.send(ctx, r)
	answer.release()
	// The bank knows the access no longer: then there is nothing to end.
	if errors.Is(err, core.ErrAccessDenied) || errors.Is(err, core.ErrTokenExpired) {
		return nil
	}
	return err
}

// FundsAvailable is POST /funds_confirmations, or POST /funds_confirmations/at_bank where
// there is no access, for connectors that declare it.
func (c *Client) FundsAvailable(ctx context.Context, a core.Access, ref core.AccountReference, amount money.Amount) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.c.ReadTimeout)
	defer cancel()
	sum := wire.Amount{Amount: wire.String(amount.String()), Currency: wire.String(amount.Currency)}
	r := c.reading(a, http.MethodPost, wire.PathFunds, wire.FundsCheck{
		SessionSecret: wire.String(a.Session), ProviderCode: wire.String(c.c.BankCode), Account: account(ref), InstructedAmount: sum,
	})
	if a.Session == "" && a.Token == "" {
		if !c.can("funds_at_bank") {
			return false, core.ErrNotOffered
		}
		r.path, r.needsToken, r.session = wire.PathFundsAtBank, false, rand.Text()
		r.data = wire.FundsAtBank{
			SessionSecret: wire.String(r.session), ProviderCode: wire.String(c.c.BankCode), TPP: wire.String(a.TPP), Account: account(ref), InstructedAmount: sum,
		}
	}
	answer, err := c.send(ctx, r)
	defer answer.release()
	if err != nil {
		return false, err
	}
	var body struct {
		Data wire.FundsAnswer `json:"data"`
	}
	if err := decode(answer.body(), &body); err != nil {
		return false, c.malformed(r, err.Error())
	}
	if body.Data.FundsAvailable == nil {
		return false, c.malformed(r, "funds_available is missing")
	}
	return *body.Data.FundsAvailable, nil
}

// start sends a request that begins a session and returns the update in the answer, if any.
func (c *Client) start(ctx context.Context, r request) (*core.Update, error) {
	patience := c.c.ReadTimeout
	if r.bulk {
		patience = max(patience, c.c.BulkTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if r.bulk {
		leave, ok := c.enterBulk(ctx)
		if !ok {
			return nil, core.ErrUnavailable
		}
		defer leave()
	}
	answer, err := c.send(ctx, r)
	defer answer.release()
	if err != nil {
		return nil, err
	}
	u, err := update(answer.body(), r.session)
	if err != nil {
		err = c.malformed(r, err.Error())
		if r.once {
			return nil, fmt.Errorf("%w: %w", core.ErrUnknownOutcome, err)
		}
	}
	return u, err
}

// enterBulk takes a place among the bulks under way; leave gives it back.
func (c *Client) enterBulk(ctx context.Context) (leave func(), ok bool) {
	select {
	case c.bulks <- struct{}{}:
		return func() { <-c.bulks }, true
	case <-ctx.Done():
		return nil, false
	}
}

// reading is a request on what a bank gave access to.
func (c *Client) reading(a core.Access, method, path string, data any) request {
	return request{method: method, path: path, data: data, tpp: a.TPP, consent: a.ConsentID, psu: a.PSU, token: a.Token, session: a.Session, needsToken: true, retry: c.c.ReadBackoff}
}

func (c *Client) can(capability string) bool { return slices.Contains(c.c.Capabilities, capability) }

func references(refs []core.AccountReference) []wire.Account {
	all := make([]wire.Account, len(refs))
	for i, r := range refs {
		all[i] = account(r)
	}
	return all
}

func account(r core.AccountReference) wire.Account {
	return wire.Account{
		IBAN: wire.String(r.IBAN), BBAN: wire.String(r.BBAN), PAN: wire.String(r.PAN), MaskedPAN: wire.String(r.MaskedPAN),
		MSISDN: wire.String(r.MSISDN), BankAccountIdentifier: wire.String(r.Other.Identification), Currency: wire.String(r.Currency),
	}
}
