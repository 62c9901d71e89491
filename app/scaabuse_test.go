package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/kit/sqldb"
	"kontor/ready"
)

// An attacker sits at a third party, and has what customers type there.
type attacker struct {
	*apptest.Sandbox
	t     *testing.T
	dev   *app.Dev
	clock *ahead
	isar  ready.Bank
	alpa  *http.Client
	bank  *sqldb.DB // of the reference banks, to see what they counted
}

func newAttacker(t *testing.T) *attacker {
	x := &attacker{t: t, clock: &ahead{}}
	dev, stop := startWith(t, app.DevOptions{}.At(x.clock.now))
	x.dev, x.Sandbox = dev, apptest.New(t, dev.Ready)
	x.isar, x.alpa = x.Bank("standard"), x.Client(x.Certificate(x.TPPs[0]))
	x.bank = openBanks(t, filepath.Dir(dev.Ready.CA))
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	return x
}

// openBanks opens what the reference banks of a sandbox keep, beside them.
func openBanks(t *testing.T, dir string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(dir, "banks.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// who is a customer of her own for each part: what locks one leaves the others alone.
func (x *attacker) who(login string) ready.Persona {
	for _, p := range x.Personas {
		if p.Login == login {
			return p
		}
	}
	x.t.Fatalf("nobody is called %s", login)
	return ready.Persona{}
}

// order begins a payment of a customer's whose SCA stays at the third party.
func (x *attacker) order(who ready.Persona, header h) apptest.Answer {
	x.t.Helper()
	a := x.Ask(x.alpa, http.MethodPost, x.isar.XS2A+"/v1/payments/sepa-credit-transfers", header, apptest.Payment("SCA", who.Accounts[0].IBAN, "DE89370400440532013000", "77.00"))
	if a.Status != http.StatusCreated {
		x.t.Fatal(a)
	}
	return a
}

func (x *attacker) put(at string, who ready.Persona, body string) apptest.Answer {
	x.t.Helper()
	return x.Ask(x.alpa, http.MethodPut, at, h{"PSU-ID": who.Login}, body)
}

func sent(code string) string { return fmt.Sprintf(`{"scaAuthenticationData":%q}`, code) }

func (x *attacker) password(who ready.Persona) string {
	return fmt.Sprintf(`{"psuData":{"password":%q}}`, who.Password)
}

// asked begins a payment and takes it to where a code is waited for, which it returns.
func (x *attacker) asked(who ready.Persona) (made apptest.Answer, at, code string) {
	x.t.Helper()
	made = x.order(who, stays)
	at = made.Get("_links", "scaStatus", "href")
	a := x.put(at, who, x.password(who))
	if to := a.Get("_links", "selectAuthenticationMethod", "href"); to != "" {
		a = x.put(to, who, `{"authenticationMethodId":"sms"}`)
	}
	if a.Get("_links", "authoriseTransaction", "href") == "" {
		x.t.Fatalf("nothing is asked of %s: %s", who.Login, a)
	}
	codes := texts(x.t, x.Sandbox, who.Login)
	return made, at, codes[0]
}

func (x *attacker) status(made apptest.Answer) string {
	x.t.Helper()
	return x.Ask(x.alpa, http.MethodGet, made.Get("_links", "status", "href"), nil, "").Get("transactionStatus")
}

// evaluated is how many answers of a customer's the bank has looked at, over all journeys.
func (x *attacker) evaluated(who ready.Persona) (n int) {
	x.t.Helper()
	err := x.bank.QueryRow(context.Background(), `SELECT COALESCE(SUM(k.tries), 0) FROM corebank_code k
		JOIN corebank_journey j ON j.bank = k.bank AND j.id = k.journey
		JOIN corebank_customer c ON c.bank = j.bank AND c.id = j.customer WHERE c.bank = 'isar' AND c.login = $1`, who.Login).Scan(&n)
	if err != nil {
		x.t.Fatal(err)
	}
	return n
}

// many runs n attempts, 32 at a time.
func many(n int, attempt func(i int)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				attempt(i)
			}
		})
	}
	all.Wait()
}

