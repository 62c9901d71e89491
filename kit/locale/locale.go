// Package locale finds out in which language somebody reads a page, and leads to the same page
// in others.
//
// What the reader chose on a page counts most: a link of the page asks for it again with
// ?lang=…, and a cookie keeps that choice. Otherwise the browser knows: Accept-Language. Nothing
// of it needs JavaScript, and nothing but a language is ever in the cookie.
//
// The texts themselves are i18n's matter.
package locale

import (
	"net/http"
	"slices"

	"kontor/kit/i18n"
)

const (
	parameter = "lang"     // of the query
	cookie    = "language" // what was chosen before
	yearLong  = 365 * 24 * 60 * 60
	// queryMax bounds what of an address is repeated in the links of its page.
	queryMax = 4 << 10
)

// Texts returns the texts that the reader of r reads, and says in w what that depends on. A
// choice is kept for everything below path.
func Texts(c *i18n.Catalogue, w http.ResponseWriter, r *http.Request, path string) i18n.Texts {
	w.Header().Add("Vary", "Accept-Language, Cookie")
	if chosen := r.URL.Query().Get(parameter); chosen != "" && slices.Contains(c.Languages(), chosen) && again(r) {
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: chosen, Path: path, MaxAge: yearLong, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	}
	return Of(c, r)
}

// Of returns the texts that the reader of r reads, without a word in an answer: for who only
// prepares a part of it.
func Of(c *i18n.Catalogue, r *http.Request) i18n.Texts {
	var before string
	if kept, err := r.Cookie(cookie); err == nil {
		before = kept.Value
	}
	return c.Choose(r.URL.Query().Get(parameter), before, r.Header.Get("Accept-Language"))
}

// again says whether the page of r can be asked for once more: the answer to a form cannot.
func again(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// A Language is one that a page can be read in.
type Language struct {
	Tag, Name string
	URL       string // of the page in it; empty: this is the language of the page
}

// Languages lists where the page of r is in each language, itself being in the one of t. It is
// empty where the page cannot be asked for again.
func Languages(c *i18n.Catalogue, t i18n.Texts, r *http.Request) []Language {
	if !again(r) || len(r.URL.RawQuery) > queryMax {
		return nil
	}
	all := Plain(c, t)
	for i, one := range all {
		if one.URL != "" {
			query := r.URL.Query()
			query.Set(parameter, one.Tag)
			all[i].URL = "?" + query.Encode()
		}
	}
	return all
}

// Plain is Languages for a page whose address has no query.
func Plain(c *i18n.Catalogue, t i18n.Texts) []Language {
	var all []Language
	for _, tag := range c.Languages() {
		one := Language{Tag: tag, Name: c.Choose(tag).Text("language.name")}
		if tag != t.Language() {
			one.URL = "?" + parameter + "=" + tag
		}
		all = append(all, one)
	}
	return all
}
