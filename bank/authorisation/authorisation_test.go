package authorisation_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// made returns an authorisation in status that has five minutes.
func made(status authorisation.Status) authorisation.Authorisation {
	return authorisation.Authorisation{
		Bank: "lon", ID: "a1", Kind: authorisation.OfConsent, Subject: "c1", TPP: "PSDSI-BS-1234567", Status: status,
		Session: "s1", ReturnKey: "r1", CreatedAt: noon, ExpiresAt: noon.Add(5 * time.Minute),
	}
}

func TestUpdate(t *testing.T) {
	soon := noon.Add(time.Minute)
	for _, tt := range []struct {
		name   string
		from   authorisation.Status
		url    string // that was told before
		update core.Update
		at     time.Time
		want   authorisation.Status
		err    error
	}{
		{"one step on", authorisation.Received, "", core.Update{SCAStatus: "psuIdentified"}, soon, authorisation.PSUIdentified, nil},
		{"several steps on", authorisation.Received, "", core.Update{SCAStatus: "started"}, soon, authorisation.Started, nil},
		{"a step back is ignored", authorisation.Started, "", core.Update{SCAStatus: "psuIdentified"}, soon, authorisation.Started, nil},
		{"the same again", authorisation.Started, "", core.Update{SCAStatus: "started"}, soon, authorisation.Started, nil},
		{"no status", authorisation.PSUIdentified, "", core.Update{RedirectURL: "https://bank.example/p"}, soon, authorisation.PSUIdentified, nil},
		{"a word that means nothing", authorisation.PSUIdentified, "", core.Update{SCAStatus: "dancing"}, soon, authorisation.PSUIdentified, nil},
		{"finalised is not for an update to say", authorisation.Started, "", core.Update{SCAStatus: "finalised"}, soon, authorisation.Started, nil},
		{"nor is failed", authorisation.Started, "", core.Update{SCAStatus: "failed"}, soon, authorisation.Started, nil},
		{"exempted before any page", authorisation.Received, "", core.Update{SCAStatus: "exempted"}, soon, authorisation.Exempted, nil},
		{"a PSU who has a page is not exempted any more", authorisation.Received, "https://bank.example/p", core.Update{SCAStatus: "exempted"}, soon, authorisation.Received, nil},
		{"after the good end", authorisation.Finalised, "", core.Update{SCAStatus: "started"}, soon, authorisation.Finalised, core.ErrSessionFinalised},
		{"after an exemption", authorisation.Exempted, "", core.Update{SCAStatus: "started"}, soon, authorisation.Exempted, core.ErrSessionFinalised},
		{"after the bad end", authorisation.Failed, "", core.Update{SCAStatus: "started"}, soon, authorisation.Failed, core.ErrSessionClosed},
		{"in the last moment", authorisation.Received, "", core.Update{SCAStatus: "started"}, noon.Add(5*time.Minute - 1), authorisation.Started, nil},
		{"too late", authorisation.Received, "", core.Update{SCAStatus: "started"}, noon.Add(5 * time.Minute), authorisation.Received, core.ErrSessionExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := made(tt.from)
			a.BankURL = tt.url
			got, err := a.Update(tt.at, tt.update)
			if got.Status != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("got %s, %v; want %s, %v", got.Status, err, tt.want, tt.err)
			}
		})
	}
}

func TestUpdateKeepsPageAndMessage(t *testing.T) {
	a, _ := made(authorisation.Received).Update(noon, core.Update{RedirectURL: "https://bank.example/p", PSUMessage: "Open your app."})
	a, err := a.Update(noon, core.Update{SCAStatus: "started"})
	if err != nil || a.BankURL != "https://bank.example/p" || a.PSUMessage != "Open your app." {
		t.Errorf("got %q, %q, %v", a.BankURL, a.PSUMessage, err)
	}
}

func TestTheBankMayGiveMoreTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		asked time.Duration // from the moment of the update
		want  time.Duration
	}{
		{"more", 20 * time.Minute, 20 * time.Minute},
		{"thirty minutes", 30 * time.Minute, 30 * time.Minute},
		{"a day is cut to thirty minutes", 24 * time.Hour, 30 * time.Minute},
		{"less is ignored", time.Minute, 4 * time.Minute},
		{"the past is ignored", -time.Hour, 4 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := noon.Add(time.Minute)
			got, err := made(authorisation.Received).Update(now, core.Update{ExpiresAt: now.Add(tt.asked)})
			if left := got.ExpiresAt.Sub(now); err != nil || left != tt.want {
				t.Errorf("got %v more, %v; want %v", left, err, tt.want)
			}
		})
	}
	t.Run("and is not taken away by the limit", func(t *testing.T) {
		a := made(authorisation.Received)
		a.ExpiresAt = noon.Add(time.Hour) // the profile gives an hour
		if got, err := a.Update(noon, core.Update{ExpiresAt: noon.Add(2 * time.Hour)}); err != nil || got.ExpiresAt.Before(a.ExpiresAt) {
			t.Errorf("got %v less", a.ExpiresAt.Sub(got.ExpiresAt))
		}
	})
}