// wrongCodes never have the right one among them.
func wrongCodes(right string) func(i int) string {
	var start int
	fmt.Sscanf(right, "%d", &start)
	return func(i int) string { return fmt.Sprintf("%06d", (start+1+i)%1_000_000) }
}

// answersMax and passwordsMax are what the reference bank looks at before it locks, journeyMax what
// it looks at on one journey.
const answersMax, passwordsMax, journeyMax = 5, 5, 3

func TestAbuseOfSCA(t *testing.T) {
	t.Parallel()
	x := newAttacker(t)
	t.Run("of a thousand guesses over five authorisations at once, five are looked at", func(t *testing.T) {
		who := x.who("katharina")
		var at, right [5]string
		var made [5]apptest.Answer
		for i := range at {
			made[i], at[i], right[i] = x.asked(who)
		}
		guesses := wrongCodes(right[0])
		var refused, wrong atomic.Int64
		many(1000, func(i int) {
			a := x.put(at[i%5], who, sent(guesses(i)))
			switch {
			case a.Code() == "PSU_CREDENTIALS_INVALID":
				wrong.Add(1)
			case a.Code() == "STATUS_INVALID", a.Code() == "SERVICE_INVALID": // at the hub, or at the bank
				refused.Add(1)
			default:
				t.Errorf("guess %d: %s", i, a)
			}
		})
		n := x.evaluated(who)
		if n < 1 || n > answersMax {
			t.Errorf("%d of 1,000 guesses were looked at, want at most %d", n, answersMax)
		}
		t.Logf("1,000 guesses: %d looked at, %d answered as wrong, %d as too late", n, wrong.Load(), refused.Load())
		for i := range at { // the right ones come too late
			if a := x.put(at[i], who, sent(right[i])); a.Status < 400 {
				t.Errorf("after that, the right code: %s", a)
			}
			if got := x.status(made[i]); got != "RJCT" && got != "RCVD" {
				t.Errorf("after that, the payment is %s", got)
			}
		}
		// Nothing is asked of her, whatever she begins, until the bank has opened her methods again.
		next := x.order(who, stays)
		if a := x.put(next.Get("_links", "scaStatus", "href"), who, x.password(who)); a.Get("_links", "authoriseTransaction", "href") != "" && len(texts(t, x.Sandbox, who.Login)) > 5 {
			t.Errorf("a code was sent while her methods are locked: %s", a)
		}
		if err := x.dev.Unlock(t.Context(), who.Login); err != nil {
			t.Fatal(err)
		}
		_, address, code := x.asked(who)
		if a := x.put(address, who, sent(code)); a.Get("scaStatus") != "finalised" {
			t.Errorf("after the bank has unlocked her: %s", a)
		}
	})
	t.Run("five wrong codes, one after the other, block what comes after", func(t *testing.T) {
		who := x.who("ana")
		before := x.evaluated(who)
		for range 3 {
			_, at, right := x.asked(who)
			guess := wrongCodes(right)
			for i := range 3 {
				x.put(at, who, sent(guess(i)))
			}
			if x.evaluated(who)-before >= answersMax {
				if a := x.put(at, who, sent(right)); a.Status < 400 {
					t.Errorf("the right code after five wrong ones: %s", a)
				}
				break
			}
		}
		if n := x.evaluated(who) - before; n != answersMax {
			t.Errorf("%d were looked at", n)
		}
		x.clock.by.Add(int64(31 * time.Minute))
		if _, at, right := x.asked(who); x.put(at, who, sent(right)).Get("scaStatus") != "finalised" {
			t.Error("half an hour later, her methods are still locked")
		}
	})
	t.Run("of a thousand passwords at once, five are looked at", func(t *testing.T) {
		who := x.who("peter")
		var at [250]string
		for i := range at {
			if i%50 == 0 {
				at[i] = x.order(who, stays).Get("_links", "scaStatus", "href")
			} else {
				at[i] = at[i-1]
			}
		}
		many(1000, func(i int) {
			if a := x.put(at[i%len(at)], who, fmt.Sprintf(`{"psuData":{"password":"guess-%d"}}`, i)); a.Status < 400 || a.Status >= 500 {
				t.Errorf("guess %d: %s", i, a)
			}
		})
		var wrong int
		if err := x.bank.QueryRow(t.Context(), `SELECT wrong FROM corebank_customer WHERE bank = 'isar' AND login = $1`, who.Login).Scan(&wrong); err != nil || wrong < passwordsMax {
			t.Errorf("%d were counted: %v", wrong, err)
		}
		last := x.order(who, stays).Get("_links", "scaStatus", "href")
		if a := x.put(last, who, x.password(who)); a.Code() != "PSU_CREDENTIALS_INVALID" {
			t.Errorf("the right one, behind the lock: %s", a)
		}
	})
	t.Run("of a thousand guesses on the bank's page at once, three are looked at", func(t *testing.T) {
		who := x.who("sofia")
		before := x.evaluated(who)
		made, flow := x.flow(who)
		b := surf(t, x.Sandbox).open(flow.URL, nil).logIn(who).press("approve", "method", "sms")
		right := texts(t, x.Sandbox, who.Login)[0]
		guesses := wrongCodes(right)
		var page form
		for _, f := range b.forms {
			if f.button == "confirm" {
				page = f
			}
		}
		if page.at == "" {
			t.Fatalf("no code is asked for: %s", b.page)
		}
		many(1000, func(i int) {
			fields := url.Values{"csrf": page.fields["csrf"], "action": {"confirm"}, "code": {guesses(i)}}
			a, err := apptest.Try(b.Client, http.MethodPost, page.at, h{"Content-Type": "application/x-www-form-urlencoded"}, fields.Encode())
			if err != nil || a.Status >= 500 || strings.Contains(a.Body, `id="return"`) && strings.Contains(a.Body, "Done") {
				t.Errorf("guess %d: %v %s", i, err, a)
			}
		})
		if n := x.evaluated(who) - before; n < 1 || n > journeyMax {
			t.Errorf("%d of 1,000 guesses were looked at, want at most %d", n, journeyMax)
		}
		t.Logf("1,000 guesses: %d looked at", x.evaluated(who)-before)
		b.open(page.at, url.Values{"csrf": page.fields["csrf"], "action": {"confirm"}, "code": {right}})
		if got := x.consentStatus(made); got == "valid" {
			t.Errorf("after that, the right code makes the consent %s", got)
		}
	})
	t.Run("codes", x.codesOfSCA)
	t.Run("steps", x.stepsOfSCA)
}

