package day_test

import (
	"encoding/json"
	"testing"
	"time"
	_ "time/tzdata"

	"kontor/kit/day"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name, zone, at, want string
	}{
		{"an evening in UTC is tomorrow in Ljubljana in summer", "Europe/Ljubljana", "2026-06-30T22:00:00Z", "2026-07-01"},
		{"one second before, it is not", "Europe/Ljubljana", "2026-06-30T21:59:59Z", "2026-06-30"},
		{"in winter the day begins an hour later", "Europe/Ljubljana", "2026-12-31T22:59:59Z", "2026-12-31"},
		{"and there it begins", "Europe/Ljubljana", "2026-12-31T23:00:00Z", "2027-01-01"},
		{"Bucharest is an hour ahead", "Europe/Bucharest", "2026-12-31T22:00:00Z", "2027-01-01"},
		{"UTC is itself", "UTC", "2026-12-31T23:59:59Z", "2026-12-31"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := day.Of(at, zone(t, tt.zone)).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestStart(t *testing.T) {
	for _, tt := range []struct {
		name, zone string
		day        day.Day
		want       string
		hours      float64 // that the day has
	}{
		{"a summer day", "Europe/Ljubljana", day.New(2026, 7, 1), "2026-06-30T22:00:00Z", 24},
		{"a winter day", "Europe/Ljubljana", day.New(2026, 12, 31), "2026-12-30T23:00:00Z", 24},
		{"the day on which summer time begins has 23 hours", "Europe/Ljubljana", day.New(2026, 3, 29), "2026-03-28T23:00:00Z", 23},
		{"the day on which it ends has 25", "Europe/Ljubljana", day.New(2026, 10, 25), "2026-10-24T22:00:00Z", 25},
		{"where midnight itself is skipped, the day begins at one", "Asia/Beirut", day.New(2024, 3, 31), "2024-03-30T22:00:00Z", 23},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := zone(t, tt.zone)
			start := tt.day.Start(z)
			if got := start.UTC().Format(time.RFC3339); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := tt.day.AddDays(1).Start(z).Sub(start).Hours(); got != tt.hours {
				t.Errorf("it has %v hours, want %v", got, tt.hours)
			}
			if got := day.Of(start, z); got != tt.day {
				t.Errorf("its start falls on %s", got)
			}
			if got := day.Of(start.Add(-time.Nanosecond), z); got != tt.day.AddDays(-1) {
				t.Errorf("the moment before its start falls on %s", got)
			}
		})
	}
}

func TestStartWhereClocksChangeAtMidnight(t *testing.T) {
	for _, tt := range []struct {
		name, zone string
		day        day.Day
		want       string
	}{
		{"midnight is skipped in Cairo", "Africa/Cairo", day.New(2026, 4, 24), "2026-04-23T22:00:00Z"},
		{"and in Havana", "America/Havana", day.New(2026, 3, 8), "2026-03-08T05:00:00Z"},
		{"clocks went forward at midnight in San Juan", "America/Argentina/San_Juan", day.New(2004, 7, 25), "2004-07-25T04:00:00Z"},
		{"clocks go back to midnight in the Azores: the first counts", "Atlantic/Azores", day.New(2026, 10, 25), "2026-10-25T00:00:00Z"},
		{"clocks go back over midnight in Beirut: the second counts", "Asia/Beirut", day.New(2026, 10, 25), "2026-10-24T22:00:00Z"},
		{"and in Goose Bay, a minute after it", "America/Goose_Bay", day.New(2010, 11, 7), "2010-11-07T04:00:00Z"},
		{"a day that there was not in Apia", "Pacific/Apia", day.New(2011, 12, 30), "2011-12-30T10:00:00Z"},
		{"the end of a leap year", "Europe/Ljubljana", day.New(2040, 12, 31), "2040-12-30T23:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.day.Start(zone(t, tt.zone)).UTC().Format(time.RFC3339); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		ok       bool
	}{
		{"a date", "2026-02-28", true},
		{"a leap day", "2028-02-29", true},
		{"the last day there is", "9999-12-31", true},
		{"no leap day", "2026-02-29", false},
		{"month 13", "2026-13-01", false},
		{"day 0", "2026-01-00", false},
		{"one digit", "2026-1-1", false},
		{"a time", "2026-01-01T00:00:00Z", false},
		{"blanks", " 2026-01-01", false},
		{"five digits", "10000-01-01", false},
		{"nothing", "", false},
		{"words", "soon", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := day.Parse(tt.in)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v, %v", d, err)
			}
			if tt.ok && d.String() != tt.in {
				t.Errorf("comes back as %s", d)
			}
		})
	}
}

func TestDaysCompare(t *testing.T) {
	a, b := day.New(2026, 2, 28), day.New(2026, 3, 1)
	if !a.Before(b) || a.After(b) || !b.After(a) || b.Before(a) || a.Before(a) || a.After(a) {
		t.Error("order")
	}
	if a.AddDays(1) != b || b.AddDays(-1) != a || a.AddDays(0) != a {
		t.Error("AddDays over the end of a month, or equality")
	}
	parsed, _ := day.Parse("2026-02-28")
	if parsed != a || day.Of(time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC), time.UTC) != a {
		t.Error("the same day from another source is another value")
	}
	if a.Weekday() != time.Saturday || a.Month() != time.February || a.DayOfMonth() != 28 || a.Year() != 2026 {
		t.Error("parts of the date")
	}
}

func TestJSON(t *testing.T) {
	type both struct{ A, B day.Day }
	in := both{A: day.New(2026, 2, 28)}
	b, err := json.Marshal(in)
	if err != nil || string(b) != `{"A":"2026-02-28","B":""}` {
		t.Fatalf("got %s, %v", b, err)
	}
	var out both
	if err := json.Unmarshal(b, &out); err != nil || out != in || !out.B.IsZero() {
		t.Errorf("came back as %v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"2026-02-30"}`), &out); err == nil {
		t.Error("a day that does not exist was taken")
	}
}
