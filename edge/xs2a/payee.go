package xs2a

import (
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/edge/pain"
)

// What is said of payees whose names were not found to be those on their accounts: to the
// TPP, and through it to the PSU, who may not look at her bank's page before she has decided.
// Whose the account is they are not told here.
const (
	mismatchText    = "The name of the payee is not that on the account. Compare them before you approve the payment."
	notVerifiedText = "The name of the payee could not be compared with that on the account."

	// Of bulks:
	mismatchesText   = "The name of at least one payee is not that on the account. Compare them before you approve the payments."
	notVerifiedsText = "The name of at least one payee could not be compared with that on the account."
)

const psuMessageMax = 500

// payeeWarning is what has to be said of payees until SCA has moved their payment on from s;
// "" where their names are right, or nobody asked.
func payeeWarning(s payment.Status, bulk bool) string {
	switch {
	case s == payment.PayeeMismatched && bulk:
		return mismatchesText
	case s == payment.PayeeMismatched:
		return mismatchText
	case s == payment.PayeeNotVerified && bulk:
		return notVerifiedsText
	case s == payment.PayeeNotVerified:
		return notVerifiedText
	}
	return ""
}

// payeeMessages is that warning for the TPP.
func payeeMessages(p payment.Payment) []tppMessage {
	text, path := payeeWarning(p.Status, p.Bulk != nil), "creditorName"
	if text == "" {
		return nil
	}
	if p.Bulk != nil || inXML(p.Product) {
		path = "" // there it is no field, or one of many
	}
	return []tppMessage{{"WARNING", "WARNING", path, text}}
}

// withPayeeWarning puts that warning before what the bank has for the PSU.
func withPayeeWarning(p payment.Payment, message string) string {
	text := payeeWarning(p.Status, p.Bulk != nil)
	if text != "" && message != "" {
		text += " "
	}
	return cut(text+message, psuMessageMax)
}

// reportPayees says in r what was found out about the payees of p; of a bulk, about each.
func reportPayees(r *pain.StatusReport, p payment.Payment) {
	r.Reasons = append(r.Reasons, payeeReasons(p.Status, p.Bulk != nil)...)
	if p.Bulk == nil || p.Payees == "" || p.Status != p.Payees {
		return
	}
	for _, o := range p.Bulk.Payments {
		s := payment.Verified(o.Verified)
		r.Transactions = append(r.Transactions, pain.TransactionStatus{
			InstructionID: o.InstructionID, EndToEndID: o.EndToEndID, Status: string(s), Reasons: payeeReasons(s, false),
		})
	}
}

// payeeReasons is that warning in a status report.
func payeeReasons(s payment.Status, bulk bool) []pain.Reason {
	if text := payeeWarning(s, bulk); text != "" {
		return []pain.Reason{{Code: "NARR", Text: text}}
	}
	return nil
}

func verifiesPayees(p profile.Profile) bool { return p.Payments.PayeeVerification }

// payeeStatuses tell of the verification of payees; banks that verify none have none of them.
var payeeStatuses = []any{string(payment.PayeeVerified), string(payment.PayeeMismatched), string(payment.PayeeNotVerified)}
