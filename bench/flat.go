package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"kontor/bench/load"
	"kontor/bench/seed"
)

// A Flat row compares a product whose database holds many consents with one that holds few.
type Flat struct {
	Path        string  `json:"path"`
	Database    string  `json:"database"`
	Connections int     `json:"connections"`
	FewStored   int     `json:"fewStored"`
	ManyStored  int     `json:"manyStored"`
	Few         *Side   `json:"few"`
	Many        *Side   `json:"many"`
	Ratios      *Ratios `json:"ratios"` // many / few
	Void        bool    `json:"void,omitempty"`
}

// A Spread row compares account lists that are counted under many consents with such that
// are counted under one, and with such that are not counted. Where counting makes requests
// wait for each other, the first answers fewer of them in a second than the last.
type Spread struct {
	Database    string  `json:"database"`
	Connections int     `json:"connections"`
	Many        *Side   `json:"manyConsents"`
	One         *Side   `json:"oneConsent"`
	Attended    *Side   `json:"attended"`
	ManyToOne   float64 `json:"manyToOne"`   // requests per second
	ManyToFree  float64 `json:"manyToFree"`  // counted to not counted
	OneToFree   float64 `json:"oneToFree"`   // counted under one consent to not counted
	CPUCounting float64 `json:"cpuCounting"` // CPU of counted to not counted
	Void        bool    `json:"void,omitempty"`
}

// flatCustomers is how many customers' consents are read: as many in both databases, or the
// one with more of them would touch more pages, however many it holds. Each customer has one
// consent to read accounts and one to confirm funds.
const flatCustomers = 512

// flat fills two databases and measures both on the same requests.
func flat(ctx context.Context, m *machine, o options, r *Report, db string, open func(name string) (string, error), backends func(name string) ([]int, error)) error {
	others := 1951 // for each customer: a million in all
	if o.quick {
		others = 31
	}
	var sides []*side
	defer func() {
		for _, s := range sides {
			s.down()
		}
	}()
	for _, size := range []struct {
		name   string
		others int
	}{{"many", others}, {"few", 0}} {
		fmt.Printf("%s: storing %d consents …\n", db, stored(size.others))
		dsn, err := open(size.name)
		if err != nil {
			return err
		}
		s, err := productOf(ctx, m, size.name, dsn, flatCustomers, size.others)
		if s != nil {
			sides = append(sides, s)
		}
		if err != nil {
			return err
		}
		if backends != nil {
			s.backend = func() ([]int, error) { return backends(size.name) }
		}
		if err := s.up(m, 1); err != nil {
			return err
		}
	}
	pairs := max(o.slices/2, 1)
	const count = 16
	for _, path := range []struct {
		name    string
		prepare func(t *target) load.Operation
	}{
		{"consent-read", func(t *target) load.Operation { return readConsent(t, count) }},
		{"accounts", func(t *target) load.Operation { return readAccounts(t, count) }},
		{"accounts, attended", func(t *target) load.Operation { return attended(t, everyConsent(t, count)) }},
	} {
		fmt.Printf("%s: %s, many consents and few …\n", db, path.name)
		parts, counts, err := race(ctx, m, []contender{{side: sides[0], op: path.prepare(&sides[0].target)}, {side: sides[1], op: path.prepare(&sides[1].target)}}, count, pairs)
		if err != nil {
			return err
		}
		row := Flat{Path: path.name, Database: db, Connections: count, ManyStored: stored(others), FewStored: stored(0),
			Many: summary(parts[0], counts[0]), Few: summary(parts[1], counts[1])}
		row.Ratios, row.Void = ratios(parts, counts, row.Many, row.Few), row.Many.Failures+row.Few.Failures > 0
		r.Flat = append(r.Flat, row)
	}
	return spread(ctx, m, o, r, db, sides[0])
}

func stored(others int) int { return flatCustomers * (others + 2) }

