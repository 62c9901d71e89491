package xs2aclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/xs2aclient"
)

func TestStepsOfAnAuthorisation(t *testing.T) {
	t.Parallel()
	const link, path = "/v1/consents/c1/authorisations/a1", "/psd2/lon/v1/consents/c1/authorisations/a1"
	for _, tt := range []struct {
		name   string
		take   func(context.Context, *xs2aclient.Client) (any, error)
		method string
		body   string
		answer string
		want   any
	}{
		{"who the PSU is", func(ctx context.Context, c *xs2aclient.Client) (any, error) { return c.Identify(ctx, link) },
			"PUT", `{}`, `{"scaStatus":"psuIdentified"}`,
			xs2aclient.Step{Status: xs2aclient.SCAIdentified, SCAApproach: xs2aclient.ApproachEmbedded}},
		{"her password; she has several methods", func(ctx context.Context, c *xs2aclient.Client) (any, error) { return c.Authenticate(ctx, link, `s"3`) },
			"PUT", `{"psuData":{"password":"s\"3"}}`, `{"scaStatus":"psuAuthenticated","scaMethods":[{"authenticationType":"SMS_OTP","authenticationMethodId":"m1","name":"Phone"},{"authenticationType":"PASSKEY","authenticationMethodId":"m2","unknown":1}],"chosenScaMethod":null}`,
			xs2aclient.Step{Status: xs2aclient.SCAAuthenticated, SCAApproach: xs2aclient.ApproachEmbedded, Offer: xs2aclient.Offer{
				Methods: []xs2aclient.Method{{Type: "SMS_OTP", ID: "m1", Name: "Phone"}, {Type: "PASSKEY", ID: "m2"}},
			}}},
		{"her choice; a picture is the challenge", func(ctx context.Context, c *xs2aclient.Client) (any, error) { return c.SelectMethod(ctx, link, "m1") },
			"PUT", `{"authenticationMethodId":"m1"}`, `{"scaStatus":"scaMethodSelected","chosenScaMethod":{"authenticationType":"PHOTO_OTP","authenticationMethodId":"m1"},"challengeData":{"image":"aWNv","data":["12"],"otpMaxLength":6,"otpFormat":"integer","additionalInformation":"Look"},"_links":{"authoriseTransaction":{"href":"/v1/x"}}}`,
			xs2aclient.Step{Status: xs2aclient.SCAMethodSelected, SCAApproach: xs2aclient.ApproachEmbedded, Links: xs2aclient.Links{"authoriseTransaction": "/v1/x"}, Offer: xs2aclient.Offer{
				Chosen:    &xs2aclient.Method{Type: "PHOTO_OTP", ID: "m1"},
				Challenge: &xs2aclient.Challenge{Image: []byte("ico"), Data: []string{"12"}, OTPMaxLength: 6, OTPFormat: "integer", AdditionalInformation: "Look"},
			}}},
		{"her answer", func(ctx context.Context, c *xs2aclient.Client) (any, error) {
			return c.AuthoriseTransaction(ctx, link, "123456")
		},
			"PUT", `{"scaAuthenticationData":"123456"}`, `{"scaStatus":"finalised"}`,
			xs2aclient.Step{Status: xs2aclient.SCAFinalised, SCAApproach: xs2aclient.ApproachEmbedded}},
		{"the code with which she came back", func(ctx context.Context, c *xs2aclient.Client) (any, error) { return c.Confirm(ctx, link, "k7") },
			"PUT", `{"confirmationCode":"k7"}`, `{"scaStatus":"finalised","psuMessage":"Thank you"}`,
			xs2aclient.Step{Status: xs2aclient.SCAFinalised, PSUMessage: "Thank you", SCAApproach: xs2aclient.ApproachEmbedded}},
		{"a start with her password", func(ctx context.Context, c *xs2aclient.Client) (any, error) {
			return c.StartAuthenticated(ctx, link, "s3", xs2aclient.Redirects{})
		},
			"POST", `{"psuData":{"password":"s3"}}`, `{"scaStatus":"psuAuthenticated","authorisationId":"a1"}`,
			xs2aclient.AuthorisationStarted{SCAStatus: xs2aclient.SCAAuthenticated, AuthorisationID: "a1", SCAApproach: xs2aclient.ApproachEmbedded}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ASPSP-SCA-Approach", "EMBEDDED")
				says(200, tt.answer)(w, r)
			})
			no := false
			c := b.client(t, nil).WithPSU(xs2aclient.PSU{ID: "ana", IPAddress: "192.0.2.7"}).WithPreferences(xs2aclient.Preferences{Redirect: &no, Decoupled: &no})
			got, err := tt.take(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("read differently (-want +got):\n%s", diff)
			}
			if b.asked.Method != tt.method || b.asked.URL.Path != path || string(b.body) != tt.body || b.asked.Header.Get("PSU-ID") != "ana" {
				t.Errorf("%s %s as %q: %s", b.asked.Method, b.asked.URL.Path, b.asked.Header.Get("PSU-ID"), b.body)
			}
			// Preferences are for what begins an authorisation, not for its steps.
			if got := b.asked.Header.Get("TPP-Redirect-Preferred") + b.asked.Header.Get("TPP-Decoupled-Preferred"); (got != "") != (tt.method == "POST") || tt.method == "POST" && got != "falsefalse" {
				t.Errorf("preferences %q", got)
			}
		})
	}
}

func TestStepsGoToTheBankOnly(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{}`))
	c := b.client(t, nil)
	_, password := c.Authenticate(t.Context(), "https://elsewhere.example/v1/consents/c1/authorisations/a1", "s3")
	_, start := c.StartAuthenticated(t.Context(), "https://elsewhere.example/v1/consents/c1/authorisations", "s3", xs2aclient.Redirects{})
	if !errors.Is(password, xs2aclient.ErrForeignLink) || !errors.Is(start, xs2aclient.ErrForeignLink) || b.asked != nil {
		t.Errorf("%v, %v", password, start)
	}
}

func TestStartIsFoundByEachOfItsNames(t *testing.T) {
	t.Parallel()
	for links, want := range map[string]string{
		`{"startAuthorisation":{"href":"/a"}}`: "/a", `{"startAuthorisationWithPsuIdentification":{"href":"/b"}}`: "/b",
		`{"scaStatus":{"href":"/no"},"startAuthorisationWithPsuAuthentication":{"href":"/c"}}`: "/c", `{"scaRedirect":{"href":"/no"}}`: "", `{}`: "",
	} {
		var l xs2aclient.Links
		if err := json.Unmarshal([]byte(links), &l); err != nil || l.Start() != want {
			t.Errorf("%s: %q, %v", links, l.Start(), err)
		}
	}
}

func TestAwaitSCA(t *testing.T) {
	t.Parallel()
	answers := func(statuses ...string) *bank {
		return newBank(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"scaStatus":"`+statuses[0]+`"}`)
			if len(statuses) > 1 {
				statuses = statuses[1:]
			}
		})
	}
	for _, end := range []string{xs2aclient.SCAFinalised, xs2aclient.SCAFailed, xs2aclient.SCAExempted, xs2aclient.SCAUnconfirmed} {
		b := answers(xs2aclient.SCAReceived, xs2aclient.SCAStarted, end)
		if s, err := b.client(t, nil).AwaitSCA(t.Context(), "/v1/x", time.Millisecond); err != nil || s.Status != end {
			t.Errorf("%s: %+v, %v", end, s, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if s, err := answers(xs2aclient.SCAStarted).client(t, nil).AwaitSCA(ctx, "/v1/x", time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a PSU who never answers: %+v, %v", s, err)
	}
}
