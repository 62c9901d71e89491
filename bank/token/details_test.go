package token_test

import (
	"errors"
	"strings"
	"testing"

	"kontor/bank/token"
)

func TestDetails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, details, scope string
		want                 token.Scope
		err                  error
	}{
		{"a consent", `[{"type":"account_information","consentId":"c1"}]`, "", token.Scope{Kind: token.AIS, Resource: "c1"}, nil},
		{"a consent, offline", `[ {"consentId":"c1", "type":"account_information"} ] `, " offline_access ", token.Scope{Kind: token.AIS, Resource: "c1", Offline: true, Asked: "offline_access"}, nil},
		{"a consent to confirm funds", `[{"type":"funds_confirmation","consentId":"c1"}]`, "", token.Scope{Kind: token.PIIS, Resource: "c1"}, nil},
		{"a payment", `[{"type":"payment_initiation","paymentId":"p1"}]`, "", token.Scope{Kind: token.PIS, Resource: "p1"}, nil},
		{"a cancellation", `[{"type":"payment_cancellation","paymentId":"p1"}]`, "", token.Scope{Kind: token.CancelPIS, Resource: "p1"}, nil},
		{"a basket", `[{"type":"signing_basket","basketId":"b1"}]`, "", token.Scope{Kind: token.SBS, Resource: "b1"}, nil},
		{"a scope that names the resource as well", `[{"type":"account_information","consentId":"c1"}]`, "AIS:c1", token.Scope{}, token.ErrScope},
		{"a scope that names another resource", `[{"type":"account_information","consentId":"c1"}]`, "AIS:c2 offline_access", token.Scope{}, token.ErrScope},
		{"no JSON", `account_information`, "", token.Scope{}, token.ErrDetails},
		{"nothing", ``, "", token.Scope{}, token.ErrDetails},
		{"an object without its list", `{"type":"account_information","consentId":"c1"}`, "", token.Scope{}, token.ErrDetails},
		{"an empty list", `[]`, "", token.Scope{}, token.ErrDetails},
		{"an empty object", `[{}]`, "", token.Scope{}, token.ErrDetails},
		{"two objects", `[{"type":"account_information","consentId":"c1"},{"type":"account_information","consentId":"c2"}]`, "", token.Scope{}, token.ErrDetails},
		{"two lists", `[{"type":"account_information","consentId":"c1"}][]`, "", token.Scope{}, token.ErrDetails},
		{"an unfinished list", `[{"type":"account_information","consentId":"c1"}`, "", token.Scope{}, token.ErrDetails},
		{"a member twice", `[{"type":"account_information","consentId":"c1","consentId":"c2"}]`, "", token.Scope{}, token.ErrDetails},
		{"a member twice, in other letters", `[{"type":"account_information","consentId":"c1","consent\u0049d":"c2"}]`, "", token.Scope{}, token.ErrDetails},
		{"a member that means nothing", `[{"type":"account_information","consentId":"c1","actions":"all"}]`, "", token.Scope{}, token.ErrDetails},
		{"a member of another type", `[{"type":"account_information","paymentId":"p1"}]`, "", token.Scope{}, token.ErrDetails},
		{"a member in other case", `[{"type":"account_information","consentid":"c1"}]`, "", token.Scope{}, token.ErrDetails},
		{"a list of resources", `[{"type":"account_information","consentId":["c1"]}]`, "", token.Scope{}, token.ErrDetails},
		{"a number", `[{"type":"account_information","consentId":1}]`, "", token.Scope{}, token.ErrDetails},
		{"a null", `[{"type":"account_information","consentId":null}]`, "", token.Scope{}, token.ErrDetails},
		{"no resource", `[{"type":"account_information","consentId":""}]`, "", token.Scope{}, token.ErrDetails},
		{"a resource with a space", `[{"type":"account_information","consentId":"c1 c2"}]`, "", token.Scope{}, token.ErrDetails},
		{"a resource with a zero byte", `[{"type":"account_information","consentId":"c\u0000"}]`, "", token.Scope{}, token.ErrDetails},
		{"an unknown type", `[{"type":"everything","consentId":"c1"}]`, "", token.Scope{}, token.ErrDetails},
		{"a type in other case", `[{"type":"Account_Information","consentId":"c1"}]`, "", token.Scope{}, token.ErrDetails},
		{"a thousand brackets", strings.Repeat("[", 1000), "", token.Scope{}, token.ErrDetails},
		{"more than a kilobyte", `[{"type":"account_information","consentId":"` + strings.Repeat("c", 1024) + `"}]`, "", token.Scope{}, token.ErrDetails},
	} {
		got, err := token.ParseDetails(tt.details, tt.scope)
		if !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("%s: got %+v, %v; want %+v, %v", tt.name, got, err, tt.want, tt.err)
		}
		if tt.err != nil {
			continue
		}
		again, err := token.ParseDetails(string(got.Details()), tt.scope)
		if err != nil || again != got {
			t.Errorf("%s: they come back as %s, which is %+v, %v", tt.name, got.Details(), again, err)
		}
	}
	for _, asked := range []string{"AIS:c1", "AIS:c1 offline_access", "PIS:offline_access"} {
		if s := (token.Scope{Kind: token.AIS, Resource: "c1", Asked: asked}); s.Rich() || s.Details() != nil {
			t.Errorf("%s was not asked for by details", asked)
		}
	}
}
