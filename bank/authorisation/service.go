package authorisation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/tpp"
	"kontor/kit/audit"
)

// A Store keeps authorisations. Package authorisationtest says in tests what these words mean.
type Store interface {
	// Create returns ErrRepeated, and stores nothing, when the same TPP has created another
	// authorisation at the same bank with the same RequestID, unless that was RepeatWindow or
	// longer before: then the RequestID is a's from now on.
	Create(ctx context.Context, a Authorisation) error
	// ByRequest finds what t created with requestID; ErrUnknown where there is nothing.
	ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (Authorisation, error)
	// Get returns ErrUnknown when the bank has no authorisation with this ID.
	Get(ctx context.Context, bank, id string) (Authorisation, error)
	// ByReturnKey and ByOAuthSession find it by one of its secrets.
	ByReturnKey(ctx context.Context, bank, key string) (Authorisation, error)
	ByOAuthSession(ctx context.Context, bank, session string) (Authorisation, error)
	// List returns those of one subject, oldest first.
	List(ctx context.Context, bank string, kind Kind, subject string) ([]Authorisation, error)
	// Update replaces one by what change returns, atomically. When change fails nothing is
	// stored. change may run again, so it must only compute.
	Update(ctx context.Context, bank, id string, change func(Authorisation) (Authorisation, error)) error
	// UpdateBySession is Update for the one that the bank's session belongs to.
	UpdateBySession(ctx context.Context, bank, session string, change func(Authorisation) (Authorisation, error)) error
	// Overdue lists those that nobody finished before now and that still look open, and then
	// those that wait for another signature in vain.
	Overdue(ctx context.Context, now time.Time, limit int) ([]Authorisation, error)
}

// A Subject is what an authorisation is about. Its methods run in the transaction in which
// the authorisation changes, so they only compute and store; they may run again.
type Subject interface {
	// Authorised is told once, when SCA succeeded or was not needed. With ErrNotAccepted it
	// says that this success cannot be, and is then told Refused.
	Authorised(ctx context.Context, a Authorisation, s core.Success) error
	// Refused is told when SCA failed or ran out of time.
	Refused(ctx context.Context, a Authorisation, f core.Fail) error
	// Progressed is told what else an update brought: a status, the funds flag. It may
	// come after the end, of which core.ErrSessionClosed says that it changes nothing any more.
	Progressed(ctx context.Context, a Authorisation, u core.Update) error
}

// A Patient subject knows better than the clock whether SCA has ended. Its methods may ask
// the bank, so they run outside of any transaction.
type Patient interface {
	// RunsOut is asked before a ends because nobody finished it in time. With an error a
	// stays as it is, and RunsOut is asked again; it may also end a itself, by Accept.
	RunsOut(ctx context.Context, a Authorisation) error
	// Late is asked whether a success counts that comes when time alone has ended a.
	Late(ctx context.Context, a Authorisation, s core.Success) error
}

// A Service applies the rules to stored authorisations.
type Service struct {
	Store    Store
	Subjects map[Kind]Subject
	Cores    map[string]core.Bank // by bank code; without one no step can be passed on
	// Atomically runs several stores' changes in one transaction (sqldb.DB.Atomically).
	Atomically func(ctx context.Context, fn func(ctx context.Context) error) error
	Now        func() time.Time
	NewID      func() string   // unguessable
	Notify     *notify.Service // TPPs hear of each scaStatus; nil: nobody is told
	Audit      audit.Log       // each step leaves an entry; nil: nothing is recorded
	waiting    waiting
}

// A Start says what a new authorisation is about.
type Start struct {
	Bank           string
	Kind           Kind
	Subject        string
	TPP            tpp.ID
	Approach       Approach // "": Redirect
	OAuth          bool
	RedirectURI    string
	NokRedirectURI string
	PSU            string
	OAuthSession   string
	Confirm        bool          // by a code, where the PSU comes back from the bank's pages
	Timeout        time.Duration // until the bank says otherwise
}

