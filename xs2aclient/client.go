// Package xs2aclient calls the XS2A interface of a bank that follows the Berlin Group's
// NextGenPSD2 framework (1.3.x), for third parties: account information, payment
// initiation, confirmation of funds, and the OAuth flows around them.
//
// A Client is made once for a bank, with the QWAC that identifies the TPP. WithToken,
// WithConsent and WithPSU return copies for one PSU, which share its connections:
//
//	bank, err := xs2aclient.New(xs2aclient.Config{BaseURL: "https://api.bank.example/psd2", Certificate: &qwac})
//	created, err := bank.WithPSU(xs2aclient.PSU{IPAddress: "192.0.2.7"}).CreateConsent(ctx, request, redirects)
//	// … the PSU authorises; see OAuth …
//	accounts, err := bank.WithToken(token.AccessToken).WithConsent(created.ConsentID).Accounts(ctx, false)
//
// Where a bank wants requests signed, Config.Seal has the QSealC, and every request is.
//
// It reads tolerantly, because banks differ: unknown members and nulls are no errors, and
// status words are texts that a TPP compares, not a closed list. It sends strictly. A
// refusal is an *Error with the bank's message codes. Nothing here decides for the TPP when
// to call or whether to try again, and nothing is stored.
package xs2aclient

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answerMax bounds what is read of an answer.
const answerMax = 32 << 20

// ErrForeignLink says that a link of the bank leads to another host than its interface.
// Certificate and token are not taken there.
var ErrForeignLink = errors.New("link leads away from the bank's interface")

// A Config says which bank is called, and as whom.
type Config struct {
	// BaseURL is the bank's interface before /v1, for example https://api.bank.example/psd2.
	BaseURL string
	// Certificate is the TPP's QWAC with its key. Roots are the authorities that the bank's
	// server certificate may come from; nil: those of the system. Both are unused with HTTP.
	Certificate *tls.Certificate
	Roots       *x509.CertPool
	// Seal is the TPP's QSealC with its key. With it every request of XS2A is signed, reads
	// included; without it none is. SealAlso names headers to sign in addition to those that
	// the framework has signed, such as date, which is then sent.
	Seal     *tls.Certificate
	SealAlso []string
	// Now dates requests where the date is signed; nil: the system's clock.
	Now func() time.Time
	// HTTP replaces the HTTP client that New would make. It must present the QWAC itself.
	// HTTP redirects are never followed, whatever it says: no answer of XS2A is one, and
	// tokens must not travel.
	HTTP *http.Client
	// Timeout bounds each call when HTTP is nil; zero: 30 seconds.
	Timeout time.Duration
	// Observe, when set, is told of every exchange with the bank, tokens included.
	Observe func(Exchange)
	// NewRequestID makes X-Request-IDs; nil: random UUIDs.
	NewRequestID func() string
	// Accept is the Accept header of answers; empty: application/json. With
	// application/problem+json in it, a bank may word refusals as RFC 7807 says; both are read.
	Accept string
}

// A Client calls one bank. It may be used by many goroutines.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
	seal *sealer // nil: requests are not signed

	token, consent, requestID string
	psu                       PSU
	preferences               Preferences
	notifications             Notifications
}

// PSU is what the bank is told about the PSU who asks at this moment. The zero PSU is
// nobody: the TPP calls on its own, and the call counts towards frequencyPerDay.
type PSU struct {
	IPAddress   string
	IPPort      string
	UserAgent   string
	DeviceID    string // UUID of the installation
	GeoLocation string // GEO:46.056947;14.505751
	ID          string // PSU-ID; only where the bank documents it
	IDType      string
	CorporateID string
	Language    string // PSU-Accept-Language
}

