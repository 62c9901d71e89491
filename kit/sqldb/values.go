package sqldb

import (
	"database/sql"
	"strings"
	"time"
)

// Micros is how a time is stored; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time reads what Micros wrote, in UTC.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Bool is how a truth value is stored.
func Bool(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Null stores an empty text as NULL, which a unique index does not count.
func Null(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// Nameless returns a list of columns of which nobody asks the names and types. SQLite's driver
// makes two texts of each column for every row that is found, which for a wide row is most of
// what reading it costs; an expression has no type, and a name of one letter is no new text.
// It is for what every request reads.
func Nameless(columns string) string {
	var b strings.Builder
	for i, c := range strings.Split(columns, ",") {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("coalesce(" + strings.TrimSpace(c) + ", NULL) AS x")
	}
	return b.String()
}
