package tour

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Limits of the browser.
const (
	hopsMax    = 40 // between two clicks
	pageMax    = 1 << 20
	refreshMax = 3 * time.Second // the longest pause before a page leads on
)

// A browser is that of one PSU: it keeps cookies, follows redirects and pages that lead on
// by themselves, and sends the forms that it is shown.
type browser struct {
	http  *http.Client
	known map[string]bool // hosts that it visits; an address elsewhere is the way back to the TPP
	print *printer
	seen  []string // titles of the pages since they were last told
}

func newBrowser(roots *x509.CertPool, known map[string]bool, p *printer) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic("tour: " + err.Error()) // fails only for options, and there are none
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &browser{
		http: &http.Client{
			Jar: jar, Timeout: 30 * time.Second, Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		known: known, print: p,
	}
}

func (b *browser) close() { b.http.CloseIdleConnections() }

// open goes to an address and on from there, until a page waits for a person. left is the
// address at which the browser leaves for the TPP; there is no page then.
func (b *browser) open(ctx context.Context, address string) (p *page, left string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	return b.visit(ctx, http.MethodGet, u, nil)
}

// submit enters values into f, which is on p, and clicks the button.
func (b *browser) submit(ctx context.Context, p *page, f form, button string, values url.Values) (next *page, left string, err error) {
	body, err := f.submission(button, values)
	if err != nil {
		return nil, "", fmt.Errorf("page %q: %w", p.title, err)
	}
	to := *p.url
	to.Fragment = ""
	if f.action != "" {
		u, err := p.url.Parse(f.action)
		if err != nil {
			return nil, "", fmt.Errorf("page %q: its form leads nowhere: %w", p.title, err)
		}
		to = *u
	}
	if f.method != http.MethodPost {
		to.RawQuery = body.Encode()
		return b.visit(ctx, http.MethodGet, &to, nil)
	}
	return b.visit(ctx, http.MethodPost, &to, body)
}

func (b *browser) visit(ctx context.Context, method string, u *url.URL, body url.Values) (*page, string, error) {
	for range hopsMax {
		if !b.known[u.Host] {
			return nil, u.String(), nil
		}
		p, location, err := b.fetch(ctx, method, u, body)
		if err != nil {
			return nil, "", err
		}
		next := location
		if next == "" {
			if b.seen = append(b.seen, p.title); p.status >= 500 {
				return nil, "", fmt.Errorf("%s answered %d: %s", p.url.Host, p.status, p.text)
			}
			if p.refresh == nil {
				return p, "", nil
			}
			if next = p.refresh.url; next == "" {
				next = u.String()
			}
			select {
			case <-ctx.Done():
				return nil, "", ctx.Err()
			case <-time.After(min(p.refresh.after, refreshMax)):
			}
		}
		if u, err = u.Parse(next); err != nil {
			return nil, "", fmt.Errorf("led to %q: %w", next, err)
		}
		method, body = http.MethodGet, nil
	}
	return nil, "", errors.New("the browser was led on and on: " + strings.Join(b.seen, " → "))
}

func (b *browser) fetch(ctx context.Context, method string, u *url.URL, body url.Values) (p *page, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body.Encode()))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", "Mozilla/5.0 (compatible; Kontor tour)")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", u.Scheme+"://"+u.Host)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	source, err := io.ReadAll(io.LimitReader(resp.Body, pageMax))
	if err != nil {
		return nil, "", err
	}
	if location = resp.Header.Get("Location"); resp.StatusCode < 300 || resp.StatusCode > 399 {
		location = ""
	}
	p = parsePage(string(source))
	p.url, p.status = u, resp.StatusCode
	b.print.visited(method, u, body, p, location)
	return p, location, nil
}

// told returns the titles of the pages that were seen since it was last asked.
func (b *browser) told() []string {
	seen := b.seen
	b.seen = nil
	return seen
}

func contains(text, part string) bool { return part != "" && strings.Contains(text, part) }

// says looks for an amount in a text message: a bank writes to its customers in their own
// language, with 1.234,50 or 1,234.50.
func says(text, amount string) bool {
	digits := strings.NewReplacer(".", "", ",", "")
	return contains(digits.Replace(text), digits.Replace(amount))
}
