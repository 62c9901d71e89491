package client

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
)

func TestAnswersAboutPayeesAreReadAsTheyWereMeant(t *testing.T) {
	two := core.PayeeQuery{Payees: []core.Payee{{Name: "Ana Novak", Account: core.AccountReference{IBAN: iban}}, {Name: "Bor Kos", Account: core.AccountReference{IBAN: iban}}}}
	unavailable := core.PayeeResult{Match: core.PayeeUnavailable}
	for _, tt := range []struct {
		name, body string
		want       []core.PayeeResult // nil: malformed
	}{
		{"the order of answers does not matter", `{"data":[{"id":"1","match":"none"},{"id":"0","match":"match"}]}`,
			[]core.PayeeResult{{Match: core.PayeeMatches}, {Match: core.PayeeDiffers}}},
		{"an ID may come as a number", `{"data":[{"id":0,"match":"match"},{"id":1,"match":"match"}]}`, []core.PayeeResult{{Match: core.PayeeMatches}, {Match: core.PayeeMatches}}},
		{"a payee without an answer is not available", `{"data":[{"id":"1","match":"match"}]}`, []core.PayeeResult{unavailable, {Match: core.PayeeMatches}}},
		{"no answers are none for everybody", `{"data":[]}`, []core.PayeeResult{unavailable, unavailable}},
		{"a word that nobody knows says nothing", `{"data":[{"id":"0","match":"MATCH"},{"id":"1"}]}`, []core.PayeeResult{unavailable, unavailable}},
		{"a name comes with a close match", `{"data":[{"id":"0","match":"close","name":"Ana Žnidaršič"},{"id":"1","match":"close"}]}`,
			[]core.PayeeResult{{Match: core.PayeeClose, Name: "Ana Žnidaršič"}, {Match: core.PayeeClose}}},
		{"a name with no match is not passed on", `{"data":[{"id":"0","match":"none","name":"Ana"},{"id":"1","match":"match","name":"Bor"}]}`,
			[]core.PayeeResult{{Match: core.PayeeDiffers}, {Match: core.PayeeMatches}}},
		{"a name that cannot be printed is none", `{"data":[{"id":"0","match":"close","name":"A\u0000"},{"id":"1","match":"close","name":"` + strings.Repeat("x", 141) + `"}]}`,
			[]core.PayeeResult{{Match: core.PayeeClose}, {Match: core.PayeeClose}}},
		{"an answer about a stranger makes all worthless", `{"data":[{"id":"0","match":"match"},{"id":"2","match":"match"}]}`, nil},
		{"two answers about one payee make all worthless", `{"data":[{"id":"0","match":"match"},{"id":"0","match":"none"}]}`, nil},
		{"another spelling of an ID is another ID", `{"data":[{"id":"+1","match":"match"}]}`, nil},
		{"no list is no answer", `{}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := misbehaving(t, Config{Capabilities: everything}, say(200, tt.body))
			got, err := f.VerifyPayees(t.Context(), two)
			if tt.want == nil && !errors.Is(err, core.ErrMalformed) || tt.want != nil && (err != nil || !slices.Equal(got, tt.want)) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestAQuestionAboutPayeesIsRepeatedButNotForLong(t *testing.T) {
	f := misbehaving(t, Config{Capabilities: everything, ReadTimeout: 200 * time.Millisecond}, say(503, ``))
	if err := f.verify(); !errors.Is(err, core.ErrUnavailable) || f.calls.Load() != 2 {
		t.Errorf("got %v after %d calls", err, f.calls.Load())
	}
}
