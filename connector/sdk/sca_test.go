package sdk

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/connector/wire"
)

// A stepper takes steps and says what it was given.
type stepper struct{ basketTaker }

func (*stepper) Authorise(_ context.Context, s wire.SessionAuthorise) (wire.Event, error) {
	switch {
	case s.Password == "wrong":
		return wire.Event{}, ErrCredentials
	case s.SCAAuthenticationData == "wrong":
		return wire.Event{}, ErrCode
	case s.AuthenticationMethodID == "wrong":
		return wire.Event{}, ErrMethodUnknown
	case s.PSUID == "late":
		return wire.Event{}, ErrStep
	}
	return wire.Event{SessionSecret: "of somebody else", SCAStatus: "started"}, nil
}

func TestSteps(t *testing.T) {
	without, all := serve(t, &basketTaker{}), serve(t, &stepper{})
	step := func(fields string) string {
		return `{"session_secret":"s1","provider_code":"lon",` + fields + `}`
	}
	const taken = `{"data":{"session_secret":"s1","sca_status":"started"}}`
	for _, tt := range []struct {
		name, url, path, data string
		status                int
		want                  string
	}{
		{"a bank without steps", without, "s1", step(`"psu_id":"ana"`), 404, "RouteNotFound"},
		{"a name", all, "s1", step(`"psu_id":"ana"`), 200, taken},
		{"a password", all, "s1", step(`"password":"x"`), 200, taken},
		{"a password with a name, and a second one", all, "s1", step(`"psu_id":"ana","password":"x","additional_password":"y"`), 200, taken},
		{"encrypted passwords", all, "s1", step(`"encrypted_password":"x","additional_encrypted_password":"y"`), 200, taken},
		{"a method", all, "s1", step(`"psu_id":"ana","authentication_method_id":"m"`), 200, taken},
		{"a code", all, "s1", step(`"sca_authentication_data":"1"`), 200, taken},
		{"nothing", all, "s1", step(`"psu_ip_address":"192.0.2.7"`), 400, "WrongRequestFormat"},
		{"two steps at once", all, "s1", step(`"password":"x","sca_authentication_data":"1"`), 400, "WrongRequestFormat"},
		{"a password in two forms", all, "s1", step(`"password":"x","encrypted_password":"x"`), 400, "WrongRequestFormat"},
		{"a password of any length", all, "s1", step(`"password":"` + strings.Repeat("x", 4097) + `"`), 400, "WrongRequestFormat"},
		{"a step of another session than the path's", all, "s2", step(`"password":"x"`), 400, "WrongRequestFormat"},
		{"a step of another bank", all, "s1", strings.Replace(step(`"password":"x"`), "lon", "par", 1), 400, "InvalidAttributeValue"},
		{"a wrong password", all, "s1", step(`"password":"wrong"`), 401, "InvalidCredentials"},
		{"a wrong code", all, "s1", step(`"sca_authentication_data":"wrong"`), 400, "InvalidConfirmationCode"},
		{"a method that is none", all, "s1", step(`"authentication_method_id":"wrong"`), 404, "AuthenticationMethodNotFound"},
		{"a step out of turn", all, "s1", step(`"psu_id":"late"`), 400, "SessionStepNotAllowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, "POST", tt.url+"/sessions/"+tt.path+"/authorise", http.Header{"Authorization": {signed(tt.data, now.Add(time.Minute), hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}

// A signer is asked for signatures, of which one session waits for none.
type signer struct {
	stepper
	asked atomic.Int32
}

func (s *signer) StartSignature(_ context.Context, r wire.SignatureCreate) error {
	s.asked.Add(1)
	if r.Signs == "done" {
		return ErrInvalid
	}
	return nil
}

func TestSignatures(t *testing.T) {
	bank := &signer{}
	without, all := serve(t, &stepper{}), serve(t, bank)
	create := func(session, signs, more string) string {
		return `{"session_secret":"` + session + `","provider_code":"lon","signs":"` + signs + `","app_name":"Saldo","redirect_url":"https://hub.example/r"` + more + `}`
	}
	for _, tt := range []struct {
		name, url, path, data string
		status                int
		want                  string
	}{
		{"a bank without", without, "s1", create("n1", "s1", ""), 404, "RouteNotFound"},
		{"another one signs", all, "s1", create("n2", "s1", ""), 200, `{}`},
		{"once more with the same session", all, "s1", create("n2", "s1", ""), 200, `{}`},
		{"on her phone", all, "s1", create("n3", "s1", `,"sca_approach":"decoupled","psu_id":"vesna"`), 200, `{}`},
		{"by an approach that is none", all, "s1", create("n4", "s1", `,"sca_approach":"guessed"`), 404, "RouteNotFound"},
		{"what waits for none", all, "done", create("n5", "done", ""), 400, "InvalidAttributeValue"},
		{"another session than the path's", all, "s2", create("n6", "s1", ""), 400, "WrongRequestFormat"},
		{"itself", all, "n7", create("n7", "n7", ""), 400, "WrongRequestFormat"},
		{"with nowhere to go afterwards", all, "s1", strings.Replace(create("n8", "s1", ""), "https://hub.example/r", "", 1), 400, "WrongRequestFormat"},
		{"at another bank", all, "s1", strings.Replace(create("n9", "s1", ""), "lon", "par", 1), 400, "InvalidAttributeValue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, "POST", tt.url+"/sessions/"+tt.path+"/signatures", http.Header{"Authorization": {signed(tt.data, now.Add(time.Minute), hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
	if n := bank.asked.Load(); n != 3 {
		t.Errorf("the bank was asked %d times", n)
	}
}

func TestStartsElsewhere(t *testing.T) {
	without, all := serve(t, &basketTaker{}), serve(t, &stepper{})
	both := `"payments":[` + memberPayment("p1") + `],"accesses":[` + memberAccess("a1") + `]`
	for _, tt := range []struct {
		name, url, data string
		status          int
		want            string
	}{
		{"a bank that knows its pages only", without, basketOf("e1", `"sca_approach":"embedded",`+both), 404, "RouteNotFound"},
		{"and is asked for them", without, basketOf("e2", `"sca_approach":"redirect",`+both), 200, `{}`},
		{"a bank that takes steps", all, basketOf("e3", `"sca_approach":"embedded","psu_id":"ana",`+both), 200, `{}`},
		{"an approach that is none", all, basketOf("e4", `"sca_approach":"guessed",`+both), 404, "RouteNotFound"},
		{"a member with an approach of its own", all, basketOf("e5", `"payments":[`+memberPayment("p5", `"sca_approach":"decoupled"`)+`]`), 400, "WrongRequestFormat"},
		{"a member with a customer of its own", all, basketOf("e6", `"accesses":[`+memberAccess("a6", `"psu_id":"luka"`)+`]`), 400, "WrongRequestFormat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, "POST", tt.url+"/baskets", http.Header{"Authorization": {signed(tt.data, now.Add(time.Minute), hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}

// A keeper holds what its customers approve.
type keeper struct{ basketTaker }

func (*keeper) Confirm(_ context.Context, c wire.SessionConfirm) (wire.Event, error) {
	if !c.Confirmed {
		return wire.Event{}, ErrStep
	}
	return wire.Event{SessionSecret: "of somebody else", SCAStatus: "finalised"}, nil
}

func TestConfirmations(t *testing.T) {
	without, keeps := serve(t, &basketTaker{}), serve(t, &keeper{})
	both := `"payments":[` + memberPayment("p1") + `],"accesses":[` + memberAccess("a1") + `]`
	for _, tt := range []struct {
		name, url, data string
		status          int
		want            string
	}{
		{"a bank that holds nothing", without + "/sessions/s1/confirm", `{"session_secret":"s1","provider_code":"lon","confirmed":true}`, 404, "RouteNotFound"},
		{"and is asked to", without + "/baskets", basketOf("h1", `"confirmation_required":true,`+both), 404, "RouteNotFound"},
		{"a bank that holds", keeps + "/baskets", basketOf("h2", `"confirmation_required":true,`+both), 200, `{}`},
		{"a member that wants to be held by itself", keeps + "/baskets", basketOf("h3", `"payments":[`+memberPayment("p3", `"confirmation_required":true`)+`]`), 400, "WrongRequestFormat"},
		{"it goes on", keeps + "/sessions/s1/confirm", `{"session_secret":"s1","provider_code":"lon","confirmed":true}`, 200, `{"data":{"session_secret":"s1","sca_status":"finalised"}}`},
		{"it holds nothing now", keeps + "/sessions/s1/confirm", `{"session_secret":"s1","provider_code":"lon","confirmed":false}`, 400, wire.ClassStep},
		{"what is signed is for another session", keeps + "/sessions/s2/confirm", `{"session_secret":"s1","provider_code":"lon","confirmed":true}`, 400, "WrongRequestFormat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, "POST", tt.url, http.Header{"Authorization": {signed(tt.data, now.Add(time.Minute), hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}
