package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/connector/jws"
	"kontor/connector/sdk"
	"kontor/connector/wire"
)

// An sca is how far the PSU of a session in the book has come.
type sca struct {
	approach, login, method wire.String
	proven                  bool
}

const goodPassword, goodCode = "correct horse", "424242"

func (s sca) event(session wire.String) wire.Event {
	e := wire.Event{SessionSecret: session, SCAApproach: s.approach, SCAStatus: "received"}
	methods := []wire.SCAMethod{
		{AuthenticationType: "SMS_OTP", AuthenticationMethodID: "m1", Name: "•••• 123"},
		{AuthenticationType: "PHOTO_OTP", AuthenticationMethodID: "m2", AuthenticationVersion: "2", Explanation: "Poslikajte."},
	}
	switch {
	case s.approach == "decoupled" && s.login != "":
		e.SCAStatus, e.Extra = "started", wire.Extra{"psu_message": "Potrdite v aplikaciji."}
	case s.method != "":
		e.SCAStatus, e.ChosenSCAMethod = "scaMethodSelected", &methods[0]
		e.ChallengeData = &wire.Challenge{Image: []byte("\x89PNG"), Data: []wire.String{"12.50 EUR"}, ImageLink: "javascript:alert(1)", OTPMaxLength: 6, OTPFormat: "integer", AdditionalInformation: "Koda"}
	case s.proven:
		e.SCAStatus, e.SCAMethods = "psuAuthenticated", methods
	case s.login != "":
		e.SCAStatus = "psuIdentified"
	}
	return e
}

func (b *book) Authorise(ctx context.Context, r wire.SessionAuthorise) (wire.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.scas[r.SessionSecret]
	if s == nil {
		return wire.Event{}, sdk.ErrStep
	}
	switch {
	case r.Password != "":
		if r.Password != goodPassword || s.login != "ana" {
			return wire.Event{}, sdk.ErrCredentials
		}
		s.proven = true
	case r.AuthenticationMethodID != "":
		if r.AuthenticationMethodID != "m1" && r.AuthenticationMethodID != "m2" {
			return wire.Event{}, sdk.ErrMethodUnknown
		}
		s.method = r.AuthenticationMethodID
	case r.SCAAuthenticationData != "":
		if s.method == "" {
			return wire.Event{}, sdk.ErrStep
		}
		if r.SCAAuthenticationData != goodCode {
			return wire.Event{}, sdk.ErrCode
		}
		delete(b.scas, r.SessionSecret)
		return wire.Event{SCAStatus: "finalised"}, b.hub.Success(ctx, wire.Event{SessionSecret: r.SessionSecret, UserID: "17"})
	case r.PSUID != "":
		s.login = r.PSUID
	default:
		return wire.Event{}, fmt.Errorf("no step")
	}
	return s.event(r.SessionSecret), nil
}

func TestApproachesThatAreNotDeclaredAreNotAskedFor(t *testing.T) {
	for _, capability := range []string{"", core.Embedded, core.Decoupled} {
		f := misbehaving(t, Config{Capabilities: []string{capability, "cancellation", "baskets"}}, say(200, `{}`))
		for _, approach := range []string{core.Embedded, core.Decoupled, "guessed"} {
			sca, want := core.SCA{Approach: approach, PSUID: "ana"}, core.ErrNotOffered
			if approach == capability {
				want = nil
			}
			for name, start := range map[string]func() error{
				"access": func() error {
					_, err := f.StartAccess(t.Context(), core.AccessRequest{Session: "s", SCA: sca})
					return err
				},
				"funds": func() error {
					_, err := f.StartFundsAccess(t.Context(), core.FundsAccessRequest{Session: "s", SCA: sca})
					return err
				},
				"payment": func() error {
					_, err := f.StartPayment(t.Context(), core.PaymentOrder{Session: "s", SCA: sca})
					return err
				},
				"cancellation": func() error {
					_, err := f.CancelPayment(t.Context(), core.Cancellation{Session: "s", PaymentID: "1", SCA: sca})
					return err
				},
				"basket": func() error {
					_, err := f.StartBasket(t.Context(), core.BasketOrder{Session: "s", SCA: sca})
					return err
				},
			} {
				if err := start(); !errors.Is(err, want) {
					t.Errorf("%s %q of a connector with %q: got %v", name, approach, capability, err)
				}
			}
		}
		if _, err := f.Authorise(t.Context(), core.SCAStep{Session: "s", Data: "1"}); capability == "" && !errors.Is(err, core.ErrNotOffered) {
			t.Error(err)
		}
	}
}

