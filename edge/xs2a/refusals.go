package xs2a

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"kontor/bank/account"
	"kontor/bank/authorisation"
	"kontor/bank/basket"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/payment"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/edge/pain"
	"kontor/edge/report"
	"kontor/kit/httpsig"
)

var (
	errFormat    = errors.New("request is malformed")
	errMediaType = errors.New("content type is not supported")
	errAccept    = errors.New("none of the accepted formats can be served")
	errNoToken   = errors.New("an access token is needed")
	// errInconsistent: two members of a body contradict each other.
	errInconsistent = errors.New("these do not go together")
	// Of signed requests; package httpsig has the others.
	errNoSignature = errors.New("header is missing")
	errNoSeal      = errors.New("header is missing")
	errTokenScope  = errors.New("the access token is for something else")
	errHeader      = errors.New("header Consent-ID") // marks an error about the consent in the header
)

// refusals is the one place where an error gets a Berlin Group code. The first that fits
// counts.
//
// spec: xs2a/tppMessage
var refusals = []struct {
	err    error
	also   error // must fit too
	status int
	code   string
}{
	{tpp.ErrCertificateMissing, nil, http.StatusUnauthorized, "CERTIFICATE_MISSING"},
	{tpp.ErrCertificateExpired, nil, http.StatusUnauthorized, "CERTIFICATE_EXPIRED"},
	{tpp.ErrCertificateRevoked, nil, http.StatusUnauthorized, "CERTIFICATE_REVOKED"},
	{tpp.ErrCertificateBlocked, nil, http.StatusUnauthorized, "CERTIFICATE_BLOCKED"},
	{tpp.ErrCertificateInvalid, nil, http.StatusUnauthorized, "CERTIFICATE_INVALID"},
	{tpp.ErrRole, nil, http.StatusUnauthorized, "ROLE_INVALID"},

	{errNoSignature, nil, http.StatusUnauthorized, "SIGNATURE_MISSING"},
	{errNoSeal, nil, http.StatusUnauthorized, "CERTIFICATE_MISSING"},
	{httpsig.ErrCertificate, nil, http.StatusUnauthorized, "CERTIFICATE_INVALID"},
	{httpsig.ErrTimestamp, nil, http.StatusBadRequest, "TIMESTAMP_INVALID"},
	{httpsig.ErrMissing, nil, http.StatusUnauthorized, "SIGNATURE_INVALID"},
	{httpsig.ErrFormat, nil, http.StatusUnauthorized, "SIGNATURE_INVALID"},
	{httpsig.ErrDigest, nil, http.StatusUnauthorized, "SIGNATURE_INVALID"},
	{httpsig.ErrSignature, nil, http.StatusUnauthorized, "SIGNATURE_INVALID"},

	{errNoToken, nil, http.StatusUnauthorized, "TOKEN_INVALID"},
	{errTokenScope, nil, http.StatusUnauthorized, "TOKEN_INVALID"},
	{token.ErrUnknown, nil, http.StatusUnauthorized, "TOKEN_UNKNOWN"},
	{token.ErrExpired, nil, http.StatusUnauthorized, "TOKEN_EXPIRED"},
	{token.ErrInvalid, nil, http.StatusUnauthorized, "TOKEN_INVALID"},

	{errMediaType, nil, http.StatusUnsupportedMediaType, "FORMAT_ERROR"},
	{errAccept, nil, http.StatusNotAcceptable, "REQUESTED_FORMATS_INVALID"},
	{report.ErrHead, nil, http.StatusNotAcceptable, "REQUESTED_FORMATS_INVALID"},
	{errFormat, nil, http.StatusBadRequest, "FORMAT_ERROR"},
	{errInconsistent, nil, http.StatusBadRequest, "PARAMETER_NOT_CONSISTENT"},

	{basket.ErrUnknown, nil, http.StatusForbidden, "RESOURCE_UNKNOWN"},
	{basket.ErrService, nil, http.StatusMethodNotAllowed, "SERVICE_INVALID"},
	{basket.ErrRequest, nil, http.StatusBadRequest, "FORMAT_ERROR"},
	{basket.ErrMix, nil, http.StatusBadRequest, "REFERENCE_MIX_INVALID"},
	{basket.ErrMember, nil, http.StatusBadRequest, "RESOURCE_UNKNOWN"},
	{basket.ErrReference, nil, http.StatusConflict, "REFERENCE_STATUS_INVALID"},
	{basket.ErrStatus, nil, http.StatusConflict, "STATUS_INVALID"},
	{payment.ErrBlocked, nil, http.StatusBadRequest, "RESOURCE_BLOCKED"},
	{consent.ErrBlocked, nil, http.StatusBadRequest, "RESOURCE_BLOCKED"},

	{consent.ErrUnknown, errHeader, http.StatusBadRequest, "CONSENT_UNKNOWN"},
	{consent.ErrUnknown, nil, http.StatusForbidden, "CONSENT_UNKNOWN"},
	{consent.ErrRequest, nil, http.StatusBadRequest, "FORMAT_ERROR"},
	{consent.ErrNotOffered, nil, http.StatusBadRequest, "SERVICE_INVALID"},
	{consent.ErrSessions, nil, http.StatusBadRequest, "SESSIONS_NOT_SUPPORTED"},
	{consent.ErrExpired, nil, http.StatusUnauthorized, "CONSENT_EXPIRED"},
	{consent.ErrInvalid, nil, http.StatusUnauthorized, "CONSENT_INVALID"},
	{consent.ErrExceeded, nil, http.StatusTooManyRequests, "ACCESS_EXCEEDED"},
	{consent.ErrStatus, nil, http.StatusConflict, "STATUS_INVALID"},

	{authorisation.ErrUnknown, nil, http.StatusForbidden, "RESOURCE_UNKNOWN"},
	{authorisation.ErrStatus, nil, http.StatusConflict, "STATUS_INVALID"},
	{authorisation.ErrCode, nil, http.StatusBadRequest, "SCA_INVALID"},
	{authorisation.ErrNotOffered, nil, http.StatusBadRequest, "SERVICE_INVALID"},

	{account.ErrUnknown, nil, http.StatusNotFound, "RESOURCE_UNKNOWN"},
	{account.ErrTransaction, nil, http.StatusNotFound, "RESOURCE_UNKNOWN"},
	{account.ErrPeriod, nil, http.StatusBadRequest, "PERIOD_INVALID"},
	{account.ErrNotSupported, nil, http.StatusBadRequest, "PARAMETER_NOT_SUPPORTED"},
	{account.ErrParameter, nil, http.StatusBadRequest, "FORMAT_ERROR"},

	{pain.ErrFormat, nil, http.StatusBadRequest, "FORMAT_ERROR"},
	{pain.ErrVersion, nil, http.StatusBadRequest, "FORMAT_ERROR"},
	{pain.ErrTooMany, nil, http.StatusBadRequest, "FORMAT_ERROR"},

	{payment.ErrUnknown, nil, http.StatusNotFound, "RESOURCE_UNKNOWN"},
	{payment.ErrProduct, nil, http.StatusNotFound, "PRODUCT_UNKNOWN"},
	{payment.ErrService, nil, http.StatusMethodNotAllowed, "SERVICE_INVALID"},
	{payment.ErrExecutionDate, nil, http.StatusBadRequest, "EXECUTION_DATE_INVALID"},
	{payment.ErrRequest, nil, http.StatusBadRequest, "FORMAT_ERROR"},
	{payment.ErrNotSupported, nil, http.StatusBadRequest, "PARAMETER_NOT_SUPPORTED"},
	{payment.ErrFailed, nil, http.StatusBadRequest, "PAYMENT_FAILED"},
	{payment.ErrPeriod, nil, http.StatusBadRequest, "PERIOD_INVALID"},
	{payment.ErrStatus, nil, http.StatusConflict, "STATUS_INVALID"},
	{payment.ErrCancellation, nil, http.StatusMethodNotAllowed, "CANCELLATION_INVALID"},

	{funds.ErrNoActivation, nil, http.StatusBadRequest, "NO_PIIS_ACTIVATION"},
	{funds.ErrCard, nil, http.StatusBadRequest, "CARD_INVALID"},
	{funds.ErrRequest, nil, http.StatusBadRequest, "FORMAT_ERROR"},

	{core.ErrCredentials, nil, http.StatusUnauthorized, "PSU_CREDENTIALS_INVALID"},
	{core.ErrMethodUnknown, nil, http.StatusBadRequest, "SCA_METHOD_UNKNOWN"},
	{core.ErrUnavailable, nil, http.StatusServiceUnavailable, "INTERNAL_SERVER_ERROR"},
	{core.ErrMalformed, nil, http.StatusServiceUnavailable, "INTERNAL_SERVER_ERROR"},
	{core.ErrUnknownOutcome, nil, http.StatusServiceUnavailable, "INTERNAL_SERVER_ERROR"},
	{core.ErrNotOffered, nil, http.StatusMethodNotAllowed, "SERVICE_INVALID"},
	{core.ErrRefused, nil, http.StatusBadRequest, "SERVICE_INVALID"},
}

