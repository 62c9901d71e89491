// Package describe publishes what a bank's interface can do: as a page for people, as JSON
// for programs, and as the OpenAPI document narrowed to the bank.
//
// All of it is made once, from the bank's profile and the table of operations, so it cannot
// say what the interface does not do. It is public: a TPP reads it before it has a
// certificate. It tells nothing about a PSU, a TPP or the bank's own systems.
package describe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"kontor/bank/profile"
	"kontor/edge/page"
	"kontor/edge/xs2a"
)

// Config is what a description is made from.
type Config struct {
	Bank    profile.Bank
	Place   xs2a.Place  // where the interface and its authorization server are
	Issuer  string      // of the authorization server; empty where there is none
	Version string      // of the program; optional
	Sandbox []page.Link // what helps in a sandbox; empty elsewhere
	Pages   *page.Pages
}

// A Description serves, below the base path of its bank, capabilities (a page, or JSON for
// those who prefer it), capabilities.json, openapi.json and openapi.yaml.
type Description struct {
	base                    string
	page                    http.Handler
	asJSON, openAPI, asYAML page.Copy
}

// New makes the description of a bank. It fails if a template does, or an address is missing.
func New(c Config) (*Description, error) {
	if c.Pages == nil || c.Place.Server == "" {
		return nil, errors.New("description of a bank: a part is missing")
	}
	doc := document(c)
	d := &Description{base: c.Bank.BasePath}
	var wrong []error
	written := func(kind string, b []byte, err error) page.Copy {
		one, cannot := page.NewCopy(kind, b)
		wrong = append(wrong, err, cannot)
		return one
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	d.asJSON = written("application/json", b, err)
	b, err = xs2a.Document(c.Bank, c.Place)
	d.openAPI = written("application/json", b, err)
	b, err = xs2a.DocumentYAML(c.Bank, c.Place)
	d.asYAML = written("application/yaml", b, err)
	if d.page, err = c.Pages.Capabilities(draw(doc)); err != nil {
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("description of bank %s: %w", c.Bank.Code, err)
	}
	return d, nil
}

// Mount adds what d serves to mux, for GET and HEAD.
func (d *Description) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+d.base+"/capabilities", d.capabilities)
	mux.Handle("GET "+d.base+"/capabilities.json", d.asJSON)
	mux.Handle("GET "+d.base+"/openapi.json", d.openAPI)
	mux.Handle("GET "+d.base+"/openapi.yaml", d.asYAML)
}

func (d *Description) capabilities(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept")
	if prefersJSON(r.Header.Values("Accept")) {
		d.asJSON.ServeHTTP(w, r)
		return
	}
	d.page.ServeHTTP(w, r)
}

// prefersJSON says whether JSON is wanted more than a page. Who takes anything gets the page.
func prefersJSON(accept []string) bool {
	return quality(accept, "application/json") > quality(accept, "text/html")
}

// quality says how much media is wanted, in thousandths; the range that fits best counts.
func quality(accept []string, media string) int {
	best, found := 0, -1
	kind, _, _ := strings.Cut(media, "/")
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			name, params, _ := strings.Cut(part, ";")
			fit := -1
			switch strings.ToLower(strings.TrimSpace(name)) {
			case media:
				fit = 2
			case kind + "/*":
				fit = 1
			case "*/*":
				fit = 0
			}
			if fit > found {
				best, found = thousandths(params), fit
			}
		}
	}
	return best
}

// thousandths reads the q of a media range; without one it is 1.
func thousandths(params string) int {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		whole, part, _ := strings.Cut(value, ".")
		n, err := strconv.ParseUint(whole+(part + "000")[:3], 10, 16)
		if err != nil || n > 1000 || len(part) > 3 {
			return 0
		}
		return int(n)
	}
	return 1000
}
