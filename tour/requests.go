package tour

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"kontor/ready"
	"kontor/xs2aclient"
)

// requestSteps show what holds for requests as such.
func requestSteps() []step {
	return []step{
		{"The same X-Request-ID twice makes one consent", repeatConsent},
		{"The same X-Request-ID for something else is refused; of another TPP it is another request", reuseRequestID},
		{"SCA anew that is asked for twice is begun once", repeatAuthorisation},
		{"Requests signed by the TPP's seal are taken, with a body and without", sealRequests},
		{"A body or a header that was changed on the way is refused, and named", tamper},
		{"Another TPP's seal is refused", sealAsOther},
	}
}

// requestID makes an X-Request-ID (UUID version 4).
func requestID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func repeatConsent(ctx context.Context, g *guide) (string, error) {
	c := g.isar.client.WithPSU(present).WithRequestID(requestID())
	first, err := c.CreateConsent(ctx, everything(), g.redirects())
	second, err2 := c.CreateConsent(ctx, everything(), g.redirects())
	ids, err3 := g.isar.client.Authorisations(ctx, first.Links["self"])
	return "the second answer has the consent of the first", all(err, err2, err3, is("consentId", second.ConsentID, first.ConsentID),
		is("scaStatus link", second.Links["scaStatus"], first.Links["scaStatus"]), is("number of authorisations", len(ids), 1))
}

func reuseRequestID(ctx context.Context, g *guide) (string, error) {
	id := requestID()
	c := g.isar.client.WithPSU(present).WithRequestID(id)
	first, err := c.CreateConsent(ctx, everything(), g.redirects())
	if err != nil {
		return "", err
	}
	_, other := c.CreateConsent(ctx, recurring(xs2aclient.BankOffered()), g.redirects())
	stranger, err := g.client(g.standard, g.other)
	if err != nil {
		return "", err
	}
	uri := g.other.RedirectURIs[0]
	theirs, err := stranger.WithPSU(present).WithRequestID(id).CreateConsent(ctx, everything(), xs2aclient.Redirects{URI: uri})
	return "FORMAT_ERROR at X-Request-ID; the other TPP has a consent of its own", all(err, refusedAt(other, "X-Request-ID", "FORMAT_ERROR"),
		is("the other's is another consent", theirs.ConsentID != first.ConsentID && theirs.ConsentID != "", true), g.isar.client.DeleteConsent(ctx, first.ConsentID))
}

func repeatAuthorisation(ctx context.Context, g *guide) (string, error) {
	r := g.isar.family
	c := r.client.WithPSU(present).WithRequestID(requestID())
	first, err := c.StartAuthorisation(ctx, r.created.ConsentID, g.redirects())
	second, err2 := c.StartAuthorisation(ctx, r.created.ConsentID, g.redirects())
	_, beside := r.client.WithPSU(present).StartAuthorisation(ctx, r.created.ConsentID, g.redirects())
	return "one authorisation; a third request, beside it: STATUS_INVALID", all(err, err2, is("authorisationId", second.AuthorisationID, first.AuthorisationID),
		refusedWith(beside, http.StatusConflict, "STATUS_INVALID"))
}

// sealed calls the standard bank as the tour's TPP, signing as t.
func (g *guide) sealed(t ready.TPP, change func(*http.Request)) (*xs2aclient.Client, error) {
	seal, err := tls.LoadX509KeyPair(t.QSeal, t.QSealKey)
	if err != nil {
		return nil, err
	}
	qwac, err := tls.LoadX509KeyPair(g.tpp.QWAC, g.tpp.QWACKey)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: g.roots, Certificates: []tls.Certificate{qwac}, MinVersion: tls.VersionTLS12}
	return g.client(g.standard, g.tpp, func(c *xs2aclient.Config) {
		c.Seal = &seal
		c.HTTP = &http.Client{Transport: between{transport, change}}
	})
}

// between changes requests after they were signed.
type between struct {
	http.RoundTripper
	change func(*http.Request)
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.change != nil {
		r = r.Clone(r.Context())
		b.change(r)
	}
	return b.RoundTripper.RoundTrip(r)
}

func sealRequests(ctx context.Context, g *guide) (string, error) {
	signed := ""
	c, err := g.sealed(g.tpp, func(r *http.Request) {
		if r.Header.Get("Signature") != "" && r.Header.Get("Digest") != "" && r.Header.Get("TPP-Signature-Certificate") != "" {
			signed += r.Method + " "
		}
	})
	if err != nil {
		return "", err
	}
	created, err := c.WithPSU(present).CreateConsent(ctx, everything(), g.redirects())
	if err != nil {
		return "", err
	}
	status, err := c.ConsentStatus(ctx, created.ConsentID)
	return signed + "with Digest, Signature and TPP-Signature-Certificate", all(err, is("consentStatus", status, xs2aclient.ConsentReceived),
		c.DeleteConsent(ctx, created.ConsentID), is("signed", signed, "POST GET DELETE "))
}

func tamper(ctx context.Context, g *guide) (string, error) {
	for _, try := range []struct {
		named  string
		change func(*http.Request)
	}{
		{"Digest", func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte(`"frequencyPerDay":4`), []byte(`"frequencyPerDay":3`), 1)))
		}},
		{"tpp-redirect-uri", func(r *http.Request) { r.Header.Set("TPP-Redirect-URI", g.redirects().URI+"&elsewhere=1") }},
		{"TPP-Signature-Certificate", func(r *http.Request) { r.Header.Del("TPP-Signature-Certificate") }},
	} {
		c, err := g.sealed(g.tpp, try.change)
		if err != nil {
			return "", err
		}
		_, err = c.WithPSU(present).CreateConsent(ctx, everything(), g.redirects())
		if err := refusedWith(err, http.StatusUnauthorized, "SIGNATURE_INVALID", "CERTIFICATE_MISSING"); err != nil {
			return "", fmt.Errorf("%s: %w", try.named, err)
		}
		refused, _ := errors.AsType[*xs2aclient.Error](err)
		if !strings.Contains(refused.Messages[0].Path+" "+refused.Messages[0].Text, try.named) {
			return "", fmt.Errorf("the refusal does not name %s: %w", try.named, err)
		}
	}
	return "SIGNATURE_INVALID and what differs; CERTIFICATE_MISSING without the seal", nil
}

func sealAsOther(ctx context.Context, g *guide) (string, error) {
	c, err := g.sealed(g.other, nil)
	if err != nil {
		return "", err
	}
	_, err = c.WithPSU(present).CreateConsent(ctx, everything(), g.redirects())
	return "the seal of " + g.other.Name + " on the connection of " + g.tpp.Name + ": CERTIFICATE_INVALID", refusedWith(err, http.StatusUnauthorized, "CERTIFICATE_INVALID")
}
