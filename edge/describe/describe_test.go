package describe

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"kontor/bank/profile"
	"kontor/edge/page"
	"kontor/edge/xs2a"
)

func config(t *testing.T, name string) Config {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	const base = "https://api.kontor.test/psd2/lon"
	return Config{
		Bank: profile.Bank{Code: "lon", Name: "Lončar <Bank>", BIC: "LONCSI2X", Country: "SI", BasePath: "/psd2/lon", Zone: time.UTC, ProfileName: name, Profile: p},
		Place: xs2a.Place{
			Server: base, Metadata: base + "/oauth/.well-known/oauth-authorization-server",
			Authorize: "https://www.kontor.test/psd2/lon/oauth/authorize", Token: base + "/oauth/token",
		},
		Issuer: base + "/oauth", Version: "1.2.3", Sandbox: []page.Link{{Name: "Test certificates", URL: "https://www.kontor.test/certificates"}}, Pages: pages,
	}
}

// serve serves a description.
func serve(t *testing.T, c Config) http.Handler {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	d.Mount(mux)
	return mux
}

// ask sends a GET for path below the bank's base path. Headers are name, value.
func ask(mux http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/psd2/lon"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

// leaves returns the keys of the switches of v with what sets each to something else.
func leaves(v reflect.Value, prefix string) map[string]func() {
	all := map[string]func(){}
	for i := range v.NumField() {
		key, f := prefix+v.Type().Field(i).Tag.Get("yaml"), v.Field(i)
		switch f.Kind() {
		case reflect.Struct:
			for k, change := range leaves(f, key+".") {
				all[k] = change
			}
		case reflect.Bool:
			all[key] = func() { f.SetBool(!f.Bool()) }
		case reflect.Int:
			all[key] = func() { f.SetInt(f.Int() + 1) }
		case reflect.Int64:
			all[key] = func() { f.SetInt(f.Int() + int64(7*time.Second)) }
		case reflect.String:
			all[key] = func() { f.SetString(f.String() + "-other") }
		case reflect.Slice:
			all[key] = func() {
				f.Set(reflect.Append(f.Slice3(0, f.Len(), f.Len()), reflect.ValueOf("another").Convert(f.Type().Elem())))
			}
		case reflect.Map:
			all[key] = func() {
				if f.Type() == reflect.TypeFor[map[string]profile.ProductRules]() {
					f.Set(reflect.ValueOf(map[string]profile.ProductRules{"sepa-credit-transfers": {CutOff: "11:11"}}))
					return
				}
				f.Set(reflect.ValueOf(map[string][]string{"payments": {"another"}}))
			}
		default:
			panic("a kind of switch that this test does not know: " + key)
		}
	}
	return all
}

// shown lists the switches that the fields of a document name.
func shown(t reflect.Type) (keys []string) {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		return shown(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			for key := range strings.SplitSeq(f.Tag.Get("switch"), ",") {
				if key != "" {
					keys = append(keys, key)
				}
			}
			keys = append(keys, shown(f.Type)...)
		}
	}
	return keys
}

// Every switch of a profile is told by a member of the document, and none by two.
func TestEverySwitchHasAMember(t *testing.T) {
	t.Parallel()
	var p profile.Profile
	all := leaves(reflect.ValueOf(&p).Elem(), "")
	tagged := shown(reflect.TypeFor[Document]())
	for key := range all {
		if n := len(slices.DeleteFunc(slices.Clone(tagged), func(k string) bool { return k != key })); n != 1 {
			t.Errorf("%s is shown by %d members", key, n)
		}
	}
	for _, key := range tagged {
		if all[key] == nil {
			t.Errorf("there is no switch %s", key)
		}
	}
	if len(all) < 50 {
		t.Errorf("only %d switches; is this test looking in the right place?", len(all))
	}
}