// spread measures what counting costs, and whether requests wait for each other's.
func spread(ctx context.Context, m *machine, o options, r *Report, db string, s *side) error {
	const count = 16
	fmt.Printf("%s: accounts, counted under %d consents and under one, and not counted …\n", db, count)
	t := &s.target
	own := func(worker, _ int) int { return worker }
	parts, _, err := race(ctx, m, []contender{
		{side: s, op: counting(t, own)},
		{side: s, op: counting(t, func(int, int) int { return count })},
		{side: s, op: attended(t, own)},
	}, count, o.slices)
	if err != nil {
		return err
	}
	row := Spread{Database: db, Connections: count, Many: summary(parts[0], counted{}), One: summary(parts[1], counted{}), Attended: summary(parts[2], counted{})}
	perSecond := func(_ int, p part) float64 { return p.perSecond() }
	row.ManyToOne, row.ManyToFree = ratio(parts[:2], perSecond), ratio([][]part{parts[0], parts[2]}, perSecond)
	row.OneToFree = ratio(parts[1:], perSecond)
	row.CPUCounting = ratio([][]part{parts[0], parts[2]}, func(_ int, p part) float64 { return p.cpuPerRequest() })
	row.Void = row.Many.Failures+row.One.Failures+row.Attended.Failures > 0
	r.Spread = append(r.Spread, row)
	return nil
}

func everyConsent(t *target, count int) func(worker, n int) int {
	return func(worker, n int) int { return (n*count + worker) % t.consents }
}

func accountsPath(b []byte, _ int) []byte { return append(b, "/accounts"...) }

func counting(t *target, key func(worker, n int) int) load.Operation {
	return reading(t, "application/json", "", key, accountsPath, `"accounts":`, `"iban":`)
}

// attended is a list that the PSU asked for: it is not counted.
func attended(t *target, key func(worker, n int) int) load.Operation {
	return reading(t, "application/json", "PSU-IP-Address: 192.0.2.7\r\n", key, accountsPath, `"accounts":`, `"iban":`)
}

// others stores n more consents beside each customer's, with tokens and a use of today, so
// that those which are read lie far from each other, as in a database that grew.
func (f *filling) others(ctx context.Context, dsn string, customers, n int) error {
	random, driver, source := "sha256(convert_to(gen_random_uuid()::text, 'UTF8'))", "pgx", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		// What is lost when the machine stops now is made again.
		random, driver, source = "randomblob(32)", "sqlite", "file:"+path+"?_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-200000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	next := func(column string) string { return column + " || '-' || s.n" }
	tables := []struct {
		name, by string // by is the column that holds the consent's ID
		other    map[string]string
	}{
		{"consent", "id", map[string]string{"id": next("id"), "psu": next("psu"), "session": next("session")}},
		{"consent_usage", "consent", map[string]string{"consent": next("consent")}},
		{"oauth_grant", "resource", map[string]string{"id": next("id"), "resource": next("resource"), "psu": next("psu")}},
	}
	const piece = 8 // customers: what lies together is written together
	for from := 0; from < customers; from += piece {
		first, last := seed.Consent(from), seed.Consent(min(from+piece, customers)-1)
		for _, t := range tables {
			columns, err := columnsOf(ctx, db, t.name)
			if err != nil {
				return err
			}
			if err := copyRows(ctx, db, t.name, columns, t.other, fmt.Sprintf("length(%s) = 36 AND %s BETWEEN $2 AND $3", t.by, t.by), n, first, last); err != nil {
				return err
			}
		}
		columns, err := columnsOf(ctx, db, "oauth_token")
		if err != nil {
			return err
		}
		err = copyRows(ctx, db, "oauth_token", columns, map[string]string{"access": random, "refresh": random, "grant_id": next("grant_id")},
			"grant_id BETWEEN $2 AND $3", n, grantID(from), grantID(min(from+piece, customers)-1))
		if err != nil {
			return err
		}
	}
	return nil
}

func columnsOf(ctx context.Context, db *sql.DB, table string) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	return columns, err
}

// copyRows copies rows of a table n times, with other values in some columns.
func copyRows(ctx context.Context, db *sql.DB, table string, columns []string, other map[string]string, where string, n int, args ...any) error {
	values := slices.Clone(columns)
	for i, c := range columns {
		if o, ok := other[c]; ok {
			values[i] = o
		}
	}
	_, err := db.ExecContext(ctx, "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) INSERT INTO "+table+" ("+strings.Join(columns, ", ")+
		") SELECT "+strings.Join(values, ", ")+" FROM "+table+", s WHERE "+where, append([]any{n}, args...)...)
	return err
}
