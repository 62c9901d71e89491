package profile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jacoelho/banking/bic"
)

// levels lists the levels of the standard that fields are gated by, oldest first.
var levels = []string{"1.3.6", "1.3.8", "1.3.9", "1.3.11", "1.3.12", "1.3.16"}

// findings gathers all that is wrong, so that one start shows everything.
type findings []error

func (f *findings) refuse(key, format string, args ...any) {
	*f = append(*f, refuse(key, format, args...))
}

// when refuses key if wrong holds.
func (f *findings) when(wrong bool, key, format string, args ...any) {
	if wrong {
		f.refuse(key, format, args...)
	}
}

// among refuses a value that is not one of known.
func (f *findings) among(key, value string, known ...string) {
	f.when(!slices.Contains(known, value), key, "%q is none of %s", value, strings.Join(known, ", "))
}

// list refuses values that are unknown or stand twice.
func (f *findings) list(key string, values []string, known ...string) {
	for i, v := range values {
		f.among(key, v, known...)
		f.when(slices.Contains(values[:i], v), key, "%q stands there twice", v)
	}
}

func (f *findings) span(key string, d, least, most time.Duration) {
	f.when(d < least || d > most, key, "%s is not between %s and %s", d, least, most)
}

func (f *findings) number(key string, n, least, most int) {
	f.when(n < least || n > most, key, "%d is not between %d and %d", n, least, most)
}

func refuse(key, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrSetting, key, fmt.Sprintf(format, args...))
}

// Validate refuses settings that are unknown, impossible or contradict each other, all of
// them at once. Each message begins with the key that it is about.
func (p Profile) Validate() error {
	var f findings
	f.among("specLevel", p.SpecLevel, levels...)
	f.among("clientIdentification", string(p.ClientIdentification), string(ByOrganizationIdentifier), string(ByPortalKey))
	p.validateOAuth(&f)
	p.validateSCA(&f)
	p.validateConsent(&f)
	p.validateAccounts(&f)
	p.validatePayments(&f)
	p.validateBaskets(&f)
	p.validateFunds(&f)
	p.validateSignature(&f)
	f.among("redirectDomainCheck", string(p.RedirectDomainCheck), string(DomainIgnore), string(DomainWarn), string(DomainReject))
	f.list("extraResponseHeaders", p.ExtraResponseHeaders, "x-fapi-interaction-id")
	f.list("notifications", p.Notifications, "SCA", "PROCESS", "LAST")
	return errors.Join(f...)
}

func (p Profile) validateOAuth(f *findings) {
	o := p.OAuth
	f.among("oauth.mode", string(o.Mode), string(OAuthNone), string(OAuthPreStep), string(OAuthIntegrated))
	if o.Mode == OAuthNone {
		f.when(o.RefreshToken, "oauth.refreshToken", "there are no tokens to refresh, because oauth.mode is none")
		f.when(o.PKCERequired, "oauth.pkceRequired", "there is nothing to protect, because oauth.mode is none")
		f.when(o.RichRequests, "oauth.richRequests", "there is nothing to ask for, because oauth.mode is none")
		f.when(o.FAPI2, "oauth.fapi2", "there is nothing to protect, because oauth.mode is none")
		f.when(p.ClientIdentification == ByPortalKey, "clientIdentification", "a portalKey is an OAuth client_id, but oauth.mode is none")
	} else {
		f.span("oauth.tokenTTL", o.TokenTTL, time.Second, 24*time.Hour)
		f.span("oauth.codeTTL", o.CodeTTL, time.Second, time.Minute)
		f.when(o.FAPI2 && !o.PKCERequired, "oauth.pkceRequired", "FAPI 2.0 requires PKCE, and oauth.fapi2 is on")
	}
	if o.Mode == OAuthPreStep {
		f.when(o.Scopes.Accounts == "", "oauth.scopes.accounts", "preStep needs the name of this scope")
		f.when(o.Scopes.Payments == "" && p.Payments.Enabled, "oauth.scopes.payments", "preStep needs the name of this scope, because payments are on")
		f.when(o.Scopes.Accounts != "" && o.Scopes.Accounts == o.Scopes.Payments, "oauth.scopes", "accounts and payments have the same name, so a token would open both")
		f.when(o.RefreshToken, "oauth.refreshToken", "a preStep token says that the PSU has just logged in, which a refreshed one could not")
		f.when(o.RichRequests, "oauth.richRequests", "a preStep token is for no resource that details could name")
		f.scope("oauth.scopes.accounts", o.Scopes.Accounts)
		f.scope("oauth.scopes.payments", o.Scopes.Payments)
	} else {
		f.when(o.Scopes != PreStepScopes{}, "oauth.scopes", "only preStep names its scopes; oauth.mode is %s", o.Mode)
	}
}