// New returns the authorisation that s asks for, not yet stored.
func (s *Service) New(st Start) Authorisation {
	now := s.Now()
	a := Authorisation{
		Bank: st.Bank, ID: s.NewID(), Kind: st.Kind, Subject: st.Subject, TPP: st.TPP, Approach: cmp.Or(st.Approach, Redirect), OAuth: st.OAuth,
		Status: Received, Session: s.NewID(), ReturnKey: s.NewID(),
		RedirectURI: st.RedirectURI, NokRedirectURI: st.NokRedirectURI, PSU: st.PSU, OAuthSession: st.OAuthSession,
		Confirm:   st.Confirm && !st.OAuth,
		CreatedAt: now, ExpiresAt: now.Add(st.Timeout),
	}
	if st.Kind == OfLogin {
		a.Subject = a.ID
	}
	return a
}

// Get returns an authorisation of subject to the TPP that owns it.
func (s *Service) Get(ctx context.Context, bank string, t tpp.ID, kind Kind, subject, id string) (Authorisation, error) {
	a, err := s.Store.Get(ctx, bank, id)
	if err == nil && (a.TPP != t || a.Kind != kind || a.Subject != subject) {
		return Authorisation{}, ErrUnknown
	}
	return a.At(s.Now()), err
}

// List returns the authorisations of subject, which the caller has checked to be the TPP's.
func (s *Service) List(ctx context.Context, bank string, kind Kind, subject string) ([]Authorisation, error) {
	all, err := s.Store.List(ctx, bank, kind, subject)
	for i := range all {
		all[i] = all[i].At(s.Now())
	}
	return all, err
}

// ByReturnKey finds the run whose PSU came back to the hub.
func (s *Service) ByReturnKey(ctx context.Context, bank, key string) (Authorisation, error) {
	a, err := s.Store.ByReturnKey(ctx, bank, key)
	return a.At(s.Now()), err
}

// ByOAuthSession finds the run that the authorization server waits for.
func (s *Service) ByOAuthSession(ctx context.Context, bank, session string) (Authorisation, error) {
	a, err := s.Store.ByOAuthSession(ctx, bank, session)
	return a.At(s.Now()), err
}

// ForOAuth notes that the authorization server's session waits for a. Of several sessions
// the last counts: a PSU may start again in another window.
func (s *Service) ForOAuth(ctx context.Context, bank, id, session string) error {
	return s.Store.Update(ctx, bank, id, func(a Authorisation) (Authorisation, error) {
		if a.At(s.Now()).Status.Final() {
			return a, ErrStatus
		}
		a.OAuthSession = session
		return a, nil
	})
}

// Handed notes what the bank answered to the request that started a: an update in the
// answer itself, or a refusal. A bank may report by an event before it answers; what has
// ended by then stays as it ended.
func (s *Service) Handed(ctx context.Context, a Authorisation, u *core.Update, err error) error {
	switch {
	case err != nil:
		err = s.Fail(ctx, a.Bank, core.Fail{Session: a.Session, Class: NotStarted, Message: "the bank did not take the request"})
	case u != nil:
		u.Session = a.Session
		err = s.Update(ctx, a.Bank, *u)
	}
	if errors.Is(err, core.ErrSessionFinalised) || errors.Is(err, core.ErrSessionClosed) || errors.Is(err, core.ErrSessionExpired) {
		return nil
	}
	return err
}

// Update takes an update of the bank. After the end of a payment's session it still tells
// the payment what the update brings, for its status moves on and updates may be late.
// Anything else that comes after the end is refused.
func (s *Service) Update(ctx context.Context, bank string, u core.Update) error {
	return s.event(ctx, bank, u.Session, func(a Authorisation) (Authorisation, tell, error) {
		next, over := a.Update(s.Now(), u)
		if over != nil && (a.Kind != OfPayment || u.Status == "" && (u.FundsAvailable == nil || !errors.Is(over, core.ErrSessionFinalised))) {
			return next, nil, over
		}
		return next, func(ctx context.Context) error {
			err := s.Subjects[a.Kind].Progressed(ctx, next, u)
			if over != nil && errors.Is(err, core.ErrSessionClosed) {
				err = over
			}
			return err
		}, nil
	})
}

