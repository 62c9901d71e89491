package corebank

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A gap would show in English in the middle of a page in another language.
func TestEveryLanguageIsWhole(t *testing.T) {
	t.Parallel()
	texts, err := readTexts()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(texts.Languages(), " "); got != "en de ro sl" {
		t.Errorf("languages: %s", got)
	}
	for _, gap := range texts.Gaps() {
		t.Errorf("corebank/text: %s", gap)
	}
}

// A page that asks for a text that is in no file would show its key to a customer.
func TestEveryTextExists(t *testing.T) {
	t.Parallel()
	texts, err := readTexts()
	if err != nil {
		t.Fatal(err)
	}
	keys := texts.Keys()
	var first []string
	for _, key := range keys {
		if word, _, dotted := strings.Cut(key, "."); dotted && !slices.Contains(first, word) {
			first = append(first, word)
		}
	}
	asked := map[string]string{} // key → file
	look := func(name, text string, pattern *regexp.Regexp) {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			asked[m[1]] = name
		}
	}
	pages, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pages {
		text, err := fs.ReadFile(templateFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		look(name, string(text), regexp.MustCompile(`\.T "([^"]+)"`))
	}
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	// In Go, a key is a literal whose first word is that of other keys.
	inGo := regexp.MustCompile(`"((?:` + strings.Join(first, "|") + `)(?:\.[A-Za-z][A-Za-z0-9_]*)+)"`)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		look(name, string(text), inGo)
	}
	for key, file := range asked {
		if !slices.Contains(keys, key) {
			t.Errorf("%s asks for the text %s, which is not in corebank/text/en.yaml", file, key)
		}
	}
	if len(asked) < 100 {
		t.Errorf("only %d texts are used; is this test looking in the right place?", len(asked))
	}
}
