package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"

	"kontor/ready"
	"kontor/xs2aclient"
)

// entrySteps show everything that an entry can say, and every way to ask for some of them.
func entrySteps() []step {
	return []step{
		{"Booked, pending, information and all: each list once, and standing orders whatever the dates", readLists},
		{"The balance after each entry follows from the entry, to the balance of today", followBalances},
		{"A report with the balances beside it", readWithBalance},
		{"From the first page to the last and back, by the links", turnPages},
		{"Only what is newer than an entry", readNewer},
		{"What is new since the last time, and then nothing", readDelta},
		{"A batch is one entry with the payments behind it", readBatch},
		{"What was exchanged: both sides of it, with rate and contract", readExchange},
		{"Mandates, cheques, references, those behind the parties, and purposes", readParticulars},
		{"A transaction in detail, and one that is another account's", readOneEntry},
		{"The whole report at once by its download link", download},
	}
}

// lately asks for the entries of the last weeks, on large pages.
func lately(status string) xs2aclient.TransactionQuery {
	return xs2aclient.TransactionQuery{BookingStatus: status, DateFrom: daysAgo(historyDays), ItemsPerPage: 500}
}

// shared finds the joint account under the family's consent.
func (g *guide) shared(ctx context.Context) (*xs2aclient.Client, xs2aclient.Account, error) {
	return g.finds(ctx, g.isar.family, where(g.family, joint))
}

// finds an account under a consent.
func (g *guide) finds(ctx context.Context, r *reading, a ready.Account) (*xs2aclient.Client, xs2aclient.Account, error) {
	c := r.attended()
	accounts, err := c.Accounts(ctx, false)
	if err != nil {
		return nil, xs2aclient.Account{}, err
	}
	found, err := account(accounts, a)
	return c, found, err
}

func readLists(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	pages := map[string]xs2aclient.TransactionPage{}
	for _, status := range []string{xs2aclient.Booked, xs2aclient.Pending, xs2aclient.Both, xs2aclient.Information, xs2aclient.All} {
		if pages[status], err = c.Transactions(ctx, a.ResourceID, lately(status)); err != nil {
			return "", err
		}
	}
	whenever, err := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Information, DateFrom: daysAgo(2), DateTo: daysAgo(1)})
	if err != nil {
		return "", err
	}
	booked, pending, orders := len(pages[xs2aclient.Booked].Booked), len(pages[xs2aclient.Pending].Pending), pages[xs2aclient.Information].Information
	if booked == 0 || pending == 0 || len(orders) == 0 {
		return "", fmt.Errorf("%d booked, %d pending, %d standing orders: a list is empty", booked, pending, len(orders))
	}
	for _, o := range orders {
		when := o.Structured.StandingOrder
		if when == nil || when.StartDate == "" || when.Frequency == "" || when.DayOfExecution == "" || o.BookingDate != "" {
			return "", fmt.Errorf("standing order %q does not say when it is paid", o.RemittanceInformationUnstructured)
		}
	}
	shape := func(p xs2aclient.TransactionPage) string {
		return fmt.Sprintf("%d booked, %d pending, %d orders", len(p.Booked), len(p.Pending), len(p.Information))
	}
	first := orders[0]
	return fmt.Sprintf("%d booked, %d pending, %d standing orders; %s on day %s, %s: %s %s to %s", booked, pending, len(orders),
			first.RemittanceInformationUnstructured, first.Structured.StandingOrder.DayOfExecution, first.Structured.StandingOrder.Frequency, first.Amount.Amount, first.Amount.Currency, first.CreditorName),
		all(is("booked alone", shape(pages[xs2aclient.Booked]), fmt.Sprintf("%d booked, 0 pending, 0 orders", booked)),
			is("pending alone", shape(pages[xs2aclient.Pending]), fmt.Sprintf("0 booked, %d pending, 0 orders", pending)),
			is("both", shape(pages[xs2aclient.Both]), fmt.Sprintf("%d booked, %d pending, 0 orders", booked, pending)),
			is("information alone", shape(pages[xs2aclient.Information]), fmt.Sprintf("0 booked, 0 pending, %d orders", len(orders))),
			is("all", shape(pages[xs2aclient.All]), fmt.Sprintf("%d booked, %d pending, %d orders", booked, pending, len(orders))),
			is("standing orders of two days", len(whenever.Information), len(orders)))
}

