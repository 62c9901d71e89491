package tour

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/ready"
	"kontor/xs2aclient"
)

func TestTourSaysAllThatIsMissing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "report.json")
	err := Take(t.Context(), Options{Ready: ready.Ready{CA: "no-such-file"}, Out: &out}, file)
	for _, what := range []string{"CA certificate", "profile salt", "profile bankart", "three TPPs", "two customers"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not say that there is no %s", err, what)
		}
	}
	if !strings.HasSuffix(out.String(), "\ntour: 1 steps, 0 ok\n") {
		t.Errorf("the last line is missing:\n%s", out.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var shape struct {
		OK    *bool
		Steps []map[string]any
	}
	if err := json.Unmarshal(text, &shape); err != nil || shape.OK == nil || *shape.OK || len(shape.Steps) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	for _, member := range []string{"chapter", "name", "ok", "ms", "detail"} {
		if _, ok := shape.Steps[0][member]; !ok {
			t.Errorf("a step has no %q: %s", member, text)
		}
	}
}

func TestStepsAreSentencesAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	all := append(chapters(&guide{standard: ready.Bank{XS2A: "https://api.example/std"}}), approachChapters(byRedirect, byOAuth)...)
	for _, c := range all {
		if len(c.steps) == 0 || seen[c.title] {
			t.Errorf("chapter %q is empty, or there twice", c.title)
		}
		seen[c.title] = true
		for _, s := range c.steps {
			if seen[s.name] || !strings.Contains(s.name, " ") || strings.HasSuffix(s.name, ".") {
				t.Errorf("%q", s.name)
			}
			seen[s.name] = true
		}
	}
}

func TestApproachesThatNobodyOffers(t *testing.T) {
	t.Parallel()
	says := func(code string, approaches ...string) (o offer) {
		o.bank.Code, o.can.SCA.Approaches = code, approaches
		o.can.Endpoints = append(o.can.Endpoints, struct {
			Operation, Method, Path string
			Offered                 bool
		}{Offered: true})
		return o
	}
	one, more := says("one", "redirect"), says("more", "embedded", "redirect")
	more.can.Endpoints = append(more.can.Endpoints, more.can.Endpoints[0])
	tests := map[string]struct {
		offers []offer
		bank   string
		says   string
	}{
		"the bank that can do most is chosen": {[]offer{one, more, one}, "more", ""},
		"one is enough":                       {[]offer{says("oauth", "oauth"), one}, "one", ""},
		"nobody offers it":                    {[]offer{says("a", "oauth"), says("b", "decoupled", "embedded")}, "", "no bank offers the approach redirect; there are: a oauth; b decoupled, embedded"},
		"there is no bank":                    {nil, "", "no bank offers the approach redirect"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := offering("redirect", tt.offers)
			if got.bank.Code != tt.bank || (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s, %v", got.bank.Code, err)
			}
		})
	}
}

func TestApproachesThatAreUnknown(t *testing.T) {
	t.Parallel()
	err := CheckApproaches([]string{"oauth", "telepathy"})
	if err == nil || err.Error() != `the approach "telepathy" is unknown: there are redirect, oauth, decoupled and embedded` {
		t.Errorf("got %v", err)
	}
	if err := CheckApproaches([]string{"redirect", "oauth", "decoupled", "embedded"}); err != nil {
		t.Error(err)
	}
	if r := Run(t.Context(), Options{Approaches: []string{"telepathy"}}); r.OK || len(r.Steps) != 1 || !strings.Contains(r.Steps[0].Detail, "telepathy") {
		t.Errorf("%+v", r)
	}
	if all := approachChapters("oauth", "embedded", "oauth"); len(all) != 2 {
		t.Errorf("%d chapters; one that is named twice is played once", len(all))
	}
}

func TestRefusedWithWantsTheRightCode(t *testing.T) {
	t.Parallel()
	refusal := func(status int, code string) error {
		return &xs2aclient.Error{Status: status, RequestID: "r1", Messages: []xs2aclient.Message{{Code: code}}}
	}
	tests := map[string]struct {
		err error
		ok  bool
	}{
		"the right code and status":  {refusal(401, "CONSENT_INVALID"), true},
		"the right code, wrapped":    {errors.Join(refusal(401, "CONSENT_INVALID")), true},
		"another code":               {refusal(401, "TOKEN_INVALID"), false},
		"another status":             {refusal(403, "CONSENT_INVALID"), false},
		"no refusal":                 {nil, false},
		"an error of another sort":   {context.Canceled, false},
		"an answer without its name": {&xs2aclient.Error{Status: 401, Messages: []xs2aclient.Message{{Code: "CONSENT_INVALID"}}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := refusedWith(tt.err, 401, "CONSENT_INVALID"); (err == nil) != tt.ok {
				t.Error(err)
			}
		})
	}
}

func TestEventuallyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := eventually(ctx, func() (bool, error) { return false, nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
