package app_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kontor/app/apptest"
	"kontor/edge/xs2a"
	"kontor/kit/sqldb/sqldbtest"
)

// The matrix asks every operation of the interface as every TPP, with the tokens of every
// customer, for what one TPP has of every account in every state. A cell is its owner's or
// foreign. Each foreign one must be answered like something that does not exist, to the byte;
// each own one must be answered, else a hub that refuses everything would pass.
//
// Operations come from the interface's own table: a new one is asked at once, and if nobody
// has said what it is about (subjectOf), the test fails.

// A cell is one request of the matrix.
type cell struct {
	tpp, psu, state, account, token int
	op                              *xs2a.Endpoint
}

const (
	owner  = 0 // the TPP that has everything
	tpps   = 5
	psus   = 4
	states = 6
	// Two accounts of each customer: 2*psu and 2*psu+1.
	accounts = 2 * psus
)

// Tokens of a cell.
const (
	noToken    = iota
	otherToken // of the caller's own, given by the same customer; of the owner's, another consent's
	rightToken // of the owner's valid consent to the customer's first account: stolen, by all others
	tokens
)

// A subject is what an operation is about, as far as one TPP has it and others do not.
type subject int

const (
	aConsent subject = iota
	aPayment
	aBasket
	aFundsConsent
	aRead     // of accounts, under the consent in the header
	anAnswer  // about funds, under the consent in the header
	aCreation // of something that names nothing that somebody has
	aBundle   // the creation of a basket, which names payments
)

// subjectOf says what op is about: the one place to extend when the interface grows.
func subjectOf(op *xs2a.Endpoint) (subject, bool) {
	switch op.ID {
	case "createConsent", "initiatePayment", "createConsentConfirmationOfFunds":
		return aCreation, true
	case "createSigningBasket":
		return aBundle, true
	case "checkAvailabilityOfFunds":
		return anAnswer, true
	}
	for prefix, about := range map[string]subject{
		"/v1/consents/{consentId}": aConsent, "/v1/{paymentService}/{paymentProduct}/{paymentId}": aPayment, "/v1/signing-baskets/{basketId}": aBasket,
		"/v2/consents/confirmation-of-funds/{consentId}": aFundsConsent, "/v1/accounts": aRead, "/v1/card-accounts": aRead, "/v1/trusted-beneficiaries": aRead,
	} {
		if op.Path == prefix || strings.HasPrefix(op.Path, prefix+"/") {
			return about, true
		}
	}
	return 0, false
}

// A request is one of a cell, before anybody sends it.
type request struct {
	method, path, body string
	header             h
}

// resource is what the owner has that c is about.
func (m *matrix) resource(c cell) *made {
	about, _ := subjectOf(c.op)
	switch about {
	case aPayment, aBundle:
		return &m.payments[c.state][c.account]
	case aBasket:
		return &m.baskets[c.state][c.account]
	case aFundsConsent, anAnswer:
		return &m.funds[c.state][c.account]
	case aRead:
		return &m.consents[c.state][2*c.psu]
	case aCreation:
		switch c.op.ID {
		case "initiatePayment":
			return &m.payments[c.state][c.account]
		case "createConsentConfirmationOfFunds":
			return &m.funds[c.state][c.account]
		}
	}
	return &m.consents[c.state][c.account]
}

