// Package auditsql keeps the audit record in SQLite or PostgreSQL.
package auditsql

import (
	"context"
	"embed"
	"io/fs"

	"kontor/kit/audit"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// Log is an audit.Log on one database.
type Log struct{ DB *sqldb.DB }

var _ audit.Log = Log{}

func (l Log) Append(ctx context.Context, e audit.Entry) error {
	_, err := l.DB.Exec(ctx, `INSERT INTO audit (bank, at, actor, action, resource, request_id) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.Bank, sqldb.Micros(e.At), e.Actor, e.Action, e.Resource, e.RequestID)
	return err
}

// Of lists the entries of one resource, oldest first.
func (l Log) Of(ctx context.Context, bank, resource string) ([]audit.Entry, error) {
	rows, err := l.DB.Query(ctx, `SELECT bank, at, actor, action, resource, request_id FROM audit WHERE bank = $1 AND resource = $2 ORDER BY at`, bank, resource)
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