// Success takes the good end of a session. One that the subject does not accept is a bad
// end, and the bank is told ErrSessionClosed.
func (s *Service) Success(ctx context.Context, bank string, ok core.Success) error {
	a, err := s.success(ctx, bank, ok)
	if p, patient := s.Subjects[a.Kind].(Patient); err != nil && patient && a.ranOut(s.Now()) {
		if err := p.Late(ctx, a, ok); err != nil {
			return fmt.Errorf("session event: %w", err)
		}
		return s.Accept(ctx, bank, ok)
	}
	if !errors.Is(err, ErrNotAccepted) {
		return err
	}
	// Nothing of the success was kept, so the session is still open to fail.
	fail := core.Fail{Session: ok.Session, Class: NotAccepted, Message: err.Error(), UserID: ok.UserID}
	return errors.Join(fmt.Errorf("%w: %w", core.ErrSessionClosed, err), s.Fail(ctx, bank, fail))
}

func (s *Service) success(ctx context.Context, bank string, ok core.Success) (was Authorisation, err error) {
	err = s.event(ctx, bank, ok.Session, func(a Authorisation) (Authorisation, tell, error) {
		was = a
		next, again, err := a.Succeed(s.Now(), ok)
		if again {
			return a, nil, err
		}
		return next, func(ctx context.Context) error { return s.succeeded(ctx, next, ok, false) }, err
	})
	return was, err
}

// Accept finalises an authorisation that time alone has ended: the bank has told that SCA
// succeeded all the same.
func (s *Service) Accept(ctx context.Context, bank string, ok core.Success) error {
	return s.event(ctx, bank, ok.Session, func(a Authorisation) (Authorisation, tell, error) {
		next, err := a.SucceedLate(s.Now(), ok)
		return next, func(ctx context.Context) error { return s.succeeded(ctx, next, ok, true) }, err
	})
}

// Fail takes the bad end of a session.
func (s *Service) Fail(ctx context.Context, bank string, f core.Fail) error {
	return s.event(ctx, bank, f.Session, func(a Authorisation) (Authorisation, tell, error) {
		next, err := a.Fail(s.Now(), f)
		return next, func(ctx context.Context) error { return s.refused(ctx, next, f) }, err
	})
}

// CloseAll ends the open authorisations of a subject that has ended; no other signature is
// waited for any more.
func (s *Service) CloseAll(ctx context.Context, bank string, kind Kind, subject string) error {
	all, err := s.Store.List(ctx, bank, kind, subject)
	for _, a := range all {
		if err == nil && (!a.Status.Final() || !a.AwaitsUntil.IsZero()) {
			closed := a
			err = s.Store.Update(ctx, bank, a.ID, func(a Authorisation) (Authorisation, error) {
				closed = a.Close(s.Now())
				return closed, nil
			})
			if err == nil {
				err = s.tell(ctx, a, closed, "hub")
			}
		}
	}
	return err
}

// Sweep ends what nobody finished in time, and tells the subjects. Reading does not depend
// on it: At computes the same.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	const batch, most = 500, 32_000
	silent := map[string]bool{} // banks that do not answer are asked once
	for limit := batch; limit <= most; limit *= 4 {
		overdue, oerr := s.Store.Overdue(ctx, s.Now(), limit)
		err = errors.Join(err, oerr)
		for _, a := range overdue {
			if p, ok := s.Subjects[a.Kind].(Patient); ok {
				if silent[a.Bank] {
					continue
				}
				if perr := p.RunsOut(ctx, a); perr != nil {
					err, silent[a.Bank] = errors.Join(err, perr), true
					continue
				}
			}
			err = errors.Join(err, s.runOut(ctx, a))
			n++
		}
		// Where all of them wait for a bank that does not answer, others stand behind them.
		if n > 0 || len(overdue) < limit {
			break
		}
	}
	return n, err
}