// request makes the request of c. With unknown, whatever names something of the owner's names
// nothing at all; but the owner's own consent stays, under which an account is unknown to him.
func (m *matrix) request(c cell, unknown bool) request {
	about, _ := subjectOf(c.op)
	id := func(s string) string { return s }
	sub := id
	if unknown {
		id, sub = other, other
	}
	if c.tpp == owner && strings.Contains(c.op.Path, "{authorisationId}") {
		id = func(s string) string { return s }
	}
	of, acc := m.resource(c), m.accounts[c.account]
	r := request{method: c.op.Method, header: h{"X-Request-ID": requestID(c), "PSU-ID": m.people[c.account/2].Login}}
	if token := m.token(c); token != "" {
		r.header["Authorization"] = "Bearer " + token
	}
	resource := acc.id
	if strings.HasPrefix(c.op.Path, "/v1/card-accounts") {
		resource = m.cards[c.account/2]
	}
	service, product := "payments", "sepa-credit-transfers"
	if of.service != "" {
		service = of.service
	}
	r.path = strings.NewReplacer(
		"{consentId}", id(of.id), "{paymentId}", id(of.id), "{basketId}", id(of.id), "{paymentService}", service, "{paymentProduct}", product,
		"{accountId}", id(resource), "{transactionId}", id(acc.entry), "{downloadId}", id(acc.download),
		"cancellation-authorisations/{authorisationId}", "cancellation-authorisations/"+sub(of.cancellation), "{authorisationId}", sub(of.sca),
	).Replace(c.op.Path)
	switch about {
	case aRead, anAnswer:
		r.header["Consent-ID"] = of.id
		if unknown && (c.tpp != owner || about == anAnswer) {
			r.header["Consent-ID"] = other(of.id)
		}
	}
	switch {
	case about == aCreation:
		r.body = of.body
		for name, value := range of.header {
			r.header[name] = value
		}
		delete(r.header, "PSU-ID")
	case about == aBundle:
		r.body = fmt.Sprintf(`{"paymentIds":[%q]}`, id(of.id))
	case about == anAnswer:
		r.body = fmt.Sprintf(`{"account":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"1.00"}}`, acc.iban)
	case c.op.Method == http.MethodPut && strings.Contains(c.op.Path, "/cancellation-authorisations/{"): // the hub knows whose it is
		r.body = fmt.Sprintf(`{"psuData":{"password":%q}}`, m.people[c.account/2].Password)
	case c.op.Method == http.MethodPost || c.op.Method == http.MethodPut:
		r.body = "{}"
	}
	if c.op.Method != http.MethodGet && about != aCreation {
		for name, value := range stays {
			r.header[name] = value
		}
	}
	switch c.op.ID {
	case "getTransactionList", "getCardAccountTransactionList":
		r.path += "?bookingStatus=booked&dateFrom=" + m.since
	case "getTrustedBeneficiaries":
		r.path += "?account-id=" + id(acc.id)
	}
	return r
}