func TestSucceed(t *testing.T) {
	soon := noon.Add(time.Minute)
	ok, other := core.Success{UserID: "u1", Token: "t1"}, core.Success{UserID: "u1", Token: "t2"}
	done, _, err := made(authorisation.Started).Succeed(soon, ok)
	if err != nil || done.Status != authorisation.Finalised || done.PSU != "u1" || !done.FinalisedAt.Equal(soon) {
		t.Fatalf("got %+v, %v", done, err)
	}
	exempted, _ := made(authorisation.Received).Update(soon, core.Update{SCAStatus: "exempted"})
	exemptedDone, _, _ := exempted.Succeed(soon, ok)
	closed := made(authorisation.Started).Close(soon)
	for _, tt := range []struct {
		name  string
		a     authorisation.Authorisation
		with  core.Success
		at    time.Time
		again bool
		err   error
		want  authorisation.Status
	}{
		{"before any update", made(authorisation.Received), ok, soon, false, nil, authorisation.Finalised},
		{"the same success once more", done, ok, soon.Add(time.Second), true, nil, authorisation.Finalised},
		{"the same within ten minutes", done, ok, soon.Add(10*time.Minute - 1), true, nil, authorisation.Finalised},
		{"the same after ten minutes", done, ok, soon.Add(10 * time.Minute), false, core.ErrSessionFinalised, authorisation.Finalised},
		{"a different success", done, other, soon, false, core.ErrSessionFinalised, authorisation.Finalised},
		{"a success without token after one with", done, core.Success{UserID: "u1"}, soon, false, core.ErrSessionFinalised, authorisation.Finalised},
		{"after the end", closed, ok, soon, false, core.ErrSessionClosed, authorisation.Failed},
		{"too late", made(authorisation.Started), ok, noon.Add(5 * time.Minute), false, core.ErrSessionExpired, authorisation.Started},
		{"of one that needed no SCA", exempted, ok, soon, false, nil, authorisation.Exempted},
		{"of one that needed no SCA, after its time", exempted, ok, noon.Add(time.Hour), false, nil, authorisation.Exempted},
		{"of one that needed no SCA, once more", exemptedDone, ok, soon, true, nil, authorisation.Exempted},
		{"of one that needed no SCA, another", exemptedDone, other, soon, false, core.ErrSessionFinalised, authorisation.Exempted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, again, err := tt.a.Succeed(tt.at, tt.with)
			if again != tt.again || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || got.Status != tt.want {
				t.Errorf("got %s, again %v, %v; want %s, %v, %v", got.Status, again, err, tt.want, tt.again, tt.err)
			}
		})
	}
}

func TestFail(t *testing.T) {
	soon := noon.Add(time.Minute)
	for _, tt := range []struct {
		name string
		from authorisation.Status
		at   time.Time
		want authorisation.Status
		err  error
	}{
		{"under way", authorisation.Started, soon, authorisation.Failed, nil},
		{"before the PSU came", authorisation.Received, soon, authorisation.Failed, nil},
		{"after the good end", authorisation.Finalised, soon, authorisation.Finalised, core.ErrSessionFinalised},
		{"twice", authorisation.Failed, soon, authorisation.Failed, core.ErrSessionClosed},
		{"too late", authorisation.Started, noon.Add(5 * time.Minute), authorisation.Started, core.ErrSessionExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := made(tt.from).Fail(tt.at, core.Fail{UserID: "u1"})
			if got.Status != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("got %s, %v; want %s, %v", got.Status, err, tt.want, tt.err)
			}
		})
	}
}

func TestTimeAlone(t *testing.T) {
	for status, want := range map[authorisation.Status]authorisation.Status{
		authorisation.Received: authorisation.Failed, authorisation.Started: authorisation.Failed,
		authorisation.Finalised: authorisation.Finalised, authorisation.Exempted: authorisation.Exempted, authorisation.Failed: authorisation.Failed,
	} {
		if got := made(status).At(noon.Add(5 * time.Minute)).Status; got != want {
			t.Errorf("%s: got %s, want %s", status, got, want)
		}
		if got := made(status).At(noon.Add(5*time.Minute - 1)).Status; got != status {
			t.Errorf("%s, a moment before: got %s", status, got)
		}
	}
}

// Whatever comes in whatever order: an scaStatus never goes back, and an end is an end.
func TestEventsInAnyOrder(t *testing.T) {
	rank := map[authorisation.Status]int{
		authorisation.Received: 0, authorisation.PSUIdentified: 1, authorisation.PSUAuthenticated: 2, authorisation.SCAMethodSelected: 3, authorisation.Started: 4,
		authorisation.Finalised: 5, authorisation.Failed: 5, authorisation.Exempted: 5,
	}
	words := []string{"", "received", "psuIdentified", "psuAuthenticated", "scaMethodSelected", "started", "finalised", "failed", "exempted", "nonsense"}
	rapid.Check(t, func(t *rapid.T) {
		a, at := made(authorisation.Received), noon
		for range rapid.IntRange(1, 15).Draw(t, "events") {
			at = at.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			before := a.At(at)
			var err error
			switch rapid.SampledFrom([]string{"update", "update", "update", "succeed", "fail", "close"}).Draw(t, "event") {
			case "update":
				u := core.Update{SCAStatus: rapid.SampledFrom(words).Draw(t, "scaStatus"), RedirectURL: rapid.SampledFrom([]string{"", "https://bank.example/p"}).Draw(t, "url")}
				if rapid.Bool().Draw(t, "more time") {
					u.ExpiresAt = at.Add(time.Hour)
				}
				a, err = a.Update(at, u)
			case "succeed":
				a, _, err = a.Succeed(at, core.Success{UserID: "u1", Token: rapid.SampledFrom([]string{"t1", "t2"}).Draw(t, "token")})
			case "fail":
				a, err = a.Fail(at, core.Fail{})
			case "close":
				a = a.Close(at)
			}
			after := a.At(at)
			if rank[after.Status] < rank[before.Status] || before.Status.Final() && after.Status != before.Status {
				t.Fatalf("%s became %s", before.Status, after.Status)
			}
			if err != nil && after.Status != before.Status {
				t.Fatalf("refused (%v), and yet %s became %s", err, before.Status, after.Status)
			}
			if after.ExpiresAt.Sub(at) > 30*time.Minute {
				t.Fatalf("it has %v left", after.ExpiresAt.Sub(at))
			}
		}
	})
}
