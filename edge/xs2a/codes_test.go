package xs2a_test

// A cell says which message code may stand in an answer of this status, and for whom.
type cell struct {
	status   int
	code     string
	services string // of PIS, AIS, PIIS, SBS
}

const (
	everyService = "PIS AIS PIIS SBS"
	paymentsOnly = "PIS"
	accountsOnly = "AIS"
	fundsOnly    = "PIIS"
	basketsOnly  = "SBS"
)

// allowed is the closed list of the standard.
//
// Source: Berlin Group digest, section 5.3.
var allowed = []cell{
	{400, "FORMAT_ERROR", everyService},
	{400, "PARAMETER_NOT_CONSISTENT", everyService},
	{400, "PARAMETER_NOT_SUPPORTED", everyService},
	{400, "SERVICE_INVALID", everyService},
	{400, "RESOURCE_UNKNOWN", everyService},
	{400, "RESOURCE_EXPIRED", everyService},
	{400, "RESOURCE_BLOCKED", everyService},
	{400, "TIMESTAMP_INVALID", everyService},
	{400, "PERIOD_INVALID", everyService},
	{400, "SCA_METHOD_UNKNOWN", everyService},
	{400, "SCA_INVALID", everyService},
	{400, "CONSENT_UNKNOWN", everyService},
	{400, "SESSIONS_NOT_SUPPORTED", accountsOnly},
	{400, "PAYMENT_FAILED", paymentsOnly},
	{400, "EXECUTION_DATE_INVALID", paymentsOnly},
	{400, "CARD_INVALID", fundsOnly},
	{400, "NO_PIIS_ACTIVATION", fundsOnly},
	{400, "REFERENCE_MIX_INVALID", basketsOnly},

	{401, "CERTIFICATE_INVALID", everyService},
	{401, "CERTIFICATE_EXPIRED", everyService},
	{401, "CERTIFICATE_BLOCKED", everyService},
	{401, "CERTIFICATE_MISSING", everyService},
	{401, "CERTIFICATE_REVOKED", everyService},
	{401, "ROLE_INVALID", everyService},
	{401, "SIGNATURE_MISSING", everyService},
	{401, "SIGNATURE_INVALID", everyService},
	{401, "CORPORATE_ID_INVALID", everyService},
	{401, "PSU_CREDENTIALS_INVALID", everyService},
	{401, "CONSENT_INVALID", everyService},
	{401, "CONSENT_EXPIRED", everyService},
	{401, "TOKEN_UNKNOWN", everyService},
	{401, "TOKEN_INVALID", everyService},
	{401, "TOKEN_EXPIRED", everyService},
	{401, "REQUIRED_KID_MISSING", paymentsOnly},

	{403, "CONSENT_UNKNOWN", everyService},
	{403, "SERVICE_BLOCKED", everyService},
	{403, "RESOURCE_UNKNOWN", everyService},
	{403, "RESOURCE_EXPIRED", everyService},
	{403, "PRODUCT_INVALID", paymentsOnly},

	{404, "RESOURCE_UNKNOWN", everyService},
	{404, "PRODUCT_UNKNOWN", paymentsOnly},

	{405, "SERVICE_INVALID", everyService},
	{405, "CANCELLATION_INVALID", paymentsOnly},

	{406, "REQUESTED_FORMATS_INVALID", "PIS AIS"},

	{409, "STATUS_INVALID", everyService},
	{409, "REFERENCE_STATUS_INVALID", basketsOnly},

	{429, "ACCESS_EXCEEDED", accountsOnly},

	// No body is defined for these; the same shape is sent anyway.
	{415, "FORMAT_ERROR", everyService},
	{503, "INTERNAL_SERVER_ERROR", everyService},
}