// Another signature is asked for where that is declared, and is said to be missing only then.
func TestSignaturesAreAskedForWhereTheyAreDeclared(t *testing.T) {
	const partly = `{"data":{"status":"PATC","sca_status":"finalised"}}`
	plain := misbehaving(t, Config{Capabilities: []string{"payment_status"}}, say(200, partly))
	if _, err := plain.StartSignature(t.Context(), core.Signature{Session: "n", Signs: "s"}); !errors.Is(err, core.ErrNotOffered) || plain.calls.Load() != 0 {
		t.Errorf("%v, and %d calls", err, plain.calls.Load())
	}
	if u, err := plain.PaymentStatus(t.Context(), "s", "1"); err != nil || u.Partly {
		t.Errorf("%+v, %v", u, err)
	}
	f := misbehaving(t, Config{Capabilities: []string{"payment_status", "multilevel", core.Decoupled}}, say(200, partly))
	if u, err := f.PaymentStatus(t.Context(), "s", "1"); err != nil || !u.Partly {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := f.StartSignature(t.Context(), core.Signature{Session: "n", Signs: "s", SCA: core.SCA{Approach: core.Decoupled, PSUID: "vesna"}}); err != nil {
		t.Error(err)
	}
	if _, err := f.StartSignature(t.Context(), core.Signature{Session: "n", Signs: "s", SCA: core.SCA{Approach: core.Embedded}}); !errors.Is(err, core.ErrNotOffered) {
		t.Error(err)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		want       error
		calls      int64
	}{
		{"none is waited for", `{"error_class":"InvalidAttributeValue"}`, 400, core.ErrRefused, 1},
		{"no such route", `nothing`, 404, core.ErrNotOffered, 1},
		{"a broken bank is asked once more", `{}`, 500, core.ErrUnavailable, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := misbehaving(t, Config{Capabilities: []string{"multilevel"}}, say(tt.status, tt.body))
			if _, err := f.StartSignature(t.Context(), core.Signature{Session: "n", Signs: "s"}); !errors.Is(err, tt.want) || f.calls.Load() != tt.calls {
				t.Errorf("got %v after %d calls", err, f.calls.Load())
			}
		})
	}
}

// Confirm goes on with what the book holds, or drops it.
func (b *book) Confirm(ctx context.Context, r wire.SessionConfirm) (wire.Event, error) {
	b.mu.Lock()
	was := b.holds[string(r.SessionSecret)]
	if was == "held" {
		b.holds[string(r.SessionSecret)] = map[bool]string{true: "finalised", false: "failed"}[r.Confirmed]
	}
	now := b.holds[string(r.SessionSecret)]
	b.mu.Unlock()
	e := wire.Event{SessionSecret: r.SessionSecret, UserID: "17"}
	switch {
	case was == "held" && r.Confirmed:
		return wire.Event{SCAStatus: "finalised"}, b.hub.Success(ctx, e)
	case was == "held":
		e.ErrorClass = "SessionClosed"
		return wire.Event{SCAStatus: "failed"}, b.hub.Fail(ctx, e)
	case now == "" || now == "asked":
		return wire.Event{}, sdk.ErrStep
	}
	return wire.Event{SCAStatus: wire.String(now)}, nil
}

// A plain connector sees nothing of the extensions, whoever the PSU says she is.
func TestAPlainStartIsPlain(t *testing.T) {
	c := Client{c: Config{Capabilities: []string{core.Embedded}}}
	for _, approach := range []string{"", core.Redirect} {
		if got, err := c.sca(core.SCA{Approach: approach, PSUID: "ana", CorporateID: "1"}); err != nil || got != (wire.SCA{}) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestStepsThatAreAnsweredBadly(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		want       error
	}{
		{"wrong credentials", `{"error_class":"InvalidCredentials"}`, 401, core.ErrCredentials},
		{"a wrong code", `{"error_class":"InvalidConfirmationCode"}`, 400, core.ErrCredentials},
		{"an unknown method", `{"error_class":"AuthenticationMethodNotFound"}`, 404, core.ErrMethodUnknown},
		{"another step is due", `{"error_class":"SessionStepNotAllowed"}`, 400, core.ErrRefused},
		{"no such route", `nothing`, 404, core.ErrNotOffered},
		{"nothing", ``, 200, core.ErrMalformed},
		{"an empty object", `{"data":{}}`, 200, core.ErrMalformed},
		{"an approach that is none", `{"data":{"sca_status":"started","sca_approach":"telepathy"}}`, 200, core.ErrMalformed},
		{"a method without an id", `{"data":{"sca_status":"started","sca_methods":[{"authentication_type":"SMS_OTP"}]}}`, 200, core.ErrMalformed},
		{"a method with an id that is too long", `{"data":{"sca_status":"started","chosen_sca_method":{"authentication_type":"SMS_OTP","authentication_method_id":"` + strings.Repeat("x", 36) + `"}}}`, 200, core.ErrMalformed},
		{"an image that is too large", `{"data":{"sca_status":"started","challenge_data":{"image":"` + strings.Repeat("AAAA", 180_000) + `"}}}`, 200, core.ErrMalformed},
		{"the session of somebody else", `{"data":{"session_secret":"other","sca_status":"started"}}`, 200, core.ErrMalformed},
		{"a broken bank", `{}`, 500, core.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			f := misbehaving(t, Config{Capabilities: []string{core.Embedded}, Log: slog.New(slog.NewTextHandler(&log, nil))}, say(tt.status, tt.body))
			_, err := f.Authorise(t.Context(), core.SCAStep{Session: "hidden-session", Password: "hidden-password", Data: "", SCA: core.SCA{PSUID: "hidden-psu"}})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
			if n := f.calls.Load(); n != 1 {
				t.Errorf("the step was sent %d times", n)
			}
			if strings.Contains(log.String(), "hidden") || err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret is told: %s %v", log.String(), err)
			}
		})
	}
}

