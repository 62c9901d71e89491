package i18n_test

import (
	"testing"
	"testing/fstest"
	"time"

	"kontor/kit/i18n"
)

func TestStyle(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for _, lang := range []string{"en", "sl", "ro", "de", "fi"} {
		files[lang+".yaml"] = &fstest.MapFile{Data: []byte("list.title: x\n")}
	}
	c, err := i18n.New(files)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 7, 9, 5, 0, 0, time.UTC)
	for _, want := range []struct{ lang, day, minute, amount string }{
		{"en", "2026-03-07", "2026-03-07 09:05", "-1,234,567.50"},
		{"sl", "7. 3. 2026", "7. 3. 2026 09:05", "-1.234.567,50"},
		{"ro", "07.03.2026", "07.03.2026 09:05", "-1.234.567,50"},
		{"de", "07.03.2026", "07.03.2026 09:05", "-1.234.567,50"},
		{"fi", "2026-03-07", "2026-03-07 09:05", "-1\u00a0234\u00a0567,50"},
	} {
		texts := c.Choose(want.lang)
		if got := texts.Day(at); got != want.day {
			t.Errorf("%s: day %q, want %q", want.lang, got, want.day)
		}
		if got := texts.Minute(at); got != want.minute {
			t.Errorf("%s: minute %q, want %q", want.lang, got, want.minute)
		}
		if got := texts.Decimal("-1234567.50"); got != want.amount {
			t.Errorf("%s: amount %q, want %q", want.lang, got, want.amount)
		}
	}
	de := c.Choose("de")
	for number, want := range map[string]string{
		"0": "0", "999.99": "999,99", "1000": "1.000", "100000.05": "100.000,05", "9007199254740993.01": "9.007.199.254.740.993,01",
		"": "", "-": "-", ".5": ".5", "1e3": "1e3", "1.2.3": "1.2.3", "twelve": "twelve",
	} {
		if got := de.Decimal(number); got != want {
			t.Errorf("%q is written %q, want %q", number, got, want)
		}
	}
}
