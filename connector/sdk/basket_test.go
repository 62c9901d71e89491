package sdk

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/wire"
)

// A basketTaker takes several payments at once, and knows them as it knows single ones.
type basketTaker struct {
	generous
	baskets []wire.BasketCreate
}

func (b *basketTaker) StartBasket(_ context.Context, r wire.BasketCreate) error {
	if b.slow != nil {
		<-b.slow
	}
	if r.AppName == "broken" {
		return fmt.Errorf("disk is full")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.baskets = append(b.baskets, r)
	if b.taken == nil {
		b.taken = map[wire.String]wire.PaymentCreate{}
	}
	for _, p := range r.Payments {
		b.taken[p.SessionSecret] = p
	}
	return nil
}

func basketOf(session string, members string) string {
	return `{"session_secret":"` + session + `","provider_code":"lon","app_name":"Saldo","redirect_url":"https://hub.example/1","psu_ip_address":"192.0.2.7","basket_identification":9,` + members + `}`
}

func memberPayment(session string, more ...string) string {
	return `{"session_secret":"` + session + `","payment_product":"sepa-credit-transfers","payment_identification":17,` + strings.Join(append(more, `"payment":`+onePayment), ",") + `}`
}

func memberAccess(session string, more ...string) string {
	return `{"session_secret":"` + session + `",` + strings.Join(append(more, `"valid_until":"2026-12-31","access":{"allPsd2":"allAccounts"},"consent_identification":4`), ",") + `}`
}

func TestBaskets(t *testing.T) {
	without, all := serve(t, &generous{}), serve(t, &basketTaker{})
	both := `"payments":[` + memberPayment("p1") + `,` + memberPayment("p2") + `],"accesses":[` + memberAccess("a1") + `]`
	for _, tt := range []struct {
		name, url, data string
		status          int
		want            string
	}{
		{"a basket, of which the bank knows nothing", without, basketOf("b1", both), 404, "RouteNotFound"},
		{"payments and an access", all, basketOf("b1", both), 200, `{}`},
		{"the same once more", all, basketOf("b1", both), 200, `{}`},
		{"one access", all, basketOf("b2", `"accesses":[`+memberAccess("a2")+`]`), 200, `{}`},
		{"nothing at all", all, basketOf("b3", `"payments":[],"accesses":[]`), 400, "WrongRequestFormat"},
		{"nobody to come back to", all, strings.Replace(basketOf("b4", both), "redirect_url", "x", 1), 400, "WrongRequestFormat"},
		{"a member without a session", all, basketOf("b5", `"payments":[`+memberPayment("")+`]`), 400, "WrongRequestFormat"},
		{"a member with a session of any length", all, basketOf("b6", `"payments":[`+memberPayment(strings.Repeat("x", 256))+`]`), 400, "WrongRequestFormat"},
		{"two members of one session", all, basketOf("b7", `"payments":[`+memberPayment("p7")+`],"accesses":[`+memberAccess("p7")+`]`), 400, "WrongRequestFormat"},
		{"a member of the basket's own session", all, basketOf("b8", `"payments":[`+memberPayment("b8")+`]`), 400, "WrongRequestFormat"},
		{"a payment that leads elsewhere", all, basketOf("b9", `"payments":[`+memberPayment("p9", `"redirect_url":"https://evil.example/"`)+`]`), 400, "WrongRequestFormat"},
		{"a payment of another bank", all, basketOf("b10", `"payments":[`+memberPayment("p10", `"provider_code":"par"`)+`]`), 400, "WrongRequestFormat"},
		{"an access of another app", all, basketOf("b11", `"accesses":[`+memberAccess("a11", `"app_name":"Other"`)+`]`), 400, "WrongRequestFormat"},
		{"an access until a day that is none", all, basketOf("b12", `"accesses":[`+strings.Replace(memberAccess("a12"), "2026-12-31", "2026-02-30", 1)+`]`), 400, "WrongRequestFormat"},
		{"a payment without a product", all, basketOf("b13", `"payments":[`+strings.Replace(memberPayment("p13"), "payment_product", "x", 1)+`]`), 400, "WrongRequestFormat"},
		{"a payment of a service that nobody knows", all, basketOf("b14", `"payments":[`+memberPayment("p14", `"payment_service":"gifts"`)+`]`), 400, "InvalidAttributeValue"},
		{"a bulk that is not there", all, basketOf("b15", `"payments":[`+memberPayment("p15", `"payment_service":"bulk-payments"`)+`]`), 400, "WrongRequestFormat"},
		{"a payment that was started before", all, basketOf("b16", `"payments":[`+memberPayment("p1")+`]`), 400, "InvalidAttributeValue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, "POST", tt.url+"/baskets", http.Header{"Authorization": {signed(tt.data, now.Add(time.Minute), hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestTheMembersOfABasketAreAsIfTheyCameAlone(t *testing.T) {
	b := &basketTaker{}
	url := serve(t, b)
	h := http.Header{"Authorization": {signed(basketOf("b1", `"user_id":"1001","payments":[`+memberPayment("p1")+`],"accesses":[`+memberAccess("a1")+`]`), now.Add(time.Minute), hubKey())}}
	for range 3 {
		if status, body := ask(t, "POST", url+"/baskets", h); status != 200 {
			t.Fatalf("got %d %s", status, body)
		}
	}
	if len(b.baskets) != 1 {
		t.Fatalf("the bank was asked %d times", len(b.baskets))
	}
	p, a := b.baskets[0].Payments[0], b.baskets[0].Accesses[0]
	if p.ProviderCode != "lon" || p.AppName != "Saldo" || p.RedirectURL != "https://hub.example/1" || p.PSUIPAddress != "192.0.2.7" || p.UserID != "1001" || p.PaymentService != "payments" {
		t.Errorf("payment: %+v", p)
	}
	if a.ProviderCode != "lon" || a.AppName != "Saldo" || a.RedirectURL != "https://hub.example/1" || a.ConsentIdentification != 4 {
		t.Errorf("access: %+v", a)
	}
}

func TestAMemberThatIsAskedAboutWaitsForItsBasket(t *testing.T) {
	b := &basketTaker{generous: generous{payer{slow: make(chan struct{})}}}
	url := serve(t, b)
	var wg sync.WaitGroup
	wg.Go(func() {
		ask(t, "POST", url+"/baskets", http.Header{"Authorization": {signed(basketOf("b1", `"payments":[`+memberPayment("p1")+`]`), now.Add(time.Minute), hubKey())}})
	})
	time.Sleep(50 * time.Millisecond)
	wg.Go(func() {
		status, body := ask(t, "GET", url+"/payments/17", http.Header{"Authorization": {signed(asking("p1"), now.Add(time.Minute), hubKey())}})
		if status != 200 {
			t.Errorf("got %d %s: the basket was under way", status, body)
		}
	})
	time.Sleep(50 * time.Millisecond)
	close(b.slow)
	wg.Wait()
}

// Baskets and questions about their members race; either both members are taken, or none is,
// and one that was said to be unknown never is.
func TestABasketIsTakenWholeOrNotAtAll(t *testing.T) {
	b := &basketTaker{}
	url := serve(t, b)
	for i := range 50 {
		first, second := fmt.Sprint("first", i), fmt.Sprint("second", i)
		h := http.Header{"Authorization": {signed(basketOf(fmt.Sprint("b", i), `"payments":[`+memberPayment(first)+`,`+memberPayment(second)+`]`), now.Add(time.Minute), hubKey())}}
		q := http.Header{"Authorization": {signed(asking(second), now.Add(time.Minute), hubKey())}}
		var wg sync.WaitGroup
		var started, asked int
		wg.Go(func() { started, _ = ask(t, "POST", url+"/baskets", h) })
		wg.Go(func() { asked, _ = ask(t, "GET", url+"/payments/17", q) })
		wg.Wait()
		one, two := b.find(wire.String(first)) == nil, b.find(wire.String(second)) == nil
		if one != two || two != (started == 200) || two != (asked == 200) {
			t.Fatalf("taken: %t and %t; the basket was answered %d, the question %d", one, two, started, asked)
		}
	}
}

func TestTheMembersOfABasketThatFailedAreUnknown(t *testing.T) {
	url := serve(t, &basketTaker{})
	data := strings.Replace(basketOf("b1", `"payments":[`+memberPayment("p1")+`]`), "Saldo", "broken", 1)
	if status, _ := ask(t, "POST", url+"/baskets", http.Header{"Authorization": {signed(data, now.Add(time.Minute), hubKey())}}); status != 500 {
		t.Errorf("got %d", status)
	}
	if status, _ := ask(t, "GET", url+"/payments/17", http.Header{"Authorization": {signed(asking("p1"), now.Add(time.Minute), hubKey())}}); status != 404 {
		t.Errorf("got %d", status)
	}
}