// A switch that is changed changes the document and the page, in one profile at least: what
// hangs on another switch that is off need not be shown.
func TestEverySwitchChangesTheDocument(t *testing.T) {
	t.Parallel()
	written := func(c Config) (asJSON, asPage string) {
		doc := document(c)
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := c.Pages.Capabilities(draw(doc))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		shown.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return string(b), w.Body.String()
	}
	inJSON, inPage := map[string]bool{}, map[string]bool{}
	for _, name := range profile.Builtin() {
		c := config(t, name)
		if name == "bankart" { // no profile has codes that confirm
			c.Bank.SCAConfirmation.Mode = profile.ConfirmByCode
		}
		asJSON, asPage := written(c)
		for key := range leaves(reflect.ValueOf(&c.Bank.Profile).Elem(), "") {
			if inJSON[key] && inPage[key] {
				continue // one profile has shown it
			}
			changed := c
			leaves(reflect.ValueOf(&changed.Bank.Profile).Elem(), "")[key]()
			otherJSON, otherPage := written(changed)
			inJSON[key] = inJSON[key] || otherJSON != asJSON
			inPage[key] = inPage[key] || otherPage != asPage
		}
	}
	for key := range inJSON {
		if !inJSON[key] || !inPage[key] {
			t.Errorf("%s: changes the document: %v, the page: %v", key, inJSON[key], inPage[key])
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	read := func(name string) (d Document) {
		dec := json.NewDecoder(ask(serve(t, config(t, name)), "/capabilities.json").Body)
		dec.DisallowUnknownFields()
		if err := dec.Decode(&d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	bankart, salt, standard := read("bankart"), read("salt"), read("standard")
	offered := func(d Document, id string) bool {
		i := slices.IndexFunc(d.Endpoints, func(e Endpoint) bool { return e.Operation == id })
		return d.Endpoints[i].Offered
	}
	for _, c := range []struct {
		name  string
		holds bool
	}{
		{"bankart has a token of five minutes for each kind of service", bankart.Access.OAuth.TokenSeconds == 300 && reflect.DeepEqual(bankart.Access.OAuth.Scopes, []Scope{{"psd2:acc", "Create consents."}, {"psd2:pay", "Initiate payments."}})},
		{"bankart opens older history for five minutes", bankart.Accounts.History == History{90, 300, "consent"}},
		{"bankart has no cards, and says that there would be such endpoints", !offered(bankart, "getCardAccountList") && !bankart.Accounts.Cards},
		{"salt has no payments", !salt.Payments.Offered && !offered(salt, "initiatePayment") && salt.Payments.StatusAfterSuccess == ""},
		{"salt keeps a one-off consent for ten minutes", salt.Consents.OneOffSeconds == 600 && salt.Consents.ForceBankOffered},
		{"salt answers with an interaction id", slices.ContainsFunc(salt.Headers.Response, func(h Header) bool { return h.Name == "x-fapi-interaction-id" })},
		{"standard offers every endpoint", !slices.ContainsFunc(standard.Endpoints, func(e Endpoint) bool { return !e.Offered })},
		{"a format has its media type", slices.Contains(standard.Accounts.Formats, ReportFormat{"camt.053.001.08", "application/xml"}) && slices.Contains(standard.Accounts.Formats, ReportFormat{"mt940", "text/plain"})},
		{"a service of payments without products is not offered", len(bankart.Payments.Services) == 3 && len(bankart.Payments.Services[1].Products) == 0},
		{"a product is told once, in XML and in JSON", len(standard.Payments.Products) == 4 && standard.Payments.Products[0].Name == "cross-border-credit-transfers"},
		{"addresses are absolute", salt.Addresses.OpenAPI == "https://api.kontor.test/psd2/lon/openapi.json" && salt.Addresses.AuthorizationServer.Token == "https://api.kontor.test/psd2/lon/oauth/token"},
		{"refusals are sorted", slices.IsSortedFunc(salt.Errors.Codes, func(a, b Refusal) int { return a.Status - b.Status }) && len(salt.Errors.Codes) > 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.holds {
				t.Error("it does not")
			}
		})
	}
}

func TestServed(t *testing.T) {
	t.Parallel()
	h := serve(t, config(t, "standard"))
	for _, one := range []struct {
		name, path string
		headers    []string
		kind       string
	}{
		{"a browser gets the page", "/capabilities", []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "text/html; charset=utf-8"},
		{"who takes anything gets the page", "/capabilities", []string{"Accept", "*/*"}, "text/html; charset=utf-8"},
		{"who says nothing gets the page", "/capabilities", nil, "text/html; charset=utf-8"},
		{"who asks for JSON gets it", "/capabilities", []string{"Accept", "application/json"}, "application/json"},
		{"who prefers JSON gets it", "/capabilities", []string{"Accept", "text/html;q=0.5, application/json"}, "application/json"},
		{"who prefers it in two headers gets it", "/capabilities", []string{"Accept", "text/html;q=0.5", "Accept", "application/*; q=0.75"}, "application/json"},
		{"who refuses pages gets JSON", "/capabilities", []string{"Accept", "text/html;q=0, */*"}, "application/json"},
		{"a wish that cannot be read is none", "/capabilities", []string{"Accept", "application/json;q=much, text/html;q=0.1"}, "text/html; charset=utf-8"},
		{"JSON has an address of its own", "/capabilities.json", []string{"Accept", "text/html"}, "application/json"},
		{"the OpenAPI document", "/openapi.json", nil, "application/json"},
		{"the OpenAPI document as YAML", "/openapi.yaml", nil, "application/yaml"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			w := ask(h, one.path, one.headers...)
			got := w.Header()
			if w.Code != 200 || got.Get("Content-Type") != one.kind {
				t.Errorf("%d %s", w.Code, got.Get("Content-Type"))
			}
			if got.Get("Cache-Control") != "public, max-age=300" || got.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(got.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'") {
				t.Errorf("headers: %v", got)
			}
			tag := got.Get("ETag")
			if again := ask(h, one.path, append(one.headers, "If-None-Match", tag)...); tag == "" || again.Code != 304 || again.Body.Len() > 0 {
				t.Errorf("asked again with %s: %d", tag, again.Code)
			}
			small := ask(h, one.path, append(one.headers, "Accept-Encoding", "gzip")...)
			z, err := gzip.NewReader(small.Body)
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, w.Body.Bytes()) || small.Header().Get("ETag") == tag {
				t.Errorf("what comes small is something else: %v", err)
			}
		})
	}
	vary := strings.Join(ask(h, "/capabilities").Header().Values("Vary"), ", ")
	if vary != "Accept, Accept-Language, Cookie, Accept-Encoding" {
		t.Errorf("Vary: %s", vary)
	}
}

// The page and the OpenAPI document come from the same table.
func TestOpenAPIAgrees(t *testing.T) {
	t.Parallel()
	for _, name := range profile.Builtin() {
		c := config(t, name)
		doc, err := openapi3.NewLoader().LoadFromData(ask(serve(t, c), "/openapi.json").Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(t.Context()); err != nil {
			t.Error(err)
		}
		for _, e := range document(c).Endpoints {
			item := doc.Paths.Value(e.Path)
			if there := item != nil && item.GetOperation(e.Method) != nil; there != e.Offered {
				t.Errorf("%s: %s is in the document: %v, offered: %v", name, e.Operation, there, e.Offered)
			}
		}
	}
}

// A page is read by people with and without eyes, and does nothing but be read.
func TestPage(t *testing.T) {
	t.Parallel()
	for _, name := range profile.Builtin() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := ask(serve(t, config(t, name)), "/capabilities").Body.String()
			for _, s := range []string{"ZgotmplZ", "no value", "<Bank>", "capabilities."} {
				if strings.Contains(strings.NewReplacer("capabilities.json", "").Replace(body), s) {
					t.Errorf("%q is in it", s)
				}
			}
			if !strings.Contains(body, "Lončar &lt;Bank&gt;") || !strings.Contains(body, "Test certificates") {
				t.Error("the bank or the sandbox is missing")
			}
			for _, wrong := range faults(body) {
				t.Error(wrong)
			}
		})
	}
}

