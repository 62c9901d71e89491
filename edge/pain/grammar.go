package pain

// An element says what the schema has in one place, and what is done with it.
type element struct {
	name    string
	needed  bool
	most    int    // how often it may stand; 0 is once, unbounded as often as one likes
	refused string // why it is not read although the schema has it

	// A leaf has a text: holds checks it, take keeps it. An amount has a currency, too.
	holds  check
	take   keep
	amount bool

	// Any other element has children, in this order; of a choice, exactly one.
	children   []element
	choice     bool
	begin, end func(*reader) error
}

// A keep takes the text of a leaf. It may find something wrong with it, too.
type keep func(r *reader, text []byte) (problem string)

const unbounded = int(^uint(0) >> 1)

func leaf(name string, holds check, take keep) element {
	return element{name: name, holds: holds, take: take}
}

// passed is a leaf that is checked and not kept.
func passed(name string, holds check) element { return leaf(name, holds, nil) }

// kept is a text of at most n characters that is kept where field says.
func kept(name string, n int, field func(*reader) *string) element {
	return leaf(name, upTo(n), func(r *reader, text []byte) string {
		*field(r) = string(text)
		return ""
	})
}

// kind gives a leaf another check.
func (e element) kind(c check) element { e.holds = c; return e }

func node(name string, children ...any) element {
	return element{name: name, children: list(children...)}
}

func either(name string, children ...any) element {
	e := node(name, children...)
	e.choice = true
	return e
}

func (e element) must() element       { e.needed = true; return e }
func (e element) times(n int) element { e.most = n; return e }

// refuse is what the schema has and bank/core has no word for.
func refuse(names ...string) (l []element) {
	for _, n := range names {
		l = append(l, element{name: n, refused: lost})
	}
	return l
}

const lost = "cannot be handed on to the bank"

// list joins elements and lists of them.
func list(parts ...any) (l []element) {
	for _, p := range parts {
		switch p := p.(type) {
		case element:
			l = append(l, p)
		case []element:
			l = append(l, p...)
		}
	}
	return l
}

// A grammar is that of one version.
type grammar struct{ version string }

// since09 is the parts in version 09, and nothing before.
func (g grammar) since09(parts ...any) []element {
	if g.version != Version09 {
		return nil
	}
	return list(parts...)
}

// of picks by version.
func of[T any](g grammar, in03, in09 T) T {
	if g.version == Version09 {
		return in09
	}
	return in03
}

func (g grammar) document() element {
	message := node("CstmrCdtTrfInitn", g.groupHeader(), g.paymentInformation(), g.since09(refuse("SplmtryData"))).must()
	message.end = (*reader).endMessage
	return node("Document", message)
}

func (g grammar) groupHeader() element {
	return node("GrpHdr",
		kept("MsgId", 35, func(r *reader) *string { return &r.order.MessageID }).must(),
		leaf("CreDtTm", nil, (*reader).takeCreationTime).must(),
		refuse("Authstn"),
		leaf("NbOfTxs", number, (*reader).takeGroupCount).must(),
		leaf("CtrlSum", decimal, (*reader).takeGroupSum),
		g.knownParty("InitgPty", func(r *reader) *string { return &r.order.InitiatingParty }).must(),
		refuse("FwdgAgt"),
	).must()
}

func (g grammar) paymentInformation() element {
	when := leaf("ReqdExctnDt", date, (*reader).takeExecutionDate)
	if g.version == Version09 {
		when = either("ReqdExctnDt", leaf("Dt", date, (*reader).takeExecutionDate), leaf("DtTm", nil, (*reader).takeExecutionTime))
	}
	e := node("PmtInf",
		kept("PmtInfId", 35, func(r *reader) *string { return &r.order.Bulk.PaymentInformationID }).must(),
		leaf("PmtMtd", oneOf("CHK", "TRF", "TRA"), (*reader).takeMethod).must(),
		leaf("BtchBookg", boolean, (*reader).takeBatchBooking),
		leaf("NbOfTxs", number, (*reader).takeCount),
		leaf("CtrlSum", decimal, (*reader).takeSum),
		g.paymentType(),
		when.must(),
		refuse("PoolgAdjstmntDt"),
		g.knownParty("Dbtr", func(r *reader) *string { return &r.order.Bulk.DebtorName }).must(),
		g.debtorAccount().must(),
		g.debtorAgent().must(),
		refuse("DbtrAgtAcct"),
		g.since09(refuse("InstrForDbtrAgt")),
		g.ultimate("UltmtDbtr", kept("Nm", 140, func(r *reader) *string { return &r.ultimateDebtor })),
		kept("ChrgBr", 4, func(r *reader) *string { return &r.chargeBearer }).kind(chargeBearers),
		refuse("ChrgsAcct", "ChrgsAcctAgt"),
		g.transaction(),
	).must().times(unbounded)
	e.begin, e.end = (*reader).beginInformation, (*reader).endInformation
	return e
}

