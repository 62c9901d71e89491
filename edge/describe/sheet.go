package describe

import (
	"slices"
	"strconv"
	"strings"

	"kontor/edge/page"
)

// A sheet is the document as the page shows it.
type sheet struct {
	Document
	Sections  []section
	Endpoints []group
}

// A section is a chapter of the page.
type section struct {
	ID    string // of its heading
	Title string // a key of the catalogue, as are all names here
	Intro string
	Rows  []row
}

// A row answers one question.
type row struct {
	Label string
	Tick  string      // "yes" or "no"
	Texts []page.Text // in the reader's language
	Codes []string    // as they stand on the wire
	Note  string
}

// A group is the endpoints of one service.
type group struct {
	ID, Title string
	Endpoints []Endpoint
}

func draw(d Document) sheet {
	s := sheet{Document: d, Sections: []section{
		access(d), sca(d), consents(d), reading(d.Accounts), reports(d.Accounts), paying(d.Payments), funds(d.Funds), signatures(d.Signatures), notifications(d.Notifications),
	}}
	for _, g := range []group{{"ais", "capabilities.ais", nil}, {"pis", "capabilities.pis", nil}, {"piis", "capabilities.piis", nil}} {
		for _, e := range d.Endpoints {
			if strings.EqualFold(e.Service, g.ID) {
				g.Endpoints = append(g.Endpoints, e)
			}
		}
		s.Endpoints = append(s.Endpoints, g)
	}
	return s
}

func access(d Document) section {
	o := d.Access.OAuth
	s := section{"access", "capabilities.access", "capabilities.accessIntro", []row{
		one("capabilities.clientID", d.Access.ClientID, map[string]string{
			"organizationIdentifier": "capabilities.byOrganizationIdentifier", "portalKey": "capabilities.byPortalKey",
		}),
		yes("capabilities.banksMayAct", d.Access.BanksMayActAsTPP),
		one("capabilities.redirectDomain", d.Access.RedirectDomainCheck, map[string]string{
			"ignore": "capabilities.domainIgnore", "warn": "capabilities.domainWarn", "reject": "capabilities.domainReject",
		}),
		one("capabilities.oauth", o.Mode, map[string]string{
			"none": "capabilities.oauthNone", "preStep": "capabilities.oauthPreStep", "integrated": "capabilities.oauthIntegrated",
		}),
	}}
	var scopes []string
	for _, scope := range o.Scopes {
		scopes = append(scopes, scope.Name)
	}
	return s.with(o.Mode != "none",
		row{Label: "capabilities.scopes", Codes: scopes},
		yes("capabilities.fapi2", o.FAPI2),
		yes("capabilities.pkce", o.PKCERequired),
		span("capabilities.tokenLife", o.TokenSeconds),
		span("capabilities.codeLife", o.CodeSeconds),
		yes("capabilities.refresh", o.RefreshTokens),
		yes("capabilities.richRequests", o.RichRequests),
	)
}

func sca(d Document) section {
	wait := page.Text{Key: "capabilities.milliseconds", Pairs: []any{"count", d.SCA.FirstUpdateWaitMilliseconds}}
	if ms := d.SCA.FirstUpdateWaitMilliseconds; ms%1000 == 0 {
		wait = duration(ms / 1000)
	}
	approaches := row{Label: "capabilities.approaches"}
	for _, a := range d.SCA.Approaches {
		approaches.add(a, map[string]string{"redirect": "capabilities.byRedirect", "oauth": "capabilities.byOAuth", "decoupled": "capabilities.byDecoupled", "embedded": "capabilities.byEmbedded"})
	}
	intro := "capabilities.scaIntro"
	if slices.Contains(d.SCA.Approaches, "embedded") {
		intro = "capabilities.scaIntroEmbedded"
	}
	return section{"sca", "capabilities.sca", intro, []row{
		approaches,
		yes("capabilities.encryptedPasswords", d.SCA.EncryptedPasswords),
		confirmation(d.SCA),
		one("capabilities.start", d.SCA.Start, map[string]string{"implicit": "capabilities.startImplicit", "explicit": "capabilities.startExplicit"}),
		span("capabilities.scaTimeout", d.SCA.TimeoutSeconds),
		{Label: "capabilities.firstWait", Texts: []page.Text{wait}},
	}}
}

func confirmation(s SCA) row {
	r := one("capabilities.confirmation", s.Confirmation, map[string]string{"none": "capabilities.confirmationNone", "code": "capabilities.confirmationCode"})
	if s.ConfirmationParameter != "" {
		r.Codes = append(r.Codes, s.ConfirmationParameter)
	}
	return r
}

