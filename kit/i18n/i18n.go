// Package i18n finds the text that a page shows in the language of its reader.
//
// A catalogue has one file per language, keys and texts; the English one is complete, and
// stands in wherever another language has a gap. A text names its placeholders in braces,
// and may have a form for each plural category of its language: Slovene counts one, two,
// a few and other customers, Romanian one, a few and other.
//
// Everything that could be wrong with a file is found when the catalogue is read, so a page
// can ask for a text without asking whether there is one.
package i18n

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"gopkg.in/yaml.v3"
)

// A Catalogue holds the texts of every language.
type Catalogue struct {
	texts   []Texts // English first: it is also what an unknown wish ends at
	matcher language.Matcher
}

// New reads a catalogue from the files of a folder: en.yaml, and one more for each other
// language, named by its tag. A file of another language may leave out keys, but may not
// have keys, placeholders or plural forms of its own invention.
func New(folder fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == "en.yaml":
			return -1
		case b == "en.yaml":
			return 1
		}
		return strings.Compare(a, b)
	})
	if len(names) == 0 || names[0] != "en.yaml" {
		return nil, errors.New("texts: en.yaml is missing")
	}
	c := &Catalogue{}
	var tags []language.Tag
	var wrong []error
	for _, name := range names {
		t, err := read(folder, name)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("texts: %s: %w", name, err))
			continue
		}
		if len(c.texts) > 0 {
			t.english = c.texts[0].entries
			if err := t.agree(); err != nil {
				wrong = append(wrong, fmt.Errorf("texts: %s: %w", name, err))
			}
		}
		c.texts, tags = append(c.texts, t), append(tags, t.tag)
	}
	c.matcher = language.NewMatcher(tags)
	return c, errors.Join(wrong...)
}

// Choose returns the texts in the language that suits best, English where none does. Each
// wish is the value of an Accept-Language header; earlier ones come first.
func (c *Catalogue) Choose(wishes ...string) Texts {
	const longest = 200 // a header may be a megabyte; its first languages are enough
	for _, wish := range wishes {
		if len(wish) > longest {
			wish = wish[:strings.LastIndexByte(wish[:longest], ',')+1]
		}
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := c.matcher.Match(tags...); confidence >= language.High {
			return c.texts[i]
		}
	}
	return c.texts[0]
}

// Keys lists every key of the catalogue.
func (c *Catalogue) Keys() []string {
	return slices.Sorted(maps.Keys(c.texts[0].entries))
}

// Gaps lists what other languages lack of the English texts: keys, plural forms, and
// placeholders without which a text would not say everything.
func (c *Catalogue) Gaps() []string {
	var all []string
	english := c.texts[0].entries
	for _, t := range c.texts[1:] {
		lacks := func(key, what string) { all = append(all, fmt.Sprintf("%s: %s%s", t.Language(), key, what)) }
		for _, key := range c.Keys() {
			e, ok := t.entries[key]
			switch {
			case !ok:
				lacks(key, "")
				continue
			case len(english[key]) > 1 && len(e) == 1:
				lacks(key, " has one form for all numbers")
			}
			for _, p := range placeholder.FindAllString(english[key][plural.Other], -1) {
				for _, text := range e {
					if p != "{count}" && !strings.Contains(text, p) {
						lacks(key, " without "+p)
					}
				}
			}
		}
	}
	return all
}

// Languages lists the languages of the catalogue, English first.
func (c *Catalogue) Languages() []string {
	var all []string
	for _, t := range c.texts {
		all = append(all, t.Language())
	}
	return all
}

// Texts are those of one language.
type Texts struct {
	tag     language.Tag
	entries map[string]entry
	english map[string]entry
	numbers *message.Printer
}

// An entry has a form for each plural category; a text that counts nothing has only other.
type entry map[plural.Form]string

// Language returns the tag of the texts, for the lang attribute of a page.
func (t Texts) Language() string { return t.tag.String() }

// Text returns the text of key. Pairs of name and value fill its placeholders; the whole
// number called count chooses its plural form. A key that is in no file comes back as it
// is: tests keep that from happening, and a page with one odd word beats none.
func (t Texts) Text(key string, pairs ...any) string {
	lang, forms := t.tag, t.entries[key]
	if forms == nil {
		lang, forms = language.English, t.english[key]
	}
	if forms == nil {
		return key
	}
	var replace []string
	form := plural.Other
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := fmt.Sprint(pairs[i]), pairs[i+1]
		n, whole := wholeNumber(value)
		if whole && name == "count" {
			form = plural.Cardinal.MatchPlural(lang, category(n), 0, 0, 0, 0)
		}
		shown := fmt.Sprint(value)
		if whole {
			shown = t.numbers.Sprintf("%d", n)
		}
		replace = append(replace, "{"+name+"}", shown)
	}
	text, ok := forms[form]
	if !ok {
		text = forms[plural.Other]
	}
	return strings.NewReplacer(replace...).Replace(text)
}

