package sdk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"kontor/connector/jws"
	"kontor/connector/wire"
	"kontor/kit/day"
)

// A Config says whose requests are believed and who answers them.
type Config struct {
	Bank    Bank
	HubKeys []PublicKey
	// ProviderCode is the bank's code at the hub. Where it is set, requests that name another
	// bank are refused: one hub signs for many banks with one key.
	ProviderCode string
	BulkMax      int              // bytes of a bulk or basket of payments; default 32 MiB
	Now          func() time.Time // nil: time.Now
	Log          *slog.Logger     // nil: discarded
}

const (
	// leeway is how long after its exp a request still counts.
	leeway = 30 * time.Second
	// secretMax is how many bytes a session secret may have.
	secretMax = 255
	// bodiesMax is how many long requests may be in memory at once.
	bodiesMax = 4
)

// New returns the connector of c.Bank. It serves /api/priora/v2/…
func New(c Config) http.Handler {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.BulkMax = cmp.Or(c.BulkMax, 32<<20)
	s := &server{
		bank: c.Bank, code: c.ProviderCode, log: c.Log, starts: starts{now: c.Now},
		verifier: jws.Verifier{Keys: c.HubKeys, Leeway: leeway, Now: c.Now},
		long:     jws.Verifier{Keys: c.HubKeys, Leeway: leeway, Now: c.Now, SizeMax: c.BulkMax},
		bodies:   make(chan struct{}, bodiesMax),
	}
	mux := http.NewServeMux()
	s.accounts(mux)
	s.payments(mux)
	s.baskets(mux)
	s.authorisations(mux)
	s.signatures(mux)
	s.confirmations(mux)
	s.rest(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errRoute) })
	return s.recovering(mux)
}

type server struct {
	bank     Bank
	code     string
	log      *slog.Logger
	verifier jws.Verifier
	long     jws.Verifier  // of tokens in bodies
	bodies   chan struct{} // taken by who reads one
	starts   starts
}

func (s *server) accounts(mux *http.ServeMux) {
	on(s, mux, "POST "+wire.PathTokens, func(ctx context.Context, c call, r wire.TokenCreate) (any, error) {
		if err := errors.Join(c.needs(r.RedirectURL, r.AppName), s.elsewhere(c, &r.SCA)); err != nil {
			return nil, err
		}
		if err := dates(r.ValidUntil); err != nil {
			return nil, err
		}
		return nothing, s.starts.once(ctx, "access", string(r.SessionSecret), func() error { return s.bank.StartAccess(ctx, r) })
	})
	onToken(s, mux, "PATCH "+wire.PathTokensRevoke, func(ctx context.Context, c call, _ wire.SessionOnly) (any, error) {
		return nothing, s.bank.RevokeAccess(ctx, c.token)
	})
	onToken(s, mux, "GET "+wire.PathAccounts, func(ctx context.Context, c call, _ wire.SessionOnly) (any, error) {
		accounts, err := s.bank.Accounts(ctx, c.token)
		return wire.List[wire.AccountAnswer]{Data: list(accounts)}, err
	})
	ledger(s, mux, wire.PathAccounts, s.bank.Transactions)
}

// ledger serves what was booked on an account or card account.
func ledger[T any](s *server, mux *http.ServeMux, path string, read func(context.Context, string, wire.TransactionsQuery) (wire.List[T], error)) {
	onToken(s, mux, "GET "+path+"/{account}/transactions", func(ctx context.Context, c call, q wire.TransactionsQuery) (any, error) {
		if err := c.names(q.AccountID); err != nil {
			return nil, err
		}
		if err := dates(q.FromDate, q.ToDate); err != nil {
			return nil, err
		}
		page, err := read(ctx, c.token, q)
		page.Data = list(page.Data)
		return page, err
	})
}