// requestID is the same for the same request, so that none is made twice.
func requestID(c cell) string {
	sum := sha256.Sum256(fmt.Append(nil, c.op.ID, c.tpp, c.state, c.account))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (m *matrix) token(c cell) string {
	switch {
	case c.token == noToken:
		return ""
	case c.token == rightToken:
		return m.consents[valid][2*c.psu].token
	case c.tpp == owner:
		return m.consents[valid][2*c.psu+1].token
	}
	return m.own[c.tpp][c.psu]
}

// owns says whether c is its caller's to ask; absent, that it is, but that there is nothing.
func (m *matrix) owns(c cell) (own, absent bool) {
	about, _ := subjectOf(c.op)
	if c.tpp != owner {
		return about == aCreation, false
	}
	of := m.resource(c)
	switch about {
	case aRead:
		within := !strings.Contains(c.op.Path, "{accountId}") && c.op.ID != "getTrustedBeneficiaries" || c.account == 2*c.psu
		if strings.HasPrefix(c.op.Path, "/v1/card-accounts/") {
			within = c.account/2 == c.psu && m.cards[c.psu] != noCard
		}
		return within && c.state == valid && c.token == rightToken, false
	case anAnswer:
		return c.state == valid && c.token == noToken, false
	}
	absent = strings.Contains(c.op.Path, "/authorisations/{") && of.sca == absentID || strings.Contains(c.op.Path, "cancellation-authorisations/{") && of.cancellation == absentID
	return true, absent
}

// answered is an answer without what no two have in common.
func answered(a apptest.Answer) string {
	names := make([]string, 0, len(a.Header))
	for name := range a.Header {
		if name != "Date" && name != "Content-Length" { // the second is that of the body
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return fmt.Sprint(a.Status, names, a.Body)
}

// A tally counts what was asked, and how it was answered.
type tally struct {
	asked, sockets, foreign, own atomic.Int64
	wrong                        atomic.Int64

	mu       sync.Mutex
	unknown  map[string]string // answers to what does not exist
	granted  map[string]int    // own cells that were answered well, by operation
	creating map[string]int
}

// ask asks for c and judges the answer.
func (m *matrix) ask(t *testing.T, count *tally, c cell, sockets bool) {
	r := m.request(c, false)
	got := m.send(c.tpp, r, sockets)
	count.asked.Add(1)
	if sockets {
		count.sockets.Add(1)
	}
	wrong := func(format string, args ...any) {
		if count.wrong.Add(1) > 20 {
			return // the first ones tell enough
		}
		t.Errorf("%+v %s %s: %s", c, r.method, r.path, fmt.Sprintf(format, args...))
	}
	if got.Status >= 500 {
		wrong("%s", got)
		return
	}
	about, _ := subjectOf(c.op)
	own, absent := m.owns(c)
	if own && about == aCreation && c.tpp != owner {
		// The request was the owner's, down to its X-Request-ID: what comes of it must be the caller's.
		count.own.Add(1)
		of := m.resource(c)
		if strings.Contains(got.Body, of.id) || of.sca != absentID && strings.Contains(got.Body, of.sca) {
			wrong("somebody else's request was repeated: %s", got)
		}
		if got.Status == http.StatusCreated {
			count.mu.Lock()
			count.creating[c.op.ID]++
			count.mu.Unlock()
		}
		return
	}
	if own && !absent {
		count.own.Add(1)
		if got.Status < 300 {
			count.mu.Lock()
			count.granted[c.op.ID]++
			count.mu.Unlock()
			return
		}
		if r.method == http.MethodGet {
			wrong("its owner is refused: %s", got)
		}
		if about == aCreation {
			wrong("the owner's own request cannot be repeated: %s", got)
		}
	}
	if c.tpp == owner && about == anAnswer && got.Status >= 400 {
		return // his own consent, which is over or not in force; it says so
	}
	unknown := m.unknown(count, c)
	switch {
	case own && !absent:
		// A change can be refused for many reasons, but not because there was nothing.
		if answered(got) == unknown && about != anAnswer {
			wrong("its owner is answered as if there was nothing: %s", got)
		}
		return
	case got.Status < 400:
		wrong("is let in: %s", got)
	case answered(got) != unknown:
		wrong("what is another's is answered %s; what does not exist %s", answered(got), unknown)
	}
	count.foreign.Add(1)
}

// unknown is the answer to what does not exist: the same for all of an operation, of a caller,
// and of what the caller proves itself with.
func (m *matrix) unknown(count *tally, c cell) string {
	key := fmt.Sprint(c.op.ID, c.tpp, c.psu, c.token, m.resource(c).service)
	if c.tpp == owner {
		key += fmt.Sprint(" ", c.state)
	}
	count.mu.Lock()
	known, ok := count.unknown[key]
	count.mu.Unlock()
	if ok {
		return known
	}
	known = answered(m.send(c.tpp, m.request(c, true), false))
	count.mu.Lock()
	count.unknown[key] = known
	count.mu.Unlock()
	return known
}

// cells lists the matrix: whatever is one TPP's, or harmless, first; then what changes it.
func (m *matrix) cells(t *testing.T) (harmless, changing []cell) {
	ops := xs2a.Endpoints(m.profile)
	// What ends a resource is asked last.
	slices.SortStableFunc(ops, func(a, b xs2a.Endpoint) int { return strings.Index(order, a.Method) - strings.Index(order, b.Method) })
	for i := range ops {
		op := &ops[i]
		if !op.Offered {
			t.Fatalf("the standard profile does not offer %s: nobody asks for it", op.ID)
		}
		about, known := subjectOf(op)
		if !known {
			t.Fatalf("nobody says what of %s %s is a TPP's own, and what foreign: say it in subjectOf", op.Method, op.Path)
		}
		for n := range tpps * psus * states * accounts * tokens {
			c := cell{op: op, tpp: n % tpps, psu: n / tpps % psus, state: n / (tpps * psus) % states, account: n / (tpps * psus * states) % accounts, token: n / (tpps * psus * states * accounts)}
			if r := m.request(c, false); strings.ContainsAny(r.path, "{}") {
				t.Fatalf("nobody says what stands in %s: say it in request", r.path)
			}
			if c.tpp == owner && op.Method != http.MethodGet && about != aRead {
				changing = append(changing, c)
			} else {
				harmless = append(harmless, c)
			}
		}
	}
	// Of some, what is asked first leaves nothing to the others: begin with a few of each.
	slices.SortStableFunc(changing, func(a, b cell) int { return early(a) - early(b) })
	return harmless, changing
}

func early(c cell) int {
	if c.op.ID == "deleteSigningBasket" && c.state == revoked || c.op.ID == "createSigningBasket" && c.state == started && c.account%4 == 3 {
		return 0
	}
	return 1
}

const order = "GET PUT POST DELETE"

// play asks for all of cells, many at once, each stride-th over a real connection.
func (m *matrix) play(t *testing.T, count *tally, cells []cell, stride int) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range 2 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(cells); n = int(next.Add(1)) - 1 {
				m.ask(t, count, cells[n], n%stride == 0)
			}
		})
	}
	all.Wait()
}