// runOut ends a because nobody finished it in time.
func (s *Service) runOut(ctx context.Context, a Authorisation) error {
	return s.Atomically(ctx, func(ctx context.Context) error {
		var ended Authorisation
		err := s.Store.Update(ctx, a.Bank, a.ID, func(a Authorisation) (Authorisation, error) {
			if !a.overdue(s.Now()) && (a.Status.Final() || a.At(s.Now()).Status != Failed) {
				return a, ErrStatus
			}
			ended = a.Close(s.Now())
			return ended, nil
		})
		if errors.Is(err, ErrStatus) {
			return nil // somebody finished it in the meantime
		}
		if err == nil {
			err = s.tell(ctx, a, ended, "hub")
		}
		if err != nil {
			return err
		}
		if ended.Status == Finalised { // there is no other signature; those that are under way have no use
			if err := s.CloseAll(ctx, a.Bank, a.Kind, a.Subject); err != nil {
				return err
			}
		}
		return s.refused(ctx, ended, core.Fail{Session: a.Session, Class: RanOut, Message: "the PSU did not finish in time"})
	})
}

// tell lets the subject know, in the same transaction; nil: there is nothing to tell.
type tell func(ctx context.Context) error

// event changes the authorisation of session and, in the same transaction, its subject. The
// authorisation comes first: events that come at the same moment queue up there, so that
// the subject of the second one is told what the first one left.
func (s *Service) event(ctx context.Context, bank, session string, change func(Authorisation) (Authorisation, tell, error)) error {
	var id string
	err := s.Atomically(ctx, func(ctx context.Context) error {
		var after tell
		var before, next Authorisation
		err := s.Store.UpdateBySession(ctx, bank, session, func(a Authorisation) (_ Authorisation, err error) {
			id, before = a.ID, a
			next, after, err = change(a)
			return next, err
		})
		if errors.Is(err, ErrUnknown) {
			return core.ErrSessionUnknown
		}
		if err != nil || after == nil {
			return err
		}
		if err := s.tell(ctx, before, next, "bank"); err != nil {
			return err
		}
		return after(ctx)
	})
	if err != nil {
		return fmt.Errorf("session event: %w", err)
	}
	s.waiting.wake(bank, id)
	return nil
}

// exempt is how the record calls that the bank wanted no SCA: with the article that it names.
func (a Authorisation) exempt() string {
	action := string(a.Kind) + ".exempt"
	if a.Kind == OfCancellation {
		action = "payment.cancel.exempt"
	}
	if a.Exemption != "" {
		action += "." + a.Exemption
	}
	return action
}

// tell records what actor has moved, and tells the TPP of a new scaStatus, in the transaction
// of ctx. A log-in has no resource that a TPP could have asked to hear of.
func (s *Service) tell(ctx context.Context, before, a Authorisation, actor string) error {
	if a.Chosen != nil && (before.Chosen == nil || before.Chosen.ID != a.Chosen.ID) {
		if err := s.record(ctx, a, actor, "authorisation.method", ""); err != nil {
			return err
		}
	}
	if a.Status == Exempted && before.Status != Exempted { // it belongs to the record of what needed no SCA
		of := a
		of.ID = a.Subject
		if err := s.record(ctx, of, actor, a.exempt(), ""); err != nil {
			return err
		}
	}
	if a.Status != before.Status {
		if err := s.record(ctx, a, actor, "authorisation."+string(a.Status), ""); err != nil {
			return err
		}
	}
	if a.Status == before.Status || a.Kind == OfLogin {
		return nil
	}
	return s.Notify.Event(ctx, notify.Event{
		Bank: a.Bank, Kind: a.Kind.resource(), Resource: a.Subject, Authorisation: a.ID, SCAStatus: string(a.Status),
	})
}

// record writes what actor did with a into the audit record, under a's own ID: that of its
// subject is for what the subject's PSU is shown. Nothing that a PSU enters belongs there.
func (s *Service) record(ctx context.Context, a Authorisation, actor, action, requestID string) error {
	if s.Audit == nil {
		return nil
	}
	return s.Audit.Append(ctx, audit.Entry{At: s.Now(), Bank: a.Bank, Actor: actor, Action: action, Resource: a.ID, RequestID: requestID})
}

// resource is the kind of what k authorises, as TPPs are told of it.
func (k Kind) resource() notify.Kind {
	if k == OfCancellation {
		return notify.OfPayment
	}
	return notify.Kind(k)
}
