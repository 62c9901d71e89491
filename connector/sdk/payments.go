package sdk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"kontor/connector/wire"
)

// payments offers what the bank does with payments.
func (s *server) payments(mux *http.ServeMux) {
	if b, ok := s.bank.(Payments); ok {
		services := s.paymentServices()
		handle(s, mux, "POST "+wire.PathPayments, carries{body: true}, func(ctx context.Context, c call, p wire.PaymentCreate) (any, error) {
			if err := errors.Join(c.needs(p.RedirectURL), s.elsewhere(c, &p.SCA)); err != nil {
				return nil, err
			}
			if err := whole(c, &p, services); err != nil {
				return nil, err
			}
			return nothing, s.starts.once(ctx, "payment", string(p.SessionSecret), func() error { return b.StartPayment(ctx, p) })
		})
	}
	if b, ok := s.bank.(Cancellations); ok {
		on(s, mux, "DELETE "+wire.PathPayments+"/{payment}", func(ctx context.Context, c call, r wire.PaymentCancel) (any, error) {
			if err := errors.Join(c.needs(r.PaymentSession, r.RedirectURL), c.namesPayment(r.PaymentIdentification), s.elsewhere(c, &r.SCA)); err != nil {
				return nil, err
			}
			return nothing, s.starts.once(ctx, "cancellation", string(r.SessionSecret), func() error { return b.CancelPayment(ctx, r) })
		})
	}
	if b, ok := s.bank.(PayeeVerification); ok {
		handle(s, mux, "POST "+wire.PathPayeesVerify, carries{body: true}, func(ctx context.Context, c call, q wire.PayeesVerify) (any, error) {
			if len(q.Payees) == 0 {
				return nil, errFormat
			}
			for _, p := range q.Payees {
				if err := c.needs(p.ID, p.Name); err != nil || p.Account == (wire.Account{}) {
					return nil, errFormat
				}
			}
			answers, err := b.VerifyPayees(ctx, q)
			return wire.List[wire.PayeeAnswer]{Data: list(answers)}, err
		})
	}
	if b, ok := s.bank.(PaymentQueries); ok {
		on(s, mux, "GET "+wire.PathPayments+"/{payment}", func(ctx context.Context, c call, q wire.PaymentQuery) (any, error) {
			if err := c.namesPayment(q.PaymentIdentification); err != nil {
				return nil, err
			}
			var e wire.Event
			err := s.starts.query(ctx, "payment", string(q.SessionSecret), func() (err error) {
				e, err = b.PaymentStatus(ctx, q)
				return err
			})
			e.SessionSecret = q.SessionSecret
			return map[string]any{"data": e}, err
		})
	}
}

const (
	servicePayments = "payments"
	serviceBulk     = "bulk-payments"
	servicePeriodic = "periodic-payments"
)

// paymentServices lists what the bank takes; none where it takes no payments.
func (s *server) paymentServices() []string {
	if _, ok := s.bank.(Payments); !ok {
		return nil
	}
	services := []string{servicePayments}
	if more, ok := s.bank.(PaymentServices); ok {
		services = append(services, more.PaymentServices()...)
	}
	return services
}

// whole names the service of p where it does not, and says whether p has what that needs, and
// nothing of another one's: a bank that looked at the wrong part would pay something else
// than was meant.
func whole(c call, p *wire.PaymentCreate, services []string) error {
	p.PaymentService = cmp.Or(p.PaymentService, servicePayments)
	if err := c.needs(p.PaymentProduct); err != nil {
		return err
	}
	service := string(p.PaymentService)
	if !slices.Contains(services, service) {
		return ErrInvalid
	}
	if (p.Bulk != nil) != (service == serviceBulk) || (p.Periodic != nil) != (service == servicePeriodic) {
		return errFormat
	}
	all := []wire.Payment{p.Payment}
	if p.Bulk != nil {
		if all = p.Bulk.Payments; len(all) == 0 || p.Payment.InstructedAmount != (wire.Amount{}) {
			return errFormat
		}
	}
	for i := range all {
		if err := c.needs(all[i].InstructedAmount.Amount, all[i].InstructedAmount.Currency); err != nil {
			return err
		}
	}
	if p.Periodic != nil {
		return errors.Join(c.needs(p.Periodic.StartDate, p.Periodic.Frequency), dates(p.Periodic.StartDate, p.Periodic.EndDate))
	}
	return nil
}

// namesPayment says whether the path names the same payment as the signed data.
func (c call) namesPayment(id int64) error {
	if id <= 0 || strconv.FormatInt(id, 10) != c.PathValue("payment") {
		return errFormat
	}
	return nil
}

// openBody is open for an operation whose data may be in the body: where the token in the
// header has a digest. That token is verified before a byte of the body is read, so that only
// the hub can make the bank read one; then the body is a token with a signature of its own,
// of the same session. release is to be called when the data is no longer needed.
func (s *server) openBody(r *http.Request, common *wire.BodyOnly, into any) (release func(), err error) {
	release = func() {}
	data, err := s.verifier.Bearer(r.Header.Get("Authorization"))
	if err != nil {
		return release, err
	}
	var head wire.BodyOnly
	if err := read(data, &head); err != nil {
		return release, err
	}
	if head.BodyDigest == "" {
		*common = head
		return release, read(data, into)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != wire.MediaJWT {
		return release, errFormat
	}
	if r.ContentLength > int64(s.long.SizeMax) {
		return release, errTooLarge
	}
	select {
	case s.bodies <- struct{}{}:
		release = func() { <-s.bodies }
	case <-r.Context().Done():
		return release, r.Context().Err()
	}
	var b bytes.Buffer
	b.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	_, err = b.ReadFrom(http.MaxBytesReader(nil, r.Body, int64(s.long.SizeMax)))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return release, errTooLarge
	}
	if err != nil || wire.Digest(b.Bytes()) != head.BodyDigest {
		return release, errFormat
	}
	if data, err = s.long.Verify(b.String()); err != nil {
		return release, err
	}
	if err := read(data, common, into); err != nil {
		return release, err
	}
	if common.SessionSecret != head.SessionSecret || common.ProviderCode != head.ProviderCode || common.BodyDigest != "" {
		return release, errFormat
	}
	return release, nil
}
