package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

// Migrate brings the schema up to date with the numbered *.sql files of all sources.
// Each noun keeps its own files; their numbers are unique over the whole house.
// It returns the names of the migrations that it applied: none on a second call.
func Migrate(ctx context.Context, db *DB, sources ...fs.FS) ([]string, error) {
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
	dialect, conn := goose.DialectPostgres, db.read
	if db.writer != nil {
		// Migrations run before anything is served, so the writer's connection is free to
		// be taken for them.
		dialect, conn = goose.DialectSQLite3, db.writer.db
		if err := db.writer.lend(); err != nil {
			return nil, err
		}
		defer db.writer.takeBack()
	}
	return migrate(ctx, dialect, conn, merged)
}

func migrate(ctx context.Context, dialect goose.Dialect, conn *sql.DB, files fs.FS) ([]string, error) {
	p, err := goose.NewProvider(dialect, conn, files, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var applied []string
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	return applied, nil
}
