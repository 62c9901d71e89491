package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// unsettled are what shows that something is still to be told, found out or done.
var unsettled = []struct {
	bank        bool
	text, query string
}{
	{true, "reports of the bank that have not arrived", `SELECT COUNT(*) FROM corebank_callback WHERE bank = 'lon'`},
	{true, "payments of the bank whose time has come", `SELECT COUNT(*) FROM corebank_payment WHERE bank = 'lon'
		AND (state = 'running' OR state = 'scheduled' AND execute_on < '2001-01-01' AND cancelling_until = 0)`},
	{false, "payments of which the hub does not know whether the bank took them", `SELECT COUNT(*) FROM payment WHERE hand = 'sending'`},
	{false, "notifications that have not been delivered", `SELECT COUNT(*) FROM notify_event WHERE done_at = 0`},
}

// settle waits until hub and bank have nothing left to tell anybody.
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
	begun := time.Now()
	for {
		var left []string
		for _, u := range unsettled {
			db, n := hub, 0
			if u.bank {
				db = bank
			}
			if err := db.QueryRowContext(ctx, u.query).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				left = append(left, fmt.Sprintf("%d %s", n, u.text))
			}
		}
		if len(left) == 0 {
			r.settled = max(r.settled, time.Since(begun))
			return nil
		}
		if time.Since(begun) > patience {
			r.violate("I12", "%s after the last fault there are %s", patience, strings.Join(left, ", "))
			return nil
		}
		pause(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
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
	b.checkExecuted(known, r)
	b.checkSaid(known, r)
	b.checkCancelled(known, r)
	b.checkRecord(r)
	b.checkNotices(known, r)
	b.checkConsents(known, r)
	checkStatuses(known, b, r)
	for name, a := range known.payments {
		for _, text := range a.wrong {
			r.violate("answer", "%s: %s", name, text)
		}
	}
	for _, text := range known.wrong {
		r.violate("answer", "%s", text)
	}
	r.confirmed, r.turnedAway, r.toldAgain = known.confirmed, known.turnedAway, known.again
	return errors.Join(checkLedger(ctx, bank, r), checkFile(ctx, hubDB, hub, r), checkFile(ctx, bankDB, bank, r))
}

// checkAcknowledged: I1 and I3. What a third party was told exists, under the id it was told,
// and one request has one payment.
func (b *books) checkAcknowledged(known *story, r *report) {
	for name, a := range known.payments {
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
		if p.name != "" && known.payments[p.name] == nil {
			r.violate("I3", "payment %s (%s) was never asked for", id, p.name)
		}
	}
}

// checkConsents: I1 and I8. What was approved is valid, and what was ended is not.
func (b *books) checkConsents(known *story, r *report) {
	for id, c := range known.consents {
		status, there := b.consents[id]
		switch {
		case !there:
			r.violate("I1", "consent %s was acknowledged, and the hub has none", id)
		case c.ended && status != "terminatedByTpp":
			r.violate("I8", "consent %s was ended, and it is %s", id, status)
		case c.approved && !c.ended && status != "valid" && status != "terminatedByTpp" && !b.moving[b.consentSession[id]]:
			r.violate("I1", "the customer approved consent %s, and it is %s", id, status)
		}
		if c.approved {
			r.consents++
		}
		if c.ended {
			r.ended++
		}
		if n := b.audit[id]["consent.create"]; n != 1 {
			r.violate("I5", "consent %s has %d rows of its creation", id, n)
		}
	}
}

