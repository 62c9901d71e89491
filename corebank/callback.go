package corebank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// What can be reported to the hub.
const (
	verbUpdate      = "update"
	verbSuccess     = "success"
	verbFail        = "fail"
	verbRevoke      = "revoke"
	verbRevokeFunds = "revoke_funds"
)

const (
	// leaseFor is how long a report belongs to the request that wrote it, before the
	// queue takes it up: longer than the hub is waited for.
	leaseFor   = 20 * time.Second
	hubTimeout = 4 * time.Second
	// giveUpAfter bounds how long a report is repeated. The hub's sessions are long over
	// by then; a withdrawal is refused by the bank itself in any case.
	giveUpAfter = 7 * 24 * time.Hour
	backoffMax  = 10 * time.Minute
)

// A report is one call to the hub that must arrive, however often the hub or this process
// falls over. It is written in the transaction of the change it tells of. Reports of one
// stream arrive in order.
type report struct {
	stream string
	step   int64
	verb   string
	event  wire.Event
	access string // whose token goes with it: tokens are not stored
	tries  int
}

type reports []report

// report writes r and appends it to out, for send after the commit.
func (b *Bank) report(tx *sqldb.Tx, out *reports, r report) error {
	event, err := json.Marshal(r.event)
	if err != nil {
		return err
	}
	if err := tx.QueryRow(`SELECT COALESCE(MAX(step), 0) + 1 FROM corebank_callback WHERE bank = $1 AND stream = $2`, b.code, r.stream).Scan(&r.step); err != nil {
		return err
	}
	now := b.now()
	due := now
	if r.step == 1 { // ours to deliver; what comes behind it is due when it is settled
		due = now.Add(leaseFor)
	}
	if _, err := tx.Exec(`INSERT INTO corebank_callback (bank, stream, step, verb, event, access, tries, due_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)`,
		b.code, r.stream, r.step, r.verb, string(event), r.access, due.UnixMicro(), now.UnixMicro()); err != nil {
		return err
	}
	*out = append(*out, r)
	return nil
}

// send delivers what was just committed. What cannot be delivered now stays in the queue.
func (b *Bank) send(ctx context.Context, rs reports) {
	for n := 0; len(rs) > 0; rs = rs[n:] {
		for n = 1; n < len(rs) && rs[n].stream == rs[0].stream; n++ {
		}
		b.sendStream(ctx, rs[:n])
	}
}

func (b *Bank) sendStream(ctx context.Context, rs reports) {
	if rs[0].step != 1 { // something older of the stream still waits: the queue's turn
		b.wakeQueue()
		return
	}
	ctx = context.WithoutCancel(ctx) // the customer may close the browser; the hub must hear of it
	for i, r := range rs {
		if !b.deliver(ctx, r) {
			break
		}
		if i == len(rs)-1 {
			b.drop(ctx, r.stream, r.step)
			return
		}
	}
	b.wakeQueue()
}

// deliver makes one try. It returns true when the report is settled: taken, or refused for good.
func (b *Bank) deliver(ctx context.Context, r report) bool {
	call, cancel := context.WithTimeout(ctx, hubTimeout)
	defer cancel()
	err := b.call(call, r)
	switch {
	case err == nil:
		return true
	case refusedForGood(err):
		b.log.Warn("hub refused a report", "verb", r.verb, "error", err)
		return true
	}
	b.log.Warn("hub did not take a report; it will be repeated", "verb", r.verb, "tries", r.tries+1, "error", err)
	due := b.now().Add(backoff(r.tries + 1)).UnixMicro()
	if _, err := b.db.Exec(ctx, `UPDATE corebank_callback SET tries = tries + 1, due_at = $1 WHERE bank = $2 AND stream = $3 AND step = $4`,
		due, b.code, r.stream, r.step); err != nil {
		b.log.Error("a report could not be put off", "error", err)
	}
	// What was delivered before it need not be told again.
	if _, err := b.db.Exec(ctx, `DELETE FROM corebank_callback WHERE bank = $1 AND stream = $2 AND step < $3`, b.code, r.stream, r.step); err != nil {
		b.log.Error("reports could not be dropped", "error", err)
	}
	return false
}

