package sqldb

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

// Migrate brings the schema up to date with the numbered *.sql files of all sources.
// Each noun keeps its own files; their numbers are unique over the whole house.
// It returns the names of the migrations that it applied: none on a second call.
func Migrate(ctx context.Context, db *DB, sources ...fs.FS) (applied []string, err error) {
	err = withMigrations(db, sources, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			applied = append(applied, r.Source.Path)
		}
		return err
	})
	return applied, err
}

// Pending names the migrations that Migrate would apply.
func Pending(ctx context.Context, db *DB, sources ...fs.FS) (names []string, err error) {
	err = withMigrations(db, sources, func(p *goose.Provider) error {
		status, err := p.Status(ctx)
		for _, s := range status {
			if s.State == goose.StatePending {
				names = append(names, s.Source.Path)
			}
		}
		return err
	})
	return names, err
}

// withMigrations runs do with the files of all sources.
func withMigrations(db *DB, sources []fs.FS, do func(*goose.Provider) error) error {
	merged, err := merge(sources)
	if err != nil {
		return err
	}
	dialect, conn := goose.DialectPostgres, db.read
	if db.writer != nil {
		// Migrations run before anything is served, so the writer's connection is free to
		// be taken for them.
		dialect, conn = goose.DialectSQLite3, db.writer.db
		if err := db.writer.lend(); err != nil {
			return err
		}
		defer db.writer.takeBack()
	}
	// Nouns do not depend on each other's tables, so a new file of one may have a lower
	// number than what another has applied already.
	p, err := goose.NewProvider(dialect, conn, merged, goose.WithLogger(goose.NopLogger()), goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := do(p); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// merge puts the files of all sources into one sequence.
func merge(sources []fs.FS) (fs.FS, error) {
	merged := fstest.MapFS{}
	numbers := map[string]string{}
	for _, src := range sources {
		names, err := fs.Glob(src, "*.sql")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			number, _, _ := strings.Cut(name, "_")
			if other, taken := numbers[number]; taken {
				return nil, fmt.Errorf("migrations %s and %s have the same number", other, name)
			}
			numbers[number] = name
			data, err := fs.ReadFile(src, name)
			if err != nil {
				return nil, err
			}
			merged[name] = &fstest.MapFile{Data: data}
		}
	}
	return merged, nil
}