func followBalances(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	entries, _, _, err := report(ctx, c, a.ResourceID, lately(xs2aclient.Booked)) // the newest first
	if err != nil {
		return "", err
	}
	balances, err := c.Balances(ctx, a.ResourceID)
	today, ok := balances.Of("interimBooked")
	if err = all(err, is("the balance interimBooked is there", ok, true), is("more entries than one", len(entries) > 1, true)); err != nil {
		return "", err
	}
	for i, t := range entries {
		if t.BalanceAfterTransaction == nil {
			return "", fmt.Errorf("the entry of %s does not say the balance after it", t.BookingDate)
		}
		if i == 0 {
			continue
		}
		after, err := sum(a.Currency, t.BalanceAfterTransaction.Amount, entries[i-1].Amount)
		if err = all(err, is("balance after the entry of "+entries[i-1].BookingDate, entries[i-1].BalanceAfterTransaction.Amount.Amount, after.String())); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d entries lead to %s %s", len(entries), today.Amount.Amount, today.Amount.Currency),
		is("balance after the newest", entries[0].BalanceAfterTransaction.Amount, today.Amount)
}

func readWithBalance(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	plain, err := c.Transactions(ctx, a.ResourceID, q)
	q.WithBalance = true
	page, err2 := c.Transactions(ctx, a.ResourceID, q)
	balances, err3 := c.Balances(ctx, a.ResourceID)
	return fmt.Sprintf("%d balances", len(page.Balances)), all(err, err2, err3, is("balances that nobody asked for", len(plain.Balances), 0),
		is("the balances beside the report", fmt.Sprint(page.Balances), fmt.Sprint(balances.Balances)), is("a balance", len(page.Balances) > 0, true))
}

// ids names the entries of a page.
func ids(all []xs2aclient.Transaction) (ids []string) {
	for _, t := range all {
		ids = append(ids, t.TransactionID)
	}
	return ids
}

func turnPages(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	whole, err := c.Transactions(ctx, a.ResourceID, lately(xs2aclient.Booked))
	if err = all(err, is("at least five entries", len(whole.Booked) >= 5, true)); err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	q.ItemsPerPage = (len(whole.Booked) + 2) / 3
	var pages []xs2aclient.TransactionPage
	for page, err := range c.TransactionPages(ctx, a.ResourceID, q) {
		if err != nil {
			return "", err
		}
		pages = append(pages, page)
	}
	first, end := pages[0], pages[len(pages)-1]
	if err := all(is("links of the first page", linked(first), "next last"), is("links of the page between", linked(pages[1]), "first next previous last"),
		is("links of the last page", linked(end), "first previous")); err != nil {
		return "", err
	}
	for _, turn := range []struct {
		what, link string
		want       xs2aclient.TransactionPage
	}{
		{"first, from the last", end.Links["first"], first}, {"last, from the first", first.Links["last"], end},
		{"previous, from the last", end.Links["previous"], pages[len(pages)-2]}, {"previous, from the second", pages[1].Links["previous"], first},
	} {
		page, err := c.TransactionsAt(ctx, turn.link)
		if err == nil && !slices.Equal(ids(page.Booked), ids(turn.want.Booked)) {
			err = fmt.Errorf("%d entries, but on the way forward there were %d others", len(page.Booked), len(turn.want.Booked))
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", turn.what, err)
		}
	}
	var turned []string
	for _, p := range pages {
		turned = append(turned, ids(p.Booked)...)
	}
	return fmt.Sprintf("%d entries on %d pages; first, previous, next and last agree", len(turned), len(pages)),
		is("the pages have what the whole has", slices.Equal(turned, ids(whole.Booked)), true)
}

// linked names the links to other pages that a page has.
func linked(p xs2aclient.TransactionPage) (all string) {
	for _, name := range []string{"first", "next", "previous", "last"} {
		if p.Links[name] != "" {
			if all != "" {
				all += " "
			}
			all += name
		}
	}
	return all
}

func readNewer(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	whole, err := c.Transactions(ctx, a.ResourceID, lately(xs2aclient.Booked))
	const newer = 3
	if err = all(err, is("more entries than three", len(whole.Booked) > newer, true)); err != nil {
		return "", err
	}
	from := whole.Booked[newer]
	page, err := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, EntryReferenceFrom: from.EntryReference})
	if err != nil {
		return "", err
	}
	newest, err := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, EntryReferenceFrom: whole.Booked[0].EntryReference})
	_, both := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, EntryReferenceFrom: from.EntryReference, DeltaList: true})
	return fmt.Sprintf("%d entries after %s; after the newest none", newer, from.EntryReference), all(err,
		is("the entries", fmt.Sprint(ids(page.Booked)), fmt.Sprint(ids(whole.Booked[:newer]))), is("entries after the newest", len(newest.Booked), 0),
		refusedWith(both, http.StatusBadRequest, "FORMAT_ERROR"))
}

