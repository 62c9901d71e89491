package tour

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
	"kontor/xs2aclient"
)

// notificationSteps show what a bank tells a TPP that does not ask: the TPP has a server.
func notificationSteps() []step {
	return []step{
		{"Each step of a payment is told to the TPP's server, in order, under the seal of the bank", hearSteps},
		{"A delivery that fails is made again, under the same ID", hearAgain},
		{"An address that is not the TPP's own is told nothing", hearElsewhere},
	}
}

// A notice is what reached the TPP's server.
type notice struct {
	id                string // X-Request-ID
	PaymentID         string
	AuthorisationID   string
	SCAStatus         string
	TransactionStatus string
}

// A listener is the TPP's server, which takes notices when they are what they have to be.
type listener struct {
	g      *guide
	issuer *x509.CertPool // beside the roots
	server *http.Server
	uri    string

	mu     sync.Mutex
	refuse int // so many are answered by 503
	got    []notice
	wrong  error // the first that was not right
}

// listens opens the TPP's server, with its own certificate.
func (g *guide) listens() (*listener, error) {
	pair, err := tls.LoadX509KeyPair(g.tpp.QWAC, g.tpp.QWACKey)
	if err != nil {
		return nil, err
	}
	l := &listener{g: g, issuer: x509.NewCertPool()}
	// The seal of the bank has the issuer of the TPP's own certificate.
	for _, der := range pair.Certificate[1:] {
		above, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		l.issuer.AddCert(above)
	}
	ln, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	l.uri = "https://localhost:" + port + "/told"
	l.server = &http.Server{
		Handler: http.HandlerFunc(l.hears), ReadHeaderTimeout: stepMax, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	go l.server.ServeTLS(ln, "", "")
	return l, nil
}

func (l *listener) hears(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, pageMax))
	n := notice{id: r.Header.Get("X-Request-ID")}
	err = all(err, l.sealed(r, body), json.Unmarshal(body, &n))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, n)
	if l.wrong == nil && err != nil {
		l.wrong = fmt.Errorf("notification %s: %w", body, err)
	}
	if l.refuse > 0 {
		l.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// sealed checks that it was a bank who sent r, and that nobody changed it on the way.
func (l *listener) sealed(r *http.Request, body []byte) error {
	cert, err := httpsig.ParseCertificate(r.Header.Get(httpsig.HeaderCertificate))
	if err != nil {
		return err
	}
	signature, err := httpsig.Parse(r.Header.Get(httpsig.HeaderSignature))
	if err != nil {
		return err
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: l.g.roots, Intermediates: l.issuer, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	identity, _, err2 := eidas.Parse(cert)
	request := httpsig.Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header, Body: body}
	return all(err, err2, is("the seal is a bank's", identity.Has(eidas.AS), true), httpsig.VerifyDigest(r.Header.Get(httpsig.HeaderDigest), body),
		signature.Names(cert), signature.Verify(request, cert, []string{"digest", "x-request-id", "date"}, nil))
}

// hear waits for a notice that ok holds for, and returns all of payment so far.
func (l *listener) hear(ctx context.Context, payment string, ok func(notice) bool) (heard []notice, err error) {
	err = eventually(ctx, func() (bool, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		heard = slices.DeleteFunc(slices.Clone(l.got), func(n notice) bool { return n.PaymentID != payment })
		return slices.ContainsFunc(heard, ok), l.wrong
	})
	for _, n := range heard {
		l.g.print.line("    %-9s told %s", "Alpa", n.says())
	}
	return heard, err
}

func (n notice) says() string {
	if n.SCAStatus != "" {
		return "scaStatus " + n.SCAStatus
	}
	return "transactionStatus " + n.TransactionStatus
}

func (n notice) settles() bool { return n.TransactionStatus == xs2aclient.PaymentSettled }

// told has the payer approve an instant payment of which the TPP wants to be told content.
func (g *guide) told(ctx context.Context, uri, text string, content ...string) (id xs2aclient.PaymentID, support string, err error) {
	id = xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.InstantSEPACreditTransfers}
	created, err := g.paysBy(ctx, g.isar.client.WithNotifications(xs2aclient.Notifications{URI: uri, Content: content}), &id, g.transfer(1_10, text))
	if err != nil {
		return id, "", err
	}
	err = g.approves(ctx, g.payer, id, plan{})
	return id, created.NotificationSupport, all(err, g.stands(ctx, id, xs2aclient.PaymentSettled), g.isar.watched.settledAt(ctx, euros(1_10).Neg()))
}

func hearSteps(ctx context.Context, g *guide) (string, error) {
	l, err := g.listens()
	if err != nil {
		return "", err
	}
	defer l.server.Close()
	id, support, err := g.told(ctx, l.uri, "told", xs2aclient.NotifySCA, xs2aclient.NotifyProcess)
	if err = all(err, is("ASPSP-Notification-Support", support, "true")); err != nil {
		return "", err
	}
	heard, err := l.hear(ctx, id.ID, notice.settles)
	if err != nil {
		return "", err
	}
	var payment, sca []string
	for _, n := range heard {
		if n.SCAStatus != "" {
			sca = append(sca, n.SCAStatus)
		} else {
			payment = append(payment, n.TransactionStatus)
		}
	}
	return fmt.Sprintf("%d notifications: %s; %s", len(heard), strings.Join(sca, ", "), strings.Join(payment, ", ")), all(
		is("statuses of the payment", strings.Join(payment, " "), "ACTC ACSC"), is("finalised told", slices.Contains(sca, xs2aclient.SCAFinalised), true))
}

func hearAgain(ctx context.Context, g *guide) (string, error) {
	l, err := g.listens()
	if err != nil {
		return "", err
	}
	defer l.server.Close()
	l.refuse = 1
	start := time.Now()
	id, _, err := g.told(ctx, l.uri, "told again", xs2aclient.NotifyLast)
	if err != nil {
		return "", err
	}
	heard, err := l.hear(ctx, id.ID, func(notice) bool { return len(l.got) >= 2 })
	if err = all(err, is("number of deliveries", len(heard), 2)); err != nil {
		return "", err
	}
	return fmt.Sprintf("503, and once more %s later; the last status only", time.Since(start).Round(time.Second)), all(
		is("X-Request-ID of the second", heard[1].id, heard[0].id), is("what is told", heard[1].settles() && heard[0].settles(), true))
}

func hearElsewhere(ctx context.Context, g *guide) (string, error) {
	for _, uri := range []string{"https://elsewhere.example/told", "http://localhost/told"} {
		id, support, err := g.told(ctx, uri, "told nobody", xs2aclient.NotifyProcess)
		if err = all(err, is("ASPSP-Notification-Support for "+uri, support, "false")); err != nil {
			return "", fmt.Errorf("%s: %w", id.ID, err)
		}
	}
	none := g.isar.client.WithPSU(present).WithNotifications(xs2aclient.Notifications{URI: g.redirects().URI, Content: []string{"EVERYTHING"}})
	_, err := none.CreatePayment(ctx, xs2aclient.Payments, xs2aclient.SEPACreditTransfers, g.transfer(1_00, "never"), g.redirects())
	return "ASPSP-Notification-Support: false, and the payments go their way; unknown content: FORMAT_ERROR", refusedAt(err, "TPP-Notification-Content-Preferred", "FORMAT_ERROR")
}