// A tppMessage says what went wrong, or what to mind.
//
// spec: xs2a/tppMessage
type tppMessage struct {
	Category string `json:"category" enum:"ERROR,WARNING"`
	Code     string `json:"code"`
	Path     string `json:"path,omitempty" doc:"The field, header or parameter that is meant."`
	Text     string `json:"text,omitempty" maxLength:"500"`
}

// messages is the body of a refusal.
type messages struct {
	TPPMessages []tppMessage `json:"tppMessages"`
	Links       *links       `json:"_links,omitempty"`
}

// problem is the body of a refusal for TPPs that prefer RFC 7807.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title,omitempty"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`
	Links  *links `json:"_links,omitempty"`
}

// refusal tells a TPP what went wrong. What has no code is ours alone to know.
func (a *API) refusal(c *call, err error) answer {
	status, code, text := http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "something went wrong on our side"
	for _, m := range refusals {
		if errors.Is(err, m.err) && (m.also == nil || errors.Is(err, m.also)) {
			status, code, text = m.status, m.code, err.Error()
			if status == http.StatusServiceUnavailable {
				text = m.err.Error() // the cause names the bank's systems
			}
			break
		}
	}
	level := a.Log.InfoContext
	if status >= 500 {
		level = a.Log.ErrorContext
	}
	level(c.Context(), "refused", "bank", a.Bank.Code, "operation", c.op.id, "tpp", c.tpp.ID, "requestId", c.requestID, "code", code, "err", err)

	var m *links
	if errors.Is(err, errNoToken) || code == "TOKEN_EXPIRED" || code == "TOKEN_UNKNOWN" {
		m = &links{SCAOAuth: &href{a.MetadataURL}}
	}
	if g, ok := errors.AsType[*guided](err); ok {
		m = &g.links
	}
	path := ""
	if fe, ok := errors.AsType[*formatError](err); ok {
		path = fe.path
	}
	if fe, ok := errors.AsType[*httpsig.Error](err); ok {
		path = fe.Part
	}
	if fe, ok := errors.AsType[*payment.FieldError](err); ok {
		path = fe.Field
	}
	if pe, ok := errors.AsType[*pain.Error](err); ok {
		path = pe.Path
	}
	if fe, ok := errors.AsType[*basket.FieldError](err); ok {
		path = fe.Field
	}
	if fe, ok := errors.AsType[*consent.FieldError](err); ok {
		path = fe.Field
	}
	return a.refused(c.Request, status, tppMessage{"ERROR", code, cut(path, 140), cut(text, 500)}, m)
}

// refused words a refusal as the TPP wants it.
func (a *API) refused(r *http.Request, status int, m tppMessage, l *links) answer {
	if !strings.Contains(r.Header.Get("Accept"), "application/problem+json") {
		return answer{status: status, body: messages{[]tppMessage{m}, l}}
	}
	body, _ := json.Marshal(problem{Type: "urn:berlingroup:" + m.Code, Title: m.Code, Detail: m.Text, Code: m.Code, Links: l})
	return answer{status: status, raw: body, header: http.Header{"Content-Type": {"application/problem+json"}}}
}

// refuse answers every request in the same way.
func (a *API) refuse(status int, code, text, allow string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, w: w, op: &operation{id: "none"}}
		a.begin(c)
		ans := a.refused(r, status, tppMessage{"ERROR", code, "", text}, nil)
		if allow != "" {
			w.Header().Set("Allow", allow)
		}
		a.send(c, ans)
	})
}

// cut shortens s to at most n bytes, at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