// rest offers what else the bank can do.
func (s *server) rest(mux *http.ServeMux) {
	if b, ok := s.bank.(Cards); ok {
		onToken(s, mux, "GET "+wire.PathCardAccounts, func(ctx context.Context, c call, _ wire.SessionOnly) (any, error) {
			cards, err := b.CardAccounts(ctx, c.token)
			return wire.List[wire.CardAnswer]{Data: list(cards)}, err
		})
	}
	if b, ok := s.bank.(CardTransactions); ok {
		ledger(s, mux, wire.PathCardAccounts, b.CardTransactions)
	}
	if b, ok := s.bank.(StandingOrders); ok {
		onToken(s, mux, "GET "+wire.PathAccounts+"/{account}"+wire.PathStandingOrders, func(ctx context.Context, c call, q wire.AccountOnly) (any, error) {
			if err := c.names(q.AccountID); err != nil {
				return nil, err
			}
			orders, err := b.StandingOrders(ctx, c.token, string(q.AccountID))
			return wire.List[wire.TransactionAnswer]{Data: list(orders)}, err
		})
	}
	if b, ok := s.bank.(TrustedBeneficiaries); ok {
		onToken(s, mux, "GET "+wire.PathBeneficiaries, func(ctx context.Context, c call, _ wire.SessionOnly) (any, error) {
			beneficiaries, err := b.TrustedBeneficiaries(ctx, c.token)
			return wire.List[wire.TrustedBeneficiary]{Data: list(beneficiaries)}, err
		})
	}
	if b, ok := s.bank.(Refresher); ok {
		onToken(s, mux, "POST "+wire.PathRefresh, func(ctx context.Context, c call, r wire.SessionOnly) (any, error) {
			return nothing, s.starts.once(ctx, "refresh", string(r.SessionSecret), func() error { return b.Refresh(ctx, c.token, r) })
		})
	}
	if b, ok := s.bank.(FundsConfirmations); ok {
		on(s, mux, "POST "+wire.PathFundsTokens, func(ctx context.Context, c call, r wire.FundsTokenCreate) (any, error) {
			if err := errors.Join(c.needs(r.RedirectURL, r.AppName), s.elsewhere(c, &r.SCA)); err != nil {
				return nil, err
			}
			return nothing, s.starts.once(ctx, "funds", string(r.SessionSecret), func() error { return b.StartFundsAccess(ctx, r) })
		})
		onToken(s, mux, "DELETE "+wire.PathFundsTokens, func(ctx context.Context, c call, _ wire.SessionOnly) (any, error) {
			return nothing, b.RevokeFundsAccess(ctx, c.token)
		})
		onToken(s, mux, "POST "+wire.PathFunds, func(ctx context.Context, c call, q wire.FundsCheck) (any, error) {
			if err := c.needs(q.InstructedAmount.Amount, q.InstructedAmount.Currency); err != nil {
				return nil, err
			}
			available, err := b.FundsAvailable(ctx, c.token, q)
			return map[string]any{"data": wire.FundsAnswer{FundsAvailable: &available}}, err
		})
	}
	if b, ok := s.bank.(FundsAtBank); ok {
		on(s, mux, "POST "+wire.PathFundsAtBank, func(ctx context.Context, c call, q wire.FundsAtBank) (any, error) {
			if err := c.needs(q.TPP, q.InstructedAmount.Amount, q.InstructedAmount.Currency); err != nil {
				return nil, err
			}
			available, err := b.FundsAvailableAtBank(ctx, q)
			return map[string]any{"data": wire.FundsAnswer{FundsAvailable: &available}}, err
		})
	}
	if b, ok := s.bank.(Logins); ok {
		on(s, mux, "POST "+wire.PathLogins, func(ctx context.Context, c call, r wire.LoginCreate) (any, error) {
			if err := c.needs(r.RedirectURL); err != nil {
				return nil, err
			}
			return nothing, s.starts.once(ctx, "login", string(r.SessionSecret), func() error { return b.StartLogin(ctx, r) })
		})
	}
	mux.HandleFunc("POST "+wire.ConnectorBase+wire.PathErrors, func(w http.ResponseWriter, r *http.Request) {
		var report wire.ErrorReport
		if err := s.open(r, &report); err != nil {
			s.refuse(w, r, err)
			return
		}
		s.log.WarnContext(r.Context(), "the hub could not use an answer", "method", cut(string(report.Request.Method)),
			"class", cut(string(report.Error.ErrorClass)), "message", cut(string(report.Error.ErrorMessage)))
		if b, ok := s.bank.(ErrorReports); ok {
			b.HubError(r.Context(), report)
		}
		answer(w, http.StatusOK, nothing)
	})
}

var nothing = struct{}{}

// A call is a verified request.
type call struct {
	*http.Request
	token string // Access-Token; "" where none is needed
}

// needs says whether every field that must be there is.
func (call) needs(fields ...wire.String) error {
	for _, f := range fields {
		if f == "" {
			return errFormat
		}
	}
	return nil
}

// names says whether the path names the same account as the signed data.
func (c call) names(account wire.String) error {
	if account == "" || string(account) != c.PathValue("account") {
		return errFormat
	}
	return nil
}

// on serves an operation that starts something.
func on[T any](s *server, mux *http.ServeMux, pattern string, do func(context.Context, call, T) (any, error)) {
	handle(s, mux, pattern, carries{}, do)
}

// onToken serves an operation on what the bank gave access to.
func onToken[T any](s *server, mux *http.ServeMux, pattern string, do func(context.Context, call, T) (any, error)) {
	handle(s, mux, pattern, carries{token: true}, do)
}

// carries says what a request has beside the token with its data.
type carries struct {
	token bool // an Access-Token
	body  bool // perhaps; then the data is in there
}

