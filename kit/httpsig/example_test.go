package httpsig_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"kontor/kit/httpsig"
)

// How an HTTP edge verifies a request. Whose the certificate is, it asks elsewhere, before
// it lets the signature be computed.
func Example() {
	var memory httpsig.Memory // one for the life of the edge
	verify := func(r *http.Request, body []byte) error {
		h := r.Header
		if err := httpsig.VerifyDigest(strings.Join(h.Values("Digest"), ","), body); err != nil {
			return err
		}
		s, err := httpsig.Parse(h.Get("Signature"))
		if err != nil {
			return err
		}
		chain, err := memory.Certificates(h.Get("TPP-Signature-Certificate"))
		if err != nil {
			return err
		}
		if err := s.Names(chain[0]); err != nil {
			return err
		}
		request := httpsig.Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: h, Body: body}
		return s.Verify(request, chain[0], []string{"digest", "x-request-id"}, []string{"psu-id", "psu-corporate-id", "tpp-redirect-uri"})
	}
	r, _ := http.NewRequest("POST", "https://api.bank.example/v1/consents", strings.NewReader(`{"access":{}}`))
	r.Header.Set("Digest", httpsig.Digest([]byte(`{"access": {}}`)))
	body, _ := io.ReadAll(r.Body)
	fmt.Println(verify(r, body))
	// Output: digest does not fit the body: Digest: the body as received (13 bytes) has another SHA-256
}
