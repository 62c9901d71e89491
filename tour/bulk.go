package tour

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"

	"kontor/kit/money"
	"kontor/ready"
	"kontor/xs2aclient"
)

// bulkSteps show many payments that are approved together, ordered by XML.
func bulkSteps() []step {
	return []step{
		{"Three payments in one pain.001.001.09: the page shows their sum, and one code is bound to all of them", orderBulk},
		{"The order is read back byte for byte", readBulk},
		{"Its status is told as pain.002, or as JSON", readBulkStatus},
		{"One entry on the account for all of them, as the order wanted", readBulkEntry},
		{"The same in JSON, each with an entry of its own", orderBulkJSON},
		{"What is no such order is refused: a wrong sum, another schema, an entity of its own", orderNonsense},
	}
}

// pain writes an order as pain.001 of a version: what a TPP's own software would do.
func pain(version, id string, on time.Time, payer ready.Persona, payments ...xs2aclient.PaymentRequest) []byte {
	var sum int64
	for _, p := range payments {
		m, err := p.InstructedAmount.Money()
		if err != nil {
			panic("tour: " + err.Error())
		}
		sum += m.Minor
	}
	bic, day := "BIC", on.Format(time.DateOnly)
	if version == "pain.001.001.09" {
		bic, day = "BICFI", "<Dt>"+day+"</Dt>"
	}
	total := euros(sum)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:%s"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>%s</MsgId><CreDtTm>%s</CreDtTm><NbOfTxs>%d</NbOfTxs><CtrlSum>%s</CtrlSum><InitgPty><Nm>%s</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>%s-1</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>true</BtchBookg><NbOfTxs>%d</NbOfTxs><CtrlSum>%s</CtrlSum><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>
<ReqdExctnDt>%s</ReqdExctnDt><Dbtr><Nm>%s</Nm></Dbtr><DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><%s>ISARDEMM</%s></FinInstnId></DbtrAgt><ChrgBr>SLEV</ChrgBr>
`, version, id, time.Now().UTC().Format("2006-01-02T15:04:05Z"), len(payments), total, html.EscapeString(payer.Name), id, len(payments), total, day, html.EscapeString(payer.Name), payer.Accounts[0].IBAN, bic, bic)
	for _, p := range payments {
		fmt.Fprintf(&b, `<CdtTrfTxInf><PmtId><EndToEndId>%s</EndToEndId></PmtId><Amt><InstdAmt Ccy="%s">%s</InstdAmt></Amt><Cdtr><Nm>%s</Nm></Cdtr><CdtrAcct><Id><IBAN>%s</IBAN></Id></CdtrAcct><RmtInf><Ustrd>%s</Ustrd></RmtInf></CdtTrfTxInf>
`, html.EscapeString(p.EndToEndIdentification), p.InstructedAmount.Currency, p.InstructedAmount.Amount, html.EscapeString(p.CreditorName), p.CreditorAccount.IBAN, html.EscapeString(p.RemittanceInformationUnstructured))
	}
	b.WriteString("</PmtInf></CstmrCdtTrfInitn></Document>\n")
	return b.Bytes()
}

// wages are the payments of the bulk, and their sum.
func (g *guide) wages() (payments []xs2aclient.PaymentRequest, sum money.Amount) {
	for i, cents := range []int64{101_10, 102_20, 103_30} {
		p := g.transfer(cents, fmt.Sprintf("Wages %d", i+1))
		p.EndToEndIdentification = fmt.Sprintf("TOUR-WAGES-%d", i+1)
		payments, sum = append(payments, p), euros(sum.Minor+cents)
	}
	return payments, sum
}

func orderBulk(ctx context.Context, g *guide) (string, error) {
	payments, sum := g.wages()
	b := &g.isar.bulk
	b.id = xs2aclient.PaymentID{Service: xs2aclient.BulkPayments, Product: xs2aclient.XML + xs2aclient.SEPACreditTransfers}
	b.sent = pain("pain.001.001.09", "TOUR-BULK", g.now(), g.payer, payments...)
	if g.reports != nil {
		g.reports("pain.001.001.09", b.sent)
	}
	if _, err := g.paysAt(ctx, &b.id, xs2aclient.PainDocument(b.sent)); err != nil {
		return "", err
	}
	pages, prints := 0, map[string]bool{}
	err := g.approves(ctx, g.payer, b.id, plan{
		look: func(p *page) error {
			pages++
			for _, r := range payments {
				if !contains(p.text, r.InstructedAmount.Amount+" EUR – "+r.CreditorName) {
					return fmt.Errorf("the bank's page %q does not show %s EUR to %s: %s", p.title, r.InstructedAmount.Amount, r.CreditorName, p.text)
				}
			}
			for _, t := range p.terms {
				if t.name == "Fingerprint" {
					prints[t.value] = true
				}
			}
			return all(is("how many on the page", p.shows("3"), true), is("their sum on the page", p.shows(sum.String()+" EUR"), true))
		},
		read: func(m message) error {
			return all(is("how many in the text message", contains(m.Text, " 3 "), true), is("the sum in the text message", says(m.Text, sum.String()+" EUR"), true))
		},
	})
	return fmt.Sprintf("3 payments, %s EUR; two pages with the same fingerprint; ACSC", sum), all(err, is("pages", pages, 2), is("fingerprints", len(prints), 1),
		g.stands(ctx, b.id, xs2aclient.PaymentSettled))
}

func readBulk(ctx context.Context, g *guide) (string, error) {
	b := g.isar.bulk
	kept, err := g.isar.client.PaymentDocument(ctx, b.id)
	return fmt.Sprintf("%s, %d bytes", kept.ContentType, len(kept.Body)), all(err,
		is("the order is as it was sent", bytes.Equal(kept.Body, b.sent), true), is("Content-Type", mediaType(kept.ContentType), "application/xml"))
}

func readBulkStatus(ctx context.Context, g *guide) (string, error) {
	report, err := g.isar.client.PaymentStatusReport(ctx, g.isar.bulk.id)
	if err != nil {
		return "", err
	}
	if g.reports != nil {
		g.reports("pain.002.001.10", report.Body)
	}
	var w struct {
		XMLName xml.Name
		Group   struct {
			Message string `xml:"OrgnlMsgId"`
			Name    string `xml:"OrgnlMsgNmId"`
			Count   int    `xml:"OrgnlNbOfTxs"`
			Status  string `xml:"GrpSts"`
		} `xml:"CstmrPmtStsRpt>OrgnlGrpInfAndSts"`
	}
	if err := xml.Unmarshal(report.Body, &w); err != nil {
		return "", fmt.Errorf("pain.002: %w", err)
	}
	json, err := g.isar.client.PaymentStatus(ctx, g.isar.bulk.id)
	return fmt.Sprintf("pain.002.001.10: %s, %d payments, %s", w.Group.Message, w.Group.Count, w.Group.Status), all(err,
		is("namespace", w.XMLName.Space, "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"), is("OrgnlMsgId", w.Group.Message, "TOUR-BULK"),
		is("OrgnlMsgNmId", w.Group.Name, "pain.001.001.09"), is("OrgnlNbOfTxs", w.Group.Count, 3), is("GrpSts", w.Group.Status, xs2aclient.PaymentSettled),
		is("transactionStatus", json.TransactionStatus, xs2aclient.PaymentSettled))
}

// entriesLike lists the entries that were booked since the account is watched, as far as they are ok.
func (o *observed) entriesLike(ctx context.Context, ok func(xs2aclient.Transaction) bool) ([]xs2aclient.Transaction, error) {
	booked, _, _, err := report(ctx, o.reader, o.resourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(1)})
	return slices.DeleteFunc(booked, func(t xs2aclient.Transaction) bool { return o.earlier[t.TransactionID] || !ok(t) }), err
}

func readBulkEntry(ctx context.Context, g *guide) (string, error) {
	_, sum := g.wages()
	if err := g.isar.watched.settledAt(ctx, sum.Neg()); err != nil {
		return "", err
	}
	found, err := g.isar.watched.entriesLike(ctx, func(t xs2aclient.Transaction) bool { return t.Amount == xs2aclient.NewAmount(sum.Neg()) })
	return fmt.Sprintf("%s EUR in one entry", sum.Neg()), all(err, is("entries of the whole sum", len(found), 1))
}

func orderBulkJSON(ctx context.Context, g *guide) (string, error) {
	payments, sum := g.wages()
	for i := range payments {
		payments[i].DebtorAccount = nil
		payments[i].RemittanceInformationUnstructured = fmt.Sprintf("Bonus %d", i+1)
	}
	id := xs2aclient.PaymentID{Service: xs2aclient.BulkPayments, Product: xs2aclient.SEPACreditTransfers}
	r := xs2aclient.BulkRequest{DebtorAccount: &xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, BatchBookingPreferred: new(false), PaymentInformationID: "TOUR-BONUS", Payments: payments}
	if _, err := g.paysAt(ctx, &id, r); err != nil {
		return "", err
	}
	if err := all(g.approves(ctx, g.payer, id, plan{}), g.stands(ctx, id, xs2aclient.PaymentSettled), g.isar.watched.settledAt(ctx, sum.Neg())); err != nil {
		return "", err
	}
	kept, err := g.isar.client.Payment(ctx, id)
	found, err2 := g.isar.watched.entriesLike(ctx, func(t xs2aclient.Transaction) bool {
		return strings.HasPrefix(t.RemittanceInformationUnstructured, "Bonus ")
	})
	return fmt.Sprintf("%d entries, %s EUR in all", len(found), sum.Neg()), all(err, err2, is("payments read back", len(kept.Payments), 3), is("entries", len(found), 3))
}

func orderNonsense(ctx context.Context, g *guide) (string, error) {
	payments, sum := g.wages()
	good := string(pain("pain.001.001.09", "TOUR-NONSENSE", g.now(), g.payer, payments...))
	for _, wrong := range []struct{ what, old, new string }{
		{"a wrong sum", "<CtrlSum>" + sum.String() + "<", "<CtrlSum>1.00<"},
		{"a wrong count", "<NbOfTxs>3<", "<NbOfTxs>4<"},
		{"another schema", "pain.001.001.09", "pain.008.001.08"},
		{"an unknown element", "<PmtMtd>", "<Imagined/><PmtMtd>"},
		{"an entity of its own", "?>", `?><!DOCTYPE Document [<!ENTITY x "1">]>`},
		{"half of a document", "</PmtInf>", ""},
	} {
		what, nonsense := wrong.what, strings.Replace(good, wrong.old, wrong.new, 1)
		if nonsense == good {
			return "", fmt.Errorf("%s: nothing was changed", what)
		}
		_, err := g.isar.client.WithPSU(present).CreatePayment(ctx, xs2aclient.BulkPayments, xs2aclient.XML+xs2aclient.SEPACreditTransfers, xs2aclient.PainDocument([]byte(nonsense)), g.redirects())
		if err := refusedWith(err, http.StatusBadRequest, "FORMAT_ERROR"); err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	return "FORMAT_ERROR, each of them; nothing is held", g.isar.watched.held(ctx, euros(0))
}
