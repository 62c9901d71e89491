package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A violation is a promise that did not hold.
type violation struct{ promise, text string }

// A report is what came of it all.
type report struct {
	seed     uint64
	kills    int
	killing  time.Duration
	restarts []time.Duration // how long each took

	acknowledged, unanswered, found, absent int // payments, by what their third party was told

	points, deaths int // requests to the disk that failed, and deaths of that
	full, failed   int // times a disk was full; requests that were answered 5xx

	repeated  int
	ambiguous int             // payments whose answer was lost
	cut       int             // answers that were
	finding   []time.Duration // from each such request until the hub knew

	executed, audited, polled int           // transfers at the bank; rows of the record; statuses heard
	cancelled                 int           // payments
	notified, toldAgain       int           // notifications: each once, and those that came again
	consents, ended           int           // consents that were approved, and those that were ended
	confirmed, turnedAway     int           // answers about funds; questions about what is somebody else's
	settled                   time.Duration // how long that took

	mu         sync.Mutex
	violations []violation
}

func (r *report) violate(promise, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations = append(r.violations, violation{promise, fmt.Sprintf(format, args...)})
}

// shownMax is how many violations are told in full.
const shownMax = 40

func (r *report) print(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	row("kills", r.kills)
	if r.kills > 0 {
		row("seconds of killing", fmt.Sprintf("%.1f", r.killing.Seconds()))
		row("kills per second", fmt.Sprintf("%.1f", float64(r.kills)/r.killing.Seconds()))
		slices.Sort(r.restarts)
		row("ready again, median and longest", fmt.Sprintf("%s, %s", r.restarts[len(r.restarts)/2].Round(time.Millisecond), r.restarts[len(r.restarts)-1].Round(time.Millisecond)))
	}
	if r.points > 0 {
		row("requests to the disk at which something failed", r.points)
		row("  of which a program died", r.deaths)
	}
	if r.full > 0 {
		row("times a disk was full", r.full)
		row("  requests that were answered 5xx", r.failed)
	}
	row("payments acknowledged", r.acknowledged)
	row("payments never acknowledged", r.unanswered)
	row("  found again by their X-Request-ID", r.found)
	row("  that never came to be", r.absent)
	row("payments cancelled", r.cancelled)
	row("transfers executed at the bank", r.executed)
	row("statuses heard", r.polled)
	row("rows of the record compared", r.audited)
	row("notifications delivered in their order", r.notified)
	row("  some of them more than once", r.toldAgain)
	row("consents approved, and ended", fmt.Sprintf("%d, %d", r.consents, r.ended))
	row("funds confirmed", r.confirmed)
	row("questions of somebody else turned away", r.turnedAway)
	if r.settled > 0 {
		row("everything settled after", r.settled.Round(100*time.Millisecond))
	}
	row(fmt.Sprintf("requests made %d times at once", copies), r.repeated)
	row("payments whose answer was lost", r.ambiguous)
	if r.ambiguous > 0 {
		row("  answers cut", r.cut)
		slices.Sort(r.finding)
		row("  known to the hub by asking", len(r.finding))
	}
	if len(r.finding) > 0 {
		row("  after, median and longest", fmt.Sprintf("%s, %s", r.finding[len(r.finding)/2].Round(100*time.Millisecond), r.finding[len(r.finding)-1].Round(100*time.Millisecond)))
	}
	row("violations", len(r.violations))
	t.Flush()
	for i, v := range r.violations {
		if i == shownMax {
			fmt.Fprintf(out, "and %d more\n", len(r.violations)-shownMax)
			break
		}
		fmt.Fprintf(out, "VIOLATION %s  %s\n", v.promise, v.text)
	}
	if len(r.violations) > 0 {
		fmt.Fprintf(out, "The same moments again: ./dev chaos -seed %d -kills %d\n", r.seed, r.kills)
	}
}
