package pain_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"kontor/edge/pain"
)

// XML Schema lets blanks surround a date. libxml2 does not.
var blankDate = regexp.MustCompile(`<(ReqdExctnDt|CreDtTm)>(\s|&#13;)|(\s|&#13;)</(ReqdExctnDt|CreDtTm)`)

// TestMarkup puts pieces of markup anywhere into a document, and lets libxml2 say what is
// still XML, and valid. Here and there the same must be taken, and say the same.
func TestMarkup(t *testing.T) {
	t.Parallel()
	pieces := []string{"<!--", "-->", "<!-- x -->", "--", "<?x?>", "<?é y?>", "<?·?>", "<?xml?>", "?>", "<![CDATA[", "]]>", "<![CDATA[x\r\r\n]]>", "<![CDATA[<&]]>", "]]", ">", "<", "/", "&", "&amp;", "&#65;", "&#x41;", "&#13;", "&#0;", "&x;", ";",
		"\r\n", "\r", "\t", " ", "  ", "'", `"`, "=", ` xmlns:x="u"`, ` xmlns:x='u' `, ` xmlns=""`, ` xmlns:xml="http://www.w3.org/XML/1998/namespace"`, ` xml:lang="de"`, ` a="b"`, ":", "é", "·", "×", "-", ".", "_", "1", "a", "<a/>", "<a>", "</a>", "<x:a/>", "\u200c", "\ufeff", "\U00010000", "\x01", "\x7f", "\u0085"}
	r := rand.New(rand.NewPCG(10, 1998))
	var documents []string
	for len(documents) < 900 {
		d := plain
		for range 1 + r.IntN(5)/4 {
			i := r.IntN(len(d) + 1)
			switch n := r.IntN(6); {
			case n == 0: // instead of something
				d = d[:i] + pieces[r.IntN(len(pieces))] + d[min(len(d), i+1+r.IntN(3)):]
			case n == 1: // nothing instead of something
				d = d[:i] + d[min(len(d), i+1+r.IntN(3)):]
			case n == 2: // in a tag, or beside one
				if j := strings.IndexAny(d[i:], "<>"); j >= 0 {
					i += j + r.IntN(2)
				}
				fallthrough
			default:
				d = d[:i] + pieces[r.IntN(len(pieces))] + d[i:]
			}
		}
		documents = append(documents, d)
	}
	verdicts := judge(t, pain.Version03, documents...)
	if verdicts == nil {
		t.Skip("not beside this repository: the schemas of ISO 20022; or there is no xmllint")
	}
	taken := 0
	for d, valid := range verdicts {
		_, err := pain.Parse([]byte(d), pain.Limits{})
		if err == nil {
			taken++
		}
		if err == nil && !valid && !blankDate.MatchString(d) {
			t.Errorf("taken, and not valid: %q", d)
		}
		// Nor does it look closely at the declaration before the document.
		if err != nil && valid && strings.Contains(err.Error(), "(line ") && strings.HasPrefix(d, plain[:len(`<?xml version="1.0" encoding="UTF-8"?>`)]) {
			t.Errorf("valid, and refused: %v\n%q", err, d)
		}
	}
	if taken < 40 {
		t.Errorf("%d of %d taken: the pieces do not try much", taken, len(verdicts))
	}
	t.Logf("%d of %d taken", taken, len(verdicts))
}
