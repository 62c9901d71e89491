package corebank

import (
	"golang.org/x/text/language"
)

// A catalogue holds the bank's texts in one language, by key.
type catalogue map[string]string

// languages lists the catalogues, the complete one first: it answers for what others lack.
func languages() []string { return []string{"en"} }

// languageOf picks the language of a page from Accept-Language.
func languageOf(accept string) string {
	if len(accept) > 200 {
		return "en"
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return "en"
	}
	for _, w := range wanted {
		base, _ := w.Base()
		for _, l := range languages() {
			if base.String() == l {
				return l
			}
		}
	}
	return "en"
}

// textOf returns the text of key in lang, in English where lang lacks it.
func textOf(lang, key string) string {
	if s, ok := catalogueOf(lang)[key]; ok {
		return s
	}
	if s, ok := catalogueOf("en")[key]; ok {
		return s
	}
	return key
}

func catalogueOf(lang string) catalogue {
	switch lang {
	case "en":
		return english
	}
	return nil
}

var english = catalogue{
	"home.title":           "Welcome",
	"home.text":            "This is a bank for trying things out. Its customers and their money are invented.",
	"home.me":              "Your accounts and who may see them",
	"home.outbox":          "Text messages of the sandbox",
	"login.title":          "Log in",
	"login.access":         "%s asks to see your accounts. Log in to choose which.",
	"login.funds":          "%s asks to check whether an amount is available on your account. Log in to decide.",
	"login.payment":        "%s hands over a payment for you to approve. Log in to see it.",
	"login.login":          "%s asks the bank to confirm who you are.",
	"login.me":             "Log in to see your accounts and who may see them.",
	"login.name":           "Log-in name",
	"login.password":       "Password",
	"login.button":         "Log in",
	"login.wrong":          "Log-in name or password is not right. After five wrong attempts in a row, access is locked for 15 minutes.",
	"login.other":          "You are logged in as %s, but the account named is not yours. Log in as its holder, or refuse.",
	"refuse":               "Refuse",
	"access.title":         "Choose accounts",
	"access.titleAll":      "Give access",
	"access.text":          "%s will see the accounts you choose: their details, balances and transactions, as far as it asked for them.",
	"access.all":           "%s will see all your accounts and cards, their balances and transactions.",
	"access.legend":        "Accounts",
	"access.until":         "Until %s. You can withdraw at any time under “Your accounts”.",
	"access.none":          "Choose at least one account.",
	"rights.label":         "What is shown",
	"rights.both":          "balances and transactions",
	"rights.balances":      "balances only",
	"rights.transactions":  "transactions only",
	"change.title":         "Change the choice of accounts",
	"change.text":          "Choose what %s sees from now on. It can never be more than it asked for.",
	"login.change":         "Log in to change what %s may see.",
	"approve":              "Approve",
	"funds.title":          "Allow checks of funds",
	"funds.text":           "%s may ask whether an amount is available on this account. The answer is yes or no; your balance is not told.",
	"funds.card":           "Card",
	"funds.cardEnding":     "Its number ends in",
	"funds.cardUntil":      "It is valid until",
	"funds.registration":   "Registered as",
	"login.allowTitle":     "Confirm who you are",
	"login.allowText":      "%s asks the bank to confirm that you are its customer. It does not see your accounts and cannot pay from them.",
	"allow":                "Allow",
	"payment.title":        "Approve a payment",
	"payment.text":         "%s hands over this payment.",
	"payment.payee":        "Payee",
	"payment.iban":         "Payee’s IBAN",
	"payment.amount":       "Amount",
	"payment.from":         "From account",
	"payment.reference":    "Reference",
	"payment.date":         "On",
	"payment.today":        "today",
	"payment.fee":          "Fee",
	"payment.free":         "none",
	"payment.titleBulk":    "Approve payments",
	"payment.textBulk":     "%s hands over these payments. One code approves all of them.",
	"payment.titlePlan":    "Approve a standing order",
	"payment.textPlan":     "%s hands over a payment that is repeated.",
	"payment.debit":        "From your account",
	"payment.rate":         "at a rate of %s",
	"payment.sum":          "Sum",
	"payment.count":        "Payments",
	"payment.refused":      "Not executed",
	"payment.refusedText":  "%d, because something is wrong with them",
	"payment.first":        "The first of them",
	"payment.more":         "and %d more",
	"payment.batch":        "Entry",
	"payment.batchOne":     "one for all",
	"payment.batchEach":    "one for each",
	"payment.digest":       "Fingerprint",
	"payee.label":          "Name of the payee",
	"payee.match":          "It is the one on the account.",
	"payee.close":          "It is not quite the one on the account, which is “%s”. Approve only if you mean that one.",
	"payee.nearly":         "It is not quite the one on the account. Approve only if you are sure of the IBAN.",
	"payee.none":           "It is not the one on the account. The money may reach somebody else, and may not come back.",
	"payee.unavailable":    "It could not be compared with the one on the account. Approve only if you are sure of the IBAN.",
	"payment.digestText":   "computed over amount, currency and payee of every payment",
	"plan.frequency":       "How often",
	"plan.dates":           "First dates",
	"plan.next":            "Next dates",
	"plan.end":             "Until",
	"plan.endless":         "you cancel it",
	"plan.rule":            "On days without business",
	"plan.following":       "the next business day",
	"plan.preceding":       "the business day before",
	"plan.anyDay":          "that very day",
	"plan.Daily":           "every day",
	"plan.Weekly":          "every week",
	"plan.EveryTwoWeeks":   "every two weeks",
	"plan.Monthly":         "every month",
	"plan.MonthlyVariable": "in some months",
	"plan.EveryTwoMonths":  "every two months",
	"plan.Quarterly":       "every three months",
	"plan.SemiAnnual":      "every six months",
	"plan.Annual":          "every year",
	"basket.title":         "Approve several things at once",
	"basket.text":          "%s hands over all that stands below. One code approves all of it, and nothing else.",
	"basket.payment":       "Payment",
	"basket.access":        "Access",
	"basket.accesses":      "Accesses",
	"login.basket":         "%s hands over payments and asks for access, all to be approved by one code. Log in to see them.",
	"code.boundBasket":     "The code is only good for exactly these payments and accesses.",
	"cancel.title":         "Cancel a payment",
	"cancel.text":          "%s asks to cancel this payment. You cancel it by a code; the money stays with you.",
	"cancel.textPlan":      "%s asks to cancel this standing order. You cancel what is still to come; what was paid stays paid.",
	"cancel.button":        "Cancel the payment",
	"login.cancel":         "%s asks to cancel a payment. Log in to see which.",
	"code.boundBulk":       "The code is only good for exactly these payments: their amounts and payees.",
	"code.boundCancel":     "The code is only good for cancelling exactly this payment.",
	"payment.available":    "available",
	"method.legend":        "How you confirm it",
	"method.other":         "Confirm it another way",
	"method.none":          "You have no way to confirm this yet. Ask the bank for one.",
	"method.unknown":       "That way to confirm is not there any more. Choose another one.",
	"method.locked":        "After five wrong attempts in a row, your ways to confirm are locked for 30 minutes. The bank can unlock them before.",
	"method.SMS_OTP":       "Code by text message",
	"method.TOTP":          "Authenticator app",
	"method.TOTP.text":     "Open your authenticator app and enter the code that it shows. The app does not know what you approve: compare it here.",
	"told.what":            "You approve",
	"told.by":              "For",
	"told.access":          "Access to accounts",
	"told.change":          "A change of what is seen",
	"told.funds":           "Checks of funds",
	"told.allow":           "Checks of funds",
	"told.payment":         "A payment",
	"told.cancel":          "Cancelling a payment",
	"told.basket":          "Several orders at once",
	"code.title":           "Enter the code",
	"code.text":            "We sent a code to your phone %s. It is good for five minutes.",
	"code.bound":           "The code is only good for exactly this payment.",
	"code.label":           "Code",
	"code.button":          "Confirm",
	"code.resend":          "Send a new code",
	"code.wrong":           "That is not the code. After three wrong codes it ends here.",
	"code.over":            "The code is no longer good. Let us send you a new one.",
	"code.nomore":          "No more codes are sent for this.",
	"end.done":             "Done",
	"end.doneText":         "You approved. ",
	"end.refused":          "You refused",
	"end.refusedText":      "Nothing was given and nothing was paid.",
	"end.failed":           "It could not be done",
	"end.failedText":       "Nothing was given and nothing was paid.",
	"end.over":             "The time is up",
	"end.overText":         "Nothing was given and nothing was paid. Start again where you came from.",
	"end.returning":        "Returning you to %s",
	"end.link":             "Continue",
	"me.title":             "Your accounts",
	"me.hello":             "Logged in as %s.",
	"me.account":           "Account",
	"me.booked":            "Booked",
	"me.available":         "Available",
	"me.access":            "Who may see them",
	"me.nobody":            "Nobody has access.",
	"me.ais":               "sees accounts",
	"me.piis":              "checks funds",
	"me.since":             "Since",
	"me.until":             "Until",
	"me.endless":           "until you withdraw",
	"me.all":               "all accounts",
	"me.withdraw":          "Withdraw",
	"me.consequence":       "Withdrawing ends the access at once. Ask the third party what it means for its service.",
	"me.withdrawn":         "The access was withdrawn.",
	"me.change":            "Change",
	"me.changed":           "Your choice counts from now on.",
	"allowed.title":        "Who may check funds",
	"allowed.text":         "A third party that you name here may ask whether an amount is available on your account. It hears yes or no; your balance is not told.",
	"allowed.tpp":          "Identifier of the third party",
	"allowed.hint":         "The third party tells it to you. It looks like PSDSI-BS-1234567.",
	"allowed.name":         "Its name, as you know it",
	"allowed.button":       "Allow checks of funds",
	"allowed.wrong":        "The identifier does not look like one, or the account cannot be chosen.",
	"allowed.many":         "You have allowed as many as are possible. Withdraw one first.",
	"me.allowed":           "It may check funds from now on.",
	"login.allow":          "Log in to allow checks of funds by %s.",
	"steps.phone":          "Approve in the app of your bank.",
	"sms.allow":            "%s: you allow %s to check funds on your account. Your code is %s. Tell it to nobody.",
	"me.logout":            "Log out",
	"outbox.title":         "Text messages",
	"outbox.text":          "In this sandbox, text messages do not leave the house. The newest is on top.",
	"outbox.none":          "No messages.",
	"outbox.at":            "Time",
	"outbox.to":            "To",
	"outbox.message":       "Message",
	"error.title":          "That did not work",
	"error.notfound":       "There is no such page.",
	"error.form":           "The form is too old or came from another page. Go back and try again.",
	"error.internal":       "Something is wrong on our side. Please try again.",
	"error.back":           "Back",
	"sms.access":           "%s: %s asks for access. Your code is %s. Tell it to nobody.",
	"sms.change":           "%s: you change what %s may see. Your code is %s. Tell it to nobody.",
	"sms.bulk":             "%s: pay %d payments, %s in all. Your code is %s. Tell it to nobody.",
	"sms.plan":             "%s: pay %s to %s, %s, again and again from %s. Your code is %s. Tell it to nobody.",
	"sms.cancel":           "%s: you cancel %s to %s, %s. Your code is %s. Tell it to nobody.",
	"sms.cancelBulk":       "%s: you cancel %d payments, %s in all. Your code is %s. Tell it to nobody.",
	"sms.basket":           "%s: %s asks you to approve %d payments, %s in all, and %d accesses. Your code is %s. Tell it to nobody.",
	"sms.basketAccess":     "%s: %s asks you to approve %d accesses. Your code is %s. Tell it to nobody.",
	"sms.payment":          "%s: pay %s to %s, %s. Your code is %s. Tell it to nobody.",
	"nav.home":             "Start page",
	"skip":                 "Skip to content",
}
