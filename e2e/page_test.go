package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"kontor/e2e/chromium"
)

// Limits that hold for every page.
const (
	bytesMax    = 50_000 // to see it, all it loads included
	narrowest   = 320    // CSS pixels without scrolling sideways (WCAG 2.2, 1.4.10)
	targetLeast = 24     // CSS pixels of what is clicked (WCAG 2.2, 2.5.8)
)

// Seen is what a page says about itself when it is looked at from inside.
type seen struct {
	Title, Lang, Text string
	Alert             string   // what went wrong
	Headings          int      // h1
	Icon              string   // address
	Refresh           string   // where it goes by itself
	Faults            []string // in what it is made of
	Width             float64  // at the narrowest
	Contrast          []string // texts that can hardly be read
}

// looks runs in the page.
const looks = `(() => {
	const faults = [], text = e => (e.textContent || '').replace(/\s+/g, ' ').trim();
	const name = e => e.getAttribute('aria-label') || text(e);
	for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
		if (!e.getAttribute('aria-label') && ![...(e.labels || [])].some(l => text(l))) faults.push('no label: ' + e.outerHTML);
	for (const e of document.querySelectorAll('a, button, summary')) if (!name(e)) faults.push('no name: ' + e.outerHTML);
	for (const e of document.querySelectorAll('img:not([alt])')) faults.push('no alt: ' + e.outerHTML);
	for (const e of document.querySelectorAll('[style], script:not([src]), style')) faults.push('inline: ' + e.outerHTML.slice(0, 80));
	const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
	for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) faults.push('id twice: ' + id);
	for (const e of document.querySelectorAll('[aria-describedby], [aria-labelledby], label[for]'))
		for (const a of ['aria-describedby', 'aria-labelledby', 'for'])
			for (const id of (e.getAttribute(a) || '').split(' ').filter(Boolean)) if (!document.getElementById(id)) faults.push(a + ' leads nowhere: ' + id);
	if (!document.querySelector('meta[name=viewport]')) faults.push('no viewport');
	if (document.compatMode !== 'CSS1Compat') faults.push('quirks mode');
	if (document.querySelectorAll('main').length !== 1) faults.push('main: ' + document.querySelectorAll('main').length);
	let level = 0;
	for (const h of document.querySelectorAll('h1, h2, h3, h4')) {
		if (+h.tagName[1] > level + 1) faults.push('heading skips a level: ' + text(h));
		level = +h.tagName[1];
	}
	for (const e of document.querySelectorAll('button, a.button, input:not([type=hidden])')) {
		if (!e.checkVisibility()) continue;
		const r = e.getBoundingClientRect();
		if (r.width < LEAST || r.height < LEAST) if (!['radio', 'checkbox'].includes(e.type)) faults.push('too small to hit: ' + e.outerHTML);
	}
	const refresh = document.querySelector('meta[http-equiv=refresh]'), alert = document.querySelector('[role=alert]:not([hidden])');
	return {Title: document.title, Lang: document.documentElement.lang, Text: document.body.innerText, Alert: alert ? text(alert) : '',
		Headings: document.querySelectorAll('h1').length, Icon: document.querySelector('link[rel=icon]')?.href || '', Refresh: refresh ? refresh.content : '', Faults: faults};
})()`

// contrasts runs in the page, once for each colour scheme. Texts need 4.5:1, large ones 3:1
// (WCAG 2.2, 1.4.3).
const contrasts = `(() => {
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const lum = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
	const bad = [];
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
		const s = getComputedStyle(e), a = lum(parse(s.color)), b = lum(ground(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		const size = parseFloat(s.fontSize), large = size >= 24 || size >= 18.66 && +s.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) bad.push(ratio.toFixed(1) + ':1 ' + e.textContent.trim().slice(0, 40));
	}
	return bad;
})()`

func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, chromium.Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: at %s: %v", b.name, b.address(), err)
	}
	return v
}

// A gallery remembers which kinds of pages were looked at from all sides. A kind is the same page
// with the same status: it only has other names and numbers, and its sides take most of the time.
type gallery struct {
	mu    sync.Mutex
	kinds map[string]bool
}

// isNew says whether nobody has looked at this kind from all sides, which the asker does now.
func (g *gallery) isNew(kind string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := g.kinds[kind]
	if g.kinds == nil {
		g.kinds = map[string]bool{}
	}
	g.kinds[kind] = true
	return !seen
}

// look looks at the page from inside, and at the first of each kind wide and narrow, light and dark.
func (b *tab) look() seen {
	b.t.Helper()
	s := evaluate[seen](b, strings.ReplaceAll(looks, "LEAST", fmt.Sprint(targetLeast)))
	b.mu.Lock()
	status := b.visit.status
	b.mu.Unlock()
	if !b.gallery.isNew(fmt.Sprint(status, " ", s.Title, s.Alert != "")) {
		return s
	}
	b.wide(narrowest, false)
	s.Width = evaluate[float64](b, "document.scrollingElement.scrollWidth")
	b.wide(0, false)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, c := range evaluate[[]string](b, contrasts) {
			s.Contrast = append(s.Contrast, scheme+": "+c)
		}
	}
	b.scheme("")
	return s
}

// wide sets the width of the screen; 0: the window's own.
func (b *tab) wide(width int64, phone bool) {
	b.t.Helper()
	if width == 0 {
		call(b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
		// The window gets its size back a moment later: what is clicked until then is missed.
		if !eventually(func() bool { return evaluate[bool](b, fmt.Sprint("innerWidth > ", 2*narrowest)) }) {
			b.t.Errorf("%s: the window stays narrow", b.name)
		}
		return
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1, Mobile: phone})
}

