package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"kontor/ready"
)

// A browser is that of one customer, who agrees to everything.
type browser struct {
	http   *http.Client
	who    ready.Persona
	outbox string
	inside []string // where its pages are; elsewhere it is with the third party
}

func (s *system) newBrowser(who ready.Persona, transport http.RoundTripper) *browser {
	jar, _ := cookiejar.New(nil) // which fails never without options
	banks := s.at                // as it calls itself to customers
	if u, err := url.Parse(s.ready.Outbox); err == nil {
		banks = u.Host
	}
	return &browser{
		http:   &http.Client{Transport: transport, Jar: jar, Timeout: answerMax, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		who:    who,
		outbox: "http://" + banks + "/outbox.json?login=" + url.QueryEscape(who.Login),
		inside: []string{banks, s.web, s.api, s.toHub.address()},
	}
}

var (
	inputTag   = regexp.MustCompile(`<input [^>]*>`)
	attribute  = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	refreshTag = regexp.MustCompile(`http-equiv="refresh" content="[0-9]+; ?url=([^"]*)"`)
)

// follow leads the browser from address through the bank's pages, and returns the address at
// which it leaves for the third party.
func (b *browser) follow(ctx context.Context, address string) (left string, err error) {
	at, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	var form url.Values
	for range 40 {
		if !slices.Contains(b.inside, at.Host) {
			return at.String(), nil
		}
		page, header, err := b.load(ctx, at, form)
		if err != nil {
			return "", err
		}
		form = nil
		next := header.Get("Location")
		if m := refreshTag.FindStringSubmatch(page); next == "" && m != nil {
			next = html.UnescapeString(m[1])
		}
		if next != "" {
			if at, err = at.Parse(next); err != nil {
				return "", err
			}
			continue
		}
		if form, err = b.fill(ctx, at, page); err != nil {
			return "", fmt.Errorf("the page at %s: %w: %.300s", at, err, page)
		}
	}
	return "", fmt.Errorf("the pages never end; now at %s", at)
}

// load gets a page, or sends it a form.
func (b *browser) load(ctx context.Context, at *url.URL, form url.Values) (string, http.Header, error) {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", at.Scheme+"://"+at.Host)
	}
	answer, err := b.http.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return string(page), answer.Header, err
}

// fill fills in what a page asks for.
func (b *browser) fill(ctx context.Context, at *url.URL, page string) (form url.Values, err error) {
	form = url.Values{}
	names := map[string]bool{}
	for _, tag := range inputTag.FindAllString(page, -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			a[m[1]] = html.UnescapeString(m[2])
		}
		names[a["name"]] = true
		if a["type"] == "hidden" || a["name"] == "accounts" {
			form.Add(a["name"], a["value"])
		}
	}
	switch {
	case names["password"]:
		form.Set("login", b.who.Login)
		form.Set("password", b.who.Password)
		form.Set("action", "login")
	case names["code"]:
		code, err := b.code(ctx, path.Base(at.Path))
		if err != nil {
			return nil, err
		}
		form.Set("code", code)
		form.Set("action", "confirm")
	case strings.Contains(page, `value="approve"`):
		form.Set("action", "approve")
	default:
		return nil, errors.New("it leads nowhere")
	}
	return form, nil
}

// code reads the newest code that the bank has sent for a session.
func (b *browser) code(ctx context.Context, session string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.outbox, nil)
	if err != nil {
		return "", err
	}
	answer, err := b.http.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var messages []struct{ Login, Code, Session string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, 8<<20)).Decode(&messages); err != nil {
		return "", err
	}
	for _, m := range messages {
		if m.Session == session && m.Code != "" {
			return m.Code, nil
		}
	}
	return "", errors.New("no code has come")
}
