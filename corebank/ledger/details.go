package ledger

import (
	"iter"
	"strings"
)

// Details are the words of an entry or hold.
type Details struct {
	Reference string // of the entry, given by the bank
	EndToEnd  string // given by the payer
	Code      string // ISO 20022 bank transaction code, such as PMNT-ICDT-ESCT
	PartyName string // the other side
	PartyIBAN string
	Text      string
	// More holds what only some entries tell, packed: a page is mostly of entries that have
	// nothing here. With adds to it, Words reads it.
	More string
}

// A Word says what a text in Details.More is.
type Word byte

// The words an entry may have besides the usual.
const (
	Mandate          Word = 'm' // of a direct debit
	CreditorID       Word = 'c' // of a direct debit
	Purpose          Word = 'p' // ISO 20022 external purpose code
	Structured       Word = 's' // RF creditor reference
	UltimateDebtor   Word = 'd'
	UltimateCreditor Word = 'u'
	Check            Word = 'k' // number of a paper cheque
	Agent            Word = 'a' // BIC of the other side's bank
	Additional       Word = 'i'
	Exchange         Word = 'x' // parts: contract, rate, day, source, target, unit
	Other            Word = 'o' // account of the other side, where that is no IBAN
	Of               Word = 'n' // how many payments a batch has, where not all are told as parts
	Part             Word = 'b' // one payment of a batch; parts: amount, name, IBAN, end-to-end, text, structured, purpose

	// Of a card's entries.
	Bought   Word = 'D' // day of the purchase
	At       Word = 'T' // moment at the acceptor, RFC 3339
	Category Word = 'M' // four digits of the merchant's category
	Acceptor Word = 'A' // parts: id, terminal, street, number, town, post code, country, phone
	Original Word = 'O' // parts: amount, currency
	Markup   Word = 'F' // parts: amount, percentage
)

// Separators stand between the texts of Details in their one column, and between the parts
// of one text. Reading a page of entries costs by columns more than by bytes.
const (
	separator     = "\x1f"
	partSeparator = "\x1e"
)

// Join makes one text of parts, for words that have several.
func Join(parts ...string) string {
	clean := make([]string, len(parts))
	for i, s := range parts {
		clean[i] = plain(s)
	}
	return strings.Join(clean, partSeparator)
}

// Split cuts a text into its parts; those that are missing are empty.
func Split(text string, parts ...*string) {
	for _, to := range parts {
		*to, text, _ = strings.Cut(text, partSeparator)
	}
}

// With returns d with one more word. An empty text says nothing.
func (d Details) With(w Word, text string) Details {
	if text == "" {
		return d
	}
	if d.More != "" {
		d.More += separator
	}
	d.More += string(rune(w)) + strings.ReplaceAll(text, separator, " ")
	return d
}

// Words goes through d.More in the order it was written.
func (d Details) Words() iter.Seq2[Word, string] {
	return func(yield func(Word, string) bool) {
		for more := d.More; more != ""; {
			var text string
			text, more, _ = strings.Cut(more, separator)
			if text != "" && !yield(Word(text[0]), text[1:]) {
				return
			}
		}
	}
}

func (d Details) pack() string {
	texts := []string{d.Reference, d.EndToEnd, d.Code, d.PartyName, d.PartyIBAN, d.Text}
	for i, s := range texts {
		texts[i] = plain(s)
	}
	if d.More != "" {
		texts = append(texts, d.More)
	}
	return strings.Join(texts, separator)
}

func plain(s string) string {
	if !strings.ContainsAny(s, separator+partSeparator) {
		return s
	}
	return strings.NewReplacer(separator, " ", partSeparator, " ").Replace(s)
}

// unpack cuts the texts out of packed without copying them.
func unpack(packed string) (d Details) {
	for _, to := range []*string{&d.Reference, &d.EndToEnd, &d.Code, &d.PartyName, &d.PartyIBAN, &d.Text} {
		*to, packed, _ = strings.Cut(packed, separator)
	}
	d.More = packed
	return d
}

// Pack writes d as one text, for other tables that keep the words of an entry.
func (d Details) Pack() string { return d.pack() }

// Unpack reads what Pack wrote.
func Unpack(packed string) Details { return unpack(packed) }
