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
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"kontor/app"
	"kontor/e2e/chromium"
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
		browser := chromium.Start(t, nil, chromedp.Flag("ignore-certificate-errors", true)) // who is at the other end is the matter of package e2e
		t.Run("all of them", func(t *testing.T) {
			t.Parallel()
			inBrowser(t, browser, world, all)
		})
		t.Run("one journey by keyboard", func(t *testing.T) {
			t.Parallel()
			byKeyboard(t, browser, world)
		})
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
