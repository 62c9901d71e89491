package core

import "errors"

// NotTaken says whether err rules out that the bank took what it was handed. An answer that
// makes no sense does not: the bank may have understood us better than we it.
func NotTaken(err error) bool {
	return !errors.Is(err, ErrUnknownOutcome) &&
		(errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRefused) || errors.Is(err, ErrNotOffered))
}
