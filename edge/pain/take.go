package pain

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

func (r *reader) takeCreationTime(text []byte) (problem string) {
	t, ok := parseTime(text, r.zone)
	if !ok {
		return noTime
	}
	r.order.CreationTime = t
	return ""
}

const noTime = "is not a date and time (YYYY-MM-DDThh:mm:ss)"

// atOnce is what programs write that want a payment made as soon as can be: the schemas demand
// a date, and this one is over for everybody. It is a custom that comes from German banks.
var atOnce = day.New(1999, time.January, 1)

func (r *reader) takeExecutionDate(text []byte) (problem string) {
	if d, _ := parseDate(text); d != atOnce { // it was checked
		r.order.Bulk.RequestedExecutionDate = d
	}
	return ""
}

func (r *reader) takeExecutionTime(text []byte) (problem string) {
	t, ok := parseTime(text, r.zone)
	if !ok {
		return noTime
	}
	r.order.Bulk.RequestedExecutionTime = t
	return ""
}

func (r *reader) takeGroupCount(text []byte) (problem string) {
	r.group.setCount(text)
	return ""
}

func (r *reader) takeCount(text []byte) (problem string) {
	r.information.setCount(text)
	return ""
}

func (r *reader) takeGroupSum(text []byte) (problem string) {
	r.order.ControlSum = strings.TrimPrefix(string(trim(text)), "+")
	r.group.setSum(text)
	return ""
}

func (r *reader) takeSum(text []byte) (problem string) {
	r.information.setSum(text)
	return ""
}

func (t *tally) setCount(text []byte) {
	t.counted = true
	for _, c := range text { // 15 digits at most
		t.count = t.count*10 + int64(c-'0')
	}
}

func (t *tally) setSum(text []byte) {
	t.summed = true
	t.sum, t.exact, _ = sum(text) // it was checked
}

// compare refuses a document that does not say the truth about itself: perhaps a part of it
// got lost.
func (r *reader) compare(t tally, in string) error {
	switch n := int64(len(r.order.Bulk.Payments)); {
	case t.counted && t.count != n:
		return r.refuseAt(in+"NbOfTxs", "says %d, but there are %d payments", t.count, n)
	case t.summed && (!t.exact || t.sum != r.total):
		return r.refuseAt(in+"CtrlSum", "is not the sum of the amounts")
	}
	return nil
}

func (r *reader) takeMethod(text []byte) (problem string) {
	if string(text) != "TRF" {
		return "is not TRF: only credit transfers can be handed on to the bank"
	}
	return ""
}

func (r *reader) takeBatchBooking(text []byte) (problem string) {
	b, _ := parseBool(text) // it was checked
	r.order.Bulk.BatchBooking = &b
	return ""
}

func (r *reader) takePriority(text []byte) (problem string) {
	if string(text) != "NORM" {
		return "is not NORM: a higher priority " + lost
	}
	return ""
}

func (r *reader) takeServiceLevel(text []byte) (problem string) {
	if r.kind.service != "" {
		return "is another service level: only one can be handed on to the bank"
	}
	r.kind.service = string(text)
	return ""
}

// beginInformation refuses a second PmtInf: it would have an account or a date of its own,
// and an order has one of each. It also refuses too many payments before any is looked at.
func (r *reader) beginInformation() error {
	if r.informations++; r.informations > 1 {
		return r.refuse("is one too many: here a document has one")
	}
	if n := r.limits.transactions(); r.group.count > int64(n) {
		return r.tooMany("/Document/CstmrCdtTrfInitn/GrpHdr/NbOfTxs", n)
	}
	return nil
}

func (r *reader) tooMany(path string, n int) error {
	return r.fail(ErrTooMany, path, fmt.Sprintf("is more than %d", n))
}

func (r *reader) endInformation() error { return r.compare(r.information, "") }

func (r *reader) endMessage() error { return r.compare(r.group, "GrpHdr/") }