// scopeName is one scope-token of RFC 6749. "AIS:…" and its like stay out: they are the
// scopes of resources.
var scopeName = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,60}$`)

func (f *findings) scope(key, name string) {
	f.when(name != "" && !scopeName.MatchString(name), key, "%q is not one OAuth scope", name)
}

// parameterName is what needs no escaping in any address.
var parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,39}$`)

func (p Profile) validateSCA(f *findings) {
	f.among("startAuthorisation", string(p.StartAuthorisation), string(Implicit), string(Explicit))
	var approaches []string
	for _, a := range p.SCAApproaches {
		approaches = append(approaches, string(a))
	}
	f.list("scaApproaches", approaches, string(Redirect), string(OAuthSCA), string(Decoupled), string(Embedded))
	f.when(p.EncryptedPasswords && !slices.Contains(p.SCAApproaches, Embedded), "encryptedPasswords", "there are no passwords to encrypt without the approach embedded")
	f.among("scaConfirmation.mode", string(p.SCAConfirmation.Mode), string(ConfirmNothing), string(ConfirmByCode))
	f.when(!parameterName.MatchString(p.SCAConfirmation.Parameter), "scaConfirmation.parameter", "%q is not the name of a parameter in an address", p.SCAConfirmation.Parameter)
	f.when(p.Confirms() && !slices.Contains(p.SCAApproaches, Redirect), "scaConfirmation.mode", "a code comes with the PSU's browser, which needs the approach redirect")
	f.when(len(approaches) == 0, "scaApproaches", "without one, no PSU can authorise anything")
	if p.OAuth.Mode == OAuthIntegrated {
		f.when(slices.Contains(p.SCAApproaches, Redirect), "scaApproaches", "redirect would pass by the tokens that oauth.mode integrated asks for")
	} else {
		f.when(slices.Contains(p.SCAApproaches, OAuthSCA), "scaApproaches", "oauth needs oauth.mode integrated; it is %s", p.OAuth.Mode)
	}
	f.span("scaTimeout", p.SCATimeout, time.Minute, 24*time.Hour)
	f.span("firstUpdateWait", p.FirstUpdateWait, time.Millisecond, 30*time.Second)
}

func (p Profile) validateConsent(f *findings) {
	c := p.Consent
	f.when(!c.Dedicated && !c.BankOffered && !c.Global && !c.AvailableAccounts, "consent", "with every model off, nothing could be read; switch on dedicated, bankOffered, global or availableAccounts")
	f.when(c.ForceBankOffered && !c.BankOffered, "consent.forceBankOffered", "bankOffered is off")
	f.number("consent.validityDaysMax", c.ValidityDaysMax, 1, 180)
	f.number("consent.frequencyMax", c.FrequencyMax, 1, 1000)
	f.span("consent.oneOffWindow", c.OneOffWindow, 0, 24*time.Hour)
}

func (p Profile) validateAccounts(f *findings) {
	a := p.Accounts
	f.list("accounts.bookingStatuses", a.BookingStatuses, "booked", "pending", "both", "information", "all")
	has := func(status string) bool { return slices.Contains(a.BookingStatuses, status) }
	f.when(!has("booked"), "accounts.bookingStatuses", "booked is missing, and every bank has to show it")
	f.when(has("both") && !has("pending"), "accounts.bookingStatuses", "both shows pending entries, which are off")
	f.when(has("all") && !(has("both") && has("information")), "accounts.bookingStatuses", "all shows what both and information show, and one of them is off")
	f.when(has("information") && !p.AtLeast("1.3.6"), "accounts.bookingStatuses", "information came with level 1.3.6")
	f.when(has("all") && !p.AtLeast("1.3.9"), "accounts.bookingStatuses", "all came with level 1.3.9")
	f.list("accounts.formats", a.Formats, formats...)
	f.when(!slices.Contains(a.Formats, FormatJSON), "accounts.formats", "json is missing, and every bank has to serve it")
	f.list("accounts.ownerNameFields", a.OwnerNameFields, "ownerName", "ownerNames", "psuName")
	f.when(a.OwnerName != (len(a.OwnerNameFields) > 0), "accounts.ownerNameFields", "names the fields of accounts.ownerName: one of the two is set and the other is not")
	f.when(!p.AtLeast("1.3.12") && (slices.Contains(a.OwnerNameFields, "ownerNames") || slices.Contains(a.OwnerNameFields, "psuName")),
		"accounts.ownerNameFields", "ownerNames and psuName came with level 1.3.12")
	f.among("accounts.olderHistory", string(a.OlderHistory), string(OlderByConsent), string(OlderByAuthorisation))
	f.when(a.OlderHistory == OlderByAuthorisation && a.FreshSCAWindow == 0, "accounts.olderHistory", "an authorisation opens freshScaWindow, which is 0s")
	f.span("accounts.refreshAfter", a.RefreshAfter, 0, 24*time.Hour)
	f.among("accounts.withBalance", a.WithBalance, "honour", "ignore", "reject")
	f.list("accounts.referenceTypes", a.ReferenceTypes, "iban", "bban", "pan", "maskedPan", "msisdn", "other")
	f.when(slices.Contains(a.ReferenceTypes, "other") && !p.AtLeast("1.3.11"), "accounts.referenceTypes", "other came with level 1.3.11")
	f.when(len(a.ReferenceTypes) == 0, "accounts.referenceTypes", "without one, no account can be named")
	byCard := slices.Contains(a.ReferenceTypes, "pan") || slices.Contains(a.ReferenceTypes, "maskedPan")
	f.when(a.Cards && !byCard, "accounts.cards", "a card account is named by pan or maskedPan; neither is in accounts.referenceTypes")
	f.number("accounts.historyDays", a.HistoryDays, 1, 3660)
	f.span("accounts.freshScaWindow", a.FreshSCAWindow, 0, 24*time.Hour)
	f.number("accounts.itemsPerPageMax", a.ItemsPerPageMax, 1, 1000)
	f.when(a.ItemsPerPageDefault < 1 || a.ItemsPerPageDefault > a.ItemsPerPageMax, "accounts.itemsPerPageDefault", "%d is not between 1 and itemsPerPageMax", a.ItemsPerPageDefault)
}

