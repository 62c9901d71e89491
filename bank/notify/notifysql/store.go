// Package notifysql keeps subscriptions and notices in SQLite or PostgreSQL. Both run the
// same statements; a version column takes the place of row locks.
package notifysql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"kontor/bank/notify"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the tables.
var Migrations fs.FS = files

// Store is a notify.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ notify.Store = Store{}

func (s Store) Subscribe(ctx context.Context, sub notify.Subscription) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO notify_subscription (bank, kind, resource, authorisation, tpp, uri, content, serial)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
		ON CONFLICT (bank, kind, resource) DO UPDATE SET authorisation = $4, tpp = $5, uri = $6, content = $7`,
		sub.Bank, string(sub.Kind), sub.Resource, sub.Authorisation, string(sub.TPP), sub.URI, notify.FormatContent(sub.Content))
	return err
}

func (s Store) Subscribed(ctx context.Context, bank string, kind notify.Kind, resource string) (notify.Subscription, bool, error) {
	sub := notify.Subscription{Bank: bank, Kind: kind, Resource: resource}
	var content string
	err := s.DB.QueryRow(ctx, `SELECT authorisation, tpp, uri, content FROM notify_subscription WHERE bank = $1 AND kind = $2 AND resource = $3`,
		bank, string(kind), resource).Scan(&sub.Authorisation, &sub.TPP, &sub.URI, &content)
	if errors.Is(err, sql.ErrNoRows) {
		return notify.Subscription{}, false, nil
	}
	if err == nil {
		sub.Content, err = notify.ParseContent(content)
	}
	return sub, err == nil, err
}

func (s Store) Forget(ctx context.Context, bank string, kind notify.Kind, resource string) error {
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM notify_subscription WHERE bank = $1 AND kind = $2 AND resource = $3`, bank, string(kind), resource)
		if err == nil {
			_, err = tx.Exec(`DELETE FROM notify_event WHERE bank = $1 AND kind = $2 AND resource = $3`, bank, string(kind), resource)
		}
		return err
	})
}

const columns = `bank, kind, resource, serial, id, tpp, body, created_at, attempts, next_at, leased_to, done_at, dropped, failure, version`

// Queue takes the serial by a write: it is the turn that others wait for.
func (s Store) Queue(ctx context.Context, n notify.Notice) error {
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		err := tx.QueryRow(`UPDATE notify_subscription SET serial = serial + 1 WHERE bank = $1 AND kind = $2 AND resource = $3 RETURNING serial`,
			n.Bank, string(n.Kind), n.Resource).Scan(&n.Serial)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // it was taken back at this very moment
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO notify_event (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)`,
			n.Bank, string(n.Kind), n.Resource, n.Serial, n.ID, string(n.TPP), string(n.Body), sqldb.Micros(n.CreatedAt), n.Attempts,
			sqldb.Micros(n.NextAt), sqldb.Micros(n.LeasedTo), sqldb.Micros(n.DoneAt), sqldb.Bool(n.Dropped), n.Failure)
		return err
	})
}

// shown names the columns of a notice e, whose resource is subscribed by s or by nobody.
const shown = `e.bank, e.kind, e.resource, e.serial, e.id, e.tpp, e.body, e.created_at, e.attempts, e.next_at, e.leased_to, e.done_at, e.dropped,
	e.failure, e.version, COALESCE(s.uri, '')`

const joined = ` LEFT JOIN notify_subscription s ON s.bank = e.bank AND s.kind = e.kind AND s.resource = e.resource`

func (s Store) Due(ctx context.Context, now time.Time, perTPP, limit int) ([]notify.Notice, error) {
	return s.all(ctx, `SELECT `+shown+` FROM (
			SELECT d.*, ROW_NUMBER() OVER (PARTITION BY d.tpp ORDER BY d.next_at, d.created_at, d.serial) AS place FROM notify_event d
			WHERE d.done_at = 0 AND d.next_at <= $1 AND d.leased_to <= $1 AND NOT EXISTS (
				SELECT 1 FROM notify_event b WHERE b.bank = d.bank AND b.kind = d.kind AND b.resource = d.resource AND b.serial < d.serial AND b.done_at = 0)
		) e`+joined+` WHERE e.place <= $2 ORDER BY e.next_at, e.created_at, e.serial LIMIT $3`, sqldb.Micros(now), perTPP, limit)
}

func (s Store) Replace(ctx context.Context, n notify.Notice) error {
	changed, err := s.DB.Exec(ctx, `UPDATE notify_event SET attempts = $1, next_at = $2, leased_to = $3, done_at = $4, dropped = $5, failure = $6,
		version = version + 1 WHERE bank = $7 AND kind = $8 AND resource = $9 AND serial = $10 AND version = $11`,
		n.Attempts, sqldb.Micros(n.NextAt), sqldb.Micros(n.LeasedTo), sqldb.Micros(n.DoneAt), sqldb.Bool(n.Dropped), n.Failure,
		n.Bank, string(n.Kind), n.Resource, n.Serial, n.Version)
	if err == nil && changed == 0 {
		err = fmt.Errorf("%w: %s %s, serial %d", notify.ErrOvertaken, n.Kind, n.Resource, n.Serial)
	}
	return err
}

func (s Store) Failing(ctx context.Context, bank string, limit int) ([]notify.Notice, error) {
	return s.all(ctx, `SELECT `+shown+` FROM notify_event e`+joined+` WHERE e.bank = $1 AND e.failure <> ''
		ORDER BY e.created_at DESC, e.resource, e.serial DESC LIMIT $2`, bank, limit)
}

func (s Store) Clear(ctx context.Context, delivered, dropped time.Time) error {
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		for drop, before := range []time.Time{delivered, dropped} {
			_, err := tx.Exec(`DELETE FROM notify_event WHERE dropped = $1 AND done_at > 0 AND done_at < $2`, drop, sqldb.Micros(before))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s Store) all(ctx context.Context, query string, args ...any) ([]notify.Notice, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []notify.Notice
	for rows.Next() {
		var n notify.Notice
		var created, next, leased, done int64
		var dropped int
		var body string
		if err := rows.Scan(&n.Bank, &n.Kind, &n.Resource, &n.Serial, &n.ID, &n.TPP, &body, &created, &n.Attempts, &next, &leased, &done,
			&dropped, &n.Failure, &n.Version, &n.URI); err != nil {
			return nil, err
		}
		n.Body, n.Dropped = []byte(body), dropped == 1
		n.CreatedAt, n.NextAt, n.LeasedTo, n.DoneAt = sqldb.Time(created), sqldb.Time(next), sqldb.Time(leased), sqldb.Time(done)
		all = append(all, n)
	}
	return all, rows.Err()
}
