// Package e2e leads PSUs through every page of Kontor in a real Chromium: from a TPP to the
// bank, through its pages and back, and to the pages that say what went wrong.
//
// A test of handlers does not see what a browser refuses: a policy that blocks our own style
// sheet, a form whose redirects it forbids, a page that is too wide for a phone. Here every
// page that is visited is looked at (page_test.go), whatever the journey is about, the first of
// each kind from all sides, and the journey that matters most is gone through once more without
// JavaScript. Journeys share one sandbox and one browser: there is one for each approach and each
// method of SCA, passkeys by the browser's virtual authenticator.
//
// KONTOR_SHOTS names a folder for pictures of every page.
package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"kontor/e2e/chromium"
)

// trusting has the browser trust certificates, by their keys.
func trusting(certificates []*x509.Certificate) chromedp.ExecAllocatorOption {
	var keys []string
	for _, c := range certificates {
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		keys = append(keys, base64.StdEncoding.EncodeToString(sum[:]))
	}
	return chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(keys, ","))
}

// A tab is one page of a browser profile of its own: nobody is logged in anywhere.
//
// A page that goes on by itself is kept from it until it has been looked at: every request
// for a document is paused first, and given up unless the tab is on its way.
type tab struct {
	t    *testing.T
	ctx  context.Context
	name string // of the journey, for pictures
	own  []string
	shot int

	gallery *gallery

	loaded chan struct{}
	held   chan string // the address that the page would have gone on to by itself

	mu      sync.Mutex
	moving  bool
	through bool // the next page is let go on
	visit   visit
}

// A visit is the way to one page, redirects included, and what was noticed on it.
type visit struct {
	documents []string // addresses on the way, the page's last
	foreign   []string // requests to hosts that are not of the sandbox
	noticed   []string // in the console, and issues that the browser found
	status    int64
	bytes     float64
}

// openTab makes a tab. own are the origins it may ask for anything.
func openTab(t *testing.T, browser context.Context, g *gallery, name string, own ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, gallery: g, name: name, own: own, loaded: make(chan struct{}, 8), held: make(chan string, 8)}
	// The tab lives as long as the context of this call.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.sees); err != nil {
		t.Fatal(err)
	}
	call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{ResourceType: network.ResourceTypeDocument}}})
	call(b, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}) // each page is weighed as if it were the first
	call(b, audits.Enable, cdp.Empty{})
	return b
}

// withoutScript turns JavaScript off.
func (b *tab) withoutScript() {
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, chromium.Patience)
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("%s: %s: %v", b.name, cmd.Method, err)
	}
	return r
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, chromium.Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: at %s: %v", b.name, b.address(), err)
	}
}

// sees is told of everything that happens in the tab. It must not wait for the tab.
func (b *tab) sees(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := &b.visit
	switch e := event.(type) {
	case *fetch.EventRequestPaused:
		if !b.moving {
			b.held <- e.Request.URL
			go chromedp.Call(b.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID, ErrorReason: network.ErrorReasonAborted})
			return
		}
		go chromedp.Call(b.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
	case *network.EventRequestWillBeSent:
		if !b.moving {
			return // by the page itself
		}
		if e.Type == network.ResourceTypeDocument {
			v.documents = append(v.documents, e.Request.URL)
		}
		if e.RedirectResponse != nil {
			v.bytes += e.RedirectResponse.EncodedDataLength
		}
		if !b.isOwn(e.Request.URL) {
			v.foreign = append(v.foreign, e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			v.status = e.Response.Status
		}
	case *network.EventLoadingFinished:
		v.bytes += e.EncodedDataLength
	case *log.EventEntryAdded:
		// That a page was answered with its error status is meant so; page.status is checked.
		if e.Entry.Source == log.EntrySourceNetwork && slices.Contains(v.documents, e.Entry.URL) && v.status >= 400 {
			return
		}
		v.noticed = append(v.noticed, fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		v.noticed = append(v.noticed, "console: "+string(e.Type))
	case *runtime.EventExceptionThrown:
		v.noticed = append(v.noticed, "exception: "+e.ExceptionDetails.Text)
	case *audits.EventIssueAdded:
		// A way through the hub's origin looks to the browser like that of a tracker. It may
		// forget our cookie an hour later; the cookie is not needed that long.
		if e.Issue.Code == audits.InspectorIssueCodeBounceTrackingIssue {
			return
		}
		v.noticed = append(v.noticed, issue(e.Issue))
	case *page.EventLoadEventFired:
		if b.through {
			b.through, b.visit = false, visit{}
			return
		}
		b.moving = false
		b.loaded <- struct{}{}
	}
}

func issue(i *audits.InspectorIssue) string {
	if d := i.Details.ContentSecurityPolicyIssueDetails; d != nil {
		return fmt.Sprintf("issue: policy %s blocked %s (%s)", d.ViolatedDirective, d.BlockedURL, d.ContentSecurityPolicyViolationType)
	}
	return "issue: " + string(i.Code)
}

func (b *tab) isOwn(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "data" || slices.Contains(b.own, u.Scheme+"://"+u.Host))
}

func (b *tab) address() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.visit.documents); n > 0 {
		return b.visit.documents[n-1]
	}
	return "about:blank"
}

// goes does what leads to another page, and waits until that is there.
func (b *tab) goes(steps ...chromedp.Action[chromedp.Void]) visit {
	b.t.Helper()
	b.mu.Lock()
	b.visit, b.moving = visit{}, true
	for len(b.held) > 0 { // nobody asked where the last page would have gone
		<-b.held
	}
	b.mu.Unlock()
	b.do(steps...)
	select {
	case <-b.loaded:
	case <-time.After(chromium.Patience):
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%s: no page came; on the way: %q; noticed: %q", b.name, b.visit.documents, b.visit.noticed)
	}
	// The browser answers in order: what it had to say about the page is said after this.
	call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "0"})
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.visit
}

// wouldGo waits until the page has tried to go on by itself, and returns where to.
func (b *tab) wouldGo() string {
	b.t.Helper()
	select {
	case address := <-b.held:
		return address
	case <-time.After(chromium.Patience):
		b.t.Fatalf("%s: the page %s did not go on by itself", b.name, b.address())
		return ""
	}
}

// goesOn lets a page that would go on do so: it is loaded again, and not kept from it.
func (b *tab) goesOn() visit {
	b.t.Helper()
	b.wouldGo()
	b.mu.Lock()
	b.through = true
	b.mu.Unlock()
	return b.goes(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.Reload, page.ReloadParams{})
		return err
	}))
}

func click(css string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(css)) }

// button clicks the one with this action.
func button(action string) chromedp.Action[chromedp.Void] {
	return click("button[value=" + action + "]")
}

// fill types text into a field, in place of what the page has put there.
func fill(id, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Clear(chromedp.ID(id)), chromedp.SendKeys(chromedp.ID(id), text))
}
