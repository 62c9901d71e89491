package notify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/notify"
	"kontor/bank/tpp"
)

func TestParseContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []notify.Content // nil with a text: malformed
	}{
		{"nothing asks for nothing in particular", "", nil},
		{"one", "status=SCA", []notify.Content{notify.SCA}},
		{"all, in any order", "status=LAST,SCA,PROCESS", []notify.Content{notify.Last, notify.SCA, notify.Process}},
		{"a space after the comma does no harm", "status=SCA, LAST", []notify.Content{notify.SCA, notify.Last}},
		{"without the name", "SCA", nil},
		{"another name", "content=SCA", nil},
		{"an empty list", "status=", nil},
		{"an empty place in the list", "status=SCA,,LAST", nil},
		{"a comma at the end", "status=SCA,", nil},
		{"small letters", "status=sca", nil},
		{"an unknown word", "status=SCA,ALL", nil},
		{"a word that stands twice", "status=SCA,SCA", nil},
		{"far too long", "status=" + strings.Repeat("SCA,", 10000), nil},
		{"spaces around the sign", "status = SCA", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := notify.ParseContent(c.text)
			if !slices.Equal(got, c.want) || (err != nil) != (c.text != "" && c.want == nil) {
				t.Errorf("%v, %v", got, err)
			}
			if err != nil {
				return
			}
			if again, err := notify.ParseContent(notify.FormatContent(got)); c.text != "" && (err != nil || !slices.Equal(again, got)) {
				t.Errorf("written and read again: %v, %v", again, err)
			}
		})
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	const own = "https://told.fin-pregled.example/x?y=1"
	all := []notify.Content{notify.SCA, notify.Process, notify.Last}
	for _, c := range []struct {
		name      string
		uri       string
		preferred []notify.Content
		offered   []notify.Content
		want      []notify.Content // nil: nothing
	}{
		{"who prefers nothing is told all that is offered", own, nil, all, all},
		{"what is preferred and offered", own, []notify.Content{notify.Last, notify.SCA}, []notify.Content{notify.Process, notify.Last}, []notify.Content{notify.Last}},
		{"nothing of what is preferred is offered", own, []notify.Content{notify.SCA}, []notify.Content{notify.Last}, nil},
		{"nothing is offered", own, nil, nil, nil},
		{"the very domain of the certificate", "https://fin-pregled.example", nil, all, all},
		{"with a port", "https://fin-pregled.example:9443/told", nil, all, all},
		{"without TLS", "http://fin-pregled.example/", nil, all, nil},
		{"somebody else's domain", "https://other.example/", nil, all, nil},
		{"a domain that only ends the same", "https://nofin-pregled.example/", nil, all, nil},
		{"somebody else's domain behind a user's name", "https://fin-pregled.example@other.example/", nil, all, nil},
		{"an address in place of a name", "https://127.0.0.1/", nil, all, nil},
		{"with a fragment, which never travels", "https://fin-pregled.example/#x", nil, all, nil},
		{"too long", "https://fin-pregled.example/" + strings.Repeat("x", 2000), nil, all, nil},
		{"no URI at all", "https://fin-pregled.example/%zz", nil, all, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := notify.Grant(tpp.TPP{DNSNames: []string{"fin-pregled.example"}}, c.uri, c.preferred, c.offered)
			if got.IsZero() != (c.want == nil) || !slices.Equal(got.Content, c.want) || c.want != nil && got.URI != c.uri {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestTried(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

	t.Run("the pauses grow, and after a day it is dropped", func(t *testing.T) {
		t.Parallel()
		n, now := notify.Notice{CreatedAt: begin, NextAt: begin}, begin
		var pauses []time.Duration
		for n.DoneAt.IsZero() {
			if n = n.Tried(now, "status 500"); n.DoneAt.IsZero() {
				pauses = append(pauses, n.NextAt.Sub(now))
				now = n.NextAt
			}
			if len(pauses) > 50 {
				t.Fatal("it never ends")
			}
		}
		first := []time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour}
		if !slices.Equal(pauses[:5], first) || !slices.IsSorted(pauses) {
			t.Error(pauses)
		}
		if !n.Dropped || n.Failure != "status 500" || n.Attempts != len(pauses)+1 {
			t.Errorf("%+v", n)
		}
		if d := n.DoneAt.Sub(begin); d < 23*time.Hour || d > 25*time.Hour {
			t.Error(d)
		}
	})
	t.Run("one that is delivered is done, and its failure forgotten", func(t *testing.T) {
		t.Parallel()
		n := notify.Notice{CreatedAt: begin, LeasedTo: begin.Add(time.Minute)}.Tried(begin, "no answer").Tried(begin.Add(time.Second), "")
		if n.Dropped || n.Failure != "" || n.Attempts != 2 || !n.DoneAt.Equal(begin.Add(time.Second)) || !n.LeasedTo.IsZero() {
			t.Errorf("%+v", n)
		}
	})
	t.Run("one that waited a day behind another is tried once", func(t *testing.T) {
		t.Parallel()
		n := notify.Notice{CreatedAt: begin}.Tried(begin.Add(24*time.Hour), "no answer")
		if !n.Dropped || n.Attempts != 1 {
			t.Errorf("%+v", n)
		}
	})
}
