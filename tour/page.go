package tour

import (
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A page is what a person sees of an HTML document, and what she can do with it.
type page struct {
	url     *url.URL
	status  int
	title   string // the first heading
	text    string // all visible text, blanks collapsed
	alert   string // what the page says went wrong
	terms   []term
	forms   []form
	labels  map[string]string // text by the id of its field
	refresh *refresh
}

// A term is a pair of a description list.
type term struct{ name, value string }

// A refresh leads on without a click.
type refresh struct {
	after time.Duration
	url   string // empty: the same page again
}

type form struct {
	action, method string
	fields         []field
	buttons        []field
}

type field struct {
	name, value, kind, id string
	checked               bool
}

// shows says whether s stands in the description list; blanks do not count.
func (p *page) shows(s string) bool {
	for _, t := range p.terms {
		if plain(t.value) == plain(s) {
			return true
		}
	}
	return false
}

// plain takes the blanks out of s: IBANs are shown in groups.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '\u202f' {
			return -1
		}
		return r
	}, s)
}

// field finds the form that has a field of this name.
func (p *page) field(name string) (form, bool) {
	for _, f := range p.forms {
		if slices.ContainsFunc(f.fields, func(x field) bool { return x.name == name }) {
			return f, true
		}
	}
	return form{}, false
}

// button finds the form that has a button of this value.
func (p *page) button(value string) (form, bool) {
	for _, f := range p.forms {
		if slices.ContainsFunc(f.buttons, func(x field) bool { return x.value == value }) {
			return f, true
		}
	}
	return form{}, false
}

// submission is what a browser sends when values are put into f and button is clicked. A
// value that a person could not enter is an error: the page lacks something.
func (f form) submission(button string, values url.Values) (url.Values, error) {
	sent, entered := url.Values{}, map[string]int{}
	for _, x := range f.fields {
		wanted, isSet := values[x.name]
		switch x.kind {
		case "checkbox", "radio":
			if isSet && slices.Contains(wanted, x.value) || !isSet && x.checked {
				sent.Add(x.name, x.value)
				entered[x.name]++
			}
		default:
			if isSet {
				sent[x.name] = wanted
				entered[x.name] = len(wanted)
			} else {
				sent.Add(x.name, x.value)
			}
		}
	}
	for name, wanted := range values {
		if entered[name] < len(wanted) {
			return nil, fmt.Errorf("the form has no field %q for what is to be entered", name)
		}
	}
	for _, b := range f.buttons {
		if b.value == button {
			if b.name != "" {
				sent.Set(b.name, b.value)
			}
			return sent, nil
		}
	}
	return nil, fmt.Errorf("the form has no button %q", button)
}

// parsePage reads HTML as browsers do when it is not quite right: what is not understood
// is text or nothing.
func parsePage(source string) *page {
	p := &page{labels: map[string]string{}}
	b := pageBuilder{page: p, texts: map[string]*strings.Builder{}}
	for source != "" {
		before, rest, found := strings.Cut(source, "<")
		b.say(before)
		if !found {
			break
		}
		source = b.tag(rest)
	}
	p.text = collapse(b.all.String())
	return p
}

type pageBuilder struct {
	page   *page
	all    strings.Builder
	texts  map[string]*strings.Builder // of elements that are open, by what they are
	label  string                      // of: the id it is for
	inForm bool
}

// tag takes what follows a "<" and returns what follows the tag.
func (b *pageBuilder) tag(s string) string {
	switch {
	case strings.HasPrefix(s, "!--"):
		_, rest, _ := strings.Cut(s, "-->")
		return rest
	case strings.HasPrefix(s, "!"), strings.HasPrefix(s, "?"):
		_, rest, _ := strings.Cut(s, ">")
		return rest
	case strings.HasPrefix(s, "/"):
		name, rest, _ := strings.Cut(s[1:], ">")
		b.end(strings.ToLower(strings.TrimSpace(name)))
		return rest
	}
	n := strings.IndexAny(s, " \t\r\n\f/>")
	if n <= 0 {
		b.say("<")
		return s
	}
	name := strings.ToLower(s[:n])
	attrs, rest := attributes(s[n:])
	b.start(name, attrs)
	switch name {
	case "script", "style", "title", "textarea":
		// Tags are text in here, and none of it is seen.
		if i := strings.Index(strings.ToLower(rest), "</"+name); i >= 0 {
			_, after, _ := strings.Cut(rest[i:], ">")
			return after
		}
		return ""
	}
	return rest
}

