package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"kontor/kit/locale"
)

// A Copy is a document that is the same for everybody. Browsers and proxies may keep it for
// five minutes, and ask after that whether it has changed.
type Copy struct {
	kind, tag    string
	plain, small []byte // small is gzip
}

// NewCopy makes a copy of a document of the media type kind.
func NewCopy(kind string, document []byte) (Copy, error) {
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	if _, err := z.Write(document); err != nil {
		return Copy{}, err
	}
	if err := z.Close(); err != nil {
		return Copy{}, err
	}
	sum := sha256.Sum256(document)
	return Copy{kind, hex.EncodeToString(sum[:8]), document, small.Bytes()}, nil
}

func (c Copy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	Secure(h)
	h.Set("Content-Type", c.kind)
	h.Set("Cache-Control", "public, max-age=300")
	h.Add("Vary", "Accept-Encoding")
	body, tag := c.plain, c.tag
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body, tag = c.small, tag+"-gzip"
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// A Sheet is a page that is the same for everybody who reads one language.
type Sheet struct {
	pages  *Pages
	copies map[string]Copy // by language
}

// Capabilities makes the page that shows what a bank's interface can do.
func (p *Pages) Capabilities(data any) (*Sheet, error) {
	s := &Sheet{p, map[string]Copy{}}
	for lang, templates := range p.templates {
		var b bytes.Buffer
		if err := templates["capabilities"].ExecuteTemplate(&b, "shell", shell{lang, locale.Plain(p.texts, p.texts.Choose(lang)), "", data}); err != nil {
			return nil, err
		}
		one, err := NewCopy("text/html; charset=utf-8", b.Bytes())
		if err != nil {
			return nil, err
		}
		s.copies[lang] = one
	}
	return s, nil
}

func (s *Sheet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lang := s.pages.of(w, r).Language()
	w.Header().Set("Content-Language", lang)
	s.copies[lang].ServeHTTP(w, r)
}

// A Text is one of the catalogue, with what fills its placeholders, for a template that is
// told which text to show: {{say .Text}}.
type Text struct {
	Key   string
	Pairs []any // of name and value
}
