package corebank

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// A link is one approval that waits for its code, of one customer.
type link struct {
	login    string
	session  wire.String
	journey  journey
	code     string
	payments []string // IDs of what it approves, in their order
}

// mutations of one table of what is approved. Each makes an amount, a payee, an account or a
// currency another one, by little or by much; it is told the row as it is.
type mutation struct {
	name, column string
	of           func(r *rand.Rand, was string) any
}

// lookalikes are letters that look like others.
var lookalikes = map[rune]string{
	'a': "аɑα", 'c': "сϲ", 'e': "еҽ", 'i': "іıі", 'j': "ј", 'k': "кκ", 'n': "ոռ", 'o': "оοօ0", 'p': "рρ", 'u': "υս", 'x': "хх", 'L': "ꓡ|", 'Z': "Ζꓜ", 'A': "АΑ", 'E': "ЕΕ", 'K': "КΚ", 'P': "РΡ", ' ': "\u00a0\u2007\u2009",
}

// homograph spells a name with other letters, or with ones that cannot be seen.
func homograph(r *rand.Rand, name string) string {
	letters := []rune(name)
	for range 50 {
		i := r.IntN(len(letters))
		if others := []rune(lookalikes[letters[i]]); len(others) > 0 {
			letters[i] = others[r.IntN(len(others))]
			return string(letters)
		}
	}
	hidden := []string{"\u200b", "\u200d", "\u2060", "\u00ad", " ", "\u0301"}
	i := r.IntN(len(letters) + 1)
	return string(letters[:i]) + hidden[r.IntN(len(hidden))] + string(letters[i:])
}

func anotherIBAN(r *rand.Rand, was string) any {
	for _, iban := range ibanOf {
		if iban != was && r.IntN(2) == 0 {
			return iban
		}
	}
	if was == "" { // of a bulk, whose payments have their own
		return ibanOf["ana"]
	}
	digits := []byte(was)
	i := 4 + r.IntN(len(digits)-4)
	digits[i] = '0' + (digits[i]-'0'+1+byte(r.IntN(8)))%10
	return string(digits)
}

func anotherAmount(r *rand.Rand, was string) any {
	var minor int64
	fmt.Sscan(was, &minor)
	by := []int64{1, -1, 9, 10, 50, -50, 99, 100, -100, 1000, minor, 9 * minor, 99 * minor, 1 << 40, -2 * minor, -minor, int64(1 + r.IntN(1_000_000))}
	return minor + by[r.IntN(len(by))]
}

func anotherCurrency(r *rand.Rand, was string) any {
	all := []string{"USD", "CHF", "RON", "GBP", "eur", "EUR ", "EURO", "ЕUR", ""}
	return all[r.IntN(len(all))]
}

func anotherName(r *rand.Rand, was string) any {
	if was == "" {
		return "Somebody Else"
	}
	switch r.IntN(6) {
	case 0:
		return was + " "
	case 1:
		return strings.ToUpper(was)
	case 2:
		return was[:len(was)-1]
	case 3:
		return "Somebody Else"
	}
	return homograph(r, was)
}

var ofPayments = []mutation{
	{"amount", "amount", anotherAmount}, {"amount", "amount", anotherAmount}, {"currency", "currency", anotherCurrency},
	{"payee's account", "creditor_iban", anotherIBAN}, {"payee's name", "creditor_name", anotherName},
	{"payer's account", "debtor", func(r *rand.Rand, was string) any {
		all := []string{"luka-current", "luka-savings", "ana-savings", "maja-savings", "pekarna-business", "peter-current", "sofia-usd", "katharina-savings", "nobody"}
		return all[r.IntN(len(all))]
	}},
	{"day", "execute_on", func(r *rand.Rand, was string) any { return fmt.Sprintf("2027-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28)) }},
	{"product", "product", func(r *rand.Rand, was string) any { return "instant-sepa-credit-transfers" }},
}

var ofItems = []mutation{
	{"amount in a bulk", "amount", anotherAmount}, {"currency in a bulk", "currency", anotherCurrency}, {"payee's account in a bulk", "creditor_iban", anotherIBAN}, {"payee's name in a bulk", "creditor_name", anotherName},
	{"one of a bulk taken out", "state", func(*rand.Rand, string) any { return "refused" }}, {"one of a bulk put elsewhere", "n", func(r *rand.Rand, _ string) any { return 10 + r.IntN(1000) }},
}

// TestLinkedCodes sends a customer a code, and then changes what it approves, as nobody should be
// able to: in the bank's own tables. Whatever was changed, and by however little, the code is good
// for nothing; and it still is for what she was shown.
func TestLinkedCodes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		total := 10_000
		if w.bank.db.Postgres() {
			total = 600
		}
		logins := []string{"ana", "katharina", "maja", "pekarna"}
		links := make([][]link, len(logins))
		for i, login := range logins {
			links[i] = w.links(login)
		}
		var done atomic.Int64
		var mu sync.Mutex
		kinds := map[string]int{}
		booked := map[string]int64{}
		for _, l := range []string{"ana-current", "katharina-current", "maja-current", "pekarna-business"} {
			booked[l] = w.booked(l)
		}
		var all sync.WaitGroup
		for i := range links {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 7))
				for n := range total / len(links) {
					l := links[i][n%len(links[i])]
					name, err := w.mutate(r, l)
					if err != nil {
						t.Error(name, err)
						return
					}
					done.Add(1)
					mu.Lock()
					kinds[name]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for account, was := range booked {
			if now := w.booked(account); now != was {
				t.Errorf("%s: %d were moved", account, was-now)
			}
		}
		t.Logf("%d changes after the code was sent, none executed: %v", done.Load(), kinds)
		if done.Load() < int64(total) {
			t.Errorf("only %d", done.Load())
		}
		// The code was good all the time, for what it was sent for.
		for _, of := range links {
			for _, l := range of {
				if err := w.bank.confirm(t.Context(), l.journey, l.code); err != nil {
					t.Errorf("%s: its own code: %v", l.journey.Kind, err)
				}
			}
		}
	})
}