var chargeBearers = oneOf("DEBT", "CRED", "SHAR", "SLEV")

func (g grammar) transaction() element {
	amount := leaf("InstdAmt", nil, nil)
	amount.amount = true
	e := node("CdtTrfTxInf",
		node("PmtId",
			kept("InstrId", 35, func(r *reader) *string { return &r.payment.InstructionID }),
			kept("EndToEndId", 35, func(r *reader) *string { return &r.payment.EndToEndID }).must(),
			g.since09(refuse("UETR")),
		).must(),
		g.paymentType(),
		either("Amt", amount, refuse("EqvtAmt")).must(),
		refuse("XchgRateInf"),
		leaf("ChrgBr", chargeBearers, (*reader).takeChargeBearer),
		refuse("ChqInstr"),
		g.ultimate("UltmtDbtr", leaf("Nm", upTo(140), (*reader).takeUltimateDebtor)),
		refuse("IntrmyAgt1", "IntrmyAgt1Acct", "IntrmyAgt2", "IntrmyAgt2Acct", "IntrmyAgt3", "IntrmyAgt3Acct"),
		g.creditorAgent(),
		refuse("CdtrAgtAcct"),
		g.creditor(),
		g.creditorAccount(),
		g.ultimate("UltmtCdtr", kept("Nm", 140, func(r *reader) *string { return &r.payment.UltimateCreditor })),
		refuse("InstrForCdtrAgt", "InstrForDbtrAgt"),
		either("Purp", kept("Cd", 4, func(r *reader) *string { return &r.payment.PurposeCode }), refuse("Prtry")),
		refuse("RgltryRptg", "Tax", "RltdRmtInf"),
		g.remittance(),
		g.since09(refuse("SplmtryData")),
	).must().times(unbounded)
	e.begin, e.end = (*reader).beginTransaction, (*reader).endTransaction
	return e
}

// paymentType says which product is meant. Of several payments it must be the same.
func (g grammar) paymentType() element {
	return node("PmtTpInf",
		leaf("InstrPrty", oneOf("HIGH", "NORM"), (*reader).takePriority),
		either("SvcLvl", leaf("Cd", upTo(4), (*reader).takeServiceLevel), refuse("Prtry")).times(of(g, 1, unbounded)),
		either("LclInstrm", kept("Cd", 35, func(r *reader) *string { return &r.kind.instrument }), refuse("Prtry")),
		either("CtgyPurp", kept("Cd", 4, func(r *reader) *string { return &r.kind.category }), refuse("Prtry")),
	)
}

func (g grammar) remittance() element {
	reference := node("CdtrRefInf",
		node("Tp",
			either("CdOrPrtry",
				kept("Cd", 4, func(r *reader) *string { return &r.payment.Structured.ReferenceType }).
					kind(oneOf("RADM", "RPIN", "FXDR", "DISP", "PUOR", "SCOR")),
				kept("Prtry", 35, func(r *reader) *string { return &r.payment.Structured.ReferenceType })).must(),
			kept("Issr", 35, func(r *reader) *string { return &r.payment.Structured.ReferenceIssuer })),
		kept("Ref", 35, func(r *reader) *string { return &r.payment.Structured.Reference }))
	reference.begin, reference.end = (*reader).beginReference, (*reader).endReference
	return node("RmtInf",
		leaf("Ustrd", upTo(140), (*reader).takeRemittance).times(unbounded),
		node("Strd",
			refuse("RfrdDocInf", "RfrdDocAmt"),
			reference,
			refuse("Invcr", "Invcee"),
			g.since09(refuse("TaxRmt", "GrnshmtRmt")),
			refuse("AddtlRmtInf"),
		).times(unbounded))
}