// codesOfSCA uses codes twice, for something else, and too late.
func (x *attacker) codesOfSCA(t *testing.T) {
	who := x.who("andrei")
	first, at, code := x.asked(who)
	second, elsewhere, other := x.asked(who)
	if a := x.put(elsewhere, who, sent(code)); a.Status != http.StatusUnauthorized {
		t.Errorf("the code of another authorisation: %s", a)
	}
	if a := x.put(at, who, sent(code)); a.Get("scaStatus") != "finalised" {
		t.Errorf("its own code: %s", a)
	}
	if a := x.put(at, who, sent(code)); a.Code() != "STATUS_INVALID" {
		t.Errorf("the same code again: %s", a)
	}
	if a := x.put(elsewhere, who, sent(code)); a.Status != http.StatusUnauthorized {
		t.Errorf("a used code at another authorisation: %s", a)
	}
	x.clock.by.Add(int64(5*time.Minute + time.Second))
	if a := x.put(elsewhere, who, sent(other)); a.Status != http.StatusUnauthorized {
		t.Errorf("a code after its end: %s", a)
	}
	if got := x.status(second); got != "RCVD" && got != "RJCT" {
		t.Errorf("the second payment is %s", got)
	}
	for end := time.Now().Add(10 * time.Second); x.status(first) != "ACSC" && x.status(first) != "ACCC"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the first payment is %s", x.status(first))
		}
	}
	if err := x.dev.Unlock(t.Context(), who.Login); err != nil {
		t.Fatal(err)
	}
	// Of another customer's approval: B sends the code that A was sent.
	hers, to, right := x.asked(who)
	stranger := x.who("ana")
	if a := x.put(to, stranger, sent(right)); a.Status < 400 {
		t.Errorf("another customer has sent the code: %s", a)
	}
	if got := x.status(hers); got != "RCVD" {
		t.Errorf("her payment is %s", got)
	}
}

