package xs2aclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Values for the Accept header of Report. Which of them a bank serves stands in its
// documentation; with AcceptXML or AcceptText alone it chooses among its own.
const (
	AcceptJSON   = "application/json"
	AcceptXML    = "application/xml"
	AcceptText   = "text/plain"
	AcceptCamt52 = "application/xml;schema=camt.052"
	AcceptCamt53 = "application/xml;schema=camt.053"
	AcceptCamt54 = "application/xml;schema=camt.054"
	AcceptMT940  = "text/plain;schema=mt940"
	AcceptMT942  = "text/plain;schema=mt942"
)

// A Report is an account report in a format of its own: camt (ISO 20022), MT940 or MT942, or
// JSON as one piece. It can be of any size: Body is read as it comes, and must be closed.
type Report struct {
	ContentType string
	Body        io.ReadCloser
}

// Report reads an account report in the format that accept names. ctx bounds how long it
// takes to its end; Config.Timeout does not.
func (c *Client) Report(ctx context.Context, resourceID string, q TransactionQuery, accept string) (Report, error) {
	u := c.at("accounts", resourceID, "transactions")
	u.RawQuery = q.values().Encode()
	return c.stream(ctx, "Report", u, accept)
}

// Download reads a whole report behind the download link of one of its pages. It is Report
// in all else, and no further access.
func (c *Client) Download(ctx context.Context, link, accept string) (Report, error) {
	u, err := c.follow(link)
	if err != nil {
		return Report{}, err
	}
	return c.stream(ctx, "Download", u, accept)
}

func (c *Client) stream(ctx context.Context, operation string, u *url.URL, accept string) (Report, error) {
	// A refusal is JSON, whatever was asked for.
	r := request{operation: operation, method: http.MethodGet, url: u, headers: map[string]string{"Accept": accept}}
	req, _, err := c.prepare(ctx, r)
	if err != nil {
		return Report{}, err
	}
	unbounded := *c.http
	unbounded.Timeout = 0
	start := time.Now()
	resp, err := unbounded.Do(req)
	if err != nil {
		c.observe(r, req, nil, start, nil, nil, err)
		return Report{}, fmt.Errorf("%s: %w", operation, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		c.observe(r, req, nil, start, resp, nil, nil)
		return Report{resp.Header.Get("Content-Type"), resp.Body}, nil
	}
	answer, err := whole(resp)
	c.observe(r, req, nil, start, resp, answer, err)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", operation, err)
	}
	return Report{}, refusal(operation, resp, answer)
}
