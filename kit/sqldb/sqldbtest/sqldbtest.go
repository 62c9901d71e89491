// Package sqldbtest opens empty databases for tests: SQLite always, PostgreSQL when
// TEST_POSTGRES_URL names one.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kontor/kit/sqldb"
)

// Each runs test on an empty migrated database of each kind.
func Each(t *testing.T, migrations []fs.FS, test func(t *testing.T, db *sqldb.DB)) {
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite(t, migrations...)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, PostgreSQL(t, migrations...)) })
}

// SQLite opens an empty migrated file that is removed with the test.
func SQLite(t testing.TB, migrations ...fs.FS) *sqldb.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	if len(migrations) > 0 {
		migrated, err := template(migrations)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, migrated, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, path, nil)
}

var templates sync.Map // by what the migrations say

// template returns the file that the migrations make of an empty one. They run once in a
// process: many tests take less time than their tables.
func template(migrations []fs.FS) ([]byte, error) {
	said := sha256.New()
	for _, source := range migrations {
		err := fs.WalkDir(source, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(source, path)
			fmt.Fprintf(said, "%q %q\n", path, b)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	made, _ := templates.LoadOrStore([sha256.Size]byte(said.Sum(nil)), sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "sqldbtest")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "template.db")
		db, err := sqldb.Open(context.Background(), path)
		if err != nil {
			return nil, err
		}
		_, err = sqldb.Migrate(context.Background(), db, migrations...)
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
		return os.ReadFile(path) // closing has brought the log's pages into it
	}))
	return made.(func() ([]byte, error))()
}

// PostgreSQL opens an empty schema that is dropped with the test, or skips it.
func PostgreSQL(t testing.TB, migrations ...fs.FS) *sqldb.DB {
	return open(t, URL(t), migrations)
}

// URL makes an empty PostgreSQL schema for the test and returns the address whose
// connections see only that schema. It skips the test when TEST_POSTGRES_URL is not set.
func URL(t testing.TB) string {
	base := os.Getenv("TEST_POSTGRES_URL")
	if base == "" {
		t.Skip("TEST_POSTGRES_URL is not set: not tried on PostgreSQL")
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	schema := "t_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin.Exec("DROP SCHEMA " + schema + " CASCADE")
		admin.Close()
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func open(t testing.TB, dsn string, migrations []fs.FS) *sqldb.DB {
	db, err := sqldb.Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if len(migrations) == 0 {
		return db
	}
	if _, err := sqldb.Migrate(context.Background(), db, migrations...); err != nil {
		t.Fatal(err)
	}
	return db
}
