// Package auditsql keeps the audit record in SQLite or PostgreSQL.
package auditsql

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"kontor/kit/audit"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// Log is an audit.Log on one database.
type Log struct{ DB *sqldb.DB }

var (
	_ audit.Log    = Log{}
	_ audit.Record = Log{}
)

func (l Log) Append(ctx context.Context, e audit.Entry) error {
	_, err := l.DB.Exec(ctx, `INSERT INTO audit (bank, at, actor, action, resource, request_id) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.Bank, sqldb.Micros(e.At), e.Actor, e.Action, e.Resource, e.RequestID)
	return err
}

// Of lists the entries of one resource, oldest first.
func (l Log) Of(ctx context.Context, bank, resource string) ([]audit.Entry, error) {
	return l.list(ctx, `SELECT bank, at, actor, action, resource, request_id FROM audit WHERE bank = $1 AND resource = $2 ORDER BY at`, bank, resource)
}

func (l Log) Latest(ctx context.Context, bank, resource string, before time.Time, limit int) ([]audit.Entry, error) {
	end := int64(1<<63 - 1)
	if !before.IsZero() {
		end = sqldb.Micros(before)
	}
	return l.list(ctx, `SELECT bank, at, actor, action, resource, request_id FROM audit WHERE bank = $1 AND resource = $2 AND at < $3
		ORDER BY at DESC LIMIT $4`, bank, resource, end, limit)
}

// Last asks one question for all uses: a page shows many. Each is a step into the index.
func (l Log) Last(ctx context.Context, bank string, uses []audit.Use) (map[string]time.Time, error) {
	last := map[string]time.Time{}
	if len(uses) == 0 {
		return last, nil
	}
	var values []string
	args := []any{bank}
	for _, u := range uses {
		n := len(args)
		values = append(values, fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS TEXT))", n+1, n+2, n+3))
		args = append(args, u.Resource, u.Actor, u.Except)
	}
	rows, err := l.DB.Query(ctx, `SELECT u.column1, COALESCE((SELECT a.at FROM audit a WHERE a.bank = $1 AND a.resource = u.column1
		AND a.actor = u.column2 AND SUBSTR(a.action, 1, LENGTH(u.column3)) <> u.column3 ORDER BY a.at DESC LIMIT 1), 0)
		FROM (VALUES `+strings.Join(values, ", ")+`) AS u`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var resource string
		var at int64
		if err := rows.Scan(&resource, &at); err != nil {
			return nil, err
		}
		if at != 0 {
			last[resource] = sqldb.Time(at)
		}
	}
	return last, rows.Err()
}

func (l Log) list(ctx context.Context, query string, args ...any) ([]audit.Entry, error) {
	rows, err := l.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []audit.Entry
	for rows.Next() {
		var e audit.Entry
		var at int64
		if err := rows.Scan(&e.Bank, &at, &e.Actor, &e.Action, &e.Resource, &e.RequestID); err != nil {
			return nil, err
		}
		e.At = sqldb.Time(at)
		all = append(all, e)
	}
	return all, rows.Err()
}