// Fill returns the text of key like Text, for a caller that gives values without their names:
// they fill the placeholders in the order in which the English text has them.
func (t Texts) Fill(key string, values ...any) string {
	english := t.english[key]
	if english == nil {
		english = t.entries[key]
	}
	var pairs []any
	for _, p := range placeholder.FindAllString(english[plural.Other], -1) {
		name := strings.Trim(p, "{}")
		if !slices.Contains(pairs, any(name)) && len(pairs)/2 < len(values) {
			pairs = append(pairs, name, values[len(pairs)/2])
		}
	}
	return t.Text(key, pairs...)
}

// category returns a number that has the plural form of n. Every language looks at the last
// digits only, except at the small numbers themselves and at a round million.
func category(n int64) int {
	if n < 0 {
		n = -n
	}
	if n >= 10_000_000 {
		n = n%1_000_000 + 1_000_000
	}
	return int(n)
}

func wholeNumber(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

var (
	forms = map[string]plural.Form{
		"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
	}
	keyName     = regexp.MustCompile(`^[a-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9_]*)*$`)
	placeholder = regexp.MustCompile(`\{[^}]*\}?`)
	wellFormed  = regexp.MustCompile(`^\{[a-z][A-Za-z]*\}$`)
)

// read reads the file of one language.
func read(folder fs.FS, name string) (Texts, error) {
	tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".yaml"))
	if err != nil {
		return Texts{}, errors.New("the file is not named for a language")
	}
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		return Texts{}, err
	}
	var file map[string]yaml.Node
	if err := yaml.Unmarshal(data, &file); err != nil {
		return Texts{}, err
	}
	t := Texts{tag: tag, entries: map[string]entry{}, numbers: message.NewPrinter(tag)}
	var wrong []error
	for key, node := range file {
		e := entry{}
		named := map[string]string{}
		if err := node.Decode(&named); err != nil {
			var only string
			if err := node.Decode(&only); err != nil {
				wrong = append(wrong, fmt.Errorf("line %d: %s is neither a text nor a text for each plural form", node.Line, key))
				continue
			}
			named["other"] = only
		}
		for form, text := range named {
			f, known := forms[form]
			if !known {
				wrong = append(wrong, fmt.Errorf("%s: %q is no plural form", key, form))
			}
			e[f] = strings.TrimSpace(text)
		}
		if err := e.check(key, tag); err != nil {
			wrong = append(wrong, err)
		}
		t.entries[key] = e
	}
	return t, errors.Join(wrong...)
}

func (e entry) check(key string, tag language.Tag) error {
	var wrong []error
	if !keyName.MatchString(key) {
		wrong = append(wrong, fmt.Errorf("%q cannot be a key", key))
	}
	for _, text := range e {
		if text == "" {
			wrong = append(wrong, fmt.Errorf("%s: a text is empty", key))
		}
		for _, p := range placeholder.FindAllString(text, -1) {
			if !wellFormed.MatchString(p) {
				wrong = append(wrong, fmt.Errorf("%s: %q is no placeholder", key, p))
			}
		}
	}
	if _, ok := e[plural.Other]; !ok {
		wrong = append(wrong, fmt.Errorf("%s: the form other is missing", key))
	}
	if len(e) > 1 {
		stands := map[plural.Form]int{} // for how many numbers each form does
		for n := range 1000 {           // no language looks further than at the last two digits, or at 0 and 1
			form := plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)
			if _, ok := e[form]; !ok {
				wrong = append(wrong, fmt.Errorf("%s: the form for %s is missing", key, strconv.Itoa(n)))
				break
			}
			stands[form]++
		}
		for form, text := range e {
			// “One bank” is a text for one number; where 101 has the same form, the number must stand in it.
			if stands[form] > 1 && strings.Contains(e[plural.Other], "{count}") && !strings.Contains(text, "{count}") {
				wrong = append(wrong, fmt.Errorf("%s: %q is for several numbers, and does not say which", key, text))
			}
		}
	}
	return errors.Join(wrong...)
}

// agree finds where t says something that English does not.
func (t Texts) agree() error {
	var wrong []error
	for _, key := range slices.Sorted(maps.Keys(t.entries)) {
		english, ok := t.english[key]
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s is not in en.yaml", key))
			continue
		}
		known := placeholder.FindAllString(english[plural.Other], -1)
		for _, p := range placeholder.FindAllString(t.entries[key][plural.Other], -1) {
			if !slices.Contains(known, p) {
				wrong = append(wrong, fmt.Errorf("%s: the English text has no %s", key, p))
			}
		}
	}
	return errors.Join(wrong...)
}
