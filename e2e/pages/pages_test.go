// Package pages looks at every page that Kontor shows to customers, in every language that it
// speaks: what WCAG 2.2 AA asks of it, how narrow and how light it is, and that nothing on it is
// in the way of a third party's customer that is not in the way of the bank's own.
//
// Package walk comes to the pages. Each is asked for once in each language, and kept; Chromium is
// shown what was kept, by an address here that sends it as it came, its headers included. So a
// page is looked at light and dark, narrow and wide, without being made again. axe-core, which
// others wrote, says what is not accessible; NODE_PATH leads to it.
//
// One journey is gone through in the browser itself: with nothing but a keyboard, and without
// JavaScript. Package e2e goes through the others.
package pages

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"kontor/app"
	"kontor/e2e/walk"
	"kontor/kit/sqldb"
	"kontor/ready"
)

// Limits that hold for every page.
const (
	weightMax = 50_000 // bytes to see it, all it loads included
	narrowest = 320    // CSS pixels without scrolling sideways (WCAG 2.2, 1.4.10)
)

var languages = []string{"en", "sl", "ro", "de"}

// A shown page is one in one language.
type shown struct {
	kind, language string
	form           bool
	did            []string
	walk.Page
}

func (s shown) String() string { return s.kind + " (" + s.language + ")" }

func TestPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	world := sandbox(t, dir)
	all := collect(t, dir, world)

	t.Run("every template was seen", func(t *testing.T) {
		t.Parallel()
		everyTemplate(t, all)
	})
	t.Run("what they are made of", func(t *testing.T) {
		t.Parallel()
		for _, s := range all {
			for _, fault := range s.faults() {
				t.Errorf("%s: %s", s, fault)
			}
		}
	})
	t.Run("nothing is in the way", func(t *testing.T) {
		t.Parallel()
		obstacles(t, all)
	})
	t.Run("in a browser", func(t *testing.T) {
		t.Parallel()
		inBrowser(t, world, all)
	})
}

// sandbox starts hub and banks, and ends them with the test.
func sandbox(t *testing.T, dir string) ready.Ready {
	t.Helper()
	const free = "127.0.0.1:0"
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	dev, err := app.NewDev(ctx, app.DevOptions{Data: dir, API: free, Web: free, WebTLS: free, Bank: free}, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		stop()
		t.Fatal(err)
	}
	ended, started := make(chan error, 1), make(chan struct{})
	go func() { ended <- dev.Run(ctx, func() error { close(started); return nil }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the sandbox did not end well: %v", err)
		}
	})
	<-started
	return dev.Ready
}

// collect keeps every page in every language.
func collect(t *testing.T, dir string, world ready.Ready) []shown {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(dir, "banks.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all []shown
	w := walk.Walk{
		Sandbox: world,
		Expire: func(journey string) error {
			_, err := db.Exec(t.Context(), `UPDATE corebank_journey SET expires_at = 1 WHERE id = $1`, journey)
			return err
		},
		See: func(s walk.Stop) error {
			in := s.Languages
			if len(in) == 0 {
				in = languages
			}
			got, errs := make([]shown, len(in)), make([]error, len(in))
			var wait sync.WaitGroup
			for i, language := range in {
				load := func() {
					got[i] = shown{kind: s.Kind, language: language, form: s.Form, did: s.Did}
					got[i].Page, errs[i] = s.Load(t.Context(), language)
				}
				if s.Waits { // all at once: the time is spent once
					wait.Go(load)
				} else {
					load()
				}
			}
			wait.Wait()
			for _, err := range errs {
				if err != nil {
					return err
				}
			}
			all = append(all, got...)
			return nil
		},
	}
	if err := w.Go(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all
}

// everyTemplate fails where there is a template, or a language, in which nothing was seen.
func everyTemplate(t *testing.T, all []shown) {
	want := map[string]bool{}
	for house, folder := range map[string]string{"bank": "../../corebank/templates", "hub": "../../web/templates"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.html"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no templates in %s: %v", folder, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".html")
			if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), `{{define "content"}}`) {
				continue // a part of others
			}
			for _, language := range languages {
				want[house+"/"+name+" "+language] = true
			}
		}
	}
	for _, s := range all {
		template, _, _ := strings.Cut(s.kind, ":")
		delete(want, template+" "+s.language)
	}
	for missing := range want {
		t.Errorf("no page was seen of %s", missing)
	}
}

