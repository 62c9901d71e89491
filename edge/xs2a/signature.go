package xs2a

import (
	"fmt"
	"strings"

	"kontor/kit/httpsig"
)

// sealed verifies the signature of a request, where it has one; and where the profile wants
// one, it must. Body and headers are what the holder of the QSealC has sealed, and she is
// the TPP of the connection.
//
// Source: Berlin Group digest, section 10.
func (a *API) sealed(c *call) error {
	header := c.Header.Get(httpsig.HeaderSignature)
	if header == "" {
		if a.Bank.Signature.Required {
			return &httpsig.Error{Part: httpsig.HeaderSignature, Reason: "this bank wants requests to be signed", Err: errNoSignature}
		}
		return nil
	}
	certificate := c.Header.Get(httpsig.HeaderCertificate)
	if certificate == "" {
		return &httpsig.Error{Part: httpsig.HeaderCertificate, Reason: "a signature needs it", Err: errNoSeal}
	}
	s, err := httpsig.Parse(header)
	if err != nil {
		return err
	}
	chain, err := a.seals.Certificates(certificate)
	if err != nil {
		return fmt.Errorf("%w: %w", httpsig.ErrCertificate, err)
	}
	if c.TLS != nil && len(c.TLS.PeerCertificates) > 1 { // who issued the one has often issued the other
		chain = append(chain, c.TLS.PeerCertificates[1:]...)
	}
	sealer, err := a.IdentifySeal(c.Context(), chain, c.tpp)
	if err != nil {
		return fmt.Errorf("%s: %w", httpsig.HeaderCertificate, err)
	}
	if err := mayPlayOneOf(sealer, c.op.roles); err != nil {
		return err
	}
	if err := s.Names(chain[0]); err != nil {
		return err
	}
	body, err := c.payload()
	if err != nil {
		return err
	}
	if err := httpsig.VerifyDigest(strings.Join(c.Header.Values(httpsig.HeaderDigest), ","), body); err != nil {
		return err
	}
	r := httpsig.Request{Method: c.Method, Target: c.RequestURI, Host: c.Host, Header: c.Header, Body: body}
	if err := s.Verify(r, chain[0], a.Bank.Signature.Headers, a.Bank.Signature.HeadersIfPresent); err != nil {
		return err
	}
	if window := a.Bank.Signature.DateWindow; window > 0 {
		if err := s.CheckTime(a.Now(), window); err != nil {
			return err
		}
		return httpsig.CheckDate(c.Header.Get("Date"), a.Now(), window)
	}
	return nil
}