func handle[T any](s *server, mux *http.ServeMux, pattern string, has carries, do func(context.Context, call, T) (any, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(method+" "+wire.ConnectorBase+path, func(w http.ResponseWriter, r *http.Request) {
		var data T
		var common wire.BodyOnly // what every request has
		c := call{Request: r}
		var err error
		if has.body {
			var release func()
			release, err = s.openBody(r, &common, &data)
			defer release()
		} else {
			err = s.open(r, &common, &data)
		}
		if has.token && err == nil {
			if c.token = r.Header.Get(wire.HeaderAccessToken); c.token == "" {
				err = errTokenMissing
			}
		}
		switch {
		case err != nil:
		case common.SessionSecret == "" || len(common.SessionSecret) > secretMax:
			err = errFormat
		case s.code != "" && common.ProviderCode != "" && string(common.ProviderCode) != s.code:
			err = ErrInvalid
		}
		var body any
		if err == nil {
			body, err = do(r.Context(), c, data)
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		answer(w, http.StatusOK, body)
	})
}

// open verifies the envelope of r and reads its data.
func (s *server) open(r *http.Request, into ...any) error {
	data, err := s.verifier.Bearer(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	return read(data, into...)
}

func read(data json.RawMessage, into ...any) error {
	for _, v := range into {
		if err := json.Unmarshal(data, v); err != nil {
			return errFormat
		}
	}
	return nil
}

var (
	errRoute        = errors.New("no such operation")
	errFormat       = errors.New("request lacks something or has it in a wrong shape")
	errTokenMissing = errors.New("Access-Token is missing")
	errTooLarge     = errors.New("request is too large")
)

// classes is the one place where an error gets a class of the protocol.
var classes = []struct {
	err    error
	status int
	class  string
}{
	{errRoute, http.StatusNotFound, "RouteNotFound"},
	{errFormat, http.StatusBadRequest, "WrongRequestFormat"},
	{errTokenMissing, http.StatusBadRequest, "AccessTokenMissing"},
	{errTooLarge, http.StatusRequestEntityTooLarge, "RequestTooLarge"},
	{jws.ErrMissing, http.StatusBadRequest, "AuthorizationMissing"},
	{jws.ErrDecode, http.StatusBadRequest, "JWTDecodeError"},
	{jws.ErrAlgorithm, http.StatusBadRequest, "JWTIncorrectAlgorithm"},
	{jws.ErrSignature, http.StatusBadRequest, "JWTVerificationError"},
	{jws.ErrExpired, http.StatusBadRequest, "JWTExpiredSignature"},
	{ErrTokenUnknown, http.StatusNotFound, "TokenNotFound"},
	{ErrTokenExpired, http.StatusUnauthorized, "TokenExpired"},
	{ErrAccessDenied, http.StatusUnauthorized, "AccessDenied"},
	{ErrAccountUnknown, http.StatusNotFound, "AccountNotFound"},
	{ErrPaymentUnknown, http.StatusNotFound, "PaymentNotFound"},
	{ErrCredentials, http.StatusUnauthorized, wire.ClassCredentials},
	{ErrCode, http.StatusBadRequest, wire.ClassCode},
	{ErrMethodUnknown, http.StatusNotFound, wire.ClassMethod},
	{ErrStep, http.StatusBadRequest, wire.ClassStep},
	{ErrInvalid, http.StatusBadRequest, "InvalidAttributeValue"},
}

// refuse answers err. The text of an error that is in no table stays in the log.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			answer(w, c.status, wire.ErrorAnswer{ErrorClass: wire.String(c.class), ErrorMessage: wire.String(c.err.Error())})
			return
		}
	}
	s.log.ErrorContext(r.Context(), "bank failed", "method", r.Method, "operation", r.Pattern, "error", err)
	answer(w, http.StatusInternalServerError, wire.ErrorAnswer{ErrorClass: "InternalServerError", ErrorMessage: "the bank could not answer"})
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // a text of the bank cannot cause this; only a broken RawMessage can
		status, b = http.StatusInternalServerError, []byte(`{"error_class":"InternalServerError","error_message":"the bank's answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b)
}

// recovering keeps a panic of the bank from taking more than its own request.
func (s *server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.log.ErrorContext(r.Context(), "bank panicked", "operation", r.Pattern, "panic", p, "stack", string(debug.Stack()))
			answer(w, http.StatusInternalServerError, wire.ErrorAnswer{ErrorClass: "InternalServerError", ErrorMessage: "the bank could not answer"})
		}()
		next.ServeHTTP(w, r)
	})
}

func dates(texts ...wire.String) error {
	for _, t := range texts {
		if t == "" {
			continue
		}
		if _, err := day.Parse(string(t)); err != nil {
			return errFormat
		}
	}
	return nil
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// cut bounds what others wrote before it is logged.
func cut(s string) string {
	const longest = 255
	if len(s) > longest {
		return s[:longest]
	}
	return s
}
