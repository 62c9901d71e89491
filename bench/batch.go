package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kontor/bench/load"
	"kontor/bench/seed"
)

// batch posts a pain.001 with n payments. The list is the same in each, so that the
// generator only copies; the message, the debtor and the request are not.
func batch(n int) func(t *target, count int) load.Operation {
	return func(t *target, count int) load.Operation {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, `<CdtTrfTxInf><PmtId><InstrId>I-%d</InstrId><EndToEndId>E2E-%d</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">%d.01</InstdAmt></Amt>`+
				`<CdtrAgt><FinInstnId><BIC>COBADEFFXXX</BIC></FinInstnId></CdtrAgt><Cdtr><Nm>Dobavitelj %d d.o.o.</Nm></Cdtr><CdtrAcct><Id><IBAN>%s</IBAN></Id></CdtrAcct>`+
				`<RmtInf><Ustrd>Račun %d, hvala</Ustrd></RmtInf></CdtTrfTxInf>`, i, i, 1+i%900, i%7, seed.IBAN(3_000_000+i), i)
		}
		sum := 0
		for i := range n {
			sum += (1+i%900)*100 + 1
		}
		total := fmt.Sprintf("%d.%02d", sum/100, sum%100)
		now := time.Now().UTC()
		tail := list.String() + `</PmtInf></CstmrCdtTrfInitn></Document>`
		iban, ids := table(t.consents, seed.IBAN), newIDs()
		head := "POST " + t.payments + "/bulk-payments/pain.001-sepa-credit-transfers HTTP/1.1\r\nHost: " + t.host +
			"\r\nContent-Type: application/xml\r\nAccept: application/json\r\nPSU-IP-Address: 127.0.0.1\r\nTPP-Redirect-URI: " + seed.RedirectURI + "\r\nContent-Length: "
		return load.Operation{Status: 201,
			Append: func(b []byte, worker, n0 int) []byte {
				i := n0*count + worker
				document := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"><CstmrCdtTrfInitn>`+
					`<GrpHdr><MsgId>M-%08x-%d</MsgId><CreDtTm>%s</CreDtTm><NbOfTxs>%d</NbOfTxs><CtrlSum>%s</CtrlSum><InitgPty><Nm>Bench Debtor d.o.o.</Nm></InitgPty></GrpHdr>`+
					`<PmtInf><PmtInfId>P-%d</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>%d</NbOfTxs><CtrlSum>%s</CtrlSum><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>`+
					`<ReqdExctnDt>%s</ReqdExctnDt><Dbtr><Nm>Bench Debtor d.o.o.</Nm></Dbtr><DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct>`+
					`<DbtrAgt><FinInstnId><BIC>BENCSI22</BIC></FinInstnId></DbtrAgt>`,
					uint32(ids), i, now.Format("2006-01-02T15:04:05"), n, total, i, n, total, now.AddDate(0, 0, 14).Format(time.DateOnly), iban(i%t.consents))
				b = append(b, head...)
				b = strconv.AppendInt(b, int64(len(document)+len(tail)), 10)
				b = ids.header(b, worker, n0)
				b = append(b, "\r\n"...)
				b = append(b, document...)
				return append(b, tail...)
			},
			Check: contains(`"paymentId":`, `sca`),
		}
	}
}
