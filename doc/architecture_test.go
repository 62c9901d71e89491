package doc_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A newcomer finds every room of the house in its plan. Where a noun is kept, and what is said
// of it in tests, is part of its room.
func TestThePlanNamesEveryRoom(t *testing.T) {
	plan, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../*", "../bank/*", "../edge/*", "../kit/*"} {
		rooms, err := filepath.Glob(pattern)
		if err != nil || len(rooms) == 0 {
			t.Fatal(pattern, err)
		}
		for _, room := range rooms {
			name := filepath.Base(room)
			if info, err := os.Stat(room); err != nil || !info.IsDir() || strings.HasPrefix(name, ".") {
				continue
			}
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).Match(plan) {
				t.Errorf("%s is not named", strings.TrimPrefix(room, "../"))
			}
		}
	}
}