func readDelta(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	q.DeltaList = true
	first, err := c.Transactions(ctx, a.ResourceID, q)
	second, err2 := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DeltaList: true})
	return fmt.Sprintf("%d entries, then %d", len(first.Booked), len(second.Booked)), all(err, err2,
		is("new entries the first time", len(first.Booked) > 0, true), is("new entries the second time", len(second.Booked), 0))
}

func readBatch(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.finds(ctx, g.isar.company, g.company.Accounts[0])
	if err != nil {
		return "", err
	}
	entries, _, _, err := report(ctx, c, a.ResourceID, lately(xs2aclient.Booked))
	if err != nil {
		return "", err
	}
	batches, purpose, reference := 0, false, false
	var told string
	for _, t := range entries {
		if !t.BatchIndicator {
			if len(t.EntryDetails) > 0 {
				return "", fmt.Errorf("the entry of %s is no batch, but has payments", t.BookingDate)
			}
			continue
		}
		batches++
		var parts []xs2aclient.Amount
		for _, part := range t.EntryDetails {
			parts = append(parts, part.Amount)
			if part.CreditorName == "" || part.CreditorAccount.IBAN == "" || part.EndToEndID == "" {
				return "", fmt.Errorf("a payment of the batch %s does not say to whom it went", t.EndToEndID)
			}
			purpose = purpose || part.PurposeCode != ""
			reference = reference || part.RemittanceInformationStructured != ""
		}
		total, err := sum(t.Amount.Currency, parts...)
		if err = all(err, is("number of payments", len(parts), t.BatchNumberOfTransactions), is("their sum", total.String(), t.Amount.Amount)); err != nil {
			return "", fmt.Errorf("batch %s: %w", t.EndToEndID, err)
		}
		told = fmt.Sprintf("%s: %d payments, together %s %s", t.RemittanceInformationUnstructured, len(parts), t.Amount.Amount, t.Amount.Currency)
	}
	return fmt.Sprintf("%d batches; %s", batches, told), all(is("batches", batches > 0, true), is("purpose codes", purpose, true), is("structured references", reference, true))
}

func readExchange(ctx context.Context, g *guide) (string, error) {
	from := where(g.traveller, func(a ready.Account) bool { return a.Currency == "EUR" })
	sides := map[string][]xs2aclient.Transaction{} // by contract
	for _, currency := range []string{from.Currency, "USD"} {
		c, a, err := g.finds(ctx, g.isar.traveller, ready.Account{IBAN: from.IBAN, Currency: currency})
		if err != nil {
			return "", err
		}
		entries, _, _, err := report(ctx, c, a.ResourceID, lately(xs2aclient.Booked))
		if err != nil {
			return "", err
		}
		for _, t := range entries {
			for _, x := range t.CurrencyExchange {
				sides[x.ContractIdentification] = append(sides[x.ContractIdentification], t)
			}
		}
	}
	var told string
	for _, contract := range slices.Sorted(maps.Keys(sides)) {
		both := sides[contract]
		if len(both) != 2 || both[0].Amount.Currency != "EUR" {
			continue // with another currency
		}
		x := both[0].CurrencyExchange[0]
		rate, ok := new(big.Rat).SetString(x.ExchangeRate)
		sold, ok2 := new(big.Rat).SetString(both[0].Amount.Amount)
		bought, ok3 := new(big.Rat).SetString(both[1].Amount.Amount)
		if !ok || !ok2 || !ok3 || rate.Sign() <= 0 {
			return "", fmt.Errorf("contract %s: rate %q, %s and %s", contract, x.ExchangeRate, both[0].Amount.Amount, both[1].Amount.Amount)
		}
		unit, other := sold, bought
		if x.UnitCurrency != both[0].Amount.Currency {
			unit, other = bought, sold
		}
		// What is credited is what was debited at the rate, less than a cent off.
		off := new(big.Rat).Add(new(big.Rat).Mul(unit, rate), other)
		if off.Abs(off).Cmp(big.NewRat(1, 100)) >= 0 {
			return "", fmt.Errorf("contract %s: %s at %s is not %s", contract, both[0].Amount.Amount, x.ExchangeRate, both[1].Amount.Amount)
		}
		told = fmt.Sprintf("%s: %s EUR and %s USD at %s", contract, both[0].Amount.Amount, both[1].Amount.Amount, x.ExchangeRate)
	}
	if told == "" {
		return "", errors.New("no exchange is told on both accounts")
	}
	return told, nil
}

