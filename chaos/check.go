package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// unsettled are what shows that something is still to be told or found out.
var unsettled = []struct {
	bank  bool
	query string
}{
	{true, `SELECT COUNT(*) FROM corebank_callback WHERE bank = 'lon'`},
	{false, `SELECT COUNT(*) FROM payment WHERE hand = 'sending'`},
}

// settle waits until hub and bank have nothing left to tell each other.
func (s *system) settle(ctx context.Context, patience time.Duration, r *report) error {
	if patience == 0 {
		return nil
	}
	hub, err := open(s.hubDB)
	if err != nil {
		return err
	}
	defer hub.Close()
	bank, err := open(s.bankDB)
	if err != nil {
		return err
	}
	defer bank.Close()
	deadline := time.Now().Add(patience)
	for {
		var open []int
		left := 0
		for _, u := range unsettled {
			db, n := hub, 0
			if u.bank {
				db = bank
			}
			if err := db.QueryRowContext(ctx, u.query).Scan(&n); err != nil {
				return err
			}
			open, left = append(open, n), left+n
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			r.violate("I12", "%s after the last fault %d reports of the bank have not arrived, and of %d payments the hub does not know whether the bank took them", patience, open[0], open[1])
			return nil
		}
		pause(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// A stored payment is one as a database has it.
type stored struct {
	id, name, status, request, session string
}

// books are what both databases say.
type books struct {
	hub    map[string]stored            // by id
	bank   map[string][]stored          // by name; id is the bank's own, status its state
	debits map[string][]string          // postings that debit somebody, by name
	audit  map[string]map[string]int    // by payment and action
	names  map[string]map[string]string // of the hub's payments: name, id, status
	moving map[string]bool              // payments, and sessions, of which not everything has been told
}

// check reads the two databases and the journal, and says what does not fit.
func check(ctx context.Context, hubDB, bankDB, journal string, r *report) error {
	known, err := readJournal(journal)
	if err != nil {
		return err
	}
	hub, err := open(hubDB)
	if err != nil {
		return err
	}
	defer hub.Close()
	bank, err := open(bankDB)
	if err != nil {
		return err
	}
	defer bank.Close()
	b, err := read(ctx, hub, bank)
	if err != nil {
		return fmt.Errorf("read the databases: %w", err)
	}
	b.checkAcknowledged(known, r)
	b.checkExecutedOnce(known, r)
	b.checkRecord(r)
	checkStatuses(known, b, r)
	for name, a := range known {
		for _, text := range a.wrong {
			r.violate("answer", "%s: %s", name, text)
		}
	}
	return errors.Join(checkLedger(ctx, bank, r), checkFile(ctx, hubDB, hub, r), checkFile(ctx, bankDB, bank, r))
}

var ours = regexp.MustCompile(`CHAOS-[0-9]+-[0-9]+`)

func read(ctx context.Context, hub, bank *sql.DB) (*books, error) {
	b := &books{hub: map[string]stored{}, bank: map[string][]stored{}, debits: map[string][]string{}, audit: map[string]map[string]int{}, names: map[string]map[string]string{}, moving: map[string]bool{}}
	err := each(ctx, hub, `SELECT id, payment_order, status, COALESCE(request_id, ''), session FROM payment`, func(f []string) {
		name := ours.FindString(f[1])
		b.hub[f[0]] = stored{f[0], name, f[2], f[3], f[4]}
		if b.names[name] == nil {
			b.names[name] = map[string]string{}
		}
		b.names[name][f[0]] = f[2]
	})
	err = errors.Join(err, each(ctx, hub, `SELECT resource, action, '', '', '' FROM audit WHERE action LIKE 'payment.%'`, func(f []string) {
		if b.audit[f[0]] == nil {
			b.audit[f[0]] = map[string]int{}
		}
		b.audit[f[0]][f[1]]++
	}))
	err = errors.Join(err,
		each(ctx, hub, `SELECT id, '', '', '', '' FROM payment WHERE hand = 'sending'`, func(f []string) { b.moving[f[0]] = true }),
		each(ctx, bank, `SELECT stream, '', '', '', '' FROM corebank_callback WHERE bank = 'lon'`, func(f []string) { b.moving[f[0]] = true }))
	err = errors.Join(err, each(ctx, bank, `SELECT p.id, p.end_to_end, p.state, '', j.session_secret FROM corebank_payment p
		JOIN corebank_journey j ON j.bank = p.bank AND j.id = p.id WHERE p.bank = 'lon'`, func(f []string) {
		b.bank[f[1]] = append(b.bank[f[1]], stored{f[0], f[1], f[2], f[3], f[4]})
	}))
	return b, errors.Join(err, each(ctx, bank, `SELECT posting, details, '', '', '' FROM corebank_ledger_entry WHERE bank = 'lon' AND amount < 0 AND details LIKE '%CHAOS-%'`, func(f []string) {
		name := ours.FindString(f[1])
		b.debits[name] = append(b.debits[name], f[0])
	}))
}

// each reads rows of five texts.
func each(ctx context.Context, db *sql.DB, query string, row func([]string)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		f := make([]string, 5)
		if err := rows.Scan(&f[0], &f[1], &f[2], &f[3], &f[4]); err != nil {
			return err
		}
		row(f)
	}
	return rows.Err()
}

// checkAcknowledged: I1 and I3. What a third party was told exists, under the id it was told,
// and one request has one payment.
func (b *books) checkAcknowledged(known map[string]*account, r *report) {
	for name, a := range known {
		if len(a.ids) > 1 {
			r.violate("I3", "%s: one request was answered with %d payments: %v", name, len(a.ids), a.ids)
		}
		for _, id := range a.ids {
			p, there := b.hub[id]
			switch {
			case !there:
				r.violate("I1", "%s: payment %s was acknowledged, and the hub has none", name, id)
			case p.name != name:
				r.violate("I1", "%s: payment %s was acknowledged, and the hub has it as %s", name, id, p.name)
			case p.request != "" && !slices.Contains(a.requests, p.request):
				r.violate("I3", "%s: payment %s belongs to request %s, which is not the one that made it", name, id, p.request)
			}
		}
	}
	for id, p := range b.hub {
		if p.name != "" && known[p.name] == nil {
			r.violate("I3", "payment %s (%s) was never asked for", id, p.name)
		}
	}
}

// checkExecutedOnce: I2, and that hub and bank say the same of what was executed.
func (b *books) checkExecutedOnce(known map[string]*account, r *report) {
	sessions := map[string]string{}
	for _, p := range b.hub {
		if p.session != "" {
			sessions[p.session] = p.id
		}
	}
	for name, all := range b.bank {
		if !strings.HasPrefix(name, "CHAOS-") {
			continue
		}
		if known[name] == nil || len(b.names[name]) == 0 {
			r.violate("I3", "the bank has payment %s, of which the hub knows nothing", name)
		}
		booked := 0
		for _, p := range all {
			posted := 0
			for _, posting := range b.debits[name] {
				if posting == "payment-"+p.id {
					posted++
				}
			}
			if p.status == "booked" {
				booked++
				r.executed++
				id := sessions[p.session]
				if id == "" {
					r.violate("I2", "%s: the bank executed %s for session %s, which no payment of the hub has", name, p.id, p.session)
				} else if s := b.hub[id].status; s != "ACSC" && s != "ACCC" && !b.moving[id] && !b.moving[p.session] {
					r.violate("I1", "%s: the bank executed payment %s, and the hub says it is %s", name, id, s)
				}
			}
			if want := map[bool]int{true: 1}[p.status == "booked"]; posted != want {
				r.violate("I2", "%s: the bank's payment %s is %s and has %d debits", name, p.id, p.status, posted)
			}
		}
		if booked > 1 || len(b.debits[name]) > 1 {
			r.violate("I2", "%s: executed %d times at the bank, debited %d times: %v", name, booked, len(b.debits[name]), b.debits[name])
		}
	}
	for name, postings := range b.debits {
		if b.bank[name] == nil {
			r.violate("I2", "%s: the books have %v, of which the bank knows no payment", name, postings)
		}
	}
	for id, p := range b.hub {
		if (p.status == "ACSC" || p.status == "ACCC") && len(b.debits[p.name]) == 0 {
			r.violate("I1", "%s: the hub says that payment %s is %s, and nothing was debited", p.name, id, p.status)
		}
		if a := known[p.name]; a != nil && a.approved && p.status != "ACSC" && p.status != "ACCC" && !b.moving[id] && !b.moving[p.session] && slices.Contains(a.ids, id) {
			r.violate("I1", "%s: the customer approved payment %s, and it is %s", p.name, id, p.status)
		}
	}
}

// checkRecord: I5. Each change of a payment stands in the record once.
func (b *books) checkRecord(r *report) {
	for id, p := range b.hub {
		rows := b.audit[id]
		for action, n := range rows {
			r.audited += n
			if n != 1 && action != "payment.handAnew" {
				r.violate("I5", "%s: payment %s has %d rows %s", p.name, id, n, action)
			}
		}
		if rows["payment.create"] == 0 {
			r.violate("I5", "%s: payment %s has no row of its creation", p.name, id)
		}
		// Between RCVD and ACSC it may just have been authorised, or not yet.
		executed, untouched := p.status == "ACSC" || p.status == "ACCC", p.status == "RCVD"
		if n := rows["payment.authorise"]; executed && n == 0 || untouched && n > 0 {
			r.violate("I5", "%s: payment %s is %s and has %d rows payment.authorise", p.name, id, p.status, rows["payment.authorise"])
		}
		if ends := rows["payment.reject"] + rows["payment.cancel"] + rows["payment.authorise.fail"]; (ends > 0) != (p.status == "RJCT" || p.status == "CANC") {
			r.violate("I5", "%s: payment %s is %s and has %d rows of an end", p.name, id, p.status, ends)
		}
	}
	for id := range b.audit {
		if _, there := b.hub[id]; !there {
			r.violate("I5", "the record tells of payment %s, which is not there", id)
		}
	}
}

// forward is the way of a payment here.
var forward = []string{"RCVD", "PDNG", "PATC", "ACTC", "ACWC", "ACCP", "ACFC", "ACSP", "ACWP", "ACSC", "ACCC"}

// checkStatuses: I7. What was told of a payment only ever moved forward, and what is final stayed.
func checkStatuses(known map[string]*account, b *books, r *report) {
	for name, a := range known {
		r.polled += len(a.statuses)
		all := a.statuses
		if len(a.ids) == 1 {
			now := time.Now()
			all = append(slices.Clone(all), told{b.hub[a.ids[0]].status, now, now})
		}
		for _, later := range all {
			for _, earlier := range all {
				// Of two questions that were under way at once, none is the later one.
				if earlier.at.Before(later.since) && !leads(earlier.status, later.status) {
					r.violate("I7", "%s: payment %v was %s at %s, and then %s", name, a.ids, earlier.status, earlier.at.Format(time.StampMicro), later.status)
				}
			}
		}
	}
}

func leads(from, to string) bool {
	if from == to {
		return true
	}
	i, j := slices.Index(forward, from), slices.Index(forward, to)
	if to == "RJCT" || to == "CANC" {
		return i >= 0 && i < slices.Index(forward, "ACSC")
	}
	return i >= 0 && j > i
}

// checkLedger: I4. The money of the bank.
func checkLedger(ctx context.Context, bank *sql.DB, r *report) error {
	for _, c := range []struct{ text, query string }{
		{"currencies whose entries do not add up to zero", `SELECT COUNT(*) FROM (SELECT 1 FROM corebank_ledger_entry GROUP BY bank, currency HAVING SUM(amount) <> 0) t`},
		{"currencies whose balances do not add up to zero", `SELECT COUNT(*) FROM (SELECT 1 FROM corebank_ledger_account GROUP BY bank, currency HAVING SUM(booked) <> 0) t`},
		{"postings that do not add up to zero", `SELECT COUNT(*) FROM (SELECT 1 FROM corebank_ledger_entry GROUP BY bank, posting, currency HAVING SUM(amount) <> 0) t`},
		{"accounts whose balance is not the sum of their entries", `SELECT COUNT(*) FROM (SELECT 1 FROM corebank_ledger_account a LEFT JOIN corebank_ledger_entry e
			ON e.bank = a.bank AND e.account = a.id GROUP BY a.bank, a.id, a.booked HAVING COALESCE(SUM(e.amount), 0) <> a.booked) t`},
		{"accounts whose entries are not numbered without gaps", `SELECT COUNT(*) FROM (SELECT 1 FROM corebank_ledger_entry e JOIN corebank_ledger_account a
			ON e.bank = a.bank AND e.account = a.id GROUP BY a.bank, a.id, a.last_seq HAVING COUNT(*) <> MAX(e.seq) - MIN(e.seq) + 1 OR MAX(e.seq) <> a.last_seq OR COUNT(DISTINCT e.seq) <> COUNT(*)) t`},
		{"holds of payments that wait for nothing", `SELECT COUNT(*) FROM corebank_ledger_hold h JOIN corebank_payment p ON p.bank = h.bank AND p.id = h.id WHERE p.state IN ('booked', 'refused', 'received')`},
		{"postings without entries", `SELECT COUNT(*) FROM corebank_ledger_posting WHERE bank || '/' || id NOT IN (SELECT bank || '/' || posting FROM corebank_ledger_entry)`},
	} {
		var n int
		if err := bank.QueryRowContext(ctx, c.query).Scan(&n); err != nil {
			return fmt.Errorf("%s: %w", c.text, err)
		}
		if n > 0 {
			r.violate("I4", "%d %s", n, c.text)
		}
	}
	return nil
}

// checkFile has SQLite prove that its file is whole.
func checkFile(ctx context.Context, dsn string, db *sql.DB, r *report) error {
	if !strings.HasPrefix(dsn, "sqlite:") {
		return nil
	}
	var said string
	err := db.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&said)
	if err == nil && said != "ok" {
		r.violate("file", "%s: %s", dsn, said)
	}
	return err
}