var (
	langOf   = regexp.MustCompile(`<html lang="([^"]*)"`)
	loads    = regexp.MustCompile(`<(?:link|img|script|iframe|object|video|audio)\b[^>]*\b(?:href|src|data)="([^"]*)"`)
	inline   = regexp.MustCompile(`<style|\bstyle="|<script>|\bon[a-z]+="|javascript:`)
	moves    = regexp.MustCompile(`<meta http-equiv="refresh" content="([^";]*)[^"]*">`)
	policies = []string{"default-src 'none'", "style-src 'self'", "img-src 'self' data:", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"}
)

// faults lists what is wrong with a page that can be seen without a browser.
func (s shown) faults() []string {
	var all []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	lang := langOf.FindStringSubmatch(s.Body)
	add(lang == nil || lang[1] != s.language, "its language is %q", lang)
	add(s.Header.Get("Content-Language") != s.language, "Content-Language: %s", s.Header.Get("Content-Language"))
	add(s.Status >= http.StatusInternalServerError, "status %d", s.Status)
	for _, m := range loads.FindAllStringSubmatch(s.Body, -1) {
		local := strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "//")
		add(!local && !strings.HasPrefix(m[1], "data:image/"), "it loads %s", m[1])
	}
	if m := inline.FindString(s.Body); m != "" {
		add(true, "it has %s in it", m)
	}
	// A page that leaves does so at once: after a while, it would be taken from its reader (WCAG 2.2, 2.2.1).
	if m := moves.FindStringSubmatch(s.Body); m != nil {
		add(m[1] != "0", "it leaves after %s seconds", m[1])
	}
	for _, policy := range policies {
		add(!strings.Contains(s.Header.Get("Content-Security-Policy"), policy), "its policy lacks %s", policy)
	}
	add(strings.Contains(s.Header.Get("Content-Security-Policy"), "unsafe"), "its policy allows what is not safe")
	return all
}

// A screen sends what was kept.
type screen struct {
	all    []shown
	origin map[string]string // where files are, by the first part of their path

	mu    sync.Mutex
	files map[string]file
}

type file struct {
	kind string
	body []byte
}

func (s *screen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var i int
	if n, err := fmt.Sscanf(r.URL.Path, "/seen/%d", &i); err == nil && n == 1 && i < len(s.all) {
		for _, name := range []string{"Content-Type", "Content-Language", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"} {
			w.Header().Set(name, s.all[i].Header.Get(name))
		}
		w.WriteHeader(s.all[i].Status)
		// It would leave before it is looked at. What axe would say of that, faults does.
		fmt.Fprint(w, moves.ReplaceAllString(s.all[i].Body, ""))
		return
	}
	f, err := s.file(r.URL.Path)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(f.body)
}

