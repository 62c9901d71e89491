package pages

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"kontor/e2e/chromium"
	"kontor/e2e/walk"
	"kontor/ready"
)

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
		fmt.Fprint(w, s.body(i))
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

// body is page i but for where it goes by itself: it would leave before it is looked at. What axe
// would say of that, faults does.
func (s *screen) body(i int) string { return moves.ReplaceAllString(s.all[i].Body, "") }

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

// become shows a page in place of one that is the same in another language. Whatever a browser does
// when a page comes, it has done with the first.
const become = `(html => {
	const page = new DOMParser().parseFromString(html, 'text/html');
	document.documentElement.lang = page.documentElement.lang;
	document.title = page.title;
	document.body.replaceWith(document.importNode(page.body, true));
	for (const e of document.querySelectorAll('[data-ask]')) e.hidden = false; // as its script did
})(%s)`

// comes is what can only be seen when a page comes.
const comes = `(async () => {
	const all = [], alert = document.querySelector('#error');
	// The focus comes when the page is drawn, and not when it is there.
	for (let i = 0; i < 250 && alert && document.activeElement !== alert; i++) await new Promise(done => setTimeout(done, 20));
	if (alert && document.activeElement !== alert) all.push('what went wrong is not what is read first: the focus is on ' + document.activeElement.outerHTML.slice(0, 120));
	for (const e of document.querySelectorAll('img')) if (!e.complete || !e.naturalWidth) all.push('a picture is not drawn: ' + e.outerHTML.slice(0, 120));
	if (!document.styleSheets.length) all.push('it has no style');
	// Whoever prefers that nothing moves sees nothing move; here that is so for everybody.
	for (const e of document.querySelectorAll('*')) {
		const s = getComputedStyle(e);
		if (s.animationName !== 'none' || s.transitionDuration !== '0s' || s.scrollBehavior === 'smooth') all.push('it moves: ' + e.outerHTML.slice(0, 120));
	}
	return all;
})()`

// look is what can be seen of a page in any language, at any width.
const look = `(() => {
	const all = [], name = e => e.outerHTML.slice(0, 120), size = e => e.getBoundingClientRect();
	const width = document.scrollingElement.scrollWidth;
	if (width > innerWidth) all.push('it is ' + width + ' pixels wide on a screen of ' + innerWidth);
	for (const e of document.querySelectorAll('button, a.button, summary, select, input:not([type=hidden]):not([type=radio]):not([type=checkbox]), .choice label')) {
		const {width, height} = size(e);
		if (e.checkVisibility() && (width < 24 || height < 24)) all.push('too small to hit: ' + name(e));
	}
	// To agree and to refuse, to end and to go back weigh the same.
	for (const group of document.querySelectorAll('.buttons, .choices')) {
		const [first, ...others] = [...group.children].map(size).filter(r => r.height);
		for (const o of others) if (Math.abs(o.width - first.width) > 1 || Math.abs(o.height - first.height) > 1) all.push('buttons of different size: ' + group.textContent.trim().replace(/\s+/g, ' '));
	}
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
	// What is said, and how much room it takes, depends on the language; of what it is made does not.
	asksTexts = fmt.Sprintf(asks, `{type: 'rule', values: ['aria-command-name', 'aria-input-field-name', 'aria-toggle-field-name', 'button-name', 'document-title', 'empty-heading',
		'empty-table-header', 'html-has-lang', 'html-lang-valid', 'image-alt', 'input-button-name', 'label', 'label-title-only', 'landmark-unique', 'link-name', 'select-name', 'summary-name',
		'target-size', 'valid-lang']}`, `{}`, unsure)
)

var (
	tagOf     = regexp.MustCompile(`<[^>]+>`)
	choiceOf  = regexp.MustCompile(`(?s)<ul class="languages">.*?</ul>`)
	languaged = regexp.MustCompile(` (?:value|href|content|alt|aria-label|lang|hreflang|data-ask)="[^"]*"`)
)

// skeleton is of what a page is made, whatever it says.
func (s shown) skeleton() string {
	return languaged.ReplaceAllString(strings.Join(tagOf.FindAllString(choiceOf.ReplaceAllString(s.Body, ""), -1), ""), "")
}

// inBrowser shows every page to Chromium. Each kind comes once, light and dark, and is then turned
// into the other languages where it is. A page that is made of the same there is asked only about
// what depends on the language, since axe-core would find nothing else; any other is asked everything.
func inBrowser(t *testing.T, browser context.Context, world ready.Ready, all []shown) {
	rules := axe()
	t.Run("axe-core", func(t *testing.T) {
		if rules == "" { // the rest is looked at all the same
			t.Skip("not installed: axe-core (npm install axe-core, and NODE_PATH that leads to it)")
		}
	})
	s := &screen{all: append(slices.Clone(all), bad), files: map[string]file{}, origin: map[string]string{"assets": world.Web}}
	for _, b := range world.Banks {
		s.origin[b.Code] = world.Bank
	}
	server := httptest.NewServer(s)
	defer server.Close()
	b := openTab(t, browser, server.URL)
	if rules != "" {
		b.brings(rules)
	}
	b.wide(narrowest)
	kinds := map[string][]int{}
	for i, page := range s.all {
		kinds[page.kind] = append(kinds[page.kind], i)
	}
	same := 0
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for n, i := range kinds[kind] {
			page := s.all[i]
			ask := asksAll
			switch {
			case rules == "":
				ask = ""
			case n > 0 && page.skeleton() == s.all[kinds[kind][0]].skeleton():
				ask = asksTexts
				same++
			}
			faults := s.faults(b, server.URL, i, n == 0, ask)
			if kind == bad.kind {
				seesAll(t, strings.Join(append(faults, page.faults()...), "\n"), rules != "")
			} else if len(faults) > 0 {
				t.Errorf("%s, %s:\n\t%s", page, page.URL, strings.Join(faults, "\n\t"))
			}
		}
	}
	t.Logf("%d kinds of pages, %d pages, of which %d are made of the same in another language", len(kinds), len(s.all), same)
}

// faults lists what is wrong with page i where it is seen. A page that comes takes the place of
// what was there; any other only that of its language. ask is for axe-core, or empty.
func (s *screen) faults(b *tab, origin string, i int, first bool, ask string) []string {
	b.t.Helper()
	var all []string
	if first {
		b.prefers("light")
		b.goes(chromium.Navigate(origin + path.Join("/seen", fmt.Sprint(i))))
		all = append(b.notices(), evaluate[[]string](b, comes)...) // before axe, which is a stranger to the page
	} else {
		html, err := json.Marshal(s.body(i))
		if err != nil {
			b.t.Fatal(err)
		}
		evaluate[any](b, fmt.Sprintf(become, html)+", 0")
	}
	all = append(all, evaluate[[]string](b, look)...)
	if weight, err := s.weight(i); err != nil || weight > weightMax {
		all = append(all, fmt.Sprintf("%d bytes, not up to %d (%v)", weight, weightMax, err))
	}
	if ask != "" {
		all = append(all, evaluate[[]string](b, ask)...)
		if first {
			b.prefers("dark")
			for _, f := range evaluate[[]string](b, asksColour) {
				all = append(all, "dark: "+f)
			}
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
