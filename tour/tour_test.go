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
	err := Take(t.Context(), ready.Ready{CA: "no-such-file"}, file, false, &out)
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
	for _, c := range chapters(&guide{standard: ready.Bank{XS2A: "https://api.example/std"}}) {
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