// stepsOfSCA skips steps, and mixes approaches.
func (x *attacker) stepsOfSCA(t *testing.T) {
	who, stranger := x.who("maja"), x.who("ana")
	onPhone := h{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "true", "PSU-ID": "sofia"}
	for _, tt := range []struct {
		name   string
		header h // of the payment's creation
		as     ready.Persona
		bodies []string
		after  string // scaStatus
	}{
		{"a code before anything", stays, who, []string{sent("000000")}, "received"},
		{"a method before the password", stays, who, []string{`{"authenticationMethodId":"sms"}`}, "received"},
		{"a code after who she is", stays, who, []string{"{}", sent("000000")}, "psuIdentified"},
		{"a method after who she is", stays, who, []string{"{}", `{"authenticationMethodId":"sms"}`}, "psuIdentified"},
		{"a code before the method", stays, who, []string{x.password(who), sent("000000")}, "psuAuthenticated"},
		{"a method that is another's", stays, who, []string{x.password(who), `{"authenticationMethodId":"push"}`}, "psuAuthenticated"},
		{"the password of another customer", h{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "false", "PSU-ID": who.Login}, stranger, []string{x.password(stranger)}, "psuIdentified"},
		{"a confirmation code where there is none", stays, who, []string{`{"confirmationCode":"000000"}`}, "received"},
		{"a password on the bank's pages", h{"TPP-Redirect-URI": apptest.Redirect}, who, []string{x.password(who)}, "received"},
		{"a code on the bank's pages", h{"TPP-Redirect-URI": apptest.Redirect}, who, []string{sent("000000")}, "received"},
		{"a password where her phone is asked", onPhone, x.who("sofia"), []string{x.password(x.who("sofia"))}, "started"},
		{"a code where her phone is asked", onPhone, x.who("sofia"), []string{sent("000000")}, "started"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := x.order(who, tt.header)
			at := made.Get("_links", "scaStatus", "href")
			for i, body := range tt.bodies {
				a := x.put(at, tt.as, body)
				if last := i == len(tt.bodies)-1; last == (a.Status < 400) || a.Status >= 500 {
					t.Errorf("step %d: %s", i+1, a)
				}
			}
			if a := x.Ask(x.alpa, http.MethodGet, at, nil, ""); a.Get("scaStatus") != tt.after {
				t.Errorf("stands at %s, want %s", a, tt.after)
			}
			if got := x.status(made); got != "RCVD" {
				t.Errorf("the payment is %s", got)
			}
		})
	}
	t.Run("one payment by two approaches is executed once", func(t *testing.T) {
		who := x.who("pekarna")
		booked := func() (n int64) {
			if err := x.bank.QueryRow(t.Context(), `SELECT COUNT(*) FROM corebank_payment WHERE bank = 'isar' AND state = 'booked' AND debtor = 'pekarna-business'`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := booked()
		made, at, code := x.asked(who)
		to := strings.TrimSuffix(made.Get("_links", "self", "href"), "/") + "/authorisations"
		second := x.Ask(x.alpa, http.MethodPost, to, h{"TPP-Redirect-URI": apptest.Redirect, "PSU-ID": who.Login}, "{}")
		if a := x.put(at, who, sent(code)); a.Get("scaStatus") != "finalised" && second.Status != http.StatusCreated {
			t.Errorf("neither approach goes on: %s, %s", second, a)
		}
		third := x.Ask(x.alpa, http.MethodPost, to, stays, "{}")
		if third.Status == http.StatusCreated {
			a := x.put(third.Get("_links", "scaStatus", "href"), who, x.password(who))
			t.Errorf("what is approved can be approved again: %s %s", third, a)
		}
		time.Sleep(300 * time.Millisecond)
		if n := booked() - before; n > 1 {
			t.Errorf("executed %d times", n)
		}
	})
}