// checkRecord: I5. Each change of a payment stands in the record once.
func (b *books) checkRecord(r *report) {
	for id, p := range b.hub {
		rows := b.audit[id]
		for action, n := range rows {
			r.audited += n
			// These are attempts, and there may be many.
			attempt := action == "payment.handAnew" || action == "payment.cancel.start" || action == "payment.cancel.fail"
			if n != 1 && !attempt {
				r.violate("I5", "%s: payment %s has %d rows %s", p.name, id, n, action)
			}
		}
		if rows["payment.create"] == 0 {
			r.violate("I5", "%s: payment %s has no row of its creation", p.name, id)
		}
		// Between RCVD and ACSC it may just have been authorised, or not yet.
		executed, untouched := p.status == "ACSC" || p.status == "ACCC", p.status == "RCVD"
		if n := rows["payment.authorise"]; executed && n == 0 || untouched && n > 0 {
			r.violate("I5", "%s: payment %s is %s and has %d rows payment.authorise", p.name, id, p.status, n)
		}
		if ends := rows["payment.reject"] + rows["payment.cancel"] + rows["payment.authorise.fail"]; (ends > 0) != (p.status == "RJCT" || p.status == "CANC") {
			r.violate("I5", "%s: payment %s is %s and has %d rows of an end", p.name, id, p.status, ends)
		}
	}
	for id, rows := range b.audit {
		for action := range rows {
			if _, there := b.hub[id]; !there && strings.HasPrefix(action, "payment.") {
				r.violate("I5", "the record tells of payment %s, which is not there", id)
				break
			}
		}
	}
}

// forward is the way of a payment here.
var forward = []string{"RCVD", "PDNG", "PATC", "ACTC", "ACWC", "ACCP", "ACFC", "ACSP", "ACWP", "PART", "ACSC", "ACCC"}

// checkStatuses: I7. What was told of a payment only ever moved forward, and what is final stayed.
func checkStatuses(known *story, b *books, r *report) {
	for name, a := range known.payments {
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

// checkNotices: I10. Each change of status was told at least once, in its order, to the end.
func (b *books) checkNotices(known *story, r *report) {
	for id, all := range b.notices {
		arrived := map[string]int{}
		for _, n := range known.notices[id] {
			arrived[n.id] = n.n
		}
		last, before, waiting := "RCVD", -1, false
		for _, n := range all { // in the order of what happened
			if n.status != "" {
				if !leads(last, n.status) {
					r.violate("I10", "payment %s: a notification says %s after %s", id, n.status, last)
				}
				last = n.status
			}
			at, there := arrived[n.id]
			delete(arrived, n.id)
			switch {
			case n.dropped:
				r.violate("I10", "payment %s: notification %s was given up", id, n.id)
			case n.done && !there:
				r.violate("I10", "payment %s: notification %s counts as delivered, and has not arrived", id, n.id)
			case there && waiting:
				r.violate("I10", "payment %s: notification %s arrived before an earlier one", id, n.id)
			case there && at < before:
				r.violate("I10", "payment %s: notification %s arrived after a later one", id, n.id)
			}
			if there {
				before = at
				r.notified++
			} else {
				waiting = true
			}
		}
		for n := range arrived {
			r.violate("I10", "payment %s: notification %s is one that the hub has not", id, n)
		}
		if p := b.hub[id]; p.status != last {
			r.violate("I10", "%s: payment %s is %s, and the last notification of it says %s", p.name, id, p.status, last)
		}
	}
	for id := range known.notices {
		if _, there := b.notices[id]; !there && b.hub[id].id != "" {
			r.violate("I10", "notifications of payment %s arrived, of which the hub has none", id)
		}
	}
	for id, p := range b.hub {
		if _, there := b.notices[id]; !there && p.status != "RCVD" && p.request != "" {
			r.violate("I10", "%s: payment %s is %s, and there is no notification", p.name, id, p.status)
		}
	}
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
		{"accounts whose reserved money is not the sum of their holds", `SELECT COUNT(*) FROM (SELECT 1 FROM corebank_ledger_account a LEFT JOIN corebank_ledger_hold h
			ON h.bank = a.bank AND h.account = a.id GROUP BY a.bank, a.id, a.held HAVING COALESCE(SUM(h.amount), 0) <> a.held) t`},
		{"holds of payments that wait for nothing", `SELECT COUNT(*) FROM corebank_ledger_hold h JOIN corebank_payment p ON p.bank = h.bank AND p.id = h.id WHERE p.state IN ('booked', 'refused', 'received', 'cancelled')`},
		{"payments that wait without a hold", `SELECT COUNT(*) FROM corebank_payment p WHERE p.state = 'scheduled' AND p.service <> 'periodic-payments'
			AND NOT EXISTS (SELECT 1 FROM corebank_ledger_hold h WHERE h.bank = p.bank AND h.id = p.id)`},
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