// file asks for a file where the pages come from, once.
func (s *screen) file(name string) (file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.files[name]; ok {
		return f, nil
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	resp, err := http.Get(s.origin[first] + name)
	if err != nil {
		return file{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return file{}, fmt.Errorf("%s: %s", name, resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	s.files[name] = file{resp.Header.Get("Content-Type"), body}
	return s.files[name], err
}

// weight is what it takes to see page i for the first time.
func (s *screen) weight(i int) (int, error) {
	total := s.all[i].Weight
	for _, m := range loads.FindAllStringSubmatch(s.all[i].Body, -1) {
		if strings.HasPrefix(m[1], "/") {
			f, err := s.file(m[1])
			if err != nil {
				return 0, err
			}
			total += len(f.body)
		}
	}
	return total, nil
}

// look runs in the page.
const look = `(() => {
	const all = [], name = e => e.outerHTML.slice(0, 120), size = e => e.getBoundingClientRect();
	const width = document.scrollingElement.scrollWidth;
	if (width > innerWidth) all.push('it is ' + width + ' pixels wide on a screen of ' + innerWidth);
	for (const e of document.querySelectorAll('button, a.button, summary, select, input:not([type=hidden]):not([type=radio]):not([type=checkbox]), .choice label')) {
		const {width, height} = size(e);
		if (width < 24 || height < 24) all.push('too small to hit: ' + name(e));
	}
	// Whoever prefers that nothing moves sees nothing move; here that is so for everybody.
	for (const e of document.querySelectorAll('*')) {
		const s = getComputedStyle(e);
		if (s.animationName !== 'none' || s.transitionDuration !== '0s' || s.scrollBehavior === 'smooth') all.push('it moves: ' + name(e));
	}
	// To agree and to refuse, to end and to go back weigh the same.
	for (const group of document.querySelectorAll('.buttons, .choices')) {
		const [first, ...others] = [...group.children].map(size).filter(r => r.height);
		for (const o of others) if (Math.abs(o.width - first.width) > 1 || Math.abs(o.height - first.height) > 1) all.push('buttons of different size: ' + group.textContent.trim().replace(/\s+/g, ' '));
	}
	const alert = document.querySelector('#error');
	if (alert && document.activeElement !== alert) all.push('what went wrong is not what is read first: the focus is on ' + name(document.activeElement));
	for (const e of document.querySelectorAll('img')) if (!e.complete || !e.naturalWidth) all.push('a picture is not drawn: ' + name(e));
	if (![...document.styleSheets].length) all.push('it has no style');
	return all;
})()`

// asks lists what axe-core finds. target-size is off unless it is asked for, although it is of
// WCAG 2.2 AA.
const asks = `axe.run(document, {runOnly: %s, rules: %s, resultTypes: ['violations', 'incomplete'], preload: false, elementRef: false}).then(r => {
	const found = v => v.nodes.map(n => v.id + ': ' + v.help + ': ' + n.html.slice(0, 160) + ' ' + ([...n.any, ...n.all, ...n.none][0]?.message || ''));
	const doubt = v => ({...v, nodes: v.nodes.filter(n => !document.querySelector(n.target[0])?.closest(%s))});
	return [...r.violations.flatMap(found), ...r.incomplete.map(doubt).flatMap(found)];
})`

// unsure is where axe-core may be so: of texts that are scrolled to, and of what is beside a text
// to be looked at.
const unsure = `'.scroll, [aria-hidden]'`

var (
	asksAll    = fmt.Sprintf(asks, `['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']`, `{'target-size': {enabled: true}}`, unsure)
	asksColour = fmt.Sprintf(asks, `{type: 'rule', values: ['color-contrast', 'link-in-text-block']}`, `{}`, unsure)
)

// inBrowser shows every page to Chromium: narrow and light with all rules, narrow and dark with
// those about colours, and wide in one language.
func inBrowser(t *testing.T, world ready.Ready, all []shown) {
	rules := axe()
	// As others skip it: what cannot be asked is said, and the rest is looked at all the same.
	t.Run("axe-core", func(t *testing.T) {
		if rules == "" {
			t.Skip("not installed: axe-core (npm install axe-core, and NODE_PATH that leads to it)")
		}
	})
	s := &screen{all: append(slices.Clone(all), bad), files: map[string]file{}, origin: map[string]string{"assets": world.Web}}
	for _, b := range world.Banks {
		s.origin[b.Code] = world.Bank
	}
	server := httptest.NewServer(s)
	defer server.Close()
	b := openTab(t, startChromium(t), server.URL)
	if rules != "" {
		b.brings(rules)
	}
	b.wide(narrowest)
	for i, page := range s.all {
		faults := s.faults(b, server.URL, i, rules != "")
		if page.kind == bad.kind {
			seesAll(t, strings.Join(append(faults, page.faults()...), "\n"), rules != "")
		} else if len(faults) > 0 {
			t.Errorf("%s, %s:\n\t%s", page, page.URL, strings.Join(faults, "\n\t"))
		}
	}
}

// faults lists what is wrong with page i where it is seen.
func (s *screen) faults(b *tab, origin string, i int, rules bool) []string {
	b.t.Helper()
	b.prefers("light")
	b.goes(navigate(origin + path.Join("/seen", fmt.Sprint(i))))
	all := b.notices() // before axe, which is a stranger to the page
	all = append(all, evaluate[[]string](b, look)...)
	if weight, err := s.weight(i); err != nil || weight > weightMax {
		all = append(all, fmt.Sprintf("%d bytes, not up to %d (%v)", weight, weightMax, err))
	}
	if rules {
		all = append(all, evaluate[[]string](b, asksAll)...)
		b.prefers("dark")
		for _, f := range evaluate[[]string](b, asksColour) {
			all = append(all, "dark: "+f)
		}
	}
	if s.all[i].language == "de" { // the longest words
		b.wide(1280)
		for _, f := range evaluate[[]string](b, look) {
			all = append(all, "wide: "+f)
		}
		b.wide(narrowest)
	}
	b.notices()
	slices.Sort(all)
	return slices.Compact(all)
}

// bad has something of everything that is looked for: a look that finds nothing would always pass.
var bad = shown{kind: "bad", language: "de", Page: walk.Page{Status: http.StatusOK, Weight: weightMax + 1,
	Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Content-Language": {"en"}, "Content-Security-Policy": {"default-src 'none'"}},
	Body: `<!doctype html><html lang="en"><title>Bad</title><meta http-equiv="refresh" content="2; url=/"><hr width="400" style="margin: 0"><h1>One</h1><h3>Three</h3>
<script>console.log("script")</script><img src="http://127.0.0.2:9/x.png"><form><input id=a><p id=error tabindex=-1>wrong</p>
<div class="buttons"><button>Approve and go on</button><button>No</button></div><a href="/">x</a></form>
<font color="#bbbbbb">pale</font>`}}

func seesAll(t *testing.T, faults string, rules bool) {
	t.Helper()
	want := []string{"its language is", "Content-Language", "it loads http://127.0.0.2", "it has ", "it leaves after 2 seconds", "its policy lacks", "bytes, not up to", "issue: ContentSecurityPolicyIssue",
		"buttons of different size", "the focus is on", "a picture is not drawn", "pixels wide on a screen of 320"}
	if rules {
		want = append(want, "color-contrast: ", "label: ", "image-alt: ", "heading-order: ", "landmark-one-main: ", "region: ")
	}
	for _, w := range want {
		if !strings.Contains(faults, w) {
			t.Errorf("%q is not noticed, only:\n%s", w, faults)
		}
	}
}