func (b *tab) scheme(name string) {
	b.t.Helper()
	var features []*emulation.MediaFeature
	if name != "" {
		features = []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

// faults lists what is wrong with a page and with the way to it.
func (v visit) faults(s seen) []string {
	all := slices.Concat(v.noticed, s.Faults, s.Contrast)
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	for _, f := range v.foreign {
		add(true, "asks a stranger: %s", f)
	}
	add(s.Lang == "", "no language")
	add(s.Title == "", "no title")
	add(s.Icon == "", "no icon: browsers would ask for one that is not there")
	add(s.Headings != 1, "%d main headings", s.Headings)
	add(v.bytes == 0 || v.bytes > bytesMax, "%.0f bytes, not up to %d", v.bytes, bytesMax)
	add(s.Width > narrowest, "%.0f pixels wide on a screen of %d", s.Width, narrowest)
	return all
}

// comes does what leads to a page of ours, and checks the page. It must have the status, and
// show the texts.
func (b *tab) comes(status int64, texts []string, steps ...chromedp.Action[chromedp.Void]) seen {
	b.t.Helper()
	return b.check(b.goes(steps...), status, texts...)
}

func (b *tab) check(v visit, status int64, texts ...string) seen {
	b.t.Helper()
	s := b.look()
	for _, f := range v.faults(s) {
		b.t.Errorf("%s: page %q (%s): %s", b.name, s.Title, v.documents[len(v.documents)-1], f)
	}
	if v.status != status {
		b.t.Errorf("%s: page %q (%s) has status %d, not %d", b.name, s.Title, b.address(), v.status, status)
	}
	shown := s.Title + "\n" + spaces.ReplaceAllString(s.Text, " ")
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			b.t.Fatalf("%s: page %q (%s) does not show %q, but:\n%s", b.name, s.Title, b.address(), text, s.Text)
		}
	}
	b.photograph(s)
	return s
}

var (
	spaces = regexp.MustCompile(`\s+`)
	others = regexp.MustCompile(`[^a-z0-9]+`)
)

// photograph takes pictures of the page, as on a phone and on a desk, where they are wanted.
func (b *tab) photograph(s seen) {
	b.t.Helper()
	b.shot++
	folder := os.Getenv("KONTOR_SHOTS")
	if folder == "" {
		return
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, kind := range []struct {
		name, scheme string
		width        int64
	}{{"phone", "light", 390}, {"phone-dark", "dark", 390}, {"desk", "light", 1280}} {
		b.wide(kind.width, kind.width < 1000)
		b.scheme(kind.scheme)
		picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true)})
		name := fmt.Sprintf("%s-%02d-%s-%s.png", b.name, b.shot, strings.Trim(others.ReplaceAllString(strings.ToLower(s.Title), "-"), "-"), kind.name)
		if err := os.WriteFile(filepath.Join(folder, name), picture.Data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.scheme("")
	b.wide(0, false)
}

// TestFaultsAreSeen shows a page that has them: a look that finds nothing would always pass.
func TestFaultsAreSeen(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t, nil)
	const policy = "default-src 'none'; style-src 'self'; form-action 'self'"
	mux := http.NewServeMux()
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		fmt.Fprintf(w, `<html><body style="width: 400px"><h1>One</h1><h1>Two</h1><h3>Three</h3><p id=a class=pale>pale</p><input id=a><button></button>
			<img src="%s/x.png"><label for=nobody>Nobody</label><script>document.title = "script"</script>%s</body></html>`, stranger.URL, strings.Repeat("<!-- filled -->", 5000))
	})
	mux.HandleFunc("GET /free", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><html lang=en><title>Free</title><main><h1>Free</h1><p style="color: #bbb">pale</p><img alt="" src="%s/x.png"></main><script>console.error("oh")</script>`, stranger.URL)
	})
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		fmt.Fprint(w, `<!doctype html><html lang=en><title>Form</title><form method=post action=/away><button value=go>Go</button></form>`)
	})
	mux.HandleFunc("POST /away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, stranger.URL, http.StatusSeeOther) })
	server := httptest.NewServer(mux)
	defer server.Close()

	b := openTab(t, browser, &gallery{}, "faults", server.URL)
	for _, c := range []struct {
		path string
		want []string
	}{
		{"/bad", []string{"policy script-src", "policy style-src", "policy img-src", "no language", "no title", "no icon", "2 main headings", "no label", "no name",
			"no alt", "inline", "id twice", "for leads nowhere", "no viewport", "quirks mode", "main: 0", "skips a level", "bytes, not up to"}},
		{"/free", []string{"asks a stranger", "console: error", ":1 pale"}},
	} {
		v := b.goes(chromium.Navigate(server.URL + c.path))
		all := strings.Join(v.faults(b.look()), "\n")
		for _, want := range c.want {
			if !strings.Contains(all, want) {
				t.Errorf("%s: %q is not noticed, only:\n%s", c.path, want, all)
			}
		}
	}
	// This is what a form at a bank must not end in.
	b.goes(chromium.Navigate(server.URL + "/form"))
	b.mu.Lock()
	b.moving = true
	b.mu.Unlock()
	b.do(button("go"))
	blocked := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.visit.noticed, func(s string) bool { return strings.Contains(s, "form-action") })
	}
	if !eventually(blocked) {
		t.Error("a form that ends in a redirect to another origin is not noticed")
	}
}
