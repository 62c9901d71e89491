package payee

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A name is what is compared of one.
type name struct {
	words []word
	form  string // legal form of a company, without dots; "" where none is said
}

// A word of a name, in small letters without marks. Names are written both ways where a
// keyboard lacks letters: Müller as Muller and as Mueller.
type word struct {
	plain, spelt string
	cut          bool // a dot ended it
}

// Bounds of what is read: a name of a payment has 70 characters, of a scheme 140.
const (
	charactersMax = 140
	wordsMax      = 20
)

// read takes a name apart. One that is longer than any name can be has no words.
func read(text string) (n name) {
	if len([]rune(text)) > charactersMax {
		return n
	}
	pieces := strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || r != '.' && r != '\'' && r != '’' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
	var words []word
	for _, p := range pieces {
		if form := legalForm(p); form != "" {
			words = append(words, word{plain: form, spelt: form})
			continue
		}
		for part := range strings.SplitAfterSeq(p, ".") {
			bare, cut := strings.CutSuffix(part, ".")
			if w := fold(bare); w.plain != "" {
				w.cut = cut
				words = append(words, w)
			}
		}
	}
	words = joined(words)
	for i, w := range words {
		switch {
		case slices.Contains(connectors, w.plain):
		case n.form == "" && i > 0 && slices.Contains(forms, w.plain):
			n.form = w.plain
		default:
			n.words = append(n.words, w)
		}
	}
	// What is left without titles must still be a name: Dr is a surname, too.
	if bare := slices.DeleteFunc(slices.Clone(n.words), func(w word) bool { return slices.Contains(titles, w.plain) }); len(bare) > 1 {
		n.words = bare
	}
	if len(n.words) > wordsMax {
		n.words = nil
	}
	return n
}

// legalForm is p without its dots, where it is a legal form.
func legalForm(p string) string {
	if form := strings.ToLower(strings.ReplaceAll(p, ".", "")); slices.Contains(forms, form) {
		return form
	}
	return ""
}

// joined puts a legal form together that was written letter by letter: d. o. o.
func joined(words []word) []word {
	const letters = 4
	for i := range words {
		for n := letters; n > 1; n-- {
			if i == 0 || i+n > len(words) {
				continue
			}
			var s strings.Builder
			single := true
			for _, w := range words[i : i+n] {
				single = single && len(w.plain) == 1
				s.WriteString(w.plain)
			}
			if single && slices.Contains(forms, s.String()) {
				return append(append(slices.Clone(words[:i]), word{plain: s.String(), spelt: s.String()}), words[i+n:]...)
			}
		}
	}
	return words
}

var (
	// connectors stand between names and are part of none.
	connectors = []string{"und", "and", "in", "et", "e", "y", "si", "oder", "or", "ali"}
	titles     = []string{
		"dr", "prof", "mag", "ing", "dipl", "univ", "med", "phd", "msc", "mba", "mr", "mrs", "ms", "miss", "sir", "herr", "frau", "hr", "fr", "gospod", "gospa", "g", "ga",
		"domnul", "doamna", "mme", "mlle", "monsieur", "madame", "sig", "sra", "jr", "sen",
	}
	// forms are legal forms of companies in Europe, without dots.
	forms = []string{
		"doo", "dd", "dno", "kd", "sp", "gmbh", "mbh", "ag", "kg", "ohg", "ug", "ev", "eg", "gbr", "srl", "spa", "snc", "sa", "sas", "sarl", "sl", "ltd", "limited", "llc", "llp", "plc",
		"inc", "bv", "nv", "as", "asa", "oy", "oyj", "ab", "aps", "zoo", "sro", "kft", "zrt", "se", "pfa",
	}
)

// spellings are letters that marks do not make.
var spellings = strings.NewReplacer("ß", "ss", "đ", "d", "ð", "d", "ø", "o", "ł", "l", "æ", "ae", "œ", "oe", "þ", "th", "ı", "i", "ħ", "h", "ŧ", "t")

// umlauts are written as two letters in German, å and ø in the north.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe")

func fold(s string) word {
	s = norm.NFKC.String(strings.ToLower(s))
	return word{plain: bare(s), spelt: bare(umlauts.Replace(s))}
}

// bare takes marks, apostrophes and dots away.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, norm.NFD.String(spellings.Replace(s)))
}

// is says whether s, which is bare, is this word.
func (w word) is(s string) bool { return s == w.plain || s == w.spelt }

// same says whether both are one word, in any spelling.
func (w word) same(o word) bool { return o.is(w.plain) || o.is(w.spelt) }

// shortens says whether w is an initial of o, or its beginning with a dot.
func (w word) shortens(o word) bool {
	letters := len([]rune(w.plain))
	return (letters == 1 || w.cut && letters > 1) && letters < len([]rune(o.plain)) && (strings.HasPrefix(o.plain, w.plain) || strings.HasPrefix(o.spelt, w.spelt))
}

// slipped says whether w is o but for one slip after the first letter: a letter too many, too
// few, another one, or two that changed places.
func (w word) slipped(o word) bool {
	return oneSlip([]rune(w.plain), []rune(o.plain)) || oneSlip([]rune(w.spelt), []rune(o.spelt))
}

func oneSlip(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b) < typosMin || len(b)-len(a) > 1 || a[0] != b[0] {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return slices.Equal(a[i:], b[i+1:])
	}
	if i == len(a) {
		return false // the same
	}
	swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
	return swapped || slices.Equal(a[i+1:], b[i+1:])
}