// leastLength is that of the shortest payment there can be: room is only made for as many
// as the document can have.
const leastLength = len(`<CdtTrfTxInf><PmtId><EndToEndId>1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">1</InstdAmt></Amt></CdtTrfTxInf>`)

func (r *reader) beginTransaction() error {
	b := &r.order.Bulk
	switch n := r.limits.transactions(); {
	case len(b.Payments) == n:
		return r.tooMany(r.where(), n)
	case b.Payments == nil:
		b.Payments = make([]core.Payment, 0, min(int(r.group.count), len(r.doc)/leastLength+1, n))
		r.common = r.kind
	}
	r.kind, r.member = kind{}, ""
	b.Payments = append(b.Payments, core.Payment{UltimateDebtor: r.ultimateDebtor, ChargeBearer: r.chargeBearer})
	r.payment = &b.Payments[len(b.Payments)-1]
	return nil
}

func (r *reader) endTransaction() error {
	k := r.kind
	for _, f := range []struct {
		own    *string
		common string
	}{{&k.service, r.common.service}, {&k.instrument, r.common.instrument}, {&k.category, r.common.category}} {
		if *f.own == "" {
			*f.own = f.common
		} else if f.common != "" && *f.own != f.common {
			return r.refuseAt("PmtTpInf", "differs from that of PmtInf")
		}
	}
	r.payment.CategoryPurpose = k.category
	if m := r.member; m != "" && !isBankOf(m, r.payment.CreditorAccount) {
		return r.refuseAt("CdtrAgt/FinInstnId/ClrSysMmbId", "%s where it is not part of the account's IBAN", lost)
	}
	o := &r.order
	if len(o.Bulk.Payments) == 1 {
		o.ServiceLevel, o.LocalInstrument = k.service, k.instrument
	} else if o.ServiceLevel != k.service || o.LocalInstrument != k.instrument {
		return r.refuseAt("PmtTpInf", "differs from that of the payments before: all payments of an order are of one product")
	}
	return nil
}

// totalMax is how much all payments may come to, in thousandths: a control sum has room for
// as much.
const totalMax = 1e18

func (r *reader) takeAmount(text []byte, currency string) (problem string) {
	a, err := money.Parse(string(trim(text)), currency)
	switch {
	case err != nil:
		return "is not an amount that fits its currency"
	case a.Minor <= 0:
		return "must be more than zero"
	}
	r.payment.Amount = a
	n := a.Minor
	for d, _ := money.Decimals(currency); d < 3; d++ {
		n *= 10 // 14 digits before the point and three behind are 17
	}
	if r.total += n; r.total >= totalMax {
		return "makes the sum of all amounts too large"
	}
	return ""
}

func (r *reader) takeChargeBearer(text []byte) (problem string) {
	if r.chargeBearer != "" && r.chargeBearer != string(text) {
		return "differs from that of PmtInf"
	}
	r.payment.ChargeBearer = string(text)
	return ""
}

func (r *reader) takeUltimateDebtor(text []byte) (problem string) {
	if r.ultimateDebtor != "" && r.ultimateDebtor != string(text) {
		return "differs from that of PmtInf"
	}
	r.payment.UltimateDebtor = string(text)
	return ""
}

func (r *reader) takeCreditorID(text []byte) (problem string) {
	if r.payment.CreditorID != "" {
		return "is another identifier: only one can be handed on to the bank"
	}
	r.payment.CreditorID = string(text)
	return ""
}

// takeDebtorMember takes the number that the debtor's bank has in its country.
func (r *reader) takeDebtorMember(text []byte) (problem string) {
	if !isBankOf(string(text), r.order.Bulk.DebtorAccount) {
		return "is not the bank that the IBAN of the debtor's account names"
	}
	return ""
}

