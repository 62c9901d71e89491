package xs2aclient

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"kontor/kit/httpsig"
)

// sealedHeaders are those that the framework has signed, where a request has them.
var sealedHeaders = []string{"digest", "x-request-id", "psu-id", "psu-corporate-id", "tpp-redirect-uri"}

// A sealer signs requests with a QSealC.
type sealer struct {
	cert    *x509.Certificate
	key     crypto.Signer
	headers []string
	now     func() time.Time
}

// newSealer returns nil when there is no seal.
func newSealer(seal *tls.Certificate, also []string, now func() time.Time) (*sealer, error) {
	if seal == nil {
		return nil, nil
	}
	if len(seal.Certificate) == 0 {
		return nil, errors.New("it has no certificate")
	}
	cert, err := x509.ParseCertificate(seal.Certificate[0])
	if err != nil {
		return nil, err
	}
	key, ok := seal.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("its key cannot sign")
	}
	if now == nil {
		now = time.Now
	}
	s := &sealer{cert: cert, key: key, headers: slices.Clone(sealedHeaders), now: now}
	for _, name := range also {
		if name = strings.ToLower(name); !slices.Contains(s.headers, name) {
			s.headers = append(s.headers, name)
		}
	}
	// One signature for nothing tells at once whether the key can make them.
	return s, httpsig.Sign(httpsig.Request{Header: http.Header{}}, cert, key, sealedHeaders)
}

// sign seals req as it stands: nothing that is signed may change after it.
func (s *sealer) sign(req *http.Request, body []byte) error {
	if slices.Contains(s.headers, "date") && req.Header.Get("Date") == "" {
		req.Header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	return httpsig.Seal(req, body, s.cert, s.key, s.headers)
}
