package tour

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"kontor/kit/money"
	"kontor/xs2aclient"
)

// formatSteps show the account reports that are no JSON.
func formatSteps() []step {
	return []step{
		{"A statement as camt.053: from the opening balance the entries lead to the closing one", readCamt53},
		{"An account report of today as camt.052, pending entries too; and camt.054 with the bookings", readCamt52},
		{"MT940: its lines lead from field 60F to field 62F", readMT940},
		{"MT942 of today, with the sums that it tells itself", readMT942},
		{"The bank chooses what fits: a statement for days that are over, else an interim report", chooseFormat},
		{"A report of many pages is downloaded as camt.053", downloadCamt},
		{"What cannot be served is refused", refuseFormats},
	}
}

// readAll reads a report that was asked for to its end.
func readAll(r xs2aclient.Report, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r.Body)
	return text, errors.Join(err, r.Body.Close())
}

// business is the account of the company, which has every kind of entry.
func (g *guide) business(ctx context.Context) (*xs2aclient.Client, xs2aclient.Account, error) {
	return g.finds(ctx, g.isar.company, g.company.Accounts[0])
}

// over asks for a month that is over.
func over() xs2aclient.TransactionQuery {
	return xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(32), DateTo: daysAgo(2), ItemsPerPage: 500}
}

// opened is one with the client that may read it.
type opened func(context.Context) (*xs2aclient.Client, xs2aclient.Account, error)

// fetch reads the report of an account in a format, beside the same as JSON.
func (g *guide) fetch(ctx context.Context, open opened, q xs2aclient.TransactionQuery, accept string) (text []byte, asJSON xs2aclient.TransactionPage, err error) {
	c, a, err := open(ctx)
	if err != nil {
		return nil, asJSON, err
	}
	if asJSON, err = c.Transactions(ctx, a.ResourceID, q); err != nil {
		return nil, asJSON, err
	}
	if asJSON.Links["next"] != "" {
		return nil, asJSON, errors.New("the report to compare with is longer than a page")
	}
	if text, err = readAll(c.Report(ctx, a.ResourceID, q, accept)); err != nil {
		return nil, asJSON, err
	}
	if g.reports != nil {
		g.reports(accept, text)
	}
	if g.print.verbose {
		g.print.body("<", text)
	}
	return text, asJSON, nil
}

// A statement is what the tour checks of a report, of any format.
type statement struct {
	kind             string        // camt.053.001.08, MT940
	opening, closing *money.Amount // booked; nil: not told
	booked, pending  []money.Amount
	payments         int // behind the entries
}

// holds checks that the statement has the entries of a report as JSON, and that they lead
// from its opening balance to its closing one.
func (s statement) holds(asJSON xs2aclient.TransactionPage) error {
	for _, list := range []struct {
		what string
		got  []money.Amount
		want []xs2aclient.Transaction
	}{{"booked", s.booked, asJSON.Booked}, {"pending", s.pending, asJSON.Pending}} {
		if len(list.got) != len(list.want) {
			return fmt.Errorf("%s has %d %s entries, not %d", s.kind, len(list.got), list.what, len(list.want))
		}
		got, want := money.Amount{}, money.Amount{}
		for i := range list.got {
			m, err := list.want[i].Amount.Money()
			if err != nil {
				return err
			}
			got.Minor, want.Minor = got.Minor+list.got[i].Minor, want.Minor+m.Minor
		}
		if err := is("sum of the "+list.what+" entries of "+s.kind, got.Minor, want.Minor); err != nil {
			return err
		}
	}
	if s.opening == nil || s.closing == nil {
		return nil
	}
	total := *s.opening
	for _, m := range s.booked {
		total = total.Plus(m)
	}
	return is("closing balance", s.closing.String(), total.String())
}

func (s statement) tells() string {
	told := fmt.Sprintf("%s: %d booked, %d pending", s.kind, len(s.booked), len(s.pending))
	if s.opening != nil && s.closing != nil {
		told += fmt.Sprintf("; %s + entries = %s %s", s.opening, s.closing, s.closing.Currency)
	}
	return told
}

