package pages

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"kontor/e2e/chromium"
)

// axe finds the source of axe-core, or nothing.
func axe() string {
	for _, dir := range filepath.SplitList(os.Getenv("NODE_PATH")) {
		if source, err := os.ReadFile(filepath.Join(dir, "axe-core", "axe.min.js")); err == nil {
			return string(source)
		}
	}
	return ""
}

// A tab is one page of a browser profile of its own.
type tab struct {
	t      testing.TB
	ctx    context.Context
	own    []string // origins that it may ask for anything
	loaded chan struct{}

	mu      sync.Mutex
	asked   []string // documents, the last one last
	noticed []string // in the console, issues that the browser found, and requests to strangers
}

func openTab(t *testing.T, browser context.Context, own ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, own: own, loaded: make(chan struct{}, 64)}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.sees); err != nil {
		t.Fatal(err)
	}
	call(b, audits.Enable, cdp.Empty{})
	return b
}

// sees is told of everything that happens in the tab. It must not wait for the tab.
func (b *tab) sees(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			b.asked = append(b.asked, e.Request.URL)
		}
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && !slices.Contains(b.own, u.Scheme+"://"+u.Host) {
			b.noticed = append(b.noticed, "asks a stranger: "+e.Request.URL)
		}
	case *log.EventEntryAdded:
		// That a page has the status of an error is meant so.
		if e.Entry.Source != log.EntrySourceNetwork || !slices.Contains(b.asked, e.Entry.URL) {
			b.noticed = append(b.noticed, fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		b.noticed = append(b.noticed, "console: "+string(e.Type))
	case *runtime.EventExceptionThrown:
		b.noticed = append(b.noticed, "exception: "+e.ExceptionDetails.Text)
	case *audits.EventIssueAdded:
		b.noticed = append(b.noticed, "issue: "+string(e.Issue.Code))
	case *page.EventLoadEventFired:
		b.loaded <- struct{}{}
	}
}

// notices returns what was noticed since it was last asked.
func (b *tab) notices() []string {
	// The browser answers in order: what it had to say about the page is said after this.
	call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "0"})
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.noticed
	b.noticed = nil
	return all
}

func (b *tab) address() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.asked) == 0 {
		return "about:blank"
	}
	return b.asked[len(b.asked)-1]
}

func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, chromium.Patience)
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, chromium.Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("at %s: %v", b.address(), err)
	}
}

// goes does what leads to another page, and waits until that is there.
func (b *tab) goes(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for len(b.loaded) > 0 {
		<-b.loaded
	}
	b.do(steps...)
	select {
	case <-b.loaded:
	case <-time.After(chromium.Patience):
		b.t.Fatalf("no page came after %s", b.address())
	}
}

// evaluate runs script in the page, and waits where it has to.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, chromium.Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("at %s: %v", b.address(), err)
	}
	return v
}

// brings runs a script in every page that comes, before all else.
func (b *tab) brings(script string) {
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// wide sets the width of the screen.
func (b *tab) wide(width int64) {
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1})
}

// prefers sets what the reader prefers: a colour scheme, and that nothing moves.
func (b *tab) prefers(scheme string) {
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}
