package locale_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"kontor/kit/i18n"
	"kontor/kit/locale"
)

func catalogue(t *testing.T) *i18n.Catalogue {
	t.Helper()
	c, err := i18n.New(fstest.MapFS{
		"en.yaml": {Data: []byte("language.name: English")},
		"de.yaml": {Data: []byte("language.name: Deutsch")},
		"sl.yaml": {Data: []byte("language.name: Slovenščina")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTexts(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for _, x := range []struct {
		name, method, target, cookie, accept string
		want, kept                           string
	}{
		{"without any wish it is English", "GET", "/", "", "", "en", ""},
		{"the browser knows", "GET", "/", "", "sl-SI,sl;q=0.9,en;q=0.5", "sl", ""},
		{"a choice made before counts more", "GET", "/", "de", "sl", "de", ""},
		{"a choice made now counts most, and is kept", "GET", "/?a=b&lang=sl", "de", "en", "sl", "sl"},
		{"a form keeps its page's language", "POST", "/?lang=sl", "", "en", "sl", ""},
		{"a language that there is not is passed over", "GET", "/?lang=fi", "", "de", "de", ""},
		{"nonsense is passed over, and not kept", "GET", "/?lang=de;x", "<b>", "de", "de", ""},
		{"a list is no choice to keep", "GET", "/?lang=fi,sl", "", "", "sl", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w, r := httptest.NewRecorder(), httptest.NewRequest(x.method, x.target, nil)
			r.Header.Set("Accept-Language", x.accept)
			if x.cookie != "" {
				r.Header.Set("Cookie", "language="+x.cookie)
			}
			if got := locale.Texts(c, w, r, "/bank/").Language(); got != x.want {
				t.Errorf("the language is %s, want %s", got, x.want)
			}
			kept := ""
			for _, k := range w.Result().Cookies() {
				kept = k.Value
				if k.Name != "language" || k.Path != "/bank/" || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode {
					t.Errorf("cookie: %s", k)
				}
			}
			if kept != x.kept {
				t.Errorf("kept is %q, want %q", kept, x.kept)
			}
			if vary := w.Header().Get("Vary"); vary != "Accept-Language, Cookie" {
				t.Errorf("Vary: %s", vary)
			}
		})
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	all := locale.Languages(c, c.Choose("de"), httptest.NewRequest("GET", "/a?state=%3C&lang=de", nil))
	if len(all) != 3 || all[0] != (locale.Language{"en", "English", "?lang=en&state=%3C"}) || all[1] != (locale.Language{"de", "Deutsch", ""}) || all[2].URL != "?lang=sl&state=%3C" {
		t.Errorf("languages: %q", all)
	}
	if all := locale.Languages(c, c.Choose("de"), httptest.NewRequest("POST", "/", nil)); all != nil {
		t.Errorf("the answer to a form leads to %q, where there is none", all)
	}
	if all := locale.Languages(c, c.Choose("de"), httptest.NewRequest("GET", "/?"+strings.Repeat("a", 5000), nil)); all != nil {
		t.Error("an address of any length is repeated")
	}
}