func (b *Bank) call(ctx context.Context, r report) error {
	if r.access != "" && r.verb == verbSuccess {
		r.event.Token = wire.String(b.token(r.access))
	}
	switch r.verb {
	case verbUpdate:
		return b.hub.Update(ctx, r.event)
	case verbSuccess:
		return b.hub.Success(ctx, r.event)
	case verbFail:
		return b.hub.Fail(ctx, r.event)
	case verbRevoke:
		return b.hub.RevokeToken(ctx, b.token(r.access))
	case verbRevokeFunds:
		return b.hub.RevokeFundsToken(ctx, b.token(r.access))
	}
	return fmt.Errorf("unknown report %q", r.verb)
}

// drop removes the reports of stream up to step.
func (b *Bank) drop(ctx context.Context, stream string, step int64) {
	if _, err := b.db.Exec(ctx, `DELETE FROM corebank_callback WHERE bank = $1 AND stream = $2 AND step <= $3`, b.code, stream, step); err != nil {
		// It will be delivered again, which the hub's own guard makes harmless.
		b.log.Error("a delivered report could not be dropped", "error", err)
	}
}

// refusedForGood says whether repeating the call is useless: the hub understood it and said no.
func refusedForGood(err error) bool {
	return errors.Is(err, sdk.ErrTokenUnknown) || errors.Is(err, sdk.ErrInvalid) || errors.Is(err, sdk.ErrAccessDenied)
}

func backoff(tries int) time.Duration {
	return min(time.Second<<min(tries-1, 20), backoffMax)
}

// wakeQueue lets the queue look at once; it never waits.
func (b *Bank) wakeQueue() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// deliverDue delivers every stream whose first report is due and returns how many settled.
func (b *Bank) deliverDue(ctx context.Context) (int, error) {
	now := b.now()
	streams, err := b.column(ctx, `SELECT stream FROM corebank_callback c WHERE bank = $1 AND due_at <= $2
		AND step = (SELECT MIN(step) FROM corebank_callback WHERE bank = c.bank AND stream = c.stream) LIMIT 100`, b.code, now.UnixMicro())
	if err != nil {
		return 0, err
	}
	settled := 0
	for _, s := range streams {
		n, err := b.deliverStream(ctx, s)
		settled += n
		if err != nil {
			return settled, err
		}
	}
	return settled, nil
}

func (b *Bank) deliverStream(ctx context.Context, stream string) (settled int, err error) {
	rows, err := b.db.Query(ctx, `SELECT step, verb, event, access, tries, due_at, created_at FROM corebank_callback
		WHERE bank = $1 AND stream = $2 ORDER BY step LIMIT 50`, b.code, stream)
	if err != nil {
		return 0, err
	}
	var rs reports
	var due, created int64
	for rows.Next() {
		r := report{stream: stream}
		var event string
		var d, c int64
		if err := rows.Scan(&r.step, &r.verb, &event, &r.access, &r.tries, &d, &c); err != nil {
			rows.Close()
			return 0, err
		}
		if err := json.Unmarshal([]byte(event), &r.event); err != nil {
			rows.Close()
			return 0, err
		}
		if len(rs) == 0 {
			due, created = d, c
		}
		rs = append(rs, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(rs) == 0 {
		return 0, err
	}
	now := b.now()
	if due > now.UnixMicro() {
		return 0, nil
	}
	if created < now.Add(-giveUpAfter).UnixMicro() {
		b.log.Error("hub could not be reached for days: reports are given up", "reports", len(rs))
		b.drop(ctx, stream, rs[len(rs)-1].step)
		return 0, nil
	}
	// Another process may see the same row; only one gets it.
	n, err := b.db.Exec(ctx, `UPDATE corebank_callback SET due_at = $1 WHERE bank = $2 AND stream = $3 AND step = $4 AND due_at = $5`,
		now.Add(leaseFor).UnixMicro(), b.code, stream, rs[0].step, due)
	if err != nil || n == 0 {
		return 0, err
	}
	for _, r := range rs {
		if !b.deliver(ctx, r) {
			return settled, nil
		}
		b.drop(ctx, stream, r.step)
		settled++
	}
	return settled, nil
}
