package consent_test

import (
	"archive/zip"
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
)

// zones returns every time zone there is.
func zones(t *testing.T) (all []*time.Location) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no list of time zones without the go command: ", err)
	}
	list, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skip("no list of time zones: ", err)
	}
	defer list.Close()
	for _, f := range list.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		zone, err := time.LoadLocation(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, zone)
	}
	if len(all) < 400 {
		t.Fatalf("only %d time zones", len(all))
	}
	return all
}

// moments returns times that matter in zone: around midnights of days on which its clocks
// change, of leap days, ends of years and any day, and around the changes themselves.
func moments(zone *time.Location, r *rand.Rand) (all []time.Time) {
	near := func(at time.Time) {
		all = append(all, at.Add(-time.Second), at.Add(-time.Nanosecond), at, at.Add(time.Duration(r.Int64N(int64(24*time.Hour)))))
	}
	for _, d := range []day.Day{day.New(2024, 2, 29), day.New(2028, 2, 29), day.New(2028, 3, 1), day.New(2026, 12, 31), day.New(2100, 2, 28)} {
		near(d.Start(zone))
	}
	for range 5 {
		near(day.New(1990+r.IntN(60), time.Month(1+r.IntN(12)), 1+r.IntN(28)).Start(zone))
	}
	at := time.Date(1990+r.IntN(40), 1, 1, 0, 0, 0, 0, time.UTC).In(zone)
	for range 4 {
		_, change := at.ZoneBounds()
		if change.IsZero() {
			break
		}
		near(change)
		near(day.Of(change, zone).Start(zone))
		near(day.Of(change, zone).AddDays(1).Start(zone))
		at = change
	}
	return all
}

// In every time zone, at whatever moment: a consent is accepted when its last day is not over
// at the bank, lives to the end of that day or of the longest time allowed, and not longer.
func TestTheCalendarOfConsents(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2026, 3))
	for _, zone := range zones(t) {
		for _, now := range moments(zone, r) {
			today := day.Of(now, zone)
			longest := 1 + r.IntN(180)
			b := bank(func(b *profile.Bank) {
				b.Zone, b.Consent.ValidityDaysMax, b.SCATimeout = zone, longest, 240*24*time.Hour
			})
			asked := today.AddDays(r.IntN(2*longest+4) - 3)
			if r.IntN(10) == 0 {
				asked = day.New(9999, 12, 31)
			}
			req := recurring(consent.Access{AllPSD2: consent.AllAccounts})
			req.ValidUntil = asked
			c, err := consent.New(b, "c1", someTPP, req, now)
			at := func() string {
				return zone.String() + " at " + now.In(zone).Format(time.RFC3339Nano) + ", until " + asked.String()
			}
			if over := asked.Before(today); over != errors.Is(err, consent.ErrRequest) || over != (err != nil) {
				t.Errorf("%s: got %v", at(), err)
			}
			if err != nil {
				continue
			}
			want := asked
			if last := today.AddDays(longest - 1); want.After(last) {
				want = last
			}
			if c.ValidUntil != want || c.LastActionDate != today {
				t.Errorf("%s: valid until %s, want %s; last action on %s", at(), c.ValidUntil, want, c.LastActionDate)
			}
			if !c.ExpiresAt.After(now) || day.Of(c.ExpiresAt.Add(-1), zone).After(want) || !day.Of(c.ExpiresAt, zone).After(want) {
				t.Errorf("%s: ends at %s", at(), c.ExpiresAt.In(zone))
			}
			if c, err = c.Authorise(now, zone, core.Success{UserID: "u1", Token: "t1"}, 0); err != nil {
				t.Errorf("%s: %v", at(), err)
			}
			if got := c.At(c.ExpiresAt.Add(-1), zone); got.Status != consent.Valid || got.LastActionDate != today {
				t.Errorf("%s: in its last moment it is %s, since %s", at(), got.Status, got.LastActionDate)
			}
			later := c.ExpiresAt.Add(time.Duration(r.Int64N(int64(1000 * time.Hour))))
			if got := c.At(later, zone); got.Status != consent.Expired || got.LastActionDate != day.Of(c.ExpiresAt, zone) || c.Usable(later) == nil {
				t.Errorf("%s: after its end it is %s, since %s", at(), got.Status, got.LastActionDate)
			}
		}
	}
}

