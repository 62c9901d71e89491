package main

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// A cluster is the PostgreSQL server that both sides use, each in a schema of its own.
type cluster struct {
	url  *url.URL
	conn *pgx.Conn
}

func openCluster(ctx context.Context, dsn string) (*cluster, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("PostgreSQL must be on this machine, not on %s: its processor time is part of the result", u.Hostname())
	}
	conn, err := pgx.Connect(ctx, dsn)
	return &cluster{u, conn}, err
}

// schema makes an empty schema, and returns a URL that uses it under the schema's name.
func (c *cluster) schema(ctx context.Context, name string) (string, error) {
	if _, err := c.conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE; CREATE SCHEMA "+name); err != nil {
		return "", err
	}
	u := *c.url
	q := u.Query()
	q.Set("search_path", name)
	q.Set("application_name", name)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// backends lists the processes that serve the user of a schema.
func (c *cluster) backends(ctx context.Context, name string) ([]int, error) {
	rows, err := c.conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE application_name = $1", name)
	if err != nil {
		return nil, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	all := make([]int, len(pids))
	for i, pid := range pids {
		all[i] = int(pid)
	}
	return all, err
}

// drop removes the schemas.
func (c *cluster) drop(names ...string) {
	ctx := context.Background()
	for _, name := range names {
		c.conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE")
	}
	c.conn.Close(ctx)
}
