package day_test

import (
	"testing"

	"kontor/kit/day"
)

func TestIsTARGETDay(t *testing.T) {
	for _, tt := range []struct {
		name, on string
		open     bool
	}{
		{"a Monday", "2026-03-02", true},
		{"a Friday", "2026-11-20", true},
		{"a Saturday", "2026-11-21", false},
		{"a Sunday", "2026-11-22", false},
		{"New Year", "2026-01-01", false},
		{"Epiphany, which is no holiday of TARGET", "2026-01-06", true},
		{"Labour Day", "2026-05-01", false},
		{"Whit Monday, which is no holiday of TARGET", "2026-05-25", true},
		{"Christmas Eve", "2026-12-24", true},
		{"Christmas", "2026-12-25", false},
		{"the day after it", "2028-12-26", false},
		{"Maundy Thursday of 2026", "2026-04-02", true},
		{"Good Friday of 2026", "2026-04-03", false},
		{"Easter Monday of 2026", "2026-04-06", false},
		{"the Tuesday after it", "2026-04-07", true},
	} {
		d, err := day.Parse(tt.on)
		if err != nil || d.IsTARGETDay() != tt.open {
			t.Errorf("%s: open is %v, %v", tt.name, d.IsTARGETDay(), err)
		}
	}
}

// The years of which a rule for Easter is most likely to be wrong, and our own.
func TestEaster(t *testing.T) {
	for _, sunday := range []string{
		"1818-03-22", "1943-04-25", "1954-04-18", "1981-04-19", "2000-04-23", "2008-03-23", "2024-03-31",
		"2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16", "2038-04-25", "2049-04-18", "2076-04-19",
	} {
		d, err := day.Parse(sunday)
		if err != nil || d.AddDays(-2).IsTARGETDay() || d.AddDays(1).IsTARGETDay() || !d.AddDays(-3).IsTARGETDay() || !d.AddDays(2).IsTARGETDay() {
			t.Errorf("%s is not taken for Easter Sunday: %v", sunday, err)
		}
	}
}
