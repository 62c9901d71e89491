// Package tour shows and proves what Kontor does: it plays a licensed TPP, with its
// certificates, and the customers of a bank, with a browser at the bank's real pages and
// the text messages that the bank sends. It knows nothing but the ready file and speaks
// with nobody but sockets, so what holds here holds for everybody outside.
//
// The steps of the tour build on each other, as a customer's day does: the first that does
// not hold ends it.
package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"kontor/ready"
)

// stepMax bounds how long one step may take.
const stepMax = time.Minute

// Options say where the tour goes and what it prints.
type Options struct {
	Ready   ready.Ready
	Out     io.Writer // nil: prints nothing
	Verbose bool      // full requests and answers; tokens and passwords are shortened
	// Approaches, when there are any, are all that is played: redirect, oauth, decoupled, embedded.
	Approaches []string
	// Reports, when set, is given what the TPP read, and ordered, that is no JSON: account reports
	// with the Accept header, and messages about payments with their name.
	Reports func(accept string, report []byte)
}

// A Report says which steps held.
type Report struct {
	OK    bool   `json:"ok"`
	Steps []Step `json:"steps"`
}

// A Step is one thing that was tried. Detail says what was seen, or why it does not hold.
type Step struct {
	Chapter string `json:"chapter"`
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Millis  int64  `json:"ms"`
	Detail  string `json:"detail"`
}

// Run takes the tour.
func Run(ctx context.Context, o Options) Report {
	if o.Out == nil {
		o.Out = io.Discard
	}
	var r Report
	p := &printer{out: o.Out, verbose: o.Verbose}
	g, err := newGuide(o.Ready, p)
	if err = errors.Join(CheckApproaches(o.Approaches), err); err != nil {
		r.Steps = append(r.Steps, Step{Name: "The ready file names everything the tour needs", Detail: err.Error()})
		p.failed(r.Steps[0])
		p.ends(r)
		return r
	}
	g.reports = o.Reports
	p.begins(g)
	r.OK = true
	todo := chapters(g)
	if len(o.Approaches) > 0 {
		todo = approachChapters(o.Approaches...)
	}
	for i, c := range todo {
		p.chapter(i+1, c.title)
		for _, s := range c.steps {
			p.step(len(r.Steps)+1, s.name)
			done := g.take(ctx, s)
			done.Chapter = c.title
			r.Steps = append(r.Steps, done)
			if !done.OK {
				r.OK = false
				p.failed(done)
				p.ends(r)
				return r
			}
			p.held(done)
		}
	}
	p.ends(r)
	return r
}

// A step is told as a sentence, and returns what was seen in a few words.
type step struct {
	name string
	take func(context.Context, *guide) (detail string, err error)
}

// A chapter is what a reader looks for under one heading.
type chapter struct {
	title string
	steps []step
}

// chapters lists the tour in its order.
func chapters(g *guide) []chapter {
	all := []chapter{
		{"Account information: from the consent to the entries", accountSteps()},
		{"Limits of a consent", limitSteps()},
		{"Other consents, and how they end", consentSteps()},
		{"Payment initiation", paymentSteps()},
		{"Payments that come to nothing", rejectionSteps()},
		{"Confirmation of funds", fundsSteps()},
		{"What is refused", refusalSteps()},
		{"The profiles salt and bankart, to the letter", profileSteps()},
	}
	if g.standard.XS2A == "" {
		return all
	}
	all = append(all,
		chapter{"The standard profile: every consent", modelSteps()},
		chapter{"Every account", kindSteps()},
		chapter{"Every entry", entrySteps()},
		chapter{"Reports in every format", formatSteps()},
		chapter{"Cards and trusted beneficiaries", cardSteps()},
		chapter{"Older history, and SCA anew", historySteps()},
		chapter{"Counting, replacing, ending", endingSteps()},
		chapter{"Requests that are made again, and requests that are signed", requestSteps()},
		chapter{"What each bank says it can do", describedSteps()},
		chapter{"A payment inside OAuth", standardSteps()},
		chapter{"Confirmation of funds as a consent of its own", cardFundsSteps()},
		chapter{"Payments for a later day, and the calendar", laterSteps()},
		chapter{"Standing orders", standingSteps()},
		chapter{"Many payments in one order, as XML", bulkSteps()},
		chapter{"Payments that are taken back", cancelSteps()},
		chapter{"The bank tells the TPP by itself", notificationSteps()},
		chapter{"Signing baskets", basketSteps()},
	)
	if len(g.signers()) > 2 {
		all = append(all, chapter{"A company whose signers sign together", signerSteps()})
	}
	// The others are how most of the chapters before are played.
	return append(all, approachChapters(byDecoupled, byEmbedded)...)
}

func (g *guide) take(ctx context.Context, s step) Step {
	ctx, cancel := context.WithTimeout(ctx, stepMax)
	defer cancel()
	start := time.Now()
	detail, err := s.take(ctx, g)
	done := Step{Name: s.name, OK: err == nil, Millis: time.Since(start).Milliseconds(), Detail: detail}
	if err != nil {
		done.Detail = err.Error()
	}
	return done
}

// Take takes the tour, writes the report to jsonFile unless that is empty, and returns an error
// that names the step that does not hold.
func Take(ctx context.Context, o Options, jsonFile string) error {
	report := Run(ctx, o)
	return errors.Join(report.failure(), report.write(jsonFile))
}

// Against takes the tour at the sandbox that wrote readyFile.
func Against(ctx context.Context, readyFile string, o Options, jsonFile string) (err error) {
	if o.Ready, err = ready.Read(readyFile); err != nil {
		return err
	}
	return Take(ctx, o, jsonFile)
}

func (r Report) failure() error {
	for _, s := range r.Steps {
		if !s.OK {
			return fmt.Errorf("the tour ended at the step %q: %s", s.Name, s.Detail)
		}
	}
	return nil
}

func (r Report) write(file string) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
