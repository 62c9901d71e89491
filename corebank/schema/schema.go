// Package schema holds the numbered migrations of the reference bank's own database.
//
// Every table is prefixed corebank_ and carries the bank's code first in its key, so that
// several reference banks may share one database and still see only their own rows. The
// numbers start at 9001: they cannot clash with anybody else's.
package schema

import (
	"embed"
	"io/fs"
)

//go:embed *.sql
var files embed.FS

// FS is what sqldb.Migrate takes.
var FS fs.FS = files
