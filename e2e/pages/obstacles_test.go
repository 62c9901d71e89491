package pages

import (
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var (
	fieldTag       = regexp.MustCompile(`<(?:input|select|textarea)\b[^>]*>`)
	labelTag       = regexp.MustCompile(`(?s)<label[^>]*>.*?</label>`)
	nameOf         = regexp.MustCompile(`\bname="([^"]*)"`)
	autocompleteOf = regexp.MustCompile(`\bautocomplete="([^"]*)"`)
	typeOf         = regexp.MustCompile(`\btype="([^"]*)"`)
	tags           = regexp.MustCompile(`<[^>]*>`)
)

func attribute(of *regexp.Regexp, tag string) string {
	if m := of.FindStringSubmatch(tag); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// typed are the fields in which a customer types something: who she is, a code, and on her own
// page a third party that she lets ask, and what a passkey is called. There is none for an IBAN.
var typed = []string{"login", "password", "code", "tpp", "called", "passkeyname"}

// completes is what a browser, or a phone, fills in by itself (WCAG 2.2, 1.3.5 and 3.3.8).
var completes = map[string]string{"login": "username", "password": "current-password", "code": "one-time-code"}

// obstacles fails where something is in the way of a customer who comes from a third party
// (RTS art. 32(3), EBA/OP/2020/10).
func obstacles(t *testing.T, all []shown) {
	for _, s := range all {
		for _, tag := range fieldTag.FindAllString(s.Body, -1) {
			name, kind := attribute(nameOf, tag), attribute(typeOf, tag)
			switch {
			case kind == "hidden" || strings.HasPrefix(tag, "<select"):
			case kind == "checkbox":
				// A box is an account. What is seen of it is asked by no box of its own.
				if !strings.HasPrefix(name, "accounts") {
					t.Errorf("%s: a box for %s", s, name)
				}
			case kind == "radio":
				if !strings.HasPrefix(name, "accounts") && name != "method" {
					t.Errorf("%s: a choice of %s", s, name)
				}
			case !slices.Contains(typed, name):
				t.Errorf("%s: %s has to be typed", s, name)
			case completes[name] != "" && attribute(autocompleteOf, tag) != completes[name]:
				t.Errorf("%s: browsers cannot fill in %s: %s", s, name, tag)
			}
		}
		for _, label := range labelTag.FindAllString(s.Body, -1) {
			if !strings.Contains(label, `class="iban"`) && strings.Contains(tags.ReplaceAllString(label, ""), "IBAN") {
				t.Errorf("%s: it asks for an IBAN: %s", s, label)
			}
		}
		if want, told := stepsTo[s.kind]; told && !slices.Equal(s.did, want) {
			t.Errorf("%s: what she had to do is %q, and not %q", s, s.did, want)
		}
		if !strings.HasPrefix(s.kind, "bank/choose") {
			continue
		}
		// One button agrees to all of it, and one refuses.
		for value, want := range map[string]int{"approve": 1, "refuse": 1} {
			if n := strings.Count(s.Body, `<button name="action" value="`+value+`"`) + strings.Count(s.Body, `<button class="plain" name="action" value="`+value+`"`); n != want {
				t.Errorf("%s: %d buttons to %s", s, n, value)
			}
		}
		if strings.Contains(s.kind, "named") && strings.Contains(s.Body, `type="checkbox"`) && !strings.Contains(s.Body, " checked>") {
			t.Errorf("%s: accounts that the third party named are not chosen beforehand", s)
		}
		if s.Status != http.StatusOK && !s.form {
			t.Errorf("%s: status %d", s, s.Status)
		}
	}
}

// stepsTo is what a customer has to do until she is there. Who comes from a third party has as many
// steps as who comes from the bank's own page, and one SCA.
var stepsTo = map[string][]string{
	"bank/end: done":                   {"login", "approve", "confirm"},
	"bank/end: done, on her own page":  {"allow", "approve", "confirm"},
	"bank/end: done on the phone":      {"login", "approve", "answered"},
	"bank/end: refused":                {"refuse"},
	"bank/end: who she is":             {"login"},
	"bank/choose: who she is":          nil,
	"bank/choose: accounts":            {"login"},
	"bank/code: text message":          {"login", "approve"},
	"bank/code: authenticator app":     {"login", "approve"},
	"bank/choose: method of a payment": {"login"},
}

// discouraging are words by which a customer would be kept from what she came for, by language:
// warnings of third parties, doubts, and questions asked twice.
var discouraging = map[string]*regexp.Regexp{
	"en": regexp.MustCompile(`(?i)\b(risk|risky|danger|dangerous|warning|beware|caution|careful|are you sure|really want|not liable|at your own|we advise|we recommend|unsafe|insecure|not trusted|fraud)`),
	"sl": regexp.MustCompile(`(?i)(tvegan|nevar|opozorilo|pozor\b|previdn|ste prepričani|res želite|ne odgovarjamo|na lastno|odsvetujemo|priporočamo|goljuf|prevar)`),
	"ro": regexp.MustCompile(`(?i)(risc|pericol|avertisment|atenție|aveți grijă|sunteți sigur|chiar doriți|nu răspundem|pe propria|nu recomandăm|recomandăm|nesigur|fraud|înșel)`),
	"de": regexp.MustCompile(`(?i)(risiko|riskant|gefahr|gefähr|warnung|vorsicht|sind sie sicher|wirklich|haften nicht|haftung|auf eigene|raten ab|wir empfehlen|unsicher|betrug|betrüg)`),
}

// TestNoWordsDiscourage reads every text of the pages. What is said of a payee whose name is not
// the account's is a duty (Regulation (EU) 2024/886, art. 5c), at the bank's own pages, too.
func TestNoWordsDiscourage(t *testing.T) {
	t.Parallel()
	n := 0
	for _, folder := range []string{"../../corebank/text", "../../web/text"} {
		for language, words := range discouraging {
			content, err := os.ReadFile(filepath.Join(folder, language+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var texts map[string]any
			if err := yaml.Unmarshal(content, &texts); err != nil {
				t.Fatal(err)
			}
			for key, text := range texts {
				said, ok := text.(string)
				if !ok || strings.HasPrefix(key, "payee.") || strings.HasPrefix(key, "capabilities.") {
					continue
				}
				n++
				if word := words.FindString(said); word != "" {
					t.Errorf("%s of %s discourages by %q: %s", key, language, word, said)
				}
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d texts were read", n)
	}
}
