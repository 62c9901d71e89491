package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A stored payment is one as a database has it.
type stored struct {
	id, name, service, status, state, request, session string
}

// A queued notice is one as the hub has it.
type queued struct {
	id, status    string
	done, dropped bool
}

// A posted entry is one in the books of the bank.
type posted struct {
	payment string // the bank's id, as the posting has it
	amount  int64
	at      time.Time
}

// books are what both databases say.
type books struct {
	hub      map[string]stored         // by id
	bank     map[string][]stored       // by name; id is the bank's own
	debits   map[string][]posted       // of customers, by name
	credits  map[string][]posted       // of payees, by end-to-end identification
	items    map[string][]string       // end-to-end identifications of what is booked of a bulk, by the bank's id
	paid     map[string]int            // booked instalments, by the bank's id
	audit    map[string]map[string]int // by resource and action
	notices  map[string][]queued       // by payment, in the order of what happened
	consents map[string]string         // statuses

	moving         map[string]bool // payments, and sessions, of which not everything has been told
	consentSession map[string]string
}

var (
	ours   = regexp.MustCompile(`CHAOS-[0-9]+-[0-9]+`)
	oneOf  = regexp.MustCompile(`CHAOS-[0-9]+-[0-9]+(/[0-9]+)?`)
	idSize = 26
)

// read reads both databases.
func read(ctx context.Context, hub, bank *sql.DB) (*books, error) {
	b := &books{
		hub: map[string]stored{}, bank: map[string][]stored{}, debits: map[string][]posted{}, credits: map[string][]posted{}, items: map[string][]string{},
		paid: map[string]int{}, audit: map[string]map[string]int{}, notices: map[string][]queued{}, consents: map[string]string{},
		moving: map[string]bool{}, consentSession: map[string]string{},
	}
	at := map[string]time.Time{}
	cancels := map[string]string{} // sessions of payments, by that of their cancellation
	err := errors.Join(
		each(ctx, hub, `SELECT id, payment_order, service, status, COALESCE(request_id, ''), session, hand FROM payment`, func(f []string) {
			b.hub[f[0]] = stored{id: f[0], name: ours.FindString(f[1]), service: f[2], status: f[3], request: f[4], session: f[5]}
			if f[6] == "sending" {
				b.moving[f[0]] = true
			}
		}),
		each(ctx, hub, `SELECT resource, action FROM audit WHERE action LIKE 'payment.%' OR action LIKE 'consent.%'`, func(f []string) {
			if b.audit[f[0]] == nil {
				b.audit[f[0]] = map[string]int{}
			}
			b.audit[f[0]][f[1]]++
		}),
		each(ctx, hub, `SELECT resource, id, body, CASE WHEN done_at > 0 THEN 'done' ELSE '' END, dropped FROM notify_event WHERE kind = 'payment' ORDER BY resource, serial`, func(f []string) {
			var said struct{ TransactionStatus string }
			_ = json.Unmarshal([]byte(f[2]), &said) // one without a status is compared by its ID only
			b.notices[f[0]] = append(b.notices[f[0]], queued{f[1], said.TransactionStatus, f[3] != "", f[4] == "1"})
		}),
		each(ctx, hub, `SELECT id, status, session FROM consent`, func(f []string) { b.consents[f[0]], b.consentSession[f[0]] = f[1], f[2] }),
		each(ctx, bank, `SELECT c.session_secret, p.session_secret FROM corebank_journey c JOIN corebank_journey p ON p.bank = c.bank
			AND c.request LIKE '%"cancels":"' || p.id || '"%' WHERE c.bank = 'lon' AND c.kind = 'cancel' AND EXISTS (SELECT 1 FROM corebank_callback b WHERE b.bank = c.bank AND b.stream = c.session_secret)`,
			func(f []string) { cancels[f[0]] = f[1] }),
		each(ctx, bank, `SELECT stream FROM corebank_callback WHERE bank = 'lon'`, func(f []string) { b.moving[f[0]] = true }),
		each(ctx, bank, `SELECT p.id, COALESCE(NULLIF(p.end_to_end, ''), (SELECT MIN(i.end_to_end) FROM corebank_payment_item i WHERE i.bank = p.bank AND i.payment = p.id), ''),
			p.service, p.status, p.state, j.session_secret FROM corebank_payment p JOIN corebank_journey j ON j.bank = p.bank AND j.id = p.id WHERE p.bank = 'lon'`, func(f []string) {
			if name := ours.FindString(f[1]); name != "" {
				b.bank[name] = append(b.bank[name], stored{id: f[0], name: name, service: f[2], status: f[3], state: f[4], session: f[5]})
			}
		}),
		each(ctx, bank, `SELECT payment, end_to_end FROM corebank_payment_item WHERE bank = 'lon' AND state = 'booked'`, func(f []string) {
			b.items[f[0]] = append(b.items[f[0]], f[1])
		}),
		each(ctx, bank, `SELECT payment, due FROM corebank_instalment WHERE bank = 'lon' AND state = 'booked'`, func(f []string) { b.paid[f[0]]++ }),
		each(ctx, bank, `SELECT id, at FROM corebank_ledger_posting WHERE bank = 'lon'`, func(f []string) {
			micro, _ := strconv.ParseInt(f[1], 10, 64) // the column is a number
			at[f[0]] = time.UnixMicro(micro)
		}),
		each(ctx, bank, `SELECT posting, details, amount FROM corebank_ledger_entry WHERE bank = 'lon' AND details LIKE '%CHAOS-%'`, func(f []string) {
			amount, _ := strconv.ParseInt(f[2], 10, 64)
			p := posted{amount: amount, at: at[f[0]]}
			if id, ok := strings.CutPrefix(f[0], "payment-"); ok && len(id) >= idSize {
				p.payment = id[:idSize]
			}
			if amount < 0 {
				name := ours.FindString(f[1])
				b.debits[name] = append(b.debits[name], p)
				return
			}
			name := oneOf.FindString(f[1])
			b.credits[name] = append(b.credits[name], p)
		}),
	)
	for cancellation, payment := range cancels {
		b.moving[payment] = b.moving[payment] || b.moving[cancellation]
	}
	return b, err
}