func consents(d Document) section {
	c := d.Consents
	oneOff := span("capabilities.oneOff", c.OneOffSeconds)
	if c.OneOffSeconds == 0 {
		oneOff = say("capabilities.oneOff", "capabilities.oneOffOnce")
	}
	return section{"consents", "capabilities.consents", "capabilities.consentsIntro", []row{
		yes("capabilities.dedicated", c.Models.Dedicated),
		yes("capabilities.bankOffered", c.Models.BankOffered),
		yes("capabilities.global", c.Models.Global),
		yes("capabilities.available", c.Models.AvailableAccounts),
		noted(yes("capabilities.forced", c.ForceBankOffered), "capabilities.forcedNote"),
		yes("capabilities.restrictedTo", c.RestrictedTo),
		{Label: "capabilities.references", Codes: c.AccountReferences},
		say("capabilities.validity", "capabilities.days", "count", c.ValidityDaysMax),
		noted(say("capabilities.frequency", "capabilities.times", "count", c.FrequencyMax), "capabilities.frequencyNote"),
		oneOff,
		yes("capabilities.oneOffToday", c.OneOffValidToday),
		noted(yes("capabilities.replace", c.ReplaceOlder), "capabilities.replaceNote"),
	}}
}

func reading(a Accounts) section {
	return section{"accounts", "capabilities.accounts", "", section{Rows: []row{
		yes("capabilities.cards", a.Cards),
		yes("capabilities.savings", a.SavingsAndLoans),
		yes("capabilities.beneficiaries", a.TrustedBeneficiaries),
		one("capabilities.withBalance", a.WithBalance, map[string]string{
			"honour": "capabilities.honoured", "ignore": "capabilities.ignored", "reject": "capabilities.rejected",
		}),
		yes("capabilities.ownerName", a.OwnerName),
	}}.with(len(a.OwnerNameFields) > 0, row{Label: "capabilities.ownerFields", Codes: a.OwnerNameFields}).
		with(a.CopySeconds > 0, span("capabilities.copy", a.CopySeconds)).Rows}
}

func reports(a Accounts) section {
	formats, media := row{Label: "capabilities.formats"}, map[string]bool{}
	for _, f := range a.Formats {
		if media[f.MediaType] {
			formats.Note = "capabilities.formatsNote"
		}
		media[f.MediaType] = true
		formats.Codes = append(formats.Codes, f.Name+" ("+f.MediaType+")")
	}
	fresh := span("capabilities.fresh", a.History.FreshSCASeconds)
	if a.History.FreshSCASeconds == 0 {
		fresh = say("capabilities.fresh", "capabilities.never")
	}
	return section{"transactions", "capabilities.transactions", "", []row{
		{Label: "capabilities.statuses", Codes: a.BookingStatuses},
		yes("capabilities.details", a.TransactionDetails),
		say("capabilities.page", "capabilities.pageSize", "usual", a.Paging.ItemsDefault, "most", a.Paging.ItemsMax),
		yes("capabilities.entryReference", a.EntryReferenceFrom),
		yes("capabilities.delta", a.DeltaList),
		formats,
		yes("capabilities.downloads", a.Downloads),
		say("capabilities.history", "capabilities.days", "count", a.History.Days),
		fresh,
		one("capabilities.older", a.History.Older, map[string]string{"consent": "capabilities.olderConsent", "authorisation": "capabilities.olderAuthorisation"}),
	}}
}

func paying(p Payments) section {
	s := section{"payments", "capabilities.payments", "", []row{yes("capabilities.offered", p.Offered)}}
	labels := map[string]string{"payments": "capabilities.single", "bulk-payments": "capabilities.bulk", "periodic-payments": "capabilities.periodic"}
	for _, service := range p.Services {
		r := row{Label: labels[service.Name], Codes: service.Products}
		if len(service.Products) == 0 {
			r = yes(labels[service.Name], false)
		}
		s = s.with(p.Offered, r)
	}
	limit := func(label string, n int) row { return say(label, "capabilities.count", "count", n) }
	for _, rules := range p.Products {
		s = s.with(p.Offered, row{Label: "capabilities.product", Codes: rules.words()})
	}
	return s.with(p.Offered,
		yes("capabilities.baskets", p.SigningBaskets),
	).with(p.Offered && p.SigningBaskets,
		yes("capabilities.basketsMixed", p.BasketsMixed),
		limit("capabilities.basketItems", p.BasketItemsMax),
	).with(p.Offered && p.BulkMax > 0,
		limit("capabilities.bulkMax", p.BulkMax),
	).with(p.Offered && len(p.ExecutionRules) > 0,
		row{Label: "capabilities.executionRules", Codes: p.ExecutionRules},
	).with(p.Offered && len(p.OrderVersions) > 0,
		row{Label: "capabilities.orderVersions", Codes: p.OrderVersions},
	).with(p.Offered && p.StatusReportVersion != "",
		row{Label: "capabilities.statusReport", Codes: []string{p.StatusReportVersion}},
	).with(p.Offered,
		yes("capabilities.debtorOptional", p.DebtorAccountOptional),
		say("capabilities.daysAhead", "capabilities.days", "count", p.DaysAheadMax),
		one("capabilities.closedDays", p.ClosedDays, map[string]string{"shift": "capabilities.closedShift", "refuse": "capabilities.closedRefuse"}),
		yes("capabilities.payeeVerification", p.PayeeVerification),
		row{Label: "capabilities.finalStatus", Codes: []string{p.StatusAfterSuccess}},
		one("capabilities.cancellation", p.Cancellation, map[string]string{
			"none": "capabilities.cancellationNone", "direct": "capabilities.cancellationDirect", "authorised": "capabilities.cancellationAuthorised",
		}),
	)
}