// links begins approvals of a customer's, each of another kind, as far as her code.
func (w *world) links(login string) (all []link) {
	w.t.Helper()
	by := func(p *wire.PaymentCreate) {
		p.Payment.DebtorAccount = &wire.Account{IBAN: wire.String(ibanOf[login])}
		p.SCA = embedded(wire.String(login))
	}
	to := wire.Account{IBAN: wire.String(ibanOf["peter"])}
	payee := func(p *wire.PaymentCreate) {
		by(p)
		p.Payment.CreditorAccount, p.Payment.CreditorName = to, "Peter Kos"
	}
	bulk := w.bulk(false, one(1, "41.00", ibanOf["peter"]), one(2, "42.00", ibanOf["luka"]), one(3, "43.00", ibanOf["sofia"]))
	bulk.Bulk.DebtorAccount = &wire.Account{IBAN: wire.String(ibanOf[login])}
	bulk.SCA = embedded(wire.String(login))
	single, series := w.order("44.00", payee), w.periodic("45.00", wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "Monthly"}, payee)
	for _, p := range []wire.PaymentCreate{single, bulk, series} {
		w.do(w.c.StartPayment(w.t.Context(), p))
		all = append(all, w.link(login, p.SessionSecret))
	}
	member := func(amount string) wire.PaymentCreate {
		return w.order(amount, func(p *wire.PaymentCreate) { payee(p); p.SCA = wire.SCA{} })
	}
	basket := w.basket(member("46.00"), member("47.00"), member("48.00"))
	basket.SCA = embedded(wire.String(login))
	w.do(w.c.StartBasket(w.t.Context(), basket))
	return append(all, w.link(login, basket.SessionSecret))
}

func (w *world) link(login string, session wire.String) link {
	w.t.Helper()
	s := password(login)
	s.SessionSecret = session
	e, err := w.c.Authorise(w.t.Context(), s)
	w.do(err)
	if len(e.SCAMethods) > 0 && e.ChosenSCAMethod == nil {
		_, err = w.c.Authorise(w.t.Context(), wire.SessionAuthorise{SessionSecret: session, AuthenticationMethodID: "sms"})
		w.do(err)
	}
	l := link{login: login, session: session, code: w.code(login)}
	l.journey, err = scanJourney(w.bank.db.QueryRow(w.t.Context(), selectJourney+`session_secret = $2`, w.bank.code, string(session)))
	w.do(err)
	l.payments = []string{l.journey.ID}
	if l.journey.Kind == kindBasket {
		l.payments = nil
		members, err := w.bank.members(w.bank.reading(w.t.Context()), l.journey.ID)
		w.do(err)
		for _, m := range members {
			l.payments = append(l.payments, m.ID)
		}
	}
	return l
}