// A one-off of today can be asked for until 23:59:59, in every time zone, and ends with its
// window or with the day, whichever is first.
func TestTheCalendarOfOneOffs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2026, 4))
	for _, zone := range zones(t) {
		for _, now := range moments(zone, r) {
			today := day.Of(now, zone)
			window := time.Duration(r.IntN(20)) * time.Minute
			b := bank(func(b *profile.Bank) { b.Zone, b.Consent.OneOffStrict, b.Consent.OneOffWindow = zone, true, window })
			for _, d := range []int{-1, 0, 1} {
				req := consent.Request{Access: consent.Access{AllPSD2: consent.AllAccounts}, ValidUntil: today.AddDays(d), FrequencyPerDay: 1}
				c, err := consent.New(b, "c1", someTPP, req, now)
				if (err == nil) != (d == 0) {
					t.Errorf("%s at %s, %d days off: %v", zone, now.In(zone), d, err)
				}
				if err != nil {
					continue
				}
				if c, err = c.Authorise(now, zone, core.Success{UserID: "u1", Token: "t1"}, window); err != nil {
					t.Errorf("%s at %s: %v", zone, now.In(zone), err)
				}
				end := c.ExpiresAt
				if by := now.Add(window); window > 0 && by.Before(end) {
					end = by
				}
				if !c.EndsAt().Equal(end) || c.At(end.Add(-1), zone).Status != consent.Valid || c.At(end, zone).Status != consent.Expired {
					t.Errorf("%s at %s: ends at %s, want %s", zone, now.In(zone), c.EndsAt().In(zone), end.In(zone))
				}
			}
		}
	}
}

// What is not authorised in time was rejected on the day on which the time was over.
func TestTheCalendarOfSCA(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2026, 5))
	for _, zone := range zones(t) {
		for _, now := range moments(zone, r) {
			b := bank(func(b *profile.Bank) { b.Zone, b.SCATimeout = zone, time.Duration(1+r.IntN(24*60))*time.Minute })
			req := recurring(consent.Access{AllPSD2: consent.AllAccounts})
			req.ValidUntil = day.Of(now, zone)
			c, err := consent.New(b, "c1", someTPP, req, now)
			if err != nil {
				t.Fatal(err)
			}
			end := now.Add(b.SCATimeout)
			if c.ExpiresAt.Before(end) {
				end = c.ExpiresAt
			}
			if got := c.At(end.Add(-1), zone).Status; got != consent.Received {
				t.Errorf("%s at %s: a moment before its end it is %s", zone, now.In(zone), got)
			}
			if got := c.At(end.AddDate(1, 0, 0), zone); got.Status != consent.Rejected || got.LastActionDate != day.Of(end, zone) {
				t.Errorf("%s at %s: %s since %s", zone, now.In(zone), got.Status, got.LastActionDate)
			}
		}
	}
}

// A consent to confirm funds lives until 9999-12-31 in every time zone.
func TestTheEndOfTheCalendar(t *testing.T) {
	t.Parallel()
	for _, zone := range zones(t) {
		req := recurring(consent.Access{Accounts: refs(byIBAN(ibanA))})
		req.ConfirmationOfFundsAllowed, req.ValidUntil = true, day.New(9999, 12, 31)
		c, err := consent.New(bank(func(b *profile.Bank) { b.Zone = zone }), "c1", someTPP, req, noon)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = c.Authorise(noon, zone, success, time.Minute); err != nil {
			t.Fatal(err)
		}
		last := time.Date(9999, 12, 31, 23, 59, 59, 0, zone)
		if c.At(last, zone).Status != consent.Valid || c.At(last.Add(time.Second), zone).Status != consent.Expired {
			t.Errorf("%s: ends at %s", zone, c.EndsAt().In(zone))
		}
	}
}