// words are the rules of a product as they stand on the wire.
func (p PaymentProduct) words() []string {
	all := append([]string{p.Name}, p.Currencies...)
	for word, holds := range map[string]bool{"SEPA": p.SEPA, "instant": p.Instant} {
		if holds {
			all = append(all, word)
		}
	}
	slices.Sort(all[1:])
	all = append(append(all, p.ChargeBearers...), p.Calendar)
	if p.CutOff != "" {
		all = append(all, p.CutOff)
	}
	return all
}

func funds(f Funds) section {
	return section{"funds", "capabilities.funds", "", []row{yes("capabilities.offered", f.Offered)}}.with(f.Offered,
		one("capabilities.fundsConsent", f.ConsentVia, map[string]string{"v2": "capabilities.fundsByV2", "consents": "capabilities.fundsByConsents", "bank": "capabilities.fundsAtBank", "none": "capabilities.fundsNone"}))
}

func signatures(g Signatures) section {
	s := section{"signatures", "capabilities.signatures", "capabilities.signaturesIntro", []row{
		yes("capabilities.signatureRequired", g.Required),
		{Label: "capabilities.signed", Codes: g.Headers},
	}}
	s = s.with(len(g.HeadersIfPresent) > 0, row{Label: "capabilities.signedIfPresent", Codes: g.HeadersIfPresent})
	if g.DateWindowSeconds == 0 {
		return s.with(true, say("capabilities.dateWindow", "capabilities.dateIgnored"))
	}
	return s.with(true, span("capabilities.dateWindow", g.DateWindowSeconds))
}

func notifications(contents []string) section {
	s := section{"notifications", "capabilities.notifications", "", []row{yes("capabilities.offered", len(contents) > 0)}}
	told := row{Label: "capabilities.notified"}
	for _, c := range contents {
		told.add(c, map[string]string{"SCA": "capabilities.notifiedSCA", "PROCESS": "capabilities.notifiedProcess", "LAST": "capabilities.notifiedLast"})
	}
	return s.with(len(contents) > 0, told)
}

// with returns s with more rows, if they apply.
func (s section) with(applies bool, rows ...row) section {
	if applies {
		s.Rows = append(s.Rows, rows...)
	}
	return s
}

func yes(label string, is bool) row {
	if is {
		return row{Label: label, Tick: "yes"}
	}
	return row{Label: label, Tick: "no"}
}

func say(label, key string, pairs ...any) row {
	return row{Label: label, Texts: []page.Text{{Key: key, Pairs: pairs}}}
}

func span(label string, seconds int) row {
	return row{Label: label, Texts: []page.Text{duration(seconds)}}
}

func noted(r row, note string) row {
	r.Note = note
	return r
}

// one says a word of the wire in the reader's language, and as it stands on the wire.
func one(label, word string, texts map[string]string) row {
	r := row{Label: label}
	r.add(word, texts)
	return r
}

func (r *row) add(word string, texts map[string]string) {
	if key := texts[word]; key != "" {
		r.Texts = append(r.Texts, page.Text{Key: key})
	}
	r.Codes = append(r.Codes, word)
}

// duration says a span of time in the largest unit that fits it.
func duration(seconds int) page.Text {
	key, n := "capabilities.seconds", seconds
	switch {
	case seconds != 0 && seconds%3600 == 0:
		key, n = "capabilities.hours", seconds/3600
	case seconds != 0 && seconds%60 == 0:
		key, n = "capabilities.minutes", seconds/60
	}
	return page.Text{Key: key, Pairs: []any{"count", n}}
}

// Refusals lists the message codes of each status on one line.
func (s sheet) Refusals() []struct{ Status, Codes string } {
	var all []struct{ Status, Codes string }
	for _, r := range s.Errors.Codes {
		status := strconv.Itoa(r.Status)
		if n := len(all); n > 0 && all[n-1].Status == status {
			all[n-1].Codes += ", " + r.Code
			continue
		}
		all = append(all, struct{ Status, Codes string }{status, r.Code})
	}
	return all
}