// formats lists the formats of account reports.
var formats = []string{
	FormatJSON, "camt.052.001.02", "camt.052.001.08", "camt.053.001.02", "camt.053.001.08", "camt.054.001.02", "camt.054.001.08", "mt940", "mt942",
}

// headerName is a header as signatures name it.
var headerName = regexp.MustCompile(`^(\([a-z-]+\)|[a-z0-9-]{1,60})$`)

func (p Profile) validateSignature(f *findings) {
	s := p.Signature
	for key, names := range map[string][]string{"signature.headers": s.Headers, "signature.headersIfPresent": s.HeadersIfPresent} {
		for i, name := range names {
			f.when(!headerName.MatchString(name), key, "%q is not the name of a header in lower case", name)
			f.when(slices.Contains(names[:i], name), key, "%q stands there twice", name)
		}
	}
	f.when(!slices.Contains(s.Headers, "digest") || !slices.Contains(s.Headers, "x-request-id"), "signature.headers", "digest and x-request-id must always be signed")
	f.span("signature.dateWindow", s.DateWindow, 0, time.Hour)
}

func (p Profile) validateFunds(f *findings) {
	f.among("funds.consentVia", string(p.Funds.ConsentVia), string(FundsNone), string(FundsByConsents), string(FundsByV2), string(FundsAtBank))
	f.when(p.Funds.Enabled && p.Funds.ConsentVia == FundsNone, "funds.consentVia", "confirmations need a consent, and there is no way to give one")
	f.when(!p.Funds.Enabled && p.Funds.ConsentVia != FundsNone, "funds.consentVia", "it asks for consents to what funds.enabled switches off")
}

var (
	bankCode = regexp.MustCompile(`^[a-z][a-z0-9-]{1,29}$`)
	country  = regexp.MustCompile(`^[A-Z]{2}$`)
	basePath = regexp.MustCompile(`^(/[A-Za-z0-9][A-Za-z0-9._~-]*)+$`)
)

// Validate refuses what Profile.Validate refuses, and a bank that cannot be found or named.
func (b Bank) Validate() error {
	return errors.Join(b.validatePlace(), b.Profile.Validate())
}

func (b Bank) validatePlace() error {
	var f findings
	f.when(!bankCode.MatchString(b.Code), "code", "%q must be 2 to 30 lower-case letters, digits and hyphens, a letter first", b.Code)
	f.when(strings.TrimSpace(b.Name) == "", "name", "a PSU has to be told which bank this is")
	if _, err := bic.Parse(b.BIC); err != nil {
		f.refuse("bic", "%q is not a BIC", b.BIC)
	}
	f.when(!country.MatchString(b.Country), "country", "%q must be two capital letters, such as SI", b.Country)
	f.when(!basePath.MatchString(b.BasePath), "basePath", "%q must be a path such as /psd2/lon, without a slash at its end", b.BasePath)
	f.when(strings.HasSuffix(b.BasePath, "/v1"), "basePath", "%q must leave out /v1, which is added", b.BasePath)
	return errors.Join(f...)
}
