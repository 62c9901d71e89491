package pain

import "kontor/bank/core"

// knownParty is somebody whom the bank knows itself: only the name is kept.
func (g grammar) knownParty(name string, field func(*reader) *string) element {
	return node(name,
		kept("Nm", 140, field),
		g.knownAddress(),
		g.knownIdentification(),
		passed("CtryOfRes", country),
		g.contact(),
	)
}

// ultimate is on whose behalf somebody pays or is paid: a name and nothing else.
func (g grammar) ultimate(name string, kept element) element {
	return node(name, kept, refuse("PstlAdr", "Id", "CtryOfRes", "CtctDtls"))
}

func (g grammar) creditor() element {
	return node("Cdtr",
		kept("Nm", 140, func(r *reader) *string { return &r.payment.CreditorName }),
		g.creditorAddress(),
		g.creditorIdentification(),
		refuse("CtryOfRes", "CtctDtls"),
	)
}

func (g grammar) knownAddress() element {
	return node("PstlAdr",
		g.addressType(),
		passed("Dept", upTo(70)), passed("SubDept", upTo(70)), passed("StrtNm", upTo(70)), passed("BldgNb", upTo(16)),
		g.since09(passed("BldgNm", upTo(35)), passed("Flr", upTo(70)), passed("PstBx", upTo(16)), passed("Room", upTo(70))),
		passed("PstCd", upTo(16)), passed("TwnNm", upTo(35)),
		g.since09(passed("TwnLctnNm", upTo(35)), passed("DstrctNm", upTo(35))),
		passed("CtrySubDvsn", upTo(35)), passed("Ctry", country),
		passed("AdrLine", upTo(70)).times(7),
	)
}

func (g grammar) addressType() element {
	code := oneOf("ADDR", "PBOX", "HOME", "BIZZ", "MLTO", "DLVY")
	if g.version != Version09 {
		return passed("AdrTp", code)
	}
	return either("AdrTp", passed("Cd", code),
		node("Prtry", passed("Id", exactly4).must(), passed("Issr", upTo(35)).must(), passed("SchmeNm", upTo(35))))
}

func (g grammar) creditorAddress() element {
	at := func(name string, n int, field func(*core.Address) *string) element {
		return kept(name, n, func(r *reader) *string { return field(r.payment.CreditorAddress) })
	}
	line := func(name string, n int) element { return leaf(name, upTo(n), (*reader).takeAddressLine) }
	e := node("PstlAdr",
		refuse("AdrTp"), line("Dept", 70), line("SubDept", 70),
		at("StrtNm", 70, func(a *core.Address) *string { return &a.StreetName }),
		at("BldgNb", 16, func(a *core.Address) *string { return &a.BuildingNumber }),
		g.since09(line("BldgNm", 35), refuse("Flr", "PstBx", "Room")), // numbers, which would mean something else in a street
		at("PstCd", 16, func(a *core.Address) *string { return &a.PostCode }),
		at("TwnNm", 35, func(a *core.Address) *string { return &a.TownName }),
		g.since09(line("TwnLctnNm", 35), line("DstrctNm", 35)),
		line("CtrySubDvsn", 35),
		at("Ctry", 2, func(a *core.Address) *string { return &a.Country }).kind(country),
		leaf("AdrLine", upTo(70), (*reader).takeAddressLine).times(7),
	)
	e.begin, e.end = (*reader).beginAddress, (*reader).endAddress
	return e
}

func (g grammar) anyBIC() check   { return of(g, bic03, bic09) }
func (g grammar) bicName() string { return of(g, "BIC", "BICFI") }

func (g grammar) knownIdentification() element {
	other := node("Othr", passed("Id", upTo(35)).must(), scheme(), passed("Issr", upTo(35))).times(unbounded)
	return either("Id",
		node("OrgId", passed(of(g, "BICOrBEI", "AnyBIC"), g.anyBIC()), g.since09(passed("LEI", lei)), other),
		node("PrvtId",
			node("DtAndPlcOfBirth", passed("BirthDt", date).must(), passed("PrvcOfBirth", upTo(35)),
				passed("CityOfBirth", upTo(35)).must(), passed("CtryOfBirth", country).must()),
			other))
}

// creditorIdentification is an identifier of the creditor. By which scheme he has it is
// passed over: there is one field for it, and it tells itself.
func (g grammar) creditorIdentification() element {
	other := node("Othr", leaf("Id", upTo(35), (*reader).takeCreditorID).must(), scheme(), refuse("Issr")).times(unbounded)
	return either("Id",
		node("OrgId", refuse(of(g, "BICOrBEI", "AnyBIC")), g.since09(refuse("LEI")), other),
		node("PrvtId", refuse("DtAndPlcOfBirth"), other))
}

