package corebank

import (
	"embed"
	"io/fs"
	"net/http"
	"time"

	"kontor/kit/i18n"
	"kontor/kit/locale"
	"kontor/kit/money"
)

//go:embed text/*.yaml
var textFiles embed.FS

// readTexts reads the bank's own texts in every language.
func readTexts() (*i18n.Catalogue, error) {
	folder, err := fs.Sub(textFiles, "text")
	if err != nil {
		return nil, err
	}
	return i18n.New(folder)
}

// textsFor returns the texts in the language that the reader of a page chose, or knows.
func (b *Bank) textsFor(r *http.Request) i18n.Texts { return locale.Of(b.texts, r) }

// textsTo returns the texts in the language of a customer whom the bank writes to.
func (b *Bank) textsTo(language string) i18n.Texts { return b.texts.Choose(language) }

// amountIn writes an amount as who reads t does.
func amountIn(t i18n.Texts, a money.Amount) string { return t.Decimal(a.String()) + " " + a.Currency }

// dayIn writes a day that is given as on the wire. What is no day comes back as it is.
func dayIn(t i18n.Texts, day string) string {
	if at, err := time.Parse(time.DateOnly, day); err == nil {
		return t.Day(at)
	}
	return day
}
