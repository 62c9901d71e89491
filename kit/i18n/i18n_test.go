package i18n_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"kontor/kit/i18n"
)

func folder(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

var customers = folder(map[string]string{
	"en.yaml": "list.customers: {one: '{count} customer', other: '{count} customers'}\nlist.title: Customers of {bank}\nlist.only: English only\n",
	"de.yaml": "list.customers: {one: '{count} Kunde', other: '{count} Kunden'}\nlist.title: Kunden der {bank}\n",
	"sl.yaml": "list.customers: {one: '{count} stranka', two: '{count} stranki', few: '{count} stranke', other: '{count} strank'}\n",
	"ro.yaml": "list.customers: {one: '{count} client', few: '{count} clienți', other: '{count} de clienți'}\n",
})

func TestText(t *testing.T) {
	t.Parallel()
	c, err := i18n.New(customers)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name, wish, key string
		pairs           []any
		want            string
	}{
		{"a placeholder is filled", "en", "list.title", []any{"bank", "Lončar Bank"}, "Customers of Lončar Bank"},
		{"German counts one", "de", "list.customers", []any{"count", 1}, "1 Kunde"},
		{"German groups thousands by points", "de", "list.customers", []any{"count", 12345}, "12.345 Kunden"},
		{"Slovene has a dual", "sl", "list.customers", []any{"count", 2}, "2 stranki"},
		{"Slovene counts 102 as it counts two", "sl", "list.customers", []any{"count", 102}, "102 stranki"},
		{"Slovene counts four as a few", "sl", "list.customers", []any{"count", 4}, "4 stranke"},
		{"Slovene counts five as others", "sl", "list.customers", []any{"count", int64(5)}, "5 strank"},
		{"Romanian counts nineteen as a few", "ro", "list.customers", []any{"count", 19}, "19 clienți"},
		{"Romanian counts twenty with de", "ro", "list.customers", []any{"count", 20}, "20 de clienți"},
		{"Romanian counts twenty millions with de", "ro", "list.customers", []any{"count", 20_000_000}, "20.000.000 de clienți"},
		{"a gap is filled in English", "de", "list.only", nil, "English only"},
		{"a key that nobody knows comes back", "de", "list.none", nil, "list.none"},
		{"a value with braces is not filled again", "en", "list.title", []any{"bank", "{bank}"}, "Customers of {bank}"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			if got := c.Choose(x.wish).Text(x.key, x.pairs...); got != x.want {
				t.Errorf("got %q, want %q", got, x.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	c, err := i18n.New(customers)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name   string
		wishes []string
		want   string
	}{
		{"nothing wished is English", nil, "en"},
		{"a country's German is German", []string{"de-AT,de;q=0.9,en;q=0.8"}, "de"},
		{"the first that there is wins", []string{"fi, ro;q=0.8, en;q=0.5"}, "ro"},
		{"an unknown language is English", []string{"ja"}, "en"},
		{"an earlier wish wins", []string{"sl", "de"}, "sl"},
		{"an empty wish is passed over", []string{"", "de"}, "de"},
		{"nonsense is passed over", []string{";;;,,q=9", "de"}, "de"},
		{"what is too long is cut", []string{"sl," + strings.Repeat("fi,", 100000)}, "sl"},
		{"what is too long in one piece is dropped", []string{strings.Repeat("x", 1000), "de"}, "de"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			if got := c.Choose(x.wishes...).Language(); got != x.want {
				t.Errorf("got %s, want %s", got, x.want)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	c, err := i18n.New(customers)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.Gaps(), "; "), "de: list.only; ro: list.only; ro: list.title; sl: list.only; sl: list.title"; got != want {
		t.Errorf("gaps: %s, want %s", got, want)
	}
	c, err = i18n.New(folder(map[string]string{
		"en.yaml": "list.customers: {one: '{count} at {bank}', other: '{count} at {bank}'}\nlist.count: {one: a, other: b}\n",
		"de.yaml": "list.customers: {one: '{count} bei ihr', other: '{count} bei {bank}'}\nlist.count: b\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.Gaps(), "; "), "de: list.count has one form for all numbers; de: list.customers without {bank}"; got != want {
		t.Errorf("gaps: %s, want %s", got, want)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	c, err := i18n.New(folder(map[string]string{
		"en.yaml": "sms.pay: '{bank}: pay {amount} to {payee} of {bank}. Code {code}'\nsms.many: {one: '{bank}: one payment', other: '{bank}: {count} payments'}\n",
		"de.yaml": "sms.pay: 'Code {code}: {amount} an {payee}, {bank}'\nsms.many: {one: 'Eine Zahlung bei {bank}', other: '{count} Zahlungen bei {bank}'}\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		lang, key string
		values    []any
		want      string
	}{
		{"en", "sms.pay", []any{"Isar", "1 EUR", "{code}", "007"}, "Isar: pay 1 EUR to {code} of Isar. Code 007"},
		{"de", "sms.pay", []any{"Isar", "1 EUR", "Ana", "007"}, "Code 007: 1 EUR an Ana, Isar"},
		{"de", "sms.many", []any{"Isar", 1}, "Eine Zahlung bei Isar"},
		{"de", "sms.many", []any{"Isar", 1200}, "1.200 Zahlungen bei Isar"},
		{"en", "sms.many", nil, "{bank}: {count} payments"},
		{"en", "sms.none", []any{"x"}, "sms.none"},
	} {
		if got := c.Choose(x.lang).Fill(x.key, x.values...); got != x.want {
			t.Errorf("%s %s: %q, want %q", x.lang, x.key, got, x.want)
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	en := "page.title: Hello {name}\npage.count: {one: one, other: many}\n"
	for _, x := range []struct {
		name    string
		files   map[string]string
		message string
	}{
		{"English is missing", map[string]string{"de.yaml": en}, "en.yaml is missing"},
		{"a file named for no language", map[string]string{"en.yaml": en, "klingonese1.yaml": en}, "not named for a language"},
		{"a key that English does not have", map[string]string{"en.yaml": en, "de.yaml": "page.more: mehr"}, "page.more is not in en.yaml"},
		{"a placeholder that English does not have", map[string]string{"en.yaml": en, "de.yaml": "page.title: Hallo {nam}"}, "has no {nam}"},
		{"a plural form that is missing", map[string]string{"en.yaml": en, "sl.yaml": "page.count: {one: a, other: b}"}, "the form for 2 is missing"},
		{"a plural form that is none", map[string]string{"en.yaml": "page.count: {dual: a, other: b}"}, `"dual" is no plural form`},
		{"a text without the form other", map[string]string{"en.yaml": "page.count: {one: a}"}, "the form other is missing"},
		{"one text for 1 and for 101 that does not say which", map[string]string{"en.yaml": "page.count: {one: a, other: '{count} b'}\n", "sl.yaml": "page.count: {one: a, two: '{count}', few: '{count}', other: '{count}'}"}, "does not say which"},
		{"an empty text", map[string]string{"en.yaml": "page.title: ''"}, "a text is empty"},
		{"a brace that does not close", map[string]string{"en.yaml": "page.title: 'Hello {name'"}, "is no placeholder"},
		{"a key with a space", map[string]string{"en.yaml": "'page title': Hello"}, "cannot be a key"},
		{"a list", map[string]string{"en.yaml": "page.title: [a, b]"}, "neither a text"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			if _, err := i18n.New(folder(x.files)); err == nil || !strings.Contains(err.Error(), x.message) {
				t.Errorf("got %v, want a message with %q", err, x.message)
			}
		})
	}
}
