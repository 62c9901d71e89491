package sdk

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kontor/connector/jws"
	"kontor/connector/wire"
)

// A HubConfig says where the hub is and as whom the bank speaks to it.
type HubConfig struct {
	HubURL           string // origin of the hub
	AppID, AppSecret string
	SigningKey       *rsa.PrivateKey
	HTTP             *http.Client     // nil: one with limits of its own
	Now              func() time.Time // nil: time.Now
}

// Hub reports to a hub over HTTP. It repeats a report that met a broken network or a failing
// hub, a little later each time, until its context ends; a report that must survive the
// process is kept by its sender. The state of the session at the hub makes repeating safe.
type Hub struct {
	base   string
	c      HubConfig
	client *http.Client
}

var _ HubCaller = (*Hub)(nil)

// NewHub returns the hub of c.
func NewHub(c HubConfig) *Hub {
	h := &Hub{base: strings.TrimRight(c.HubURL, "/") + wire.HubBase, c: c, client: c.HTTP}
	if h.c.Now == nil {
		h.c.Now = time.Now
	}
	if h.client == nil {
		h.client = &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute,
				TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second, DisableCompression: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return h
}

// A Refusal is an answer of the hub that is not 200. It is ErrTokenUnknown, ErrInvalid or
// ErrAccessDenied for errors.Is where repeating the report would be useless: the session or
// token is unknown, the report has no shape the hub knows, the session is over. All other
// refusals, such as of a key or a secret, may end when somebody corrects a setting.
type Refusal struct {
	Status  int
	Class   string
	Message string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the hub answered %d %s: %s", r.Status, r.Class, r.Message)
}

// Is makes a Refusal one of the errors of this package.
func (r *Refusal) Is(target error) bool {
	switch r.Class {
	case "SessionNotFound", "TokenNotFound", "AccountNotFound":
		return target == ErrTokenUnknown
	case "RequestFormatInvalid":
		return target == ErrInvalid
	case "SessionClosed", "SessionExpired", "SessionFinalised":
		return target == ErrAccessDenied
	}
	return false
}

// Update reports a step of e's session.
func (h *Hub) Update(ctx context.Context, e wire.Event) error { return h.event(ctx, "update", e) }

// Success reports the good end of e's session.
func (h *Hub) Success(ctx context.Context, e wire.Event) error { return h.event(ctx, "success", e) }

// Fail reports the bad end of e's session.
func (h *Hub) Fail(ctx context.Context, e wire.Event) error { return h.event(ctx, "fail", e) }

func (h *Hub) event(ctx context.Context, verb string, e wire.Event) error {
	return h.call(ctx, http.MethodPatch, "/sessions/"+url.PathEscape(string(e.SessionSecret))+"/"+verb, "", e, nil)
}

// RevokeToken tells the hub that the PSU withdrew the access behind token.
func (h *Hub) RevokeToken(ctx context.Context, token string) error {
	return h.call(ctx, http.MethodPatch, "/tokens/revoke", token, struct{}{}, nil)
}

// RevokeFundsToken is RevokeToken for confirmations of funds.
func (h *Hub) RevokeFundsToken(ctx context.Context, token string) error {
	return h.call(ctx, http.MethodPatch, "/funds_confirmations/tokens/revoke", token, struct{}{}, nil)
}

// Tokens lists what the hub holds at this bank, of one PSU unless userID is empty.
func (h *Hub) Tokens(ctx context.Context, userID string) ([]wire.TokenAnswer, error) {
	const pagesMax = 1000
	var all []wire.TokenAnswer
	q := wire.TokenQuery{UserID: wire.String(userID)}
	for range pagesMax {
		var page wire.List[wire.TokenAnswer]
		if err := h.call(ctx, http.MethodGet, "/tokens", "", q, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if page.Meta.NextID == "" || page.Meta.NextID == q.FromID {
			return all, nil
		}
		q.FromID = page.Meta.NextID
	}
	return all, nil
}

// tokenLife is what connectors give their tokens.
const tokenLife = time.Minute

// backoff is how long is waited before each repetition.
var backoff = []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second}

// call makes the call until it is answered or ctx ends. token, where there is one, goes
// into the header Token.
func (h *Hub) call(ctx context.Context, method, path, token string, data, into any) error {
	var signed string
	var exp time.Time
	for try := 0; ; try++ {
		now := h.c.Now()
		if exp.Sub(now) < tokenLife/2 { // one signature serves the quick repetitions
			exp = now.Add(tokenLife)
			var err error
			if signed, err = jws.Sign(h.c.SigningKey, data, exp, ""); err != nil {
				return err
			}
		}
		err := h.try(ctx, method, path, token, signed, into)
		var refusal *Refusal
		refused := errors.As(err, &refusal)
		if err == nil || refused && refusal.Status < 500 && refusal.Status != http.StatusTooManyRequests || try == len(backoff) {
			return err
		}
		wait := time.NewTimer(backoff[try])
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

func (h *Hub) try(ctx context.Context, method, path, token, signed string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, h.base+path, nil)
	if err != nil {
		return err
	}
	r.Header = http.Header{
		"Authorization": {"Bearer " + signed}, wire.HeaderAppID: {h.c.AppID}, wire.HeaderAppSecret: {h.c.AppSecret},
		"Accept": {"application/json"}, "Content-Type": {"application/json"},
	}
	if token != "" {
		r.Header.Set(wire.HeaderToken, token)
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return fmt.Errorf("the hub cannot be reached: %w", err)
	}
	defer answer.Body.Close()
	const answerMax = 1 << 20
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err != nil {
		return fmt.Errorf("the hub's answer broke off: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		var e wire.ErrorAnswer
		json.Unmarshal(body, &e) // an answer of something else than a hub has no class
		return &Refusal{Status: answer.StatusCode, Class: cut(string(e.ErrorClass)), Message: cut(string(e.ErrorMessage))}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(slices.Clip(body), into); err != nil {
		return fmt.Errorf("the hub's answer cannot be read: %w", err)
	}
	return nil
}