// isBankOf says whether member is the bank's number within the IBAN of a: then it says nothing
// new. Leading noughts may be missing. Other accounts do not tell their bank.
//
// Source: SWIFT, IBAN registry: place and length of the bank identifier.
func isBankOf(member string, a core.AccountReference) bool {
	if len(a.IBAN) < 4 || member == "" {
		return false
	}
	length, known := map[string]int{"DE": 8, "AT": 5, "CH": 5, "LI": 5}[a.IBAN[:2]]
	if !known || len(a.IBAN) < 4+length || len(member) > length {
		return false
	}
	return strings.Repeat("0", length-len(member))+member == a.IBAN[4:4+length]
}

func (r *reader) takeNotProvided(text []byte) (problem string) {
	if string(text) != "NOTPROVIDED" {
		return lost + "; a bank is named by its BIC"
	}
	return ""
}

// nameBBAN calls an account by its BBAN if that is what the scheme says it is.
func nameBBAN(a *core.AccountReference) {
	if o := a.Other; o.SchemeNameCode == "BBAN" && o.Issuer == "" && len(o.Identification) <= 30 && all([]byte(o.Identification), 'a') {
		a.BBAN, a.Other = o.Identification, core.Other{}
	}
}

// remittanceMax is how much an unstructured text has room for, at the bank and between banks.
const remittanceMax = 140

// takeRemittance joins several texts, as far as there is room.
func (r *reader) takeRemittance(text []byte) (problem string) {
	p := r.payment
	if p.Remittance == "" {
		p.Remittance = string(text)
		return ""
	}
	p.Remittance += " " + string(text)
	if utf8.RuneCountInString(p.Remittance) > remittanceMax {
		return fmt.Sprintf("makes the remittance information longer than %d characters", remittanceMax)
	}
	return ""
}

func (r *reader) beginReference() error {
	if r.payment.Structured != nil {
		return r.refuse("is another reference: only one can be handed on to the bank")
	}
	r.payment.Structured = &core.StructuredRemittance{}
	return nil
}

func (r *reader) endReference() error {
	if r.payment.Structured.Reference == "" {
		return r.refuseAt("Ref", "is missing")
	}
	return nil
}

func (r *reader) beginAddress() error {
	r.payment.CreditorAddress = &core.Address{}
	r.lines = r.lines[:0]
	return nil
}

func (r *reader) takeAddressLine(text []byte) (problem string) {
	r.lines = append(r.lines, string(text))
	return ""
}

const (
	streetMax = 70
	townMax   = 35
)

// endAddress finds a place for the lines of an address, and for the parts of it that have no
// place of their own: the street first, the town second, as SEPA wants lines written; or all
// of them with the street where it, or the town, is told apart.
func (r *reader) endAddress() error {
	a := r.payment.CreditorAddress
	if *a == (core.Address{}) && len(r.lines) == 0 {
		r.payment.CreditorAddress = nil
		return nil
	}
	if len(r.lines) == 0 {
		return nil
	}
	if a.StreetName != "" || a.BuildingNumber != "" {
		r.lines = append([]string{strings.TrimSpace(a.StreetName + " " + a.BuildingNumber)}, r.lines...)
		all := strings.Join(r.lines, ", ")
		if utf8.RuneCountInString(all) > streetMax {
			return r.refuse("has more beside the street than there is room for: %d characters with it", streetMax)
		}
		a.StreetName, a.BuildingNumber = all, ""
		return nil
	}
	all := strings.Join(r.lines, ", ")
	switch {
	case len(r.lines) == 2 && a.TownName == "" && a.PostCode == "" && utf8.RuneCountInString(r.lines[1]) <= townMax:
		a.StreetName, a.TownName = r.lines[0], r.lines[1]
	case utf8.RuneCountInString(all) <= streetMax:
		a.StreetName = all
	default:
		return r.refuseAt("AdrLine", "has more than there is room for: two lines, the second of at most %d characters", townMax)
	}
	return nil
}