// parseCamt reads a camt report of any kind.
func parseCamt(text []byte) (s statement, err error) {
	type amount struct {
		Value    string `xml:",chardata"`
		Currency string `xml:"Ccy,attr"`
	}
	type report struct {
		Balances []struct {
			Code   string `xml:"Tp>CdOrPrtry>Cd"`
			Amount amount `xml:"Amt"`
			Mark   string `xml:"CdtDbtInd"`
		} `xml:"Bal"`
		Entries []struct {
			Amount amount `xml:"Amt"`
			Mark   string `xml:"CdtDbtInd"`
			Status struct {
				Text string `xml:",chardata"`
				Code string `xml:"Cd"`
			} `xml:"Sts"`
			Details []struct{} `xml:"NtryDtls>TxDtls"`
		} `xml:"Ntry"`
	}
	var doc struct {
		XMLName      xml.Name
		Statement    []report `xml:"BkToCstmrStmt>Stmt"`
		Report       []report `xml:"BkToCstmrAcctRpt>Rpt"`
		Notification []report `xml:"BkToCstmrDbtCdtNtfctn>Ntfctn"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		return s, err
	}
	s.kind = doc.XMLName.Space[strings.LastIndexByte(doc.XMLName.Space, ':')+1:]
	all := slices.Concat(doc.Statement, doc.Report, doc.Notification)
	if len(all) != 1 {
		return s, fmt.Errorf("%s has %d reports", s.kind, len(all))
	}
	read := func(a amount, mark string) money.Amount {
		m, cannot := money.Parse(a.Value, a.Currency)
		if mark == "DBIT" {
			m = m.Neg()
		}
		err = errors.Join(err, cannot)
		return m
	}
	for _, b := range all[0].Balances {
		m := read(b.Amount, b.Mark)
		switch b.Code {
		case "OPBD":
			s.opening = &m
		case "CLBD":
			s.closing = &m
		}
	}
	for _, e := range all[0].Entries {
		s.payments += len(e.Details)
		if m := read(e.Amount, e.Mark); e.Status.Code == "PDNG" || strings.TrimSpace(e.Status.Text) == "PDNG" {
			s.pending = append(s.pending, m)
		} else {
			s.booked = append(s.booked, m)
		}
	}
	return s, err
}

// Lines of MT that the tour reads: balances, entries, and the sums of MT942.
var (
	mtBalance = regexp.MustCompile(`^:(60F|62F):([CD])\d{6}([A-Z]{3})([\d,]+)$`)
	mtEntry   = regexp.MustCompile(`^:61:\d{6}(?:\d{4})?(EC|ED|RC|RD|C|D)[A-Z]?([\d,]+)[SNF]`)
	mtSum     = regexp.MustCompile(`^:90([CD]):(\d+)([A-Z]{3})([\d,]+)$`)
)

// parseMT reads MT940 and MT942. currency is the account's, which entries do not repeat.
func parseMT(text []byte, currency string) (s statement, err error) {
	read := func(value string, negative bool) money.Amount {
		m, cannot := money.Parse(strings.TrimRight(strings.Replace(value, ",", ".", 1), "."), currency)
		if err = errors.Join(err, cannot); negative {
			m = m.Neg()
		}
		return m
	}
	s.kind = "MT942"
	sums := map[string]string{}
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if m := mtBalance.FindStringSubmatch(line); m != nil {
			s.kind = "MT940"
			amount := read(m[4], m[2] == "D")
			if err = errors.Join(err, is("currency", m[3], currency)); m[1] == "60F" {
				s.opening = &amount
			} else {
				s.closing = &amount
			}
		}
		if m := mtEntry.FindStringSubmatch(line); m != nil {
			amount := read(m[2], m[1] == "D" || m[1] == "ED" || m[1] == "RC")
			if strings.HasPrefix(m[1], "E") {
				s.pending = append(s.pending, amount)
			} else {
				s.booked = append(s.booked, amount)
			}
		}
		if m := mtSum.FindStringSubmatch(line); m != nil {
			sums[m[1]] = m[2] + " entries, " + read(m[4], m[1] == "D").String()
		}
	}
	if s.kind == "MT942" {
		debits, credits := money.Amount{Currency: currency}, money.Amount{Currency: currency}
		n, of := [2]int{}, 0
		for _, m := range slices.Concat(s.booked, s.pending) {
			if of = 1; m.Minor < 0 {
				of, debits = 0, debits.Plus(m)
			} else {
				credits = credits.Plus(m)
			}
			n[of]++
		}
		err = errors.Join(err, is("field 90D", sums["D"], fmt.Sprintf("%d entries, %s", n[0], debits)), is("field 90C", sums["C"], fmt.Sprintf("%d entries, %s", n[1], credits)))
	}
	return s, err
}

// quote shows the lines of a report that a reader would look for: of each kind the first, with
// what follows an entry, and balances and sums all.
func (g *guide) quote(text []byte, kinds ...*regexp.Regexp) {
	entries, more := 0, false
	for line := range strings.SplitSeq(string(text), "\r\n") {
		switch {
		case strings.HasPrefix(line, ":61:"):
			entries++
			more = entries == 1
		case strings.HasPrefix(line, ":86:"):
		case strings.HasPrefix(line, ":") || line == "-":
			more = slices.ContainsFunc(kinds, func(k *regexp.Regexp) bool { return k.MatchString(line) })
		}
		if more {
			g.print.line("           %s", line)
		}
	}
}

// settles checks what a statement of booked days must have.
func (s statement) settles(kind string, asJSON xs2aclient.TransactionPage, err error) (string, error) {
	return s.tells(), all(err, is("kind", s.kind, kind), is("an entry", len(s.booked) > 0, true),
		is("an opening and a closing balance", s.opening != nil && s.closing != nil, true), s.holds(asJSON))
}

func readCamt53(ctx context.Context, g *guide) (string, error) {
	text, asJSON, err := g.fetch(ctx, g.business, over(), xs2aclient.AcceptCamt53)
	if err != nil {
		return "", err
	}
	s, err := parseCamt(text)
	payments := 0
	for _, t := range asJSON.Booked {
		payments += max(1, len(t.EntryDetails))
	}
	told, err := s.settles("camt.053.001.08", asJSON, err)
	return told, all(err, is("payments behind the entries", s.payments, payments))
}

func readCamt52(ctx context.Context, g *guide) (string, error) {
	text, asJSON, err := g.fetch(ctx, g.shared, lately(xs2aclient.Both), xs2aclient.AcceptCamt52)
	if err != nil {
		return "", err
	}
	s, err := parseCamt(text)
	if err = all(err, is("kind", s.kind, "camt.052.001.08"), is("a pending entry", len(s.pending) > 0, true), s.holds(asJSON)); err != nil {
		return "", err
	}
	if text, asJSON, err = g.fetch(ctx, g.business, over(), xs2aclient.AcceptCamt54); err != nil {
		return "", err
	}
	n, err := parseCamt(text)
	return s.tells() + "; " + n.tells(), all(err, is("kind", n.kind, "camt.054.001.08"), n.holds(asJSON))
}

func readMT940(ctx context.Context, g *guide) (string, error) {
	text, asJSON, err := g.fetch(ctx, g.business, over(), xs2aclient.AcceptMT940)
	if err != nil {
		return "", err
	}
	g.quote(text, mtBalance, mtEntry)
	s, err := parseMT(text, g.company.Accounts[0].Currency)
	return s.settles("MT940", asJSON, err)
}

func readMT942(ctx context.Context, g *guide) (string, error) {
	text, asJSON, err := g.fetch(ctx, g.shared, lately(xs2aclient.Both), xs2aclient.AcceptMT942)
	if err != nil {
		return "", err
	}
	g.quote(text, mtEntry, mtSum)
	s, err := parseMT(text, where(g.family, joint).Currency)
	return s.tells(), all(err, is("kind", s.kind, "MT942"), is("a booked entry", len(s.booked) > 0, true), is("a pending entry", len(s.pending) > 0, true), s.holds(asJSON))
}

func chooseFormat(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.business(ctx)
	if err != nil {
		return "", err
	}
	var told []string
	for _, try := range []struct {
		accept string
		q      xs2aclient.TransactionQuery
		want   string
	}{
		{xs2aclient.AcceptXML, over(), "camt.053.001.08"}, {xs2aclient.AcceptXML, lately(xs2aclient.Both), "camt.052.001.08"},
		{xs2aclient.AcceptText, over(), "MT940"}, {xs2aclient.AcceptText, lately(xs2aclient.Both), "MT942"},
		{"application/pdf, application/xml;q=0.2, text/plain;q=0.8", over(), "MT940"},
	} {
		text, err := readAll(c.Report(ctx, a.ResourceID, try.q, try.accept))
		if err != nil {
			return "", err
		}
		s, err := parseCamt(text)
		if strings.HasPrefix(try.want, "MT") {
			s, err = parseMT(text, a.Currency)
		}
		if err = all(err, is(try.accept, s.kind, try.want)); err != nil {
			return "", err
		}
		told = append(told, s.kind)
	}
	return strings.Join(told, ", "), nil
}

func downloadCamt(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.business(ctx)
	if err != nil {
		return "", err
	}
	whole, err := c.Transactions(ctx, a.ResourceID, over())
	q := over()
	q.ItemsPerPage = 5
	page, err2 := c.Transactions(ctx, a.ResourceID, q)
	if err = all(err, err2, has("download link", page.Links["download"])); err != nil {
		return "", err
	}
	text, err := readAll(c.Download(ctx, page.Links["download"], xs2aclient.AcceptCamt53))
	if err != nil {
		return "", err
	}
	s, err := parseCamt(text)
	return s.settles("camt.053.001.08", whole, err)
}

func refuseFormats(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.business(ctx)
	if err != nil {
		return "", err
	}
	_, pdf := c.Report(ctx, a.ResourceID, over(), "application/pdf")
	_, orders := c.Report(ctx, a.ResourceID, lately(xs2aclient.Information), xs2aclient.AcceptXML)
	_, pending := c.Report(ctx, a.ResourceID, lately(xs2aclient.Pending), xs2aclient.AcceptCamt53)
	const want = http.StatusNotAcceptable
	return "PDF, standing orders as XML, pending entries in a statement: REQUESTED_FORMATS_INVALID", all(refusedWith(pdf, want, "REQUESTED_FORMATS_INVALID"),
		refusedWith(orders, want, "REQUESTED_FORMATS_INVALID"), refusedWith(pending, want, "REQUESTED_FORMATS_INVALID"))
}