// New checks cfg and returns a Client.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("xs2aclient: BaseURL: %w", err)
	}
	if base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.RawQuery != "" {
		return nil, fmt.Errorf("xs2aclient: BaseURL: %q is not the address of an interface", cfg.BaseURL)
	}
	if cfg.NewRequestID == nil {
		cfg.NewRequestID = newUUID
	}
	if cfg.Accept == "" {
		cfg.Accept = "application/json"
	}
	seal, err := newSealer(cfg.Seal, cfg.SealAlso, cfg.Now)
	if err != nil {
		return nil, fmt.Errorf("xs2aclient: Seal: %w", err)
	}
	client := http.Client{Timeout: cfg.Timeout}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	} else {
		if client.Timeout == 0 {
			client.Timeout = 30 * time.Second
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12}
		if cfg.Certificate != nil {
			// By function, so that the certificate is presented whichever authorities the
			// server asks for: it is the server's part to say what is wrong with it.
			transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return cfg.Certificate, nil
			}
		}
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{cfg: cfg, base: base, http: &client, seal: seal}, nil
}

// WithToken returns a copy that sends the access token.
func (c *Client) WithToken(accessToken string) *Client {
	d := *c
	d.token = accessToken
	return &d
}

// WithConsent returns a copy that reads under the consent.
func (c *Client) WithConsent(consentID string) *Client {
	d := *c
	d.consent = consentID
	return &d
}

// WithPSU returns a copy that says that psu is there and asks.
func (c *Client) WithPSU(psu PSU) *Client {
	d := *c
	d.psu = psu
	return &d
}

// WithRequestID returns a copy that sends the X-Request-ID id: to make a request again that
// may have arrived. A bank answers a POST that it knows as it did before. Use it for one
// request only; otherwise each has an ID of its own.
func (c *Client) WithRequestID(id string) *Client {
	d := *c
	d.requestID = id
	return &d
}

// Redirects say where the PSU's browser goes after SCA. NokURI is for refusals and
// failures, and optional.
type Redirects struct {
	URI, NokURI string
	// Brand is the name under which the PSU knows the TPP.
	Brand string
}

func (r Redirects) headers() map[string]string {
	return map[string]string{"TPP-Redirect-URI": r.URI, "TPP-Nok-Redirect-URI": r.NokURI, "TPP-Brand-Logging-Information": r.Brand}
}

// An Exchange is one request to the bank with its answer.
type Exchange struct {
	Operation      string // as in this package: CreateConsent
	Method, URL    string
	RequestHeader  http.Header
	RequestBody    []byte
	Status         int // 0: no answer came
	ResponseHeader http.Header
	ResponseBody   []byte // nil for a Report, which its reader has
	Duration       time.Duration
	Err            error // why no answer came
}

// A request is one call as an operation describes it.
type request struct {
	operation string
	method    string
	url       *url.URL
	headers   map[string]string // those without value are not sent
	body      any               // marshalled to JSON; url.Values are sent as a form, a Document as it is
	plain     bool              // no XS2A headers: for the authorization server
}

// at returns the address of segments below /v1.
func (c *Client) at(segments ...string) *url.URL {
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return c.base.JoinPath(append([]string{"v1"}, segments...)...)
}

// follow returns the address behind a link of the bank: absolute, or relative to the
// interface. The framework leaves open whether "/v1/…" stands below the base path or below
// the host; both are understood.
func (c *Client) follow(href string) (*url.URL, error) {
	u, err := url.Parse(href)
	if err != nil || href == "" {
		return nil, fmt.Errorf("link %q cannot be read", href)
	}
	if !u.IsAbs() && u.Host == "" {
		path, basePath := u.EscapedPath(), strings.TrimRight(c.base.EscapedPath(), "/")
		rebased := *c.base
		if basePath == "" || !strings.HasPrefix(path, basePath+"/") {
			path = basePath + "/" + strings.TrimLeft(path, "/")
		}
		if rebased.Path, err = url.PathUnescape(path); err != nil {
			return nil, fmt.Errorf("link %q cannot be read", href)
		}
		rebased.RawPath, rebased.RawQuery = path, u.RawQuery
		return &rebased, nil
	}
	if u.Scheme == "" {
		u.Scheme = c.base.Scheme
	}
	if u.Scheme != c.base.Scheme || u.Host != c.base.Host {
		return nil, fmt.Errorf("%w: %s://%s", ErrForeignLink, u.Scheme, u.Host)
	}
	return u, nil
}