// faults reads a page as HTML, and lists what must not be in one.
func faults(body string) (wrong []string) {
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	level, headings, ids, refs := 0, 0, map[string]bool{}, []string{}
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return append(wrong, err.Error())
		}
		switch e := token.(type) {
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				fault("</%s> closes %v", e.Name.Local, open)
				return wrong
			}
			open = open[:len(open)-1]
		case xml.StartElement:
			open = append(open, e.Name.Local)
			attributes := map[string]string{}
			for _, a := range e.Attr {
				attributes[a.Name.Local] = a.Value
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					fault("<%s %s>: nothing may stand inline", e.Name.Local, a.Name.Local)
				}
			}
			if id := attributes["id"]; id != "" {
				if ids[id] {
					fault("two elements have the id %s", id)
				}
				ids[id] = true
			}
			if to, ok := strings.CutPrefix(attributes["href"], "#"); ok {
				refs = append(refs, to)
			}
			refs = append(refs, strings.Fields(attributes["aria-labelledby"])...)
			switch e.Name.Local {
			case "script", "style":
				fault("there is a <%s>", e.Name.Local)
			case "html":
				if attributes["lang"] == "" {
					fault("no language")
				}
			case "h1", "h2", "h3", "h4":
				n := int(e.Name.Local[1] - '0')
				if n > level+1 || n == 1 && headings > 0 {
					fault("h%d follows h%d", n, level)
				}
				level, headings = n, headings+1
			case "th":
				if attributes["scope"] == "" {
					fault("a heading of a table without scope")
				}
			case "img":
				if _, ok := attributes["alt"]; !ok {
					fault("an image without alt")
				}
			}
		}
	}
	for _, ref := range refs {
		if !ids[ref] {
			fault("#%s leads nowhere", ref)
		}
	}
	if headings < 10 || len(open) > 0 {
		fault("%d headings, %v not closed", headings, open)
	}
	return wrong
}

// A check that finds nothing would always pass.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	good := `<html lang="en"><h1>a</h1>` + strings.Repeat("<h2>b</h2>", 10) + "<!-- --></html>"
	if found := faults(good); len(found) > 0 {
		t.Fatal(found)
	}
	if len(faults(strings.Replace(good, ` lang="en"`, "", 1))) == 0 {
		t.Error("a page without a language is found good")
	}
	for _, one := range []string{
		`<p style="a"></p>`, `<p onclick="a"></p>`, `<script></script>`, `<h4>a</h4>`, `<h1>a</h1>`, `<a href="#nowhere"></a>`,
		`<p aria-labelledby="nobody"></p>`, `<th></th>`, `<img src="a">`, `<p id="a"></p><p id="a"></p>`,
	} {
		if len(faults(strings.Replace(good, "<!-- -->", one, 1))) == 0 {
			t.Errorf("%s is found good", one)
		}
	}
}

func TestIncomplete(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("a description of nothing was made")
	}
}
