// Package push carries notifications to TPPs, over HTTPS.
//
// The address is a TPP's own word, and the request leaves from inside the bank: so it goes
// only to public addresses, which is decided when the connection is made and not when the
// name is looked up, it follows no redirect, asks no proxy, and reads no more of an answer
// than its status. Whether the address belongs to the TPP was decided when it was taken.
//
// The body travels under the seal of the bank, where it has one: a TPP can tell that it was
// the bank which wrote, whoever knows the address.
package push

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"kontor/kit/httpsig"
)

// ErrAddress is wrapped by the error of an attempt that would have gone where it must not.
var ErrAddress = errors.New("this address is not on the public network")

// A Seal is what a bank seals with.
type Seal struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// A Config says how to reach TPPs. Its zero value does, without seals.
type Config struct {
	Roots   *x509.CertPool  // whom TPPs' servers must be certified by; nil: the system's
	Seals   map[string]Seal // by bank code; a bank that is not there sends unsealed
	Timeout time.Duration   // of one attempt; 0: 10 s
	// AnyAddress allows loopback and private addresses, where a sandbox's TPPs are.
	AnyAddress bool
	Now        func() time.Time // nil: time.Now
}

// A Sender delivers notifications. It may be used by many at once.
type Sender struct {
	seals map[string]Seal
	now   func() time.Time
	http  *http.Client
}

const (
	timeoutDefault = 10 * time.Second
	headerBytesMax = 16 << 10
)

// signed names the headers that a seal covers.
var signed = []string{"digest", "x-request-id", "date", "content-type"}

// New returns a Sender.
func New(c Config) *Sender {
	if c.Timeout == 0 {
		c.Timeout = timeoutDefault
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	dialer := &net.Dialer{Timeout: c.Timeout, Control: refuse}
	if c.AnyAddress {
		dialer.Control = nil
	}
	return &Sender{seals: c.Seals, now: c.Now, http: &http.Client{
		Timeout: c.Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: c.Timeout, MaxResponseHeaderBytes: headerBytesMax, DisableCompression: true,
			MaxIdleConns: 100, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Deliver posts body to uri, once. id names what is told: it is the same when that is told
// again. Any 2xx is success. The error says what went wrong, in words for the bank's staff.
func (s *Sender) Deliver(ctx context.Context, bank, uri, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address makes no sense")
	}
	if req.URL.Scheme != "https" {
		return errors.New("the address is not https")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-ID", id)
	req.Header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	req.Header.Set("User-Agent", "Kontor")
	if seal, ok := s.seals[bank]; ok {
		if err := httpsig.Seal(req, body, seal.Certificate, seal.Key, signed); err != nil {
			return err
		}
	} else {
		req.Header.Set(httpsig.HeaderDigest, httpsig.Digest(body))
	}
	res, err := s.http.Do(req)
	if err != nil {
		return plain(err)
	}
	res.Body.Close() // unread: nothing in it would change anything
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the answer has status %d", res.StatusCode)
	}
	return nil
}

// Close lets go of connections that nobody uses.
func (s *Sender) Close() { s.http.CloseIdleConnections() }

// plain says what went wrong without the address, which may hold what the TPP keeps secret.
func plain(err error) error {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	switch {
	case errors.Is(err, ErrAddress):
		return ErrAddress
	case errors.As(err, &dns):
		return errors.New("the name of the host is not found")
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return errors.New("the certificate of the server is not accepted")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("there is no answer in time")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nobody listens there")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("the connection was closed before an answer")
	}
	return errors.New("the server cannot be reached, or its answer makes no sense")
}

// refuse is asked with the address that is about to be connected to: a name that is looked
// up twice may have two answers.
func refuse(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) {
		return ErrAddress
	}
	return nil
}

// public says whether ip is an address of the public network.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// reserved are networks beside the private ones that lead nowhere, or somewhere inside.
//
// Source: IANA special-purpose address registries.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	// IPv4 addresses in the clothes of IPv6 ones: a translator leads them back.
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("5f00::/16"),
}