// prepare makes the HTTP request of r, signed where requests are.
func (c *Client) prepare(ctx context.Context, r request) (req *http.Request, body []byte, err error) {
	body, contentType, err := r.encode()
	if err != nil {
		return nil, nil, err
	}
	req, err = http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	c.setHeaders(req, r)
	if c.seal != nil && !r.plain {
		if err := c.seal.sign(req, body); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", r.operation, err)
		}
	}
	return req, body, nil
}

// observe tells of an exchange that began at start; resp is nil when no answer came.
func (c *Client) observe(r request, req *http.Request, body []byte, start time.Time, resp *http.Response, answer []byte, err error) {
	if c.cfg.Observe == nil {
		return
	}
	e := Exchange{
		Operation: r.operation, Method: r.method, URL: r.url.String(), RequestHeader: req.Header, RequestBody: body,
		ResponseBody: answer, Duration: time.Since(start), Err: err,
	}
	if resp != nil {
		e.Status, e.ResponseHeader = resp.StatusCode, resp.Header
	}
	c.cfg.Observe(e)
}

// do makes a call and reads its answer into out, unless out is nil.
func (c *Client) do(ctx context.Context, r request, out any) (http.Header, error) {
	req, body, err := c.prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	resp, answer, err := c.exchange(req)
	c.observe(r, req, body, start, resp, answer, err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.operation, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.Header, refusal(r.operation, resp, answer)
	}
	if d, ok := out.(*Document); ok {
		*d = Document{resp.Header.Get("Content-Type"), answer}
	} else if out != nil && resp.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal(answer, out); err != nil {
			return resp.Header, fmt.Errorf("%s: the bank's answer cannot be read: %w", r.operation, err)
		}
	}
	return resp.Header, nil
}

func (r request) encode() (body []byte, contentType string, err error) {
	switch b := r.body.(type) {
	case nil:
		return nil, "", nil
	case Document:
		return b.Body, b.ContentType, nil
	case url.Values:
		return []byte(b.Encode()), "application/x-www-form-urlencoded", nil
	default:
		body, err = json.Marshal(b)
		return body, "application/json", err
	}
}

func (c *Client) exchange(req *http.Request) (*http.Response, []byte, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	answer, err := whole(resp)
	return resp, answer, err
}

// whole reads an answer to its end, and closes it.
func whole(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerMax+1))
	if err == nil && len(answer) > answerMax {
		err = fmt.Errorf("the answer is larger than %d bytes", answerMax)
	}
	return answer, err
}

func (c *Client) setHeaders(req *http.Request, r request) {
	h := req.Header
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("Accept", c.cfg.Accept)
	for name, value := range r.headers {
		set(name, value)
	}
	if r.plain {
		return
	}
	if set("X-Request-ID", c.requestID); c.requestID == "" {
		set("X-Request-ID", c.cfg.NewRequestID())
	}
	for name, value := range c.notifications.headers(r.method) {
		set(name, value)
	}
	set("Consent-ID", c.consent)
	if c.token != "" {
		set("Authorization", "Bearer "+c.token)
	}
	for name, value := range map[string]string{
		"PSU-IP-Address": c.psu.IPAddress, "PSU-IP-Port": c.psu.IPPort, "PSU-User-Agent": c.psu.UserAgent, "PSU-Device-ID": c.psu.DeviceID,
		"PSU-Geo-Location": c.psu.GeoLocation, "PSU-ID": c.psu.ID, "PSU-ID-Type": c.psu.IDType, "PSU-Corporate-ID": c.psu.CorporateID,
		"PSU-Accept-Language": c.psu.Language,
	} {
		set(name, value)
	}
}

// get reads what stands at u.
func (c *Client) get(ctx context.Context, operation string, u *url.URL, out any) error {
	_, err := c.do(ctx, request{operation: operation, method: http.MethodGet, url: u}, out)
	return err
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