// each reads rows of texts.
func each(ctx context.Context, db *sql.DB, query string, row func([]string)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		f, to := make([]string, len(names)), make([]any, len(names))
		for i := range f {
			to[i] = &f[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		row(f)
	}
	return rows.Err()
}

// checkExecuted: I2. Money has moved as often as the bank says that it did, and nothing
// moved it more often than it was ordered.
func (b *books) checkExecuted(known *story, r *report) {
	for name, all := range b.bank {
		want := map[string]int{} // credits by end-to-end identification
		debit := int64(0)
		for _, p := range all {
			switch {
			case p.service == bulk:
				for _, item := range b.items[p.id] {
					want[item]++
					debit--
				}
				if a := known.payments[name]; p.state == "booked" && a != nil && len(b.items[p.id]) != a.times {
					r.violate("I1", "%s: the bank executed bulk %s, and of its %d payments %d", name, p.id, a.times, len(b.items[p.id]))
				}
			case p.service == periodic:
				want[name] += b.paid[p.id]
				debit -= int64(b.paid[p.id])
				if a := known.payments[name]; p.state == "booked" && a != nil && b.paid[p.id] != a.times {
					r.violate("I1", "%s: series %s is over, and of its %d payments %d were made", name, p.id, a.times, b.paid[p.id])
				}
			case p.state == "booked":
				want[name]++
				debit--
			}
		}
		for _, p := range b.debits[name] {
			debit -= p.amount
			if !slices.ContainsFunc(all, func(s stored) bool { return s.id == p.payment }) {
				r.violate("I2", "%s: payment %s was debited, which the bank does not have", name, p.payment)
			}
		}
		if debit != 0 {
			r.violate("I2", "%s: the bank says that it executed %v, and the payer's account is off by %d cents", name, want, debit)
		}
		for end, n := range want {
			r.executed += n
			if got := len(b.credits[end]); got != n {
				r.violate("I2", "%s: the bank says that it executed this %d times, and the payee was credited %d times", end, n, got)
			}
		}
	}
	for end, all := range b.credits {
		name := ours.FindString(end)
		most := 1
		if a := known.payments[name]; a == nil {
			r.violate("I2", "%s: the books have it, and it was never asked for", end)
		} else if a.service == periodic {
			most = a.times
		}
		if len(all) > most {
			r.violate("I2", "%s: executed %d times: %v", end, len(all), all)
		}
		if b.bank[name] == nil {
			r.violate("I2", "%s: the books have %v, of which the bank knows no payment", end, all)
		}
	}
	for name := range b.debits {
		if b.bank[name] == nil {
			r.violate("I2", "%s: it was debited, and the bank knows no such payment", name)
		}
	}
}

// checkSaid: I1. Hub and bank say the same of every payment, unless something is still on its way.
func (b *books) checkSaid(known *story, r *report) {
	sessions := map[string]string{}
	for _, p := range b.hub {
		if p.session != "" {
			sessions[p.session] = p.id
		}
	}
	has := map[string]bool{}
	for name, all := range b.bank {
		for _, p := range all {
			id := sessions[p.session]
			has[id] = true
			switch h := b.hub[id]; {
			case id == "" && p.state != "received":
				r.violate("I2", "%s: the bank has payment %s (%s) for session %s, which no payment of the hub has", name, p.id, p.state, p.session)
			case id == "":
			// What nobody approved in time each of the two ends by its own clock.
			case p.state == "received" && h.status == "RJCT":
			case h.status != p.status && !b.moving[id] && !b.moving[p.session]:
				r.violate("I1", "%s: payment %s is %s at the bank, and the hub says it is %s", name, id, p.status, h.status)
			}
		}
		if known.payments[name] == nil {
			r.violate("I3", "the bank has payment %s, which was never asked for", name)
		}
	}
	for id, p := range b.hub {
		if p.name == "" || b.moving[id] || b.moving[p.session] {
			continue
		}
		if p.status != "RJCT" && p.status != "CANC" && !has[id] {
			r.violate("I1", "%s: the hub says that payment %s is %s, and the bank has none", p.name, id, p.status)
		}
		a := known.payments[p.name]
		if a == nil || !a.approved || a.cancelAsked || !slices.Contains(a.ids, id) {
			continue
		}
		if at := slices.Index(forward, p.status); at < slices.Index(forward, "ACTC") || a.service == single && !a.later && p.status != "ACSC" {
			r.violate("I1", "%s: the customer approved payment %s, and it is %s", p.name, id, p.status)
		}
	}
}

// checkCancelled: what a third party was told is cancelled moves no money from then on.
func (b *books) checkCancelled(known *story, r *report) {
	for name, a := range known.payments {
		if len(a.ids) != 1 {
			continue
		}
		p := b.hub[a.ids[0]]
		switch {
		case a.cancelled.IsZero() && !a.cancelApproved:
			continue
		case p.status == "CANC":
			r.cancelled++
		case !b.moving[p.id] && !b.moving[p.session]:
			r.violate("I1", "%s: payment %s was cancelled (%t, approved %t), and it is %s", name, p.id, !a.cancelled.IsZero(), a.cancelApproved, p.status)
			continue
		}
		for end, all := range b.creditsOf(name, a) {
			for _, c := range all {
				if a.service != periodic || !a.cancelled.IsZero() && c.at.After(a.cancelled) {
					r.violate("I2", "%s: payment %s was cancelled, and %s was executed at %s", name, p.id, end, c.at.Format(time.StampMicro))
				}
			}
		}
	}
}

// creditsOf are those of one payment.
func (b *books) creditsOf(name string, a *account) map[string][]posted {
	all := map[string][]posted{name: b.credits[name]}
	for n := range a.times {
		end := fmt.Sprintf("%s/%d", name, n+1)
		all[end] = b.credits[end]
	}
	return all
}