// What a step holds is in no report about its answer, nor is the session that it opens.
func TestReportsAboutStepsNameNoSession(t *testing.T) {
	reported := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, wire.PathErrors) {
			io.WriteString(w, `{"data":7}`)
			return
		}
		v := jws.Verifier{Keys: []jws.PublicKey{{Key: &hubKey().PublicKey}}, Now: time.Now}
		raw, err := v.Bearer(r.Header.Get("Authorization"))
		reported <- fmt.Sprint(string(raw), err)
	}))
	defer s.Close()
	f := &fault{}
	f.connect(t, Config{Capabilities: []string{core.Embedded}}, s.URL)
	if _, err := f.Authorise(t.Context(), core.SCAStep{Session: "hidden-session", Password: "hidden-password"}); !errors.Is(err, core.ErrMalformed) {
		t.Fatal(err)
	}
	if got := <-reported; strings.Contains(got, "hidden") || !strings.Contains(got, "/authorise") || !strings.Contains(got, "<nil>") {
		t.Error(got)
	}
	f.Close()
}

// A connector that would not wait must not be handed what has to be confirmed; and the two ends
// of the house call the parameter of the way back alike.
func TestConfirmationIsDeclared(t *testing.T) {
	for _, approach := range []string{"", core.Redirect, core.Embedded, core.Decoupled} {
		asked := core.SCA{Approach: approach, Confirmation: true}
		plain := Client{c: Config{Capabilities: []string{core.Embedded, core.Decoupled}}}
		if _, err := plain.sca(asked); !errors.Is(err, core.ErrNotOffered) {
			t.Errorf("%q: %v", approach, err)
		}
		holds := Client{c: Config{Capabilities: []string{core.Embedded, core.Decoupled, "confirmation"}}}
		if got, err := holds.sca(asked); err != nil || !got.ConfirmationRequired {
			t.Errorf("%q: %+v, %v", approach, got, err)
		}
	}
	if core.ParameterConfirmationCode != wire.ParameterConfirmationCode {
		t.Error(core.ParameterConfirmationCode, wire.ParameterConfirmationCode)
	}
	f := misbehaving(t, Config{}, say(200, `{}`))
	if _, err := f.Confirm(t.Context(), core.Confirmation{Session: "s1"}); !errors.Is(err, core.ErrNotOffered) || f.calls.Load() != 0 {
		t.Error(err, f.calls.Load())
	}
}

func TestConfirmIsAnswered(t *testing.T) {
	digest := strings.Repeat("0a", 32)
	for _, tt := range []struct {
		name, body string
		status     int
		calls      int64 // it may be asked again
		want       error
		told       string
	}{
		{"well", `{"data":{"session_secret":"hidden-session","sca_status":"finalised"}}`, 200, 1, nil, "finalised"},
		{"without a word: it will be reported", `{}`, 200, 1, nil, ""},
		{"nothing is held", `{"error_class":"SessionStepNotAllowed"}`, 400, 1, core.ErrRefused, ""},
		{"a broken bank", `{}`, 500, 2, core.ErrUnavailable, ""},
		{"it still waits", `{"data":{"sca_status":"unconfirmed","confirmation_code_sha256":"` + digest + `"}}`, 200, 1, nil, "unconfirmed"},
		{"it waits for no code, so nobody can bring one", `{"data":{"sca_status":"unconfirmed"}}`, 200, 1, nil, "unconfirmed"},
		{"it waits for half a code", `{"data":{"sca_status":"unconfirmed","confirmation_code_sha256":"` + digest[2:] + `"}}`, 200, 1, core.ErrMalformed, ""},
		{"it has a code and does not wait", `{"data":{"sca_status":"finalised","confirmation_code_sha256":"` + digest + `"}}`, 200, 1, core.ErrMalformed, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			f := misbehaving(t, Config{Capabilities: []string{"confirmation"}, ReadBackoff: []time.Duration{time.Millisecond}, Log: slog.New(slog.NewTextHandler(&log, nil))}, say(tt.status, tt.body))
			u, err := f.Confirm(t.Context(), core.Confirmation{Session: "hidden-session", TPP: "PSDSI-BS-1234567", Confirmed: true})
			if !errors.Is(err, tt.want) || err == nil && ((u != nil) != (tt.told != "") || u != nil && u.SCAStatus != tt.told) {
				t.Errorf("got %+v, %v", u, err)
			}
			if n := f.calls.Load(); n != tt.calls {
				t.Errorf("it was asked %d times", n)
			}
			if strings.Contains(log.String(), "hidden") {
				t.Errorf("a secret is told: %s", log.String())
			}
		})
	}
}
