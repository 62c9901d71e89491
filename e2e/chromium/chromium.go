// Package chromium starts the browser in which tests look at pages. It reaches nothing but this
// machine: all names but those that a test gives lead nowhere. KONTOR_CHROMIUM names the program.
package chromium

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Patience is how long a browser may take for a page; the slowest of ours waits three
// seconds for the bank, and the machine may be busy.
const Patience = 30 * time.Second

// Start starts a browser that ends with the test, or skips the test where there is none. The
// host names lead to the addresses given.
func Start(t *testing.T, hosts map[string]string, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	var rules []string
	for name, address := range hosts {
		rules = append(rules, "MAP "+name+" "+address)
	}
	rules = append(rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost")
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(Program(t)), chromedp.DisableGPU, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("lang", "en-GB"), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(options, more...)...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// Program finds Chromium, or skips the test.
func Program(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("KONTOR_CHROMIUM"); named != "" {
		return named
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Skip("there is no Chromium, and KONTOR_CHROMIUM names none: no page was looked at in a browser")
	return ""
}

// Navigate goes to an address as if it were typed.
func Navigate(address string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		r, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: address})
		if err == nil && r.ErrorText != "" {
			err = fmt.Errorf("%s: %s", address, r.ErrorText)
		}
		return err
	})
}