// attributes reads up to and including ">".
func attributes(s string) (map[string]string, string) {
	attrs := map[string]string{}
	for {
		s = strings.TrimLeft(s, " \t\r\n\f/")
		if s == "" {
			return attrs, ""
		}
		if s[0] == '>' {
			return attrs, s[1:]
		}
		n := strings.IndexAny(s, " \t\r\n\f=>")
		if n < 0 {
			return attrs, ""
		}
		if n == 0 { // a stray "="
			s = s[1:]
			continue
		}
		name, value := strings.ToLower(s[:n]), ""
		s = strings.TrimLeft(s[n:], " \t\r\n\f")
		if strings.HasPrefix(s, "=") {
			s = strings.TrimLeft(s[1:], " \t\r\n\f")
			switch {
			case s != "" && (s[0] == '"' || s[0] == '\''):
				value, s, _ = strings.Cut(s[1:], s[:1])
			default:
				end := strings.IndexAny(s, " \t\r\n\f>")
				if end < 0 {
					end = len(s)
				}
				value, s = s[:end], s[end:]
			}
		}
		if _, twice := attrs[name]; !twice {
			attrs[name] = html.UnescapeString(value)
		}
	}
}

func (b *pageBuilder) start(name string, a map[string]string) {
	p := b.page
	_, checked := a["checked"]
	switch name {
	case "form":
		method := strings.ToUpper(a["method"])
		if method == "" {
			method = "GET"
		}
		p.forms = append(p.forms, form{action: a["action"], method: method})
		b.inForm = true
	case "input", "textarea", "select":
		if kind := strings.ToLower(a["type"]); b.inForm && a["name"] != "" && kind != "submit" {
			value, hasValue := a["value"]
			if !hasValue && (kind == "checkbox" || kind == "radio") {
				value = "on"
			}
			f := &p.forms[len(p.forms)-1]
			f.fields = append(f.fields, field{name: a["name"], value: value, kind: kind, id: a["id"], checked: checked})
		}
	case "button":
		if b.inForm && a["type"] != "button" && a["type"] != "reset" {
			f := &p.forms[len(p.forms)-1]
			f.buttons = append(f.buttons, field{name: a["name"], value: a["value"]})
		}
	case "meta":
		if strings.EqualFold(a["http-equiv"], "refresh") && p.refresh == nil {
			seconds, to, _ := strings.Cut(a["content"], ";")
			n, _ := strconv.Atoi(strings.TrimSpace(seconds))
			to = strings.TrimSpace(to)
			if len(to) >= 4 && strings.EqualFold(to[:4], "url=") {
				to = strings.Trim(to[4:], `'"`)
			}
			p.refresh = &refresh{time.Duration(n) * time.Second, to}
		}
	case "label":
		b.label = a["for"]
		b.texts["label"] = &strings.Builder{}
	case "h1", "dt", "dd":
		b.texts[name] = &strings.Builder{}
	case "p", "div":
		if a["role"] == "alert" {
			b.texts["alert"] = &strings.Builder{}
		}
	}
	b.say(" ")
}

func (b *pageBuilder) end(name string) {
	p := b.page
	took := func(what string) (string, bool) {
		t := b.texts[what]
		delete(b.texts, what)
		if t == nil {
			return "", false
		}
		return collapse(t.String()), true
	}
	switch name {
	case "form":
		b.inForm = false
	case "label":
		if s, ok := took("label"); ok {
			p.labels[b.label] = s
		}
	case "h1":
		if s, ok := took("h1"); ok && p.title == "" {
			p.title = s
		}
	case "dt":
		if s, ok := took("dt"); ok {
			p.terms = append(p.terms, term{name: s})
		}
	case "dd":
		if s, ok := took("dd"); ok && len(p.terms) > 0 {
			p.terms[len(p.terms)-1].value = s
		}
	case "p", "div":
		if s, ok := took("alert"); ok {
			p.alert = s
		}
	}
	b.say(" ")
}

func (b *pageBuilder) say(text string) {
	text = html.UnescapeString(text)
	b.all.WriteString(text)
	for _, t := range b.texts {
		t.WriteString(text)
	}
}

func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }
