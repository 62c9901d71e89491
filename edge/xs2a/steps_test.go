package xs2a_test

import (
	"context"
	"crypto/sha256"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

// stepping plays a bank that takes steps: anybody's password is 1234, anybody has three methods,
// and every code is 567890. The method "app" is of another approach, and so is "page".
func stepping(auths *authorisation.Service) func(context.Context, core.SCAStep) (*core.Update, error) {
	sms := core.SCAMethod{ID: "sms", Type: "SMS_OTP", Name: "Telefon"}
	return func(ctx context.Context, s core.SCAStep) (*core.Update, error) {
		switch {
		case s.Password == "1234" || s.Encrypted:
			return &core.Update{SCAStatus: "psuAuthenticated", Methods: []core.SCAMethod{sms, {ID: "app", Type: "PUSH_OTP"}, {ID: "page", Type: "PHOTO_OTP"}}}, nil
		case s.Password != "":
			return nil, core.ErrCredentials
		case s.MethodID == "sms":
			return &core.Update{SCAStatus: "scaMethodSelected", Chosen: &sms, Challenge: &core.Challenge{OTPMaxLength: 6, OTPFormat: "integer", AdditionalInformation: "The code is in your message."}}, nil
		case s.MethodID == "app":
			return &core.Update{SCAStatus: "started", SCAApproach: core.Decoupled, PSUMessage: "Open your app."}, nil
		case s.MethodID == "page":
			return &core.Update{SCAStatus: "scaMethodSelected", SCAApproach: core.Redirect, RedirectURL: "https://bank.example/sca/9"}, nil
		case s.MethodID != "":
			return nil, core.ErrMethodUnknown
		case s.Data == "567890":
			return &core.Update{SCAStatus: "finalised"}, auths.Success(ctx, "lon", core.Success{Session: s.Session, UserID: "psu-7", Token: "token-" + s.Session})
		case s.Data == "locked": // the one wrong code too many
			if err := auths.Fail(ctx, "lon", core.Fail{Session: s.Session, Class: "InvalidCredentials"}); err != nil {
				return nil, err
			}
			return nil, core.ErrCredentials
		case s.Data != "":
			return nil, core.ErrCredentials
		case s.Approach == core.Decoupled:
			return &core.Update{SCAStatus: "started", PSUMessage: "Open your app."}, nil
		}
		return &core.Update{SCAStatus: "psuIdentified"}, nil
	}
}

func (s *stage) Authorise(ctx context.Context, step core.SCAStep) (*core.Update, error) {
	return stepping(s.auths)(ctx, step)
}

// held is the report of a bank that waits for code.
func held(session, code string) core.Update {
	hash := sha256.Sum256([]byte(code))
	return core.Update{Session: session, SCAStatus: "unconfirmed", CodeHash: hash[:]}
}

// confirmed plays a bank that goes on with what it has held.
func confirmed(auths *authorisation.Service) func(context.Context, core.Confirmation) (*core.Update, error) {
	return func(ctx context.Context, c core.Confirmation) (*core.Update, error) {
		if !c.Confirmed {
			return &core.Update{SCAStatus: "failed"}, nil
		}
		return &core.Update{SCAStatus: "finalised"}, auths.Success(ctx, "lon", core.Success{Session: c.Session, UserID: "psu-7", Token: "token-" + c.Session})
	}
}

func (s *stage) Confirm(ctx context.Context, c core.Confirmation) (*core.Update, error) {
	if s.answer == "away" {
		return nil, core.ErrUnavailable
	}
	return confirmed(s.auths)(ctx, c)
}