// all asks for every cell. Without it there are as many as are asked with every change.
var all = flag.Bool("abuse.all", false, "ask for every cell of the matrix of foreign resources")

// kept says whether the i-th cell is in a part: five of eight are in the first, as many as there
// must be with every change; one of n in others.
func kept(i, part int) bool {
	switch {
	case part > 1:
		return i%part == 0
	case *all:
		return true
	}
	return i%8 == 0 || i%8 == 1 || i%8 == 3 || i%8 == 4 || i%8 == 6
}

func (m *matrix) whole(t *testing.T, part, stride int) {
	count := &tally{unknown: map[string]string{}, granted: map[string]int{}, creating: map[string]int{}}
	harmless, changing := m.cells(t)
	take := func(cells []cell) (some []cell) {
		for i, c := range cells {
			if kept(i, part) {
				some = append(some, c)
			}
		}
		return some
	}
	before := m.standing(t)
	m.play(t, count, take(harmless), stride)
	if after := m.standing(t); !slices.Equal(before, after) {
		for i := range before {
			if before[i] != after[i] {
				t.Errorf("was %s, is %s", before[i], after[i])
			}
		}
	}
	for _, c := range take(changing) { // one after the other, as they are ordered
		m.ask(t, count, c, false)
	}
	t.Logf("%d requests, %d of them over connections: %d foreign, %d own; %d were wrong", count.asked.Load(), count.sockets.Load(), count.foreign.Load(), count.own.Load(), count.wrong.Load())
	for _, op := range xs2a.Endpoints(m.profile) {
		if part == 1 && count.granted[op.ID] == 0 {
			t.Errorf("%s never served its owner", op.ID)
		}
		if about, _ := subjectOf(&op); part == 1 && about == aCreation && count.creating[op.ID] == 0 {
			t.Errorf("%s never served another TPP", op.ID)
		}
	}
	if least := int64(86_400); part == 1 && count.asked.Load() < least {
		t.Errorf("%d requests, want %d", count.asked.Load(), least)
	}
}

func TestMatrixOfForeignResources(t *testing.T) {
	t.Parallel()
	newMatrix(t, "").whole(t, 1, 41)
}

// The hub's rules are the same on every database: of what they ask there, this is a part.
func TestMatrixOnPostgreSQL(t *testing.T) {
	if !*all {
		return // ./dev abuse does so: to fill another hub takes longer than to ask it
	}
	t.Parallel()
	newMatrix(t, sqldbtest.URL(t)).whole(t, 5, 97)
}