// mutate changes something that l approves, tries its code, and changes it back.
func (w *world) mutate(r *rand.Rand, l link) (name string, err error) {
	ctx, b := w.t.Context(), w.bank
	id := l.payments[r.IntN(len(l.payments))]
	var undo func(tx *sqldb.Tx) error
	apply := func(tx *sqldb.Tx) error {
		// The attempts are not what is tried here: each finds none counted.
		if _, err := tx.Exec(`UPDATE corebank_code SET tries = 0 WHERE bank = $1 AND journey = $2`, b.code, l.journey.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE corebank_customer SET sca_wrong = 0, sca_locked_until = 0 WHERE bank = $1 AND login = $2`, b.code, l.login); err != nil {
			return err
		}
		change := func(m mutation, table, where string, args ...any) error {
			name = m.name
			var was string
			if err := tx.QueryRow(fmt.Sprintf(`SELECT CAST(%s AS TEXT) FROM %s WHERE %s`, m.column, table, where), args...).Scan(&was); err != nil {
				return err
			}
			now := m.of(r, was)
			for range 20 {
				if fmt.Sprint(now) != was {
					break
				}
				now = m.of(r, was)
			}
			at := fmt.Sprintf(`UPDATE %s SET %s = $%d WHERE %s`, table, m.column, len(args)+1, where)
			if m.column == "n" || m.column == "state" {
				var old any = was
				if m.column == "n" {
					var n int64
					fmt.Sscan(was, &n)
					old = n
				}
				undo = func(tx *sqldb.Tx) error {
					_, err := tx.Exec(fmt.Sprintf(`UPDATE %s SET %s = $3 WHERE bank = $1 AND payment = $2 AND %s = $4`, table, m.column, m.column), b.code, args[1], old, now)
					return err
				}
			} else {
				var old any = was
				if m.column == "amount" {
					var n int64
					fmt.Sscan(was, &n)
					old = n
				}
				undo = func(tx *sqldb.Tx) error {
					_, err := tx.Exec(at, append(append([]any(nil), args...), old)...)
					return err
				}
			}
			_, err := tx.Exec(at, append(append([]any(nil), args...), now)...)
			return err
		}
		var service string
		if err := tx.QueryRow(`SELECT service FROM corebank_payment WHERE bank = $1 AND id = $2`, b.code, id).Scan(&service); err != nil {
			return err
		}
		switch {
		case service == serviceBulk && r.IntN(3) > 0:
			return change(ofItems[r.IntN(len(ofItems))], "corebank_payment_item", "bank = $1 AND payment = $2 AND n = $3", b.code, id, int64(r.IntN(3)))
		case l.journey.Kind == kindBasket && r.IntN(3) == 0:
			return w.rearrange(tx, r, l, id, &name, &undo)
		}
		return change(ofPayments[r.IntN(len(ofPayments))], "corebank_payment", "bank = $1 AND id = $2", b.code, id)
	}
	if err := b.db.Write(ctx, apply); err != nil {
		return name, fmt.Errorf("change: %w", err)
	}
	got := b.confirm(ctx, l.journey, l.code)
	if !errors.Is(got, errCodeWrong) && !errors.Is(got, sql.ErrNoRows) { // of an account that is nobody's
		return name, fmt.Errorf("the code was taken: %v", got)
	}
	return name, b.db.Write(ctx, undo)
}

// rearrange takes a member out of a basket, puts another in, or changes their order.
func (w *world) rearrange(tx *sqldb.Tx, r *rand.Rand, l link, id string, name *string, undo *func(*sqldb.Tx) error) error {
	code := w.bank.code
	set := func(tx *sqldb.Tx, id, basket string, place int) error {
		_, err := tx.Exec(`UPDATE corebank_journey SET basket = $1, place = $2 WHERE bank = $3 AND id = $4`, basket, place, code, id)
		return err
	}
	place := 0
	for i, p := range l.payments {
		if p == id {
			place = i
		}
	}
	switch r.IntN(3) {
	case 0:
		*name = "one of a basket taken out"
		*undo = func(tx *sqldb.Tx) error { return set(tx, id, l.journey.ID, place) }
		return set(tx, id, "", 0)
	case 1:
		*name = "another order of a basket"
		*undo = func(tx *sqldb.Tx) error { return set(tx, id, l.journey.ID, place) }
		return set(tx, id, l.journey.ID, map[bool]int{true: 99, false: -1}[place == 0])
	}
	*name = "a payment put into a basket"
	fresh := fmt.Sprintf("put-in-%d", r.Uint64())
	*undo = func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(`DELETE FROM corebank_journey WHERE bank = $1 AND id = $2`, code, fresh); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM corebank_payment WHERE bank = $1 AND id = $2`, code, fresh)
		return err
	}
	for table, more := range map[string]string{"corebank_journey": `session_secret = '` + fresh + `', place = 99`, "corebank_payment": `amount = 99900`} {
		columns, err := columnsOf(tx, table)
		if err != nil {
			return err
		}
		var from []string
		for _, c := range columns {
			switch c {
			case "id":
				c = "'" + fresh + "'"
			case "session_secret", "session":
				c = "'" + fresh + "'"
			}
			from = append(from, c)
		}
		if _, err := tx.Exec(fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM %s WHERE bank = $1 AND id = $2`, table, strings.Join(columns, ", "), strings.Join(from, ", "), table), code, id); err != nil {
			return err
		}
		if _, err := tx.Exec(fmt.Sprintf(`UPDATE %s SET %s WHERE bank = $1 AND id = $2`, table, more), code, fresh); err != nil {
			return err
		}
	}
	return nil
}

// columnsOf lists those of a table.
func columnsOf(tx *sqldb.Tx, table string) (all []string, err error) {
	rows, err := tx.Query(`SELECT * FROM ` + table + ` WHERE 1 = 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return rows.Columns()
}
