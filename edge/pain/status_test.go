package pain_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"kontor/edge/pain"
)

var allStatuses = []string{"RCVD", "PDNG", "PATC", "ACTC", "ACWC", "ACCP", "ACFC", "ACSP", "ACWP", "ACSC", "ACCC", "RJCT", "CANC", "PART"}

func status(t *testing.T, version string, s pain.StatusReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := pain.Status(&b, version, s); err != nil {
		t.Fatal(version, err)
	}
	return b.String()
}

func report(status string) pain.StatusReport {
	return order().Report("6e0a4bfa-3f0e-4b7c-8c1d-000000000001", time.Date(2026, 6, 15, 9, 31, 0, 0, time.UTC), status)
}

func TestStatusIsValid(t *testing.T) {
	t.Parallel()
	for _, version := range pain.StatusVersions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var documents []string
			for _, s := range allStatuses {
				r := report(s)
				documents = append(documents, status(t, version, r))
				r.Reasons = []pain.Reason{{Code: "AM04", Text: strings.Repeat("not enough <& \x00\uFFFE funds ", 20)}, {Text: "only a text"}, {Code: "own code"}, {}}
				r.PaymentStatus = "PART"
				for _, each := range allStatuses {
					r.Transactions = append(r.Transactions, pain.TransactionStatus{InstructionID: "I<&>", EndToEndID: strings.Repeat("ü", 35), Status: each, Reasons: r.Reasons[:1]})
				}
				documents = append(documents, status(t, version, r))
			}
			documents = append(documents, status(t, version, pain.StatusReport{
				MessageID: "1", Created: time.Date(2026, 6, 15, 9, 31, 0, 5e8, time.FixedZone("", -7*3600)), OriginalMessageID: "2", OriginalVersion: pain.Version03, Status: "RJCT",
			}))
			wantValid(t, version, documents...)
		})
	}
}

func TestStatusSays(t *testing.T) {
	t.Parallel()
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:VERSION"><CstmrPmtStsRpt><GrpHdr><MsgId>6e0a4bfa3f0e4b7c8c1d000000000001</MsgId><CreDtTm>2026-06-15T09:31:00Z</CreDtTm></GrpHdr>` +
		`<OrgnlGrpInfAndSts><OrgnlMsgId>MSG-2026-0815</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.03</OrgnlMsgNmId><OrgnlCreDtTm>2026-06-15T09:30:00Z</OrgnlCreDtTm><OrgnlNbOfTxs>1</OrgnlNbOfTxs><OrgnlCtrlSum>12.50</OrgnlCtrlSum>`
	const middle = `</OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>PI-1</OrgnlPmtInfId><OrgnlNbOfTxs>1</OrgnlNbOfTxs><OrgnlCtrlSum>12.50</OrgnlCtrlSum>`
	const tail = "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n"
	for _, c := range []struct {
		name, version, status string
		change                func(*pain.StatusReport)
		group, payment        string
	}{
		{"a status of the whole is that of its payments", pain.Status03, "ACTC", nil, "<GrpSts>ACTC</GrpSts>", "<PmtInfSts>ACTC</PmtInfSts>"},
		{"cancelled has a word of its own in the later version", pain.Status10, "CANC", nil, "<GrpSts>CANC</GrpSts>", "<PmtInfSts>CANC</PmtInfSts>"},
		{"cancelled is rejected by its user in the older version", pain.Status03, "CANC", nil,
			"<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>DS02</Cd></Rsn></StsRsnInf>", "<PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Cd>DS02</Cd></Rsn></StsRsnInf>"},
		{"a reason that is told goes before that", pain.Status03, "CANC", func(r *pain.StatusReport) { r.Reasons = []pain.Reason{{Text: "closed"}} },
			"<GrpSts>RJCT</GrpSts><StsRsnInf><AddtlInf>closed</AddtlInf></StsRsnInf>", "<PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Cd>DS02</Cd></Rsn></StsRsnInf>"},
		{"settled everywhere is settled", pain.Status03, "ACCC", nil, "<GrpSts>ACSC</GrpSts>", "<PmtInfSts>ACSC</PmtInfSts>"},
		{"waiting for another signature is pending", pain.Status03, "PATC", nil, "<GrpSts>PDNG</GrpSts>", "<PmtInfSts>PDNG</PmtInfSts>"},
		{"only a group is received", pain.Status03, "RCVD", func(r *pain.StatusReport) {
			r.Transactions = []pain.TransactionStatus{{EndToEndID: "E-1", Status: "RCVD"}}
		}, "<GrpSts>RCVD</GrpSts>", "<PmtInfSts>RCVD</PmtInfSts>\n<TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>PDNG</TxSts></TxInfAndSts>"},
		{"each payment has its own", pain.Status10, "PART", func(r *pain.StatusReport) {
			r.Transactions = []pain.TransactionStatus{{InstructionID: "I-1", EndToEndID: "E-1", Status: "RJCT", Reasons: []pain.Reason{{Code: "AC04", Text: "closed account"}}}, {EndToEndID: "E-2", Status: "ACSC"}}
		}, "<GrpSts>PART</GrpSts>", "<PmtInfSts>PART</PmtInfSts>\n<TxInfAndSts><OrgnlInstrId>I-1</OrgnlInstrId><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>RJCT</TxSts>" +
			"<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed account</AddtlInf></StsRsnInf></TxInfAndSts>\n<TxInfAndSts><OrgnlEndToEndId>E-2</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := report(c.status)
			if c.change != nil {
				c.change(&r)
			}
			want := strings.Replace(head, "VERSION", c.version, 1) + c.group + middle + c.payment + tail
			if got := status(t, c.version, r); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestStatusThatCannotBeTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, version string
		change        func(*pain.StatusReport)
		want          error
	}{
		{"in a version that is not written", "pain.002.001.12", func(*pain.StatusReport) {}, pain.ErrStatusVersion},
		{"without an identifier", pain.Status03, func(r *pain.StatusReport) { r.MessageID = "" }, pain.ErrReport},
		{"with an identifier that is too long", pain.Status03, func(r *pain.StatusReport) { r.MessageID = strings.Repeat("x", 36) }, pain.ErrReport},
		{"without a time", pain.Status03, func(r *pain.StatusReport) { r.Created = time.Time{} }, pain.ErrReport},
		{"of no order", pain.Status03, func(r *pain.StatusReport) { r.OriginalMessageID = "" }, pain.ErrReport},
		{"of no version", pain.Status03, func(r *pain.StatusReport) { r.OriginalVersion = "" }, pain.ErrReport},
		{"with no status", pain.Status10, func(r *pain.StatusReport) { r.Status = "" }, pain.ErrReport},
		{"with a status that is no code", pain.Status10, func(r *pain.StatusReport) { r.Status = "<x/>" }, pain.ErrReport},
		{"with a status that the version has no word for", pain.Status03, func(r *pain.StatusReport) { r.Status = "XXXX" }, pain.ErrReport},
		{"with a sum that is none", pain.Status03, func(r *pain.StatusReport) { r.OriginalSum = "12,50" }, pain.ErrReport},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := report("ACTC")
			c.change(&r)
			var b bytes.Buffer
			if err := pain.Status(&b, c.version, r); !errors.Is(err, c.want) || b.Len() > 0 {
				t.Errorf("%v, %d bytes; want %v and nothing", err, b.Len(), c.want)
			}
		})
	}
	if err := pain.Status(broken{}, pain.Status03, report("ACTC")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer that does not write: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