func scheme() element {
	return either("SchmeNm", passed("Cd", upTo(4)), passed("Prtry", upTo(35)))
}

func (g grammar) contact() element {
	return node("CtctDtls",
		passed("NmPrfx", of(g, oneOf("DOCT", "MIST", "MISS", "MADM"), oneOf("DOCT", "MADM", "MISS", "MIST", "MIKS"))),
		passed("Nm", upTo(140)), passed("PhneNb", phone), passed("MobNb", phone), passed("FaxNb", phone), passed("EmailAdr", upTo(2048)),
		of(g, list(passed("Othr", upTo(35))), list(
			passed("EmailPurp", upTo(35)), passed("JobTitl", upTo(35)), passed("Rspnsblty", upTo(35)), passed("Dept", upTo(70)),
			node("Othr", passed("ChanlTp", upTo(4)).must(), passed("Id", upTo(128))).times(unbounded),
			passed("PrefrdMtd", oneOf("LETT", "MAIL", "PHON", "FAXX", "CELL")))))
}

func (g grammar) debtorAccount() element {
	return node("DbtrAcct", g.accountID(func(r *reader) *core.AccountReference { return &r.order.Bulk.DebtorAccount },
		either("Tp", passed("Cd", of(g, oneOf("CASH", "CHAR", "COMM", "TAXE", "CISH", "TRAS"), upTo(4))), passed("Prtry", upTo(35))),
		passed("Nm", upTo(70))))
}

func (g grammar) creditorAccount() element {
	tp, nm := refuse("Tp"), refuse("Nm")
	return node("CdtrAcct", g.accountID(func(r *reader) *core.AccountReference { return &r.payment.CreditorAccount }, tp[0], nm[0]))
}

// accountID is what an account consists of. Its type and name differ by whose it is.
func (g grammar) accountID(account func(*reader) *core.AccountReference, kind, name element) []element {
	other := node("Othr",
		kept("Id", 34, func(r *reader) *string { return &account(r).Other.Identification }).must(),
		either("SchmeNm",
			kept("Cd", 4, func(r *reader) *string { return &account(r).Other.SchemeNameCode }),
			kept("Prtry", 35, func(r *reader) *string { return &account(r).Other.SchemeNameProprietary })),
		kept("Issr", 35, func(r *reader) *string { return &account(r).Other.Issuer }))
	other.end = func(r *reader) error {
		nameBBAN(account(r))
		return nil
	}
	return list(
		either("Id", kept("IBAN", 34, func(r *reader) *string { return &account(r).IBAN }).kind(accountNumber), other).must(),
		kind,
		kept("Ccy", 3, func(r *reader) *string { return &account(r).Currency }).kind(currency),
		name,
		g.since09(refuse("Prxy")))
}

// debtorAgent is the bank itself: only its BIC is kept, so that an order for another bank can be told.
func (g grammar) debtorAgent() element {
	return node("DbtrAgt",
		node("FinInstnId",
			kept(g.bicName(), 11, func(r *reader) *string { return &r.order.DebtorAgent }).kind(g.anyBIC()),
			g.clearing(leaf("MmbId", upTo(35), (*reader).takeDebtorMember)), g.since09(passed("LEI", lei)), passed("Nm", upTo(140)), g.knownAddress(), noAgent(),
		).must(),
		refuse("BrnchId"))
}

func (g grammar) creditorAgent() element {
	return node("CdtrAgt",
		node("FinInstnId",
			kept(g.bicName(), 11, func(r *reader) *string { return &r.payment.CreditorAgent }).kind(g.anyBIC()),
			g.clearing(kept("MmbId", 35, func(r *reader) *string { return &r.member })), g.since09(refuse("LEI")),
			kept("Nm", 140, func(r *reader) *string { return &r.payment.CreditorAgentName }),
			refuse("PstlAdr"), noAgent(),
		).must(),
		refuse("BrnchId"))
}

// clearing is the number of a bank in its country, which is only compared with the IBAN.
func (g grammar) clearing(number element) element {
	return node("ClrSysMmbId", either("ClrSysId", passed("Cd", upTo(5)), passed("Prtry", upTo(35))), number.must())
}

// noAgent is how SEPA says that the bank is not named: its place must not be empty in every version.
func noAgent() element {
	return node("Othr", leaf("Id", upTo(35), (*reader).takeNotProvided).must(), refuse("SchmeNm", "Issr"))
}