// readParticulars looks for an entry with each of the members that only some have.
func readParticulars(ctx context.Context, g *guide) (string, error) {
	var entries []xs2aclient.Transaction
	for _, at := range []struct {
		r *reading
		a ready.Account
	}{{g.isar.family, where(g.family, joint)}, {g.isar.company, g.company.Accounts[0]}} {
		c, a, err := g.finds(ctx, at.r, at.a)
		if err != nil {
			return "", err
		}
		some, _, _, err := report(ctx, c, a.ResourceID, lately(xs2aclient.Booked))
		if err != nil {
			return "", err
		}
		entries = append(entries, some...)
	}
	for _, m := range []struct {
		name string
		has  func(xs2aclient.Transaction) bool
	}{
		{"entryReference", func(t xs2aclient.Transaction) bool { return t.EntryReference != "" }},
		{"bankTransactionCode", func(t xs2aclient.Transaction) bool { return t.BankTransactionCode != "" }},
		{"endToEndId", func(t xs2aclient.Transaction) bool { return t.EndToEndID != "" }},
		{"mandateId and creditorId", func(t xs2aclient.Transaction) bool { return t.MandateID != "" && t.CreditorID != "" }},
		{"checkId", func(t xs2aclient.Transaction) bool { return t.CheckID != "" }},
		{"remittanceInformationStructured", func(t xs2aclient.Transaction) bool { return t.RemittanceInformationStructured != "" }},
		{"ultimateCreditor", func(t xs2aclient.Transaction) bool { return t.UltimateCreditor != "" }},
		{"ultimateDebtor", func(t xs2aclient.Transaction) bool { return t.UltimateDebtor != "" }},
		{"purposeCode", func(t xs2aclient.Transaction) bool { return t.PurposeCode != "" }},
		{"creditorAgent", func(t xs2aclient.Transaction) bool { return t.CreditorAgent != "" }},
	} {
		if !slices.ContainsFunc(entries, m.has) {
			return "", fmt.Errorf("none of %d entries has %s", len(entries), m.name)
		}
	}
	i := slices.IndexFunc(entries, func(t xs2aclient.Transaction) bool { return t.CheckID != "" })
	return fmt.Sprintf("among %d entries each of them, such as cheque %s of %s", len(entries), entries[i].CheckID, entries[i].DebtorName), nil
}

func readOneEntry(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.finds(ctx, g.isar.company, g.company.Accounts[0])
	if err != nil {
		return "", err
	}
	entries, _, _, err := report(ctx, c, a.ResourceID, lately(xs2aclient.Booked))
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(entries, func(t xs2aclient.Transaction) bool { return t.BatchIndicator })
	if i < 0 {
		return "", errors.New("there is no batch")
	}
	want := entries[i]
	got, err := c.TransactionDetails(ctx, a.ResourceID, want.TransactionID)
	if err != nil {
		return "", err
	}
	link := want.Links["transactionDetails"]
	want.Links, got.Links = nil, nil
	text, err := json.Marshal(got)
	wanted, err2 := json.Marshal(want)
	_, other, err3 := g.finds(ctx, g.isar.company, g.company.Accounts[1])
	if err = all(err, err2, err3); err != nil {
		return "", err
	}
	_, foreign := c.TransactionDetails(ctx, other.ResourceID, want.TransactionID)
	return fmt.Sprintf("%s, with its %d payments; under another account RESOURCE_UNKNOWN", got.RemittanceInformationUnstructured, len(got.EntryDetails)), all(
		has("the transactionDetails link", link), is("the entry in detail", string(text), string(wanted)), refusedWith(foreign, http.StatusNotFound, "RESOURCE_UNKNOWN"))
}

func download(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	whole, err := c.Transactions(ctx, a.ResourceID, lately(xs2aclient.Both))
	if err = all(err, is("download link of a report that is on one page", whole.Links["download"], "")); err != nil {
		return "", err
	}
	q := lately(xs2aclient.Both)
	q.ItemsPerPage = 5
	page, err := c.Transactions(ctx, a.ResourceID, q)
	if err = all(err, has("download link", page.Links["download"])); err != nil {
		return "", err
	}
	text, err := readAll(c.Download(ctx, page.Links["download"], xs2aclient.AcceptJSON))
	if err != nil {
		return "", err
	}
	var w struct {
		Transactions struct{ Booked, Pending []xs2aclient.Transaction } `json:"transactions"`
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return "", err
	}
	_, foreign := c.Download(ctx, page.Links["download"]+"x", xs2aclient.AcceptJSON)
	return fmt.Sprintf("%d entries in %d bytes, as on the pages", len(w.Transactions.Booked)+len(w.Transactions.Pending), len(text)), all(
		is("booked entries", slices.Equal(ids(w.Transactions.Booked), ids(whole.Booked)), true),
		is("pending entries", slices.Equal(ids(w.Transactions.Pending), ids(whole.Pending)), true),
		refusedWith(foreign, http.StatusNotFound, "RESOURCE_UNKNOWN"))
}
